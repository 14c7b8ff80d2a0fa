/// What a leader may say to a member that wants to answer linearizable reads from its own rows.
package enum ReadGrant: Sendable, Equatable {
    /// Whoever has applied this entry may answer.
    case at(LogIndex)
    /// Only a round of confirmations can tell (`Event.read`).
    case needsRound
    /// This is not the leader it asked.
    case refused
}

extension Raft {
    /// What this replica may say to a member that asked the leader of `term`, which it then believed in, for a read.
    ///
    /// In a group of up to three voters no round is needed: a later leader, to have committed anything before the member asked, would
    /// have needed a vote of the member, which would then have asked in a later term, or this leader's own, which would then lead no
    /// more; the third voter alone is no majority. A learner's word, or one of two out of five, proves nothing.
    package func readGrant(to member: ReplicaID, askedIn term: Term) -> ReadGrant {
        guard role == .leader, self.term == term else { return .refused }
        if has(.grantsReadsToAnyone) { return .at(commit) }
        let configuration = configuration
        guard isEstablishedLeader, !configuration.isJoint, configuration.voters.count <= 3,
            configuration.voters.contains(member), configuration.voters.contains(id)
        else { return .needsRound }
        return .at(commit)
    }
}
