package import SQLite
package import Wire

/// There is more to copy than was allowed.
package struct CopyTooLarge: Error {
    package let byteLimit: Int64
}

/// Copies rows of one tenant out of a shard, as one snapshot has them, into a store that belongs to nobody else.
///
/// The store must not capture changes: what is in it is no part of any log, and the file goes when its owner has done with it. Rows are written
/// some at a time, so that the copy can be given up in between.
package final class TenantCopy {
    /// Rows between two looks at the limit and at `pause`.
    private static let rowsPerStep = 500

    private let source: ShardReader
    private let store: ShardStore
    private let byteLimit: Int64
    private let pause: () throws -> Void
    private var pending = 0

    /// - Parameters:
    ///   - byteLimit: of the store's file.
    ///   - pause: called after every few hundred rows; what it throws ends the copy.
    package init(
        from source: ShardReader, into store: ShardStore, byteLimit: Int64,
        pause: @escaping () throws -> Void
    ) {
        precondition(!store.capturesChanges, "what is copied is no part of a log")
        self.source = source
        self.store = store
        self.byteLimit = byteLimit
        self.pause = pause
    }

    /// Copies rows of a table.
    /// - Parameters:
    ///   - tenant: whose they are in the store.
    ///   - condition: SQL with values from `?2` on.
    ///   - blank: columns that become NULL.
    /// - Returns: how many.
    @discardableResult
    package func copy(
        _ table: String, as tenant: TenantID, where condition: String = "1",
        _ values: [any Bindable] = [], blank: Set<String> = []
    ) throws -> Int {
        guard let columns = store.catalog[table]?.columns else { return 0 }
        let read = columns.map { blank.contains($0) ? "NULL" : "\"\($0)\"" }
        let places = columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
        let names = columns.map { "\"\($0)\"" }.joined(separator: ", ")
        let insertion = try store.connection.statement(
            "INSERT INTO \"\(table)\" (\(names)) VALUES (\(places))")
        var count = 0
        try source.forEach(
            "SELECT \(read.joined(separator: ", ")) FROM \"\(table)\" WHERE tenant = ?1 AND (\(condition))",
            values: values
        ) { row in
            if !store.connection.isInTransaction { try store.connection.begin(.immediate) }
            var cells = (0..<row.count).map { row.value($0) }
            cells[0] = .integer(tenant.rawValue)
            try insertion.run(cells)
            count += 1
            pending += 1
            if pending >= Self.rowsPerStep { try finish() }
            return true
        }
        return count
    }

    /// Makes what was copied so far readable.
    package func finish() throws {
        pending = 0
        if store.connection.isInTransaction { try store.connection.commit() }
        try store.maintain()
        guard try store.byteCount() <= byteLimit else { throw CopyTooLarge(byteLimit: byteLimit) }
        try pause()
    }
}

extension ShardStore {
    /// The tables that hold tenants' rows, with their columns.
    package var tables: [(name: String, columns: [String])] {
        catalog.tables.map { ($0.name, $0.columns) }
    }

    /// What the store takes, in bytes.
    package func byteCount() throws -> Int64 {
        let pages = try connection.first("PRAGMA page_count") { $0.int64(0) } ?? 0
        return pages * 4096
    }
}
