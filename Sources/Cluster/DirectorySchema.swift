import ShardStore

/// The tables of shard 0. Its rows belong to the system tenant, so that capture, hash and replay are the same code.
enum DirectorySchema {
    static let schema = ShardSchema(
        name: "directory",
        steps: [
            SchemaStep(
                number: 1,
                sql: """
                    CREATE TABLE tenants(
                        tenant INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL,
                        shard INTEGER NOT NULL, epoch INTEGER NOT NULL, state INTEGER NOT NULL,
                        plan TEXT NOT NULL, requests_per_minute INTEGER NOT NULL,
                        agent_limit INTEGER NOT NULL, storage_limit INTEGER NOT NULL,
                        created_at INTEGER NOT NULL, PRIMARY KEY (tenant, id)
                    ) STRICT, WITHOUT ROWID;
                    -- One tenant a name, also between two creates at once.
                    CREATE UNIQUE INDEX tenants_by_name ON tenants(tenant, name);
                    CREATE TABLE hostnames(
                        tenant INTEGER NOT NULL, hostname TEXT NOT NULL, owner INTEGER NOT NULL,
                        PRIMARY KEY (tenant, hostname)
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE operator_tokens(
                        tenant INTEGER NOT NULL, id INTEGER NOT NULL, label TEXT NOT NULL,
                        digest BLOB NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (tenant, id)
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE settings(
                        tenant INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
                        PRIMARY KEY (tenant, name)
                    ) STRICT, WITHOUT ROWID;
                    """),
            SchemaStep(
                number: 2,
                sql: """
                    CREATE TABLE nodes(
                        tenant INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL,
                        zone TEXT NOT NULL, address TEXT NOT NULL, state INTEGER NOT NULL,
                        PRIMARY KEY (tenant, id)
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE revoked_certificates(
                        tenant INTEGER NOT NULL, serial TEXT NOT NULL, reason TEXT NOT NULL,
                        revoked_at INTEGER NOT NULL, PRIMARY KEY (tenant, serial)
                    ) STRICT, WITHOUT ROWID;
                    """),
        ])
}
