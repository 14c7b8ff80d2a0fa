import Foundation
import Testing

@testable import SQLite

/// A folder that goes away with the value.
private final class Folder {
    let path = NSTemporaryDirectory() + "lodge-sqlite-" + UUID().uuidString
    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func file(_ name: String) -> String { path + "/" + name }
    func connection(_ name: String = "a", _ mode: Connection.Mode = .create) throws -> Connection {
        try Connection(path: file(name), mode: mode)
    }
}

private func memory() throws -> Connection {
    let connection = try Connection(path: ":memory:", mode: .create)
    try connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b ANY) STRICT, WITHOUT ROWID")
    return connection
}

private func fill(_ connection: Connection, _ count: Int) throws {
    try connection.transaction {
        for number in 0..<count {
            try connection.run("INSERT INTO t VALUES (?1, ?2)", number, "row \(number)")
        }
    }
}

private func count(_ connection: Connection) throws -> Int {
    try connection.first("SELECT count(*) FROM t") { $0.int(0) }!
}

@Suite struct StatementTests {
    static let values: [Value] = [
        .null, .integer(0), .integer(.min), .integer(.max), .real(1.5), .real(.infinity),
        .real(-.infinity), .text(""), .text("a\0b\0"), .text("Grüße 👋"),
        .text(String(repeating: "x", count: 100_000)), .blob([]), .blob([0, 255, 0]),
    ]

    @Test(arguments: values)
    func valueComesBackAsItWasBound(value: Value) throws {
        let connection = try memory()
        try connection.run("INSERT INTO t VALUES (1, ?1)", value)
        #expect(try connection.first("SELECT b FROM t") { $0.value(0) } == value)
        let kind = try connection.first("SELECT typeof(b) FROM t") { $0.text(0) }
        switch value {
        case .null: #expect(kind == "null")
        case .integer: #expect(kind == "integer")
        case .real: #expect(kind == "real")
        case .text: #expect(kind == "text")
        case .blob: #expect(kind == "blob")
        }
    }

    @Test func typedValuesBindAndRead() throws {
        let connection = try memory()
        let row = try connection.first(
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7", 7, Int64.min, true, -0.0, "text",
            [1, 2] as [UInt8],
            nil as String?
        ) { row in
            #expect(row.int(0) == 7)
            #expect(row.int64(1) == .min)
            #expect(row.bool(2))
            #expect(row.double(3).bitPattern == (-0.0).bitPattern)
            #expect(row.text(4) == "text")
            #expect(row.blob(5) == [1, 2])
            #expect(row.isNull(6) && row.optionalText(6) == nil && row.optionalInt64(6) == nil)
            #expect(row.optionalInt(0) == 7 && row.optionalBlob(5) == [1, 2])
            row.withUTF8(4) { #expect($0.count == 4) }
            row.withBlob(5) { #expect($0.count == 2) }
            #expect(
                (0..<row.count).map(row.kind) == [
                    .integer, .integer, .integer, .real, .text, .blob, .null,
                ])
            return row.count
        }
        #expect(row == 7)
    }

    @Test func notANumberBecomesNull() throws {
        #expect(try memory().first("SELECT ?1", Double.nan) { $0.isNull(0) } == true)
    }

    @Test func textThatIsNotUTF8ReadsAsReplacementCharacters() throws {
        let text = try memory().first("SELECT CAST(x'61ff62' AS TEXT)") { $0.text(0) }
        #expect(text == "a\u{FFFD}b")
    }

    @Test func runSaysHowManyRowsChanged() throws {
        let connection = try memory()
        try fill(connection, 10)
        #expect(try connection.run("UPDATE t SET b = 1 WHERE a < ?1", 4) == 4)
        #expect(try connection.run("DELETE FROM t WHERE a > ?1", 100) == 0)
    }

    @Test func walkStopsWhenToldAndTheStatementIsFreeAgain() throws {
        let connection = try memory()
        try fill(connection, 10)
        var seen: [Int] = []
        for _ in 0..<2 {
            try connection.statement("SELECT a FROM t").forEach([]) { row in
                seen.append(row.int(0))
                return seen.count % 3 != 0
            }
        }
        #expect(seen == [0, 1, 2, 0, 1, 2])
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            try connection.statement("SELECT a FROM t").forEach([]) { _ in throw Stop() }
        }
        #expect(try connection.all("SELECT a FROM t") { $0.int(0) } == Array(0..<10))
    }

