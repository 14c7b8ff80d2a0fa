package import ShardStore
package import Wire

/// Where a tenant's rows are and what it may use: the only value that opens a tenant's shard.
///
/// Made by `Directory` alone, from a host name, so that no code path turns a number from a request into a tenant.
package struct TenantRoute: Sendable, Hashable {
    /// The host label, unique in the cluster, `[a-z0-9-]`, at most 63 characters.
    package let name: String
    package let shard: ShardID
    package let isSuspended: Bool
    /// Requests a minute, all users together.
    package let requestsPerMinute: Int
    package let id: TenantID
    /// Raised by a move; a write under an old epoch is sent back to the directory.
    package let epoch: UInt32
    fileprivate init(
        name: String, shard: ShardID, isSuspended: Bool, requestsPerMinute: Int, id: TenantID,
        epoch: UInt32
    ) {
        self.name = name
        self.shard = shard
        self.isSuspended = isSuspended
        self.requestsPerMinute = requestsPerMinute
        self.id = id
        self.epoch = epoch
    }
}

/// A request's answer with the position that makes it visible.
package struct Committed<Answer: Sendable>: Sendable {
    package let answer: Answer
    package let position: Position
}

/// How fresh a read must be (engine.md, section 6).
package enum ReadLevel: Sendable, Equatable {
    case linearizable
    case session(Position)
    case stale
}

/// The node cannot answer now; the API says 503 with `Retry-After`.
package struct Unavailable: Error, Sendable {
    package enum Reason: String, Sendable {
        case overloaded, shuttingDown, behind, diskFull, deadline
    }
    package let reason: Reason
    package let retryAfterSeconds: Int
}
