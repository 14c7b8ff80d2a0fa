import SQLite
import ShardStore
import Wire

/// Makes plans of queries. Names in a query are looked up here, so that the plan compares numbers.
extension Desk {
    /// What the query means for one kind of record, within what the asker may see.
    func searchPlan(_ query: SearchQuery, _ kind: SearchKind, _ work: inout SearchWork) throws
        -> SearchPlan
    {
        var plan = SearchPlan(kind)
        guard mayFind(kind, query) else {
            plan.isImpossible = true
            return plan
        }
        addVisibility(to: &plan)
        for group in grouped(query.terms) {
            try add(group, to: &plan, &work)
            if plan.isImpossible { break }
        }
        return plan
    }

    /// `type:` chooses the kinds; several are any of them.
    private func mayFind(_ kind: SearchKind, _ query: SearchQuery) -> Bool {
        let resource: Resource =
            switch kind {
            case .ticket: .tickets
            case .user: .users
            case .organization: .organizations
            case .group: .group
            }
        guard Authorization.decide(principal, .list, resource) == .allow else { return false }
        let types = query.terms.filter { $0.field == "type" }
        func names(_ term: SearchTerm) -> Bool {
            term.comparison == .equal && term.value.lowercased() == kind.name
        }
        let wanted = types.filter { !$0.isNegated }
        return (wanted.isEmpty || wanted.contains(where: names))
            && !types.contains { $0.isNegated && names($0) }
    }

    private func addVisibility(to plan: inout SearchPlan) {
        switch plan.kind {
        case .ticket:
            plan.add("tickets.deleted_at IS NULL")
            let scope = Authorization.ticketScope(principal)
            if scope != .all { plan.add(scope.condition) }
        case .user: plan.add("users.active = 1")
        case .organization: break
        case .group: plan.add("teams.deleted = 0")
        }
    }

    /// Terms that say `field:value` of the same field stand together, since any of them is enough. Every other term stands
    /// alone.
    private func grouped(_ terms: [SearchTerm]) -> [[SearchTerm]] {
        var groups: [[SearchTerm]] = []
        for term in terms where !["type", "order_by", "sort"].contains(term.field) {
            let isShared = term.field != nil && term.comparison == .equal
            let place =
                isShared
                ? groups.firstIndex {
                    $0[0].field == term.field && $0[0].comparison == .equal
                        && $0[0].isNegated == term.isNegated
                } : nil
            if let place { groups[place].append(term) } else { groups.append([term]) }
        }
        return groups
    }

    private func add(_ terms: [SearchTerm], to plan: inout SearchPlan, _ work: inout SearchWork)
        throws
    {
        let first = terms[0]
        guard let name = first.field else { return addWords(first, to: &plan) }
        guard let field = try plan.kind.field(name) ?? customSearchField(name, plan.kind) else {
            // A field this kind does not have finds nothing of it, and nothing is left out of it either.
            plan.isImpossible = true
            return
        }
        if case .text(let bits) = field {
            guard first.comparison == .equal else {
                plan.isImpossible = !first.isNegated
                return
            }
            plan.add(
                SearchPlan.TextGroup(
                    patterns: terms.map(WordPattern.init), bits: bits, isNegated: first.isNegated,
                    ticketID: nil))
            return
        }
        let any = try terms.map { "(\(try condition($0, field, &plan, &work)))" }
            .joined(separator: " OR ")
        plan.add(first.isNegated ? "NOT coalesce(\(any), 0)" : any)
    }

    private func addWords(_ term: SearchTerm, to plan: inout SearchPlan) {
        let number = term.value.hasPrefix("#") ? term.value.dropFirst() : term.value[...]
        let isNumber =
            !term.isQuoted && !number.isEmpty && number.utf8.allSatisfy { (48...57).contains($0) }
        let id = isNumber ? Int64(number) : nil
        if let id, number.startIndex != term.value.startIndex {
            // `#12` is a ticket's number and nothing else.
            guard plan.kind == .ticket else {
                plan.isImpossible = true
                return
            }
            plan.add("tickets.id \(term.isNegated ? "<>" : "=") \(plan.place(id))")
            return
        }
        if term.isAnything {
            plan.isImpossible = term.isNegated
            return
        }
        let pattern = WordPattern(
            term.value, lastIsPrefix: !term.isQuoted || term.hasWildcard)
        plan.add(
            SearchPlan.TextGroup(
                patterns: [pattern], bits: plan.kind.freeTextBits, isNegated: term.isNegated,
                ticketID: plan.kind == .ticket ? id : nil))
    }

    // MARK: Fields

