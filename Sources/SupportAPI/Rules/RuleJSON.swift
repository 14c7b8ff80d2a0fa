import NIOCore
import ServiceDesk
import Wire

extension JSONWriter {
    /// A rule in the dialect's shape.
    mutating func rule(_ rule: Rule, _ call: APICall) {
        object { json in
            json.member("url", call.url("/api/v2/\(rule.kind.plural)/\(rule.id).json"))
            json.member("id", rule.id)
            json.member("title", rule.title)
            json.member("active", rule.isActive)
            json.member("updated_at", rule.updatedAt)
            json.member("created_at", rule.createdAt)
            json.member("default", rule.isDefault)
            json.member("position", rule.position)
            json.member("raw_title", rule.title)
            if rule.kind != .automation { json.member("description", rule.description) }
            if rule.kind != .macro { json.conditions(rule.conditions) }
            switch rule.kind {
            case .view:
                json.execution(rule.output)
                json.restriction(rule.restriction)
            case .macro:
                json.actions(rule.actions)
                json.restriction(rule.restriction)
            case .trigger, .automation, .policy:
                json.actions(rule.actions)
                json.member("failures", rule.failures)
                json.member("failure", rule.failure)
            }
            if rule.kind == .trigger { json.null("category_id") }
        }
    }

    mutating func conditions(_ conditions: ConditionTexts) {
        key("conditions")
        conditionLists(conditions)
    }

    mutating func conditionLists(_ conditions: ConditionTexts) {
        object { json in
            json.array("all") { json in for each in conditions.all { json.condition(each) } }
            json.array("any") { json in for each in conditions.any { json.condition(each) } }
        }
    }

    mutating func conditionDefinition(_ field: ConditionField) {
        object { json in
            json.definitionMembers(field.name, field.title, field.values)
            json.array("operators") { json in
                for name in field.operators {
                    json.object { json in
                        json.member("value", name)
                        json.member("title", name.split(separator: "_").joined(separator: " "))
                        // Whether it takes no value.
                        json.member("terminal", ["present", "not_present"].contains(name))
                    }
                }
            }
        }
    }

    mutating func actionDefinition(_ field: ActionField) {
        object { $0.definitionMembers(field.name, field.title, field.values) }
    }

    private mutating func definitionMembers(_ name: String, _ title: String, _ values: [String]) {
        member("subject", name)
        member("title", title)
        member("type", values.isEmpty ? "text" : "list")
        member("group", "ticket")
        member("nullable", false)
        member("repeatable", name.hasPrefix("notification_"))
        array("values") { json in
            for value in values {
                json.object { json in
                    json.member("value", value)
                    json.member("title", value)
                    json.member("enabled", true)
                }
            }
        }
    }

    mutating func condition(_ condition: ConditionText) {
        object { json in
            json.member("field", condition.field)
            json.member("operator", condition.test)
            json.ruleValue(condition.value)
        }
    }

    mutating func actions(_ actions: [ActionText]) {
        array("actions") { json in
            for action in actions {
                json.object { json in
                    json.member("field", action.field)
                    json.ruleValue(action.value)
                }
            }
        }
    }

    private mutating func ruleValue(_ value: RuleValue) {
        switch value {
        case .none: null("value")
        case .text(let text): member("value", text)
        case .list(let items): array("value", items)
        }
    }

    private mutating func restriction(_ restriction: RuleRestriction) {
        switch restriction {
        case .everybody: null("restriction")
        case .user(let id):
            object("restriction") { json in
                json.member("type", "User")
                json.member("id", id)
            }
        case .groups(let ids):
            object("restriction") { json in
                json.member("type", "Group")
                json.member("id", ids.first)
                json.array("ids", ids)
            }
        }
    }

    mutating func execution(_ output: ViewOutput) {
        func ordered(_ name: String?, _ isDescending: Bool, _ json: inout JSONWriter) {
            guard let column = name.flatMap(ViewColumn.init(name:)) else { return json.null() }
            json.object { json in
                json.columnMembers(column)
                json.member("order", isDescending ? "desc" : "asc")
            }
        }
        object("execution") { json in
            json.member("group_by", output.groupBy)
            json.member("group_order", output.groupDescending ? "desc" : "asc")
            json.member("sort_by", output.sortBy)
            json.member("sort_order", output.sortDescending ? "desc" : "asc")
            json.key("group")
            ordered(output.groupBy, output.groupDescending, &json)
            json.key("sort")
            ordered(output.sortBy, output.sortDescending, &json)
            json.array("columns") { $0.columns(output) }
            json.array("fields") { $0.columns(output) }
            json.array("custom_fields") { _ in }
        }
    }

    mutating func columns(_ output: ViewOutput) {
        for column in output.columns.compactMap(ViewColumn.init(name:)) {
            object { $0.columnMembers(column) }
        }
    }

    private mutating func columnMembers(_ column: ViewColumn) {
        member("id", column.id)
        member("title", column.title)
        member("filterable", column.isFilterable)
        member("sortable", column.isSortable)
    }

    mutating func viewCount(_ count: ViewCount, _ call: APICall) {
        object { json in
            json.member("url", call.url("/api/v2/views/\(count.viewID)/count.json"))
            json.member("view_id", count.viewID)
            json.member("value", count.count)
            json.member("pretty", count.count.map(String.init) ?? "...")
            json.member("fresh", count.count != nil)
            json.member("active", true)
        }
    }

    mutating func notice(_ notice: Notice, _ call: APICall) {
        object { json in
            json.member("id", notice.id)
            json.member("url", call.url("/api/v2/lodge/notices/\(notice.id).json"))
            json.member("kind", notice.kind.name)
            json.member("state", notice.state.name)
            json.member("ticket_id", notice.ticketID)
            json.member("rule_id", notice.ruleID)
            json.array("recipient_ids", notice.recipientIDs)
            json.member("target", notice.target)
            json.member("subject", notice.subject)
            json.member("body", notice.body)
            json.member("attempts", notice.attempts)
            json.member("failure", notice.failure)
            json.member("next_attempt_at", notice.nextAttemptAt)
            json.member("created_at", notice.createdAt)
            json.member("updated_at", notice.updatedAt)
        }
    }

    /// Members of an object.
    mutating func trace(_ trace: RuleTrace, _ call: APICall, _ catalog: FieldCatalog) {
        array("triggers") { json in
            for step in trace.steps {
                json.object { json in
                    json.member("id", step.ruleID)
                    json.member("title", step.title)
                    json.member("fired", step.firedAs != nil)
                    json.member("fired_as", step.firedAs)
                    json.member("looks", step.looks)
                    json.key("held_back_by")
                    if let condition = step.heldBackBy {
                        json.condition(condition)
                    } else {
                        json.null()
                    }
                    json.member(
                        "list", step.heldBackBy == nil ? nil : step.isAny ? "any" : "all")
                }
            }
        }
        key("ticket")
        if let ticket = trace.ticket { self.ticket(ticket, call, catalog) } else { null() }
        key("audit")
        if let audit = trace.audit { self.audit(audit, call) } else { null() }
    }
}

extension RuleKind {
    var plural: String { self == .policy ? "slas/policies" : name + "s" }
}
