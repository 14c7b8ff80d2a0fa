import ShardStore

/// A field that a rule's conditions may name, for whoever builds a form for them.
package struct ConditionField: Sendable, Equatable {
    package let name: String
    package let title: String
    package let operators: [String]
    /// What it may be compared with; empty where that is open.
    package let values: [String]
}

extension Desk {
    /// What conditions of a kind of rule may name, in the order of the names, custom fields last.
    package func conditionFields(_ kind: RuleKind) throws -> [ConditionField] {
        try require(.list, .rule(kind, owner: nil))
        let compiler = conditionCompiler(kind)
        let fixed = RuleField.allNames.compactMap { name -> ConditionField? in
            guard let field = RuleField(name: name), compiler.mayUse(field) else { return nil }
            return ConditionField(
                name: name, title: name.split(separator: "_").joined(separator: " "),
                operators: compiler.operators(field), values: field.knownValues)
        }
        let custom = try rows.catalog().shown(.ticket).map { field in
            ConditionField(
                name: "custom_fields_\(field.id)", title: field.title,
                operators: compiler.operators(.custom(field.id)),
                values: field.options.map(\.value))
        }
        return fixed + custom
    }
}

/// A field that a rule's actions may set, or something that they may do.
package struct ActionField: Sendable, Equatable {
    package let name: String
    package let title: String
    /// What it may be set to; empty where that is open.
    package let values: [String]
}

extension Desk {
    /// What actions of a kind of rule may name, custom fields last.
    package func actionFields(_ kind: RuleKind) throws -> [ActionField] {
        try require(.list, .rule(kind, owner: nil))
        let sending = [
            "notification_user", "notification_group", "notification_webhook",
            "satisfaction_score", "nps_survey",
        ]
        let writing = ["comment_value", "comment_mode_is_public"]
        let names =
            [
                "status", "custom_status_id", "priority", "type", "group_id", "assignee_id",
                "ticket_form_id", "set_schedule", "subject", "set_tags", "current_tags",
                "remove_tags", "follower", "cc",
            ] + (kind == .macro ? writing : sending)
        let fixed = names.map { name in
            ActionField(
                name: name, title: name.split(separator: "_").joined(separator: " "),
                values: RuleField(name: name)?.knownValues ?? [])
        }
        let custom = try rows.catalog().shown(.ticket).map { field in
            ActionField(
                name: "custom_fields_\(field.id)", title: field.title,
                values: field.options.map(\.value))
        }
        return fixed + custom
    }
}

extension ConditionCompiler {
    /// Whether rules of this kind may look at a field.
    func mayUse(_ field: RuleField) -> Bool {
        if field.isOfUpdate { return kind == .trigger }
        if field.isOfTime {
            return kind == .automation || kind == .view
                || kind == .trigger && field == .isWorkingTime
        }
        return true
    }

    func operators(_ field: RuleField) -> [String] {
        let compared = ["is", "is_not"]
        let ordered = compared + ["less_than", "greater_than"]
        let present = ["present", "not_present"]
        let changed =
            kind == .trigger
            ? [
                "changed", "not_changed", "value", "not_value", "value_previous",
                "not_value_previous",
            ] : []
        switch field {
        case .status, .priority, .satisfaction: return ordered + changed + present
        case .type, .group, .assignee, .requester, .organization, .problem, .customStatus, .form,
            .channel, .updateChannel, .satisfactionReason:
            return compared + changed + present
        case .updater, .isPublic, .commentIsPublic, .updateType, .isWorkingTime: return compared
        case .reopens, .replies, .assigneeStations, .groupStations: return ordered
        case .tags: return ["includes", "not_includes"] + present
        case .subject, .description, .comment: return ["includes", "not_includes"] + compared
        case .hours:
            return ["is", "less_than", "greater_than"].flatMap { [$0, "\($0)_business_hours"] }
        case .custom: return compared + ["includes", "not_includes"] + changed + present
        }
    }
}

extension RuleField {
    /// The values of a field that has few.
    fileprivate var knownValues: [String] {
        switch self {
        case .status: TicketStatus.allCases.map(\.name)
        case .priority: TicketPriority.allCases.map(\.name)
        case .type: TicketType.allCases.map(\.name)
        case .channel, .updateChannel: ["web", "email", "api", "system"]
        case .updater: ["end_user", "agent", "admin"]
        case .isPublic: ["public", "private"]
        case .commentIsPublic, .isWorkingTime: ["true", "false"]
        case .updateType: ["Create", "Change"]
        case .satisfaction:
            ["unoffered", "offered", "bad", "bad_with_comment", "good", "good_with_comment"]
        default: []
        }
    }
}
