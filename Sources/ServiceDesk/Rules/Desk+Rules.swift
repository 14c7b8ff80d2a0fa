import ShardStore
import Wire

extension Desk {
    /// All rules of a kind that the principal may use, in their order.
    package func rules(_ kind: RuleKind, activeOnly: Bool = false) throws -> [Rule] {
        try require(.list, .rule(kind, owner: nil))
        return try rows.rules(kind).filter { rule in
            (rule.isActive || !activeOnly) && maySee(rule)
        }
    }

    package func rule(_ kind: RuleKind, _ id: Int64) throws -> Rule {
        guard let rule = try rows.rule(kind, id) else { throw DeskRefusal.notFound }
        try require(.read, .rule(kind, owner: rule.restriction.ownerID))
        guard maySee(rule) else { throw DeskRefusal.notFound }
        return rule
    }

    private func maySee(_ rule: Rule) -> Bool {
        switch rule.kind {
        case .trigger, .automation, .policy: true
        case .macro, .view: rule.restriction.includes(principal)
        }
    }

    /// What conditions and actions may name: records that are there.
    func conditionCompiler(_ kind: RuleKind) -> ConditionCompiler {
        ConditionCompiler(
            kind: kind, exists: { try self.exists($0) },
            fieldKind: { try self.rows.fieldKind($0) })
    }

    func actionCompiler(_ kind: RuleKind) -> ActionCompiler {
        ActionCompiler(
            kind: kind, exists: { try self.exists($0) },
            fieldKind: { try self.rows.fieldKind($0) })
    }

    func exists(_ reference: ConditionCompiler.Reference) throws -> Bool {
        switch reference {
        case .user(let id): try findUser(id)?.isActive ?? false
        case .group(let id): try findTeam(id).map { !$0.isDeleted } ?? false
        case .organization(let id): try findOrganization(id) != nil
        case .form(let id): try rows.catalog().form(id) != nil
        case .customStatus(let id): try rows.customStatusExists(id)
        case .schedule(let id): try rows.calendars().hasSchedule(id)
        case .satisfactionReason(let code): try rows.satisfactionReason(code) != nil
        case .skill(let id): try rows.skill(id) != nil
        }
    }
}

extension Rule {
    /// A page of rules, which are whole in memory.
    package static func page(of rules: [Rule], _ request: PageRequest) throws -> Page<Rule> {
        try Page.cut(rules, request, "rules") { [$0.position, $0.id] }
    }
}

extension ShardReader {
    func rules(_ kind: RuleKind) throws -> [Rule] {
        if try count(.ruleStamp) == 0 { return Rule.standard.filter { $0.kind == kind } }
        return try all(
            """
            SELECT \(Rule.columns) FROM rules WHERE tenant = ?1 AND kind = ?2
            ORDER BY position, id
            """, kind.rawValue, read: Rule.init)
    }

    func rule(_ kind: RuleKind, _ id: Int64) throws -> Rule? {
        if try count(.ruleStamp) == 0 { return try rules(kind).first { $0.id == id } }
        return try first(
            "SELECT \(Rule.columns) FROM rules WHERE tenant = ?1 AND kind = ?2 AND id = ?3",
            kind.rawValue, id, read: Rule.init)
    }
}

extension Desk where Rows == WritableRows {
    /// Rules of one kind that a desk may have.
    private static var ruleLimit: Int { 1000 }
    /// Bytes of one rule's conditions and actions.
    private static var ruleLength: Int { 65_536 }

    package func createRule(_ kind: RuleKind, _ draft: RuleDraft) throws -> Rule {
        var draft = draft
        // Agents' own macros and views are theirs alone.
        if principal.role != .admin, kind == .macro || kind == .view, draft.restriction == nil {
            draft.restriction = .user(principal.userID)
        }
        let restriction = draft.restriction ?? .everybody
        try require(.create, .rule(kind, owner: restriction.ownerID))
        let known = try rows.rules(kind)
        guard known.count < Self.ruleLimit else {
            throw DeskRefusal.invalid(
                "base", .outOfRange, "A desk may have at most \(Self.ruleLimit) \(kind.name)s")
        }
        let title = try Validation.required(draft.title, "title", "Title", max: 255)
        let conditions = draft.conditions ?? ConditionTexts()
        let actions = draft.actions ?? []
        try check(kind, title, conditions, actions, restriction, among: known)
        try rows.writeStandardRules()
        try keepSurveyKey(of: draft)
        let id = rows.makeIdentifier()
        let last = known.last?.position ?? 0
        try rows.insert(
            Rule(
                kind, id: id, position: draft.position ?? last + 1, title: title,
                description: try descriptionText(draft.description ?? nil),
                conditions: conditions, actions: actions, restriction: restriction,
                output: try checked(draft.output ?? ViewOutput()),
                isActive: draft.isActive ?? true, now: now))
        try rows.restampRules()
        if kind == .view { try countTickets(ofView: id) }
        if kind == .automation { _ = try rows.recheckTimers(anew: true) }
        return try rows.rule(kind, id)!
    }

