package import ShardStore
package import Wire

/// A node's shards and directory: what everything above the cluster talks to.
package final class Node: Sendable {
    /// Runs `body` as one request of the tenant's shard and answers when it is durable.
    ///
    /// A `Refusal` or a fault thrown by `body` comes out of here and leaves no trace in the shard. `body` may run more than
    /// once, on the shard's lane, and must be quick: it holds up the shard.
    /// - Throws: what `body` threw, or `Unavailable` when the node cannot take the request.
    package func write<Answer: Sendable>(
        _ tenant: TenantRoute, _ body: @escaping @Sendable (ShardTransaction) throws -> Answer
    ) async throws -> Committed<Answer> {
        preconditionFailure()
    }

    /// Runs `body` on one snapshot of the tenant's committed rows, on a reader lane.
    package func read<Answer: Sendable>(
        _ tenant: TenantRoute, level: ReadLevel = .linearizable,
        _ body: @escaping @Sendable (ShardReader) throws -> Answer
    ) async throws -> Committed<Answer> {
        preconditionFailure()
    }
}
