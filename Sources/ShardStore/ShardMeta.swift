import Consensus
import SQLite
import Wire

/// The store's own rows: where the file stands. Written in the transaction of the entries they speak of, never captured.
struct ShardMeta {
    static let sql = """
        CREATE TABLE IF NOT EXISTS lodge_shard(
            id INTEGER PRIMARY KEY CHECK (id = 1), shard INTEGER NOT NULL, schema_name TEXT NOT NULL,
            schema_step INTEGER NOT NULL, applied_index INTEGER NOT NULL, applied_time INTEGER NOT NULL,
            last_identifier INTEGER NOT NULL, state_hash INTEGER NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS lodge_tenants(
            tenant INTEGER PRIMARY KEY, state_hash INTEGER NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS lodge_tables(name TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE)
            STRICT, WITHOUT ROWID;
        """

    let schemaStep: Int
    let appliedIndex: LogIndex
    let appliedTime: Timestamp
    let lastIdentifier: Int64
    let stateHash: UInt64

    static func load(_ connection: Connection, shard: ShardID, schema: ShardSchema) throws
        -> ShardMeta
    {
        let row = try connection.first(
            """
            SELECT shard, schema_name, schema_step, applied_index, applied_time, last_identifier, state_hash
            FROM lodge_shard
            """
        ) { row in
            (
                shard: row.int64(0), schema: row.text(1),
                meta: ShardMeta(
                    schemaStep: row.int(2), appliedIndex: LogIndex(rawValue: UInt64(row.int64(3))),
                    appliedTime: Timestamp(rawValue: row.int64(4)), lastIdentifier: row.int64(5),
                    stateHash: UInt64(bitPattern: row.int64(6)))
            )
        }
        guard let row else {
            try connection.run(
                "INSERT INTO lodge_shard VALUES (1, ?1, ?2, 0, 0, 0, 0, 0)", Int64(shard.rawValue),
                schema.name)
            return ShardMeta(
                schemaStep: 0, appliedIndex: .zero, appliedTime: Timestamp(rawValue: 0),
                lastIdentifier: 0, stateHash: 0)
        }
        guard row.shard == Int64(shard.rawValue) else {
            throw ShardFileFault.otherShard(found: ShardID(rawValue: UInt16(clamping: row.shard)))
        }
        guard row.schema == schema.name else { throw ShardFileFault.otherSchema(found: row.schema) }
        guard row.meta.schemaStep <= schema.steps.count else {
            throw ShardFileFault.newerSchema(found: row.meta.schemaStep, known: schema.steps.count)
        }
        return row.meta
    }

    static func store(
        _ connection: Connection, index: LogIndex, time: Timestamp, lastIdentifier: Int64,
        stateHash: UInt64
    ) throws {
        try connection.run(
            """
            UPDATE lodge_shard SET applied_index = ?1, applied_time = ?2, last_identifier = ?3,
            state_hash = ?4 WHERE id = 1
            """, Int64(index.rawValue), time.milliseconds, lastIdentifier,
            Int64(bitPattern: stateHash))
    }

    /// Adds to a tenant's sum; wraps, as the sum does.
    static func add(_ delta: UInt64, to tenant: TenantID, _ connection: Connection) throws {
        let sum = try hash(of: tenant, connection) &+ delta
        try connection.run(
            """
            INSERT INTO lodge_tenants VALUES (?1, ?2)
            ON CONFLICT (tenant) DO UPDATE SET state_hash = excluded.state_hash
            """, tenant.rawValue, Int64(bitPattern: sum))
    }

    static func hash(of tenant: TenantID, _ connection: Connection) throws -> UInt64 {
        try connection.first(
            "SELECT state_hash FROM lodge_tenants WHERE tenant = ?1", tenant.rawValue
        ) { UInt64(bitPattern: $0.int64(0)) } ?? 0
    }

    static func hashes(_ connection: Connection) throws -> [TenantID: UInt64] {
        let rows = try connection.all(
            "SELECT tenant, state_hash FROM lodge_tenants WHERE state_hash != 0"
        ) { (TenantID(rawValue: $0.int64(0)), UInt64(bitPattern: $0.int64(1))) }
        return Dictionary(uniqueKeysWithValues: rows)
    }
}
