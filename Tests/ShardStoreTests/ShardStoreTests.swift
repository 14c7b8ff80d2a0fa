import Consensus
import Testing
import TestSupport
import Wire

@testable import SQLite
@testable import ShardStore

private let insertPair = "INSERT INTO pairs(tenant, a, b, whole) VALUES (?1, ?2, ?3, ?4)"

private func whole(_ rows: ShardReader, _ a: Int, _ b: String) throws -> Int64? {
    try rows.first(
        "SELECT whole FROM pairs WHERE tenant = ?1 AND a = ?2 AND b = ?3", a, b
    ) { $0.int64(0) }
}

/// A shard with the tables of `shapesSchema` in a folder of its own.
private struct Fixture {
    let folder = TemporaryFolder()
    let store: ShardStore
    var path: String { folder.file("a") }
    init() throws { store = try openStore(folder.file("a"), shapesSchema) }

    func count() throws -> Int {
        try ShardReaderConnection(path: path).read(tenant: TenantID(rawValue: 1), now: testTime) {
            try $0.first("SELECT count(*) FROM pairs WHERE tenant = ?1") { $0.int(0) }!
        }
    }
}

private func request(_ body: @escaping (ShardTransaction) throws -> Void) -> ShardRequest {
    ShardRequest(tenant: TenantID(rawValue: 1), body: body)
}

