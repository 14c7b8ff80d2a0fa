import SQLite
package import ShardStore
package import Wire

/// What time alone does to tickets: promises that are broken, automations, closing.
///
/// Each ticket's row says when it is looked at next (`timer_at`), set with every write of the row; an index has the tickets in that order. So
/// nothing is scanned, an idle desk costs nothing, and who takes over a shard finds all timers in its rows. What a timer does and the next
/// timer are written in one transaction: a change of leader repeats nothing and skips nothing.
package enum TicketTimers {
    /// Solved tickets are closed after so long whatever the desk's automations say, in milliseconds: 28 days.
    package static let closing: Int64 = 28 * 24 * 3_600_000
    /// A ticket is not looked at again within a minute when its timer has found nothing to do, and within an hour when it failed.
    static let pause: Int64 = 60_000
    static let pauseAfterFailure: Int64 = 3_600_000
    /// Numbers of tickets that one request looks at after a rule or schedule was changed.
    static let stepTickets: Int64 = 300
}

extension ShardReader {
    /// When the tenant's next ticket is due.
    package func nextTimer() throws -> Timestamp? {
        try first(
            """
            SELECT timer_at FROM tickets WHERE tenant = ?1 AND timer_at IS NOT NULL
            ORDER BY timer_at LIMIT 1
            """
        ) { Timestamp(rawValue: $0.int64(0)) }
    }
}

extension Desk where Rows == WritableRows {
    /// Says when time alone does something to a ticket next.
    func setTimer(of ticket: inout Ticket) throws {
        ticket.timerAt = nil
        guard ticket.deletedAt == nil, ticket.status != .closed else { return }
        var times: [Timestamp] = []
        // What happens in the very millisecond in which a promise ends is in time.
        if let breach = ticket.nextBreachAt { times.append(breach.advanced(byMilliseconds: 1)) }
        if ticket.status == .solved {
            times.append(
                ticket.statusUpdatedAt.advanced(byMilliseconds: TicketTimers.closing))
        }
        if let time = try nextAutomation(on: &ticket) { times.append(time) }
        ticket.timerAt = times.min()
        if let time = ticket.timerAt { rows.wake(at: time) }
    }

    /// When an automation fires next; lets those fire again whose conditions do not hold now.
    private func nextAutomation(on ticket: inout Ticket) throws -> Timestamp? {
        let automations = try rows.ruleBook().automations
        guard !automations.isEmpty, !ticket.firings.isExhausted else { return nil }
        let subject = try subject(ticket)
        ticket.firings.rearm(at: rows.now) { rule in
            automations.first { $0.id == rule }?.conditions.hold(for: subject) ?? false
        }
        return automations.compactMap { automation -> Timestamp? in
            guard let start = ticket.firings.earliest(automation.id) else { return nil }
            return automation.conditions.earliest(
                for: subject, notBefore: max(start, rows.now))
        }.min()
    }

    private func subject(_ ticket: Ticket) throws -> RuleSubject {
        var subject = RuleSubject(
            ticket, before: ticket, updater: principal, channel: via.channel, now: rows.now)
        subject.calendar = try rows.calendars().calendar(of: ticket)
        return subject
    }

    /// Does to a ticket what is due.
    fileprivate func runTimer(of old: Ticket) throws {
        var ticket = old
        var hasFired = false
        try advanceClocks(of: &ticket)
        ticket = try update(from: old, to: ticket)
        for automation in try rows.ruleBook().automations where ticket.status != .closed {
            guard let start = ticket.firings.earliest(automation.id), start <= now,
                automation.conditions.hold(for: try subject(ticket))
            else { continue }
            ticket = try fire(automation, on: ticket)
            hasFired = true
        }
        let closing = ticket.statusUpdatedAt.advanced(byMilliseconds: TicketTimers.closing)
        if ticket.status == .solved && closing <= now {
            var changes = TicketChanges()
            changes.status = .closed
            ticket = try apply(changes, to: ticket, asksForFields: false).ticket
        }
        // What is due and has nothing to do must not be looked at again and again.
        if !hasFired, let next = ticket.timerAt, next <= now {
            try postpone(ticket.id, by: TicketTimers.pause)
        }
    }

