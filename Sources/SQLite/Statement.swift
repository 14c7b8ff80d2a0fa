internal import CSQLite

/// Where SQLite should copy the bytes of a bound value: their owner may free them right after the call.
private let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

/// A prepared statement. It belongs to its connection and is used by one caller at a time.
///
/// Use is checked: stepping a statement that another loop is still reading, a wrong number of values and a column out of
/// range are programming errors and stop the process, since each of them could otherwise mix two requests' rows.
package final class Statement {
    package let sql: String
    /// How many parameters the SQL has.
    package let parameterCount: Int
    /// How many columns a row has; 0 for a statement that returns none.
    package let columnCount: Int

    let handle: OpaquePointer
    private unowned let connection: Connection
    private var isActive = false
    /// For the caller who checks a statement's SQL once, when it is first used.
    package var isVetted = false

    init(_ sql: String, on connection: Connection, isPersistent: Bool) throws {
        var handle: OpaquePointer?
        var utf8 = sql
        let (code, tailIsEmpty) = utf8.withUTF8 { bytes -> (Int32, Bool) in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                var tail: UnsafePointer<CChar>?
                let code = sqlite3_prepare_v3(
                    connection.handle, characters.baseAddress, Int32(characters.count),
                    isPersistent ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0, &handle, &tail)
                let used = tail.map { $0 - characters.baseAddress! } ?? characters.count
                let rest = bytes[min(used, bytes.count)...]
                return (code, rest.allSatisfy { $0 == 0x20 || $0 == 0x0a || $0 == 0x3b })
            }
        }
        guard code == SQLITE_OK else { throw connection.error(code, sql: sql) }
        guard let handle else { preconditionFailure("empty SQL") }
        precondition(tailIsEmpty, "one statement at a time: \(sql)")
        self.sql = sql
        self.handle = handle
        self.connection = connection
        self.parameterCount = Int(sqlite3_bind_parameter_count(handle))
        self.columnCount = Int(sqlite3_column_count(handle))
    }

    deinit { sqlite3_finalize(handle) }

    /// Whether the SQL changes nothing, in SQLite's own judgement.
    package var isReadOnly: Bool { sqlite3_stmt_readonly(handle) != 0 }

    /// The name of a parameter (`?1`, `:name`), counted from 1, or nil for a bare `?`.
    package func parameterName(_ index: Int) -> String? {
        sqlite3_bind_parameter_name(handle, Int32(index)).map { String(cString: $0) }
    }

    package func columnName(_ index: Int) -> String {
        String(cString: sqlite3_column_name(handle, Int32(index)))
    }

    // MARK: Running

    /// Runs a statement that returns no rows and says how many rows it changed.
    @discardableResult
    package func run(_ values: [any Bindable]) throws -> Int {
        try begin(values)
        defer { end() }
        let code = sqlite3_step(handle)
        guard code == SQLITE_DONE else {
            if code == SQLITE_ROW { preconditionFailure("run() of a statement with rows: \(sql)") }
            throw connection.error(code, sql: sql)
        }
        return Int(sqlite3_changes(connection.handle))
    }

    /// Calls `body` for each row, until it answers false.
    package func forEach(_ values: [any Bindable], _ body: (Row) throws -> Bool) throws {
        try begin(values)
        defer { end() }
        while true {
            let code = sqlite3_step(handle)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else { throw connection.error(code, sql: sql) }
            if try !body(Row(statement: self)) { return }
        }
    }

    /// The first row, read by `body`, or nil when there is none.
    package func first<Result>(_ values: [any Bindable], _ body: (Row) throws -> Result) throws
        -> Result?
    {
        try begin(values)
        defer { end() }
        let code = sqlite3_step(handle)
        if code == SQLITE_DONE { return nil }
        guard code == SQLITE_ROW else { throw connection.error(code, sql: sql) }
        return try body(Row(statement: self))
    }

    /// Every row, read by `body`.
    package func all<Result>(_ values: [any Bindable], _ body: (Row) throws -> Result) throws
        -> [Result]
    {
        var results: [Result] = []
        try forEach(values) { row in
            results.append(try body(row))
            return true
        }
        return results
    }

    private func begin(_ values: [any Bindable]) throws {
        precondition(!isActive, "a statement is used again while its rows are being read: \(sql)")
        precondition(
            values.count == parameterCount,
            "\(values.count) values for \(parameterCount) parameters: \(sql)")
        isActive = true
        for (index, value) in values.enumerated() { value.bind(to: self, at: Int32(index + 1)) }
    }

    private func end() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
        isActive = false
    }

    // MARK: Binding

    package func bindNull(at index: Int32) { check(sqlite3_bind_null(handle, index)) }
    func bind(integer value: Int64, at index: Int32) {
        check(sqlite3_bind_int64(handle, index, value))
    }
    func bind(real value: Double, at index: Int32) {
        check(sqlite3_bind_double(handle, index, value))
    }

    func bind(text value: String, at index: Int32) {
        var value = value
        value.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                // An empty Swift string may have no address, which SQLite would take for NULL.
                if let address = characters.baseAddress {
                    check(
                        sqlite3_bind_text64(
                            handle, index, address, UInt64(characters.count), copied,
                            UInt8(SQLITE_UTF8)))
                } else {
                    check(sqlite3_bind_text(handle, index, "", 0, copied))
                }
            }
        }
    }

    /// Binds bytes that are known to be UTF-8.
    package func bind(utf8 bytes: UnsafeRawBufferPointer, at index: Int32) {
        guard let address = bytes.bindMemory(to: CChar.self).baseAddress, bytes.count > 0 else {
            check(sqlite3_bind_text(handle, index, "", 0, copied))
            return
        }
        check(
            sqlite3_bind_text64(
                handle, index, address, UInt64(bytes.count), copied, UInt8(SQLITE_UTF8)))
    }

    package func bind(blob bytes: UnsafeRawBufferPointer, at index: Int32) {
        if let address = bytes.baseAddress, bytes.count > 0 {
            check(sqlite3_bind_blob64(handle, index, address, UInt64(bytes.count), copied))
        } else {
            check(sqlite3_bind_zeroblob(handle, index, 0))
        }
    }

    /// Binding fails only for a wrong index, a value over SQLite's size limit or want of memory.
    private func check(_ code: Int32) {
        precondition(code == SQLITE_OK, "binding failed (\(code)): \(sql)")
    }
}

