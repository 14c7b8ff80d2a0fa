import ServiceDesk

extension JSONWriter {
    /// A field's definition in the dialect's shape and key order, which for tickets is not the one of people.
    mutating func field(_ field: FieldDefinition, _ call: APICall) {
        object { json in
            let owner = field.owner
            json.member("url", call.url("/api/v2/\(owner.name)_fields/\(field.id).json"))
            json.member("id", field.id)
            json.member("type", field.kind.name(of: owner))
            if owner == .ticket {
                json.ticketFieldMembers(field)
            } else {
                json.profileFieldMembers(field)
            }
            if field.kind.hasOptions {
                json.array("custom_field_options") { json in
                    for option in field.options { json.option(option, of: owner, call) }
                }
            }
            if let target = field.target {
                json.member("relationship_target_type", target.name)
                json.object("relationship_filter") { _ in }
            }
            if let time = field.deletedAt {
                json.member("deleted_at", time)
                json.member("deleted_by", field.deletedBy)
            }
        }
    }

    private mutating func ticketFieldMembers(_ field: FieldDefinition) {
        member("title", field.title)
        member("raw_title", field.title)
        member("description", field.description)
        member("raw_description", field.description)
        member("position", field.position)
        member("active", field.isActive)
        member("required", field.isRequired)
        member("collapsed_for_agents", field.isCollapsed)
        member("regexp_for_validation", field.pattern?.source)
        member("title_in_portal", field.portalTitle ?? field.title)
        member("raw_title_in_portal", field.portalTitle ?? field.title)
        member("visible_in_portal", field.isVisibleInPortal)
        member("editable_in_portal", field.isEditableInPortal)
        member("required_in_portal", field.isRequiredInPortal)
        member("tag", field.tag)
        member("created_at", field.createdAt)
        member("updated_at", field.updatedAt)
        member("removable", !field.kind.isSystem)
        null("key")
        member("agent_description", field.agentDescription)
        let words: [String]? =
            switch field.kind {
            case .status: TicketStatus.allCases.map(\.name).filter { $0 != "closed" }
            case .ticketType: TicketType.allCases.map(\.name)
            case .priority: TicketPriority.allCases.map(\.name)
            default: nil
            }
        if let words {
            array("system_field_options") { json in
                for word in words {
                    json.object {
                        $0.member("name", word.prefix(1).uppercased() + word.dropFirst())
                        $0.member("value", word)
                    }
                }
            }
        }
    }

    private mutating func profileFieldMembers(_ field: FieldDefinition) {
        member("key", field.key)
        member("title", field.title)
        member("description", field.description)
        member("raw_title", field.title)
        member("raw_description", field.description)
        member("position", field.position)
        member("active", field.isActive)
        member("system", false)
        member("regexp_for_validation", field.pattern?.source)
        member("created_at", field.createdAt)
        member("updated_at", field.updatedAt)
        if field.kind == .checkbox { member("tag", field.tag) }
    }

    mutating func option(_ option: FieldOption, of owner: FieldOwner, _ call: APICall) {
        object { json in
            json.member("id", option.id)
            json.member("name", option.name)
            json.member("raw_name", option.name)
            json.member("value", option.value)
            json.member("default", option.isDefault)
            json.member("position", option.position)
            json.member(
                "url",
                call.url(
                    "/api/v2/\(owner.name)_fields/\(option.fieldID)/options/\(option.id).json"))
        }
    }

    // MARK: Values

    /// `custom_fields` and `fields`, which are the same: every active field, with null where there is no value.
    mutating func ticketFields(
        _ name: StaticString, _ fields: [FieldDefinition], _ values: [Int64: CustomValue]
    ) {
        array(name) { json in
            for field in fields {
                json.object { json in
                    json.member("id", field.id)
                    json.key("value")
                    json.fieldValue(values[field.id], field)
                }
            }
        }
    }

    /// `user_fields` or `organization_fields`: every active field by its key.
    mutating func profileFields(
        _ name: StaticString, _ owner: FieldOwner, _ values: CustomValues, _ catalog: FieldCatalog
    ) {
        object(name) { json in
            let fields = catalog.shown(owner)
            guard !fields.isEmpty else { return }
            let values = values.all
            for field in fields {
                json.key(dynamic: field.key ?? "")
                json.fieldValue(values[field.id], field)
            }
        }
    }

