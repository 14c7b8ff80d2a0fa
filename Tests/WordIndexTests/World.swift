import Consensus
import Foundation
import SQLite
import ShardStore
import Synchronization
import Testing
import TestSupport
import Wire

@testable import WordIndex

/// Records with texts in a real store, an index of their words, and what each text was at each time.
struct World {
    static let now = Timestamp(milliseconds: 1_773_576_000_000)

    static let schema = ShardSchema(
        name: "texts",
        steps: [
            SchemaStep(
                number: 1,
                sql: """
                    CREATE TABLE texts(tenant INTEGER NOT NULL, mark INTEGER NOT NULL,
                        record INTEGER NOT NULL, words BLOB NOT NULL,
                        PRIMARY KEY (tenant, mark)) STRICT, WITHOUT ROWID;
                    """)
        ])

    final class Orders: WordOrders {
        let damage = Mutex(0)
        func wanted(_ kind: WordKind, of tenant: TenantID, in shard: ShardID) -> Bool { true }
        func damaged(_ shard: ShardID, _ error: any Error) { damage.withLock { $0 += 1 } }
    }

    /// Each row of the table is a text that its record has from then on, besides those it had.
    final class Source: WordSource {
        let layoutNumber = Mutex(UInt32(1))
        let erased = Mutex(Int64(0))
        var layout: UInt32 { layoutNumber.withLock { $0 } }

        func texts(of kind: WordKind, after mark: Int64, in rows: ShardReader) throws -> WordBatch {
            var batch = WordBatch(through: mark)
            var count = 0
            try rows.forEach(
                """
                SELECT mark, record, words FROM texts WHERE tenant = ?1 AND mark > ?2
                ORDER BY mark LIMIT 5
                """, mark
            ) { row in
                count += 1
                batch.through = row.int64(0)
                batch.texts[row.int64(1), default: []] += row.blob(2)
                return true
            }
            batch.isLast = count < 5
            return batch
        }

        func erasedCount(in rows: ShardReader) throws -> Int64 { erased.withLock { $0 } }
    }

    private struct Text {
        let tenant: Int64
        let mark: Int64
        let record: Int64
        let words: [[UInt8]]
    }

    var dice: SeededRandom
    let folder: URL
    let store: ShardStore
    let source = Source()
    let orders = Orders()
    let path: String
    var builder: WordBuilder
    let reader: ShardReaderConnection
    let words: WordReader
    private var texts: [Text] = []
    private let remover: Remover

    private final class Remover {
        let folder: URL
        init(_ folder: URL) { self.folder = folder }
        deinit { try? FileManager.default.removeItem(at: folder) }
    }