    @Test func sameTextGivesTheSameStatementUntilThereAreTooMany() throws {
        let connection = try Connection(path: ":memory:", mode: .create, statementLimit: 3)
        let first = try connection.statement("SELECT 1")
        let second = try connection.statement("SELECT 2")
        #expect(try connection.statement("SELECT 1") === first)
        for number in 3...4 { _ = try connection.statement("SELECT \(number)") }
        // "SELECT 2" was used longest ago and made room.
        #expect(try connection.statement("SELECT 1") === first)
        #expect(try connection.statement("SELECT 2") !== second)
        #expect(try connection.transient("SELECT 1") !== first)
    }

    @Test func textOfAnotherObjectGivesTheSameStatementToo() throws {
        let connection = try Connection(path: ":memory:", mode: .create)
        let written = try connection.statement("SELECT 1 AS a_column_with_a_long_name")
        let made =
            "SELECT 1 AS " + ["a", "column", "with", "a", "long", "name"].joined(separator: "_")
        #expect(try connection.statement(made) === written)
        // More texts than places: each gets its own all the same.
        let texts = (0..<390).map { "SELECT \($0) AS a_column_with_a_long_name" }
        for _ in 0..<2 {
            for (number, text) in texts.enumerated() {
                #expect(try connection.statement(text).first([]) { $0.int(0) } == number)
            }
        }
    }

    @Test func aStatementThatMadeRoomIsPreparedAnew() throws {
        let connection = try Connection(path: ":memory:", mode: .create, statementLimit: 1)
        let sql = "SELECT 1 AS a_column_with_a_long_name"
        weak var first: Statement?
        first = try connection.statement(sql)
        _ = try connection.statement("SELECT 2 AS a_column_with_a_long_name")
        #expect(first == nil, "something still holds it")
        #expect(try connection.statement(sql).first([]) { $0.int(0) } == 1)
    }

    @Test func keptStatementSurvivesAChangeOfSchema() throws {
        let connection = try memory()
        try fill(connection, 1)
        let sql = "SELECT * FROM t"
        #expect(try connection.first(sql) { $0.int(0) } == 0)
        try connection.execute("ALTER TABLE t ADD COLUMN c TEXT")
        #expect(try connection.first(sql) { $0.int(0) } == 0)
    }

    @Test func boundValuesAreForgottenAfterARun() throws {
        let connection = try memory()
        try connection.run("INSERT INTO t VALUES (?1, ?2)", 1, "secret")
        let statement = try connection.statement("INSERT INTO t VALUES (?1, ?2)")
        #expect(statement.parameterCount == 2)
        #expect(statement.parameterName(1) == "?1")
        #expect(!statement.isReadOnly)
        #expect(try connection.statement("SELECT 1 AS one").columnName(0) == "one")
    }

    @Test func misuseStopsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            let connection = try memory()
            _ = try connection.first("SELECT ?1, ?2", 1) { $0.int(0) }
        }
        await #expect(processExitsWith: .failure) {
            let connection = try memory()
            _ = try connection.first("SELECT 1") { $0.int(1) }
        }
        await #expect(processExitsWith: .failure) {
            let connection = try memory()
            try fill(connection, 2)
            _ = try connection.all("SELECT a FROM t") { _ in
                try connection.all("SELECT a FROM t") { $0.int(0) }
            }
        }
        await #expect(processExitsWith: .failure) {
            try memory().run("DELETE FROM t; DELETE FROM t")
        }
        await #expect(processExitsWith: .failure) {
            let connection = try memory()
            try connection.begin(.immediate)
            try connection.begin(.immediate)
        }
    }
}

