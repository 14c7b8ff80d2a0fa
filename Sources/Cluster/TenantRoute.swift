package import Wire

/// What a tenant may use. Nil means without limit.
package struct TenantLimits: Sendable, Hashable {
    /// Requests a minute, all users together.
    package var requestsPerMinute: Int
    /// Users who are agents or admins.
    package var agents: Int
    /// Bytes of attachments.
    package var storageBytes: Int64
    package init(requestsPerMinute: Int = 700, agents: Int = 1000, storageBytes: Int64 = 10 << 30) {
        self.requestsPerMinute = requestsPerMinute
        self.agents = agents
        self.storageBytes = storageBytes
    }
}

/// Where a tenant's rows are and what it may use: the only value that opens a tenant's shard.
///
/// Made by `Directory` alone, from a host name or a tenant's name, so that no code path turns a number from a request into
/// a tenant.
package struct TenantRoute: Sendable, Hashable {
    /// The host label, unique in the cluster, `[a-z0-9-]`, at most 63 characters.
    package let name: String
    package let state: TenantState
    package let limits: TenantLimits
    package let shard: ShardID
    package let id: TenantID
    /// Raised by a move; a write under an old epoch is sent back to the directory.
    package let epoch: UInt32

    init(
        name: String, state: TenantState, limits: TenantLimits, shard: ShardID, id: TenantID,
        epoch: UInt32
    ) {
        self.name = name
        self.state = state
        self.limits = limits
        self.shard = shard
        self.id = id
        self.epoch = epoch
    }
}

/// Whether a tenant is in service.
package enum TenantState: Int64, Sendable, Hashable {
    case active = 0
    /// Every request is refused; nothing is lost; `resume` brings it back.
    case suspended = 1
    /// Marked for deletion: as suspended, until it is erased for good or resumed.
    case deleting = 2
    package var name: String {
        switch self {
        case .active: "active"
        case .suspended: "suspended"
        case .deleting: "deleting"
        }
    }
}

/// A tenant as the operator sees it.
package struct TenantRecord: Sendable, Hashable {
    package let name: String
    package let id: TenantID
    package let shard: ShardID
    package let epoch: UInt32
    package let state: TenantState
    package let plan: String
    package let limits: TenantLimits
    /// Hosts that name this tenant besides its first label.
    package let hostnames: [String]
    package let createdAt: Timestamp

    package var route: TenantRoute {
        TenantRoute(
            name: name, state: state, limits: limits, shard: shard, id: id, epoch: epoch)
    }
}
