package import Wire

/// Something that happened to one of a ticket's clocks: the API's "metric event".
package struct ClockEvent: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// The instance began to run, or runs again.
        case activated
        case paused
        case fulfilled
        /// How long it had run when it was paused or fulfilled.
        case measured(ElapsedTime)
        /// The target from here on; nil when it lost the one it had.
        case targetApplied(ClockTarget?)
        case breached(ClockTarget)

        /// The event's type, as the API writes it.
        package var name: String {
            switch self {
            case .activated: "activate"
            case .paused: "pause"
            case .fulfilled: "fulfill"
            case .measured: "update_status"
            case .targetApplied: "apply_sla"
            case .breached: "breach"
            }
        }
    }

    package let time: Timestamp
    package let metric: ClockMetric
    /// From 1 on.
    package let instance: Int
    package let kind: Kind
}

/// How long an instance of a metric may run, and which policy says so.
package struct ClockTarget: Sendable, Equatable {
    /// Longer than any policy means, and short enough to be computed with.
    package static let longestMinutes: Int64 = 1_000_000_000

    package let policyID: Int64
    package let minutes: Int64
    /// Whether the minutes are working time.
    package let isBusiness: Bool

    /// - Parameter minutes: 0 to `longestMinutes`.
    package init(policyID: Int64, minutes: Int64, isBusiness: Bool) {
        precondition(
            (0...Self.longestMinutes).contains(minutes), "policies are checked when they are saved")
        self.policyID = policyID
        self.minutes = minutes
        self.isBusiness = isBusiness
    }

    var milliseconds: Int64 { minutes * 60_000 }
}

/// A length of time, all of it and the working time in it, in milliseconds.
package struct ElapsedTime: Sendable, Equatable {
    package var calendar: Int64 = 0
    package var business: Int64 = 0

    /// Whole minutes, rounded down.
    package var calendarMinutes: Int64 { calendar / 60_000 }
    package var businessMinutes: Int64 { business / 60_000 }

    package static func + (a: ElapsedTime, b: ElapsedTime) -> ElapsedTime {
        ElapsedTime(calendar: a.calendar + b.calendar, business: a.business + b.business)
    }

    static func += (a: inout ElapsedTime, b: ElapsedTime) { a = a + b }
}

extension WorkingHours? {
    /// From one moment to another, nothing when that is not later; without a calendar every minute is worked.
    package func elapsed(from start: Timestamp, to end: Timestamp) -> ElapsedTime {
        let calendar = max(0, end.milliseconds - start.milliseconds)
        return ElapsedTime(
            calendar: calendar, business: self?.time(from: start, to: end) ?? calendar)
    }
}
