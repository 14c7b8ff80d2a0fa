import ServiceDesk

/// Definitions of fields, statuses and forms in request bodies, and values of custom fields.
enum FieldDecoder {
    // MARK: Values

    /// A ticket's `custom_fields`: a list of `{"id": …, "value": …}`, or an object by number. Older clients call it
    /// `fields`.
    static func ticketValues(_ fields: FieldReader) throws -> [FieldChange] {
        let name = fields.has("custom_fields") ? "custom_fields" : "fields"
        guard let value = fields.value[name], value != .null else { return [] }
        let wanted = "a list of objects with id and value"
        switch value {
        case .array(let items):
            try checkCount(items.count, name)
            return try items.map { item in
                guard case .object = item, let id = try FieldReader(item).int64("id") ?? nil else {
                    throw fields.wrongType(name, wanted)
                }
                return FieldChange(
                    .id(id), try input(item["value"] ?? .null, String(id), fields))
            }
        case .object(let members):
            try checkCount(members.count, name)
            return try members.map { member in
                guard let id = Int64(member.name) else { throw fields.wrongType(name, wanted) }
                return FieldChange(.id(id), try input(member.value, member.name, fields))
            }
        default: throw fields.wrongType(name, wanted)
        }
    }

    /// `user_fields` or `organization_fields`: an object by key.
    static func profileValues(_ name: String, _ fields: FieldReader) throws -> [FieldChange] {
        guard let object = try fields.object(name), case .object(let members) = object.value else {
            return []
        }
        try checkCount(members.count, name)
        return try members.map {
            FieldChange(.key($0.name), try input($0.value, $0.name, fields))
        }
    }

    private static func checkCount(_ count: Int, _ name: String) throws {
        guard count <= 1000 else {
            throw DeskRefusal.invalid(
                name, .tooLong, "Custom fields: at most 1000 values are allowed")
        }
    }

    private static func input(_ value: JSONValue, _ name: String, _ fields: FieldReader) throws
        -> FieldInput
    {
        switch value {
        case .null: return .none
        case .bool(let flag): return .flag(flag)
        case .string(let text): return .text(text)
        case .integer(let number): return .text(String(number))
        case .number(let number): return .text(number.description)
        case .array(let items):
            guard items.count <= 2000 else {
                throw DeskRefusal.invalid(
                    name, .tooLong, "\(name): at most 2000 values are allowed")
            }
            return .list(
                try items.map { item in
                    switch item {
                    case .string(let text): return text
                    case .integer(let number): return String(number)
                    default: throw fields.wrongType(name, "a list of texts")
                    }
                })
        case .object: throw fields.wrongType(name, "a text, a number, true, false or a list")
        }
    }

    // MARK: Definitions

    /// - Parameter isNew: what an old field cannot change is then asked for, and before that ignored with a warning.
    static func definition(_ fields: FieldReader, isNew: Bool) throws -> (
        changes: FieldDefinitionChanges, ignored: [String]
    ) {
        var changes = FieldDefinitionChanges()
        var ignored: [String] = []
        if let name = try fields.string("type", max: 64) ?? nil, !name.isEmpty {
            changes.kind = FieldKind(name: name)
            if changes.kind == nil {
                guard !isNew else {
                    throw DeskRefusal.invalid(
                        "type", .invalid, "Type: \(name) is not a type of field")
                }
                ignored.append("type")
            }
        }
        changes.key = try fields.string("key", max: 1024) ?? nil
        changes.title =
            try (fields.string("title", max: 1024) ?? nil)
            ?? (fields.string("raw_title", max: 1024) ?? nil)
        changes.portalTitle = try fields.string("title_in_portal", max: 1024)
        changes.description = try fields.string("description").map { $0 ?? "" }
        changes.agentDescription = try fields.string("agent_description")
        changes.position = try fields.int64("position") ?? nil
        changes.isActive = try fields.bool("active")
        changes.isRequired = try fields.bool("required")
        changes.isCollapsed = try fields.bool("collapsed_for_agents")
        changes.isVisibleInPortal = try fields.bool("visible_in_portal")
        changes.isEditableInPortal = try fields.bool("editable_in_portal")
        changes.isRequiredInPortal = try fields.bool("required_in_portal")
        changes.tag = try fields.string("tag", max: 1024)
        changes.pattern = try fields.string("regexp_for_validation")
        changes.target =
            try fields.choice("relationship_target_type", LookupTarget.init(name:)) ?? nil
        changes.options = try options(fields)
        return (changes, ignored)
    }

    private static func options(_ fields: FieldReader) throws -> [FieldDefinitionChanges.Option]? {
        guard let value = fields.value["custom_field_options"], value != .null else { return nil }
        guard case .array(let items) = value else {
            throw fields.wrongType("custom_field_options", "a list of objects with name and value")
        }
        guard items.count <= 2000 else {
            throw DeskRefusal.invalid(
                "custom_field_options", .tooLong,
                "Custom field options: at most 2000 are allowed")
        }
        return try items.map { item in
            guard case .object = item else {
                throw fields.wrongType(
                    "custom_field_options", "a list of objects with name and value")
            }
            return try option(FieldReader(item))
        }
    }

