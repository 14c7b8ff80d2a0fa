import Consensus
import Measurement
import SQLite
import ShardStore
import Wire

/// One SQLite that nobody replicates, a transaction a write, creates, changes and comments as 1 to 3 to 2: what a help desk on
/// one SQLite file would do. `plain` has a simple schema and prepared statements and no rules at all; `desk` is Lodge's own rows
/// through its own verbs, without capture.
enum SQLiteLimits {
    static func measure(seconds: Double, folder: String) throws -> [Limit] {
        var limits: [Limit] = []
        for isFull in [true, false] {
            let (name, mode) = isFull ? ("full", "FULL") : ("normal", "NORMAL")
            let plain = try PlainDesk(path: "\(folder)/plain-\(name).sqlite", synchronous: mode)
            let plainWrites = try Repetition.run(seconds: seconds) { _ in try plain.write() }
            limits.append(
                plainWrites.limit(
                    "sqlite-\(name)-plain", "writes in one SQLite, \(mode), a simple desk's rows"))
            var options = BenchShard.Options(tenants: 20, tickets: 200)
            options.capturesChanges = false
            options.syncsCommits = isFull
            let desk = try BenchShard(path: "\(folder)/desk-\(name).sqlite", options)
            let deskWrites = try Repetition.run(seconds: seconds) { _ in
                try desk.run(desk.mixed(1))
            }
            limits.append(
                deskWrites.limit(
                    "sqlite-\(name)-desk", "writes in one SQLite, \(mode), Lodge's rows and rules"))
            try expect(plain.count == plainWrites.count, "rows are missing in the plain desk")
            try expect(
                desk.store.appliedIndex.rawValue >= UInt64(deskWrites.count),
                "writes are missing in Lodge's rows")
        }
        return limits
    }

    private static func expect(_ isSo: Bool, _ what: String) throws {
        guard isSo else { throw LimitFault(description: what) }
    }
}

/// A help desk in a few tables.
private final class PlainDesk {
    private static let tenants = 20
    private static let text = String(
        repeating: "The kettle in the second-floor kitchen trips the fuse when it boils. ", count: 7
    )
    private static let shortText = String(text.prefix(200))

    private let connection: Connection
    private var random = SplitMix64(state: 1)
    private var tickets = [Int](repeating: 0, count: PlainDesk.tenants)
    private var writes: Int64 = 0

    init(path: String, synchronous: String) throws {
        connection = try Connection(path: path, mode: .create)
        try connection.execute(
            """
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = \(synchronous);
            CREATE TABLE tickets(
                tenant INTEGER, id INTEGER, subject TEXT, description TEXT, status INTEGER,
                requester INTEGER, comments INTEGER, updated_at INTEGER,
                PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID;
            CREATE INDEX by_status ON tickets(tenant, status, updated_at);
            CREATE INDEX by_requester ON tickets(tenant, requester);
            CREATE TABLE audits(
                tenant INTEGER, ticket INTEGER, id INTEGER, body TEXT, events TEXT,
                PRIMARY KEY (tenant, ticket, id)) STRICT, WITHOUT ROWID;
            CREATE TABLE counters(
                tenant INTEGER, kind INTEGER, value INTEGER,
                PRIMARY KEY (tenant, kind)) STRICT, WITHOUT ROWID;
            """)
    }

    /// How many writes have left an audit.
    var count: Int {
        get throws {
            try connection.first("SELECT count(*) FROM audits") { $0.int(0) } ?? 0
        }
    }

    /// One transaction.
    func write() throws {
        let tenant = random.number(below: Self.tenants)
        let kind = random.number(below: 6)
        writes += 1
        try connection.begin(.immediate)
        let ticket: Int
        let body: String
        if tickets[tenant] == 0 || kind == 0 {
            tickets[tenant] += 1
            ticket = tickets[tenant]
            body = Self.text
            try connection.run(
                "INSERT INTO tickets VALUES (?, ?, ?, ?, 1, ?, 1, ?)", tenant, ticket,
                "Kettle \(writes)", Self.text, random.number(below: 500), writes)
            try connection.run(
                "INSERT INTO counters VALUES (?, 1, 1) ON CONFLICT DO UPDATE SET value = value + 1",
                tenant)
        } else {
            ticket = random.number(below: tickets[tenant]) + 1
            body = kind <= 3 ? "" : Self.shortText
            try connection.run(
                """
                UPDATE tickets SET status = ?, comments = comments + ?, updated_at = ?
                WHERE tenant = ? AND id = ?
                """, random.number(below: 3) + 1, body.isEmpty ? 0 : 1, writes, tenant, ticket)
        }
        try connection.run(
            "INSERT INTO audits VALUES (?, ?, ?, ?, ?)", tenant, ticket, writes, body,
            #"[["Change","status","open","new"]]"#)
        try connection.commit()
    }
}
