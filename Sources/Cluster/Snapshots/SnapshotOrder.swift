import Consensus
import Wire

/// A replica's wish that another one gets its rows.
struct SnapshotOrder: Sendable, Equatable {
    let shard: ShardID
    let from: ReplicaID
    let to: ReplicaID
    let term: Term
    /// The rows' file.
    let path: String
}
