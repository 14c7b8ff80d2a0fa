import SQLite

/// How somebody besides the requester has to do with a ticket. The numbers are stored.
package enum WatcherKind: Int64, Sendable, CaseIterable {
    /// Anybody. Sees the public comments and may add one, as the requester may.
    case copy = 1
    /// An agent, who is told of everything. Following a ticket opens no ticket that the agent may not see.
    case follower = 2

    /// The least that somebody must be.
    var role: Role { self == .copy ? .endUser : .agent }
    /// The field and its label in refusals.
    var field: String { self == .copy ? "email_cc_ids" : "follower_ids" }
    var label: String { self == .copy ? "CCs" : "Followers" }
    /// People of one kind on one ticket.
    static let limit = 48
}

/// Somebody who is put on a ticket or taken off it.
package struct WatcherChange: Sendable, Equatable {
    package let kind: WatcherKind
    package let person: RequesterReference
    package let isRemoval: Bool
    package init(_ kind: WatcherKind, _ person: RequesterReference, isRemoval: Bool = false) {
        self.kind = kind
        self.person = person
        self.isRemoval = isRemoval
    }
}

extension Ticket {
    /// The people of a kind, by number.
    package subscript(watchers kind: WatcherKind) -> [Int64] {
        get { kind == .copy ? emailCCIDs : followerIDs }
        set {
            switch kind {
            case .copy: emailCCIDs = newValue
            case .follower: followerIDs = newValue
            }
        }
    }
}
