import Consensus
import Synchronization
import Threads
import Wire

/// Finds out, without the shards' lanes, which entry a linearizable read must see; in quiet times and in groups of up to three
/// voters, which is nearly always.
///
/// A follower asks its leader, a leader one of its followers, and both are answered from the board, on the links' event loops: the
/// argument is at `Standing`. One question serves all reads of a shard that came before it was asked; those that come meanwhile
/// wait for the next. Whatever is unusual goes to the shard's lane, as reads of old did: it asks again, waits and refuses.
final class ReadDesk: Sendable {
    private struct Round {
        let number: UInt64
        let asked: NodeID
        /// What a leader may answer from, once it is vouched for; nil when the leader was asked.
        let index: LogIndex?
        /// In nanoseconds of the monotonic clock.
        let began: UInt64
        let reads: [ShardRead]
    }

    private struct State {
        var arrived: [ShardRead] = []
        var round: Round?
        /// The witness that answered last.
        var witness: NodeID?
        var next: UInt64
        var isStopped = false
    }

    private final class Slot: Sendable {
        let state: Mutex<State>
        init(first: UInt64) { state = Mutex(State(next: first)) }
    }

    /// Reads of one shard that may wait for a round to begin; more are refused.
    private static let readLimit = 4096
    /// How long an answer is waited for, in nanoseconds, before the lane finds out what is wrong.
    static let patience: UInt64 = 150_000_000
    /// Marks the numbers of this desk's questions; lanes ask too.
    private static let mark: UInt64 = 1 << 63

    private let slots: [Slot]
    private let board: ShardBoard
    private let sender: any PeerSender
    private let toLane: @Sendable (ShardID, ShardRead) -> Void

    /// - Parameter first: where the numbers of questions begin: what is answered to an earlier life of this node must answer nothing
    ///   that this one asks.
    init(
        board: ShardBoard, shardCount: Int, sender: any PeerSender, first: UInt64,
        toLane: @escaping @Sendable (ShardID, ShardRead) -> Void
    ) {
        self.board = board
        self.sender = sender
        self.toLane = toLane
        slots = (0...shardCount).map { _ in Slot(first: first | Self.mark) }
    }

    private subscript(shard: ShardID) -> Slot { slots[Int(shard.rawValue)] }

    // MARK: Asking

    func read(_ shard: ShardID, _ read: ShardRead) {
        let (isTaken, isStopped, isFirst) = self[shard].state.withLock { state in
            guard !state.isStopped, state.arrived.count < Self.readLimit else {
                return (false, state.isStopped, false)
            }
            state.arrived.append(read)
            return (true, false, state.round == nil)
        }
        if !isTaken {
            read.ready(
                .failure(
                    isStopped
                        ? Unavailable.shuttingDown
                        : Unavailable(reason: .overloaded, retryAfterSeconds: 1)))
        } else if isFirst {
            begin(shard, now: monotonicNanoseconds())
        }
    }

    private func begin(_ shard: ShardID, now: UInt64) {
        let (reads, question) = self[shard].state.withLock { state -> ([ShardRead], Question?) in
            guard state.round == nil, !state.arrived.isEmpty else { return ([], nil) }
            let reads = state.arrived
            state.arrived = []
            // Looked up now that the reads are here: what was answered before they came is within it.
            let number = state.next
            guard let question = self.question(of: shard, number, state.witness) else {
                return (reads, nil)
            }
            state.next = (number + 1) | Self.mark
            state.round = Round(
                number: number, asked: question.node, index: question.index, began: now,
                reads: reads)
            return ([], question)
        }
        for read in reads { toLane(shard, read) }
        guard let question else { return }
        let isSent = sender.send(
            .control, question.message.encoded(), to: question.node, over: .log)
        if !isSent { giveUp(shard, now: now) { $0.number == question.number } }
    }

    private struct Question {
        let number: UInt64
        let node: NodeID
        let message: ControlMessage
        let index: LogIndex?
    }