    init(seed: UInt64) throws {
        dice = SeededRandom(seed: seed)
        folder = FileManager.default.temporaryDirectory.appending(path: "words-\(UUID())")
        remover = Remover(folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let rows = folder.appending(path: "1.sqlite").path
        store = try ShardStore(
            path: rows, shard: ShardID(rawValue: 1), schema: Self.schema, now: Self.now,
            options: ShardStoreOptions(syncsCommits: false))
        path = folder.appending(path: "1.words").path
        builder = try WordBuilder(rowsPath: rows, path: path, source: source)
        words = WordReader(
            path: path, shard: ShardID(rawValue: 1), layout: source.layout, orders: orders)
        reader = try ShardReaderConnection(path: rows, words: words)
    }

    // MARK: What happens

    mutating func write() throws {
        let words = (0..<dice.number(1..<6)).map { _ in word() }
        try write(
            tenant: Int64(dice.pick([1, 2, 12])), record: Int64(dice.number(1..<30)), words,
            isTakenBack: dice.number(0..<10) == 0)
    }

    /// - Parameter isTakenBack: a transaction that is rolled back was never there.
    mutating func write(
        tenant: Int64, record: Int64, _ words: [[UInt8]], isTakenBack: Bool = false
    ) throws {
        let mark = Int64(texts.count + 1)
        let laidOut = [0x20] + words.joined(separator: [0x20]) + [0x20]
        let batch = try store.prepare(
            [
                ShardRequest(tenant: TenantID(rawValue: tenant)) {
                    try $0.run(
                        "INSERT INTO texts VALUES (?1, ?2, ?3, ?4)", mark, record,
                        Array(laidOut))
                }
            ], now: Self.now)
        guard case .completed = batch.outcomes[0] else {
            Issue.record("\(batch.outcomes)")
            return
        }
        if isTakenBack { return try store.rollback() }
        try store.commit()
        texts.append(Text(tenant: tenant, mark: mark, record: record, words: words))
    }

    mutating func step() throws {
        do {
            _ = try builder.step(
                .ticket, of: TenantID(rawValue: Int64(dice.pick([1, 2, 12]))), now: Self.now)
        } catch is WordIndexLost { try reopen() }
    }

    mutating func finish(tenant: Int64) throws {
        while try !builder.step(.ticket, of: TenantID(rawValue: tenant), now: Self.now).isDone {}
    }

    mutating func reopen() throws {
        builder = try WordBuilder(rowsPath: store.path, path: path, source: source)
    }

    mutating func lose() throws {
        WordBuilder.remove(path)
        try reopen()
    }

    /// Bytes of the file become others, while it is open.
    mutating func damage() throws {
        let handle = try FileHandle(forUpdating: URL(filePath: path))
        let size = try handle.seekToEnd()
        if size > 0 {
            try handle.seek(toOffset: UInt64(dice.number(0..<Int(size))) & ~511)
            try handle.write(contentsOf: Data(repeating: 0xa5, count: 512))
        }
        try handle.close()
        // Damage that nobody meets may hide words: a node's index lives with that no better than its rows.
        try lose()
    }

    /// A build that lays words out otherwise has been here and left its index.
    mutating func changeLayout() throws {
        source.layoutNumber.withLock { $0 += 1 }
        try reopen()
        source.layoutNumber.withLock { $0 -= 1 }
        if dice.number(0..<2) == 0 { try reopen() }
    }

    // MARK: What must be so

    struct Outcome {
        var isKnown = false
        var isNarrow = false
    }

    mutating func ask() throws -> Outcome {
        let tenant = Int64(dice.pick([1, 2, 12]))
        let query = query(tenant)
        let found = try reader.read(tenant: TenantID(rawValue: tenant), now: Self.now) {
            try $0.indexed(query, .ticket, limit: 1000)
        }
        guard let found else { return Outcome() }
        guard let records = found.records else { return Outcome(isKnown: true) }
        var expected: Set<Int64> = []
        let known = texts.filter { $0.tenant == tenant && $0.mark <= found.through }
        for record in Set(known.map(\.record)) {
            let words = known.filter { $0.record == record }.flatMap(\.words)
            if query.groups.allSatisfy({ group in
                group.contains { pattern in
                    pattern.allSatisfy { wanted in
                        words.contains {
                            wanted.isPrefix ? $0.starts(with: wanted.bytes) : $0 == wanted.bytes
                        }
                    }
                }
            }) {
                expected.insert(record)
            }
        }
        #expect(expected.isSubset(of: records), "tenant \(tenant): \(query)")
        #expect(records == records.sorted() && Set(records).count == records.count)
        let all = Set(texts.lazy.filter { $0.tenant == tenant }.map(\.record))
        #expect(all.isSuperset(of: records), "records of another tenant")
        return Outcome(isKnown: true, isNarrow: records.count < all.count)
    }

    private mutating func query(_ tenant: Int64) -> WordQuery {
        let mine = texts.filter { $0.tenant == tenant }
        return WordQuery(
            groups: (0..<dice.number(1..<3)).map { _ in
                (0..<dice.number(1..<3)).map { _ in
                    let whole = mine.isEmpty ? [word()] : dice.pick(mine).words
                    return (0..<dice.number(1..<3)).map { _ in
                        let word = dice.number(0..<4) == 0 ? word() : dice.pick(whole)
                        guard dice.number(0..<2) == 0 else {
                            return WordQuery.Word(bytes: word, isPrefix: false)
                        }
                        return WordQuery.Word(bytes: beginning(of: word), isPrefix: true)
                    }
                }
            })
    }

    /// A word's first letters.
    private mutating func beginning(of word: [UInt8]) -> [UInt8] {
        let scalars = Array(String(decoding: word, as: UTF8.self).unicodeScalars)
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars.prefix(dice.number(0..<scalars.count) + 1))
        return Array(String(view).utf8)
    }

    /// Few letters of several scripts, so that words begin alike; some are long, or end where long ones are cut.
    private mutating func word() -> [UInt8] {
        let letters = dice.pick(["ab", "a1", "öü", "жш", "日", "ab𐐨"])
        let length = dice.pick([1, 2, 3, 3, 4, 15, 16, 17, 24, 25, 47, 48, 49, 50, 60])
        let shown = length > 20 ? [letters.unicodeScalars.first!] : Array(letters.unicodeScalars)
        var view = String.UnicodeScalarView()
        for _ in 0..<length { view.append(dice.pick(shown)) }
        if dice.number(0..<2) == 0 { view.append("z") }
        return Array(String(view).utf8)
    }
}
