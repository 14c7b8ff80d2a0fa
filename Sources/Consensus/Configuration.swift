/// The members of a group, as the last configuration entry of a replica's log says. A replica uses it from the moment the
/// entry is *appended*, committed or not (Raft, 6).
///
/// Changes go through joint consensus only (Raft, 6; thesis, 4.3): while `outgoing` is not empty, every election and every
/// commit needs a majority of `voters` and a majority of `outgoing`.
package struct Configuration: Equatable, Sendable {
    /// Sorted, without repeats.
    package let voters: [ReplicaID]
    /// Replicas that are sent the log but are asked for nothing (thesis, 4.2.1). Sorted, without repeats.
    package let learners: [ReplicaID]
    /// The voters before the change that is under way; empty when none is. Sorted, without repeats.
    package let outgoing: [ReplicaID]
    /// The highest id the group ever had. A replica that joins must be above it, so that an id is never used again.
    package let highest: ReplicaID

    package init(
        voters: some Sequence<ReplicaID>, learners: some Sequence<ReplicaID> = [],
        outgoing: some Sequence<ReplicaID> = [], highest: ReplicaID = ReplicaID(0)
    ) {
        self.voters = sortedUnique(voters)
        self.outgoing = sortedUnique(outgoing)
        let voting = self.voters
        self.learners = sortedUnique(learners).filter { !voting.contains($0) }
        self.highest = max(
            highest, self.voters.last ?? highest, self.learners.last ?? highest,
            self.outgoing.last ?? highest)
    }

    package var isJoint: Bool { !outgoing.isEmpty }

    /// Everyone who is sent the log. Sorted.
    package var members: [ReplicaID] { sortedUnique(voters + learners + outgoing) }

    package func isVoter(_ replica: ReplicaID) -> Bool {
        voters.contains(replica) || outgoing.contains(replica)
    }

    package func isMember(_ replica: ReplicaID) -> Bool {
        isVoter(replica) || learners.contains(replica)
    }

    /// The configuration that begins the change to other members.
    package func joint(voters: [ReplicaID], learners: [ReplicaID]) -> Configuration {
        precondition(!isJoint, "one change at a time")
        return Configuration(
            voters: voters, learners: learners, outgoing: self.voters, highest: highest)
    }

    /// The configuration that ends the change: the outgoing voters have no say any more.
    package var final: Configuration {
        precondition(isJoint, "no change is under way")
        return Configuration(voters: voters, learners: learners, highest: highest)
    }
}

/// Members are few: an array in order costs less than a set, and it has an order.
func sortedUnique(_ replicas: some Sequence<ReplicaID>) -> [ReplicaID] {
    var result: [ReplicaID] = []
    for replica in replicas.sorted() where result.last != replica { result.append(replica) }
    return result
}
