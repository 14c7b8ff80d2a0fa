/// Elections: pre-vote, vote, and letting go of a leader (Raft, 5.2 and 5.4.1; thesis, 9.6).
extension Raft {
    /// Follows `leader`, or nobody, in a term that is not lower than the present one.
    mutating func becomeFollower(term newTerm: Term, leader newLeader: ReplicaID?) {
        precondition(newTerm >= term, "terms never fall")
        if newTerm > term { enter(newTerm, vote: nil) }
        if role == .leader { leaveLeadership() }
        role = .follower
        campaign = .none
        ballots = Ballots()
        leader = newLeader
        updateElectionTimer(restart: true)
    }

    private mutating func enter(_ newTerm: Term, vote newVote: ReplicaID?) {
        term = newTerm
        vote = newVote
        draft.hasHardState = true
        // What was promised to an older term's candidate or leader is of no use to it now.
        held.removeAll()
        promises.removeAll()
        verified = .zero
        leaderRound = 0
        owesAcknowledgement = false
        acknowledged = .zero
    }

    /// A voter without a leader it trusts must have the election timer running; nobody else may.
    mutating func updateElectionTimer(restart: Bool) {
        guard role == .follower else { return }
        let waits = mayCampaign && !trustsLeader
        if !waits {
            cancel(.election)
        } else if restart || !runningTimers.contains(.election) {
            set(.election)
        }
    }

    /// A voter; also one that a change removed which is not known to be committed. It may be the only one that holds the change,
    /// and then nobody else can win (thesis, 4.2.2). Its own vote counts for nothing.
    var mayCampaign: Bool {
        if configuration.isVoter(id) { return true }
        return log.configurationIndex > commit && log.earlierConfiguration?.isVoter(id) == true
    }

    private var trustsLeader: Bool {
        guard let leader else { return false }
        return !suspected.contains(leader)
    }

    // MARK: Suspicion

    mutating func suspect(_ replica: ReplicaID) {
        guard replica != id, !suspected.contains(replica) else { return }
        suspected = sortedUnique(suspected + [replica])
        if role == .leader {
            if leadership?.transfer?.target == replica { endTransfer(.abandoned) }
            // Check-quorum (thesis, 6.2): without it, a leader cut off from most of its followers goes on for ever.
            if !hasActiveQuorum { stepDown() }
        } else if leader == replica {
            updateElectionTimer(restart: false)
        }
    }

    mutating func trust(_ replica: ReplicaID) {
        guard let place = suspected.firstIndex(of: replica) else { return }
        suspected.remove(at: place)
        if role == .leader { contact(replica) } else { updateElectionTimer(restart: false) }
    }

    mutating func disowned(by replica: ReplicaID) {
        guard role == .follower, leader == replica, !has(.keepsBelievingInLeader) else { return }
        leader = nil
        updateElectionTimer(restart: false)
    }

    /// Whether this replica and those whose nodes it hears could decide something.
    var hasActiveQuorum: Bool {
        Quorum.contains(configuration) { $0 == id || !suspected.contains($0) }
    }

    mutating func stepDown() { becomeFollower(term: term, leader: nil) }

    // MARK: Asking for votes

    mutating func electionTimedOut() {
        guard role != .leader, mayCampaign else { return }
        if role == .follower && trustsLeader { return }
        startPreVote()
    }

    private mutating func startPreVote() {
        role = .preCandidate
        leader = nil
        campaign = .none
        ballots = Ballots()
        ballots.record(id, true)
        set(.election)
        let request = Message.VoteRequest(last: log.last, isTransfer: false)
        for voter in configuration.members where voter != id && configuration.isVoter(voter) {
            effects.append(
                .send(Message(from: id, to: voter, term: term.next, body: .preVote(request))))
        }
        countPreVotes()
    }

    mutating func startElection(isTransfer: Bool) {
        enter(term.next, vote: id)
        role = .candidate
        leader = nil
        ballots = Ballots()
        campaign = .drafted(isTransfer: isTransfer)
        set(.election)
    }

