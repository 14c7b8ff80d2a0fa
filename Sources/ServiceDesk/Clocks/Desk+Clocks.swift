import ShardStore
package import Wire

extension Ticket {
    /// The ticket's clocks; of a ticket whose state cannot be read, new ones.
    package var clocks: TicketClocks {
        if let clocks = TicketClocks(clockState, createdAt: createdAt) { return clocks }
        var events: [ClockEvent] = []
        return TicketClocks(
            createdAt: createdAt, status: status, comment: nil, targets: { _ in nil },
            calendar: nil, events: &events)
    }

    /// What a write leaves of the ticket's clocks.
    fileprivate mutating func keep(_ clocks: TicketClocks, _ calendar: WorkingHours?) {
        var clocks = clocks
        // The changes of phase are there for schedules, and stand in each write of the row.
        if calendar == nil { clocks.foldPast() }
        clockState = clocks.encoded
        nextBreachAt = clocks.nextBreach(calendar: calendar)
    }
}

extension Desk where Rows == WritableRows {
    /// The targets of the first policy that matches; what is imported is promised nothing.
    private func targets(
        for ticket: Ticket, before old: Ticket?
    ) throws -> (PolicyMetric) -> ClockTarget? {
        let policies = try rows.ruleBook().policies
        guard !policies.isEmpty, now == rows.now, ticket.status < .solved else {
            return { _ in nil }
        }
        let subject = RuleSubject(
            ticket, before: old, updater: principal, channel: via.channel, now: now)
        let policy = policies.first { $0.conditions.hold(for: subject) }
        return { policy?.target($0, ticket.priority) }
    }

    /// Starts the clocks of a new ticket.
    /// - Parameter comment: the first one; nil when it is private.
    func startClocks(
        of ticket: inout Ticket, comment: TicketClocks.PublicComment?
    ) throws -> [ClockEvent] {
        var events: [ClockEvent] = []
        let calendar = try rows.calendars().calendar(of: ticket)
        let clocks = TicketClocks(
            createdAt: ticket.createdAt, status: ticket.status, comment: comment,
            targets: try targets(for: ticket, before: nil), calendar: calendar, events: &events)
        ticket.keep(clocks, calendar)
        return events
    }

    /// Moves a ticket's clocks on with an update of it.
    func moveClocks(
        of ticket: inout Ticket, from old: Ticket, comment: TicketClocks.PublicComment?
    ) throws -> [ClockEvent] {
        var clocks = old.clocks
        // Where nobody promises anything, most updates do not touch a clock.
        if comment == nil, TicketPhase(ticket.status) == TicketPhase(old.status),
            !clocks.hasTargets, try rows.ruleBook().policies.isEmpty
        {
            return []
        }
        var events: [ClockEvent] = []
        let calendars = try rows.calendars()
        clocks.follow(calendars.editedAt, now: now)
        if ticket.scheduleID != old.scheduleID {
            // Another schedule from here on: what was due by the one before breaches by it.
            let before = now.advanced(byMilliseconds: -1)
            clocks.advance(to: before, calendar: calendars.calendar(of: old), events: &events)
            clocks.scheduleChanged(at: now)
        }
        let calendar = calendars.calendar(of: ticket)
        clocks.change(
            at: now, to: ticket.status, comment: comment,
            targets: try targets(for: ticket, before: old), calendar: calendar, events: &events)
        ticket.keep(clocks, calendar)
        ticket.noteBreaches(events)
        return events
    }

    /// Lets breach what is due before now.
    func advanceClocks(of ticket: inout Ticket) throws {
        let calendars = try rows.calendars()
        let calendar = calendars.calendar(of: ticket)
        var clocks = ticket.clocks
        clocks.follow(calendars.editedAt, now: now)
        var events: [ClockEvent] = []
        clocks.advance(to: now.advanced(byMilliseconds: -1), calendar: calendar, events: &events)
        ticket.keep(clocks, calendar)
        guard !events.isEmpty else { return }
        ticket.noteBreaches(events)
        let id = rows.makeIdentifier(count: 1 + events.count)
        try rows.run(
            "INSERT INTO clock_events VALUES (?1, ?2, ?3, ?4, ?5)", ticket.id, id,
            now.milliseconds, ClockLog.encode(events, firstID: id + 1, row: id, time: now))
    }

    /// Looks at a ticket's clocks by the schedules as they are now.
    func recomputeClocks(of ticket: inout Ticket) throws {
        guard ticket.status < .solved else { return }
        let calendars = try rows.calendars()
        var clocks = ticket.clocks
        clocks.follow(calendars.editedAt, now: now)
        ticket.keep(clocks, calendars.calendar(of: ticket))
    }
}

extension TicketClocks {
    /// Knows that a schedule was edited, if that was after the last change. What is imported lived before.
    fileprivate mutating func follow(_ editedAt: Timestamp, now: Timestamp) {
        if editedAt > changedAt && editedAt <= now { scheduleChanged(at: editedAt) }
    }
}

extension Ticket {
    fileprivate mutating func noteBreaches(_ events: [ClockEvent]) {
        for event in events {
            if case .breached = event.kind { breachedAt = event.time }
        }
    }
}

/// What a ticket's clocks say now.
package struct TicketTimes: Sendable, Equatable {
    /// A metric with a target, as agents see it.
    package struct Promise: Sendable, Equatable {
        package enum Stage: String, Sendable { case active, paused }
        package let metric: PolicyMetric
        package let target: ClockTarget
        package let stage: Stage
        /// When it breaches, or did; nil while it is paused, and when the calendar never comes so far.
        package let breachAt: Timestamp?
        package let isBreached: Bool
    }

    package let reply: ElapsedTime?
    package let firstResolution: ElapsedTime?
    package let fullResolution: ElapsedTime?
    package let agentWait: ElapsedTime
    package let requesterWait: ElapsedTime
    package let hold: ElapsedTime
}

extension Desk {
    /// How long a ticket has waited for what, up to now, in all time and in working time by the schedule as it is now.
    package func times(of ticket: Ticket) throws -> TicketTimes {
        let calendar = try rows.calendars().calendar(of: ticket)
        func since(_ end: Timestamp?) -> ElapsedTime? {
            end.map { calendar.elapsed(from: ticket.createdAt, to: $0) }
        }
        let totals = ticket.clocks.statusTime.totals(until: now, calendar: calendar)
        return TicketTimes(
            reply: since(ticket.metrics.firstReplyAt),
            firstResolution: since(ticket.metrics.firstSolvedAt),
            fullResolution: since(ticket.metrics.solvedAt), agentWait: totals.pending,
            requesterWait: totals.working + totals.hold, hold: totals.hold)
    }

    /// What the ticket's policy promises, the metrics in their order.
    package func promises(of ticket: Ticket) throws -> [TicketTimes.Promise] {
        let calendar = try rows.calendars().calendar(of: ticket)
        let clocks = ticket.clocks
        return ClockMetric.allCases.compactMap { metric in
            guard let open = clocks.openInstance(of: metric), let target = open.target else {
                return nil
            }
            return TicketTimes.Promise(
                metric: metric.policyMetric(instance: open.number), target: target,
                stage: open.isRunning ? .active : .paused,
                breachAt: open.isRunning
                    ? clocks.due(of: metric, calendar: calendar) : nil,
                isBreached: open.isBreached)
        }
    }
}