/// The row a statement stands on. Valid only inside the closure it was handed to.
package struct Row {
    let statement: Statement

    package var count: Int { statement.columnCount }

    package func int64(_ column: Int) -> Int64 {
        sqlite3_column_int64(statement.handle, checked(column))
    }
    package func int(_ column: Int) -> Int { Int(int64(column)) }
    package func bool(_ column: Int) -> Bool { int64(column) != 0 }
    package func double(_ column: Int) -> Double {
        sqlite3_column_double(statement.handle, checked(column))
    }

    package func isNull(_ column: Int) -> Bool {
        sqlite3_column_type(statement.handle, checked(column)) == SQLITE_NULL
    }

    /// A text column; bytes that are not UTF-8 read as replacement characters.
    package func text(_ column: Int) -> String {
        withUTF8(column) { String(decoding: $0, as: UTF8.self) }
    }

    package func blob(_ column: Int) -> [UInt8] { withBlob(column) { [UInt8]($0) } }

    package func optionalInt64(_ column: Int) -> Int64? { isNull(column) ? nil : int64(column) }
    package func optionalInt(_ column: Int) -> Int? { isNull(column) ? nil : int(column) }
    package func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
    package func optionalBlob(_ column: Int) -> [UInt8]? { isNull(column) ? nil : blob(column) }

    /// The bytes of a text column without a copy, valid only inside `body`.
    package func withUTF8<Result>(
        _ column: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result {
        let column = checked(column)
        let address = sqlite3_column_text(statement.handle, column)
        let count = Int(sqlite3_column_bytes(statement.handle, column))
        return try body(UnsafeBufferPointer(start: address, count: address == nil ? 0 : count))
    }

    /// The bytes of a blob column without a copy, valid only inside `body`.
    package func withBlob<Result>(
        _ column: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let column = checked(column)
        let address = sqlite3_column_blob(statement.handle, column)
        let count = Int(sqlite3_column_bytes(statement.handle, column))
        return try body(UnsafeRawBufferPointer(start: address, count: address == nil ? 0 : count))
    }

    /// What a column holds, without reading it.
    package func kind(_ column: Int) -> ChangedValue.Kind {
        ChangedValue.Kind(sqlite3_column_type(statement.handle, checked(column)))
    }

    /// A column as what it holds.
    package func value(_ column: Int) -> Value {
        switch sqlite3_column_type(statement.handle, checked(column)) {
        case SQLITE_INTEGER: .integer(int64(column))
        case SQLITE_FLOAT: .real(double(column))
        case SQLITE_TEXT: .text(text(column))
        case SQLITE_BLOB: .blob(blob(column))
        default: .null
        }
    }

    private func checked(_ column: Int) -> Int32 {
        precondition(
            column >= 0 && column < statement.columnCount, "column \(column): \(statement.sql)")
        return Int32(column)
    }
}