@Suite struct RequestTests {
    @Test func refusalLeavesNoTraceOfItInTheBatch() throws {
        let one = try Fixture()
        let other = try Fixture()
        let kept = (0..<4).map { number in
            request { try $0.run(insertPair, number, "kept", number) }
        }
        let refused = request {
            try $0.run(insertPair, 99, "gone", 99)
            throw Refused()
        }
        let mixed = try one.store.prepare(
            [kept[0], refused, kept[1], kept[2], refused, kept[3]], now: testTime)
        let clean = try other.store.prepare(kept, now: testTime)
        #expect(mixed.block == clean.block)
        #expect(
            mixed.outcomes.map { outcome -> UInt64? in
                if case .completed(let index) = outcome { index.rawValue } else { nil }
            } == [3, nil, 4, 5, nil, 6])
        try one.store.commit()
        try other.store.commit()
        #expect(one.store.stateHash == other.store.stateHash)
        #expect(try dump(one.path) == dump(other.path))
        #expect(try one.store.scrub() == [])
    }

    @Test func unexpectedErrorRunsTheOthersOneByOne() throws {
        let fixture = try Fixture()
        var runs = 0
        let batch = try fixture.store.prepare(
            [
                request {
                    runs += 1
                    try $0.run(insertPair, 1, "first", 1)
                },
                request {
                    try $0.run(insertPair, 2, "second", 2)
                    // Breaks the primary key: an SQLite error that no rule caught before.
                    try $0.run(insertPair, 2, "second", 3)
                },
                request { try $0.run(insertPair, 3, "third", 3) },
            ], now: testTime)
        try fixture.store.commit()
        #expect(runs == 2)
        guard case .thrown(let error) = batch.outcomes[1] else {
            Issue.record("the second request completed")
            return
        }
        #expect((error as? SQLiteError)?.code.primary == .constraint)
        #expect(batch.block?.entries.count == 2)
        #expect(try fixture.count() == 2)
        #expect(try fixture.store.scrub() == [])
    }

    @Test func requestThatOnlyReadsTakesNoIndex() throws {
        let fixture = try Fixture()
        let before = fixture.store.appliedIndex
        let batch = try fixture.store.prepare(
            [
                request { _ = try whole($0, 1, "x") },
                request {
                    try $0.run("UPDATE pairs SET whole = 1 WHERE tenant = ?1 AND a = ?2", 9)
                },
            ], now: testTime)
        #expect(batch.block == nil)
        try fixture.store.commit()
        #expect(fixture.store.appliedIndex == before)
    }

    @Test func updateThatChangesNothingIsNotCaptured() throws {
        let fixture = try Fixture()
        try fixture.store.write { try $0.run(insertPair, 1, "x", 5) }
        let block = try fixture.store.write {
            try $0.run("UPDATE pairs SET whole = ?2 WHERE tenant = ?1", 5)
        }
        #expect(block == nil)
    }

    @Test func savepointRewindsCaptureAndHash() throws {
        let one = try Fixture()
        let other = try Fixture()
        let block = try one.store.write { rows in
            try rows.run(insertPair, 1, "x", 1)
            do {
                try rows.savepoint {
                    try rows.run(insertPair, 2, "x", 2)
                    try rows.savepoint { _ = try rows.run(insertPair, 3, "x", 3) }
                    throw Refused()
                }
            } catch is Refused {}
            try rows.savepoint { _ = try rows.run(insertPair, 4, "x", 4) }
        }
        let plain = try other.store.write { rows in
            try rows.run(insertPair, 1, "x", 1)
            try rows.run(insertPair, 4, "x", 4)
        }
        #expect(block == plain)
        #expect(try one.store.scrub() == [])
    }

    @Test func rowsUndoneByAFailedStatementAreNotCaptured() throws {
        let fixture = try Fixture()
        let block = try fixture.store.write { rows in
            for (number, word) in ["p", "q", "r"].enumerated() {
                try rows.run(
                    "INSERT INTO pairs(tenant, a, b, word) VALUES (?1, ?2, 'w', ?3)", number, word)
            }
            // The first row takes the word, the second breaks the unique index; SQLite undoes the first.
            #expect(throws: SQLiteError.self) {
                try rows.run("UPDATE pairs SET word = ?2 WHERE tenant = ?1", "z")
            }
        }
        #expect(try fixture.store.scrub() == [])
        let replica = try openStore(fixture.folder.file("b"), shapesSchema)
        try replica.replay([block!])
        #expect(try dump(fixture.path) == dump(fixture.folder.file("b")))
    }

    @Test func rollbackAfterPrepareUndoesRowsIndexHashAndIdentifiers() throws {
        let fixture = try Fixture()
        let insert = request { rows in
            try rows.run(insertPair, Int(rows.makeIdentifier()), "x", 1)
        }
        let before = (fixture.store.appliedIndex, fixture.store.stateHash)
        let first = try fixture.store.prepare([insert], now: testTime)
        // Readers do not see what is not committed.
        #expect(try fixture.count() == 0)
        try fixture.store.rollback()
        #expect((fixture.store.appliedIndex, fixture.store.stateHash) == before)
        let second = try fixture.store.prepare([insert], now: testTime)
        #expect(first.block == second.block)
        try fixture.store.commit()
        #expect(try fixture.count() == 1)
    }

    @Test func reopenedShardStandsWhereItStood() throws {
        let folder = TemporaryFolder()
        var store: ShardStore? = try openStore(folder.file("a"), shapesSchema)
        var last: Int64 = 0
        try store!.write { rows in
            last = rows.makeIdentifier(count: 3) + 2
            try rows.run(insertPair, 1, "x", 1)
        }
        let expected = (store!.appliedIndex, store!.appliedTime, store!.stateHash)
        store = nil
        store = try openStore(folder.file("a"), shapesSchema)
        #expect((store!.appliedIndex, store!.appliedTime, store!.stateHash) == expected)
        #expect(store!.migrationBlocks.isEmpty)
        // Also under a clock that is behind.
        try store!.write(now: Timestamp(rawValue: 5)) { rows in
            #expect(rows.now == expected.1)
            #expect(rows.makeIdentifier() > last)
        }
    }

    @Test func identifiersOfABlockAreConsecutiveAndShort() throws {
        let fixture = try Fixture()
        let later = testTime.advanced(byMilliseconds: 86_400_000)
        try fixture.store.write { try $0.run(insertPair, Int($0.makeIdentifier()), "x", 1) }
        var ids: [Int64] = []
        let block = try fixture.store.write(now: later) { rows in
            for _ in 0..<100 { ids.append(rows.makeIdentifier()) }
            try rows.run(insertPair, Int(ids[50]), "x", nil as Int?)
        }
        #expect(ids == (0..<100).map { ids[0] + $0 })
        #expect(ids[0] == (later.milliseconds - IdentifierAllocator.epoch) << 12)
        #expect(block?.identifierBase == ids[0] - 1)
        #expect(block?.identifierCount == 100)
        // Head, identifier as an offset, "x", and five NULLs and the later column.
        #expect(block?.entries[0].payload.count == 1 + 2 + 2 + 6)
        #expect(try Block(decoding: block!.encoded()) == block)
    }

    @Test func eraseRemovesOneTenantStepByStep() throws {
        let fixture = try Fixture()
        for tenant in [1, 2] as [Int64] {
            try fixture.store.write(tenant: tenant) { rows in
                for number in 0..<25 { try rows.run(insertPair, number, "x", number) }
                try rows.run("INSERT INTO singles VALUES (?1, 1.5, 2, NULL)")
                try rows.run("INSERT INTO words VALUES (?1, 'w', NULL)")
            }
        }
        let kept = try fixture.store.stateHash(of: TenantID(rawValue: 2))
        var steps: [Int] = []
        while steps.last != 0 {
            try fixture.store.write { steps.append(try $0.eraseRows(limit: 10)) }
        }
        #expect(steps == [10, 10, 7, 0])
        #expect(try fixture.store.stateHash(of: TenantID(rawValue: 1)).sum == 0)
        #expect(try fixture.store.stateHash(of: TenantID(rawValue: 2)) == kept)
        #expect(fixture.store.stateHash == kept)
        #expect(try fixture.store.scrub() == [])
    }

    @Test func readOverItsBudgetIsStoppedAndTheNextOneRuns() throws {
        let fixture = try Fixture()
        try fixture.store.write { rows in
            for number in 0..<200 { try rows.run(insertPair, number, "x", number) }
        }
        let reader = try ShardReaderConnection(path: fixture.path, budgetThousands: 5)
        for _ in 0..<400 {
            #expect(throws: ReadBudgetExceeded.self) {
                try reader.read(tenant: TenantID(rawValue: 1), now: testTime) {
                    try $0.first(
                        "SELECT count(*) FROM pairs x, pairs y WHERE x.tenant = ?1 AND x.a + y.a = -1"
                    ) { $0.int(0) }
                }
            }
        }
        let found = try reader.read(tenant: TenantID(rawValue: 1), now: testTime) {
            try whole($0, 7, "x")
        }
        #expect(found == 7)
    }

    @Test func checkpointFoldsTheWALWhenItIsLongAndOnlyThen() throws {
        let fixture = try Fixture()
        func grow() throws {
            try fixture.store.write { rows in
                try rows.run("DELETE FROM pairs WHERE tenant = ?1")
                for number in 0..<2000 { try rows.run(insertPair, number, "x", number) }
            }
        }
        try grow()
        let pages = fixture.store.connection.walPageCount
        #expect(pages > 10)
        try fixture.store.maintain(walPages: pages + 1)
        try fixture.store.write { try $0.run(insertPair, -1, "x", 1) }
        #expect(fixture.store.connection.walPageCount > pages)
        try fixture.store.maintain(walPages: pages)
        try fixture.store.write { try $0.run(insertPair, -2, "x", 1) }
        // The file is as long as before, but begins anew.
        #expect(fixture.store.connection.walPageCount < pages)
    }

    /// Large transactions with something undone in them: see `ShardStore.spillPages`.
    @Test func whatFollowsALargeUndoIsThereForANewProcess() throws {
        let folder = TemporaryFolder()
        let store = try ShardStore(
            path: folder.file("a"), shard: testShard, schema: shapesSchema, now: testTime,
            options: ShardStoreOptions(cacheKilobytes: 32, syncsCommits: false))
        let long = String(repeating: "x", count: 2500)
        try store.write { rows in
            for number in 0..<100 { try rows.run(insertPair, number, long, 0) }
        }
        try store.write { rows in
            try rows.run(insertPair, 0, "kept", 0)
            do {
                try rows.savepoint {
                    // Each row has a page. None of the first ones is written twice, so the chain would begin anew behind all that follows.
                    for number in [Int](0..<100) + [Int](60..<90) {
                        try rows.run(
                            "UPDATE pairs SET whole = whole + 1 WHERE tenant = ?1 AND a = ?2",
                            number)
                    }
                    throw Refused()
                }
            } catch is Refused {}
        }
        for number in 1..<5 { try store.write { try $0.run(insertPair, number, "kept", 0) } }
        // As if the process had ended.
        try folder.copyFiles("a", to: "b")
        let later = try openStore(folder.file("b"), shapesSchema)
        #expect(later.appliedIndex == store.appliedIndex)
        #expect(try dump(folder.file("b")) == dump(folder.file("a")))
    }

    @Test func otherShardSchemaOrNewerFileIsRefused() throws {
        let folder = TemporaryFolder()
        _ = try openStore(folder.file("a"), shapesSchema)
        #expect(throws: ShardFileFault.otherShard(found: testShard)) {
            try ShardStore(
                path: folder.file("a"), shard: ShardID(rawValue: 9), schema: shapesSchema,
                now: testTime)
        }
        #expect(throws: ShardFileFault.otherSchema(found: "shapes")) {
            try openStore(folder.file("a"), ShardSchema(name: "desk", steps: []))
        }
        #expect(throws: ShardFileFault.newerSchema(found: 2, known: 1)) {
            try openStore(
                folder.file("a"), ShardSchema(name: "shapes", steps: [shapesSchema.steps[0]]))
        }
    }
}

