/// What a leader keeps, from its election to its end.
struct Leadership: Equatable {
    /// The members but itself, in order.
    var progress: [Progress]
    /// Its first entry. Until that is committed, it does not know what is (5.4.2, 8).
    let firstIndex: LogIndex
    var uncommittedBytes = 0
    var reads = ReadConfirmations()
    var transfer: Transfer?

    struct Transfer: Equatable {
        let target: ReplicaID
        var isHandedOver = false
    }
}

/// Reads that wait for a quorum to confirm the leader (thesis, 6.4).
///
/// One round of messages confirms every read that arrived before it was sent. Rounds are numbered, and an answer counts for
/// the round it was asked for and those before: never for a read that arrived later.
struct ReadConfirmations: Equatable {
    /// The last round that was sent.
    private(set) var round: UInt64 = 0
    /// The last round that a quorum has answered.
    private(set) var confirmed: UInt64 = 0
    /// In order of `round`.
    private(set) var waiting: [Waiting] = []

    struct Waiting: Equatable {
        let read: ReadID
        let index: LogIndex
        /// The round that confirms it, or any later one.
        let round: UInt64
    }

    var isRoundOpen: Bool { round > confirmed }
    /// Whether a read waits for a round that is not sent yet.
    var needsRound: Bool { (waiting.last?.round ?? 0) > round }

    mutating func add(_ read: ReadID, at index: LogIndex, round: UInt64) {
        waiting.append(Waiting(read: read, index: index, round: round))
    }

    mutating func beginRound() -> UInt64 {
        round += 1
        return round
    }

    /// - Returns: the reads that are confirmed.
    mutating func confirm(_ reached: UInt64) -> ArraySlice<Waiting> {
        confirmed = max(confirmed, reached)
        let done = waiting.prefix { $0.round <= confirmed }
        waiting.removeFirst(done.count)
        return done
    }
}

/// A leader: appends, ships, counts (Raft, 5.3 and 5.4).
extension Raft {
    mutating func becomeLeader() {
        role = .leader
        leader = id
        campaign = .none
        ballots = Ballots()
        cancel(.election)
        let next = log.last.index.next
        var uncommitted = 0
        log.forEachBlock(from: commit.next) { block in
            uncommitted += block.bytes
            return true
        }
        leadership = Leadership(
            progress: configuration.members.filter { $0 != id }.map {
                Progress(replica: $0, next: next)
            }, firstIndex: next, uncommittedBytes: uncommitted)
        // An entry of its own term, without which it may never commit those of older terms (5.4.2, 8).
        append(.noop, entries: 1, bytes: 0)
        if !hasActiveQuorum { set(.quorum) }
    }

    mutating func leaveLeadership() {
        endTransfer(leadership?.transfer?.isHandedOver == true ? .handedOver : .abandoned)
        for waiting in leadership?.reads.waiting ?? [] {
            effects.append(.readRefused(waiting.read, .leadershipLost))
        }
        leadership = nil
        for timer in [Timer.retry, .notify, .quorum] { cancel(timer) }
    }

    private mutating func append(_ content: BlockHead.Content, entries: Int, bytes: Int) {
        let first = log.last.index.next
        let block = BlockHead(
            first: first, last: LogIndex(first.rawValue + UInt64(entries) - 1), term: term,
            bytes: bytes, content: content)
        log.append(block)
        draft.blocks.append(block)
        leadership?.uncommittedBytes += bytes
        if case .configuration = content { followMembers() }
        replicateToAll()
    }

    /// The members in force are others: so are those to send to.
    private mutating func followMembers() {
        let known = leadership?.progress ?? []
        let next = log.last.index.next
        let progress = configuration.members.filter { $0 != id }.map { member in
            known.first { $0.replica == member } ?? Progress(replica: member, next: next)
        }
        leadership?.progress = progress
    }

    // MARK: Proposals

    mutating func propose(entries: Int, bytes: Int) {
        precondition(entries > 0 && bytes >= 0)
        if let refusal = refusal(bytes: bytes) {
            effects.append(.proposalRefused(refusal))
        } else {
            append(.entries, entries: entries, bytes: bytes)
        }
    }

    private func refusal(bytes: Int) -> ProposalRefusal? {
        guard let leadership else { return .notLeader(leader: leader) }
        if leadership.transfer != nil { return .transferring }
        if bytes > limits.blockBytes {
            return .blockTooLong(bytes: bytes, limit: limits.blockBytes)
        }
        let uncommitted = leadership.uncommittedBytes
        if uncommitted > 0 && uncommitted + bytes > limits.uncommittedBytes {
            return .tooMuchUncommitted
        }
        return nil
    }

