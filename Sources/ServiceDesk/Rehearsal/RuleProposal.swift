import ShardStore
import Wire

/// Rules as somebody would have them: new ones, and changes of those there are.
package struct RuleProposal: Sendable {
    package struct Item: Sendable {
        package let kind: RuleKind
        /// Nil for a new rule.
        package let id: Int64?
        /// Its place in the client's list of its kind, from 0.
        package let place: Int
        package let draft: RuleDraft
        /// Whether the rule is to go.
        package let isRemoved: Bool
        package init(
            kind: RuleKind, id: Int64?, place: Int, draft: RuleDraft, isRemoved: Bool = false
        ) {
            self.kind = kind
            self.id = id
            self.place = place
            self.draft = draft
            self.isRemoved = isRemoved
        }
    }

    /// Items of one proposal.
    package static let itemLimit = 100

    package var items: [Item]
    /// Kinds of which only the rules that are named stay on.
    package var only: Set<RuleKind>
    package init(items: [Item] = [], only: Set<RuleKind> = []) {
        self.items = items
        self.only = only
    }

    /// The kinds of rules whose changes can be told beforehand.
    package static let kinds: [RuleKind] = [.trigger, .automation, .policy]
}

/// The rules there are, and those that are proposed instead. New ones have numbers below 0: -1 for the first that is named.
package struct ProposedRules: Sendable {
    package let now: [Rule]
    package let then: [Rule]
}

/// Carries the rules out of a transaction that must leave nothing behind.
private struct Undone: Error {
    let rules: [Rule]
}

extension Desk where Rows == WritableRows {
    /// Makes a proposal's rules by the very code that would make them, so that they are checked alike, and takes everything back.
    /// - Throws: refusals that name the field and the rule.
    package func propose(_ proposal: RuleProposal) throws -> ProposedRules {
        try require(.create, .rehearsals)
        guard proposal.items.count <= RuleProposal.itemLimit else {
            throw DeskRefusal.invalid(
                "base", .tooLong, "At most \(RuleProposal.itemLimit) rules may be proposed at once")
        }
        let now = try RuleKind.allCases.flatMap { try rows.rules($0) }
        do {
            return try rows.savepoint { throw Undone(rules: try made(proposal)) }
        } catch let undone as Undone { return ProposedRules(now: now, then: undone.rules) }
    }

    private func made(_ proposal: RuleProposal) throws -> [Rule] {
        var named: [RuleKind: Set<Int64>] = [:]
        var provisional: [Int64: Int64] = [:]
        for item in proposal.items {
            let id: Int64
            do {
                if let known = item.id {
                    guard named[item.kind]?.contains(known) != true else {
                        throw DeskRefusal.invalid("id", .duplicate, "Id: is named twice")
                    }
                    id = known
                    if item.isRemoved {
                        try deleteRule(item.kind, known)
                    } else {
                        _ = try updateRule(item.kind, known, item.draft)
                    }
                } else {
                    id = try createRule(item.kind, item.draft).id
                    provisional[id] = -Int64(provisional.count + 1)
                }
            } catch let refusal as DeskRefusal { throw refusal.naming(item) }
            named[item.kind, default: []].insert(id)
        }
        return try RuleKind.allCases.flatMap { kind in
            try rows.rules(kind).map { rule in
                var rule = rule
                if proposal.only.contains(kind), named[kind]?.contains(rule.id) != true {
                    rule.isActive = false
                }
                rule.id = provisional[rule.id] ?? rule.id
                return rule
            }
        }
    }
}

extension DeskRefusal {
    /// The same with the rule that is refused: `triggers[2].conditions`.
    fileprivate func naming(_ item: RuleProposal.Item) -> DeskRefusal {
        let list = item.kind == .policy ? "policies" : "\(item.kind.name)s"
        let path = "\(list)[\(item.place)]"
        switch self {
        case .invalid(let errors):
            return .invalid(
                errors.map { error in
                    FieldError(
                        field: "\(path).\(error.field)", problem: error.problem,
                        description: "\(path): \(error.description)")
                })
        case .notFound:
            return .invalid(
                "\(path).id", .invalid, "\(path): Id: there is no such \(item.kind.name)")
        default: return self
        }
    }
}