@Suite struct ScrubTests {
    @Test(arguments: [
        "UPDATE pairs SET whole = 8", "UPDATE pairs SET share = 1.0", "UPDATE pairs SET b = 'y'",
        "UPDATE pairs SET anything = CAST('7' AS BLOB)", "DELETE FROM pairs",
        "INSERT INTO pairs(tenant, a, b) VALUES (1, 2, 'z')", "UPDATE pairs SET tenant = 5",
    ])
    func findsARowThatWasTamperedWith(sql: String) throws {
        let fixture = try Fixture()
        for tenant in [1, 2] as [Int64] {
            try fixture.store.write(tenant: tenant) {
                try $0.run(
                    "INSERT INTO pairs VALUES (?1, 1, 'x', 7, 2.0, 'word', x'00', '7', NULL)")
            }
        }
        #expect(try fixture.store.scrub() == [])
        let words = sql.hasPrefix("INSERT") ? sql : sql + " WHERE tenant = 1"
        try Connection(path: fixture.path, mode: .readWrite).execute(words)
        let expected = sql.hasSuffix("tenant = 5") ? [1, 5] : [1]
        #expect(try fixture.store.scrub().map(\.rawValue) == expected.map(Int64.init))
        let check = try ShardCheck(path: fixture.path)
        var found: [ShardCheck.Step] = []
        repeat { found.append(try check.next()) } while found.last != .end && found.count < 9
        #expect(
            found.filter { $0 != .sound }
                == expected.map { .unsound(TenantID(rawValue: Int64($0))) } + [.end])
    }
}

