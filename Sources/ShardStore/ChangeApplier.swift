package import Consensus
import SQLite
package import Wire

/// Why a block could not be replayed. The replica must be rebuilt from a peer or the block fetched again; it never guesses.
package enum ReplayFault: Error, Equatable {
    case gap(expected: LogIndex, found: LogIndex)
    case otherShard(ShardID)
    /// A change names a table or column this schema does not have.
    case unknownTable(Int)
    case malformed(DecodingFault)
    /// An update or delete found no row: the files differ already.
    case missingRow(table: String)
    /// A row breaks a constraint of its table: the files differ already, or the bytes are not what a leader captured.
    case conflict(table: String)
    /// A schema step that does not follow the file's last one.
    case unexpectedSchemaStep(Int)
    /// The same entries led to another state.
    case diverged(at: LogIndex)
}

/// Writes captured row changes to a file, with one prepared statement for each shape of change.
final class ChangeApplier {
    private let connection: Connection
    private let catalog: TableCatalog
    private var statements: [Shape: Statement] = [:]
    /// The bound on prepared shapes; an update's shape is its set of changed columns.
    private let shapeLimit = 512

    private struct Shape: Hashable {
        let operation: ChangeOperation
        let table: Int
        let bitmap: UInt64
    }

    init(connection: Connection, catalog: TableCatalog) {
        self.connection = connection
        self.catalog = catalog
    }

    func apply(_ entry: Block.Entry, _ context: CellContext) throws {
        try entry.payload.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            do {
                while reader.remaining > 0 {
                    try applyChange(&reader, tenant: entry.tenant, context)
                }
            } catch let fault as DecodingFault { throw ReplayFault.malformed(fault) }
        }
    }

    private func applyChange(
        _ reader: inout ByteReader, tenant: TenantID, _ context: CellContext
    ) throws {
        let head = try reader.changeHead()
        guard let table = catalog[head.table] else { throw ReplayFault.unknownTable(head.table) }
        var values: [any Bindable] = [tenant.rawValue]
        values.reserveCapacity(table.columns.count)
        var bitmap: UInt64 = 0
        switch head.operation {
        case .insert:
            for _ in 1..<table.columns.count { values.append(try CellValue(reader.cell(context))) }
        case .delete:
            for _ in table.keyColumns { values.append(try CellValue(reader.cell(context))) }
        case .update:
            for _ in table.keyColumns { values.append(try CellValue(reader.cell(context))) }
            bitmap = try reader.varint()
            guard bitmap != 0, bitmap & ~table.updatableColumns == 0 else {
                throw DecodingFault.invalid("column bitmap")
            }
            for _ in 0..<bitmap.nonzeroBitCount {
                values.append(try CellValue(reader.cell(context)))
            }
        }
        let shape = Shape(operation: head.operation, table: head.table, bitmap: bitmap)
        let changed: Int
        do { changed = try statement(shape, table).run(values) } catch let error as SQLiteError
            where error.code.primary == .constraint
        { throw ReplayFault.conflict(table: table.name) }
        guard changed == 1 else { throw ReplayFault.missingRow(table: table.name) }
    }

    private func statement(_ shape: Shape, _ table: CapturedTable) throws -> Statement {
        if let known = statements[shape] { return known }
        if statements.count >= shapeLimit { statements.removeAll() }
        let statement = try connection.transient(sql(shape, table))
        statements[shape] = statement
        return statement
    }

    private func sql(_ shape: Shape, _ table: CapturedTable) -> String {
        let name = "\"\(table.name)\""
        func column(_ index: Int) -> String { "\"\(table.columns[index])\"" }
        let key =
            (["tenant = ?1"]
            + table.keyColumns.enumerated().map {
                "\(column($0.element)) = ?\($0.offset + 2)"
            }).joined(separator: " AND ")
        switch shape.operation {
        case .insert:
            let columns = table.columns.indices.map(column).joined(separator: ", ")
            let places = table.columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
            return "INSERT INTO \(name) (\(columns)) VALUES (\(places))"
        case .delete: return "DELETE FROM \(name) WHERE \(key)"
        case .update:
            let changed = table.columns.indices.filter { shape.bitmap & 1 << UInt64($0) != 0 }
            let sets = changed.enumerated().map {
                "\(column($0.element)) = ?\($0.offset + 2 + table.keyColumns.count)"
            }.joined(separator: ", ")
            return "UPDATE \(name) SET \(sets) WHERE \(key)"
        }
    }
}

/// A cell bound without a copy of our own; its bytes outlive the statement's run.
private struct CellValue: Bindable {
    private let cell: Cell
    init(_ cell: Cell) throws {
        if case .text(let bytes) = cell, String(validating: bytes, as: UTF8.self) == nil {
            throw DecodingFault.invalid("text is not UTF-8")
        }
        self.cell = cell
    }
    func bind(to statement: Statement, at index: Int32) {
        switch cell {
        case .null: statement.bindNull(at: index)
        case .integer(let value): value.bind(to: statement, at: index)
        case .real(let value): value.bind(to: statement, at: index)
        case .text(let bytes): statement.bind(utf8: bytes, at: index)
        case .blob(let bytes): statement.bind(blob: bytes, at: index)
        }
    }
}
