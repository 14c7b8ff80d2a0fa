import SQLite
import ShardStore

/// Leaving out tickets before their texts are read: those of which an index of words says that they have not got what a query looks for.
///
/// What is left is looked at as if there were no index, so an index changes what a search costs and never what it finds.
extension Desk {
    /// Audits that the index need not know of yet: their tickets are all read.
    private static var tailWanted: Int { 64 }

    /// Narrows a plan to what may satisfy its words, where an index says so and it is worth it.
    func narrow(_ plan: inout SearchPlan, _ work: inout SearchWork) throws {
        guard plan.kind == .ticket, !plan.isImpossible, rows.hasWordIndex,
            let query = plan.wordQuery
        else { return }
        let tickets = try rows.count(.tickets)
        guard tickets >= work.limits.indexedFrom else { return }
        let limit = Int(min(work.limits.indexedTickets, tickets / work.limits.indexedShare))
        guard let found = try rows.indexed(query, .ticket, limit: limit) else {
            work.awaitsIndex = rows.wantsIndex(of: .ticket)
            return
        }
        // Of the same snapshot as the tickets: whatever the index has not read.
        var candidates = Set(found.records ?? [])
        var tail = 0
        try rows.forEach(
            "SELECT ticket_id FROM audits WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            found.through, limit + 1
        ) { row in
            tail += 1
            candidates.insert(row.int64(0))
            return true
        }
        let isComing = tail > Self.tailWanted && rows.wantsIndex(of: .ticket)
        guard found.records != nil, tail <= limit else {
            work.awaitsIndex = isComing && tail > limit
            return
        }
        candidates.formUnion(plan.namedTickets)
        guard !candidates.isEmpty else {
            plan.isImpossible = true
            return
        }
        let list = plan.place("[\(IDList.join(candidates.sorted()))]")
        plan.add("tickets.id IN (SELECT value FROM json_each(\(list)))")
    }
}

extension SearchPlan {
    /// The words without which nothing satisfies the plan; nil when there are none. Groups that ask for whether there is a text at all, or
    /// for what must not be there, leave nothing out.
    var wordQuery: WordQuery? {
        let usable = groups.compactMap { group -> [WordQuery.Pattern]? in
            guard !group.isNegated else { return nil }
            var patterns: [WordQuery.Pattern] = []
            for pattern in group.patterns {
                switch pattern {
                case .words(let words): patterns.append(WordQuery.pattern(words))
                case .nothing: break
                case .empty, .anything: return nil
                }
            }
            return patterns.isEmpty ? nil : patterns
        }
        return usable.isEmpty ? nil : WordQuery(groups: usable)
    }

    /// Tickets that a group finds by their number, whatever words they have.
    var namedTickets: [Int64] { groups.compactMap { $0.isNegated ? nil : $0.ticketID } }
}

extension WordQuery {
    /// The words of a `WordPattern`, which have one blank between them and, unless the last is a beginning, one at the end.
    static func pattern(_ words: [UInt8]) -> Pattern {
        var pattern = words.split(separator: 0x20).map { Word(bytes: Array($0), isPrefix: false) }
        if words.last != 0x20, let last = pattern.popLast() {
            pattern.append(Word(bytes: last.bytes, isPrefix: true))
        }
        return pattern
    }
}