@Suite struct SchemaRuleTests {
    @Test(arguments: [
        ("CREATE TABLE t(tenant INTEGER NOT NULL PRIMARY KEY) WITHOUT ROWID", "must be STRICT"),
        ("CREATE TABLE t(tenant INTEGER NOT NULL PRIMARY KEY) STRICT", "must be WITHOUT ROWID"),
        (
            "CREATE TABLE t(id INTEGER NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID",
            "must begin with the column tenant"
        ),
        (
            "CREATE TABLE t(tenant INTEGER, id INTEGER NOT NULL, PRIMARY KEY (id, tenant)) STRICT, WITHOUT ROWID",
            "must begin with the column tenant"
        ),
        (
            "CREATE TABLE t(tenant INTEGER NOT NULL PRIMARY KEY, a INTEGER REFERENCES t(tenant)) STRICT, WITHOUT ROWID",
            "must not have foreign keys"
        ),
        (
            "CREATE TABLE t(tenant INTEGER NOT NULL PRIMARY KEY, a INTEGER AS (tenant + 1)) STRICT, WITHOUT ROWID",
            "must not have generated columns"
        ),
        (
            "CREATE TABLE t(tenant INTEGER NOT NULL PRIMARY KEY, a INTEGER DEFAULT 5) STRICT, WITHOUT ROWID",
            "must not have column defaults"
        ),
        (
            "CREATE TABLE t(tenant INTEGER NOT NULL PRIMARY KEY, "
                + (1...63).map { "c\($0) INTEGER" }.joined(separator: ", ")
                + ") STRICT, WITHOUT ROWID", "must have at most 63 columns"
        ),
        (
            """
            CREATE TABLE t(tenant INTEGER NOT NULL PRIMARY KEY, a INTEGER) STRICT, WITHOUT ROWID;
            CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET a = 1; END
            """, "trigger tr: not allowed"
        ),
        ("CREATE VIEW v AS SELECT 1", "view v: not allowed"),
    ])
    func tableThatBreaksARuleIsRefusedByName(sql: String, rule: String) throws {
        let folder = TemporaryFolder()
        let schema = ShardSchema(name: "bad", steps: [SchemaStep(number: 1, sql: sql)])
        let error = #expect(throws: SchemaViolation.self) {
            try openStore(folder.file("a"), schema)
        }
        #expect(error?.description.contains(rule) == true, "\(error as Any)")
        // Nothing of it stays: the file opens as a new one.
        let good = ShardSchema(name: "bad", steps: shapesSchema.steps)
        #expect(try openStore(folder.file("a"), good).appliedIndex == LogIndex(rawValue: 2))
    }

    @Test(arguments: [
        "DROP TABLE pairs", "ALTER TABLE pairs DROP COLUMN bytes",
        "ALTER TABLE pairs RENAME COLUMN whole TO part", "ALTER TABLE pairs RENAME TO couples",
    ])
    func stepMayOnlyAdd(sql: String) throws {
        let folder = TemporaryFolder()
        _ = try openStore(folder.file("a"), shapesSchema)
        let schema = ShardSchema(
            name: "shapes", steps: shapesSchema.steps + [SchemaStep(number: 3, sql: sql)])
        #expect(throws: SchemaViolation.self) { try openStore(folder.file("a"), schema) }
        #expect(try openStore(folder.file("a"), shapesSchema).scrub() == [])
    }

    @Test func addedColumnKeepsHashesOfOldRows() throws {
        let folder = TemporaryFolder()
        let first = ShardSchema(name: "shapes", steps: [shapesSchema.steps[0]])
        var store: ShardStore? = try openStore(folder.file("a"), first)
        try store!.write { try $0.run(insertPair, 1, "x", 1) }
        let before = store!.stateHash
        store = nil
        store = try openStore(folder.file("a"), shapesSchema)
        #expect(store!.migrationBlocks.count == 1)
        #expect(store!.stateHash == before)
        let block = try store!.write { rows in
            try rows.run("UPDATE pairs SET later = 'now' WHERE tenant = ?1")
        }
        #expect(block != nil)
        #expect(try store!.scrub() == [])
    }
}

