internal import CSQLite

/// A failed SQLite call: its result code with the SQL and the words SQLite gave.
///
/// A fault in the sense of the style guide: I/O, a full disk, bytes that are not a database, a broken constraint that
/// no rule caught before. Requests that are merely wrong are refused before they reach SQL.
package struct SQLiteError: Error, CustomStringConvertible, Sendable {
    /// The extended result code, as <https://www.sqlite.org/rescode.html> numbers them.
    package let code: ResultCode
    /// SQLite's own message for the connection at the time of the failure.
    package let message: String
    /// The statement that failed, without the values bound to it: those may be a customer's words.
    package let sql: String?
    /// What the caller was doing, such as a file name.
    package let context: String?

    package init(code: ResultCode, message: String, sql: String? = nil, context: String? = nil) {
        self.code = code
        self.message = message
        self.sql = sql
        self.context = context
    }

    package var description: String {
        var text = "SQLite \(code): \(message)"
        if let context { text += " (\(context))" }
        if let sql { text += " in: \(sql)" }
        return text
    }
}

/// An SQLite result code. Compare `primary` to ask for a kind, the code itself to ask for one exact cause.
package struct ResultCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    /// The kind of failure: the low byte of an extended code.
    package var primary: ResultCode { ResultCode(rawValue: rawValue & 0xff) }

    package static let ok = ResultCode(rawValue: SQLITE_OK)
    package static let error = ResultCode(rawValue: SQLITE_ERROR)
    package static let busy = ResultCode(rawValue: SQLITE_BUSY)
    package static let locked = ResultCode(rawValue: SQLITE_LOCKED)
    package static let readOnly = ResultCode(rawValue: SQLITE_READONLY)
    package static let interrupted = ResultCode(rawValue: SQLITE_INTERRUPT)
    package static let ioError = ResultCode(rawValue: SQLITE_IOERR)
    package static let corrupt = ResultCode(rawValue: SQLITE_CORRUPT)
    package static let full = ResultCode(rawValue: SQLITE_FULL)
    package static let cannotOpen = ResultCode(rawValue: SQLITE_CANTOPEN)
    package static let constraint = ResultCode(rawValue: SQLITE_CONSTRAINT)
    package static let mismatch = ResultCode(rawValue: SQLITE_MISMATCH)
    package static let misuse = ResultCode(rawValue: SQLITE_MISUSE)
    package static let denied = ResultCode(rawValue: SQLITE_AUTH)
    package static let notADatabase = ResultCode(rawValue: SQLITE_NOTADB)
    package static let row = ResultCode(rawValue: SQLITE_ROW)
    package static let done = ResultCode(rawValue: SQLITE_DONE)
    package static let tooBig = ResultCode(rawValue: SQLITE_TOOBIG)
    package static let uniqueConstraint = ResultCode(rawValue: SQLITE_CONSTRAINT | (8 << 8))
    package static let primaryKeyConstraint = ResultCode(rawValue: SQLITE_CONSTRAINT | (6 << 8))

    package var description: String {
        let name = sqlite3_errstr(rawValue).map { String(cString: $0) } ?? "unknown"
        return "\(rawValue) \(name)"
    }
}