    package func updateRule(_ kind: RuleKind, _ id: Int64, _ draft: RuleDraft) throws -> Rule {
        let old = try rule(kind, id)
        try require(.update, .rule(kind, owner: old.restriction.ownerID))
        let restriction = draft.restriction ?? old.restriction
        if restriction != old.restriction {
            try require(.create, .rule(kind, owner: restriction.ownerID))
        }
        let title =
            try draft.title.map { try Validation.required($0, "title", "Title", max: 255) }
            ?? old.title
        let conditions = draft.conditions ?? old.conditions
        let actions = draft.actions ?? old.actions
        let others = try rows.rules(kind).filter { $0.id != id }
        // Only what is said anew is looked at again: what an old rule names may be gone, and it can be switched off all the same.
        if draft.title != nil || draft.conditions != nil || draft.actions != nil
            || draft.restriction != nil || draft.isActive == true
        {
            try check(kind, title, conditions, actions, restriction, among: others)
        }
        try rows.writeStandardRules()
        try keepSurveyKey(of: draft)
        let isRecounted =
            kind == .view && (conditions != old.conditions || draft.isActive == true)
        try rows.run(
            """
            UPDATE rules SET active = ?4, position = ?5, updated_at = ?6, version = version + 1,
            failures = ?7, failure = ?8, title = ?9, description = ?10, conditions = ?11,
            actions = ?12, restriction = ?13, output = ?14
            WHERE tenant = ?1 AND kind = ?2 AND id = ?3
            """, kind.rawValue, id, draft.isActive ?? old.isActive, draft.position ?? old.position,
            now.milliseconds, draft.isActive == true ? 0 : old.failures,
            draft.isActive == true ? nil : old.failure, title,
            try draft.description.map { try descriptionText($0) } ?? old.description,
            RuleText.encode(conditions), RuleText.encode(actions), restriction.text,
            try checked(draft.output ?? old.output).text)
        try rows.restampRules()
        if isRecounted { try countTickets(ofView: id) }
        if kind == .automation { _ = try rows.recheckTimers(anew: true) }
        return try rows.rule(kind, id)!
    }

    package func deleteRule(_ kind: RuleKind, _ id: Int64) throws {
        let old = try rule(kind, id)
        try require(.delete, .rule(kind, owner: old.restriction.ownerID))
        try rows.writeStandardRules()
        try rows.run(
            "DELETE FROM rules WHERE tenant = ?1 AND kind = ?2 AND id = ?3", kind.rawValue, id)
        if kind == .view { try rows.forgetCounts(ofView: id) }
        try rows.restampRules()
    }

    /// Deletes several; those that are gone already are no error.
    package func deleteRules(_ kind: RuleKind, _ ids: Set<Int64>) throws {
        let known = try rules(kind).map(\.id).filter(ids.contains)
        for id in known { try deleteRule(kind, id) }
    }

    /// Puts rules into the order of a list; those it does not name follow in the order they have.
    package func reorderRules(_ kind: RuleKind, _ ids: [Int64]) throws {
        try require(.update, .rule(kind, owner: nil))
        let known = try rows.rules(kind)
        guard Set(ids).count == ids.count, Set(ids).isSubset(of: known.map(\.id)) else {
            throw DeskRefusal.invalid(
                "\(kind.name)_ids", .invalid,
                "Ids: must be numbers of different \(kind.name)s of this desk")
        }
        try rows.writeStandardRules()
        let rest = known.map(\.id).filter { !ids.contains($0) }
        for (place, id) in (ids + rest).enumerated() {
            try rows.run(
                "UPDATE rules SET position = ?4 WHERE tenant = ?1 AND kind = ?2 AND id = ?3",
                kind.rawValue, id, Int64(place + 1))
        }
        try rows.restampRules()
    }

    private func descriptionText(_ text: String?) throws -> String? {
        try text.boundedOrNil("description", "Description", max: 4096)
    }

    private func check(
        _ kind: RuleKind, _ title: String, _ conditions: ConditionTexts, _ actions: [ActionText],
        _ restriction: RuleRestriction, among others: [Rule]
    ) throws {
        guard !RuleText.isUnfit(title) else {
            throw DeskRefusal.invalid("title", .invalid, "Title: has control characters")
        }
        if case .groups(let ids) = restriction {
            guard !ids.isEmpty, ids.count <= 100 else {
                throw DeskRefusal.invalid(
                    "restriction", .invalid, "Restriction: needs 1 to 100 groups")
            }
            for id in ids where try findTeam(id).map(\.isDeleted) ?? true {
                throw DeskRefusal.invalid(
                    "restriction", .invalid, "Restriction: group \(id) does not exist")
            }
        }
        if kind != .macro {
            // A policy for all tickets is one; any other rule without conditions is a mistake.
            guard conditions.count > 0 || kind == .policy else {
                throw DeskRefusal.invalid(
                    "conditions", .blank, "Conditions: a \(kind.name) needs at least one")
            }
            let compiled = try conditionCompiler(kind).compile(conditions)
            if kind == .view { try checkView(compiled) }
            if kind == .automation,
                !(compiled.all + compiled.any).contains(where: \.changesWithTime)
            {
                throw DeskRefusal.invalid(
                    "conditions", .invalid,
                    "Conditions: an automation needs one that comes true with time, such as SOLVED greater_than 24; what is to happen at once is a trigger's"
                )
            }
        }
        switch kind {
        case .trigger, .automation, .macro: _ = try actionCompiler(kind).compile(actions)
        case .policy: try PolicyTarget.check(actions)
        case .view: break
        }
        guard
            RuleText.encode(conditions).utf8.count + RuleText.encode(actions).utf8.count
                <= Self.ruleLength
        else {
            throw DeskRefusal.invalid(
                "base", .tooLong,
                "A \(kind.name)'s conditions and actions may have at most \(Self.ruleLength) bytes")
        }
    }

    private func checked(_ output: ViewOutput) throws -> ViewOutput {
        guard output.columns.count <= 10 else {
            throw DeskRefusal.invalid(
                "columns", .tooLong, "Columns: at most 10 columns are allowed")
        }
        for column in output.columns + [output.groupBy, output.sortBy].compactMap({ $0 })
        where ViewColumn(name: column) == nil {
            throw DeskRefusal.invalid(
                "columns", .invalid, "Columns: \(column.prefix(60)) is not a column of views")
        }
        return output
    }
}