@Suite struct ReplayFaultTests {
    private struct Pair {
        let folder = TemporaryFolder()
        let leader: ShardStore
        let follower: ShardStore
        var blocks: [Block]
        init() throws {
            leader = try openStore(folder.file("a"), shapesSchema)
            follower = try openStore(folder.file("b"), shapesSchema)
            blocks = []
            for number in 0..<3 {
                blocks.append(
                    try leader.write { try $0.run(insertPair, number, "abcdef", number) }!)
            }
        }

        func refuses(_ blocks: [Block], _ fault: ReplayFault) throws {
            let index = follower.appliedIndex
            #expect(throws: fault) { try follower.replay(blocks) }
            #expect(follower.appliedIndex == index)
            #expect(try dump(folder.file("b"))["pairs"] == [])
            #expect(try follower.scrub() == [])
            // The right blocks still go in.
            try follower.replay(self.blocks)
            #expect(follower.stateHash == leader.stateHash)
        }
    }

    private func changed(
        _ block: Block, shard: ShardID = testShard, kind: Block.EntryKind = .rows,
        tenant: Int64 = 1, hash: UInt64? = nil, _ change: (inout [UInt8]) -> Void = { _ in }
    ) -> Block {
        var payload = block.entries[0].payload
        change(&payload)
        return Block(
            shard: shard, firstIndex: block.firstIndex, time: block.time,
            identifierBase: block.identifierBase, identifierCount: block.identifierCount,
            entries: [
                Block.Entry(tenant: TenantID(rawValue: tenant), kind: kind, payload: payload)
            ], stateHash: hash ?? block.stateHash)
    }

