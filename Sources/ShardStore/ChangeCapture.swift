import SQLite
import Wire

/// Turns the preupdate hook's calls into row changes and state-hash deltas.
///
/// Lives with its connection. Between `begin` and `end` every changed row must belong to the request's tenant: another
/// tenant's row here means that a rule of isolation failed, and the process stops before it can be committed.
final class ChangeCapture {
    private var catalog: TableCatalog
    private var writer = ByteWriter()
    private var context = CellContext(time: Timestamp(rawValue: 0), identifierBase: 0)
    private var tenant: Int64?
    private(set) var changeCount = 0
    private(set) var hashDelta: UInt64 = 0
    /// Off while replaying: the hash is kept, the bytes are there already.
    var isEncoding = true
    /// Tables by the address of the name that the hook gives. SQLite may put another name there after it has read the
    /// schema anew, so the name is compared as well. Few enough that a walk beats a dictionary.
    private var known: [(address: UnsafePointer<CChar>, table: CapturedTable?)] = []
    private var changed: [Int] = []

    init(catalog: TableCatalog) { self.catalog = catalog }

    func schemaChanged(_ catalog: TableCatalog) {
        self.catalog = catalog
        known.removeAll()
    }

    func startBlock(_ context: CellContext) { self.context = context }

    func begin(tenant: TenantID) {
        self.tenant = tenant.rawValue
        writer.removeAll()
        changeCount = 0
        hashDelta = 0
    }

    /// A place to come back to when SQLite undoes what was written since.
    struct Mark {
        fileprivate let byteCount: Int
        fileprivate let changeCount: Int
        fileprivate let hashDelta: UInt64
    }

    var mark: Mark {
        Mark(byteCount: writer.count, changeCount: changeCount, hashDelta: hashDelta)
    }

    func rewind(to mark: Mark) {
        writer.truncate(to: mark.byteCount)
        changeCount = mark.changeCount
        hashDelta = mark.hashDelta
    }

    /// The changes since `begin`.
    @discardableResult
    func end() -> [UInt8] {
        tenant = nil
        return writer.bytes
    }

    func record(_ change: RowChange) {
        guard let table = table(change.tableName) else { return }
        guard let tenant else {
            preconditionFailure("a row of \(table.name) changed outside a request")
        }
        precondition(
            (change.operation == .insert || change.old(0).integer == tenant)
                && (change.operation == .delete || change.new(0).integer == tenant),
            "a request changed another tenant's row")
        changeCount += 1
        switch change.operation {
        case .insert: insert(change, table, tenant)
        case .delete: delete(change, table, tenant)
        case .update:
            let movesKey = table.keyColumns.contains {
                !isEqual(cell(change.old($0), $0, table), cell(change.new($0), $0, table))
            }
            if movesKey {
                delete(change, table, tenant)
                insert(change, table, tenant)
            } else {
                update(change, table, tenant)
            }
        }
    }

    // MARK: The three operations

    private func insert(_ change: RowChange, _ table: CapturedTable, _ tenant: Int64) {
        let row = StateHash.row(table, tenant: tenant) { cell(change.new($0), $0, table) }
        hashDelta &+= row
        if isEncoding { writer.write(ChangeHead(operation: .insert, table: table.number)) }
        for column in 1..<table.columns.count {
            let cell = cell(change.new(column), column, table)
            if isEncoding { writer.write(cell, context) }
            if !table.isKey[column] { hashDelta &+= StateHash.cell(row, column, cell) }
        }
    }

    private func delete(_ change: RowChange, _ table: CapturedTable, _ tenant: Int64) {
        if isEncoding { writeKey(.delete, change, table) }
        let row = StateHash.row(table, tenant: tenant) { cell(change.old($0), $0, table) }
        hashDelta &-= row
        for column in 1..<table.columns.count where !table.isKey[column] {
            hashDelta &-= StateHash.cell(row, column, cell(change.old(column), column, table))
        }
    }

    private func update(_ change: RowChange, _ table: CapturedTable, _ tenant: Int64) {
        changed.removeAll(keepingCapacity: true)
        let row = StateHash.row(table, tenant: tenant) { cell(change.old($0), $0, table) }
        var bitmap: UInt64 = 0
        for column in 1..<table.columns.count where !table.isKey[column] {
            let old = cell(change.old(column), column, table)
            let new = cell(change.new(column), column, table)
            if isEqual(old, new) { continue }
            bitmap |= 1 << UInt64(column)
            changed.append(column)
            hashDelta &-= StateHash.cell(row, column, old)
            hashDelta &+= StateHash.cell(row, column, new)
        }
        guard !changed.isEmpty else {
            changeCount -= 1
            return
        }
        guard isEncoding else { return }
        writeKey(.update, change, table)
        writer.write(varint: bitmap)
        for column in changed { writer.write(cell(change.new(column), column, table), context) }
    }

    private func writeKey(
        _ operation: ChangeOperation, _ change: RowChange, _ table: CapturedTable
    ) {
        writer.write(ChangeHead(operation: operation, table: table.number))
        for column in table.keyColumns {
            writer.write(cell(change.old(column), column, table), context)
        }
    }

    // MARK: Cells

    /// The bytes are SQLite's and stay valid inside the hook.
    private func cell(_ value: ChangedValue, _ column: Int, _ table: CapturedTable) -> Cell {
        switch value.kind {
        case .null: .null
        // SQLite stores a whole number of a REAL column as an integer, and the hook shows it as stored.
        case .integer: table.isReal[column] ? .real(value.real) : .integer(value.integer)
        case .real: .real(value.real)
        case .text: .text(value.bytes)
        case .blob: .blob(value.bytes)
        }
    }

    private func isEqual(_ a: Cell, _ b: Cell) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.integer(let a), .integer(let b)): a == b
        case (.real(let a), .real(let b)): a.bitPattern == b.bitPattern
        case (.text(let a), .text(let b)), (.blob(let a), .blob(let b)):
            isEqual(a, b)
        default: false
        }
    }

    /// Eight bytes at a time; most texts compared here are equal to their end.
    private func isEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        guard a.count == b.count else { return false }
        var offset = 0
        while offset + 8 <= a.count {
            let same =
                a.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                == b.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard same else { return false }
            offset += 8
        }
        while offset < a.count {
            guard a[offset] == b[offset] else { return false }
            offset += 1
        }
        return true
    }

    private func table(_ name: UnsafePointer<CChar>) -> CapturedTable? {
        if let entry = known.first(where: { $0.address == name }) {
            if let table = entry.table {
                if table.isNamed(name) { return table }
            } else if TableCatalog.isOwn(name) {
                return nil
            }
            known.removeAll()
        }
        let text = String(cString: name)
        let table = catalog[text]
        precondition(
            table != nil || TableCatalog.isOwn(name), "table \(text) is not in the catalog")
        known.append((name, table))
        return table
    }
}
