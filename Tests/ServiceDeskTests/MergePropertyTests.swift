import SQLite
import ShardStore
import Testing
import Wire

@testable import ServiceDesk

@Suite("Random sequences of merges")
struct MergePropertyTests {
    /// What a merge and its undoing leave behind: the time and number of the last write, and one comment more.
    static let traces: Set<String> = [
        "updated_at", "version", "comment_count", "public_comment_count", "latest_comment_at",
        // A comment by the assignee, and a public one by an agent, is that whatever becomes of the merge.
        "assignee_updated_at", "requester_updated_at", "replies", "first_reply_at",
    ]

    static func rest(_ ticket: Ticket) -> [String: Value] {
        Dictionary(
            uniqueKeysWithValues: zip(Ticket.columnNames, ticket.columnValues).filter {
                !traces.contains($0.0)
            }.map { ($0.0, $0.1) })
    }

    @Test(
        "merging and undoing it with nothing between leaves both tickets as they were",
        arguments: 1...8 as ClosedRange<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var dice = SearchRandom(seed: seed)
        let world = try World(&dice)
        for _ in 0..<12 {
            for _ in 0..<5 { try world.act(&dice, merges: false) }
            let ids = Array(
                world.ids.shuffled(using: &dice).prefix(Int.random(in: 2...4, using: &dice)))
            let before = try world.tickets(ids)
            let isPublic = Bool.random(using: &dice)
            let merged = try world.desk.refusal { writer in
                var request = MergeRequest(targetID: ids[0], sourceIDs: Array(ids.dropFirst()))
                request.isTargetCommentPublic = isPublic
                request.isSourceCommentPublic = isPublic
                return try writer.mergeTickets(request) { "t" }
            }
            guard merged == nil else { continue }
            world.desk.pass(milliseconds: 777)
            for id in ids.dropFirst().shuffled(using: &dice) {
                _ = try world.desk.run { try $0.unmergeTicket(id) }
            }
            let after = try world.tickets(ids)
            for (old, new) in zip(before, after) {
                let (was, now) = (Self.rest(old), Self.rest(new))
                let isTarget = old.id == ids[0]
                // An agent's public comment is an answer, and moves the clocks.
                let answered: Set =
                    isTarget && isPublic
                    ? ["clocks", "next_breach_at", "breached_at", "timer_at"] : []
                let differing = was.keys.filter {
                    was[$0] != now[$0] && !answered.contains($0)
                }.sorted()
                #expect(differing == [], "ticket \(old.id), seed \(seed)")
                #expect(new.commentCount == old.commentCount + 1)
                #expect(isTarget || new.metrics.replies == old.metrics.replies)
                #expect(
                    new.publicCommentCount - old.publicCommentCount
                        <= (isPublic ? 1 : 0))
            }
            try world.check("seed \(seed)")
        }
        #expect(try world.desk.store.scrub().isEmpty)
    }

    @Test(
        "after any sequence every count and index says what a recount says",
        arguments: 1...6 as ClosedRange<UInt64>)
    func anything(seed: UInt64) throws {
        var dice = SearchRandom(seed: seed &* 77)
        let world = try World(&dice)
        for _ in 0..<150 { try world.act(&dice, merges: true) }
        try world.check("seed \(seed)")
        #expect(world.merges > 0 && world.unmerges > 0)
        #expect(try world.desk.store.scrub().isEmpty)
    }

    /// A desk with people, views and tickets to act on.
    final class World {
        let desk: TestDesk
        let agents: [Int64]
        let people: [Int64]
        let views: [Int64]
        var ids: [Int64] = []
        private(set) var merges = 0
        private(set) var unmerges = 0

        init(_ dice: inout SearchRandom) throws {
            let desk = try TestDesk()
            self.desk = desk
            agents = try ["Ben", "Cleo"].map { try desk.agent($0) } + [desk.admin]
            people = try ["Jane", "Joe", "Jim", "Kim"].map { try desk.endUser($0) }
            views = try [
                ("status", "less_than", "solved"), ("current_tags", "includes", "closed_by_merge"),
                ("type", "is", "problem"),
            ].map { field, comparison, value in
                let draft = TestDesk.rule(
                    field,
                    ConditionTexts(all: [
                        ConditionText(field: field, test: comparison, value: .text(value))
                    ]))
                return try desk.run { try $0.createRule(.view, draft) }.id
            }
            for _ in 0..<8 { try create(&dice) }
        }

        func tickets(_ ids: [Int64]) throws -> [Ticket] {
            try ids.map { id in try desk.run { try $0.findTicket(id)! } }
        }

        private func changes(_ dice: inout SearchRandom) -> TicketChanges {
            func some<Element>(_ list: [Element]) -> Element { list.randomElement(using: &dice)! }
            func part<Element>(_ list: [Element]) -> [Element] {
                list.filter { _ in Int.random(in: 0..<3, using: &dice) == 0 }
            }
            var changes = TicketChanges()
            if some([0, 1]) == 0 {
                changes.comment = CommentDraft(body: "text", isPublic: some([true, false]))
            }
            changes.status = some([.open, .pending, .hold, .solved, nil, nil])
            changes.priority = some([.low, .urgent, nil])
            if some([0, 1, 2]) == 0 { changes.assigneeID = some([nil, agents[0], agents[1]]) }
            changes.tags = some([nil, part(["a", "b", "c"])])
            changes.emailCCIDs = some([nil, part(people)])
            changes.followerIDs = some([nil, part(agents)])
            changes.type = some([nil, nil, .incident, .problem, .question])
            if changes.type == .incident { changes.problemID = .some(some(ids + [1])) }
            return changes
        }

        private func create(_ dice: inout SearchRandom) throws {
            var wanted = changes(&dice)
            wanted.comment = CommentDraft(
                body: "first", isPublic: Int.random(in: 0..<5, using: &dice) > 0)
            wanted.requester = .id(people.randomElement(using: &dice)!)
            wanted.problemID = nil
            let changes = wanted
            let made = try desk.run { try $0.createTicket(changes) }.ticket
            ids.append(made.id)
        }

        /// One thing that somebody does, or tries to.
        func act(_ dice: inout SearchRandom, merges: Bool) throws {
            desk.pass(milliseconds: Int64.random(in: 1...5000, using: &dice))
            let id = ids.randomElement(using: &dice)!
            let others = Array(ids.shuffled(using: &dice).prefix(2))
            let wanted = changes(&dice)
            switch Int.random(in: 0..<(merges ? 14 : 8), using: &dice) {
            case 0: if ids.count < 30 { try create(&dice) }
            case 1: _ = try desk.refusal { try $0.deleteTicket(id) }
            case 2, 3: _ = try desk.refusal { try $0.restoreTicket(id) }
            case 4..<8: _ = try desk.refusal { try $0.updateTicket(id, wanted) }
            case 8, 9, 10:
                let request = MergeRequest(targetID: id, sourceIDs: others)
                if try desk.refusal({ try $0.mergeTickets(request) { "t" } }) == nil {
                    self.merges += 1
                }
            case 11, 12:
                for each in others where try desk.refusal({ try $0.unmergeTicket(each) }) == nil {
                    unmerges += 1
                }
            default:
                if try desk.refusal({ try $0.eraseTicket(id) }) == nil {
                    ids.removeAll { $0 == id }
                }
            }
        }

        /// Compares everything that is kept with what it stands for.
        func check(_ note: String) throws {
            for (kind, sql) in CountersTests.recounts {
                #expect(
                    try desk.number(CountersTests.difference(kind, sql)) == 0,
                    "kind \(kind), \(note)")
            }
            let tags = try desk.transact { rows in
                var counts: [String: Int64] = [:]
                for ticket in try rows.all(
                    "SELECT \(Ticket.columns) FROM tickets WHERE tenant = ?1 AND deleted_at IS NULL",
                    read: Ticket.init)
                { for tag in ticket.tags { counts[tag, default: 0] += 1 } }
                let kept = try rows.all("SELECT name, count FROM tags WHERE tenant = ?1") {
                    ($0.text(0), $0.int64(1))
                }
                return (counts, Dictionary(uniqueKeysWithValues: kept))
            }
            #expect(tags.0 == tags.1, "tags, \(note)")
            try checkRelations(note)
            for view in views {
                let kept = try desk.number(
                    "SELECT coalesce(sum(count), 0) FROM view_counts WHERE tenant = ?1 AND view_id = \(view)"
                )
                _ = try desk.transact { try $0.countTickets(ofView: view, anew: true) }
                let counted = try desk.number(
                    "SELECT coalesce(sum(count), 0) FROM view_counts WHERE tenant = ?1 AND view_id = \(view)"
                )
                #expect(kept == counted, "view \(view), \(note)")
            }
        }

        private func checkRelations(_ note: String) throws {
            let (wanted, kept, flags) = try desk.transact { rows in
                var wanted: Set<[Int64]> = []
                let all = try rows.all(
                    "SELECT \(Ticket.columns) FROM tickets WHERE tenant = ?1", read: Ticket.init)
                for ticket in all {
                    for kind in WatcherKind.allCases {
                        for user in ticket[watchers: kind] {
                            wanted.insert([user, kind.rawValue, ticket.id])
                        }
                    }
                }
                let kept = try rows.all(
                    "SELECT user_id, kind, ticket_id FROM ticket_watchers WHERE tenant = ?1"
                ) { [$0.int64(0), $0.int64(1), $0.int64(2)] }
                let problems = Set(all.filter { $0.deletedAt == nil }.compactMap(\.problemID))
                let flags = all.filter { $0.hasIncidents != problems.contains($0.id) }.map(\.id)
                return (wanted, Set(kept), flags)
            }
            #expect(wanted == kept, "watchers, \(note)")
            #expect(flags == [], "has_incidents, \(note)")
        }
    }
}

