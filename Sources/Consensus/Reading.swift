/// What a leader may say to a member that wants to answer linearizable reads from its own rows.
package enum ReadGrant: Sendable, Equatable {
    /// Whoever has applied this entry may answer.
    case at(LogIndex)
    /// Only a round of confirmations can tell (`Event.read`).
    case needsRound
    /// This is not the leader it asked.
    case refused
}

/// How a replica stands, for who answers questions about reads in its place, on other threads.
///
/// **Whoever keeps one replaces it before anything that follows from a step leaves the replica**: a vote, an acknowledgement, an
/// answer. So a replica that is in term 5 by what is kept has not voted in term 6 *yet*, and what it has answered as committed is
/// within `commit`. That is all that is needed below.
package struct Standing: Sendable, Equatable {
    package let id: ReplicaID
    package let term: Term
    package let isLeader: Bool
    /// Whether it is a leader that knows what is committed.
    package let isEstablishedLeader: Bool
    package let commit: LogIndex
    package let configuration: Configuration

    package init(
        id: ReplicaID, term: Term, isLeader: Bool, isEstablishedLeader: Bool, commit: LogIndex,
        configuration: Configuration
    ) {
        self.id = id
        self.term = term
        self.isLeader = isLeader
        self.isEstablishedLeader = isEstablishedLeader
        self.commit = commit
        self.configuration = configuration
    }

    /// Whether the word of this leader and that of one more voter are a majority's.
    private func isMajority(with member: ReplicaID) -> Bool {
        isEstablishedLeader && !configuration.isJoint && configuration.voters.count <= 3
            && member != id && configuration.voters.contains(member)
            && configuration.voters.contains(id)
    }

    /// What this replica may say to a member that asked the leader of `term`, which it then believed in, for a read.
    ///
    /// In a group of up to three voters no round is needed: a later leader, to have committed anything before the member asked, would
    /// have needed a vote of the member, which would then have asked in a later term, or this leader's own, which would then lead no
    /// more; the third voter alone is no majority. A learner's word, or one of two out of five, proves nothing.
    package func readGrant(to member: ReplicaID, askedIn term: Term) -> ReadGrant {
        guard isLeader, self.term == term else { return .refused }
        return isMajority(with: member) ? .at(commit) : .needsRound
    }

    /// Who can vouch for this leader: with the word of any one of them (`confirms`), given after it was asked for, a read that came
    /// before that may be answered from `commit` on. The argument is the same, with the roles of asker and asked exchanged.
    package var witnesses: [ReplicaID] { configuration.voters.filter { isMajority(with: $0) } }

    /// Whether this replica, asked by the leader of `term`, has voted in no later one.
    package func confirms(_ term: Term) -> Bool {
        self.term == term && configuration.voters.contains(id)
    }
}

extension Raft {
    package var standing: Standing {
        Standing(
            id: id, term: term, isLeader: role == .leader, isEstablishedLeader: isEstablishedLeader,
            commit: commit, configuration: configuration)
    }

    /// What this replica may say to a member that wants to answer a read, now.
    package func readGrant(to member: ReplicaID, askedIn term: Term) -> ReadGrant {
        let grant = standing.readGrant(to: member, askedIn: term)
        if has(.grantsReadsToAnyone), grant != .refused { return .at(commit) }
        return grant
    }

    /// Whether this replica vouches for the leader of `term`, now.
    package func confirms(_ term: Term) -> Bool {
        has(.confirmsOldTerms) && self.term > term || standing.confirms(term)
    }
}
