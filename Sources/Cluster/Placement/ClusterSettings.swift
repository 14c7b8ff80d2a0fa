/// What all nodes of a cluster agree on, kept in the directory.
package struct ClusterSettings: Sendable, Equatable {
    /// Voters of each tenant shard, as far as there are nodes: 1, 3, 5 or 7.
    package var replicationFactor: Int
    /// Zones whose nodes should lead; empty when any may.
    package var leaderZones: [String]
    package init(replicationFactor: Int = 3, leaderZones: [String] = []) {
        self.replicationFactor = replicationFactor
        self.leaderZones = leaderZones
    }
}