@Suite struct ErrorTests {
    @Test func errorTellsCodeSQLAndFileButNoBoundValue() throws {
        let folder = try Folder()
        let connection = try folder.connection()
        try connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE) STRICT")
        let sql = "INSERT INTO t VALUES (?1, ?2)"
        try connection.run(sql, 1, "confidential")
        let error = try #require(
            throws: SQLiteError.self
        ) { try connection.run(sql, 2, "confidential") }
        #expect(error.code == .uniqueConstraint)
        #expect(error.code.primary == .constraint)
        #expect(error.sql == sql)
        #expect(error.context == folder.file("a"))
        #expect(error.description.contains("UNIQUE constraint failed: t.b"))
        #expect(!error.description.contains("confidential"))
        // The statement can be used again.
        #expect(try connection.run(sql, 2, "other") == 1)
    }

    @Test func badSQLIsAnErrorWithItsText() throws {
        let connection = try memory()
        let error = try #require(throws: SQLiteError.self) {
            try connection.run("SELEC nothing")
        }
        #expect(error.code == .error)
        #expect(error.sql == "SELEC nothing")
        #expect(throws: SQLiteError.self) { try connection.execute("DROP TABLE missing") }
    }

    @Test func wrongTypeInAStrictTableIsRefused() throws {
        let connection = try memory()
        let error = try #require(throws: SQLiteError.self) {
            try connection.run("INSERT INTO t VALUES (?1, 1)", "x")
        }
        #expect([.constraint, .mismatch].contains(error.code.primary))
    }

    @Test func fileThatIsMissingOrNoDatabaseCannotBeOpened() throws {
        let folder = try Folder()
        let error = try #require(throws: SQLiteError.self) {
            try folder.connection("missing", .readWrite)
        }
        #expect(error.code.primary == .cannotOpen)
        #expect(error.context == folder.file("missing"))
        try Data("this is a letter, not a database, and long enough".utf8)
            .write(to: URL(fileURLWithPath: folder.file("letter")))
        let letter = try folder.connection("letter", .readWrite)
        let other = try #require(throws: SQLiteError.self) {
            try letter.run("CREATE TABLE t(a)")
        }
        #expect(other.code == .notADatabase)
    }

    @Test func readingConnectionCannotWrite() throws {
        let folder = try Folder()
        let writer = try folder.connection()
        try writer.execute("CREATE TABLE t(a)")
        let reader = try folder.connection("a", .readOnly)
        for sql in ["INSERT INTO t VALUES (1)", "CREATE TABLE u(a)", "CREATE TEMP TABLE v(a)"] {
            let error = #expect(throws: SQLiteError.self, "\(sql)") { try reader.run(sql) }
            #expect(error?.code.primary == .readOnly, "\(sql)")
        }
        #expect(try count(reader) == 0)
    }
}

@Suite struct TransactionTests {
    struct Stop: Error {}

    /// Runs `body` in a savepoint that stops after it; 1 when that came out.
    private func stops(_ connection: Connection, _ body: () throws -> Void) throws -> Int {
        do {
            try connection.savepoint {
                try body()
                throw Stop()
            }
        } catch is Stop { return 1 }
        return 0
    }

    @Test func transactionIsKeptOrUndoneAsAWhole() throws {
        let connection = try memory()
        try fill(connection, 3)
        #expect(throws: Stop.self) {
            try connection.transaction {
                try connection.run("DELETE FROM t")
                throw Stop()
            }
        }
        #expect(!connection.isInTransaction)
        #expect(try count(connection) == 3)
        #expect(try connection.transaction(.deferred) { try count(connection) } == 3)
        try connection.begin(.immediate)
        try connection.run("DELETE FROM t")
        try connection.rollback()
        try connection.rollback()
        #expect(try count(connection) == 3)
    }

    @Test func savepointUndoesItsPartAlsoInsideAnother() throws {
        let connection = try memory()
        var undone = 0
        try connection.transaction {
            try connection.run("INSERT INTO t VALUES (1, 1)")
            try connection.savepoint {
                try connection.run("INSERT INTO t VALUES (2, 2)")
                undone += try stops(connection) {
                    try connection.run("INSERT INTO t VALUES (3, 3)")
                }
            }
            undone += try stops(connection) {
                try connection.savepoint { _ = try connection.run("INSERT INTO t VALUES (4, 4)") }
            }
        }
        #expect(undone == 2)
        #expect(try connection.all("SELECT a FROM t") { $0.int(0) } == [1, 2])
    }

    @Test func otherWriterWaitsOrIsTold() throws {
        let folder = try Folder()
        let one = try folder.connection()
        try one.execute("CREATE TABLE t(a)")
        let two = try folder.connection("a", .readWrite)
        try one.transaction {
            let error = #expect(throws: SQLiteError.self) { try two.begin(.immediate) }
            #expect(error?.code.primary == .busy)
        }
        try two.transaction { _ = try two.run("INSERT INTO t VALUES (1)") }
    }

    @Test func readerKeepsItsSnapshot() throws {
        let folder = try Folder()
        let writer = try folder.connection()
        try writer.execute("PRAGMA journal_mode = WAL; CREATE TABLE t(a)")
        let reader = try folder.connection("a", .readOnly)
        try reader.transaction(.deferred) {
            #expect(try count(reader) == 0)
            try writer.run("INSERT INTO t VALUES (1)")
            #expect(try count(reader) == 0)
        }
        #expect(try count(reader) == 1)
    }
}

