/// What replicas of a group tell each other. Messages may be lost, repeated, delayed and reordered.
package struct Message: Equatable, Sendable {
    package let from: ReplicaID
    package let to: ReplicaID
    /// The sender's term; of a pre-vote and of a granted pre-vote, the term that would begin.
    package let term: Term
    package let body: Body

    package init(from: ReplicaID, to: ReplicaID, term: Term, body: Body) {
        self.from = from
        self.to = to
        self.term = term
        self.body = body
    }

    package enum Body: Equatable, Sendable {
        /// Would you vote for me? (Thesis, 9.6.)
        case preVote(VoteRequest)
        case preVoted(granted: Bool)
        case vote(VoteRequest)
        case voted(granted: Bool)
        case append(Append)
        case appended(Appended)
        case rejected(Rejected)
        case heartbeat(Heartbeat)
        case heartbeatAnswered(round: UInt64, commit: LogIndex)
        /// Sent once the whole snapshot has arrived next to it.
        case snapshot(SnapshotHead)
        /// Begin an election now: the leader hands over (thesis, 3.10).
        case timeoutNow
        /// Your term is over; mine is in the message.
        case termIsOver
    }

    package struct VoteRequest: Equatable, Sendable {
        package let last: LogPosition
        /// Whether the leader itself asked for this election, so that nobody holds on to it.
        package let isTransfer: Bool
        package init(last: LogPosition, isTransfer: Bool) {
            self.last = last
            self.isTransfer = isTransfer
        }
    }

    package struct Append: Equatable, Sendable {
        /// The position the blocks follow.
        package let previous: LogPosition
        package let blocks: [BlockHead]
        package let commit: LogIndex
        /// The newest read confirmation asked for.
        package let round: UInt64
        package init(previous: LogPosition, blocks: [BlockHead], commit: LogIndex, round: UInt64) {
            self.previous = previous
            self.blocks = blocks
            self.commit = commit
            self.round = round
        }
    }

    package struct Appended: Equatable, Sendable {
        /// The log up to here equals the leader's and is on this replica's disk.
        package let match: LogIndex
        package let round: UInt64
        package let commit: LogIndex
        package init(match: LogIndex, round: UInt64, commit: LogIndex) {
            self.match = match
            self.round = round
            self.commit = commit
        }
    }

    package struct Rejected: Equatable, Sendable {
        /// The `previous` of the append that does not fit.
        package let previous: LogIndex
        /// The latest position of this replica's log that may still fit.
        package let hint: LogPosition
        package let round: UInt64
        package init(previous: LogIndex, hint: LogPosition, round: UInt64) {
            self.previous = previous
            self.hint = hint
            self.round = round
        }
    }

    package struct Heartbeat: Equatable, Sendable {
        package let commit: LogIndex
        package let round: UInt64
        package init(commit: LogIndex, round: UInt64) {
            self.commit = commit
            self.round = round
        }
    }
}
