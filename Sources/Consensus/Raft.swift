/// One replica of a replicated log, as a value: events in, effects out.
///
/// It follows Raft (Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm", 2014; section numbers
/// without a name are that paper's) with the extensions of Ongaro's thesis (2014): pre-vote (9.6), check-quorum (6.2),
/// leadership transfer (3.10), learners (4.2.1), joint consensus (4.3), ReadIndex (6.4).
///
/// It has no clock, no randomness and does no I/O. What is unusual:
/// - **No heartbeats of its own.** Nodes watch each other; the core is told `suspected` and `trusted`. A group in which
///   nothing happens sends nothing and has no timer running.
/// - **Asynchronous persistence.** The state here runs ahead of the disk. Whatever promises something (votes, requests for
///   votes, acknowledgements) leaves only once what it promises is durable; a leader ships a block before its own disk has
///   it, and counts itself only after.
/// - **Only durable entries are handed out as committed**, so that what was applied is always in the replica's own log.
package struct Raft: Equatable, Sendable {
    package let id: ReplicaID
    package let limits: Limits

    package internal(set) var term: Term
    package internal(set) var vote: ReplicaID?
    package internal(set) var role: Role = .follower
    package internal(set) var leader: ReplicaID?
    /// What this replica knows to be committed.
    package internal(set) var commit: LogIndex
    /// What it has handed out as committed: `commit`, as far as its own disk has it.
    package internal(set) var ready: LogIndex
    /// Whether it met something that must not be, and does nothing any more.
    package internal(set) var isHalted = false

    var log: Log
    var persistence: Persistence
    /// The write that made, or will make, the present term and vote durable.
    var hardStateSequence: UInt64 = 0
    /// The replicas whose nodes are under suspicion. Sorted.
    var suspected: [ReplicaID] = []
    var runningTimers = RunningTimers()
    /// Messages that promise what is not durable yet.
    var held: [HeldMessage] = []

    /// As a follower: the log up to here equals the log of this term's leader.
    var verified: LogIndex = .zero
    /// As a follower: the newest read confirmation this term's leader asked for.
    var leaderRound: UInt64 = 0
    /// As a follower: whether the leader waits to hear that something is durable.
    var owesAcknowledgement = false
    /// As a follower: how much of its log this term's leader was told is on this disk.
    var acknowledged: LogIndex = .zero

    /// As a candidate of either kind.
    var ballots = Ballots()
    var campaign = Campaign.none
    /// As a leader.
    var leadership: Leadership?

    /// What the step under way asks for so far.
    var effects: [Effect] = []
    var draft = Draft()
    /// Messages of this step that promise something, and what they wait for.
    var promises: [(message: Message, gate: Gate)] = []

    #if PLANTED_BUGS
        package var planted: PlantedBugs = []
    #endif

    /// A set of timers, in a byte.
    struct RunningTimers: Equatable {
        private var bits: UInt8 = 0
        func contains(_ timer: Timer) -> Bool { bits & 1 << UInt8(timer.rawValue) != 0 }
        mutating func insert(_ timer: Timer) { bits |= 1 << UInt8(timer.rawValue) }
        /// - Returns: whether it was in.
        mutating func remove(_ timer: Timer) -> Bool {
            defer { bits &= ~(1 << UInt8(timer.rawValue)) }
            return contains(timer)
        }
    }

    struct HeldMessage: Equatable {
        let sequence: UInt64
        let message: Message
    }

    enum Gate {
        /// The term and the vote.
        case hardState
        /// Those and the whole log.
        case everything
    }

    /// The write of the step under way.
    struct Draft: Equatable {
        var hasHardState = false
        var snapshot: SnapshotHead?
        var truncateAfter: LogIndex?
        var blocks: [BlockHead] = []
        var isEmpty: Bool {
            !hasHardState && snapshot == nil && truncateAfter == nil && blocks.isEmpty
        }
    }

    enum Campaign: Equatable {
        case none
        /// The term has begun; the requests leave once the write of this step is durable.
        case drafted(isTransfer: Bool)
        case persisting(sequence: UInt64, isTransfer: Bool)
        case running(isTransfer: Bool)
    }

    struct Ballots: Equatable {
        var granted: [ReplicaID] = []
        var refused: [ReplicaID] = []
        func answer(of replica: ReplicaID) -> Bool? {
            if granted.contains(replica) { return true }
            return refused.contains(replica) ? false : nil
        }
        mutating func record(_ replica: ReplicaID, _ isGranted: Bool) {
            guard answer(of: replica) == nil else { return }
            if isGranted { granted.append(replica) } else { refused.append(replica) }
        }
    }

    /// A replica as its disk has it.
    /// - Parameters:
    ///   - snapshot: what the log begins after; of a group's first replicas, position 0 and the first members; of a replica
    ///     that will be told everything, position 0 and nobody.
    ///   - applied: what the rows on this disk hold. Only committed entries are ever applied, so it is a lower bound of what
    ///     is committed.
    package init(
        id: ReplicaID, limits: Limits = Limits(), hardState: HardState, snapshot: SnapshotHead,
        blocks: [BlockHead] = [], applied: LogIndex
    ) {
        self.id = id
        self.limits = limits
        log = Log(snapshot: snapshot, blocks: blocks)
        precondition(applied <= log.last.index, "rows without a log")
        // Terms are durable before the entries of theirs; a log that is ahead still must not be outvoted by a lower term.
        term = max(hardState.term, log.last.term)
        vote = term == hardState.term ? hardState.vote : nil
        commit = max(snapshot.position.index, applied)
        ready = commit
        persistence = Persistence(durableIndex: log.last.index)
    }

    package static func == (a: Raft, b: Raft) -> Bool {
        precondition(a.promises.isEmpty && b.promises.isEmpty, "compared in the middle of a step")
        return a.id == b.id && a.limits == b.limits && a.term == b.term && a.vote == b.vote
            && a.role == b.role && a.leader == b.leader && a.commit == b.commit
            && a.ready == b.ready && a.isHalted == b.isHalted && a.log == b.log
            && a.persistence == b.persistence && a.hardStateSequence == b.hardStateSequence
            && a.suspected == b.suspected && a.runningTimers == b.runningTimers
            && a.held == b.held && a.verified == b.verified && a.leaderRound == b.leaderRound
            && a.owesAcknowledgement == b.owesAcknowledgement
            && a.acknowledged == b.acknowledged && a.ballots == b.ballots
            && a.campaign == b.campaign && a.leadership == b.leadership
    }

    // MARK: What callers ask

    /// The end of the log, durable or not.
    package var last: LogPosition { log.last }
    /// What the log begins after.
    package var start: LogPosition { log.start }
    package var durableIndex: LogIndex { persistence.durableIndex }
    /// The members in force.
    package var configuration: Configuration {
        #if PLANTED_BUGS
            if planted.contains(.configurationEffectiveLate) {
                return log.configuration(at: commit)
            }
        #endif
        return log.configuration
    }
    /// The members in force at an entry at or after `start`: what a snapshot of that entry carries.
    package func configuration(at index: LogIndex) -> Configuration {
        log.configuration(at: index)
    }
    /// The term of an entry the log holds or begins after; nil of any other.
    package func term(at index: LogIndex) -> Term? { log.term(at: index) }
    /// As a leader: how much of the log a member is known to have on its disk; nil of others and of other roles.
    package func match(of replica: ReplicaID) -> LogIndex? {
        if replica == id { return role == .leader ? durableIndex : nil }
        return leadership?.progress.first { $0.replica == replica }?.match
    }
    /// Whether this leader has committed an entry of its own term, so that it knows what is committed.
    package var isEstablishedLeader: Bool {
        leadership.map { commit >= $0.firstIndex } ?? false
    }
    /// The blocks that hold the entries from `first` to `last`, at most so many; `first` must begin a block and `last` end one.
    package func blocks(from first: LogIndex, through last: LogIndex, limit: Int = .max)
        -> [BlockHead]
    {
        var result: [BlockHead] = []
        log.forEachBlock(from: first) { block in
            guard block.last <= last, result.count < limit else { return false }
            result.append(block)
            return true
        }
        return result
    }

    /// The committed blocks that end after an entry, oldest first: those of them that the log still has, with so many bytes
    /// together, but at least one.
    package func committedBlocks(after index: LogIndex, bytes limit: Int) -> [BlockHead] {
        var bytes = 0
        var result: [BlockHead] = []
        log.forEachBlock(holding: max(index, log.start.index).next) { block in
            guard block.last <= commit, result.isEmpty || bytes + block.bytes <= limit else {
                return false
            }
            bytes += block.bytes
            result.append(block)
            return true
        }
        return result
    }

    // MARK: Steps

    /// Takes one event in and appends what follows from it to `effects`.
    package mutating func step(_ event: Event, _ effects: inout [Effect]) {
        guard !isHalted else { return }
        let before = (role, term, leader)
        // The caller's array is borrowed, so that steps need none of their own.
        let firstEffect = effects.count
        swap(&self.effects, &effects)
        handle(event)
        finishStep(firstEffect)
        if (role, term, leader) != before {
            self.effects.append(.roleChanged(role, term, leader: leader))
        }
        swap(&self.effects, &effects)
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .started: updateElectionTimer(restart: true)
        case .received(let message): receive(message)
        case .persisted(let sequence): persisted(through: sequence)
        case .timerFired(let timer): fired(timer)
        case .suspected(let replica): suspect(replica)
        case .trusted(let replica): trust(replica)
        case .disowned(let replica): disowned(by: replica)
        case .propose(let entries, let bytes): propose(entries: entries, bytes: bytes)
        case .changeMembers(let voters, let learners):
            changeMembers(voters: voters, learners: learners)
        case .transfer(let target): transfer(to: target)
        case .read(let read): self.read(read)
        case .compact(let index): log.compact(through: min(index, ready))
        case .snapshotSent(let replica, let succeeded):
            snapshotSent(to: replica, succeeded: succeeded)
        }
    }

    /// Turns the step's draft into a write, lets go of the messages that need not wait for it, and hands out what is newly
    /// committed.
    private mutating func finishStep(_ firstEffect: Int) {
        if !draft.isEmpty {
            let sequence = persistence.issue(last: log.last.index)
            if draft.hasHardState { hardStateSequence = sequence }
            let write = Write(
                sequence: sequence,
                hardState: draft.hasHardState ? HardState(term: term, vote: vote) : nil,
                snapshot: draft.snapshot, truncateAfter: draft.truncateAfter,
                blocks: draft.blocks)
            // Before any message of this step: who sends a block must be able to find it.
            effects.insert(.write(write), at: firstEffect)
            draft = Draft()
        }
        if case .drafted(let isTransfer) = campaign {
            campaign = .persisting(sequence: persistence.issued, isTransfer: isTransfer)
            if has(.votesBeforeSync) { runCampaign(isTransfer: isTransfer) }
        }
        if role == .leader { armRetry() }
        acknowledge()
        for (message, gate) in promises {
            let sequence = gate == .hardState ? hardStateSequence : persistence.issued
            if sequence <= persistence.completed || has(.votesBeforeSync) {
                effects.append(.send(message))
            } else {
                held.append(HeldMessage(sequence: sequence, message: message))
            }
        }
        promises.removeAll(keepingCapacity: true)
        let safe = min(commit, persistence.durableIndex)
        if safe > ready {
            ready = safe
            effects.append(.commit(through: ready))
        }
    }

    private mutating func persisted(through sequence: UInt64) {
        persistence.complete(through: sequence)
        let released = held.prefix { $0.sequence <= sequence }.count
        for item in held[..<released] { effects.append(.send(item.message)) }
        held.removeFirst(released)
        if case .persisting(let needed, let isTransfer) = campaign, needed <= sequence {
            runCampaign(isTransfer: isTransfer)
        }
        if role == .leader { advanceCommit() }
    }

    private mutating func fired(_ timer: Timer) {
        // A timer that was cancelled may fire all the same; whoever set it could not know.
        guard runningTimers.remove(timer) else { return }
        switch timer {
        case .election: electionTimedOut()
        case .retry: retry()
        case .notify: notifyCommit()
        case .transfer: endTransfer(.abandoned)
        case .quorum: if role == .leader && !hasActiveQuorum { stepDown() }
        }
    }

    private mutating func receive(_ message: Message) {
        precondition(message.to == id, "a message for another replica")
        if message.term > term {
            switch message.body {
            case .preVote, .vote, .preVoted(granted: true): break
            case .append, .heartbeat, .snapshot:
                becomeFollower(term: message.term, leader: message.from)
            default: becomeFollower(term: message.term, leader: nil)
            }
        }
        switch message.body {
        case .preVote(let request): answerPreVote(request, message)
        case .vote(let request): answerVote(request, message)
        case .preVoted(let isGranted): preVoted(isGranted, message)
        case .voted(let isGranted): voted(isGranted, message)
        case .append(let append): if acceptLeader(message) { received(append, message.from) }
        case .heartbeat(let heartbeat):
            if acceptLeader(message) { received(heartbeat, message.from) }
        case .snapshot(let head): if acceptLeader(message) { received(head) }
        case .appended(let answer): if isForLeader(message) { appended(answer, message.from) }
        case .rejected(let answer): if isForLeader(message) { rejected(answer, message.from) }
        case .heartbeatAnswered(let round, let commit):
            if isForLeader(message) { answered(round: round, commit: commit, message.from) }
        case .timeoutNow:
            if message.term == term, role != .leader, mayCampaign {
                startElection(isTransfer: true)
            }
        case .termIsOver: break
        }
    }

    // MARK: Small parts

    func has(_ bug: PlantedBugs) -> Bool {
        #if PLANTED_BUGS
            return planted.contains(bug)
        #else
            return false
        #endif
    }

    mutating func send(_ body: Message.Body, to replica: ReplicaID) {
        effects.append(.send(Message(from: id, to: replica, term: term, body: body)))
    }

    /// Sends once what the message promises is durable.
    mutating func promise(_ body: Message.Body, to replica: ReplicaID, gate: Gate = .hardState) {
        promises.append((Message(from: id, to: replica, term: term, body: body), gate))
    }

    mutating func set(_ timer: Timer) {
        runningTimers.insert(timer)
        effects.append(.setTimer(timer))
    }

    mutating func cancel(_ timer: Timer) {
        guard runningTimers.remove(timer) else { return }
        effects.append(.cancelTimer(timer))
    }

    mutating func halt(_ reason: BrokenInvariant) {
        // Whoever waits for a read hears that it will not come.
        if role == .leader { leaveLeadership() }
        isHalted = true
        for timer in Timer.allCases { cancel(timer) }
        effects.append(.halted(reason))
    }
}