@Suite struct HookTests {
    @Test func preupdateShowsOldAndNewValues() throws {
        let connection = try memory()
        var seen: [String] = []
        func text(_ value: ChangedValue) -> String {
            switch value.kind {
            case .null: "null"
            case .integer: "\(value.integer)"
            case .real: "\(value.real)"
            case .text: "'\(String(decoding: value.bytes, as: UTF8.self))'"
            case .blob: "\(Array(value.bytes))"
            }
        }
        connection.onPreupdate { change in
            let columns = 0..<change.columnCount
            let old = columns.map { change.operation == .insert ? "-" : text(change.old($0)) }
            let new = columns.map { change.operation == .delete ? "-" : text(change.new($0)) }
            seen.append(
                ([String(cString: change.tableName), "\(change.operation)"] + old + new)
                    .joined(separator: " "))
        }
        try connection.run("INSERT INTO t VALUES (1, ?1)", "one")
        try connection.run("UPDATE t SET b = ?1", 2.5)
        try connection.run("UPDATE t SET b = ?1", [7, 8] as [UInt8])
        try connection.run("UPDATE t SET a = ?1, b = NULL", Int64.max)
        try connection.run("INSERT INTO t VALUES (?1, 1) ON CONFLICT DO NOTHING", Int64.max)
        try connection.run("DELETE FROM t WHERE a > 5")
        connection.onPreupdate(nil)
        try connection.run("INSERT INTO t VALUES (9, 9)")
        let max = Int64.max
        #expect(
            seen == [
                "t insert - - 1 'one'", "t update 1 'one' 1 2.5", "t update 1 2.5 1 [7, 8]",
                "t update 1 [7, 8] \(max) null", "t delete \(max) null - -",
            ])
    }

    @Test func authorizerDecidesWhatMayBePrepared() throws {
        let connection = try memory()
        try fill(connection, 2)
        var functions: [String] = []
        var tables: Set<String> = []
        connection.authorize { action in
            if let name = action.functionName { functions.append(name) }
            if let table = action.table { tables.insert(table) }
            if action.isWrite { return .deny }
            return action.functionName == "random" ? .deny : .allow
        }
        let write = #expect(throws: SQLiteError.self) { try connection.run("DELETE FROM t") }
        #expect(write?.code.primary == .denied)
        #expect(throws: SQLiteError.self) { try connection.first("SELECT random()") { $0.int(0) } }
        #expect(try connection.first("SELECT max(a) FROM t") { $0.int(0) } == 1)
        #expect(functions == ["random", "max"])
        #expect(tables == ["t"])
        connection.authorize(nil)
        #expect(try connection.run("DELETE FROM t") == 2)
    }

    @Test func ignoredColumnReadsAsNull() throws {
        let connection = try memory()
        try fill(connection, 1)
        connection.authorize { $0.isRead ? .ignore : .allow }
        #expect(try connection.first("SELECT a FROM t") { $0.isNull(0) } == true)
    }

    @Test func progressHandlerStopsAStatementAndTheNextOneRuns() throws {
        let connection = try memory()
        let long =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        var calls = 0
        connection.onProgress(every: 100) {
            calls += 1
            return calls == 50
        }
        let error = #expect(throws: SQLiteError.self) { try connection.first(long) { $0.int(0) } }
        #expect(error?.code.primary == .interrupted)
        #expect(calls == 50)
        connection.onProgress(every: 0, nil)
        #expect(try connection.first("SELECT 1") { $0.int(0) } == 1)
    }

    @Test func interruptStopsTheRunningStatement() throws {
        let connection = try memory()
        let handle = connection.interruptHandle
        let long =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        connection.onProgress(every: 1000) {
            handle.interrupt()
            return false
        }
        let error = #expect(throws: SQLiteError.self) { try connection.first(long) { $0.int(0) } }
        #expect(error?.code.primary == .interrupted)
    }

    @Test func handlersAreNotCalledAfterTheConnectionIsGone() throws {
        var connection: Connection? = try memory()
        var calls = 0
        connection!.onPreupdate { _ in calls += 1 }
        connection!.onProgress(every: 1) {
            calls += 1
            return false
        }
        let statement = try connection!.transient("SELECT 1")
        calls = 0
        connection = nil
        withExtendedLifetime(statement) {}
        #expect(calls == 0)
    }
}