extension MergePropertyTests {
    /// A ticket that was rated has columns beside its row; undoing its merge must not ask for them.
    @Test("a rated ticket with a promise comes back from a merge with both")
    func ratedAndPromised() throws {
        let desk = try TestDesk()
        try desk.policy("all", ConditionTexts(), [(.normal, .totalResolutionTime, 600, false)])
        let customer = try desk.endUser()
        let id = try desk.ticket {
            $0.priority = .normal
            $0.assigneeID = desk.admin
            $0.requester = .id(customer)
            $0.status = .solved
        }.id
        let good = RatingDraft(isGood: true, comment: "Fine")
        _ = try desk.run(as: customer) { try $0.rate(id, good) }
        let before = try desk.update(id) { $0.status = .open }.ticket
        #expect(before.satisfaction.state == .goodWithComment && before.nextBreachAt != nil)
        let target = try desk.ticket().id
        _ = try desk.run { writer in
            try writer.mergeTickets(MergeRequest(targetID: target, sourceIDs: [id])) { "t" }
        }
        #expect(try desk.run { try $0.ticket(id) }.nextBreachAt == nil)
        desk.pass(milliseconds: 60_000)
        let after = try desk.run { try $0.unmergeTicket(id) }
        #expect(after.satisfaction == before.satisfaction)
        #expect(after.nextBreachAt == before.nextBreachAt)
        let events = try desk.run { try $0.metricEvents(ofTicket: id) }.map(\.event)
        let last = events.filter { $0.time == desk.now }
        #expect(last.map(\.metric).contains(.resolutionTime))
        #expect(last.allSatisfy { $0.kind == .activated })
        #expect(try desk.store.scrub() == [])
    }
}

extension MergePropertyTests {
    /// What the target's update leaves room for may be a ticket that is being merged: whoever gets it is counted for it, and not for long.
    @Test("a source that is given to somebody in between is counted once")
    func givenInBetween() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben"], .load, capacity: 1)
        let target = try desk.waiting(team)
        let source = try desk.waiting(team)
        #expect(target.assigneeID == agents[0] && source.assigneeID == nil)
        try desk.trigger(
            "wait", AutomationTests.when(("comment_includes_word", "includes", "merged")),
            [AutomationTests.act("status", "pending")])
        _ = try desk.run { writer in
            try writer.mergeTickets(MergeRequest(targetID: target.id, sourceIDs: [source.id])) {
                "t"
            }
        }
        let merged = try desk.run { try $0.ticket(source.id) }
        #expect(merged.status == .closed && merged.version == source.version + 2)
        #expect(try desk.run { try $0.agentWork(agents[0]) }.openTickets == 0)
        #expect(try desk.transact { try $0.count(.ticketsOfAssignee(agents[0])) } == 2)
    }
}
