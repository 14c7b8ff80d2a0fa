import Consensus
import Measurement
import ShardStore
import Wire

/// A write's rows: run and captured where the shard is led, applied where it is followed. Entries come 64 to a block, about what a
/// busy lane puts into one transaction.
enum RowParts {
    static let all: [HotPart] = kinds.flatMap { kind in
        [
            HotPart(
                "write-\(kind.name)", "\(kind.name) at the leader: rules, SQL, capture, hash",
                iterations: 12
            ) { try write($0, kind) },
            HotPart(
                "replay-\(kind.name)", "\(kind.name) at a follower: replay of its row changes",
                iterations: 12
            ) { try replay($0, kind) },
        ]
    }

    private struct Kind: Sendable {
        let name: String
        let requests: @Sendable (BenchShard, Int) -> [ShardRequest]
    }

    private static let kinds = [
        Kind(name: "create") { $0.creates($1) },
        Kind(name: "update") { $0.updates($1) },
        Kind(name: "comment") { $0.comments($1) },
    ]

    private static func blockLength(_ run: PartRun) -> Int { run.scale == .full ? 64 : 3 }

    private static func write(_ run: PartRun, _ kind: Kind) throws -> PartResult {
        let shard = try run.shard()
        let length = blockLength(run)
        let batches = (0..<run.turns).map { _ in kind.requests(shard, length) }
        shard.resetBytes()
        let before = shard.store.appliedIndex.rawValue
        var result = try run.measure(itemsEach: length) { try shard.run(batches[$0]) }
        let entries = shard.store.appliedIndex.rawValue - before
        try run.expect(
            entries == UInt64(run.turns * length),
            "\(entries) entries of \(run.turns * length) requests")
        try run.expect(try shard.store.scrub() == [], "the rows do not add up to the hash")
        result.bytesEach = Double(shard.payloadBytes) / Double(entries)
        return result
    }

    private static func replay(_ run: PartRun, _ kind: Kind) throws -> PartResult {
        let leader = try run.shard("leader.sqlite")
        let follower = try run.shard("follower.sqlite").store
        let length = blockLength(run)
        leader.resetBytes()
        let blocks = try (0..<run.turns).map { _ in
            guard let block = try leader.run(kind.requests(leader, length)) else {
                throw WrongOutcome(part: run.name, what: "the leader wrote nothing")
            }
            return block
        }
        let entries = blocks.reduce(0) { $0 + $1.entries.count }
        try run.expect(
            entries == run.turns * length, "\(entries) entries of \(run.turns * length) requests")
        var result = try run.measure(itemsEach: length) { turn in
            try follower.replay([blocks[turn]])
            try follower.maintain()
        }
        try run.expect(
            follower.appliedIndex == leader.store.appliedIndex
                && follower.stateHash == leader.store.stateHash,
            "the follower is at \(follower.appliedIndex), or has other rows than the leader")
        try run.expect(try follower.scrub() == [], "the rows do not add up to the hash")
        result.bytesEach = Double(leader.payloadBytes) / Double(entries)
        return result
    }
}