    private func condition(
        _ term: SearchTerm, _ field: SearchField, _ plan: inout SearchPlan, _ work: inout SearchWork
    ) throws -> String {
        let table = plan.kind.table
        switch field {
        case .text: preconditionFailure("words are no condition")
        case .time(let column): return try time(term, "\(table).\(column)", &plan)
        case .number(let column):
            if let blank = blank(term, "\(table).\(column)") { return blank }
            guard let number = Int64(term.value) else { return "0" }
            return "\(table).\(column) \(term.comparison.sql) \(plan.place(number))"
        case .ranked(let column, let names):
            if let blank = blank(term, "\(table).\(column)") { return blank }
            guard let value = names.first(where: { $0.name == term.value.lowercased() })?.value
            else { return "0" }
            return "\(table).\(column) \(term.comparison.sql) \(plan.place(value))"
        case .named(let column, let names):
            guard term.comparison == .equal else { return "0" }
            if let blank = blank(term, "\(table).\(column)") { return blank }
            guard let value = names.first(where: { $0.name == term.value.lowercased() })?.value
            else { return "0" }
            return "\(table).\(column) = \(plan.place(value))"
        case .flag(let column):
            guard term.comparison == .equal else { return "0" }
            switch term.value.lowercased() {
            case "true": return "\(table).\(column) = 1"
            case "false": return "\(table).\(column) = 0"
            default: return "0"
            }
        case .exact(let column):
            guard term.comparison == .equal else { return "0" }
            if let blank = blank(term, "\(table).\(column)") { return blank }
            return starts(term, "\(table).\(column)", &plan)
        case .tags: return tags(term, "\(table).tags", &plan)
        case .custom(let field): return customCondition(term, field, &plan)
        case .anyCustom: return anyCustomCondition(term, &plan)
        case .email:
            guard term.comparison == .equal else { return "0" }
            if let blank = blank(term, "users.email") { return blank }
            return
                "users.id IN (SELECT i.user_id FROM identities i WHERE i.tenant = ?1 AND \(address(term, &plan)))"
        case .user(let column), .team(let column), .organization(let column):
            guard term.comparison == .equal else { return "0" }
            if let blank = blank(term, "\(table).\(column)") { return blank }
            let ids = try named(term, field, &work)
            guard !ids.isEmpty else { return "0" }
            return "\(table).\(column) IN (SELECT value FROM json_each(\(plan.place(json(ids)))))"
        case .memberTeam:
            return try member(term, field, "team_memberships", "team_id", &plan, &work)
        case .memberOrganization:
            return try member(
                term, field, "organization_memberships", "organization_id", &plan, &work)
        }
    }

    /// `none` and `*`.
    private func blank(_ term: SearchTerm, _ column: String) -> String? {
        guard term.comparison == .equal else { return nil }
        if term.isNone { return "\(column) IS NULL" }
        return term.isAnything ? "\(column) IS NOT NULL" : nil
    }

    private func time(_ term: SearchTerm, _ column: String, _ plan: inout SearchPlan) throws
        -> String
    {
        if let blank = blank(term, column) { return blank }
        guard !term.hasWildcard, let time = SearchTime(term.value, now: now) else {
            throw DeskRefusal.badRequest(
                name: "InvalidQuery",
                """
                \(term.field ?? "")\(term.comparison.rawValue)\(term.value): not a time; write \
                2026-01-31, 2026-01-31T12:00:00Z or, with < or >, 4hours
                """)
        }
        switch (time, term.comparison) {
        case (.span(let start, let end), .equal):
            return
                "\(column) >= \(plan.place(start.milliseconds)) AND \(column) < \(plan.place(end.milliseconds))"
        case (.span(let start, _), .less), (.span(let start, _), .greaterOrEqual):
            let sign = term.comparison == .less ? "<" : ">="
            return "\(column) \(sign) \(plan.place(start.milliseconds))"
        case (.span(_, let end), .greater), (.span(_, let end), .lessOrEqual):
            let sign = term.comparison == .greater ? ">=" : "<"
            return "\(column) \(sign) \(plan.place(end.milliseconds))"
        case (.moment, .equal):
            throw DeskRefusal.badRequest(
                name: "InvalidQuery",
                "\(term.field ?? ""):\(term.value): a time so long ago needs <, <=, > or >=")
        case (.moment(let moment), _):
            return "\(column) \(term.comparison.sql) \(plan.place(moment.milliseconds))"
        }
    }

    /// The same text, or with a wildcard a range that an index can walk.
    private func starts(_ term: SearchTerm, _ column: String, _ plan: inout SearchPlan) -> String {
        guard term.hasWildcard else { return "\(column) = \(plan.place(term.value))" }
        let start = plan.place(term.value)
        return "\(column) >= \(start) AND \(column) < \(start) || char(1114111)"
    }

