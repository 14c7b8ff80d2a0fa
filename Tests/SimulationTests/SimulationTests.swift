import Consensus
import Foundation
import Simulation
import Testing

/// Whole clusters from seeds. `make sim` runs thousands of them in a release build; here are enough to show that nothing is
/// broken, and that what is broken on purpose is found.
@Suite struct SimulationTests {
    @Test(arguments: [UInt64(1), 21, 41, 61]) func `Seeds run to a good end`(_ first: UInt64) throws
    {
        for seed in first..<first + 20 {
            let result = try Simulation.run(seed: seed, duration: 30_000_000)
            #expect(result.failure == nil, "lodge-sim run --seed \(seed) --duration 30")
            #expect(result.statistics.ok > 0)
        }
    }

    @Test(arguments: [UInt64(1), 4]) func `Seeds run to a good end on SQLite files`(_ first: UInt64)
        throws
    {
        for seed in first..<first + 3 {
            let result = try Simulation.run(
                seed: seed, duration: 20_000_000, shardStorePercent: 100)
            #expect(
                result.failure == nil,
                "lodge-sim run --seed \(seed) --duration 20 --shard-store 100")
        }
    }

    /// Seeds that once found something in the product, with what it was.
    @Test(arguments: [UInt64(248), 100_981, 106_818, 107_737])
    func `Seeds that found a mistake stay good`(_ seed: UInt64)
        throws
    {
        let result = try Simulation.run(seed: seed)
        #expect(result.failure == nil)
    }

    @Test(arguments: [0, 100]) func `A seed decides everything`(_ shardStorePercent: Int) throws {
        func trace() throws -> [String] {
            var lines: [String] = []
            _ = try Simulation.run(
                seed: 7, duration: 5_000_000, shardStorePercent: shardStorePercent
            ) { lines.append($0) }
            return lines
        }
        let first = try trace()
        #expect(first.count > 100)
        #expect(try first == trace())
    }

    /// Every planted mistake, and the first seed from 1 on that finds it, as `make planted` prints them. Whoever changes the world
    /// changes what seeds mean, and records the table anew. A search begins a little before its end, to be short.
    static let mistakes: [(name: String, from: UInt64, foundBy: UInt64)] = [
        ("acknowledgesBeforeSync", 111, 112),
        ("leaderCountsUnsynced", 1, 2),
        ("votesBeforeSync", 12, 13),
        ("commitsOlderTermByCounting", 458, 459),
        ("skipsPreviousTermCheck", 1, 1),
        ("truncatesCommitted", 8, 9),
        ("readsBeforeOwnTermCommit", 18, 19),
        ("reusesConfirmation", 655, 656),
        ("configurationEffectiveLate", 26, 27),
        ("countsLearners", 1, 5),
        ("ignoresOutgoingMajority", 689, 690),
        ("votesTwice", 1, 1),
        ("ignoresLogAtVote", 1, 1),
        ("commitsBeyondMatch", 1, 2),
        ("readsWithoutConfirmation", 226, 227),
        ("keepsBelievingInLeader", 7, 8),
        ("commitsBeforeMajority", 1, 1),
        ("compactsPastDurable", 1, 2),
        ("snapshotIndexOffByOne", 89, 90),
        ("idempotencyOutsideTransaction", 1, 1),
        ("reusesReplicaID", 8, 9),
        ("forgetsVote", 34, 35),
        ("readsBeforeApply", 40, 41),
        ("keepsTransactionOpen", 1, 1),
        ("grantsReadsToAnyone", 59, 60),
        ("confirmsOldTerms", 648, 649),
    ]

    @Test(arguments: mistakes.map(\.name)) func `A planted mistake is found`(_ name: String) throws
    {
        let mistake = try #require(Self.mistakes.first { $0.name == name })
        let bug = try #require(PlantedBugs.all.first { $0.name == name }?.bug)
        var found: RunResult?
        for seed in mistake.from...mistake.foundBy where found == nil {
            let result = try Simulation.run(seed: seed, bugs: bug)
            if result.failure != nil { found = result }
        }
        #expect(found != nil, "\(name) was not found by seed \(mistake.foundBy)")
    }

    @Test func `Every mistake that can be planted is planted here`() {
        #expect(Self.mistakes.map(\.name).sorted() == PlantedBugs.all.map(\.name).sorted())
    }
}
