import Consensus
import Wire

/// What the leader of a group does next to bring its members where the cluster wants them: one step at a time, decided from what is
/// known now, so that a new leader goes on where the old one stopped.
///
/// The order is what makes it safe: a replica is born on its disk, then a learner, then a voter; and whoever leaves does so in the
/// change that brings its successor.
struct Placement: Equatable {
    enum Step: Equatable {
        case none
        /// Ask a node to hold a new replica.
        case assign(ReplicaID)
        case change(voters: [ReplicaID], learners: [ReplicaID])
    }

    var shard: ShardID
    var configuration: Configuration
    /// Members that have stopped or are not on their node any more.
    var lost: Set<ReplicaID>
    /// Members with nearly the whole log.
    var caughtUp: Set<ReplicaID>
    /// Replicas that nodes have said to hold, blank, for this group.
    var assigned: Set<ReplicaID>
    var nodes: [NodeRecord]
    var connected: Set<NodeID>
    var replicationFactor: Int

    /// How many voters the group should have with the nodes there are: an odd number, since an even one survives no more.
    var wantedVoters: Int {
        let usable = nodes.count { $0.state == .active }
        let most = min(replicationFactor, usable)
        return most % 2 == 1 ? most : max(1, most - 1)
    }

    var next: Step {
        if configuration.isJoint { return .none }
        let active = nodes.filter { $0.state == .active }
        let isGone = { (replica: ReplicaID) in
            lost.contains(replica) || !active.contains { $0.id == replica.node }
        }
        let keptVoters = configuration.voters.filter { !isGone($0) }
        let keptLearners = configuration.learners.filter { !isGone($0) }
        let ready = keptLearners.filter { caughtUp.contains($0) && connected.contains($0.node) }
        let wanted = wantedVoters

        // Promote as many as bring the group to its number, best spread over zones first.
        var promoted: [ReplicaID] = []
        var candidates = ready
        while keptVoters.count + promoted.count < wanted, !candidates.isEmpty {
            let used = (keptVoters + promoted).map { zone(of: $0.node) }
            let best = candidates.min { a, b in
                let (x, y) = (
                    used.count { $0 == zone(of: a.node) }, used.count { $0 == zone(of: b.node) }
                )
                return (x, a) < (y, b)
            }
            guard let best else { break }
            promoted.append(best)
            candidates.removeAll { $0 == best }
        }
        let target = keptVoters + promoted
        let isBetter =
            target.count == wanted || target.count >= configuration.voters.count
            || target.count % 2 == 1 && target.count > keptVoters.count
        if !target.isEmpty, isBetter, target.sorted() != configuration.voters,
            // One more voter that makes an even number is no gain, only a replacement is.
            target.count % 2 == 1 || target.count <= configuration.voters.count
        {
            let learners = configuration.learners.filter { !isGone($0) && !promoted.contains($0) }
            return .change(voters: target.sorted(), learners: learners)
        }

        // Learners: for voters that are missing, and for the directory on every node.
        let held = Set((keptVoters + keptLearners).map(\.node))
        let lacking = wanted - keptVoters.count - keptLearners.count
        var places = active.filter { !held.contains($0.id) && connected.contains($0.id) }
        if shard != .directory {
            let zones = (keptVoters + keptLearners).map { zone(of: $0.node) }
            places.sort { a, b in
                let (x, y) = (zones.count { $0 == a.zone }, zones.count { $0 == b.zone })
                return (x, rank(a.id)) < (y, rank(b.id))
            }
            places = Array(places.prefix(max(0, lacking)))
        }
        if let place = places.first {
            let replica = configuration.nextReplica(on: place.id)
            if let born = assigned.first(where: {
                $0.node == place.id && $0 > configuration.highest
            }) {
                return .change(
                    voters: configuration.voters, learners: (keptLearners + [born]).sorted())
            }
            return .assign(replica)
        }
        // Learners that are gone, or that nobody wants.
        var learners = keptLearners
        if shard != .directory, lacking < 0 {
            learners.removeLast(min(learners.count, -lacking))
        }
        if learners.sorted() != configuration.learners {
            return .change(voters: configuration.voters, learners: learners.sorted())
        }
        return .none
    }

    private func zone(of node: NodeID) -> String { nodes.first { $0.id == node }?.zone ?? "" }

    /// Spreads groups over the nodes when there are more than replicas: another order for each shard.
    private func rank(_ node: NodeID) -> Int {
        let all = nodes.map(\.id).sorted()
        guard let place = all.firstIndex(of: node), !all.isEmpty else { return 0 }
        return (place + all.count - Int(shard.rawValue) % all.count) % all.count
    }

    /// The voter that should lead: another one for each shard, so that leaders spread over nodes, in a preferred zone where one is
    /// named.
    static func preferredLeader(
        of shard: ShardID, _ configuration: Configuration, sight: ClusterSight
    ) -> ReplicaID? {
        let usable = configuration.voters.filter { voter in
            !sight.ailing.contains(voter.node)
                && sight.nodes.contains { $0.id == voter.node && $0.state == .active }
        }
        let preferred = usable.filter { voter in
            sight.nodes.contains { $0.id == voter.node && sight.leaderZones.contains($0.zone) }
        }
        let choice = (preferred.isEmpty ? usable : preferred).sorted { $0.node < $1.node }
        return choice.isEmpty ? nil : choice[Int(shard.rawValue) % choice.count]
    }
}