    mutating func changeMembers(voters: [ReplicaID], learners: [ReplicaID]) {
        if let refusal = refusal(voters: voters, learners: learners) {
            effects.append(.proposalRefused(refusal))
        } else {
            let joint = configuration.joint(
                voters: sortedUnique(voters), learners: sortedUnique(learners))
            append(.configuration(joint), entries: 1, bytes: 0)
        }
    }

    private func refusal(voters: [ReplicaID], learners: [ReplicaID]) -> ProposalRefusal? {
        if let refusal = refusal(bytes: 0) { return refusal }
        guard let leadership else { return .notLeader(leader: leader) }
        // Ongaro's note to raft-dev of 2015-07-10: a leader must have committed an entry of its term first.
        if commit < leadership.firstIndex { return .leaderIsNew }
        let current = log.configuration
        if current.isJoint || log.configurationIndex > commit { return .changeInProgress }
        if voters.isEmpty { return .noVoters }
        let wished = Configuration(voters: voters, learners: learners, highest: current.highest)
        if wished.voters == current.voters && wished.learners == current.learners {
            return .noChange
        }
        for member in wished.members where !current.isMember(member) {
            if member <= current.highest { return .replicaIDWasUsed(member) }
            if wished.isVoter(member) { return .notALearner(member) }
        }
        for voter in wished.voters where !current.isVoter(voter) {
            let progress = leadership.progress.first { $0.replica == voter }
            guard let progress, progress.mode == .replicate,
                progress.match.rawValue + limits.promotionLag >= log.last.index.rawValue
            else { return .learnerLags(voter) }
        }
        return nil
    }

    // MARK: Shipping

    private mutating func replicateToAll() {
        for place in 0..<(leadership?.progress.count ?? 0) { replicate(place) }
    }

    /// Sends a member what it lacks, as far as flow control allows.
    /// - Parameter evenIfEmpty: send one message in any case, to learn where the member is.
    private mutating func replicate(_ place: Int, evenIfEmpty: Bool = false) {
        var evenIfEmpty = evenIfEmpty
        while let progress = leadership?.progress[place], progress.maySend(limits) {
            let previous = progress.next.previous
            guard previous >= log.start.index, let previousTerm = log.term(at: previous) else {
                leadership?.progress[place].awaitSnapshot()
                effects.append(.sendSnapshot(to: progress.replica))
                return
            }
            let blocks = log.blocks(
                from: progress.next, limit: limits.messageBytes, count: limits.messageBlocks)
            if blocks.isEmpty && !evenIfEmpty { return }
            evenIfEmpty = false
            leadership?.progress[place].sent(blocks)
            leadership?.progress[place].sentCommit = commit
            let append = Message.Append(
                previous: LogPosition(index: previous, term: previousTerm), blocks: blocks,
                commit: commit, round: leadership?.reads.round ?? 0)
            send(.append(append), to: progress.replica)
        }
    }

    /// A member may be somewhere else than thought: find out.
    mutating func contact(_ replica: ReplicaID) {
        guard let place = place(of: replica), let progress = leadership?.progress[place],
            progress.mode != .snapshot
        else { return }
        leadership?.progress[place].probe()
        replicate(place, evenIfEmpty: true)
    }

    private func place(of replica: ReplicaID) -> Int? {
        leadership?.progress.firstIndex { $0.replica == replica }
    }

    /// Whether an answer is for the leadership that lasts.
    func isForLeader(_ message: Message) -> Bool { role == .leader && message.term == term }

    mutating func appended(_ answer: Message.Appended, _ sender: ReplicaID) {
        guard let place = place(of: sender), answer.match <= log.last.index else { return }
        heard(from: place, round: answer.round, commit: answer.commit)
        let answersProbe = leadership?.progress[place].answersProbe(answer.match) ?? false
        let isNews = leadership?.progress[place].acknowledge(answer.match) ?? false
        switch leadership?.progress[place].mode {
        case .probe? where answersProbe: leadership?.progress[place].replicate()
        case .snapshot? where answer.match >= log.start.index:
            leadership?.progress[place].replicate()
        default: break
        }
        if isNews { advanceCommit() }
        // What was committed may have ended this leadership, or this member's membership.
        guard let place = self.place(of: sender) else { return }
        replicate(place)
        handOverIfCaughtUp()
    }

