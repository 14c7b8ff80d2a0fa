import SQLite
import TestSupport
import Wire

@testable import ShardStore

/// One statement of a workload: the same text and values for a shard and for a plain file.
struct WorkloadStatement {
    let sql: String
    let values: [Value]
}

/// A request that says beforehand what it will do, so that it can run on any file.
struct WorkloadRequest {
    enum End { case completes, isRefused, fails, isRefusedAtOnce }
    /// A run of statements; undone as one when refused inside a savepoint.
    struct Part {
        let statements: [WorkloadStatement]
        let isRefused: Bool
    }
    let tenant: TenantID
    let parts: [Part]
    let end: End

    var shardRequest: ShardRequest {
        ShardRequest(tenant: tenant) { rows in
            if end == .isRefusedAtOnce { throw Refused() }
            for part in parts {
                do {
                    try rows.savepoint {
                        for statement in part.statements {
                            try ignoringConstraints {
                                try rows.run(statement.sql, values: statement.values)
                            }
                        }
                        if part.isRefused { throw Refused() }
                    }
                } catch is Refused {}
            }
            if end == .isRefused { throw Refused() }
            if end == .fails { throw Unexpected() }
        }
    }

    /// The same effects without a shard around them.
    func run(on connection: Connection) throws {
        guard end == .completes else { return }
        for part in parts where !part.isRefused {
            for statement in part.statements {
                try ignoringConstraints {
                    try connection.statement(statement.sql)
                        .run([Value.integer(tenant.rawValue)] + statement.values)
                }
            }
        }
    }
}

/// A statement that breaks a constraint changes nothing and the request goes on, as a verb might.
private func ignoringConstraints(_ body: () throws -> Int) throws {
    do { _ = try body() } catch let error as SQLiteError
        where error.code.primary == .constraint
    {}
}

/// Random requests over every table of a schema, with small ranges of keys so that they meet the same rows again and again.
struct Workload {
    private struct Column {
        let name: String
        let type: String
        let isNullable: Bool
        let isKey: Bool
    }
    private struct Table {
        let name: String
        let columns: [Column]
        var key: [Column] { columns.dropFirst().filter(\.isKey) }
        var rest: [Column] { columns.filter { !$0.isKey } }
    }

    var random: SeededRandom
    private let tables: [Table]
    private let time: Timestamp

    init(seed: UInt64, path: String, time: Timestamp = testTime) throws {
        random = SeededRandom(seed: seed)
        self.time = time
        let connection = try Connection(path: path, mode: .readOnly)
        tables = try connection.all("SELECT name FROM lodge_tables ORDER BY number") {
            $0.text(0)
        }.map { name in
            Table(
                name: name,
                columns: try connection.transient(
                    "SELECT name, type, \"notnull\", pk FROM pragma_table_info(?1)"
                ).all([name]) {
                    Column(
                        name: $0.text(0), type: $0.text(1), isNullable: !$0.bool(2),
                        isKey: $0.int(3) > 0)
                })
        }
    }

    mutating func requests(_ count: Int) -> [WorkloadRequest] { (0..<count).map { _ in request() } }

    private mutating func request() -> WorkloadRequest {
        let parts = (0..<random.number(1..<4)).map { _ in
            WorkloadRequest.Part(
                statements: (0..<random.number(1..<4)).map { _ in statement() },
                isRefused: random.chance(10))
        }
        let end: WorkloadRequest.End =
            switch random.number(0..<100) {
            case 0..<4: .isRefused
            case 4..<6: .fails
            case 6..<10: .isRefusedAtOnce
            default: .completes
            }
        return WorkloadRequest(
            tenant: TenantID(rawValue: Int64(random.number(1..<5))), parts: parts, end: end)
    }

