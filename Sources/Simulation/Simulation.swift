package import Consensus

/// Runs one seed.
///
/// - Parameters:
///   - duration: how long clients and faults go on, in virtual microseconds; healing comes on top.
///   - shardStorePercent: how many seeds in a hundred run on SQLite files instead of rows in memory.
package func run(
    seed: UInt64, duration: Int64 = 60_000_000, shardStorePercent: Int = 0, bugs: PlantedBugs = [],
    trace: ((String) -> Void)? = nil
) throws -> RunResult {
    var choice = Randomness(seed: seed ^ 0x5A17)
    let usesShardStore = choice.below(100) < shardStorePercent
    let profile = Profile(seed: seed, usesShardStore: usesShardStore, duration: duration)
    trace?("seed \(seed): \(profile)")
    if usesShardStore {
        let folder = try TemporaryFolder()
        return try World<ShardMachine>(
            seed: seed, profile: profile, bugs: bugs, folder: folder.path, trace: trace
        ).run()
    }
    return try World<ModelMachine>(seed: seed, profile: profile, bugs: bugs, trace: trace).run()
}

extension RunResult {
    /// A run that could not go on.
    package init(fault: any Error, seed: UInt64) {
        self.init(
            seed: seed, failure: "\(fault)", failedAt: 0, statistics: Statistics(), history: [])
    }
}