    /// One tag, or in quotes several which must all be there. Tags are stored in lower case with one blank between.
    private func tags(_ term: SearchTerm, _ column: String, _ plan: inout SearchPlan) -> String {
        guard term.comparison == .equal else { return "0" }
        if term.isNone { return "\(column) = ''" }
        if term.isAnything { return "\(column) <> ''" }
        let names = term.value.lowercased().split(whereSeparator: \.isWhitespace)
        guard !names.isEmpty else { return "0" }
        return names.enumerated().map { index, name in
            let isPrefix = term.hasWildcard && index == names.count - 1
            return
                "instr(' ' || \(column) || ' ', \(plan.place(" \(name)\(isPrefix ? "" : " ")"))) > 0"
        }.joined(separator: " AND ")
    }

    /// An address as a whole, what stands before or after its `@`, or with a wildcard its beginning.
    private func address(_ term: SearchTerm, _ plan: inout SearchPlan) -> String {
        var term = term
        term.value = term.value.lowercased()
        if term.hasWildcard || term.value.contains("@") {
            return "i.kind = 0 AND \(starts(term, "i.value", &plan))"
        }
        let value = plan.place(term.value)
        return """
            i.kind = 0 AND ((i.value >= \(value) || '@' AND i.value < \(value) || 'A')
            OR substr(i.value, -length(\(value)) - 1) = '@' || \(value))
            """
    }

    private func member(
        _ term: SearchTerm, _ field: SearchField, _ memberships: String, _ owner: String,
        _ plan: inout SearchPlan, _ work: inout SearchWork
    ) throws -> String {
        guard term.comparison == .equal else { return "0" }
        let ofUser = "SELECT m.user_id FROM \(memberships) m WHERE m.tenant = ?1"
        if term.isNone { return "users.id NOT IN (\(ofUser))" }
        if term.isAnything { return "users.id IN (\(ofUser))" }
        let ids = try named(term, field, &work)
        guard !ids.isEmpty else { return "0" }
        let list = plan.place(json(ids))
        return "users.id IN (\(ofUser) AND m.\(owner) IN (SELECT value FROM json_each(\(list))))"
    }

    private func json(_ ids: [Int64]) -> String { "[\(IDList.join(ids))]" }

    // MARK: Names

    /// The users, groups or organizations that a term names: by number, by words of the name, users also by address and
    /// as `me`.
    private func named(_ term: SearchTerm, _ field: SearchField, _ work: inout SearchWork) throws
        -> [Int64]
    {
        let isUser = if case .user = field { true } else { false }
        if !term.isQuoted, !term.hasWildcard {
            if isUser, term.value.lowercased() == "me" { return [principal.userID] }
            if let id = Int64(term.value) { return [id] }
        }
        if isUser, term.value.contains("@") {
            var lookup = SearchPlan(.user)
            let condition = address(term, &lookup)
            let ids = try rows.all(
                "SELECT i.user_id FROM identities i WHERE i.tenant = ?1 AND \(condition) LIMIT \(work.limits.names + 1)",
                values: lookup.values
            ) { $0.int64(0) }
            return try checked(ids, term, work)
        }
        let source =
            switch field {
            case .user: "id, name, email FROM users WHERE tenant = ?1 AND active = 1"
            case .team, .memberTeam: "id, name FROM teams WHERE tenant = ?1 AND deleted = 0"
            default: "id, name FROM organizations WHERE tenant = ?1"
            }
        let pattern = WordPattern(
            term.value, lastIsPrefix: !term.isQuoted || term.hasWildcard)
        var matcher = WordMatcher()
        var ids: [Int64] = []
        try rows.forEach("SELECT \(source)") { row in
            work.spendRow()
            for column in 1..<row.count {
                row.withUTF8(column) {
                    work.spend(bytes: $0.count)
                    matcher.load($0)
                }
                if matcher.contains(pattern) {
                    ids.append(row.int64(0))
                    break
                }
            }
            _ = try work.isSpentOrThrows()
            return ids.count <= work.limits.names
        }
        return try checked(ids, term, work)
    }

    private func checked(_ ids: [Int64], _ term: SearchTerm, _ work: SearchWork) throws -> [Int64] {
        guard ids.count <= work.limits.names else {
            throw DeskRefusal.beyondSearchLimit(
                "\(term.field ?? ""):\(term.value) means more than \(work.limits.names) names; write more of the name"
            )
        }
        return ids
    }
}

extension SearchTerm.Comparison {
    var sql: String { self == .equal ? "=" : rawValue }
}
