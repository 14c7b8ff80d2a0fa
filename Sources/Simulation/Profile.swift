/// What one seed's world is like and what may go wrong in it. Swarm testing (Groce and others, 2012): every seed leaves out
/// some kinds of fault altogether, since what is everywhere hides what needs quiet. Times are microseconds.
package struct Profile: Sendable {
    package enum Fault: String, CaseIterable, Sendable {
        case kill, powerLoss, totalPowerLoss, partition, isolateLeader, oneWay, clog, freeze
        case diskStall, wipe, membership, transfer, checkpoint, crashPoint, snapshotCut
        /// Striking a leader in its first moments, when most of its promises are open.
        case lateRetry, clockStep, coup
    }

    package var voters: Int
    package var nodes: Int
    package var clients: Int
    package var keys: Int
    /// How long faults and clients run.
    package var duration: Int64
    package var thinkTime: Int64
    package var requestTimeout: Int64
    package var loss: Double
    package var duplication: Double
    package var messageDelay: Int64
    /// How often a message takes up to a hundred times as long.
    package var heavyTail: Double
    package var syncDelay: Int64
    package var applyDelay: Int64
    package var faultInterval: Int64
    package var faults: [Fault]
    package var crashPointRate: Double
    package var trailingEntries: UInt64
    package var messageBytes: Int
    package var inflightBlocks: Int
    package var usesShardStore: Bool

    package init(seed: UInt64, usesShardStore: Bool, duration: Int64 = 60_000_000) {
        var random = Randomness(seed: seed ^ 0x10D6E)
        voters = random.pick([1, 3, 3, 3, 3, 3, 5, 5])
        nodes = voters + random.pick([0, 1, 2])
        clients = random.pick([2, 4, 4, 8])
        keys = random.pick([2, 6, 12, 24])
        self.duration = duration
        thinkTime = random.pick([20_000, 60_000, 200_000])
        requestTimeout = random.pick([200_000, 800_000, 2_000_000])
        loss = random.pick([0, 0, 0.001, 0.02, 0.1])
        duplication = random.pick([0, 0, 0.01, 0.1])
        messageDelay = random.pick([100, 500, 2_000, 15_000])
        heavyTail = random.pick([0, 0.001, 0.02])
        syncDelay = random.pick([100, 500, 5_000, 30_000])
        applyDelay = random.pick([100, 2_000, 50_000, 500_000])
        faultInterval = random.pick([60_000, 150_000, 500_000, 2_000_000])
        // Half of the kinds, on the average, and sometimes none.
        let share = random.pick([0.15, 0.3, 0.6, 0.9])
        faults = Fault.allCases.filter { _ in random.chance(share) }
        if random.chance(0.03) { faults = [] }
        crashPointRate = faults.contains(.crashPoint) ? random.pick([0.0002, 0.002]) : 0
        trailingEntries = UInt64(random.pick([0, 5, 50, 500]))
        messageBytes = random.pick([1, 1, 64, 400, 1 << 16])
        inflightBlocks = random.pick([1, 3, 64])
        self.usesShardStore = usesShardStore
        if usesShardStore {
            thinkTime = max(thinkTime, 100_000)
            clients = min(clients, 4)
        }
    }

    package func allows(_ fault: Fault) -> Bool { faults.contains(fault) }
}
