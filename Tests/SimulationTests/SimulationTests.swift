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
    @Test(arguments: [UInt64(248)]) func `Seeds that found a mistake stay good`(_ seed: UInt64)
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

    /// Every planted mistake, with a seed by which it must be found when all seeds from the given one on are tried. The whole
    /// range from 1 is in ARCHITECTURE.md; starting near the find keeps this short.
    static let mistakes: [(name: String, from: UInt64, within: UInt64)] = []

    @Test(arguments: mistakes.map(\.name)) func `A planted mistake is found`(_ name: String) throws
    {
        let mistake = try #require(Self.mistakes.first { $0.name == name })
        let bug = try #require(PlantedBugs.all.first { $0.name == name }?.bug)
        var found: RunResult?
        for seed in mistake.from..<mistake.from + mistake.within where found == nil {
            let result = try Simulation.run(seed: seed, bugs: bug)
            if result.failure != nil { found = result }
        }
        #expect(found != nil, "\(name) was not found in \(mistake.within) seeds")
    }

    @Test func `Every mistake that can be planted is planted here`() {
        #expect(Self.mistakes.map(\.name).sorted() == PlantedBugs.all.map(\.name).sorted())
    }
}