    @Test func gap() throws {
        let pair = try Pair()
        try pair.refuses(
            [pair.blocks[1]],
            .gap(expected: LogIndex(rawValue: 3), found: LogIndex(rawValue: 4)))
    }

    @Test func otherShard() throws {
        let pair = try Pair()
        let other = ShardID(rawValue: 8)
        try pair.refuses([changed(pair.blocks[0], shard: other)], .otherShard(other))
    }

    @Test func otherStateHash() throws {
        let pair = try Pair()
        try pair.refuses(
            [changed(pair.blocks[0], hash: 7)], .diverged(at: LogIndex(rawValue: 3)))
    }

    @Test func otherStateHashIsNotedWhereBothSidesMayBeWrong() throws {
        let pair = try Pair()
        try pair.follower.replay([changed(pair.blocks[0], hash: 7)], isStrict: false)
        #expect(pair.follower.divergedAt == LogIndex(rawValue: 3))
        #expect(pair.follower.appliedIndex == LogIndex(rawValue: 3))
        #expect(try pair.follower.scrub() == [])
        // A block that agrees ends it.
        try pair.follower.replay([pair.blocks[1]], isStrict: false)
        #expect(pair.follower.divergedAt == nil)
    }

    @Test func otherTenant() throws {
        let pair = try Pair()
        try pair.refuses(
            [changed(pair.blocks[0], tenant: 2)], .diverged(at: LogIndex(rawValue: 3)))
    }

    @Test func faultInALaterBlockUndoesTheEarlierOnes() throws {
        let pair = try Pair()
        try pair.refuses(
            [pair.blocks[0], changed(pair.blocks[1], hash: 7)],
            .diverged(at: LogIndex(rawValue: 4)))
    }

    @Test func textThatIsNotUTF8() throws {
        let pair = try Pair()
        let block = changed(pair.blocks[0]) { payload in
            payload[payload.firstIndex(of: UInt8(ascii: "c"))!] = 0xff
        }
        try pair.refuses([block], .malformed(.invalid("text is not UTF-8")))
    }

    @Test func unknownTable() throws {
        let pair = try Pair()
        let block = changed(pair.blocks[0]) { $0[0] = 1 << 6 | 60 }
        try pair.refuses([block], .unknownTable(60))
    }

    @Test func payloadCutShort() throws {
        let pair = try Pair()
        for count in 1..<pair.blocks[0].entries[0].payload.count {
            let block = changed(pair.blocks[0]) { $0.removeLast(count) }
            #expect(throws: ReplayFault.self) { try pair.follower.replay([block]) }
        }
        try pair.refuses(
            [changed(pair.blocks[0]) { $0.removeLast() }], .malformed(.truncated))
    }

    @Test func updateOfAMissingRowOrAKeyColumn() throws {
        let pair = try Pair()
        var writer = ByteWriter()
        writer.write(ChangeHead(operation: .update, table: 0))
        writer.writeCell(integer: 5, pair.blocks[0].context)
        writer.write(Cell.null, pair.blocks[0].context)
        writer.write(varint: 1 << 3)
        writer.writeCell(integer: 5, pair.blocks[0].context)
        try pair.refuses(
            [changed(pair.blocks[0]) { $0 = writer.bytes }], .missingRow(table: "pairs"))
        for bitmap in [0, 1, 1 << 1, 1 << 2, 1 << 9, 1 << 63] as [UInt64] {
            var writer = ByteWriter()
            writer.write(ChangeHead(operation: .update, table: 0))
            writer.writeCell(integer: 5, pair.blocks[0].context)
            writer.writeNullCell()
            writer.write(varint: bitmap)
            writer.writeNullCell()
            let fresh = try Pair()
            try fresh.refuses(
                [changed(fresh.blocks[0]) { $0 = writer.bytes }],
                .malformed(.invalid("column bitmap")))
        }
    }

