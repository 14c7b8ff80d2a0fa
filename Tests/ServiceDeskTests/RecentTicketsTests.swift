import SQLite
import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// Lists by the time of the last change, which are found by the newest audits, against a sort of all tickets.
struct RecentTicketsTests {
    private static let order = TicketSort.updatedAt.order(descending: true)

    /// A desk that is large enough, with changes of every kind, several at one time, and a clock that was set back once.
    private static func busyDesk(seed: UInt64) throws -> TestDesk {
        let desk = try TestDesk()
        var dice = SearchRandom(seed: seed)
        let agent = try desk.agent()
        for _ in 0..<45 {
            try desk.run { desk in
                for _ in 0..<10 {
                    var changes = TicketChanges()
                    changes.subject = "Printer"
                    changes.comment = CommentDraft(body: "It is silent")
                    _ = try desk.createTicket(changes)
                }
            }
            desk.pass(milliseconds: Int64.random(in: 0...3, using: &dice))
        }
        for step in 0..<300 {
            if step == 150 { desk.pass(milliseconds: -100_000) }
            desk.pass(milliseconds: Int64.random(in: 0...2, using: &dice))
            let ids = (0..<3).map { _ in Int64.random(in: 1...450, using: &dice) }
            let kind = Int.random(in: 0..<9, using: &dice)
            // What is deleted already is refused, and takes nothing along.
            _ = try desk.refusal { desk in
                var changes = TicketChanges()
                switch kind {
                case 0: for id in Set(ids) { try desk.deleteTicket(id) }
                case 1: try desk.restoreTicket(ids[0])
                case 2: _ = try desk.changeTags(ids[0], .add, ["t\(step)"])
                case 3: _ = try desk.linkTickets(ids[0], .related, to: ids[1])
                case 4: _ = try desk.importOld(step)
                case 5:
                    changes.assigneeID = agent
                    for id in Set(ids) { _ = try desk.updateTicket(id, changes) }
                case 6:
                    changes.status = .solved
                    _ = try desk.updateTicket(ids[0], changes)
                default:
                    changes.comment = CommentDraft(body: "Still")
                    for id in Set(ids) { _ = try desk.updateTicket(id, changes) }
                }
            }
        }
        return desk
    }

    private static func all(_ desk: TestDesk) throws -> [Int64] {
        try desk.transact {
            try $0.all(
                """
                SELECT id FROM tickets WHERE tenant = ?1 AND deleted_at IS NULL
                ORDER BY updated_at DESC, id DESC
                """
            ) { $0.int64(0) }
        }
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func pagesAreThoseOfASortOfAllTickets(seed: UInt64) throws {
        let desk = try Self.busyDesk(seed: seed)
        let expected = try Self.all(desk)
        for size in [1, 7, 25] {
            let pages = expected.count / size + 1
            for number in Array(1...min(4, pages)) + [pages] {
                let page = try desk.run {
                    try $0.tickets(
                        .all, sort: .updatedAt, descending: true,
                        .offset(page: number, size: size))
                }
                let begin = (number - 1) * size
                #expect(page.items.map(\.id) == Array(expected.dropFirst(begin).prefix(size)))
                #expect(page.count == Int64(expected.count))
                #expect(page.hasMore == (begin + size < expected.count))
            }
        }
        var found: [Int64] = []
        var after: Cursor?
        repeat {
            let place = after
            let page = try desk.run {
                try $0.tickets(
                    .all, sort: .updatedAt, descending: true,
                    .cursor(size: 20, after: place, before: nil))
            }
            found += page.items.map(\.id)
            after = page.hasMore ? page.last : nil
        } while after != nil
        #expect(found == expected)
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func noTicketWasChangedLaterThanItsNewestAudit(seed: UInt64) throws {
        let desk = try Self.busyDesk(seed: seed)
        let late = try desk.transact {
            try $0.all(
                """
                SELECT id, updated_at, (SELECT max(id) FROM audits
                WHERE audits.tenant = ?1 AND ticket_id = tickets.id)
                FROM tickets WHERE tenant = ?1 AND deleted_at IS NULL
                """
            ) { (id: $0.int64(0), time: $0.int64(1), audit: $0.int64(2)) }
        }.filter {
            IdentifierAllocator.first(at: Timestamp(milliseconds: $0.time)) > $0.audit
        }
        #expect(late.isEmpty)
    }

    private func recent(_ desk: TestDesk, _ request: PageRequest) throws -> Page<Ticket>? {
        try desk.run { desk in
            try desk.recentTickets(
                PagedQuery(
                    columns: Ticket.columns, source: "tickets",
                    condition: "tickets.deleted_at IS NULL", order: Self.order),
                request, count: { try desk.ticketCount(.all) })
        }
    }

    @Test func theNewestAuditsSettleTheFirstPagesAndNotTheLast() throws {
        let desk = try Self.busyDesk(seed: 9)
        #expect(try recent(desk, .offset(page: 1, size: 25))?.items.count == 25)
        #expect(try recent(desk, .offset(page: 2, size: 25))?.items.count == 25)
        #expect(try recent(desk, .cursor(size: 10, after: nil, before: nil))?.hasMore == true)
        #expect(try recent(desk, .offset(page: 12, size: 25)) == nil)
        let place = try recent(desk, .cursor(size: 10, after: nil, before: nil))?.last
        #expect(try recent(desk, .cursor(size: 10, after: nil, before: place)) == nil)
    }

    @Test func changesOfFewTicketsLeaveItToASortOfAll() throws {
        let desk = try Self.busyDesk(seed: 10)
        // The clock that was set back has to come back to where it was.
        desk.pass(milliseconds: 200_000)
        for _ in 0..<450 {
            desk.pass(milliseconds: 1)
            try desk.update(1) { $0.comment = CommentDraft(body: "Again") }
        }
        #expect(try recent(desk, .offset(page: 1, size: 25)) == nil)
        #expect(try recent(desk, .offset(page: 1, size: 1))?.items.map(\.id) == [1])
        let page = try desk.run {
            try $0.tickets(.all, sort: .updatedAt, descending: true, .offset(page: 1, size: 25))
        }
        #expect(page.items.map(\.id) == Array(try Self.all(desk).prefix(25)))
    }
}

extension Desk where Rows == ShardTransaction {
    /// A ticket that was changed last long ago, and whose audits are new.
    fileprivate func importOld(_ step: Int) throws -> Int64 {
        var changes = TicketChanges()
        changes.subject = "Imported"
        let time = Timestamp(milliseconds: 1_773_500_000_000 + Int64(step))
        let history = TicketHistory(
            changes: changes,
            messages: [
                .init(authorID: nil, draft: CommentDraft(body: "Long ago"), createdAt: time)
            ], createdAt: time)
        return try importTicket(history).ticket.id
    }
}
