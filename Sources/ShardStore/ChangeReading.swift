package import Consensus
import SQLite
package import Wire

/// One changed row in words: what `lodge tail` shows.
package struct RowChangeText: Equatable, Sendable {
    package enum Value: Equatable, Sendable {
        case null
        case integer(Int64)
        case real(Double)
        case text(String)
        /// So many bytes. What they are is not shown: among them are digests of credentials.
        case bytes(Int)
    }

    package struct Column: Equatable, Sendable {
        package let name: String
        package let value: Value
    }

    package let operation: ChangeOperation
    package let table: String
    /// The primary key after the tenant.
    package let key: [Column]
    /// All other columns of a new row that are not NULL; of an updated one those that changed, with their new values.
    package let columns: [Column]
}

/// One entry of a shard's log in words.
package struct EntryText: Equatable, Sendable {
    package let index: LogIndex
    /// The leader's time.
    package let time: Timestamp
    package let tenant: TenantID
    /// The number of the schema step that the entry takes; nil when it changes rows.
    package let schemaStep: Int?
    package let changes: [RowChangeText]
}

extension ShardReaderConnection {
    /// What a block did, by the names of the tables as they are in the file now: they only ever gain columns.
    /// - Throws: `ReplayFault` when the block names a table or column that the file does not have.
    package func entries(of block: Block) throws -> [EntryText] {
        let reading = ChangeReading(catalog: try TableCatalog(connection), context: block.context)
        return try block.entries.enumerated().map { offset, entry in
            let index = LogIndex(rawValue: block.firstIndex.rawValue + UInt64(offset))
            do {
                return EntryText(
                    index: index, time: block.time, tenant: entry.tenant,
                    schemaStep: entry.kind == .schemaStep ? try reading.step(entry) : nil,
                    changes: entry.kind == .rows ? try reading.changes(entry) : [])
            } catch let fault as DecodingFault { throw ReplayFault.malformed(fault) }
        }
    }
}

private struct ChangeReading {
    let catalog: TableCatalog
    let context: CellContext

    func step(_ entry: Block.Entry) throws -> Int {
        try entry.payload.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            return Int(clamping: try reader.varint())
        }
    }

    func changes(_ entry: Block.Entry) throws -> [RowChangeText] {
        try entry.payload.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            var changes: [RowChangeText] = []
            while reader.remaining > 0 { changes.append(try change(&reader)) }
            return changes
        }
    }

    private func change(_ reader: inout ByteReader) throws -> RowChangeText {
        let head = try reader.changeHead()
        guard let table = catalog[head.table] else { throw ReplayFault.unknownTable(head.table) }
        func column(_ place: Int) throws -> RowChangeText.Column {
            RowChangeText.Column(name: table.columns[place], value: try value(&reader))
        }
        switch head.operation {
        case .insert:
            let all = try (1..<table.columns.count).map { (place: $0, column: try column($0)) }
            return RowChangeText(
                operation: .insert, table: table.name,
                key: table.keyColumns.compactMap { key in all.first { $0.place == key }?.column },
                columns: all.filter { !table.isKey[$0.place] && $0.column.value != .null }
                    .map(\.column))
        case .delete:
            return RowChangeText(
                operation: .delete, table: table.name, key: try table.keyColumns.map(column),
                columns: [])
        case .update:
            let key = try table.keyColumns.map(column)
            let bitmap = try reader.varint()
            guard bitmap & ~table.updatableColumns == 0 else {
                throw DecodingFault.invalid("column bitmap")
            }
            return RowChangeText(
                operation: .update, table: table.name, key: key,
                columns: try table.columns.indices.filter { bitmap & 1 << UInt64($0) != 0 }
                    .map(column))
        }
    }

    private func value(_ reader: inout ByteReader) throws -> RowChangeText.Value {
        switch try reader.cell(context) {
        case .null: return .null
        case .integer(let value): return .integer(value)
        case .real(let value): return .real(value)
        case .text(let bytes):
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw DecodingFault.invalid("text is not UTF-8")
            }
            return .text(text)
        case .blob(let bytes): return .bytes(bytes.count)
        }
    }
}
