/// Where a ticket stands. The order is the one search compares by.
package enum TicketStatus: Int64, Sendable, Comparable, CaseIterable {
    case new = 0
    case open = 1
    case pending = 2
    case hold = 3
    case solved = 4
    case closed = 5

    package static func < (a: TicketStatus, b: TicketStatus) -> Bool { a.rawValue < b.rawValue }

    package var name: String {
        switch self {
        case .new: "new"
        case .open: "open"
        case .pending: "pending"
        case .hold: "hold"
        case .solved: "solved"
        case .closed: "closed"
        }
    }

    package init?(name: String) {
        guard let status = TicketStatus.allCases.first(where: { $0.name == name }) else {
            return nil
        }
        self = status
    }

    /// What the requester is shown: whether a ticket is on hold is the desk's own business.
    package var nameForRequester: String { self == .hold ? "open" : name }

    /// Why a ticket may not go from this status to another, or nil when it may.
    ///
    /// `new` is only ever the first status; `closed` is the last.
    package func refusal(toBecome next: TicketStatus) -> String? {
        if self == .closed { return "Status: closed prevents ticket update" }
        if next == .new && self != .new { return "Status: cannot be set back to new" }
        return nil
    }

    /// The status after an end user's public comment: what waited for them, or was done, is open again.
    package var afterRequesterComment: TicketStatus {
        switch self {
        case .pending, .hold, .solved: .open
        case .new, .open, .closed: self
        }
    }
}

/// How urgent a ticket is. The order is the one search compares by.
package enum TicketPriority: Int64, Sendable, CaseIterable {
    case low = 0
    case normal = 1
    case high = 2
    case urgent = 3
    package var name: String {
        switch self {
        case .low: "low"
        case .normal: "normal"
        case .high: "high"
        case .urgent: "urgent"
        }
    }
    package init?(name: String) {
        guard let found = TicketPriority.allCases.first(where: { $0.name == name }) else {
            return nil
        }
        self = found
    }
}

/// What kind of work a ticket is. Incidents hang on a problem.
package enum TicketType: Int64, Sendable, CaseIterable {
    case question = 0
    case incident = 1
    case problem = 2
    case task = 3
    package var name: String {
        switch self {
        case .question: "question"
        case .incident: "incident"
        case .problem: "problem"
        case .task: "task"
        }
    }
    package init?(name: String) {
        guard let found = TicketType.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}