    private func fire(_ automation: CompiledRule, on old: Ticket) throws -> Ticket {
        var run = TriggerRun(ticket: old)
        let source = TriggerRun.Source(
            kind: .automation, id: automation.id, title: automation.title)
        try fire(automation.actions, source, nil, &run)
        run.ticket.firings.fire(automation.id, at: now)
        if run.ticket.firings.isExhausted {
            run.failures.append(
                TriggerRun.Failure(
                    source: source,
                    reason:
                        "Automations have fired \(Firings.limit) times on this ticket and will not any more"
                ))
        }
        var quiet = old
        quiet.firings = run.ticket.firings
        // What changed nothing and sent nothing leaves no audit.
        if run.ticket == quiet && run.notices.isEmpty && run.failures.isEmpty {
            return try update(from: old, to: quiet)
        }
        _ = try settle(run, from: old)
        // What it has freed may have been given to somebody; the ticket's row is what counts.
        return try findTicket(old.id)!
    }

    /// - Parameter wait: milliseconds from now.
    fileprivate func postpone(_ id: Int64, by wait: Int64) throws {
        let time = now.advanced(byMilliseconds: wait)
        rows.wake(at: time)
        try rows.run(
            "UPDATE tickets SET timer_at = ?3 WHERE tenant = ?1 AND id = ?2", id,
            time.milliseconds)
    }
}

extension ShardTransaction {
    /// The desk itself, which no user asks.
    var system: WritingDesk {
        Desk(rows: self, principal: Principal(userID: -1, role: .admin), via: Via(channel: .system))
    }

    /// Does what is due on the tenant's tickets, the longest due first, and says on how many.
    /// - Parameter isReplay: whether it is gone through again what once happened.
    package func runTimers(limit: Int, isReplay: Bool = false) throws -> Int {
        var desk = system
        desk.isReplay = isReplay
        let ids = try all(
            """
            SELECT id FROM tickets WHERE tenant = ?1 AND timer_at <= ?2
            ORDER BY timer_at, id LIMIT ?3
            """, now.milliseconds, limit
        ) { $0.int64(0) }
        for id in ids {
            do {
                try savepoint {
                    guard let ticket = try desk.findTicket(id) else { return }
                    try desk.runTimer(of: ticket)
                }
            } catch is DeskRefusal {
                // One ticket that cannot be written must not keep the others from their time.
                try desk.postpone(id, by: TicketTimers.pauseAfterFailure)
            }
        }
        if let next = try nextTimer() { wake(at: next) }
        return ids.count
    }

    /// Sets timers anew after an automation or a schedule was changed: those of as many tickets as one request may look at.
    /// - Parameter anew: from the first ticket on; otherwise where the last step ended.
    /// - Returns: whether all are set.
    package func recheckTimers(anew: Bool) throws -> Bool {
        let start = anew ? 1 : try count(.ticketsToRecheck)
        guard start != 0 else { return true }
        let end = start - 1 + TicketTimers.stepTickets
        let desk = system
        let tickets = try all(
            """
            SELECT \(Ticket.columns) FROM tickets WHERE tenant = ?1 AND id >= ?2 AND id < ?3
            AND status < 5 AND deleted_at IS NULL
            """, start - 1, end, read: Ticket.init)
        for old in tickets {
            var ticket = old
            try desk.recomputeClocks(of: &ticket)
            try desk.update(from: old, to: ticket)
        }
        let isDone = try end > count(.nextTicket)
        try set(.ticketsToRecheck, to: isDone ? 0 : end + 1)
        return isDone
    }
}
