import SQLite
import Wire

/// Recomputes the state hash of every tenant from the tables: the slow check that the running sums are true.
struct ShardScrub {
    let connection: Connection
    let catalog: TableCatalog

    func hashes() throws -> [TenantID: UInt64] {
        var sums: [TenantID: UInt64] = [:]
        for table in catalog.tables {
            let columns = table.columns.map { "\"\($0)\"" }.joined(separator: ", ")
            try connection.transient("SELECT \(columns) FROM \"\(table.name)\"").forEach([]) {
                row in
                sums[TenantID(rawValue: row.int64(0)), default: 0] &+= hash(row, table)
                return true
            }
        }
        return sums.filter { $0.value != 0 }
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
