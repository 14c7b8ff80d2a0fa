package import Wire

/// A node as the directory knows it.
package struct NodeRecord: Sendable, Hashable {
    package enum State: Int64, Sendable, Hashable {
        case active = 0
        /// Its replicas are moved off, and it is to be shut down.
        case draining = 1
        /// It never comes back: its replicas are replaced, its links refused.
        case removed = 2
        package var name: String {
            switch self {
            case .active: "active"
            case .draining: "draining"
            case .removed: "removed"
            }
        }
    }
    package let id: NodeID
    /// Unique among the nodes that are not removed, `[a-z0-9-]{1,63}`.
    package let name: String
    package let zone: String
    /// `host:port` for the other nodes.
    package let address: String
    package let state: State
    package init(id: NodeID, name: String, zone: String, address: String, state: State) {
        self.id = id
        self.name = name
        self.zone = zone
        self.address = address
        self.state = state
    }
}
