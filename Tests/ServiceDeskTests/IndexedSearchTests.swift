import SQLite
import ShardStore
import Synchronization
import Testing
import Wire
import WordIndex

@testable import ServiceDesk

@Suite("Search with an index of words")
struct IndexedSearchTests {
    @Test("whatever a query is, an index changes nothing of what it finds")
    func everyKindOfQuery() throws {
        let desk = try IndexedDesk(.small())
        try desk.buildAll()
        for (query, expected) in SearchTests.fields {
            let found = try desk.answer(query, indexed: true)
            let plain = try desk.answer(query, indexed: false)
            #expect(found == plain, "\(query)")
            #expect(found.count == Int64(expected.count), "\(query)")
        }
        #expect(desk.orders.damage.withLock { $0 } == 0)
    }

    @Test(
        "answers are those without an index, whatever is written and however far the index has come",
        arguments: [UInt64(1), 2, 3, 4, 5, 6])
    func history(_ seed: UInt64) throws {
        let desk = try IndexedDesk(.random(seed: seed, tickets: 150))
        let model = try SearchModel(desk.desk)
        var dice = SearchRandom(seed: seed &+ 1000)
        var fruitful = 0
        for _ in 0..<150 {
            for _ in 0..<dice.number(0..<4) { try desk.write(&dice) }
            for _ in 0..<dice.number(0..<4) { try desk.step() }
            if dice.chance(5) { try desk.reopen() }
            if dice.chance(2) { desk.loseIndex() }
            let (query, _) = model.query(&dice)
            for principal in model.principals {
                let found = try desk.answer(query, indexed: true, as: principal)
                #expect(
                    try found == desk.answer(query, indexed: false, as: principal),
                    "seed \(seed): \(query)")
                if found.count > 0 { fruitful += 1 }
            }
        }
        #expect(fruitful > 20)
        #expect(desk.orders.damage.withLock { $0 } == 0)
        #expect(desk.orders.wanted.withLock { $0 } > 0)
    }

    @Test("texts of any script are found by any part of their words that a query may name")
    func scripts() throws {
        let desk = try IndexedDesk(.random(seed: 9, tickets: 1))
        var dice = SearchRandom(seed: 77)
        var texts: [String] = []
        for _ in 0..<120 {
            let text = Self.text(&dice)
            texts.append(text)
            _ = try desk.desk.write { try $0.createTicket(SearchDesk.ticket("x \(text)", "body")) }
        }
        try desk.buildAll()
        var found = 0
        for _ in 0..<400 {
            // Some scalars of a text from its first word on, or from any place.
            let scalars = Array(dice.pick(texts).unicodeScalars)
            let start = dice.chance(50) ? 0 : dice.number(0..<scalars.count)
            let end = dice.number(start..<scalars.count) + 1
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars[start..<end])
            let query = "type:ticket \"\(view)\"" + (dice.chance(60) ? "*" : "")
            let answer = try desk.answer(query, indexed: true)
            #expect(try answer == desk.answer(query, indexed: false), "\(query)")
            found += Int(answer.count)
        }
        #expect(found > 200)
    }

    private static func text(_ dice: inout SearchRandom) -> String {
        let alphabets: [[UInt32]] = [
            Array(0x61...0x7a), Array(0x41...0x5a), Array(0x30...0x39), Array(0xc0...0x17f),
            Array(0x391...0x3c9), Array(0x400...0x45f), Array(0x5d0...0x5ea),
            Array(0x4e00...0x4e20), Array(0x3041...0x3060), Array(0xe01...0xe3a),
            Array(0x300...0x310), Array(0x10400...0x10440), Array(0x1f600...0x1f610), [0xb2, 0xbd],
            [0x130, 0xdf, 0x1e9e, 0x3c2, 0xaa],
        ]
        var view = String.UnicodeScalarView()
        for _ in 0..<dice.number(1..<6) {
            let alphabet = dice.pick(alphabets)
            let length = dice.chance(15) ? dice.number(20..<90) : dice.number(1..<9)
            for _ in 0..<length {
                view.append(
                    Unicode.Scalar(dice.chance(95) ? dice.pick(alphabet) : 0x61) ?? "a")
            }
            view.append(dice.chance(80) ? " " : "-")
        }
        view.append("z")
        return String(view)
    }

    @Test("an index leaves few tickets to be read: what it costs does not grow with the desk")
    func work() throws {
        let desk = try IndexedDesk(.random(seed: 5, tickets: 400))
        for number in 0..<3 {
            _ = try desk.desk.write {
                try $0.createTicket(SearchDesk.ticket("zebra \(number)", "stripes"))
            }
        }
        var limits = SearchWork.Limits()
        limits.textRows = 20
        let query = try SearchQuery("type:ticket zebra")
        // Narrowing would not help as waiting does, unless there is nothing to wait for.
        for (takes, refusal) in [(true, SearchWork.notReady), (false, SearchWork.tooMuch)] {
            desk.orders.takes.withLock { $0 = takes }
            #expect(throws: refusal) {
                try desk.read(indexed: true) { try $0.searchCount(query, limits: limits) }
            }
        }
        #expect(throws: SearchWork.tooMuch) {
            try desk.read(indexed: false) { try $0.searchCount(query, limits: limits) }
        }
        // While it waits it reads less than it may, and no less than that when there is nothing to wait for.
        var wide = limits
        wide.textRows = 2000
        let all = try desk.read(indexed: true) { try $0.searchCount(query, limits: wide) }
        #expect(all == 3)
        desk.orders.takes.withLock { $0 = true }
        #expect(throws: SearchWork.notReady) {
            try desk.read(indexed: true) { try $0.searchCount(query, limits: wide) }
        }
        wide.textRows *= 8
        #expect(try desk.read(indexed: true) { try $0.searchCount(query, limits: wide) } == 3)
        try desk.buildAll()
        let count = try desk.read(indexed: true) { try $0.searchCount(query, limits: limits) }
        #expect(count == 3)
        // Also with the last ones not in it yet.
        for number in 0..<10 {
            _ = try desk.desk.write {
                try $0.createTicket(SearchDesk.ticket("zebra \(number)", "stripes"))
            }
        }
        let more = try desk.read(indexed: true) { try $0.searchCount(query, limits: limits) }
        #expect(more == 13)
        #expect(throws: SearchWork.tooMuch) {
            try desk.read(indexed: false) { try $0.searchCount(query, limits: limits) }
        }
    }

    @Test("a search sees its own snapshot, though the index has gone on since")
    func olderSnapshot() throws {
        let desk = try IndexedDesk(.random(seed: 6, tickets: 120))
        let made = try desk.desk.write {
            try $0.createTicket(SearchDesk.ticket("walrus", "tusks")).ticket.id
        }
        try desk.buildAll()
        var query = try SearchQuery("type:ticket penguin")
        func rename(_ subject: String) throws {
            var changes = TicketChanges()
            changes.subject = subject
            let wanted = changes
            _ = try desk.desk.write { try $0.updateTicket(made, wanted) }
        }
        try rename("penguin")
        let early = try desk.read(indexed: true) { early -> [Int64] in
            // The snapshot is of now; the index then reads a text that is not in it any more.
            _ = try early.rows.count(.tickets)
            try rename("ostrich")
            try desk.buildAll()
            return try early.search(query, limits: desk.limits).items.map(\.id)
        }
        #expect(early == [made])
        #expect(try desk.answer(query, indexed: true).ids == [])
        query = try SearchQuery("type:ticket ostrich")
        #expect(try desk.answer(query, indexed: true).ids == [made])
    }

    @Test("a ticket is found by its number, whatever words it has")
    func numbers() throws {
        let desk = try IndexedDesk(.random(seed: 8, tickets: 150))
        try desk.buildAll()
        for number in [12, 77, 137, 149] {
            let query = "type:ticket \(number)"
            let answer = try desk.answer(query, indexed: true)
            #expect(try answer == desk.answer(query, indexed: false), "\(number)")
        }
        #expect(try desk.answer("type:ticket 149", indexed: true).ids.contains(149))
    }

    @Test("with candidates the tickets are found by their numbers")
    func plan() throws {
        let desk = try TestDesk()
        for condition in ["", "AND tickets.status < 4 AND tickets.deleted_at IS NULL "] {
            for order in ["", "AND tickets.id > 7 ORDER BY tickets.id LIMIT 500"] {
                let plan = try desk.transact { rows in
                    try rows.all(
                        """
                        EXPLAIN QUERY PLAN SELECT tickets.id, tickets.updated_at, tickets.subject FROM tickets
                        WHERE tickets.tenant = ?1 \(condition)
                        AND (tickets.id IN (SELECT value FROM json_each(?2))) \(order)
                        """, values: ["[1]"]
                    ) { $0.text(3) }
                }
                #expect(
                    plan.contains {
                        $0.contains("tickets USING PRIMARY KEY (tenant=? AND id=?)")
                    }, "\(plan)")
            }
        }
    }
}