    /// The term, the vote for oneself and the log the requests speak of are durable: ask.
    mutating func runCampaign(isTransfer: Bool) {
        campaign = .running(isTransfer: isTransfer)
        ballots.record(id, true)
        let request = Message.VoteRequest(last: log.last, isTransfer: isTransfer)
        for voter in configuration.members where voter != id && configuration.isVoter(voter) {
            send(.vote(request), to: voter)
        }
        countVotes()
    }

    mutating func preVoted(_ isGranted: Bool, _ message: Message) {
        guard role == .preCandidate else { return }
        guard message.term == (isGranted ? term.next : term) else { return }
        ballots.record(message.from, isGranted)
        countPreVotes()
    }

    mutating func voted(_ isGranted: Bool, _ message: Message) {
        guard role == .candidate, message.term == term else { return }
        ballots.record(message.from, isGranted)
        countVotes()
    }

    private mutating func countPreVotes() {
        switch ballotDecision {
        case .won: startElection(isTransfer: false)
        case .lost: becomeFollower(term: term, leader: nil)
        case .open: break
        }
    }

    private mutating func countVotes() {
        switch ballotDecision {
        case .won: becomeLeader()
        case .lost: becomeFollower(term: term, leader: nil)
        case .open: break
        }
    }

    private var ballotDecision: Decision {
        Quorum.decision(votingConfiguration) { ballots.answer(of: $0) }
    }

    /// The configuration in force, as quorums are counted in it.
    var votingConfiguration: Configuration {
        #if PLANTED_BUGS
            let members = configuration
            if planted.contains(.countsLearners) {
                return Configuration(
                    voters: members.voters + members.learners, outgoing: members.outgoing)
            }
            if planted.contains(.ignoresOutgoingMajority) {
                return Configuration(voters: members.voters, learners: members.learners)
            }
        #endif
        return configuration
    }

    // MARK: Giving votes

    mutating func answerPreVote(_ request: Message.VoteRequest, _ message: Message) {
        releaseLeader(askedBy: message)
        var isGranted = false
        if !holdsOnToLeader(against: message.from), message.term >= term {
            let mayVote = message.term > term || mayVoteNow(for: message.from)
            isGranted = mayVote && isUpToDate(request)
        }
        if isGranted {
            effects.append(
                .send(
                    Message(
                        from: id, to: message.from, term: message.term,
                        body: .preVoted(granted: true))))
        } else {
            send(.preVoted(granted: false), to: message.from)
        }
        // It looks for a leader: here it is.
        if role == .leader { contact(message.from) }
    }

    mutating func answerVote(_ request: Message.VoteRequest, _ message: Message) {
        releaseLeader(askedBy: message)
        // Whoever hears a leader does not help to replace it (thesis, 4.2.3), unless the leader asked for it.
        if !request.isTransfer, holdsOnToLeader(against: message.from) {
            send(.voted(granted: false), to: message.from)
            return
        }
        if message.term > term { becomeFollower(term: message.term, leader: nil) }
        let isGranted =
            message.term == term && mayVoteNow(for: message.from) && isUpToDate(request)
        guard isGranted else {
            send(.voted(granted: false), to: message.from)
            return
        }
        if vote != message.from {
            vote = message.from
            draft.hasHardState = true
        }
        updateElectionTimer(restart: true)
        promise(.voted(granted: true), to: message.from)
    }

    /// Someone we follow asks for votes, so it does not lead. Without this, a leader that lost its quorum but whose node still
    /// sends heartbeats would never be replaced.
    private mutating func releaseLeader(askedBy message: Message) {
        guard role == .follower, leader == message.from, message.term >= term else { return }
        leader = nil
        updateElectionTimer(restart: false)
    }

    private func holdsOnToLeader(against candidate: ReplicaID) -> Bool {
        switch role {
        case .leader: hasActiveQuorum
        case .follower: trustsLeader && leader != candidate
        case .preCandidate, .candidate: false
        }
    }

    /// One vote a term (5.2). The asker's membership is not checked: this replica's own configuration may be behind (6).
    private func mayVoteNow(for candidate: ReplicaID) -> Bool {
        vote == candidate || (vote == nil && leader == nil) || (has(.votesTwice) && role != .leader)
    }

    private func isUpToDate(_ request: Message.VoteRequest) -> Bool {
        request.last.isUpToDate(with: log.last) || has(.ignoresLogAtVote)
    }
}
