internal import CSQLite
internal import CWALFile

/// Nobody reads SQLite's statistics of memory, and counting takes one lock of the whole process for every allocation.
private let isConfigured =
    lodge_sqlite3_disable_memory_statistics() == SQLITE_OK && lodge_wal_register() == SQLITE_OK

/// One connection to one database file.
///
/// A connection is used by one thread at a time (it is opened with `SQLITE_OPEN_NOMUTEX` and is not `Sendable`); in a node
/// that thread is the shard's lane or a reader lane. Statements are prepared once and kept.
package final class Connection {
    package enum Mode: Sendable {
        /// Makes the file when there is none.
        case create
        case readWrite
        /// Cannot change the file: opened read-only and `query_only`.
        case readOnly
    }

    package let path: String
    package let mode: Mode
    let handle: OpaquePointer

    /// A file belongs to one process, which keeps the locks between its connections in its own memory: two system calls less for every
    /// transaction, and a second process is refused (`unix-excl`, section 2.2 of SQLite's "The OS Interface"). A WAL is written in few
    /// large pieces.
    private static let fileSystem = LODGE_WAL_FILE_SYSTEM

    private var statements: [String: CachedStatement] = [:]
    /// The same statements by where their SQL lies in memory, as far as places are free. SQL that is written in the program is one
    /// object for ever, so this spares hashing it at each use; a place holds whatever was looked up last of those that fall to it.
    private var places = [CachedStatement?](repeating: nil, count: 512)
    private var useCount: UInt64 = 0
    /// The bound on kept statements; the least recently used one makes room.
    private let statementLimit: Int

    private final class CachedStatement {
        let sql: String
        let statement: Statement
        var lastUse: UInt64

        init(sql: String, statement: Statement, lastUse: UInt64) {
            self.sql = sql
            self.statement = statement
            self.lastUse = lastUse
        }
    }

    var preupdateHook: PreupdateHook?
    var authorizerBox: AuthorizerBox?
    var progressBox: ProgressBox?
    var walBox: WALBox?

    package init(path: String, mode: Mode, statementLimit: Int = 400) throws {
        _ = isConfigured
        var opened: OpaquePointer?
        let flags =
            switch mode {
            case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .readWrite: SQLITE_OPEN_READWRITE
            case .readOnly: SQLITE_OPEN_READONLY
            }
        let code = sqlite3_open_v2(
            path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, Self.fileSystem)
        guard code == SQLITE_OK, let opened else {
            let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(opened)
            throw SQLiteError(code: ResultCode(rawValue: code), message: message, context: path)
        }
        self.path = path
        self.mode = mode
        self.handle = opened
        self.statementLimit = statementLimit
        _ = lodge_sqlite3_set_defensive(opened)
        if mode == .readOnly { try execute("PRAGMA query_only = ON") }
    }

    deinit {
        discardStatements()
        // A statement that somebody still holds keeps SQLite's side of the connection alive; it must not call handlers that
        // are gone.
        onPreupdate(nil)
        authorize(nil)
        onProgress(every: 0, nil)
        sqlite3_wal_hook(handle, nil, nil)
        sqlite3_close_v2(handle)
    }

    // MARK: Statements

    /// Runs SQL that takes no values: settings, schema steps, `BEGIN`. May hold several statements.
    package func execute(_ sql: String) throws {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code, sql: sql) }
    }

    /// The prepared statement of this SQL, from the cache when it has been used before.
    ///
    /// A statement must not be used again while its rows are being read; `transient` gives a fresh one for that.
    package func statement(_ sql: String) throws -> Statement {
        useCount += 1
        let place = place(of: sql)
        // Of one object with itself `==` compares addresses only.
        if let known = places[place], known.sql == sql {
            known.lastUse = useCount
            return known.statement
        }
        let known = try keptStatement(sql)
        known.lastUse = useCount
        places[place] = known
        return known.statement
    }

    private func keptStatement(_ sql: String) throws -> CachedStatement {
        if let known = statements[sql] { return known }
        if statements.count >= statementLimit,
            let oldest = statements.min(by: { $0.value.lastUse < $1.value.lastUse })
        {
            statements.removeValue(forKey: oldest.key)
            for place in places.indices where places[place] === oldest.value {
                places[place] = nil
            }
        }
        let statement = try Statement(sql, on: self, isPersistent: true)
        let kept = CachedStatement(sql: sql, statement: statement, lastUse: useCount)
        statements[sql] = kept
        return kept
    }

    private func place(of sql: String) -> Int {
        let address = sql.utf8.withContiguousStorageIfAvailable {
            UInt(bitPattern: $0.baseAddress) &+ UInt($0.count)
        }
        return Int(((address ?? 0) &* 0x9e37_79b9_7f4a_7c15) >> 55)
    }

    /// A statement for one use, outside the cache.
    package func transient(_ sql: String) throws -> Statement {
        try Statement(sql, on: self, isPersistent: false)
    }

    @discardableResult
    package func run(_ sql: String, _ values: any Bindable...) throws -> Int {
        try statement(sql).run(values)
    }

    package func first<Result>(
        _ sql: String, _ values: any Bindable..., read body: (Row) throws -> Result
    ) throws -> Result? {
        try statement(sql).first(values, body)
    }

    package func all<Result>(
        _ sql: String, _ values: any Bindable..., read body: (Row) throws -> Result
    ) throws -> [Result] {
        try statement(sql).all(values, body)
    }

    /// Forgets every prepared statement; needed before a file is replaced or closed at once.
    package func discardStatements() {
        statements.removeAll()
        places = [CachedStatement?](repeating: nil, count: places.count)
    }

    // MARK: Transactions

    package enum TransactionKind: String, Sendable {
        case deferred = "BEGIN DEFERRED"
        case immediate = "BEGIN IMMEDIATE"
    }

    /// Whether a transaction is open.
    package var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    package func begin(_ kind: TransactionKind) throws {
        precondition(!isInTransaction, "a transaction is open already")
        try statement(kind.rawValue).run([])
    }

    package func commit() throws {
        precondition(isInTransaction, "no transaction to commit")
        try statement("COMMIT").run([])
    }

    /// Ends the transaction without effect. Does nothing where SQLite has rolled back by itself (full disk, I/O error).
    package func rollback() throws {
        guard isInTransaction else { return }
        try statement("ROLLBACK").run([])
    }

    /// Runs `body` in a transaction: commits what it did, or rolls back when it throws.
    package func transaction<Result>(
        _ kind: TransactionKind = .immediate, _ body: () throws -> Result
    ) throws -> Result {
        try begin(kind)
        do {
            let result = try body()
            try commit()
            return result
        } catch {
            try? rollback()
            throw error
        }
    }

    /// Runs `body` so that what it wrote is undone when it throws, inside the open transaction.
    package func savepoint<Result>(_ body: () throws -> Result) throws -> Result {
        precondition(isInTransaction, "a savepoint needs a transaction")
        try statement("SAVEPOINT request").run([])
        do {
            let result = try body()
            try statement("RELEASE request").run([])
            return result
        } catch {
            // After a full disk or an I/O error SQLite has rolled everything back, savepoint included.
            if isInTransaction {
                try statement("ROLLBACK TO request").run([])
                try statement("RELEASE request").run([])
            }
            throw error
        }
    }

    // MARK: Interruption and limits

    /// Makes a statement that runs on this connection fail with `interrupted`. The one call that another thread may make,
    /// through the handle this gives.
    package var interruptHandle: InterruptHandle { InterruptHandle(connection: handle) }

    /// How long SQLite waits for another connection's lock, in milliseconds.
    package func setBusyTimeout(milliseconds: Int32) { sqlite3_busy_timeout(handle, milliseconds) }

    /// Rows changed by the last `INSERT`, `UPDATE` or `DELETE`.
    package var changeCount: Int { Int(sqlite3_changes64(handle)) }

    /// Rows changed since the connection was opened.
    package var totalChangeCount: Int { Int(sqlite3_total_changes64(handle)) }

    func error(_ code: Int32, sql: String? = nil) -> SQLiteError {
        SQLiteError(
            code: ResultCode(
                rawValue: sqlite3_extended_errcode(handle) & 0xff == code & 0xff
                    ? sqlite3_extended_errcode(handle) : code),
            message: String(cString: sqlite3_errmsg(handle)), sql: sql, context: path)
    }
}

/// Stops the running statement of a connection from another thread. The connection must outlive it.
package struct InterruptHandle: @unchecked Sendable {
    // `sqlite3_interrupt` is documented as safe to call from any thread while the connection is open.
    fileprivate let connection: OpaquePointer
    package func interrupt() { sqlite3_interrupt(connection) }
}