/// A search desk with an index of its words, which goes on when the test says so, in small steps.
private final class IndexedDesk {
    final class Orders: WordOrders {
        let wanted = Mutex(0)
        let damage = Mutex(0)
        /// Whether an index is going to be made.
        let takes = Mutex(true)
        func wanted(_ kind: WordKind, of tenant: TenantID, in shard: ShardID) -> Bool {
            wanted.withLock { $0 += 1 }
            return takes.withLock { $0 }
        }
        func damaged(_ shard: ShardID, _ error: any Error) { damage.withLock { $0 += 1 } }
    }

    struct Answer: Equatable {
        let ids: [Int64]
        let count: Int64
        let counted: Int64
        let exported: [Int64]
    }

    let desk: SearchDesk
    let orders = Orders()
    /// Small desks and words that many tickets have use the index too.
    let limits: SearchWork.Limits = {
        var limits = SearchWork.Limits()
        limits.indexedFrom = 1
        limits.indexedShare = 1
        return limits
    }()
    private let source = DeskWords(auditLimit: 23)
    private let path: String
    private var builder: WordBuilder
    private let indexed: ShardReaderConnection
    private let plain: ShardReaderConnection

    init(_ desk: SearchDesk) throws {
        self.desk = desk
        path = desk.store.path + ".words"
        builder = try WordBuilder(rowsPath: desk.store.path, path: path, source: source)
        indexed = try ShardReaderConnection(
            path: desk.store.path,
            words: WordReader(
                path: path, shard: desk.store.shard, layout: source.layout, orders: orders))
        plain = try ShardReaderConnection(path: desk.store.path)
    }

