import SQLite
package import Wire

/// Recomputes state hashes from the tables: the slow check that the running sums, and so the rows, are what the log made.
struct ShardScrub {
    let connection: Connection
    let catalog: TableCatalog

    /// The tenants that have rows or a sum, after one, in the order of their numbers.
    func tenant(after last: Int64?) throws -> TenantID? {
        let names = catalog.tables.map(\.name) + ["lodge_tenants"]
        let next = try names.compactMap { name in
            // min() over the key's first column is one step down the tree.
            try connection.transient(
                "SELECT min(tenant) FROM \"\(name)\" WHERE \(last == nil ? "?1" : "tenant > ?1")"
            ).first([last ?? 1]) { $0.kind(0) == .null ? nil : $0.int64(0) } ?? nil
        }.min()
        return next.map { TenantID(rawValue: $0) }
    }

    /// The hash of one tenant's rows as they are.
    func hash(of tenant: TenantID) throws -> UInt64 {
        var sum: UInt64 = 0
        for table in catalog.tables {
            let columns = table.columns.map { "\"\($0)\"" }.joined(separator: ", ")
            try connection.transient(
                "SELECT \(columns) FROM \"\(table.name)\" WHERE tenant = ?1"
            ).forEach([tenant.rawValue]) { row in
                sum &+= hash(row, table)
                return true
            }
        }
        return sum
    }

    private func hash(_ row: Row, _ table: CapturedTable) -> UInt64 {
        let key = StateHash.row(table, tenant: row.int64(0)) { cell(row, $0) }
        var sum = key
        for column in 1..<table.columns.count where !table.isKey[column] {
            sum &+= StateHash.cell(key, column, cell(row, column))
        }
        return sum
    }

    /// The bytes stay valid until the row's next step.
    private func cell(_ row: Row, _ column: Int) -> Cell {
        switch row.kind(column) {
        case .null: .null
        case .integer: .integer(row.int64(column))
        case .real: .real(row.double(column))
        case .text: row.withUTF8(column) { .text(UnsafeRawBufferPointer($0)) }
        case .blob: row.withBlob(column) { .blob($0) }
        }
    }
}

/// A walk over a shard's tenants that compares the rows of each with its running sum, for a background thread. Each step reads
/// one tenant in a snapshot of its own, so that the walk holds back no checkpoint for long, whatever the shard's size.
package final class ShardCheck {
    private let connection: Connection
    private var last: Int64?

    package init(path: String) throws {
        connection = try Connection(path: path, mode: .readOnly)
        try connection.execute("PRAGMA cache_size = -512")
    }

    package enum Step: Equatable, Sendable {
        case sound
        /// The rows and the sum of a tenant differ; `system` when the shard's own sum is not that of its tenants.
        case unsound(TenantID)
        /// All tenants have been looked at.
        case end
    }

    /// Looks at the next tenant.
    /// - Throws: `SQLiteError`; a file that cannot be read is as unsound as one that adds up to something else.
    package func next() throws -> Step {
        try connection.begin(.deferred)
        defer { try? connection.rollback() }
        let scrub = ShardScrub(connection: connection, catalog: try TableCatalog(connection))
        guard let tenant = try scrub.tenant(after: last) else {
            let total = try ShardMeta.hashes(connection).values.reduce(0, &+)
            let kept = try connection.first("SELECT state_hash FROM lodge_shard") {
                UInt64(bitPattern: $0.int64(0))
            }
            return total == kept ? .end : .unsound(.system)
        }
        last = tenant.rawValue
        return try scrub.hash(of: tenant) == ShardMeta.hash(of: tenant, connection)
            ? .sound : .unsound(tenant)
    }
}