    /// Tickets show numbers and dates as texts, users and organizations numbers as numbers and dates as times.
    private mutating func fieldValue(_ value: CustomValue?, _ field: FieldDefinition) {
        switch value {
        case nil: null()
        case .flag(let flag)?: self.value(flag)
        case .list(let items)?: array { json in for item in items { json.value(item) } }
        case .text(let text)?:
            if field.owner == .ticket {
                self.value(text)
            } else if field.kind.isNumber {
                raw(text.utf8)
            } else if field.kind == .date {
                self.value(text + "T00:00:00Z")
            } else {
                self.value(text)
            }
        }
    }

    // MARK: Statuses and forms

    mutating func customStatus(_ status: CustomStatus, _ call: APICall) {
        object { json in
            json.member("url", call.url("/api/v2/custom_statuses/\(status.id).json"))
            json.member("id", status.id)
            json.member("status_category", status.category.name)
            json.member("agent_label", status.agentLabel)
            json.member("raw_agent_label", status.agentLabel)
            json.member("end_user_label", status.endUserLabel)
            json.member("raw_end_user_label", status.endUserLabel)
            json.member("description", status.description)
            json.member("raw_description", status.description)
            json.member("end_user_description", status.endUserDescription)
            json.member("raw_end_user_description", status.endUserDescription)
            json.member("active", status.isActive)
            json.member("default", status.isDefault)
            json.member("created_at", status.createdAt)
            json.member("updated_at", status.updatedAt)
        }
    }

    mutating func ticketForm(_ form: TicketForm, _ catalog: FieldCatalog, _ call: APICall) {
        object { json in
            json.member("url", call.url("/api/v2/ticket_forms/\(form.id).json"))
            json.member("id", form.id)
            json.member("name", form.name)
            json.member("raw_name", form.name)
            json.member("display_name", form.displayName ?? form.name)
            json.member("raw_display_name", form.displayName ?? form.name)
            json.member("end_user_visible", form.isEndUserVisible)
            json.member("position", form.position)
            // A field that was deleted comes back to its forms when it is restored.
            json.array(
                "ticket_field_ids", form.fieldIDs.filter { catalog.field($0, of: .ticket) != nil })
            json.member("active", form.isActive)
            json.member("default", form.isDefault)
            json.member("in_all_brands", form.isInAllBrands)
            json.array("restricted_brand_ids") { _ in }
            json.conditions("end_user_conditions", form.endUserConditions, catalog)
            json.conditions("agent_conditions", form.agentConditions, catalog)
            json.member("created_at", form.createdAt)
            json.member("updated_at", form.updatedAt)
        }
    }

    private mutating func conditions(
        _ name: StaticString, _ conditions: [FormCondition], _ catalog: FieldCatalog
    ) {
        let isForAgents = "\(name)" == "agent_conditions"
        array(name) { json in
            for condition in conditions {
                guard let parent = catalog.field(condition.parentID, of: .ticket) else { continue }
                json.object { json in
                    json.member("parent_field_id", parent.id)
                    json.member("parent_field_type", parent.kind.name(of: .ticket))
                    if parent.kind == .checkbox {
                        json.member("value", condition.value == "true")
                    } else {
                        json.member("value", condition.value)
                    }
                    json.array("child_fields") { json in
                        for child in condition.children
                        where catalog.field(child.id, of: .ticket) != nil {
                            json.child(child, isForAgents)
                        }
                    }
                }
            }
        }
    }

    private mutating func child(_ child: FormCondition.Child, _ isForAgents: Bool) {
        object { json in
            json.member("id", child.id)
            json.member("is_required", child.requirement != .never)
            guard isForAgents else { return }
            json.object("required_on_statuses") { json in
                switch child.requirement {
                case .never: json.member("type", "NO_STATUSES")
                case .always: json.member("type", "ALL_STATUSES")
                case .inStatuses(let statuses):
                    json.member("type", "SOME_STATUSES")
                    json.array("statuses", statuses.map(\.name))
                }
            }
        }
    }
}