    @discardableResult
    func step() throws -> Bool {
        try builder.step(.ticket, of: TenantID(rawValue: 1), now: SearchDesk.now).isDone
    }

    func buildAll() throws { while try !step() {} }

    func reopen() throws {
        builder = try WordBuilder(rowsPath: desk.store.path, path: path, source: source)
    }

    func loseIndex() {
        WordBuilder.remove(path)
        builder = try! WordBuilder(rowsPath: desk.store.path, path: path, source: source)
    }

    func read<Result>(
        indexed isIndexed: Bool, as principal: Principal? = nil,
        _ body: (Desk<ShardReader>) throws -> Result
    ) throws -> Result {
        try (isIndexed ? indexed : plain).read(
            tenant: TenantID(rawValue: 1), now: SearchDesk.now
        ) { try body(Desk(rows: $0, principal: principal ?? desk.admin)) }
    }

    func answer(_ text: String, indexed: Bool, as principal: Principal? = nil) throws -> Answer {
        try answer(SearchQuery(text), indexed: indexed, as: principal)
    }

    func answer(
        _ query: SearchQuery, indexed: Bool, as principal: Principal? = nil
    ) throws -> Answer {
        try read(indexed: indexed, as: principal) { desk in
            let page = try desk.search(query, limits: limits)
            var (exported, after): ([Int64], Cursor?) = ([], nil)
            while true {
                let part = try desk.searchExport(
                    query, .ticket, size: 40, after: after, limits: limits)
                exported += part.items.map(\.id)
                guard part.hasMore else { break }
                after = part.last
            }
            return Answer(
                ids: page.items.map(\.id), count: page.count ?? -1,
                counted: try desk.searchCount(query, limits: limits), exported: exported)
        }
    }

    /// Something that somebody does to the desk.
    func write(_ dice: inout SearchRandom) throws {
        let body = dice.pick(SearchDesk.bodies)
        let subject = dice.pick(SearchDesk.subjects)
        let id = Int64(dice.number(1..<160))
        var changes = TicketChanges()
        switch dice.number(0..<8) {
        case 0: changes = SearchDesk.ticket(subject, body)
        case 1: changes.subject = subject
        case 2, 3, 4: changes.comment = CommentDraft(body: body)
        default: changes.status = dice.pick([.open, .pending, .solved])
        }
        let (wanted, way, isErased) = (changes, dice.number(0..<20), dice.chance(50))
        try desk.write { desk in
            if wanted.subject != nil && wanted.comment != nil {
                _ = try desk.createTicket(wanted)
                return
            }
            guard let ticket = try desk.findTicket(id) else { return }
            if way == 0 {
                if ticket.deletedAt == nil { try desk.deleteTicket(id) }
                if isErased { try desk.eraseTicket(id) }
            } else if ticket.deletedAt == nil, ticket.status < .closed {
                _ = try? desk.updateTicket(id, wanted)
            }
        }
    }
}
