package import Wire

/// The clocks of one ticket, and how they are moved on by what happens to it.
///
/// A value of bounded size: the ticket's last changes of phase (`StatusTime`) and one instance a metric. Whether an instance runs,
/// and how long it has, follows from the phases. `Tests/Oracles/README.md` has the definitions.
///
/// Each change appends what happened to `events`, in order, the breaches that were due before it first. After a change, and after
/// `advance`, `nextBreach` is the moment at which `advance` must be called again: one time a ticket is all that has to be looked up.
/// A moment before the last change counts as that of the last change.
package struct TicketClocks: Sendable, Equatable {
    /// A public comment, by who wrote it; private ones move no clock.
    package enum PublicComment: Sendable {
        case agent
        case endUser
    }

    /// The latest instance of a metric.
    struct Instance: Sendable, Equatable {
        /// 0 when there has not been one.
        var number = 0
        /// When it was activated first; nil when it is over. A lifelong one is over only while the ticket is solved, and keeps this.
        var since: Timestamp?
        var target: ClockTarget?
        /// Whether it has breached since the target was applied.
        var isBreached = false
        /// What it has run in spans that were folded; the ticket's totals say it of one that began with the ticket.
        var folded = ElapsedTime()
    }

    package let createdAt: Timestamp
    package private(set) var statusTime: StatusTime
    /// In the order of the metrics.
    private(set) var instances: [Instance]
    /// The last change or breach: what a change made overdue breaches then, and no event comes before it.
    private(set) var changedAt: Timestamp

    init(
        createdAt: Timestamp, statusTime: StatusTime, instances: [Instance], changedAt: Timestamp
    ) {
        self.createdAt = createdAt
        self.statusTime = statusTime
        self.instances = instances
        self.changedAt = changedAt
    }

    // MARK: What happens to a ticket

    /// A ticket is created. One that is created solved has its clocks activated and fulfilled at once, without targets.
    /// - Parameters:
    ///   - comment: the first comment; nil when it is private.
    ///   - targets: those of the policy that matches.
    ///   - calendar: nil when every minute is worked.
    package init(
        createdAt time: Timestamp, status: TicketStatus, comment: PublicComment?,
        targets: (PolicyMetric) -> ClockTarget?, calendar: WorkingHours?,
        events: inout [ClockEvent]
    ) {
        let phase = TicketPhase(status)
        let isSolved = phase == .solved
        self.init(
            createdAt: time,
            statusTime: StatusTime(isSolved ? .working : phase, since: time),
            instances: Array(repeating: Instance(), count: ClockMetric.allCases.count),
            changedAt: time)
        for metric in ClockMetric.allCases {
            if metric.isOfUpdates && (comment != .agent || isSolved) { continue }
            activateNext(metric, at: time, &events)
            if !metric.runs(in: statusTime.phase) { pause(metric, at: time, calendar, &events) }
            if !isSolved { apply(targets, to: metric, at: time, &events) }
        }
        if isSolved {
            change(
                at: time, to: status, comment: nil, targets: targets, calendar: calendar,
                events: &events)
        }
    }

    /// A ticket is updated, in whatever way.
    /// - Parameters:
    ///   - status: the one after the update.
    ///   - targets: those of the policy that matches the ticket after the update; not asked for when the ticket is solved.
    package mutating func change(
        at time: Timestamp, to status: TicketStatus, comment: PublicComment?,
        targets: (PolicyMetric) -> ClockTarget?, calendar: WorkingHours?,
        events: inout [ClockEvent]
    ) {
        let time = max(time, changedAt)
        advance(to: time.advanced(byMilliseconds: -1), calendar: calendar, events: &events)
        let (old, new) = (statusTime.phase, TicketPhase(status))
        for metric in ClockMetric.allCases {
            let isAnswered = comment == .agent && !metric.isLifelong
            var wasOpen = isOpen(metric)
            if wasOpen && (new == .solved || isAnswered) {
                fulfill(metric, at: time, calendar, &events)
                wasOpen = false
            }
            if new == .solved { continue }
            if wasOpen {
                switch (metric.runs(in: old), metric.runs(in: new)) {
                case (true, false): pause(metric, at: time, calendar, &events)
                case (false, true): record(.activated, of: metric, at: time, &events)
                default: break
                }
            } else if isBegun(metric, by: comment) {
                if metric.isLifelong {
                    record(.activated, of: metric, at: time, &events)
                } else {
                    activateNext(metric, at: time, &events)
                }
                if !metric.runs(in: new) { pause(metric, at: time, calendar, &events) }
            } else {
                continue
            }
            apply(targets, to: metric, at: time, &events)
        }
        statusTime.move(to: new, at: time)
        changedAt = time
        fold(calendar)
    }

    /// What the log says when a ticket goes on as if it had never been solved: what was fulfilled then runs, or stands, again.
    func goingOn(at time: Timestamp, calendar: WorkingHours?) -> [ClockEvent] {
        var events: [ClockEvent] = []
        for metric in ClockMetric.allCases where isOpen(metric) {
            record(.activated, of: metric, at: time, &events)
            if !metric.runs(in: statusTime.phase) { pause(metric, at: time, calendar, &events) }
        }
        return events
    }

    /// The schedule is another one from here on; `advance` by the one before first, and by the new one afterwards.
    package mutating func scheduleChanged(at time: Timestamp) { changedAt = max(time, changedAt) }

    /// Lets time pass up to and with a moment: whatever is due by then breaches.
    package mutating func advance(
        to time: Timestamp, calendar: WorkingHours?, events: inout [ClockEvent]
    ) {
        while let (metric, due) = firstBreach(calendar, notAfter: time),
            let target = self[metric].target
        {
            self[metric].isBreached = true
            changedAt = due
            record(.breached(target), of: metric, at: due, &events)
        }
    }

    /// When the next instance breaches if nothing else happens before, not earlier than the last change; nil when none will.
    package func nextBreach(calendar: WorkingHours?) -> Timestamp? {
        firstBreach(calendar, notAfter: nil)?.due
    }

    // MARK: What is asked

    /// The instance of a metric that is open.
    package struct OpenInstance: Sendable, Equatable {
        package let number: Int
        package let isRunning: Bool
        package let target: ClockTarget?
        package let isBreached: Bool
    }

    package func openInstance(of metric: ClockMetric) -> OpenInstance? {
        guard isOpen(metric) else { return nil }
        let instance = self[metric]
        return OpenInstance(
            number: instance.number, isRunning: metric.runs(in: statusTime.phase),
            target: instance.target, isBreached: instance.isBreached)
    }

    /// How long the latest instance of a metric has run; nothing when it is over and not lifelong.
    package func elapsed(of metric: ClockMetric, until time: Timestamp, calendar: WorkingHours?)
        -> ElapsedTime
    {
        guard let since = self[metric].since else { return ElapsedTime() }
        var sum = folded(metric)
        statusTime.forEachStretch(of: metric, since: since) { start, end in
            sum += calendar.elapsed(from: start, to: end ?? time)
        }
        return sum
    }

    /// When an instance that runs breaches, not earlier than the last change; nil when it will not, has already, or does not by
    /// `limit`.
    package func breach(
        of metric: ClockMetric, calendar: WorkingHours?, notAfter limit: Timestamp? = nil
    )
        -> Timestamp?
    {
        if self[metric].isBreached { return nil }
        // What a change made overdue is due then.
        if let limit, changedAt > limit { return nil }
        guard let due = due(of: metric, calendar: calendar, notAfter: limit) else { return nil }
        return max(due, changedAt)
    }

    /// When an instance that runs has run as long as its target; nil when it has none, does not run, or has not by `limit`.
    package func due(
        of metric: ClockMetric, calendar: WorkingHours?, notAfter limit: Timestamp? = nil
    ) -> Timestamp? {
        let instance = self[metric]
        guard let target = instance.target, let since = instance.since,
            metric.runs(in: statusTime.phase)
        else { return nil }
        var start = since
        let folded = folded(metric)
        var left = target.milliseconds - folded.calendar
        statusTime.forEachStretch(of: metric, since: since) { from, end in
            if let end {
                left -= end.milliseconds - from.milliseconds
            } else {
                start = from
            }
        }
        var due = start.advanced(byMilliseconds: max(0, left))
        // Working time does not run faster than time: most of what is not due need not be looked up in the calendar.
        if let limit, due > limit { return nil }
        if target.isBusiness, let calendar {
            left = target.milliseconds - folded.business
            statusTime.forEachStretch(of: metric, since: since) { from, end in
                if let end { left -= calendar.time(from: from, to: end) }
            }
            guard let moment = calendar.moment(left, after: start) else { return nil }
            due = moment
        }
        if let limit, due > limit { return nil }
        return due
    }

    /// Whether any instance, also one that is paused, has a target.
    var hasTargets: Bool { instances.contains { $0.target != nil } }

    private func firstBreach(_ calendar: WorkingHours?, notAfter limit: Timestamp?) -> (
        metric: ClockMetric, due: Timestamp
    )? {
        var first: (metric: ClockMetric, due: Timestamp)?
        for metric in ClockMetric.allCases {
            let limit = first?.due ?? limit
            guard let due = breach(of: metric, calendar: calendar, notAfter: limit) else {
                continue
            }
            if first == nil || due < first!.due { first = (metric, due) }
        }
        return first
    }

    // MARK: Steps

    private subscript(metric: ClockMetric) -> Instance {
        get { instances[metric.rawValue] }
        set { instances[metric.rawValue] = newValue }
    }

    private func isOpen(_ metric: ClockMetric) -> Bool {
        instances[metric.rawValue].since != nil && statusTime.phase != .solved
    }

    /// Whether an update begins an instance when none is open: a ticket that is not solved afterwards has open ones of all that are
    /// lifelong.
    private func isBegun(_ metric: ClockMetric, by comment: PublicComment?) -> Bool {
        metric.isLifelong || comment == (metric.isOfUpdates ? .agent : .endUser)
    }

    private mutating func activateNext(
        _ metric: ClockMetric, at time: Timestamp, _ events: inout [ClockEvent]
    ) {
        self[metric] = Instance(number: self[metric].number + 1, since: time)
        record(.activated, of: metric, at: time, &events)
    }

    private func pause(
        _ metric: ClockMetric, at time: Timestamp, _ calendar: WorkingHours?,
        _ events: inout [ClockEvent]
    ) {
        record(.paused, of: metric, at: time, &events)
        let elapsed = elapsed(of: metric, until: time, calendar: calendar)
        record(.measured(elapsed), of: metric, at: time, &events)
    }

    private mutating func fulfill(
        _ metric: ClockMetric, at time: Timestamp, _ calendar: WorkingHours?,
        _ events: inout [ClockEvent]
    ) {
        record(.fulfilled, of: metric, at: time, &events)
        let elapsed = elapsed(of: metric, until: time, calendar: calendar)
        record(.measured(elapsed), of: metric, at: time, &events)
        if !metric.isLifelong { self[metric] = Instance(number: self[metric].number) }
    }

    private mutating func apply(
        _ targets: (PolicyMetric) -> ClockTarget?, to metric: ClockMetric, at time: Timestamp,
        _ events: inout [ClockEvent]
    ) {
        let target = targets(metric.policyMetric(instance: self[metric].number))
        guard target != self[metric].target else { return }
        self[metric].target = target
        self[metric].isBreached = false
        record(.targetApplied(target), of: metric, at: time, &events)
    }

    private func record(
        _ kind: ClockEvent.Kind, of metric: ClockMetric, at time: Timestamp,
        _ events: inout [ClockEvent]
    ) {
        let instance = instances[metric.rawValue].number
        events.append(ClockEvent(time: time, metric: metric, instance: instance, kind: kind))
    }

    /// Gives up when the ticket changed its phase: sums are enough where every minute is worked. What is folded so keeps its time whatever
    /// schedule there will be.
    package mutating func foldPast() {
        while fold(nil, keeping: 1) {}
    }

    @discardableResult
    private mutating func fold(
        _ calendar: WorkingHours?, keeping limit: Int = StatusTime.spanLimit
    ) -> Bool {
        guard let span = statusTime.fold(calendar: calendar, keeping: limit) else { return false }
        for metric in ClockMetric.allCases
        where metric.runs(in: span.phase) {
            guard let since = self[metric].since, since != createdAt, since < span.end else {
                continue
            }
            self[metric].folded += calendar.elapsed(from: max(since, span.start), to: span.end)
        }
        return true
    }

    /// What the latest instance of a metric has run in spans that were folded.
    private func folded(_ metric: ClockMetric) -> ElapsedTime {
        self[metric].since == createdAt
            ? statusTime.folded.time(of: metric) : self[metric].folded
    }
}