    static func option(_ fields: FieldReader) throws -> FieldDefinitionChanges.Option {
        var option = FieldDefinitionChanges.Option()
        option.id = try fields.int64("id") ?? nil
        option.name = try fields.string("name", max: 1024) ?? nil
        option.value = try fields.string("value", max: 1024) ?? nil
        option.position = try fields.int64("position") ?? nil
        if let position = option.position, !(0...1_000_000).contains(position) {
            throw DeskRefusal.invalid(
                "position", .outOfRange, "Position: must be from 0 to 1,000,000")
        }
        option.isDefault = try fields.bool("default")
        return option
    }

    static func customStatus(_ fields: FieldReader, isNew: Bool) throws -> (
        changes: CustomStatusChanges, ignored: [String]
    ) {
        var changes = CustomStatusChanges()
        var ignored: [String] = []
        if let name = try fields.string("status_category", max: 1024) ?? nil {
            changes.category = TicketStatus(name: name).flatMap { $0 == .closed ? nil : $0 }
            if changes.category == nil {
                guard !isNew else {
                    throw DeskRefusal.invalid(
                        "status_category", .invalid,
                        "Status category: must be new, open, pending, hold or solved")
                }
                ignored.append("status_category")
            }
        }
        changes.agentLabel = try fields.string("agent_label", max: 1024) ?? nil
        changes.endUserLabel = try fields.string("end_user_label", max: 1024) ?? nil
        changes.description = try fields.string("description")
        changes.endUserDescription = try fields.string("end_user_description")
        changes.isActive = try fields.bool("active")
        return (changes, ignored)
    }

    static func form(_ fields: FieldReader) throws -> TicketFormChanges {
        var changes = TicketFormChanges()
        changes.name = try fields.string("name", max: 1024) ?? nil
        changes.displayName = try fields.string("display_name", max: 1024)
        changes.position = try fields.int64("position") ?? nil
        changes.isActive = try fields.bool("active")
        changes.isDefault = try fields.bool("default")
        changes.isEndUserVisible = try fields.bool("end_user_visible")
        changes.isInAllBrands = try fields.bool("in_all_brands")
        changes.fieldIDs = try fields.ids("ticket_field_ids", max: 500)
        changes.agentConditions = try conditions("agent_conditions", fields, areForAgents: true)
        changes.endUserConditions = try conditions(
            "end_user_conditions", fields, areForAgents: false)
        return changes
    }

    private static func conditions(_ name: String, _ fields: FieldReader, areForAgents: Bool) throws
        -> [FormCondition]?
    {
        guard let value = fields.value[name] else { return nil }
        let wanted = "a list of objects with parent_field_id, value and child_fields"
        guard value != .null else { return [] }
        guard case .array(let items) = value else { throw fields.wrongType(name, wanted) }
        return try items.map { item in
            guard case .object = item else { throw fields.wrongType(name, wanted) }
            let condition = FieldReader(item)
            guard let parent = try condition.int64("parent_field_id") ?? nil,
                case .array(let children)? = item["child_fields"]
            else { throw fields.wrongType(name, wanted) }
            let value: String
            switch item["value"] {
            case .bool(let flag)?: value = flag ? "true" : "false"
            case .string(let text)? where text.utf8.count <= 255: value = text
            case .integer(let number)?: value = String(number)
            default: throw fields.wrongType(name, wanted)
            }
            return FormCondition(
                parentID: parent, value: value,
                children: try children.map { try child($0, name, fields, areForAgents) })
        }
    }

    /// What only says `is_required` is asked of agents who solve, and of end users when they ask.
    private static func child(
        _ item: JSONValue, _ name: String, _ fields: FieldReader, _ isForAgents: Bool
    ) throws -> FormCondition.Child {
        guard case .object = item, let id = try FieldReader(item).int64("id") ?? nil else {
            throw fields.wrongType(name, "a list of conditions whose child_fields have an id")
        }
        let reader = FieldReader(item)
        let isRequired = try reader.bool("is_required") ?? false
        let plain: FormCondition.Requirement =
            !isRequired ? .never : isForAgents ? .inStatuses([.solved]) : .always
        guard isForAgents, let statuses = try reader.object("required_on_statuses") else {
            return FormCondition.Child(id: id, requirement: plain)
        }
        switch try statuses.string("type", max: 64) ?? nil {
        case "NO_STATUSES": return FormCondition.Child(id: id, requirement: .never)
        case "ALL_STATUSES": return FormCondition.Child(id: id, requirement: .always)
        case "SOME_STATUSES":
            let found = try (statuses.strings("statuses", max: 10) ?? []).map { name in
                guard let status = TicketStatus(name: name), status != .closed else {
                    throw DeskRefusal.invalid(
                        "statuses", .invalid, "Statuses: \(name.prefix(60)) is not a status")
                }
                return status
            }
            guard !found.isEmpty else {
                throw DeskRefusal.invalid("statuses", .blank, "Statuses: name at least one")
            }
            return FormCondition.Child(
                id: id, requirement: .inStatuses(Set(found).sorted()))
        case nil: return FormCondition.Child(id: id, requirement: plain)
        default:
            throw DeskRefusal.invalid(
                "required_on_statuses", .invalid,
                "Required on statuses: type must be NO_STATUSES, SOME_STATUSES or ALL_STATUSES")
        }
    }
}
