import Wire

/// When conditions come true by time alone: what timers are set by.
extension Conditions {
    /// How often the conditions are gone through to find a moment at which all hold.
    private static let roundLimit = 32

    /// The earliest moment, not before `start`, at which the conditions may hold if nobody touches the ticket; nil when time does not make
    /// them hold.
    ///
    /// They need not hold then: whoever waits for the moment looks at them again. They do not hold before it.
    func earliest(for subject: RuleSubject, notBefore start: Timestamp) -> Timestamp? {
        // Most tickets fail at a condition that time does not change.
        for condition in all where !condition.changesWithTime && !condition.holds(for: subject) {
            return nil
        }
        var moment = start
        for _ in 0..<Self.roundLimit {
            var next = moment
            for condition in all where condition.changesWithTime {
                guard let time = condition.earliest(for: subject, notBefore: next) else {
                    return nil
                }
                next = time
            }
            if !any.isEmpty {
                let times = any.compactMap { $0.earliest(for: subject, notBefore: next) }
                guard let first = times.min() else { return nil }
                next = first
            }
            if next == moment { return moment }
            moment = next
        }
        return moment
    }
}

extension Condition {
    /// Whether it may come true or false without anybody touching the ticket.
    var changesWithTime: Bool {
        switch (field, test) {
        case (.hours, _), (.isWorkingTime, _): true
        case (_, .value(.isWithinPrevious)), (_, .value(.isWithinNext)): true
        default: false
        }
    }

    /// The first moment, not before `start`, at which it holds; nil when there is none to come.
    fileprivate func earliest(for subject: RuleSubject, notBefore start: Timestamp) -> Timestamp? {
        switch (field, test) {
        case (.hours(let moment), .elapsed(let elapsed)):
            guard let time = moment.time(of: subject.ticket) else { return nil }
            let calendar = elapsed.isBusiness ? subject.calendar : nil
            let span =
                moment.isToCome
                ? elapsed.span(before: time, from: start, calendar)
                : elapsed.span(after: time, calendar)
            return span?.first(notBefore: start)
        case (.isWorkingTime, .flag(let isWorked)):
            guard let calendar = subject.calendar else { return isWorked ? start : nil }
            return calendar.next(isWorked: isWorked, notBefore: start)
        case (.custom(let id), .value(.isWithinPrevious(let days))):
            return Self.day(subject, id, from: 0, to: days)?.first(notBefore: start)
        case (.custom(let id), .value(.isWithinNext(let days))):
            return Self.day(subject, id, from: -days, to: 0)?.first(notBefore: start)
        default: return holds(for: subject) ? start : nil
        }
    }

    /// From a field's day plus some days to the end of the day plus others.
    private static func day(
        _ subject: RuleSubject, _ field: Int64, from: Int64, to: Int64
    ) -> TimeSpan? {
        guard let day = subject.values[field]?.texts.first.flatMap({ CalendarDay($0) }) else {
            return nil
        }
        let length: Int64 = 86_400_000
        return TimeSpan(
            start: Timestamp(milliseconds: (day.rawValue + from) * length),
            end: Timestamp(milliseconds: (day.rawValue + to + 1) * length))
    }
}

/// From a moment to another, which does not belong to it; without end when that is nil.
private struct TimeSpan {
    let start: Timestamp
    let end: Timestamp?

    func first(notBefore moment: Timestamp) -> Timestamp? {
        let first = max(start, moment)
        if let end, first >= end { return nil }
        return first
    }
}

extension Condition.Elapsed {
    private static let hour: Int64 = 3_600_000

    /// When it holds for what was at `time`; nil when the calendar never comes so far.
    fileprivate func span(after time: Timestamp, _ calendar: WorkingHours?) -> TimeSpan? {
        func moment(_ length: Int64) -> Timestamp? {
            guard let calendar else { return time.advanced(byMilliseconds: length) }
            return calendar.moment(length, after: time)
        }
        switch relation {
        case .within:
            return moment(milliseconds).map {
                TimeSpan(start: $0, end: moment(milliseconds + Self.hour))
            }
        case .moreThan: return moment(milliseconds + 1).map { TimeSpan(start: $0, end: nil) }
        case .lessThan: return TimeSpan(start: time, end: moment(milliseconds))
        }
    }

    /// When it holds for what comes at `time`, as far as that is not before `start`.
    fileprivate func span(
        before time: Timestamp, from start: Timestamp, _ calendar: WorkingHours?
    ) -> TimeSpan? {
        /// The first moment from which less than a length is left.
        func moment(_ length: Int64) -> Timestamp {
            guard let calendar else { return time.advanced(byMilliseconds: 1 - length) }
            var (low, high) = (start.milliseconds, time.milliseconds + 1)
            while low < high {
                let middle = low + (high - low) / 2
                if calendar.time(from: Timestamp(milliseconds: middle), to: time) < length {
                    high = middle
                } else {
                    low = middle + 1
                }
            }
            return Timestamp(milliseconds: low)
        }
        guard start <= time else { return nil }
        let after = time.advanced(byMilliseconds: 1)
        switch relation {
        case .within:
            return TimeSpan(start: moment(milliseconds + Self.hour), end: moment(milliseconds))
        case .lessThan: return TimeSpan(start: moment(milliseconds), end: after)
        case .moreThan: return TimeSpan(start: start, end: moment(milliseconds + 1))
        }
    }
}
