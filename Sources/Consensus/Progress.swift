/// What a leader knows of one member, and how much it may send it.
struct Progress: Equatable {
    let replica: ReplicaID
    /// The log up to here is on the member's disk.
    var match: LogIndex = .zero
    /// The first entry to send next.
    var next: LogIndex
    /// What the member has said it knows to be committed.
    var acknowledgedCommit: LogIndex = .zero
    /// What it was last told to be committed.
    var sentCommit: LogIndex = .zero
    /// The newest read confirmation it has answered.
    var acknowledgedRound: UInt64 = 0
    var mode: Mode = .probe(isWaiting: false)
    /// The highest `previous` it refused while messages followed each other. An earlier one may still be on its way and mend it;
    /// if not, the next retry asks where it is. To ask at once would, on a network that reorders, answer every message of a
    /// burst with another burst.
    var refusedAfter: LogIndex = .zero
    /// Whether it has answered since the last retry.
    var hasAnswered = false
    /// The end of what the last probe carried. Whoever answers it with a match has taken that in, durable or not.
    private var probedThrough: LogIndex = .zero
    private var inflight: [Inflight] = []
    private(set) var inflightBytes = 0

    enum Mode: Equatable {
        /// Where the logs part is not known: one message, then wait for its answer.
        case probe(isWaiting: Bool)
        /// Messages follow each other without waiting.
        case replicate
        /// It needs what the log has no more; a snapshot is on its way.
        case snapshot
    }

    private struct Inflight: Equatable {
        let last: LogIndex
        let bytes: Int
        let blocks: Int
    }

    init(replica: ReplicaID, next: LogIndex) {
        self.replica = replica
        self.next = next
    }

    private var inflightBlocks: Int { inflight.reduce(0) { $0 + $1.blocks } }

    func maySend(_ limits: Limits) -> Bool {
        switch mode {
        case .probe(let isWaiting): !isWaiting
        case .replicate:
            inflight.isEmpty
                || (inflightBytes < limits.inflightBytes && inflightBlocks < limits.inflightBlocks)
        case .snapshot: false
        }
    }

    mutating func sent(_ blocks: [BlockHead]) {
        switch mode {
        case .probe:
            mode = .probe(isWaiting: true)
            probedThrough = blocks.last?.last ?? next.previous
        case .replicate:
            guard let last = blocks.last?.last else { return }
            let bytes = blocks.reduce(0) { $0 + $1.bytes }
            inflight.append(Inflight(last: last, bytes: bytes, blocks: blocks.count))
            inflightBytes += bytes
            next = last.next
        case .snapshot: preconditionFailure("nothing is sent beside a snapshot")
        }
    }

    /// Whether an acknowledgement answers the probe that is under way, rather than something sent long before.
    func answersProbe(_ match: LogIndex) -> Bool { match >= next.previous }

    /// - Returns: whether it said something new.
    mutating func acknowledge(_ index: LogIndex) -> Bool {
        hasAnswered = true
        while let oldest = inflight.first, oldest.last <= index {
            inflightBytes -= oldest.bytes
            inflight.removeFirst()
        }
        guard index > match else { return false }
        match = index
        next = max(next, index.next)
        return true
    }

    /// Asks where the member is. What it has acknowledged is known to fit; before its first acknowledgement the guess stands, since
    /// to ask from the start of all could only be answered with a snapshot.
    mutating func probe() {
        mode = .probe(isWaiting: false)
        if match > .zero { next = match.next }
        probedThrough = .zero
        refusedAfter = .zero
        inflight.removeAll(keepingCapacity: true)
        inflightBytes = 0
    }

    mutating func replicate() {
        guard mode != .replicate else { return }
        mode = .replicate
        next = max(match, probedThrough).next
    }

    mutating func awaitSnapshot() {
        mode = .snapshot
        inflight.removeAll(keepingCapacity: true)
        inflightBytes = 0
    }
}
