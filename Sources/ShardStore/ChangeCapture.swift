import SQLite
import Wire

/// Turns the preupdate hook's calls into row changes and state-hash deltas.
///
/// Lives with its connection. Between `begin` and `end` every changed row must belong to the request's tenant: another
/// tenant's row here means that a rule of isolation failed, and the process stops before it can be committed.
final class ChangeCapture {
    private var catalog: TableCatalog
    private var writer = ByteWriter()
    private(set) var context = CellContext(time: Timestamp(rawValue: 0), identifierBase: 0)
    private var tenant: TenantID?
    private(set) var changeCount = 0
    private(set) var hashDelta: UInt64 = 0
    /// Off while replaying: the hash is kept, the bytes are there already.
    var isEncoding = true
    /// The hook gives the name of a table as an address that stays the same while the schema does.
    private var tableByAddress: [UInt: CapturedTable?] = [:]
    private var changed: [Int] = []

    init(catalog: TableCatalog) { self.catalog = catalog }

    func schemaChanged(_ catalog: TableCatalog) {
        self.catalog = catalog
        tableByAddress.removeAll()
    }

    func startBlock(_ context: CellContext) { self.context = context }

    func begin(tenant: TenantID) {
        self.tenant = tenant
        writer.removeAll()
        changeCount = 0
        hashDelta = 0
    }

    /// A place to come back to when a savepoint is undone.
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
    func end() -> [UInt8] {
        tenant = nil
        return writer.bytes
    }

    func record(_ change: RowChange) {
        guard let table = table(change) else { return }
        let old = change.operation == .insert ? nil : change.old(0).integer
        let new = change.operation == .delete ? nil : change.new(0).integer
        guard let tenant else { preconditionFailure("a captured table changed outside a request") }
        precondition(
            (old ?? tenant.rawValue) == tenant.rawValue
                && (new ?? tenant.rawValue) == tenant.rawValue,
            "a request changed another tenant's row")
        changeCount += 1
        switch change.operation {
        case .insert: insert(change, table)
        case .delete: delete(change, table)
        case .update:
            if table.keyColumns.contains(where: { !equal(change.old($0), change.new($0)) }) {
                delete(change, table)
                insert(change, table)
            } else {
                update(change, table)
            }
        }
    }

    // MARK: The three operations

    private func insert(_ change: RowChange, _ table: CapturedTable) {
        if isEncoding {
            writer.write(ChangeHead(operation: .insert, table: table.number))
            for column in 1..<table.columns.count { write(change.new(column)) }
        }
        let key = keyHash(table) { change.new($0) }
        hashDelta &+= key
        for column in 1..<table.columns.count where !table.isKey[column] {
            hashDelta &+= cellHash(key, column, change.new(column))
        }
    }

    private func delete(_ change: RowChange, _ table: CapturedTable) {
        if isEncoding {
            writer.write(ChangeHead(operation: .delete, table: table.number))
            for column in table.keyColumns { write(change.old(column)) }
        }
        let key = keyHash(table) { change.old($0) }
        hashDelta &-= key
        for column in 1..<table.columns.count where !table.isKey[column] {
            hashDelta &-= cellHash(key, column, change.old(column))
        }
    }

    private func update(_ change: RowChange, _ table: CapturedTable) {
        changed.removeAll(keepingCapacity: true)
        let key = keyHash(table) { change.old($0) }
        var bitmap: UInt64 = 0
        for column in 1..<table.columns.count where !table.isKey[column] {
            let old = change.old(column)
            let new = change.new(column)
            if equal(old, new) { continue }
            bitmap |= 1 << UInt64(column)
            changed.append(column)
            hashDelta &-= cellHash(key, column, old)
            hashDelta &+= cellHash(key, column, new)
        }
        guard !changed.isEmpty else {
            changeCount -= 1
            return
        }
        guard isEncoding else { return }
        writer.write(ChangeHead(operation: .update, table: table.number))
        for column in table.keyColumns { write(change.old(column)) }
        writer.write(varint: bitmap)
        for column in changed { write(change.new(column)) }
    }

    // MARK: Cells

    private func write(_ value: ChangedValue) {
        switch value.kind {
        case .null: writer.writeNullCell()
        case .integer: writer.writeCell(integer: value.integer, context)
        case .real: writer.writeCell(real: value.real)
        case .text: writer.writeCell(text: value.bytes)
        case .blob: writer.writeCell(blob: value.bytes)
        }
    }

    private func equal(_ a: ChangedValue, _ b: ChangedValue) -> Bool {
        let kind = a.kind
        guard kind == b.kind else { return false }
        switch kind {
        case .null: return true
        case .integer: return a.integer == b.integer
        case .real: return a.real.bitPattern == b.real.bitPattern
        case .text, .blob: return a.bytes.elementsEqual(b.bytes)
        }
    }

    private func keyHash(_ table: CapturedTable, _ value: (Int) -> ChangedValue) -> UInt64 {
        var hasher = CellHasher(seed: UInt64(table.number))
        hasher.add(UInt64(bitPattern: value(0).integer))
        for column in table.keyColumns { add(value(column), to: &hasher) }
        return hasher.value
    }

    /// NULL hashes to 0, so that a column added later as NULL changes nothing.
    private func cellHash(_ key: UInt64, _ column: Int, _ value: ChangedValue) -> UInt64 {
        if value.kind == .null { return 0 }
        var hasher = CellHasher(seed: key &+ UInt64(column))
        add(value, to: &hasher)
        return hasher.value
    }

    private func add(_ value: ChangedValue, to hasher: inout CellHasher) {
        let kind = value.kind
        hasher.add(UInt64(kind.rawValue))
        switch kind {
        case .null: break
        case .integer: hasher.add(UInt64(bitPattern: value.integer))
        case .real: hasher.add(value.real.bitPattern)
        case .text, .blob: hasher.add(value.bytes)
        }
    }

    private func table(_ change: RowChange) -> CapturedTable? {
        let address = UInt(bitPattern: change.tableName)
        if let known = tableByAddress[address] { return known }
        let name = String(cString: change.tableName)
        let table = catalog.numberByName[name].flatMap { catalog[$0] }
        if table == nil {
            precondition(
                name.hasPrefix(TableCatalog.ownPrefix), "table \(name) is not in the catalog")
        }
        tableByAddress[address] = .some(table)
        return table
    }
}
