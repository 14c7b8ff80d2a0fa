package import Wire

/// What keeps the node's log from doing what it was asked.
package enum LogFault: Error, Equatable, Sendable {
    /// The disk has no room. Nothing of the batch counts, the log goes on, and a later append may succeed.
    case full(String)
    /// The disk failed. Nobody knows what of the last batch is on it: this log is over. It may be opened again, as it was at its last
    /// good sync.
    case failed(String)
    /// An earlier process met a failing disk here, and could not leave word of what was durable by then.
    case poisoned(String)
    /// Bytes that were durable once are not what they were, or are gone.
    /// - `segment`, `offset`: where; `shards`: whose records may be concerned, nil when any may.
    case damaged(segment: UInt64, offset: Int, shards: [ShardID]?, reason: String)
    /// Written by a newer version; upgrade the node.
    case unsupportedVersion(file: String, version: UInt8)
    /// The log of another node or cluster.
    case foreign(file: String)
    /// No such block is in the log: it was cut, or never appended.
    case notHeld(ShardID, index: UInt64)
    /// The replica, or a younger one of its shard, was on this disk before: what it promised may be forgotten.
    case replicaWasHeld(ShardID, replica: UInt64, floor: UInt64)
}

extension LogFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .full(let reason): return "the log's disk is full: \(reason)"
        case .failed(let reason): return "the log's disk failed: \(reason)"
        case .poisoned(let reason):
            return "the log is not to be trusted, its disk failed earlier: \(reason)"
        case .damaged(let segment, let offset, let shards, let reason):
            let whose =
                shards.map { "shards " + $0.map(\.description).joined(separator: ", ") }
                ?? "any shard"
            return
                "the log is damaged in segment \(segment) at byte \(offset) (\(whose)): \(reason)"
        case .unsupportedVersion(let file, let version):
            return "\(file) has format version \(version), unsupported here; upgrade this node"
        case .foreign(let file): return "\(file) belongs to another node or cluster"
        case .notHeld(let shard, let index):
            return "the log does not hold the block that ends at \(shard).\(index)"
        case .replicaWasHeld(let shard, let replica, let floor):
            return "replica \(replica) of shard \(shard) must not begin: \(floor) was here before"
        }
    }
}
