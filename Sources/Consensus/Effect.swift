/// What whoever drives the core must do, in this order.
package enum Effect: Equatable, Sendable {
    /// Store this, after everything that was asked before, and report it as `persisted`. Must not be reordered or merged
    /// so that part of a later write is on disk without all of an earlier one.
    case write(Write)
    case send(Message)
    /// Send a snapshot at or after the log's start, and with it a `.snapshot` message.
    case sendSnapshot(to: ReplicaID)
    case setTimer(Timer)
    case cancelTimer(Timer)
    /// Blocks up to here are committed and on this disk: apply them, in order.
    case commit(through: LogIndex)
    /// The read sees every write that was acknowledged before it began, once everything up to `index` is applied.
    case readReady(ReadID, index: LogIndex)
    /// The read cannot be confirmed here: ask again, under a new id, where the leader is.
    case readRefused(ReadID, ReadRefusal)
    /// The role, the term or the known leader is another.
    case roleChanged(Role, Term, leader: ReplicaID?)
    case proposalRefused(ProposalRefusal)
    case transferEnded(to: ReplicaID, TransferOutcome)
    /// Something happened that the protocol rules out: bytes were changed, a disk forgot, or there is a bug. The replica has
    /// stopped; its node must keep it so and raise an alarm.
    case halted(BrokenInvariant)
}

/// One step towards the disk. Its parts apply in the order of the fields.
package struct Write: Equatable, Sendable {
    package let sequence: UInt64
    package let hardState: HardState?
    /// The log begins anew behind this snapshot, which replaces the rows as well.
    package let snapshot: SnapshotHead?
    /// Everything after this entry goes.
    package let truncateAfter: LogIndex?
    package let blocks: [BlockHead]

    package init(
        sequence: UInt64, hardState: HardState? = nil, snapshot: SnapshotHead? = nil,
        truncateAfter: LogIndex? = nil, blocks: [BlockHead] = []
    ) {
        self.sequence = sequence
        self.hardState = hardState
        self.snapshot = snapshot
        self.truncateAfter = truncateAfter
        self.blocks = blocks
    }
}

/// What a replica must never forget (Raft, figure 2, persistent state).
package struct HardState: Equatable, Sendable {
    package let term: Term
    package let vote: ReplicaID?
    package init(term: Term, vote: ReplicaID?) {
        self.term = term
        self.vote = vote
    }
}

/// What a replica is in its term (Raft, 5.1; thesis, 9.6 for the candidate before the candidate).
package enum Role: Int, Equatable, Sendable {
    case follower
    case preCandidate
    case candidate
    case leader
}

/// Why nothing was appended.
package enum ProposalRefusal: Equatable, Sendable {
    case notLeader(leader: ReplicaID?)
    /// The leader is handing over.
    case transferring
    case blockTooLong(bytes: Int, limit: Int)
    case tooMuchUncommitted
    /// Members may change only after the leader has committed an entry of its term.
    case leaderIsNew
    case changeInProgress
    case noVoters
    case noChange
    /// A replica becomes a learner first and a voter once it has the log.
    case notALearner(ReplicaID)
    case learnerLags(ReplicaID)
    /// The id is not above every id the group ever had.
    case replicaIDWasUsed(ReplicaID)
}

/// Why a read is not confirmed.
package enum ReadRefusal: Error, Equatable, Sendable {
    case notLeader(leader: ReplicaID?)
    /// The leader does not know yet what is committed (Raft, 8): it has committed nothing of its own term.
    case leaderIsNew
    /// Leadership was lost before a quorum confirmed it.
    case leadershipLost
}

/// How handing over ended.
package enum TransferOutcome: Equatable, Sendable {
    /// The target was told to begin its election; whether it wins is seen by the next leader.
    case handedOver
    case refused(TransferRefusal)
    case abandoned
}

/// Why a leader does not begin to hand over.
package enum TransferRefusal: Equatable, Sendable {
    case notLeader
    case notAVoter
    case isLeader
    case suspected
    case transferring
}

/// What the protocol rules out, and happened.
package enum BrokenInvariant: Equatable, Sendable {
    /// Another leader sent something in this leader's own term.
    case twoLeaders(Term, ReplicaID)
    /// A leader's log contradicts an entry that is committed here.
    case committedEntryChanged(LogIndex)
}
