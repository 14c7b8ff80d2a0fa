import SQLite

/// What SQLite's planner is told of a shard's tables.
///
/// Without statistics it takes ten rows for a tenant, and walks over all of a tenant's tickets rather than use an index of its own
/// table: a `WITHOUT ROWID` table's primary key begins with the tenant as every index does. Real statistics would make the plan of a
/// query depend on when somebody counted. So each file has the same numbers, of a large desk: whoever reads a query can tell its plan.
enum PlannerStatistics {
    /// Rows of a table, and of one tenant.
    private static let rows = (all: 1_000_000, tenant: 10_000)
    /// Of a partial index's table one row in so many is in the index.
    private static let partialShare = 10
    /// Rows that agree in one more column, and in all columns of an index that is not unique.
    private static let (some, few) = (100, 2)

    /// Writes them for all tables that there are. Within the transaction of the step that made them.
    static func write(_ connection: Connection) throws {
        // Makes the table of statistics, at the price of a look at a table of the store's own.
        try connection.execute("ANALYZE lodge_tables")
        try connection.run("DELETE FROM sqlite_stat1")
        let tables = try connection.all(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        ) { $0.text(0) }
        for table in tables where !table.hasPrefix(TableCatalog.ownPrefix) {
            let indexes = try connection.all(
                """
                SELECT name, "unique", origin, partial, (SELECT count(*) FROM pragma_index_info(list.name))
                FROM pragma_index_list('\(table)') AS list
                """
            ) { row in
                (
                    row.text(0), isUnique: row.bool(1), isKey: row.text(2) == "pk",
                    isPartial: row.bool(3), columns: row.int(4)
                )
            }
            for (name, isUnique, isKey, isPartial, columns) in indexes {
                let share = isPartial ? partialShare : 1
                var numbers = [rows.all / share, rows.tenant / share]
                numbers += Array(repeating: some, count: max(0, columns - 2))
                if columns > 1 { numbers.append(isUnique || columns > 2 ? 1 : few) }
                // Of a table without rowids the primary key is the table.
                try connection.run(
                    "INSERT INTO sqlite_stat1 VALUES (?1, ?2, ?3)", table, isKey ? table : name,
                    numbers.map(String.init).joined(separator: " "))
            }
        }
        try connection.execute("ANALYZE sqlite_schema")
    }
}
