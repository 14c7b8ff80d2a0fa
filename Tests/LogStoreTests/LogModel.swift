import Consensus
import LogStore
import TestSupport
import Wire

/// What the log should hold, and a source of changes that make sense to it.
struct LogModel: Equatable {
    struct Held: Equatable {
        var replica: ReplicaID
        var hardState = HardState(term: .zero, vote: nil)
        var start: SnapshotHead
        var blocks: [BlockHead] = []
        var payloads: [[UInt8]] = []

        var last: LogIndex { blocks.last?.last ?? start.position.index }
    }

    var shards: [ShardID: Held] = [:]
    var floors: [ShardID: ReplicaID] = [:]

    static let members = Configuration(
        voters: [ReplicaID(1), ReplicaID(2)], learners: [ReplicaID(3)])

    /// Makes up one change and applies it.
    mutating func change(_ random: inout SeededRandom, payloadLimit: Int) -> LogChange {
        let shard = ShardID(rawValue: random.pick([0, 1, 7, 64]))
        guard var held = shards[shard], !random.chance(2) else {
            let replica = ReplicaID(
                (floors[shard]?.rawValue ?? 0) + UInt64(random.number(1..<4)))
            let position =
                random.chance(50)
                ? LogPosition.zero : LogPosition(index: LogIndex(40), term: Term(2))
            let head = SnapshotHead(position: position, configuration: Self.members)
            floors[shard] = replica
            shards[shard] = Held(replica: replica, start: head)
            return LogChange(shard: shard, .born(replica, head))
        }
        switch random.number(0..<20) {
        case 0 where random.chance(20):
            let floor = ReplicaID(held.replica.rawValue + 1)
            shards[shard] = nil
            floors[shard] = floor
            return LogChange(shard: shard, .removed(floor: floor))
        case 0..<5 where !held.blocks.isEmpty:
            let kept = random.number(0..<held.blocks.count)
            held.start = SnapshotHead(
                position: held.blocks[kept].position, configuration: Self.members)
            held.blocks.removeFirst(kept + 1)
            held.payloads.removeFirst(kept + 1)
            shards[shard] = held
            return LogChange(shard: shard, .start(held.start))
        default:
            let change = write(&held, &random, payloadLimit)
            shards[shard] = held
            return LogChange(shard: shard, change)
        }
    }

    private func write(
        _ held: inout Held, _ random: inout SeededRandom, _ payloadLimit: Int
    ) -> LogChange.Content {
        var hardState: HardState?
        var snapshot: SnapshotHead?
        var truncateAfter: LogIndex?
        var term = max(held.hardState.term, held.blocks.last?.term ?? held.start.position.term)
        if random.chance(30) {
            term = term.next
            hardState = HardState(term: term, vote: random.chance(50) ? held.replica : nil)
            held.hardState = HardState(term: term, vote: hardState?.vote)
        }
        if random.chance(4) {
            let index = LogIndex(held.last.rawValue + UInt64(random.number(1..<5)))
            held.start = SnapshotHead(
                position: LogPosition(index: index, term: term), configuration: Self.members)
            held.blocks = []
            held.payloads = []
            snapshot = held.start
        } else if random.chance(12) {
            let kept = random.number(0..<held.blocks.count + 1)
            held.blocks.removeLast(held.blocks.count - kept)
            held.payloads.removeLast(held.payloads.count - kept)
            truncateAfter = held.last
        }
        var blocks: [BlockHead] = []
        var payloads: [[UInt8]] = []
        for _ in 0..<random.number(0..<4) {
            let first = held.last.next
            let count = UInt64(random.number(1..<4))
            var payload: [UInt8] = []
            var last = first
            let content: BlockHead.Content
            switch random.number(0..<8) {
            case 0: content = .noop
            case 1: content = .configuration(Self.members)
            default:
                content = .entries
                last = LogIndex(first.rawValue + count - 1)
                payload = (0..<random.number(0..<payloadLimit)).map { _ in
                    UInt8(random.number(0..<256))
                }
            }
            let block = BlockHead(
                first: first, last: last, term: term, bytes: payload.count, content: content)
            blocks.append(block)
            payloads.append(payload)
            held.blocks.append(block)
            held.payloads.append(payload)
        }
        return .write(
            Write(
                sequence: 0, hardState: hardState, snapshot: snapshot,
                truncateAfter: truncateAfter, blocks: blocks), payloads: payloads)
    }

    /// What a log that was just opened holds.
    init(of log: NodeLog) throws {
        for (shard, recovered) in log.takeRecovered() {
            shards[shard] = Held(
                replica: recovered.replica, hardState: recovered.hardState,
                start: recovered.start, blocks: recovered.blocks,
                payloads: try recovered.blocks.map { try log.payload(shard: shard, block: $0) })
        }
        floors = log.floors
    }

    init() {}

    func expectReadable(in log: NodeLog) throws -> Bool {
        for (shard, held) in shards {
            for (block, payload) in zip(held.blocks, held.payloads)
            where try log.payload(shard: shard, block: block) != payload { return false }
        }
        return true
    }
}
