package import Wire

/// The request had no effect here: another node leads the shard, or nobody does just now.
package struct NotLeader: Error, Sendable, Equatable {
    package let leader: NodeID?
    package init(leader: NodeID?) { self.leader = leader }
}

/// Leadership was lost, or time ran out, while the request was on its way to a majority. It has its effect or it has not; who
/// repeats it under the same idempotency key gets the one answer.
package struct OutcomeUnknown: Error, Sendable, Equatable {
    package init() {}
}

/// The request changes more than one log entry may hold.
package struct ChangesTooLong: Error, Sendable, Equatable {
    package let bytes: Int
    package let limit: Int
}

/// The node cannot answer now; the API says 503 with `Retry-After`, or 507 for want of space.
package struct Unavailable: Error, Sendable, Equatable {
    package enum Reason: String, Sendable {
        /// Too much waits already.
        case overloaded
        case shuttingDown
        /// The node has not applied what the client has seen.
        case behind
        /// No majority of the shard's replicas can be reached.
        case noLeader
        /// For a moment: a hand-over, a schema step.
        case busy
        case diskFull
    }
    static let shuttingDown = Unavailable(reason: .shuttingDown, retryAfterSeconds: 2)

    package let reason: Reason
    package let retryAfterSeconds: Int
    package init(reason: Reason, retryAfterSeconds: Int) {
        self.reason = reason
        self.retryAfterSeconds = retryAfterSeconds
    }
}
