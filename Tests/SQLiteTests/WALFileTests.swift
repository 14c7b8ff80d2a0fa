import Foundation
import Testing
import TestSupport

@testable import SQLite

/// How a WAL is written: in few pieces, and whatever a commit made visible is in the file.
@Suite struct WALFileTests {
    private let folder = TemporaryFolder()

    private func open(
        _ name: String = "a", _ mode: Connection.Mode = .create, cachePages: Int = 200,
        spills: Bool = true, syncs: Bool = false
    ) throws -> Connection {
        let connection = try Connection(path: folder.file(name), mode: mode)
        try connection.execute(
            "PRAGMA cache_size = \(cachePages); PRAGMA cache_spill = \(spills ? "ON" : "OFF")")
        guard mode == .create else { return connection }
        try connection.execute(
            """
            PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
            PRAGMA synchronous = \(syncs ? "FULL" : "NORMAL");
            CREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY, b INTEGER, c TEXT);
            """)
        connection.countWALPages()
        return connection
    }

    private func put(_ connection: Connection, _ key: Int, _ value: Int) throws {
        // A page holds no two of them.
        try connection.run(
            "INSERT INTO t VALUES (?1, ?2, ?3) ON CONFLICT (a) DO UPDATE SET b = ?2", key, value,
            String(repeating: "x", count: 2500))
    }

    private func rows(_ connection: Connection) throws -> [Int: Int] {
        Dictionary(
            uniqueKeysWithValues: try connection.all("SELECT a, b FROM t") {
                ($0.int(0), $0.int(1))
            })
    }

    private func writes(_ connection: Connection) throws -> Int {
        try #require(connection.walWriteCount)
    }

    @Test func aTransactionIsWrittenAtOnce() throws {
        let connection = try open()
        try put(connection, 0, 0)
        for count in [1, 3, 10] {
            let (before, pages) = (try writes(connection), connection.walPageCount)
            try connection.transaction {
                for key in 0..<count { try put(connection, key, count) }
            }
            #expect(connection.walPageCount - pages >= count)
            #expect(try writes(connection) - before == 1)
        }
    }

    @Test func aLongTransactionIsWrittenInPieces() throws {
        let connection = try open()
        try put(connection, 0, 0)
        let (before, pages) = (try writes(connection), connection.walPageCount)
        try connection.transaction { for key in 0..<100 { try put(connection, key, key) } }
        let written = (connection.walPageCount - pages) * (4096 + 24)
        #expect(written > 400_000)
        #expect(try writes(connection) - before <= written / (60 * 1024) + 1)
        #expect(try rows(open("a", .readOnly)).count == 100)
    }

    @Test func aWALThatIsThereIsGoneOnWith() throws {
        let connection = try open()
        for key in 0..<20 { try put(connection, key, 1) }
        try copy("b")
        let later = try open("b")
        for key in 10..<30 { try put(later, key, 2) }
        try copy("c", of: "b")
        let whole = Dictionary(uniqueKeysWithValues: (0..<30).map { ($0, $0 < 10 ? 1 : 2) })
        #expect(try rows(later) == whole)
        #expect(try rows(open("c")) == whole)
        // Once it has been folded it begins anew, and is written at once again.
        try later.checkpoint(.passive)
        try put(later, 1, 3)
        let before = try writes(later)
        try later.transaction { for key in 0..<5 { try put(later, key, 4) } }
        #expect(try writes(later) - before == 1)
    }

    private func copy(_ target: String, of source: String = "a") throws {
        for suffix in ["", "-wal"] {
            let to = folder.file(target + suffix)
            try? FileManager.default.removeItem(atPath: to)
            try FileManager.default.copyItem(atPath: folder.file(source + suffix), toPath: to)
        }
    }

    /// Transactions that do not fit the cache write frames before they end, write some of them twice, and may then be rolled back; what
    /// another connection and a copy of the files see is what was committed. Where a savepoint is rolled back nothing is written early, as in
    /// `ShardStore`, since SQLite 3.40.1 does not get that right in any file system.
    @Test(arguments: 0..<48)
    func whatIsCommittedIsInTheFile(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let (cachePages, spills) = (seed % 3 == 0 ? 200 : 5, seed % 2 == 0)
        var connection = try open(cachePages: cachePages, spills: spills, syncs: seed % 8 < 2)
        var reader = try open("a", .readOnly, cachePages: 5)
        var committed: [Int: Int] = [:]
        for step in 0..<60 {
            var model = committed
            func change(_ count: Int) throws {
                for _ in 0..<count {
                    let key = Int.random(in: 0..<40, using: &random)
                    try put(connection, key, step)
                    model[key] = step
                }
            }
            try connection.begin(.immediate)
            try change(Int.random(in: 1...30, using: &random))
            if !spills && random.chance(33) {
                let kept = model
                try connection.execute("SAVEPOINT s")
                try change(Int.random(in: 1...30, using: &random))
                try connection.execute("ROLLBACK TO s; RELEASE s")
                model = kept
                try change(Int.random(in: 0...5, using: &random))
            }
            #expect(try rows(connection) == model)
            #expect(try rows(reader) == committed)
            if Int.random(in: 0..<4, using: &random) == 0 {
                try connection.rollback()
            } else {
                try connection.commit()
                committed = model
            }
            #expect(try rows(reader) == committed, "step \(step)")
            switch Int.random(in: 0..<8, using: &random) {
            case 0: try connection.checkpoint(.passive)
            case 1: try connection.checkpoint(.truncate)
            case 2:
                try copy("copy")
                #expect(try rows(open("copy")) == committed, "a copy after step \(step)")
                if step % 3 == 0 {
                    // As if the process had ended.
                    reader = try open("copy", .readOnly)
                    connection = try open("copy", cachePages: cachePages, spills: spills)
                    try copyBack()
                    connection = try open(cachePages: cachePages, spills: spills)
                    reader = try open("a", .readOnly, cachePages: 5)
                }
            default: break
            }
        }
        #expect(try connection.first("PRAGMA integrity_check") { $0.text(0) } == "ok")
    }

    private func copyBack() throws { try copy("a", of: "copy") }
}
