import Consensus
import Wire

/// What the log knows of one shard apart from its blocks, as the records up to some point say.
struct ShardState: Equatable, Sendable {
    struct Held: Equatable, Sendable {
        var replica: ReplicaID
        var hardState = HardState(term: .zero, vote: nil)
        var start: SnapshotHead
        var last: LogIndex
    }

    var held: Held?
    /// No replica up to this id may begin here.
    var floor = ReplicaID(0)

    /// A record that cannot follow those before it.
    struct Contradiction: Error { let reason: String }

    mutating func apply(_ record: LogRecord) throws(Contradiction) {
        switch record.content {
        case .born(let head):
            guard record.replica > floor, record.replica > held?.replica ?? ReplicaID(0) else {
                throw Contradiction(reason: "a replica is born twice")
            }
            held = Held(replica: record.replica, start: head, last: head.position.index)
            return
        case .floor, .removed:
            floor = max(floor, record.replica, held?.replica ?? floor)
            held = nil
            return
        case .state(let hardState, let start, let last, let floor):
            let state = ShardState(
                held: Held(
                    replica: record.replica, hardState: hardState, start: start, last: last),
                floor: floor)
            guard held == nil || self == state, last >= start.position.index else {
                throw Contradiction(reason: "a segment begins with another state")
            }
            self = state
            return
        default: break
        }
        guard var held, held.replica == record.replica else {
            throw Contradiction(reason: "a record of a replica that is not here")
        }
        switch record.content {
        case .voted(let state):
            guard state.term >= held.hardState.term else {
                throw Contradiction(reason: "a term falls")
            }
            held.hardState = state
        case .reset(let head):
            held.start = head
            held.last = head.position.index
        case .truncated(let index):
            guard index >= held.start.position.index else {
                throw Contradiction(reason: "a truncation before the log's start")
            }
            held.last = min(held.last, index)
        case .blocks(let blocks):
            guard let first = blocks.first, let last = blocks.last,
                first.head.first == held.last.next
            else { throw Contradiction(reason: "blocks with a gap before them") }
            held.last = last.head.last
        case .started(let head):
            guard head.position.index >= held.start.position.index,
                head.position.index <= held.last
            else { throw Contradiction(reason: "a start outside the log") }
            held.start = head
        case .born, .removed, .floor, .state: break
        }
        self.held = held
    }

    /// What a new segment says of the shard.
    func record(of shard: ShardID) -> LogRecord {
        guard let held else { return LogRecord(shard: shard, replica: floor, content: .floor) }
        return LogRecord(
            shard: shard, replica: held.replica,
            content: .state(held.hardState, start: held.start, last: held.last, floor: floor))
    }
}
