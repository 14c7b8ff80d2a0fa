package import Wire

/// When a ticket was in which phase: what its clocks are computed from, and how long it was pending, on hold and worked on.
///
/// Working time is by the schedule in force when it is asked for, also for the past, so each change of phase is kept, up to
/// `spanLimit` of them. Beyond that the oldest span is folded into sums: calendar time stays exact, and working time stays as the
/// schedule had it that was in force then. An edit of the schedule reaches back over the last 64 changes of phase, no further.
package struct StatusTime: Sendable, Equatable {
    package static let spanLimit = 64

    struct Span: Sendable, Equatable {
        let phase: TicketPhase
        let start: Timestamp
    }

    struct ClosedSpan {
        let phase: TicketPhase
        let start: Timestamp
        let end: Timestamp
    }

    /// Of a ticket's whole life so far.
    package struct Totals: Sendable, Equatable {
        /// In new and open.
        package var working = ElapsedTime()
        package var pending = ElapsedTime()
        package var hold = ElapsedTime()

        /// All of it, in milliseconds.
        var calendar: Int64 { working.calendar + pending.calendar + hold.calendar }

        /// The time in which a metric runs.
        func time(of metric: ClockMetric) -> ElapsedTime {
            var sum = ElapsedTime()
            if metric.runs(in: .working) { sum += working }
            if metric.runs(in: .pending) { sum += pending }
            if metric.runs(in: .hold) { sum += hold }
            return sum
        }

        mutating func add(_ time: ElapsedTime, in phase: TicketPhase) {
            switch phase {
            case .working: working += time
            case .pending: pending += time
            case .hold: hold += time
            case .solved: break
            }
        }
    }

    /// Never empty, each until the start of the next and of another phase than that; the ticket is in the last.
    private(set) var spans: [Span]
    /// What lies before the first span.
    private(set) var folded: Totals

    init(_ phase: TicketPhase, since start: Timestamp) {
        self.init(spans: [Span(phase: phase, start: start)], folded: Totals())
    }

    init(spans: [Span], folded: Totals) {
        self.spans = spans
        self.folded = folded
    }

    package var phase: TicketPhase { spans[spans.count - 1].phase }

    /// - Parameter calendar: nil when every minute is worked.
    package func totals(until end: Timestamp, calendar: WorkingHours?) -> Totals {
        var totals = folded
        for (place, span) in spans.enumerated() where span.phase != .solved {
            let end = place + 1 < spans.count ? spans[place + 1].start : end
            totals.add(calendar.elapsed(from: span.start, to: end), in: span.phase)
        }
        return totals
    }

    /// Calls `body` with the stretches in which a metric's instance runs, as far as they are not folded: where each begins, and
    /// where it ends, nil when it still runs.
    func forEachStretch(
        of metric: ClockMetric, since: Timestamp, _ body: (Timestamp, Timestamp?) -> Void
    ) {
        var begun: Timestamp?
        for span in spans {
            if metric.runs(in: span.phase) {
                if begun == nil { begun = span.start }
            } else if let start = begun {
                if span.start > since { body(max(start, since), span.start) }
                begun = nil
            }
        }
        if let begun { body(max(begun, since), nil) }
    }

    /// A change of phase; a phase that lasted no time leaves nothing.
    mutating func move(to phase: TicketPhase, at time: Timestamp) {
        guard phase != self.phase else { return }
        if spans[spans.count - 1].start == time { spans.removeLast() }
        if spans.last?.phase != phase { spans.append(Span(phase: phase, start: time)) }
    }

    /// Folds the oldest span when there are more than `limit`, and says which it was.
    mutating func fold(calendar: WorkingHours?, keeping limit: Int = spanLimit) -> ClosedSpan? {
        guard spans.count > limit else { return nil }
        let oldest = spans.removeFirst()
        let span = ClosedSpan(phase: oldest.phase, start: oldest.start, end: spans[0].start)
        if span.phase != .solved {
            folded.add(calendar.elapsed(from: span.start, to: span.end), in: span.phase)
        }
        return span
    }
}
