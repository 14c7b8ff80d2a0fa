/// The links of a pair of nodes: one connection each, so that a snapshot or a big request never stands in front of the log.
package enum LinkKind: UInt8, CaseIterable, Sendable {
    /// Heartbeats and the replicated log.
    case log = 1
    /// Clients' requests on the way to their leader, and the answers.
    case requests = 2
    /// Snapshots and copies of tenants: opened when used, with a limited rate.
    case bulk = 3
}