    mutating func rejected(_ answer: Message.Rejected, _ sender: ReplicaID) {
        guard let place = place(of: sender), let progress = leadership?.progress[place] else {
            return
        }
        heard(from: place, round: answer.round, commit: .zero)
        switch progress.mode {
        case .snapshot: return
        case .replicate:
            leadership?.progress[place].refusedAfter = max(progress.refusedAfter, answer.previous)
            return
        case .probe where answer.previous != progress.next.previous: return
        default: break
        }
        // Skip at once over everything that cannot fit (end of 5.3). Who holds another term than ours where our log begins,
        // or ends before that, has nothing in common with what we still have: it needs a snapshot.
        let start = log.start
        let needsSnapshot =
            answer.hint.index < start.index || answer.hint.term < start.term
        let fit = log.boundary(atOrBefore: answer.hint.index, term: answer.hint.term)
        let next = needsSnapshot ? start.index : max(progress.match, fit.index).next
        leadership?.progress[place].probe()
        leadership?.progress[place].next = next
        leadership?.progress[place].hasAnswered = true
        if next < progress.next {
            replicate(place, evenIfEmpty: true)
        } else {
            // Nothing was learnt: asking the same at once would get the same answer, for ever.
            leadership?.progress[place].mode = .probe(isWaiting: true)
        }
    }

    mutating func answered(round: UInt64, commit: LogIndex, _ sender: ReplicaID) {
        guard let place = place(of: sender) else { return }
        leadership?.progress[place].hasAnswered = true
        heard(from: place, round: round, commit: commit)
    }

    private mutating func heard(from place: Int, round: UInt64, commit: LogIndex) {
        guard let progress = leadership?.progress[place] else { return }
        leadership?.progress[place].acknowledgedCommit = max(progress.acknowledgedCommit, commit)
        leadership?.progress[place].acknowledgedRound = max(progress.acknowledgedRound, round)
        if round > progress.acknowledgedRound { countConfirmations() }
    }

    mutating func snapshotSent(to replica: ReplicaID, succeeded: Bool) {
        guard let place = place(of: replica), leadership?.progress[place].mode == .snapshot else {
            return
        }
        // Whether it arrived is asked at the next retry: the answer is probably on its way.
        leadership?.progress[place].probe()
        leadership?.progress[place].mode = .probe(isWaiting: true)
        if succeeded {
            let match = leadership?.progress[place].match ?? .zero
            leadership?.progress[place].next = max(match, log.start.index).next
        }
    }

    // MARK: Sending again

    /// Keeps the retry timer running while anyone lacks anything. A group at rest has none.
    mutating func armRetry() {
        guard let leadership, !runningTimers.contains(.retry) else { return }
        if leadership.progress.contains(where: lacksSomething)
            || leadership.reads.isRoundOpen
        {
            set(.retry)
        }
    }

    private func lacksSomething(_ progress: Progress) -> Bool {
        !suspected.contains(progress.replica) && progress.mode != .snapshot
            && (progress.match < log.last.index || progress.acknowledgedCommit < commit)
    }

    mutating func retry() {
        guard let leadership else { return }
        for (place, progress) in leadership.progress.enumerated() where lacksSomething(progress) {
            let isWaiting = progress.mode == .probe(isWaiting: true)
            let isInDoubt = progress.refusedAfter > progress.match
            if progress.hasAnswered && !isWaiting && !isInDoubt, progress.match < log.last.index {
                self.leadership?.progress[place].hasAnswered = false
            } else {
                let next = progress.next
                self.leadership?.progress[place].probe()
                // A probe goes on where it was; only what was sent ahead is sent again.
                if isWaiting { self.leadership?.progress[place].next = next }
                replicate(place, evenIfEmpty: true)
            }
        }
        if leadership.reads.isRoundOpen { beginRound(askingAll: true) }
    }

    mutating func notifyCommit() {
        guard let leadership else { return }
        for (place, progress) in leadership.progress.enumerated()
        where progress.sentCommit < commit && progress.mode == .replicate
            && !suspected.contains(progress.replica)
        {
            self.leadership?.progress[place].sentCommit = commit
            send(
                .heartbeat(Message.Heartbeat(commit: commit, round: leadership.reads.round)),
                to: progress.replica)
        }
    }

    // MARK: Committing

    /// Commits what a quorum has on disk, if it ends in this term (5.4.2, figure 8).
    mutating func advanceCommit() {
        guard let leadership else { return }
        let reached = LogIndex(
            Quorum.reached(votingConfiguration) { voter in
                if voter == id {
                    return
                        (has(.leaderCountsUnsynced)
                        ? log.last.index : persistence.durableIndex).rawValue
                }
                return leadership.progress.first { $0.replica == voter }?.match.rawValue ?? 0
            })
        guard reached > commit else { return }
        guard log.term(at: reached) == term || has(.commitsOlderTermByCounting) else { return }
        var bytes = 0
        log.forEachBlock(from: commit.next) { block in
            guard block.last <= reached else { return false }
            bytes += block.bytes
            return true
        }
        commit = reached
        self.leadership?.uncommittedBytes -= bytes
        if !runningTimers.contains(.notify) && !leadership.progress.isEmpty { set(.notify) }
        goOnWithMembership()
    }

