/// What can be proved of conditions without looking at a ticket.
///
/// Conditions that look at the same thing are tried together on every case that they can tell apart (see `FieldCases`); what they look at
/// together is only whether the ticket is new. More cases are tried than there can be, never fewer: "cannot hold" and "follows" are proofs,
/// while "may hold" may be wrong.
struct ConditionLogic {
    /// Cases that may be tried before everything counts as unknown.
    let workLimit: Int
    private(set) var work = 0

    init(workLimit: Int = 4_000_000) { self.workLimit = workLimit }

    /// Whether there was too much to try: some of what could be proved is not.
    var isExhausted: Bool { work >= workLimit }

    /// False when no ticket and update fulfil all of `wanted` and none of `unwanted`.
    mutating func mayHold(_ wanted: [Condition], not unwanted: [Condition] = []) -> Bool {
        let groups = Self.grouped(wanted + Self.consequences(wanted), unwanted)
        for isNew in [false, true] where !isExhausted {
            var holds = true
            for (subject, group) in groups where holds {
                let (isPossible, tried) = FieldCases(subject, group.wanted, group.unwanted)
                    .isPossible(isNew: isNew)
                work += tried
                holds = isPossible
            }
            if holds { return true }
        }
        return isExhausted
    }

    /// The conditions of each subject, in a fixed order.
    private static func grouped(
        _ wanted: [Condition], _ unwanted: [Condition]
    ) -> [(FieldCases.Subject, (wanted: [Condition], unwanted: [Condition]))] {
        var places: [FieldCases.Subject: Int] = [:]
        var groups: [(FieldCases.Subject, (wanted: [Condition], unwanted: [Condition]))] = []
        func place(_ condition: Condition) -> Int {
            let subject = FieldCases.Subject(condition.field)
            if let known = places[subject] { return known }
            places[subject] = groups.count
            groups.append((subject, ([], [])))
            return groups.count - 1
        }
        for condition in wanted { groups[place(condition)].1.wanted.append(condition) }
        for condition in unwanted { groups[place(condition)].1.unwanted.append(condition) }
        return groups
    }

    /// Hours since a ticket became pending are counted only while it is.
    private static func consequences(_ wanted: [Condition]) -> [Condition] {
        wanted.compactMap { condition in
            guard case .hours(let moment) = condition.field, let status = moment.status else {
                return nil
            }
            return Condition(
                field: .status, test: .equals(.number(status.rawValue)), text: condition.text)
        }
    }

    // MARK: Whole rules

    /// What a rule's conditions come to: all of `all`, with one of `any` where there are some. Those that cannot hold are left out.
    mutating func alternatives(_ conditions: Conditions) -> [[Condition]] {
        let lists =
            conditions.any.isEmpty
            ? [conditions.all] : conditions.any.map { conditions.all + [$0] }
        return lists.filter { mayHold($0) }
    }

    /// False when no ticket and update fulfil the conditions, and `also`.
    mutating func mayHold(_ conditions: Conditions, and also: [Condition] = []) -> Bool {
        guard !conditions.any.isEmpty else { return mayHold(conditions.all + also) }
        for one in conditions.any where mayHold(conditions.all + [one] + also) { return true }
        return false
    }

    /// False when no ticket and update fulfil both, and `also`.
    mutating func mayBothHold(
        _ first: Conditions, _ second: Conditions, and also: [Condition] = []
    ) -> Bool {
        guard !first.any.isEmpty else { return mayHold(second, and: first.all + also) }
        for one in first.any where mayHold(second, and: first.all + [one] + also) { return true }
        return false
    }

    /// Whether whatever fulfils the one fulfils the other. True is a proof; what cannot hold at all implies nothing here.
    mutating func implies(_ narrow: Conditions, _ wide: Conditions) -> Bool {
        // What the narrow one does not look at cannot follow from it.
        let known = Self.subjects(narrow)
        guard wide.all.allSatisfy({ known.contains(FieldCases.Subject($0.field)) }) else {
            return false
        }
        let alternatives = alternatives(narrow)
        guard !alternatives.isEmpty else { return false }
        for alternative in alternatives {
            for condition in wide.all where mayHold(alternative, not: [condition]) { return false }
            guard !wide.any.isEmpty else { continue }
            let groups = Self.grouped([], wide.any)
            guard groups.contains(where: { !mayHold(alternative, not: $0.1.unwanted) }) else {
                return false
            }
        }
        return !isExhausted
    }

    /// What conditions say something of, whether the ticket is new included.
    static func subjects(_ conditions: Conditions) -> Set<FieldCases.Subject> {
        let all = conditions.all + conditions.any
        return Set((all + consequences(all)).map { FieldCases.Subject($0.field) }).union([.newness])
    }

    /// The fewest of the conditions that contradict each other; empty when they do not.
    mutating func contradiction(in conditions: [Condition]) -> [Condition] {
        guard !mayHold(conditions) else { return [] }
        var rest = conditions
        for condition in conditions {
            let fewer = rest.filter { $0 != condition }
            if !mayHold(fewer) { rest = fewer }
        }
        return rest
    }
}

extension RuleField.Moment {
    /// The status whose beginning it is.
    var status: TicketStatus? {
        switch self {
        case .becameNew: .new
        case .becameOpen: .open
        case .becamePending: .pending
        case .becameHold: .hold
        case .becameSolved: .solved
        case .becameClosed: .closed
        default: nil
        }
    }
}
