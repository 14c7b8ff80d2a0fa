/// What happens to a replica. Everything the core knows of the world reaches it through these.
package enum Event: Equatable, Sendable {
    /// The first event of a replica's life, and of each life after a restart.
    case started
    case received(Message)
    /// Every write up to this number is on disk.
    case persisted(sequence: UInt64)
    case timerFired(Timer)
    /// The node that holds this replica is silent or gone. Holds until `trusted`.
    case suspected(ReplicaID)
    case trusted(ReplicaID)
    /// The node of the replica we follow says that it does not lead this group. Where a leader came down without a message
    /// that arrived, this is what frees its followers.
    case disowned(ReplicaID)
    /// Append this many entries as one block.
    case propose(entries: Int, bytes: Int)
    /// Make these, and nobody else, the members.
    case changeMembers(voters: [ReplicaID], learners: [ReplicaID])
    case transfer(to: ReplicaID)
    /// Confirm that a read may use what is committed now.
    case read(ReadID)
    /// The rows up to here are safe in the shard's file: the log may begin after it.
    case compact(through: LogIndex)
    /// How sending a snapshot ended; the follower's answer may still be on its way.
    case snapshotSent(to: ReplicaID, succeeded: Bool)
}

/// The timers of a replica. Whoever drives the core picks the delays, with their jitter; setting a timer that runs starts it
/// anew. A group in which nothing happens has none running.
package enum Timer: Int, Equatable, Hashable, Sendable, CaseIterable {
    /// A voter without a leader it trusts: time to ask for votes. Random, to avoid split votes (Raft, 5.2).
    case election
    /// A leader with a follower that lacks something: time to send again. A few round trips.
    case retry
    /// A leader whose followers have not been told what is committed: time to tell. Short.
    case notify
    /// A leader handing over: time to give up.
    case transfer
    /// A new leader whose quorum is still under suspicion: time to step down.
    case quorum
}