    /// The next step of a change of members, once the last one is committed (6; thesis, 4.3).
    private mutating func goOnWithMembership() {
        guard log.configurationIndex <= commit else { return }
        if log.configuration.isJoint {
            append(.configuration(log.configuration.final), entries: 1, bytes: 0)
        } else if !log.configuration.isVoter(id) {
            // Its last act: a leader that is not a voter any more makes room (thesis, 4.2.2), and asks the best to follow it.
            let best = leadership?.progress
                .filter { log.configuration.isVoter($0.replica) && !suspected.contains($0.replica) }
                .max { $0.match < $1.match }
            if let best { send(.timeoutNow, to: best.replica) }
            stepDown()
        }
    }

    // MARK: Reads

    mutating func read(_ read: ReadID) {
        guard let leadership else {
            effects.append(.readRefused(read, .notLeader(leader: leader)))
            return
        }
        if commit < leadership.firstIndex && !has(.readsBeforeOwnTermCommit) {
            effects.append(.readRefused(read, .leaderIsNew))
            return
        }
        if has(.readsWithoutConfirmation) {
            effects.append(.readReady(read, index: commit))
            return
        }
        let isOpen = leadership.reads.isRoundOpen
        var round = leadership.reads.round + 1
        if has(.reusesConfirmation) && leadership.reads.round > 0 { round -= 1 }
        self.leadership?.reads.add(read, at: commit, round: round)
        if !isOpen || has(.reusesConfirmation) { beginRoundIfNeeded() }
    }

    private mutating func beginRoundIfNeeded() {
        if leadership?.reads.needsRound == true {
            beginRound(askingAll: false)
        } else {
            countConfirmations()
        }
    }

    /// Asks the voters whether this is still their leader; at first only as many as make a majority, those that answered last. If one
    /// of them is silent now, the retry asks all.
    private mutating func beginRound(askingAll: Bool) {
        guard let round = leadership?.reads.beginRound() else { return }
        var asked = (leadership?.progress ?? []).filter {
            configuration.isVoter($0.replica) && !suspected.contains($0.replica)
        }
        if !askingAll && !configuration.isJoint {
            let others = configuration.voters.count / 2 + (configuration.isVoter(id) ? 0 : 1)
            asked.sort { $0.acknowledgedRound > $1.acknowledgedRound }
            asked.removeLast(max(0, asked.count - others))
        }
        for progress in asked {
            send(.heartbeat(Message.Heartbeat(commit: commit, round: round)), to: progress.replica)
        }
        countConfirmations()
    }

    private mutating func countConfirmations() {
        guard let leadership else { return }
        let reached = Quorum.reached(votingConfiguration) { voter in
            if voter == id { return leadership.reads.round }
            return leadership.progress.first { $0.replica == voter }?.acknowledgedRound ?? 0
        }
        for waiting in self.leadership?.reads.confirm(reached) ?? [] {
            effects.append(.readReady(waiting.read, index: waiting.index))
        }
        if self.leadership?.reads.needsRound == true, self.leadership?.reads.isRoundOpen == false {
            beginRound(askingAll: false)
        }
    }

    // MARK: Transfer (thesis, 3.10)

    mutating func transfer(to target: ReplicaID) {
        if let refusal = transferRefusal(target) {
            effects.append(.transferEnded(to: target, .refused(refusal)))
            return
        }
        leadership?.transfer = Leadership.Transfer(target: target)
        set(.transfer)
        handOverIfCaughtUp()
    }

    private func transferRefusal(_ target: ReplicaID) -> TransferRefusal? {
        guard let leadership else { return .notLeader }
        if target == id { return .isLeader }
        if !configuration.voters.contains(target) { return .notAVoter }
        if leadership.transfer != nil { return .transferring }
        if suspected.contains(target) { return .suspected }
        return nil
    }

    private mutating func handOverIfCaughtUp() {
        guard let leadership, let transfer = leadership.transfer, !transfer.isHandedOver else {
            return
        }
        let match = leadership.progress.first { $0.replica == transfer.target }?.match
        guard match == log.last.index else { return }
        self.leadership?.transfer?.isHandedOver = true
        send(.timeoutNow, to: transfer.target)
    }

    /// Ends a transfer, if there is one, and takes proposals again.
    mutating func endTransfer(_ outcome: TransferOutcome) {
        guard let transfer = leadership?.transfer else { return }
        leadership?.transfer = nil
        cancel(.transfer)
        effects.append(.transferEnded(to: transfer.target, outcome))
    }
}