    private func question(of shard: ShardID, _ number: UInt64, _ preferred: NodeID?)
        -> Question?
    {
        guard let (standing, leader) = board.readable(shard) else { return nil }
        if standing.isLeader {
            let witnesses = standing.witnesses
            guard let witness = witnesses.first(where: { $0.node == preferred }) ?? witnesses.first
            else { return nil }
            return Question(
                number: number, node: witness.node,
                message: .askTerm(shard, witness, term: standing.term, number: number),
                index: standing.commit)
        }
        guard let leader, leader != standing.id.node else { return nil }
        return Question(
            number: number, node: leader,
            message: .askRead(
                shard, standing.id, term: standing.term, number: number, standing.commit),
            index: nil)
    }

    // MARK: Answering

    /// Takes a message that is for the desk, of either side; false when it is for the lane.
    func take(_ message: ControlMessage, from node: NodeID) -> Bool {
        guard Int(message.shard.rawValue) < slots.count else { return true }
        switch message {
        case .askRead(let shard, let id, let term, let number, let known):
            // Who does not know of a commit must hear of it to apply it: the lane tells it.
            guard id.node == node, let standing = board.standing(of: shard),
                case .at(let index) = standing.readGrant(to: id, askedIn: term), index <= known
            else { return false }
            tell(.readAt(shard, id, number: number, index), to: node)
        case .askTerm(let shard, let id, let term, let number):
            let standing = board.standing(of: shard)
            let isSo = standing.map { $0.id == id && $0.confirms(term) } ?? false
            tell(.inTerm(shard, id, number: number, isSo), to: node)
        case .readAt(let shard, _, let number, let index):
            guard number & Self.mark != 0 else { return false }
            end(shard, number, node, index == .zero ? nil : index)
        case .inTerm(let shard, _, let number, let isSo):
            end(shard, number, node, isSo ? .zero : nil)
        default: return false
        }
        return true
    }

    private func tell(_ message: ControlMessage, to node: NodeID) {
        _ = sender.send(.control, message.encoded(), to: node, over: .log)
    }

    /// - Parameter answer: the entry to be seen; nil when whoever was asked knows better.
    private func end(_ shard: ShardID, _ number: UInt64, _ node: NodeID, _ answer: LogIndex?) {
        let round = self[shard].state.withLock { state -> Round? in
            guard let round = state.round, round.number == number, round.asked == node else {
                return nil
            }
            state.round = nil
            if round.index != nil { state.witness = answer == nil ? nil : node }
            return round
        }
        guard let round else { return }
        begin(shard, now: monotonicNanoseconds())
        guard let answer else {
            for read in round.reads { toLane(shard, read) }
            return
        }
        let index = max(answer, round.index ?? .zero)
        let applied = board.appliedIndex(of: shard)
        for read in round.reads {
            if applied >= index {
                read.ready(.success(applied))
            } else {
                toLane(
                    shard,
                    ShardRead(wish: .applied(index), enqueued: read.enqueued, ready: read.ready))
            }
        }
    }

    // MARK: What goes wrong

    /// Ten times a second: nobody waits here for an answer that does not come.
    func tick(now: UInt64) {
        for number in slots.indices {
            giveUp(ShardID(rawValue: UInt16(number)), now: now) {
                now > $0.began && now - $0.began > Self.patience
            }
        }
    }

    /// The link to a node is gone: it does not answer.
    func disconnected(_ node: NodeID) {
        let now = monotonicNanoseconds()
        for number in slots.indices {
            giveUp(ShardID(rawValue: UInt16(number)), now: now) { $0.asked == node }
        }
    }

    private func giveUp(_ shard: ShardID, now: UInt64, _ isLost: (Round) -> Bool) {
        let reads = self[shard].state.withLock { state -> [ShardRead] in
            guard let round = state.round, isLost(round) else { return [] }
            state.round = nil
            state.witness = nil
            // Those that wait for the next round would ask the same node.
            defer { state.arrived = [] }
            return round.reads + state.arrived
        }
        for read in reads { toLane(shard, read) }
    }

    /// Refuses what waits and what comes.
    func stop() {
        for slot in slots {
            let reads = slot.state.withLock { state in
                defer {
                    state.round = nil
                    state.arrived = []
                }
                state.isStopped = true
                return (state.round?.reads ?? []) + state.arrived
            }
            for read in reads { read.ready(.failure(Unavailable.shuttingDown)) }
        }
    }
}