@Suite struct CopyTests {
    private func source(_ folder: Folder) throws -> Connection {
        let connection = try folder.connection()
        try connection.execute(
            "PRAGMA journal_mode = WAL; CREATE TABLE t(a INTEGER PRIMARY KEY, b ANY) STRICT, WITHOUT ROWID"
        )
        try fill(connection, 2000)
        return connection
    }

    @Test func backupCopiesStepByStepWhileTheSourceIsWritten() throws {
        let folder = try Folder()
        let connection = try source(folder)
        let target = try folder.connection("b")
        var steps = 0
        try connection.backup(to: target, pagesPerStep: 2) { remaining, total in
            steps += 1
            #expect(remaining <= total)
            if steps == 2 { try connection.run("INSERT INTO t VALUES (-1, 'during')") }
        }
        #expect(steps > 3)
        #expect(try count(target) == 2001)
        #expect(try target.first("PRAGMA integrity_check") { $0.text(0) } == "ok")
    }

    @Test func backupThatIsStoppedLeavesTheConnectionsUsable() throws {
        struct Stop: Error {}
        let folder = try Folder()
        let connection = try source(folder)
        let target = try folder.connection("b")
        #expect(throws: Stop.self) {
            try connection.backup(to: target, pagesPerStep: 1) { _, _ in throw Stop() }
        }
        try connection.backup(to: target)
        #expect(try count(target) == 2000)
    }

    @Test(arguments: [Connection.Mode.readWrite, .readOnly])
    func vacuumWritesACompactCopy(mode: Connection.Mode) throws {
        let folder = try Folder()
        let connection = try source(folder)
        try connection.run("DELETE FROM t WHERE a % 10 != 0")
        let other = try folder.connection("a", mode)
        try other.vacuum(into: folder.file("copy's name"))
        let copy = try folder.connection("copy's name", .readOnly)
        #expect(try count(copy) == 200)
        // An existing file is never overwritten, and a reader stays one.
        #expect(throws: SQLiteError.self) { try other.vacuum(into: folder.file("copy's name")) }
        if mode == .readOnly {
            #expect(throws: SQLiteError.self) { try other.run("DELETE FROM t") }
        }
    }

    @Test func checkpointFoldsTheWAL() throws {
        let folder = try Folder()
        let connection = try source(folder)
        try connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.countWALPages()
        #expect(connection.walPageCount == 0)
        try connection.run("UPDATE t SET b = 'longer than before'")
        let pages = connection.walPageCount
        #expect(pages > 5)
        let result = try connection.checkpoint(.passive)
        #expect(result.walPageCount == result.checkpointedPageCount)
        try connection.run("DELETE FROM t WHERE a = 1")
        #expect(connection.walPageCount < pages)
        try connection.checkpoint(.truncate)
        #expect(
            !FileManager.default.fileExists(atPath: folder.file("a-shm")),
            "locks are kept in a file, for other processes")
        let size = try FileManager.default.attributesOfItem(atPath: folder.file("a-wal"))[.size]
        #expect(size as? Int == 0)
    }

    @Test func passiveCheckpointStopsAtWhatAReaderNeeds() throws {
        let folder = try Folder()
        let connection = try source(folder)
        try connection.execute("PRAGMA wal_autocheckpoint = 0")
        let reader = try folder.connection("a", .readOnly)
        try reader.transaction(.deferred) {
            #expect(try count(reader) == 2000)
            try connection.run("UPDATE t SET b = 'later'")
            let result = try connection.checkpoint(.passive)
            #expect(result.checkpointedPageCount < result.walPageCount)
        }
        let result = try connection.checkpoint(.passive)
        #expect(result.checkpointedPageCount == result.walPageCount)
    }

    @Test func libraryIsNewEnough() {
        let parts = sqliteVersion().split(separator: ".").compactMap { Int($0) }
        // STRICT tables and `pragma_table_list` came with 3.37.
        #expect(parts.count == 3 && (parts[0], parts[1]) >= (3, 37))
    }
}
