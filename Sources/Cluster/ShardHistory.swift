package import Consensus
package import ShardStore
package import Wire

/// What happened in a shard, as far back as this node's log goes.
package struct ShardHistory: Sendable {
    package let entries: [EntryText]
    /// The entry to ask after next.
    package let through: LogIndex
    /// The oldest entry that the log still has.
    package let oldest: LogIndex
    package let committed: LogIndex
}

/// The same as it lies in the log.
struct StoredHistory: Sendable {
    let oldest: LogIndex
    let committed: LogIndex
    let through: LogIndex
    let payloads: [[UInt8]]
}

extension Node {
    /// Bytes of the log that one look reads.
    private static let historyLimit = 256 << 10

    /// Committed entries after one, oldest first, of a shard that has a replica here; none when there are none yet.
    /// - Throws: `NotLeader` when this node holds no replica of it; `Unavailable`; `DecodingFault` or `ReplayFault` when the log's
    ///   bytes do not fit the shard's tables.
    package func history(of shard: ShardID, after index: LogIndex) async throws -> ShardHistory {
        guard holds(shard) else { throw NotLeader(leader: nil) }
        let stored = try await ask(shard) {
            try $0.history(after: index, bytes: Self.historyLimit)
        }
        let entries: [EntryText] = try await withCheckedThrowingContinuation { continuation in
            let accepted = readers.submit(
                ReaderLanes.Work(shard: shard) { connection in
                    continuation.resume(
                        with: Result {
                            let connection = try connection.get()
                            let decompressor = Decompressor()
                            return try stored.payloads.flatMap { payload in
                                try connection.entries(
                                    of: Block(unpacking: payload, decompressor))
                            }.filter { $0.index > index }
                        })
                }, tenant: .system)
            if !accepted {
                continuation.resume(
                    throwing: Unavailable(reason: .overloaded, retryAfterSeconds: 1))
            }
        }
        return ShardHistory(
            entries: entries, through: stored.through, oldest: stored.oldest,
            committed: stored.committed)
    }
}