    private mutating func statement() -> WorkloadStatement {
        let table = random.pick(tables)
        let key = table.key
        let match = (["tenant = ?1"] + key.enumerated().map { "\"\($1.name)\" = ?\($0 + 2)" })
            .joined(separator: " AND ")
        let keyValues = key.map { keyValue($0) }
        let name = "\"\(table.name)\""
        switch random.number(0..<100) {
        case 0..<30,
            30..<50 where table.rest.isEmpty:
            return insert(table, conflict: "")
        case 30..<35: return insert(table, conflict: "ON CONFLICT DO NOTHING")
        case 35..<50:
            let target = (["tenant"] + key.map { "\"\($0.name)\"" }).joined(separator: ", ")
            let sets = table.rest.map { "\"\($0.name)\" = excluded.\"\($0.name)\"" }
                .joined(separator: ", ")
            return insert(table, conflict: "ON CONFLICT (\(target)) DO UPDATE SET \(sets)")
        case 50..<75 where !table.rest.isEmpty:
            let changed = table.rest.filter { _ in random.chance(40) }
            let columns = changed.isEmpty ? [random.pick(table.rest)] : changed
            let sets = columns.enumerated()
                .map { "\"\($1.name)\" = ?\($0 + 2 + key.count)" }.joined(separator: ", ")
            return WorkloadStatement(
                sql: "UPDATE \(name) SET \(sets) WHERE \(match)",
                values: keyValues + columns.map { value($0) })
        case 75..<80 where !table.rest.isEmpty:
            // Many rows at once: may break a unique index half-way.
            let column = random.pick(table.rest)
            return WorkloadStatement(
                sql: "UPDATE \(name) SET \"\(column.name)\" = ?2 WHERE tenant = ?1",
                values: [value(column)])
        case 80..<88 where !key.isEmpty:
            let column = random.pick(key)
            return WorkloadStatement(
                sql: "UPDATE \(name) SET \"\(column.name)\" = ?\(key.count + 2) WHERE \(match)",
                values: keyValues + [keyValue(column)])
        case 88..<90 where !key.isEmpty:
            let column = random.pick(key)
            return WorkloadStatement(
                sql: "DELETE FROM \(name) WHERE tenant = ?1 AND \"\(column.name)\" = ?2",
                values: [keyValue(column)])
        default:
            return WorkloadStatement(sql: "DELETE FROM \(name) WHERE \(match)", values: keyValues)
        }
    }

    private mutating func insert(_ table: Table, conflict: String) -> WorkloadStatement {
        let places = table.columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
        return WorkloadStatement(
            sql: "INSERT INTO \"\(table.name)\" VALUES (\(places)) \(conflict)",
            values: table.columns.dropFirst().map { $0.isKey ? keyValue($0) : value($0) })
    }

    private mutating func keyValue(_ column: Column) -> Value {
        switch column.type {
        case "INTEGER": .integer(random.pick([0, 1, 2, 3, -1, 127, 128, .max, .min]))
        case "REAL": .real(random.pick([0, -0.0, 1, 2.5, .infinity, -7]))
        case "BLOB": .blob(random.pick([[], [0], [0xff, 0xfe], [1, 2, 3]]))
        default:
            .text(random.pick(["", "a", "A", "b", "a\0b", "ü", String(repeating: "k", count: 70)]))
        }
    }

    private mutating func value(_ column: Column) -> Value {
        if column.isNullable && random.chance(25) { return .null }
        switch column.type {
        case "INTEGER": return .integer(integer())
        case "REAL": return .real(real())
        case "BLOB": return .blob(blob())
        case "TEXT": return .text(text())
        default:
            switch random.number(0..<4) {
            case 0: return .integer(integer())
            case 1: return .real(real())
            case 2: return .blob(blob())
            default: return .text(text())
            }
        }
    }

    private mutating func integer() -> Int64 {
        switch random.number(0..<8) {
        case 0: .min
        case 1: .max
        case 2: time.milliseconds
        case 3: time.milliseconds - Int64(random.number(0..<100_000))
        case 4:
            (time.milliseconds - IdentifierAllocator.epoch) << 12 + Int64(random.number(0..<70_000))
        case 5: -Int64(random.number(0..<300))
        default: Int64(random.number(0..<300))
        }
    }

    private mutating func real() -> Double {
        random.pick([
            0, -0.0, 1, 5, -3, 0.1, 1.5e300, .infinity, -.infinity, .nan, 4e15, 1e17,
            .leastNonzeroMagnitude, 9.007199254740993e15,
        ])
    }

    private mutating func text() -> String {
        switch random.number(0..<6) {
        case 0: ""
        case 1: "a\0b\0"
        case 2: "Grüße 👋 \u{10FFFF}"
        case 3: String(repeating: "long ", count: random.number(12..<200))
        default: "word \(random.number(0..<20))"
        }
    }

    private mutating func blob() -> [UInt8] {
        (0..<random.pick([0, 1, 8, 63, 64, 500])).map { _ in UInt8(random.number(0..<256)) }
    }
}
