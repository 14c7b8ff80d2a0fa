import Foundation
import SQLite
import TestSupport
import Wire

@testable import ShardStore

extension TemporaryFolder {
    /// Another database of the same files, as a process would find them that comes after this one.
    func copyFiles(_ source: String, to target: String) throws {
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: file(source + suffix), toPath: file(target + suffix))
        }
    }
}

let testShard = ShardID(rawValue: 3)
let testTime = Timestamp(milliseconds: 1_790_000_000_123)

func openStore(
    _ path: String, _ schema: ShardSchema, now: Timestamp = testTime
) throws -> ShardStore {
    try ShardStore(
        path: path, shard: testShard, schema: schema, now: now,
        options: ShardStoreOptions(syncsCommits: false))
}

/// Every row of every captured table, in key order.
func dump(_ path: String) throws -> [String: [[Value]]] {
    let connection = try Connection(path: path, mode: .readOnly)
    let tables = try connection.all(
        """
        SELECT name FROM sqlite_schema
        WHERE type = 'table' AND name NOT LIKE 'lodge\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
        """
    ) { $0.text(0) }
    var result: [String: [[Value]]] = [:]
    for table in tables {
        let key = try connection.transient(
            "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk"
        ).all([table]) { "\"\($0.text(0))\"" }.joined(separator: ", ")
        result[table] = try connection.all("SELECT * FROM \"\(table)\" ORDER BY \(key)") { row in
            (0..<row.count).map { row.value($0) }
        }
    }
    return result
}

struct Refused: Refusal, Equatable {}
struct Unexpected: Error, Equatable {}

extension ShardStore {
    /// Runs one request and commits it.
    @discardableResult
    func write(
        tenant: Int64 = 1, now: Timestamp = testTime,
        _ body: @escaping (ShardTransaction) throws -> Void
    ) throws -> Block? {
        let batch = try prepare(
            [ShardRequest(tenant: TenantID(rawValue: tenant), body: body)], now: now)
        if case .thrown(let error) = batch.outcomes[0] {
            try rollback()
            throw error
        }
        try commit()
        return batch.block
    }
}

/// Tables with every type and shape of key that the rules allow.
let shapesSchema = ShardSchema(
    name: "shapes",
    steps: [
        SchemaStep(
            number: 1,
            sql: """
                CREATE TABLE pairs(
                    tenant INTEGER NOT NULL, a INTEGER NOT NULL, b TEXT NOT NULL,
                    whole INTEGER, share REAL, word TEXT, bytes BLOB, anything ANY,
                    PRIMARY KEY (tenant, a, b)
                ) STRICT, WITHOUT ROWID;
                CREATE UNIQUE INDEX pairs_by_word ON pairs(tenant, word) WHERE word IS NOT NULL;
                CREATE TABLE reversed(
                    tenant INTEGER NOT NULL, note TEXT, z BLOB NOT NULL, x REAL NOT NULL,
                    y TEXT NOT NULL, PRIMARY KEY (tenant, y, x, z)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE singles(
                    tenant INTEGER NOT NULL, share REAL NOT NULL, whole INTEGER NOT NULL,
                    PRIMARY KEY (tenant)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE words(
                    tenant INTEGER NOT NULL, word TEXT NOT NULL COLLATE NOCASE, anything ANY,
                    PRIMARY KEY (tenant, word)
                ) STRICT, WITHOUT ROWID;
                """),
        SchemaStep(
            number: 2,
            sql: """
                ALTER TABLE pairs ADD COLUMN later TEXT;
                ALTER TABLE singles ADD COLUMN later REAL;
                CREATE TABLE extra(
                    tenant INTEGER NOT NULL, id INTEGER NOT NULL, value ANY, PRIMARY KEY (tenant, id)
                ) STRICT, WITHOUT ROWID;
                """),
    ])