    @Test func rowThatIsThereAlreadyOrOfAnotherType() throws {
        let pair = try Pair()
        let twice = changed(pair.blocks[0]) { $0 += $0 }
        try pair.refuses([twice], .conflict(table: "pairs"))
        let other = try Pair()
        // The key's integer becomes a text.
        let typed = changed(other.blocks[0]) { payload in
            payload[1] = 0x41
            payload.insert(UInt8(ascii: "t"), at: 2)
        }
        try other.refuses([typed], .conflict(table: "pairs"))
    }

    @Test func schemaStepOutOfTurnOrBroken() throws {
        var step = ByteWriter()
        step.write(varint: 4)
        step.write(raw: "SELECT 1".utf8)
        let pair = try Pair()
        try pair.refuses(
            [changed(pair.blocks[0], kind: .schemaStep) { $0 = step.bytes }],
            .unexpectedSchemaStep(4))
        let other = try Pair()
        try other.refuses(
            [changed(other.blocks[0], kind: .schemaStep) { $0 = [3, 0xff] }],
            .malformed(.invalid("schema step")))
    }

    @Test func schemaStepThatFailsLeavesTheOldTablesInUse() throws {
        var step = ByteWriter()
        step.write(varint: 3)
        step.write(
            raw: """
                CREATE TABLE before(tenant INTEGER NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
                CREATE TABLE bad(a INTEGER);
                """.utf8)
        let pair = try Pair()
        let block = changed(pair.blocks[0], kind: .schemaStep) { $0 = step.bytes }
        #expect(throws: SchemaViolation.self) { try pair.follower.replay([block]) }
        #expect(pair.follower.catalog["before"] == nil)
        try pair.follower.replay(pair.blocks)
        #expect(pair.follower.stateHash == pair.leader.stateHash)
    }
}

@Suite struct BrokenInvariantTests {
    /// Runs one write on a new shard; used in processes that must not survive it.
    private static func run(_ body: @escaping (ShardTransaction) throws -> Void) throws {
        let folder = TemporaryFolder()
        let store = try openStore(folder.file("a"), shapesSchema)
        try store.write(tenant: 2) { try $0.run(insertPair, 1, "x", 1) }
        try store.write(tenant: 1, body)
    }

    @Test func anotherTenantsRowStopsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            try Self.run { try $0.run("UPDATE pairs SET whole = ?1 WHERE a = ?2", 1) }
        }
        await #expect(processExitsWith: .failure) {
            try Self.run { try $0.run("INSERT INTO pairs(tenant, a, b) VALUES (?1 + 1, 7, 'x')") }
        }
        await #expect(processExitsWith: .failure) {
            try Self.run { try $0.run("UPDATE pairs SET tenant = ?1 WHERE tenant = 2") }
        }
    }

    @Test func sqlThatDoesNotNameItsTenantStopsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            try Self.run { try $0.run("DELETE FROM pairs") }
        }
        await #expect(processExitsWith: .failure) {
            try Self.run { try $0.run("DELETE FROM pairs WHERE a = :a", 1) }
        }
    }

    @Test func writeThatTheHookCannotFollowStopsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            try Self.run { try $0.run("INSERT OR REPLACE INTO words VALUES (?1, 'w', 1)") }
        }
        await #expect(processExitsWith: .failure) {
            try Self.run { try $0.run("UPDATE OR FAIL words SET word = ?2 WHERE tenant = ?1", "x") }
        }
        await #expect(processExitsWith: .failure) {
            try Self.run {
                _ = try $0.first("DELETE FROM words WHERE tenant = ?1 RETURNING word") {
                    $0.text(0)
                }
            }
        }
    }

    /// The same scaffold with a lawful write ends well, so the tests above fail for their own reason.
    @Test func lawfulWriteDoesNot() async {
        await #expect(processExitsWith: .success) {
            try Self.run { try $0.run("UPDATE pairs SET whole = 3 WHERE tenant = ?1") }
        }
    }
}
