import Consensus
import Foundation
import SQLite
import ShardStore
import Synchronization
import Testing
import TestSupport
import Wire

@testable import WordIndex

@Suite struct WordIndexTests {
    /// Everything that may happen to an index, in any order: of what it says it knows, it never leaves a record out.
    @Test(arguments: UInt64(1)...12)
    func neverTooLittle(seed: UInt64) throws {
        var world = try World(seed: seed)
        var (asked, answered, narrowed) = (0, 0, 0)
        for _ in 0..<400 {
            switch world.dice.number(0..<100) {
            case 0..<45: try world.write()
            case 45..<70: try world.step()
            case 70..<73: try world.reopen()
            case 73: try world.lose()
            case 74: try world.damage()
            case 75: try world.changeLayout()
            default:
                asked += 1
                let outcome = try world.ask()
                if outcome.isKnown { answered += 1 }
                if outcome.isNarrow { narrowed += 1 }
            }
        }
        #expect(asked > 50 && answered > asked / 4, "\(asked) \(answered)")
        #expect(narrowed > asked / 10, "\(narrowed) of \(asked)")
    }

    @Test func readersOfAnOlderStateFindWhatWasInIt() throws {
        var world = try World(seed: 99)
        try world.write(tenant: 1, record: 1, [Array("first".utf8)])
        try world.finish(tenant: 1)
        try world.write(tenant: 1, record: 1, [Array("second".utf8)])
        try world.reader.read(tenant: TenantID(rawValue: 1), now: World.now) { rows in
            let applied = try rows.appliedIndex()
            try world.write(tenant: 1, record: 1, [Array("third".utf8)])
            try world.finish(tenant: 1)
            let query = WordQuery(groups: [[[.init(bytes: Array("second".utf8), isPrefix: false)]]])
            let found = try #require(
                world.words.find(
                    query, .ticket, of: TenantID(rawValue: 1), at: applied, limit: 10))
            // The record's present text is behind the mark.
            #expect(found.through == 1)
        }
    }

    @Test func stateOlderThanAllThatIsKeptIsNotAnswered() throws {
        var world = try World(seed: 98)
        try world.write(tenant: 1, record: 1, [Array("first".utf8)])
        let applied = world.store.appliedIndex
        for number in 2..<20 {
            try world.write(tenant: 1, record: Int64(number), [Array("first".utf8)])
            try world.finish(tenant: 1)
        }
        let query = WordQuery(groups: [[[.init(bytes: Array("first".utf8), isPrefix: false)]]])
        let now = world.store.appliedIndex
        func find(_ applied: LogIndex) -> IndexedRecords? {
            world.words.find(query, .ticket, of: TenantID(rawValue: 1), at: applied, limit: 100)
        }
        #expect(find(applied) == nil)
        #expect(find(now)?.records?.count == 19)
        #expect(world.orders.damage.withLock { $0 } == 0)
    }

    @Test func moreThanIsWorthHavingIsNoAnswer() throws {
        var world = try World(seed: 97)
        for number in 1..<20 {
            try world.write(tenant: 1, record: Int64(number), [Array("word".utf8)])
        }
        try world.finish(tenant: 1)
        let query = WordQuery(groups: [[[.init(bytes: Array("word".utf8), isPrefix: false)]]])
        func find(_ limit: Int) -> IndexedRecords? {
            world.words.find(
                query, .ticket, of: TenantID(rawValue: 1), at: world.store.appliedIndex,
                limit: limit)
        }
        #expect(find(18)?.records == nil && find(18)?.through == 19)
        #expect(find(19)?.records?.count == 19)
        // A beginning of one letter is not asked for.
        let letter = WordQuery(groups: [[[.init(bytes: Array("w".utf8), isPrefix: true)]]])
        #expect(
            world.words.find(
                letter, .ticket, of: TenantID(rawValue: 1), at: world.store.appliedIndex, limit: 99)
                == IndexedRecords(through: 19, records: nil))
    }

    @Test func otherTenantsWordsAreNotFound() throws {
        var world = try World(seed: 96)
        // A tenant's number followed by a word that begins with a digit is not another tenant's number.
        try world.write(tenant: 1, record: 5, [Array("2word".utf8)])
        try world.write(tenant: 12, record: 6, [Array("word".utf8)])
        try world.finish(tenant: 1)
        try world.finish(tenant: 12)
        func find(_ tenant: Int64, _ word: String, isPrefix: Bool) -> [Int64]? {
            world.words.find(
                WordQuery(groups: [[[.init(bytes: Array(word.utf8), isPrefix: isPrefix)]]]),
                .ticket, of: TenantID(rawValue: tenant), at: world.store.appliedIndex, limit: 99)?
                .records
        }
        #expect(find(1, "word", isPrefix: false) == [])
        #expect(find(12, "word", isPrefix: false) == [6])
        #expect(find(1, "2word", isPrefix: true) == [5])
        #expect(find(12, "2wo", isPrefix: true) == [])
        #expect(find(2, "word", isPrefix: false) == nil)
    }

    @Test func wordsOfErasedRecordsGoWithTheIndex() throws {
        var world = try World(seed: 95)
        try world.write(tenant: 1, record: 1, [Array("secret".utf8)])
        try world.finish(tenant: 1)
        try world.builder.forgetErased(now: World.now)
        world.source.erased.withLock { $0 = 1 }
        #expect(throws: WordIndexLost.self) { try world.builder.forgetErased(now: World.now) }
        #expect(!FileManager.default.fileExists(atPath: world.path))
        try world.reopen()
        try world.finish(tenant: 1)
        try world.builder.forgetErased(now: World.now)
    }

    @Test func indexOfRowsThatAreNotThereIsThrownAway() throws {
        var world = try World(seed: 94)
        try world.write(tenant: 1, record: 1, [Array("word".utf8)])
        // The rows as they were before: a copy that somebody puts back.
        let older = world.folder.appending(path: "older.sqlite").path
        try world.reader.snapshot(to: older)
        try world.write(tenant: 1, record: 2, [Array("word".utf8)])
        try world.finish(tenant: 1)
        let builder = try WordBuilder(rowsPath: older, path: world.path, source: world.source)
        #expect(throws: WordIndexLost.self) {
            try builder.step(.ticket, of: TenantID(rawValue: 1), now: World.now)
        }
        #expect(!FileManager.default.fileExists(atPath: world.path))
    }

    @Test func indexThatSomebodyRemovedIsMadeAnew() throws {
        var world = try World(seed: 91)
        try world.write(tenant: 1, record: 1, [Array("word".utf8)])
        try world.finish(tenant: 1)
        try FileManager.default.removeItem(atPath: world.path)
        #expect(throws: WordIndexLost.self) { try world.finish(tenant: 1) }
        try world.reopen()
        try world.finish(tenant: 1)
        let query = WordQuery(groups: [[[.init(bytes: Array("word".utf8), isPrefix: false)]]])
        let found = world.words.find(
            query, .ticket, of: TenantID(rawValue: 1), at: world.store.appliedIndex, limit: 9)
        #expect(found?.records == [1])
    }

    /// A word's bytes in it are others than a query's.
    @Test func indexOfAnotherLayoutIsOfNoUse() throws {
        var world = try World(seed: 92)
        try world.write(tenant: 1, record: 1, [Array("word".utf8)])
        try world.finish(tenant: 1)
        let query = WordQuery(groups: [[[.init(bytes: Array("word".utf8), isPrefix: false)]]])
        func find() -> IndexedRecords? {
            world.words.find(
                query, .ticket, of: TenantID(rawValue: 1), at: world.store.appliedIndex, limit: 9)
        }
        #expect(find()?.records == [1])
        world.source.layoutNumber.withLock { $0 = 2 }
        try world.reopen()
        #expect(find() == nil)
        try world.finish(tenant: 1)
        #expect(find() == nil)
        world.source.layoutNumber.withLock { $0 = 1 }
        try world.reopen()
        #expect(find() == nil)
        try world.finish(tenant: 1)
        #expect(find()?.records == [1])
    }

    /// As after a process that was killed: the file and its log as they are, opened by a reader first.
    @Test func readerOpensWhatAKilledProcessLeft() throws {
        var world = try World(seed: 93)
        for number in 1..<50 {
            try world.write(tenant: 1, record: Int64(number), [Array("word\(number % 7)".utf8)])
        }
        try world.finish(tenant: 1)
        let copy = world.folder.appending(path: "copy.words").path
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: world.path + suffix, toPath: copy + suffix)
        }
        let words = WordReader(
            path: copy, shard: ShardID(rawValue: 1), layout: world.source.layout,
            orders: world.orders)
        let query = WordQuery(groups: [[[.init(bytes: Array("word3".utf8), isPrefix: false)]]])
        let found = words.find(
            query, .ticket, of: TenantID(rawValue: 1), at: world.store.appliedIndex, limit: 99)
        #expect(found?.records == [3, 10, 17, 24, 31, 38, 45])
        #expect(world.orders.damage.withLock { $0 } == 0)
    }
}
