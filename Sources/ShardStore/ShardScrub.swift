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
        var keyHasher = CellHasher(seed: UInt64(table.number))
        keyHasher.add(UInt64(bitPattern: row.int64(0)))
        for column in table.keyColumns { add(row, column, to: &keyHasher) }
        let key = keyHasher.value
        var sum = key
        for column in 1..<table.columns.count where !table.isKey[column] && !row.isNull(column) {
            var hasher = CellHasher(seed: key &+ UInt64(column))
            add(row, column, to: &hasher)
            sum &+= hasher.value
        }
        return sum
    }

    private func add(_ row: Row, _ column: Int, to hasher: inout CellHasher) {
        switch row.value(column) {
        case .null: hasher.add(0)
        case .integer(let value):
            hasher.add(1)
            hasher.add(UInt64(bitPattern: value))
        case .real(let value):
            hasher.add(2)
            hasher.add(value.bitPattern)
        case .text:
            hasher.add(3)
            row.withUTF8(column) { hasher.add(UnsafeRawBufferPointer($0)) }
        case .blob:
            hasher.add(4)
            row.withBlob(column) { hasher.add($0) }
        }
    }
}
