/// What is timed of a ticket. The order is the one in which events of the same moment come.
package enum ClockMetric: Int, Sendable, CaseIterable {
    /// From the creation, or the oldest comment that is not answered, to an agent's public comment.
    case replyTime = 0
    /// How long the requester waits: in new, open and hold.
    case requesterWaitTime = 1
    /// How long the agents have it: in new and open.
    case agentWorkTime = 2
    /// From each public comment of an agent to the next, without what was spent in pending.
    case pausableUpdateTime = 3
    /// From each public comment of an agent to the next.
    case periodicUpdateTime = 4
    /// From the creation to the solution.
    case resolutionTime = 5

    /// As the API writes it.
    package var name: String {
        switch self {
        case .replyTime: "reply_time"
        case .requesterWaitTime: "requester_wait_time"
        case .agentWorkTime: "agent_work_time"
        case .pausableUpdateTime: "pausable_update_time"
        case .periodicUpdateTime: "periodic_update_time"
        case .resolutionTime: "resolution_time"
        }
    }

    /// Whether there is one instance for the whole life of a ticket, which goes on when the ticket is reopened.
    package var isLifelong: Bool {
        switch self {
        case .requesterWaitTime, .agentWorkTime, .resolutionTime: true
        case .replyTime, .pausableUpdateTime, .periodicUpdateTime: false
        }
    }

    /// Whether it times the silence between two public comments of agents.
    var isOfUpdates: Bool { self == .pausableUpdateTime || self == .periodicUpdateTime }

    /// Whether an open instance runs in a phase; nothing runs in a solved ticket.
    package func runs(in phase: TicketPhase) -> Bool {
        switch (self, phase) {
        case (_, .solved): false
        case (.requesterWaitTime, .pending), (.pausableUpdateTime, .pending): false
        case (.agentWorkTime, .pending), (.agentWorkTime, .hold): false
        default: true
        }
    }

    /// What a policy calls the metric.
    /// - Parameter instance: from 1 on.
    package func policyMetric(instance: Int) -> PolicyMetric {
        switch self {
        case .replyTime: instance == 1 ? .firstReplyTime : .nextReplyTime
        case .requesterWaitTime: .requesterWaitTime
        case .agentWorkTime: .agentWorkTime
        case .pausableUpdateTime: .pausableUpdateTime
        case .periodicUpdateTime: .periodicUpdateTime
        case .resolutionTime: .totalResolutionTime
        }
    }
}

/// What a policy may have a target for: the metrics by the names that policies use, the first reply apart from the others.
package enum PolicyMetric: Int, Sendable, CaseIterable {
    case firstReplyTime = 0
    case nextReplyTime = 1
    case requesterWaitTime = 2
    case agentWorkTime = 3
    case pausableUpdateTime = 4
    case periodicUpdateTime = 5
    case totalResolutionTime = 6

    /// As the API writes it.
    package var name: String {
        switch self {
        case .firstReplyTime: "first_reply_time"
        case .nextReplyTime: "next_reply_time"
        case .requesterWaitTime: "requester_wait_time"
        case .agentWorkTime: "agent_work_time"
        case .pausableUpdateTime: "pausable_update_time"
        case .periodicUpdateTime: "periodic_update_time"
        case .totalResolutionTime: "total_resolution_time"
        }
    }

    package init?(name: String) {
        guard let found = PolicyMetric.allCases.first(where: { $0.name == name }) else {
            return nil
        }
        self = found
    }
}

/// What a ticket's status means to its clocks.
package enum TicketPhase: UInt8, Sendable {
    /// New or open.
    case working = 0
    case pending = 1
    case hold = 2
    /// Solved or closed.
    case solved = 3

    package init(_ status: TicketStatus) {
        switch status {
        case .new, .open: self = .working
        case .pending: self = .pending
        case .hold: self = .hold
        case .solved, .closed: self = .solved
        }
    }
}
