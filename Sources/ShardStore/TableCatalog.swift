import SQLite

/// A table of the shard that is captured, hashed and replayed.
final class CapturedTable: Sendable {
    /// Its number in row changes: the order in which the schema steps made the tables. Stored in the file.
    let number: Int
    let name: String
    let columns: [String]
    /// Positions in `columns` of the primary key after the tenant, in key order.
    let keyColumns: [Int]
    /// Whether the column at a position belongs to the key (the tenant included).
    let isKey: [Bool]
    /// Whether the column at a position is declared REAL.
    let isReal: [Bool]
    /// The columns an update may change: bit 0 is the first column.
    let updatableColumns: UInt64
    private let nameBytes: [CChar]

    init(
        number: Int, name: String, columns: [String], keyColumns: [Int], isKey: [Bool],
        isReal: [Bool]
    ) {
        self.number = number
        self.name = name
        self.columns = columns
        self.keyColumns = keyColumns
        self.isKey = isKey
        self.isReal = isReal
        nameBytes = Array(name.utf8CString)
        updatableColumns = isKey.enumerated().reduce(0) {
            $1.element ? $0 : $0 | 1 << UInt64($1.offset)
        }
    }

    func isNamed(_ other: UnsafePointer<CChar>) -> Bool {
        nameBytes.withUnsafeBufferPointer { name in
            // Both end with a zero, so the walk stops inside the shorter one.
            name.indices.allSatisfy { name[$0] == other[$0] }
        }
    }
}

/// A schema that breaks the rules of row capture; found when a shard is opened.
package struct SchemaViolation: Error, CustomStringConvertible, Equatable {
    package let description: String
}

/// The captured tables of an open file.
struct TableCatalog {
    /// Tables whose names begin with this are the store's own: never captured.
    static let ownPrefix = "lodge_"
    private static let uncapturedPrefixes = [ownPrefix, "sqlite_"]

    private(set) var tables: [CapturedTable] = []
    private var byNumber: [CapturedTable?] = []

    /// Reads the file's tables, gives new ones the next numbers and checks every rule of capture.
    init(_ connection: Connection) throws {
        let names = try connection.all(
            "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid"
        ) { $0.text(0) }
        let intruders = try connection.all(
            "SELECT type || ' ' || name FROM sqlite_schema WHERE type IN ('trigger', 'view')"
        ) { $0.text(0) }
        if let intruder = intruders.first {
            throw SchemaViolation(description: "\(intruder): not allowed in a shard")
        }
        var known = try connection.all("SELECT name, number FROM lodge_tables") {
            ($0.text(0), $0.int(1))
        }
        for name in names where !name.hasPrefix(Self.ownPrefix) && !name.hasPrefix("sqlite_") {
            let number: Int
            if let entry = known.first(where: { $0.0 == name }) {
                number = entry.1
            } else {
                number = (known.map(\.1).max() ?? -1) + 1
                known.append((name, number))
                try connection.run("INSERT INTO lodge_tables VALUES (?1, ?2)", name, number)
            }
            tables.append(try Self.table(name, number: number, connection))
        }
        byNumber = Array(repeating: nil, count: (tables.map(\.number).max() ?? -1) + 1)
        for table in tables { byNumber[table.number] = table }
    }

    subscript(number: Int) -> CapturedTable? {
        byNumber.indices.contains(number) ? byNumber[number] : nil
    }

    subscript(name: String) -> CapturedTable? { tables.first { $0.name == name } }

    /// Whether a table is the store's own, or SQLite's, whose statistics each file writes for itself.
    static func isOwn(_ name: UnsafePointer<CChar>) -> Bool {
        uncapturedPrefixes.contains { prefix in
            // A shorter name ends with a zero, which is in no prefix.
            prefix.utf8.enumerated().allSatisfy { name[$0.offset] == CChar(bitPattern: $0.element) }
        }
    }

    /// The first rule that a step broke when it turned `old` into this catalog: capture and hash know a column by its
    /// place, so a step may only add tables, and columns at the end.
    func violation(since old: TableCatalog) -> SchemaViolation? {
        for before in old.tables {
            guard let after = self[before.number],
                after.columns.starts(with: before.columns), after.keyColumns == before.keyColumns,
                after.isReal.starts(with: before.isReal)
            else {
                return SchemaViolation(
                    description:
                        "table \(before.name): a schema step may only add tables, indexes, and columns at the end"
                )
            }
        }
        return nil
    }

    private static func table(
        _ name: String, number: Int, _ connection: Connection
    ) throws -> CapturedTable {
        let columns = try connection.transient(
            "SELECT name, pk, hidden, type, dflt_value IS NOT NULL FROM pragma_table_xinfo(?1)"
        )
        .all([name]) {
            (
                name: $0.text(0), key: $0.int(1), hidden: $0.int(2), type: $0.text(3),
                hasDefault: $0.bool(4)
            )
        }
        let flags = try connection.transient("SELECT wr, strict FROM pragma_table_list(?1)")
            .first([name]) { (withoutRowID: $0.bool(0), strict: $0.bool(1)) }
        func violation(_ rule: String) -> SchemaViolation {
            SchemaViolation(description: "table \(name): \(rule)")
        }
        guard let flags, flags.strict else { throw violation("must be STRICT") }
        guard flags.withoutRowID else { throw violation("must be WITHOUT ROWID") }
        guard columns.allSatisfy({ $0.hidden == 0 }) else {
            throw violation("must not have generated columns")
        }
        guard columns.count <= 63 else { throw violation("must have at most 63 columns") }
        guard let first = columns.first, first.name == "tenant", first.key == 1 else {
            throw violation("must begin with the column tenant, first in its primary key")
        }
        // The hook shows the rows from before an added column as NULL there, whatever its default.
        guard columns.allSatisfy({ !$0.hasDefault }) else {
            throw violation("must not have column defaults")
        }
        let foreignKeys = try connection.transient(
            "SELECT count(*) FROM pragma_foreign_key_list(?1)"
        ).first([name]) { $0.int(0) }
        guard foreignKeys == 0 else { throw violation("must not have foreign keys") }
        let key = columns.enumerated().filter { $0.element.key > 1 }
            .sorted { $0.element.key < $1.element.key }.map(\.offset)
        return CapturedTable(
            number: number, name: name, columns: columns.map(\.name), keyColumns: key,
            isKey: columns.map { $0.key > 0 },
            isReal: columns.map { $0.type.uppercased() == "REAL" })
    }

    /// The captured tables with the columns of their keys after the tenant, for generic work on one tenant's rows.
    static func names(_ connection: Connection) throws -> [(name: String, key: [String])] {
        let names = try connection.all("SELECT name FROM lodge_tables ORDER BY number") {
            $0.text(0)
        }
        return try names.map { name in
            let key = try connection.transient(
                "SELECT name FROM pragma_table_info(?1) WHERE pk > 1 ORDER BY pk"
            ).all([name]) { $0.text(0) }
            return (name, key)
        }
    }
}
