package import Consensus
package import Wire

/// One replica at work: the consensus core, the rows, and the requests between them.
///
/// It is driven by calls and answers with outputs; it has no thread, no clock and no channel, so that the simulator runs
/// what ships. Whoever holds it performs `takeOutputs()` in order after every call.
///
/// A write at the leader: `submit` → requests run in one open transaction → their row changes become one block, which is
/// stored and sent → once a majority has it on disk, COMMIT and the answers. **At most one transaction is open, and only when
/// everything in the log is applied**, so that a request always sees the whole committed state, and a lost leadership is one
/// ROLLBACK. What waits meanwhile becomes the next batch.
package final class Replica<Machine: StateMachine> {
    package private(set) var core: Raft
    package let machine: Machine
    /// The leader's time for the next batch.
    package var now: Timestamp
    package private(set) var fault: ReplicaFault?

    private let source: any BlockSource
    private let options: ReplicaOptions
    private var outputs: [ReplicaOutput<Machine.Answer>] = []
    private var effects: [Effect] = []

    private var queue: [Submission] = []
    private var open: OpenBatch?
    /// Batches that changed nothing: their answers wait for a quorum to confirm that this was the leader.
    private var confirming: [(read: ReadID, answers: [(RequestID, Machine.Answer)])] = []
    /// Reads that are confirmed and wait for what they must see to be applied.
    private var awaitingApply: [(read: ReadID, index: LogIndex)] = []
    private var nextConfirmation: UInt64 = 0
    /// Committed, and not all of it applied.
    private var committedIndex: LogIndex
    /// The bytes that belong to the event being stepped.
    private var payloadsAtHand: [LogIndex: [UInt8]] = [:]
    private var installSnapshot: (() throws -> Void)?

    private struct Submission {
        let id: RequestID
        let request: Machine.Request
    }

    private struct OpenBatch {
        let last: LogIndex
        let term: Term
        let answers: [(RequestID, Machine.Answer)]
    }

    private func has(_ bug: PlantedBugs) -> Bool {
        #if PLANTED_BUGS
            return core.planted.contains(bug)
        #else
            return false
        #endif
    }

    package init(
        core: Raft, machine: Machine, source: any BlockSource, now: Timestamp,
        options: ReplicaOptions = ReplicaOptions()
    ) {
        precondition(machine.appliedIndex <= core.last.index, "rows without a log")
        self.core = core
        self.machine = machine
        self.source = source
        self.now = now
        self.options = options
        committedIndex = core.commit
    }

    package func takeOutputs() -> [ReplicaOutput<Machine.Answer>] {
        defer { outputs = [] }
        return outputs
    }

    // MARK: What happens

    package func start() { step(.started) }
    package func persisted(through sequence: UInt64) { step(.persisted(sequence: sequence)) }
    package func timerFired(_ timer: Timer) { step(.timerFired(timer)) }
    package func suspect(_ replica: ReplicaID) { step(.suspected(replica)) }
    package func trust(_ replica: ReplicaID) { step(.trusted(replica)) }
    package func disowned(by replica: ReplicaID) { step(.disowned(replica)) }
    package func transfer(to replica: ReplicaID) { step(.transfer(to: replica)) }
    package func changeMembers(voters: [ReplicaID], learners: [ReplicaID]) {
        step(.changeMembers(voters: voters, learners: learners))
    }

    /// - Parameter install: of a snapshot, what puts its rows in place of the present ones, durably. It is called at most once,
    ///   before this returns, and only when the snapshot is wanted.
    package func receive(_ envelope: Envelope, install: () throws -> Void = {}) {
        withoutActuallyEscaping(install) { install in
            installSnapshot = install
            receive(envelope)
            installSnapshot = nil
        }
    }

    private func receive(_ envelope: Envelope) {
        if case .append(let append) = envelope.message.body {
            guard append.blocks.count == envelope.payloads.count else { return }
            for (block, payload) in zip(append.blocks, envelope.payloads) {
                payloadsAtHand[block.last] = payload
            }
        }
        step(.received(envelope.message))
        payloadsAtHand.removeAll(keepingCapacity: true)
    }

    /// Takes a request in. It is answered later, exactly once, also when it is refused.
    package func submit(_ id: RequestID, _ request: Machine.Request) { submit([(id, request)]) }

    /// Takes several in at once, so that they run in one transaction.
    package func submit(_ requests: [(id: RequestID, request: Machine.Request)]) {
        for (id, request) in requests {
            if fault != nil || core.role != .leader {
                outputs.append(.answered(id, .failure(.notLeader(leader: core.leader))))
            } else if queue.count >= options.queueLimit {
                outputs.append(.answered(id, .failure(.busy)))
            } else {
                queue.append(Submission(id: id, request: request))
            }
        }
        runBatches()
    }

    /// Whether no transaction is open, so that the rows' file may be looked after.
    package var isBetweenTransactions: Bool { open == nil }

    /// Whether a request that is submitted now runs at once.
    package var isIdle: Bool { queue.isEmpty && mayRun }

    /// Whether nothing is open and everything in the log is applied.
    private var mayRun: Bool {
        fault == nil && core.role == .leader && open == nil
            && machine.appliedIndex == core.last.index && core.commit == core.last.index
    }

    /// Asks for a linearizable read: `readable` says when, and from which applied entry on.
    ///
    /// Ids below 2^63 are the caller's.
    package func read(_ id: ReadID) {
        guard fault == nil else {
            outputs.append(.readable(id, .failure(.notLeader(leader: nil))))
            return
        }
        step(.read(id))
    }

    /// Applies committed blocks, at most this many in one transaction.
    package func applyCommitted(limit: Int = 256) {
        guard fault == nil, open == nil else { return }
        do {
            let applied = machine.appliedIndex
            guard applied < committedIndex else { return }
            let heads = core.blocks(
                from: applied.next, through: committedIndex, limit: limit)
            try machine.apply(
                heads.map {
                    CommittedBlock(
                        head: $0, payload: $0.content == .entries ? try source.payload(of: $0) : [])
                })
        } catch is MachineIsFull {
            // Never skipped: whoever drives this tries again.
            outputs.append(.applyPending)
            return
        } catch {
            stop(.disk("\(error)"))
            return
        }
        if machine.appliedIndex < committedIndex { outputs.append(.applyPending) }
        releaseReads()
        runBatches()
    }

    /// The rows were replaced by a snapshot, or are safe up to a later entry: forget what the log need not hold any more,
    /// but keep what some member may still want.
    /// - Parameters:
    ///   - trailing: how many entries to keep for members that are a little behind.
    ///   - wanted: what is to go all the same, as far as the rows are safe: the log has no more room.
    package func compact(trailing: UInt64, through wanted: LogIndex = .zero) {
        guard fault == nil else { return }
        let limit = has(.compactsPastDurable) ? machine.appliedIndex : machine.durableIndex
        let usual = LogIndex(limit.rawValue - min(trailing, limit.rawValue))
        let through = min(limit, max(usual, wanted))
        guard through > .zero else { return }
        let before = core.start
        step(.compact(through: through))
        guard core.start != before else { return }
        outputs.append(
            .compacted(
                SnapshotHead(
                    position: core.start,
                    configuration: core.configuration(at: core.start.index))))
    }

    package func snapshotSent(to replica: ReplicaID, succeeded: Bool) {
        step(.snapshotSent(to: replica, succeeded: succeeded))
    }

    /// What a snapshot of the rows as they are now stands for.
    package var snapshotHead: SnapshotHead {
        var index = machine.appliedIndex
        if has(.snapshotIndexOffByOne), index < core.commit { index = index.next }
        guard let head = snapshotHead(at: index) else {
            preconditionFailure("the log reaches back to what is applied")
        }
        return head
    }

    /// What a snapshot of the rows as they were at this entry stands for; nil when the log begins after it.
    package func snapshotHead(at index: LogIndex) -> SnapshotHead? {
        guard let term = core.term(at: index) else { return nil }
        return SnapshotHead(
            position: LogPosition(index: index, term: term),
            configuration: core.configuration(at: index))
    }

    // MARK: Steps

    private func step(_ event: Event) {
        guard fault == nil else { return }
        core.step(event, &effects)
        for effect in effects where fault == nil { perform(effect) }
        effects.removeAll(keepingCapacity: true)
        runBatches()
    }

    private func perform(_ effect: Effect) {
        switch effect {
        case .write(let write): store(write)
        case .send(let message): send(message)
        case .sendSnapshot(let replica): outputs.append(.sendSnapshot(to: replica))
        case .setTimer(let timer): outputs.append(.setTimer(timer))
        case .cancelTimer(let timer): outputs.append(.cancelTimer(timer))
        case .commit(let index): committed(through: index)
        case .readReady(let read, let index): confirmed(read, at: index)
        case .readRefused(let read, let refusal): refused(read, refusal)
        case .roleChanged(let role, let term, let leader):
            if role != .leader { leadershipLost(leader: leader) }
            outputs.append(.roleChanged(role, term, leader: leader))
        case .proposalRefused(let refusal): outputs.append(.membersRefused(refusal))
        case .transferEnded(let replica, let outcome):
            outputs.append(.transferEnded(to: replica, outcome))
        case .halted(let reason): stop(.halted(reason))
        }
    }

    private func store(_ write: Write) {
        let payloads = write.blocks.map { block in
            block.content == .entries ? payloadsAtHand[block.last] ?? [] : []
        }
        if let snapshot = write.snapshot {
            // A leader may meet a snapshot of its successor's before it hears that it leads no more.
            leadershipLost(leader: core.leader)
            // Rows first: a log that begins behind rows which are not there would be worth nothing.
            do { try installSnapshot?() } catch {
                stop(.disk("\(error)"))
                return
            }
            committedIndex = max(committedIndex, snapshot.position.index)
        }
        outputs.append(.store(LogWrite(write: write, payloads: payloads)))
    }

    private func send(_ message: Message) {
        var payloads: [[UInt8]] = []
        if case .append(let append) = message.body {
            do {
                for block in append.blocks {
                    guard block.content == .entries else {
                        payloads.append([])
                        continue
                    }
                    if let bytes = payloadsAtHand[block.last] {
                        payloads.append(bytes)
                    } else {
                        payloads.append(try source.payload(of: block))
                    }
                }
            } catch {
                stop(.disk("\(error)"))
                return
            }
        }
        outputs.append(.send(Envelope(message: message, payloads: payloads)))
    }

    private func stop(_ reason: ReplicaFault) {
        guard fault == nil else { return }
        fault = reason
        leadershipLost(leader: nil)
        for (_, answers) in confirming {
            for (id, _) in answers {
                outputs.append(.answered(id, .failure(.notLeader(leader: nil))))
            }
        }
        confirming.removeAll()
        for (read, _) in awaitingApply {
            outputs.append(.readable(read, .failure(.leadershipLost)))
        }
        awaitingApply.removeAll()
        outputs.append(.stopped(reason))
    }

    // MARK: Requests

    /// Runs what waits, if nothing is open and everything is applied.
    private func runBatches() {
        while !queue.isEmpty, mayRun {
            let count = min(queue.count, options.batchLimit)
            run(Array(queue.prefix(count)))
        }
    }

    /// Runs the first of the queue as one batch, and takes from the queue what was dealt with.
    private func run(_ batch: [Submission]) {
        do {
            let prepared = try machine.prepare(batch.map { $0.request }, now: now)
            let answers = Array(zip(batch.map { $0.id }, prepared.answers))
            if prepared.entries == 0 {
                try machine.rollback()
                queue.removeFirst(batch.count)
                confirm(answers)
                return
            }
            let limit = core.limits.blockBytes
            if prepared.payload.count > limit {
                try machine.rollback()
                if batch.count > 1 {
                    run(Array(batch.prefix(batch.count / 2)))
                } else {
                    queue.removeFirst()
                    let refusal = RequestRefusal.tooLong(
                        bytes: prepared.payload.count, limit: limit)
                    outputs.append(.answered(batch[0].id, .failure(refusal)))
                }
                return
            }
            queue.removeFirst(batch.count)
            try propose(prepared, answers)
        } catch is MachineIsFull {
            queue.removeFirst(batch.count)
            for submission in batch {
                outputs.append(.answered(submission.id, .failure(.full)))
            }
        } catch {
            stop(.disk("\(error)"))
        }
    }

    private func propose(
        _ prepared: PreparedRequests<Machine.Answer>, _ answers: [(RequestID, Machine.Answer)]
    ) throws {
        let last = LogIndex(core.last.index.rawValue + UInt64(prepared.entries))
        var effects: [Effect] = []
        core.step(.propose(entries: prepared.entries, bytes: prepared.payload.count), &effects)
        if case .proposalRefused? = effects.first {
            try machine.rollback()
            for (id, _) in answers { outputs.append(.answered(id, .failure(.busy))) }
            return
        }
        payloadsAtHand[last] = prepared.payload
        defer { payloadsAtHand[last] = nil }
        open = OpenBatch(last: last, term: core.term, answers: answers)
        if has(.commitsBeforeMajority) {
            open = nil
            try machine.commit()
            for (id, answer) in answers {
                outputs.append(.answered(id, .success(Done(answer: answer, index: last))))
            }
        }
        for effect in effects { perform(effect) }
    }

    /// A batch that changed nothing is a read: before its answers leave, a quorum must say that this was still the leader.
    private func confirm(_ answers: [(RequestID, Machine.Answer)]) {
        nextConfirmation += 1
        let read = ReadID(1 << 63 | nextConfirmation)
        confirming.append((read, answers))
        var effects: [Effect] = []
        core.step(.read(read), &effects)
        for effect in effects { perform(effect) }
    }

    private func committed(through index: LogIndex) {
        committedIndex = max(committedIndex, index)
        // In the step that ends a leadership its batch may turn out committed, or another block may stand in its place.
        if let batch = open, batch.last <= index, core.term(at: batch.last) == batch.term {
            open = nil
            do {
                try machine.commit()
                for (id, answer) in batch.answers {
                    outputs.append(.answered(id, .success(Done(answer: answer, index: batch.last))))
                }
            } catch {
                // The block is committed; the rows will be made from it later.
                for (id, _) in batch.answers {
                    outputs.append(.answered(id, .failure(.outcomeUnknown)))
                }
                guard error is MachineIsFull else {
                    stop(.disk("\(error)"))
                    return
                }
            }
        }
        if machine.appliedIndex < committedIndex { outputs.append(.applyPending) }
        releaseReads()
    }

    private func leadershipLost(leader: ReplicaID?) {
        if let batch = open {
            open = nil
            do {
                if has(.keepsTransactionOpen) {
                    try machine.commit()
                } else {
                    try machine.rollback()
                }
            } catch { stop(.disk("\(error)")) }
            for (id, _) in batch.answers {
                outputs.append(.answered(id, .failure(.outcomeUnknown)))
            }
            if machine.appliedIndex < committedIndex { outputs.append(.applyPending) }
        }
        for submission in queue {
            outputs.append(.answered(submission.id, .failure(.notLeader(leader: leader))))
        }
        queue.removeAll()
    }

    // MARK: Reads

    private func confirmed(_ read: ReadID, at index: LogIndex) {
        if let place = confirming.firstIndex(where: { $0.read == read }) {
            for (id, answer) in confirming.remove(at: place).answers {
                outputs.append(.answered(id, .success(Done(answer: answer, index: index))))
            }
            return
        }
        awaitingApply.append((read, index))
        releaseReads()
    }

    private func refused(_ read: ReadID, _ refusal: ReadRefusal) {
        if let place = confirming.firstIndex(where: { $0.read == read }) {
            // Nothing was changed, so nothing can have been done.
            for (id, _) in confirming.remove(at: place).answers {
                outputs.append(.answered(id, .failure(.notLeader(leader: core.leader))))
            }
            return
        }
        outputs.append(.readable(read, .failure(refusal)))
    }

    /// A confirmed read waits for *apply*, not only for commit.
    private func releaseReads() {
        let applied = machine.appliedIndex
        awaitingApply.removeAll { item in
            guard item.index <= applied || has(.readsBeforeApply) else { return false }
            outputs.append(.readable(item.read, .success(applied)))
            return true
        }
    }
}

/// The bounds of a replica's queue and batches.
package struct ReplicaOptions: Equatable, Sendable {
    /// Requests that may wait at the leader; more are refused as busy.
    package var queueLimit: Int
    /// Requests that run in one transaction.
    package var batchLimit: Int
    package init(queueLimit: Int = 4096, batchLimit: Int = 256) {
        self.queueLimit = queueLimit
        self.batchLimit = batchLimit
    }
}
