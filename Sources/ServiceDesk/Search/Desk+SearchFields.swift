import SQLite
import ShardStore

/// Custom fields in searches: `custom_field_8123:red` of tickets, `plan:gold` by key of users and organizations, and
/// `fieldvalue:red` for any field of a ticket.
///
/// The values lie in one column of the record, so these terms read the rows that the others leave; none has an index.
extension Desk {
    /// The custom field that a term names; nil when there is none.
    func customSearchField(_ name: String, _ kind: SearchKind) throws -> SearchField? {
        switch kind {
        case .ticket:
            if name == "fieldvalue" { return .anyCustom }
            let prefix = "custom_field_"
            guard name.hasPrefix(prefix), let id = Int64(name.dropFirst(prefix.count)),
                let field = try catalog().field(id, of: .ticket), !field.kind.isSystem
            else { return nil }
            return .custom(field)
        case .user: return try catalog().field(key: name, of: .user).map(SearchField.custom)
        case .organization:
            return try catalog().field(key: name, of: .organization).map(SearchField.custom)
        case .group: return nil
        }
    }

    func customCondition(
        _ term: SearchTerm, _ field: FieldDefinition, _ plan: inout SearchPlan
    ) -> String {
        let stored = "\(plan.kind.table).custom_fields"
        // A member's name with digits only needs no escapes.
        let value = "json_extract(\(stored), '$.\"\(field.id)\"')"
        if term.comparison == .equal {
            if term.isNone { return "\(value) IS NULL" }
            if term.isAnything { return "\(value) IS NOT NULL" }
        }
        switch field.kind {
        case .integer, .decimal:
            guard let number = Double(term.value), number.isFinite else { return "0" }
            return "CAST(\(value) AS REAL) \(term.comparison.sql) \(plan.place(number))"
        case .date:
            guard let day = CalendarDay(term.value) else { return "0" }
            return "\(value) \(term.comparison.sql) \(plan.place(day.description))"
        case .checkbox:
            // A box that nobody ticked is not ticked.
            guard term.comparison == .equal else { return "0" }
            switch term.value.lowercased() {
            case "true": return "\(value) = 1"
            case "false": return "coalesce(\(value), 0) = 0"
            default: return "0"
            }
        case .multiselect:
            guard term.comparison == .equal else { return "0" }
            return
                "EXISTS (SELECT 1 FROM json_each(\(stored), '$.\"\(field.id)\"') j WHERE \(text(term, "j.value", &plan)))"
        default:
            guard term.comparison == .equal else { return "0" }
            return text(term, value, &plan)
        }
    }

    /// The value of any field, `none` and `*` of all.
    func anyCustomCondition(_ term: SearchTerm, _ plan: inout SearchPlan) -> String {
        guard term.comparison == .equal else { return "0" }
        let stored = "\(plan.kind.table).custom_fields"
        if term.isNone { return "\(stored) IS NULL" }
        if term.isAnything { return "\(stored) IS NOT NULL" }
        return
            "EXISTS (SELECT 1 FROM json_tree(\(stored)) j WHERE j.type = 'text' AND \(text(term, "j.value", &plan)))"
    }

    /// The same text whatever the case of its ASCII letters, or with `*` its beginning.
    private func text(_ term: SearchTerm, _ value: String, _ plan: inout SearchPlan) -> String {
        guard term.hasWildcard else { return "\(value) = \(plan.place(term.value)) COLLATE NOCASE" }
        var pattern = ""
        for character in term.value {
            if "%_\\".contains(character) { pattern.append("\\") }
            pattern.append(character)
        }
        return "\(value) LIKE \(plan.place(pattern + "%")) ESCAPE '\\'"
    }
}
