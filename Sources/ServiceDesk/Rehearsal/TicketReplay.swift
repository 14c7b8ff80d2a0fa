import SQLite
import ShardStore
import Wire

/// A ticket with all that was written about it.
struct RecordedTicket {
    let present: Ticket
    /// In their order.
    let audits: [Audit]
    /// The first that is gone through again; those before it are taken as they are.
    let start: Int
}

/// What became of a ticket when its life was gone through again under some rules.
struct TicketCourse {
    /// One audit that was gone through, or what time alone did between two.
    struct Step {
        /// Its order among the steps: the audit's place, what time did before it, when.
        struct Place: Hashable, Comparable {
            let audit: Int
            let isAudit: Bool
            let at: Timestamp
            static func < (a: Place, b: Place) -> Bool {
                (a.audit, a.isAudit ? 1 : 0, a.at) < (b.audit, b.isAudit ? 1 : 0, b.at)
            }
        }
        let place: Place
        /// The ticket afterwards; nil while there is none.
        var ticket: Ticket?
        /// Rules that fired, in their order.
        var fired: [TriggerRun.Source] = []
        var notices: [(source: TriggerRun.Source, notice: Notice)] = []
        var failures: [TriggerRun.Failure] = []
        /// By audited field, which rule gave it its value.
        var setters: [String: TriggerRun.Source] = [:]
        /// Why the update could not be made.
        var refusal: String?
        /// Whether the record was taken for it.
        var isFact = false
    }

    /// A promise of an SLA policy that was broken.
    struct Breach: Equatable {
        let metric: String
        let instance: Int
        let policyID: Int64
        let at: Timestamp
    }

    var steps: [Step] = []
    var breaches: [Breach] = []
    /// Audits after which the ticket was another than on record, in another way than after the one before.
    var mismatches = 0
}

/// Goes through a ticket's life again, from its author's part of each audit, by the code that wrote them, and by the rules that are in the rows.
struct TicketReplay {
    let recorded: RecordedTicket
    let rows: ShardTransaction
    /// Whose the record's rows are.
    let record: TenantID
    let catalog: FieldCatalog
    /// Tags that the desk's own rules add.
    let ruleTags: Set<String>
    /// From when on rules run; before it the record is taken.
    let since: Timestamp
    /// Until when time passes after the last audit.
    let end: Timestamp
    /// Steps of another course that had to be taken from the record: these are too. Nil where the record may always be taken.
    let facts: Set<TicketCourse.Step.Place>?

    /// Times that a ticket is looked at by time alone between two audits.
    private static let timerLimit = 2000
    /// What is written so long after it happened was imported.
    private static let importAfter: Int64 = 60_000

    private var id: Int64 { recorded.present.id }

    func run() throws -> TicketCourse {
        var course = TicketCourse()
        var past = PastTicket(recorded.present, catalog) { id in
            try desk(as: -1, at: rows.now).findUser(id)?.role.isStaff ?? false
        }
        for audit in recorded.audits[..<recorded.start] {
            let events = AuditEvents(audit)
            let before = try past.live(through: audit, events)
            past.ticket = try past.ticket.map { try timed($0, from: before, audit, events) }
        }
        try rows.run("DELETE FROM tickets WHERE tenant = ?1 AND id = ?2", id)
        if let ticket = past.ticket { try begin(with: ticket) }
        var mismatch: [String] = []
        for (place, audit) in recorded.audits.enumerated().dropFirst(recorded.start) {
            try passTime(to: audit.createdAt, before: place, &course)
            let events = AuditEvents(audit)
            // What time did to it, it does again by itself.
            if audit.authorID >= 0 || audit.channel != .system {
                course.steps.append(try step(audit, events, place, past))
            }
            try past.live(through: audit, events)
            let found = try difference(from: past.ticket, to: course.steps.last?.ticket)
            if !found.isEmpty && found != mismatch { course.mismatches += 1 }
            mismatch = found
        }
        try passTime(to: end, before: recorded.audits.count, &course)
        course.breaches = try breaches()
        return course
    }

    private func breaches() throws -> [TicketCourse.Breach] {
        let desk = try desk(as: -1, at: rows.now)
        guard try desk.findTicket(id) != nil else { return [] }
        return try desk.metricEvents(ofTicket: id).compactMap { logged in
            guard case .breached(let target) = logged.event.kind, logged.event.time >= since else {
                return nil
            }
            let metric = logged.event.metric.policyMetric(instance: logged.event.instance)
            return TicketCourse.Breach(
                metric: metric.name, instance: logged.event.instance, policyID: target.policyID,
                at: logged.event.time)
        }
    }

    /// A ticket that is taken from the record with its clocks as the policies in the rows move them, and with the automations that have fired.
    private func timed(
        _ ticket: Ticket, from before: Ticket?, _ audit: Audit, _ events: AuditEvents
    ) throws -> Ticket {
        var ticket = ticket
        let desk = try desk(as: audit.authorID, at: audit.createdAt, audit.channel)
        var comment: TicketClocks.PublicComment?
        if let said = audit.comment, said.isPublic {
            let isStaff = try desk.findUser(said.authorID)?.role.isStaff ?? false
            comment = isStaff ? .agent : .endUser
        }
        if let before {
            _ = try desk.moveClocks(of: &ticket, from: before, comment: comment)
        } else {
            _ = try desk.startClocks(of: &ticket, comment: comment)
        }
        for source in events.sources where source.kind == .automation {
            ticket.firings.fire(source.id, at: audit.createdAt)
        }
        return ticket
    }

    private func desk(as user: Int64, at time: Timestamp, _ channel: Via.Channel = .system) throws
        -> WritingDesk
    {
        let rows = rows.at(time)
        let system = Principal(userID: -1, role: .admin)
        var desk = Desk(rows: rows, principal: system, via: Via(channel: channel))
        if user >= 0 {
            desk = Desk(
                rows: rows, principal: try desk.principal(ofAuthor: user),
                via: Via(channel: channel))
        }
        desk.isReplay = true
        return desk
    }

    /// Puts the ticket where its record has it at the beginning, with what rules' texts may say of what was before.
    private func begin(with ticket: Ticket) throws {
        try rows.run(Ticket.insertion, values: ticket.columnValues)
        try desk(as: -1, at: max(since, ticket.updatedAt)).update(from: ticket, to: ticket)
        let earlier = recorded.audits[..<recorded.start].filter { $0.comment != nil }
        let latest = [earlier.last, earlier.last { $0.comment?.isPublic == true }]
        for id in Set(latest.compactMap { $0?.id }).sorted() { try copy(audit: id) }
    }

    private func copy(audit: Int64) throws {
        let columns = Audit.columns.split(whereSeparator: { $0 == "," || $0.isWhitespace })
            .map { $0.dropFirst("audits.".count) }.joined(separator: ", ")
        try rows.run(
            """
            INSERT INTO audits (tenant, \(columns)) SELECT ?1, \(columns) FROM audits
            WHERE tenant = ?2 AND ticket_id = ?3 AND id = ?4
            """, record.rawValue, id, audit)
    }

    // MARK: Time

    /// Does what time alone does up to a moment: each thing when it is due.
    private func passTime(
        to limit: Timestamp, before place: Int, _ course: inout TicketCourse
    ) throws {
        var runs = 0
        while let due = try rows.nextTimer(), due <= limit, runs < Self.timerLimit {
            runs += 1
            let newest = try newestAudit()
            _ = try rows.at(due).runTimers(limit: 1, isReplay: true)
            guard try newestAudit() > newest else { continue }
            var step = TicketCourse.Step(
                place: .init(audit: place, isAudit: false, at: due))
            try finish(&step, after: newest)
            course.steps.append(step)
        }
    }

    private func newestAudit() throws -> Int64 {
        try rows.first(
            "SELECT max(id) FROM audits WHERE tenant = ?1 AND ticket_id = ?2", id,
            read: { $0.optionalInt64(0) ?? 0 }) ?? 0
    }

    // MARK: One audit

    private func step(
        _ audit: Audit, _ events: AuditEvents, _ place: Int, _ past: PastTicket
    ) throws -> TicketCourse.Step {
        var step = TicketCourse.Step(
            place: .init(audit: place, isAudit: true, at: audit.createdAt))
        var desk = try desk(as: audit.authorID, at: audit.createdAt, audit.channel)
        let current = try desk.findTicket(id)
        let newest = try newestAudit()
        let isImported =
            audit.writtenAt.milliseconds - audit.createdAt.milliseconds
            > Self.importAfter
        if events.isNote(audit) || isImported || facts?.contains(step.place) == true {
            step.isFact = isImported || facts?.contains(step.place) == true
            if step.isFact { try take(audit, events, current, past, desk) }
            try finish(&step, after: newest)
            return step
        }
        let tracer = RuleTracer()
        desk.tracer = tracer
        do {
            try rows.savepoint {
                try update(
                    current, desk,
                    TicketChanges(
                        byAuthorOf: audit, events, current: current, present: recorded.present,
                        ruleTags: ruleTags))
            }
            step.fired = tracer.trace.steps.filter { $0.firedAs != nil }.map {
                TriggerRun.Source(kind: .trigger, id: $0.ruleID, title: $0.title)
            }
        } catch let refusal as DeskRefusal {
            if facts == nil {
                // What it needs is not there any more, or the record does not say all.
                step.isFact = true
                try take(audit, events, current, past, desk)
            } else {
                step.refusal = refusal.words
            }
        }
        try finish(&step, after: newest)
        return step
    }

    private func update(
        _ current: Ticket?, _ desk: WritingDesk, _ changes: TicketChanges
    ) throws {
        if let current {
            _ = try desk.apply(changes, to: current)
        } else {
            try rows.set(.nextTicket, to: id - 1)
            _ = try desk.insertTicket(changes)
        }
    }

    /// Takes an audit as it is on record, with what rules did.
    private func take(
        _ audit: Audit, _ events: AuditEvents, _ current: Ticket?, _ past: PastTicket,
        _ desk: WritingDesk
    ) throws {
        let ticket = try timed(
            past.following(current, audit, events), from: current, audit, events)
        if let current {
            try desk.update(from: current, to: ticket)
        } else {
            try rows.run(Ticket.insertion, values: ticket.columnValues)
            try desk.update(from: ticket, to: ticket)
        }
        if audit.comment != nil { try copy(audit: audit.id) }
    }

    /// Says what is in the rows now.
    /// - Parameter newest: the ticket's last audit before.
    private func finish(_ step: inout TicketCourse.Step, after newest: Int64) throws {
        let desk = try desk(as: -1, at: step.place.at)
        step.ticket = try desk.findTicket(id)
        guard !step.isFact else { return }
        let audits = try rows.all(
            "SELECT \(Audit.columns) FROM audits WHERE tenant = ?1 AND ticket_id = ?2 AND id > ?3",
            id, newest, read: Audit.init)
        for events in audits.map(AuditEvents.init) {
            for change in events.changes { step.setters[change.field] = change.source }
            step.failures += events.failures
            for sent in events.notifications {
                guard let number = sent.noticeID, let source = sent.source,
                    let notice = try rows.first(
                        "SELECT \(Notice.columns) FROM notices WHERE tenant = ?1 AND id = ?2",
                        number, read: Notice.init)
                else { continue }
                step.notices.append((source, notice))
            }
            for source in events.sources where !step.fired.contains(where: { $0.id == source.id }) {
                step.fired.append(source)
            }
        }
    }

    // MARK: Comparing

    /// Audited fields that differ, each with both values, as texts.
    private func difference(from record: Ticket?, to ticket: Ticket?) throws -> [String] {
        guard let record, let ticket else {
            return record == nil && ticket == nil ? [] : ["ticket"]
        }
        var found: [String] = []
        try desk(as: -1, at: rows.now).forEachDifference(from: record, to: ticket) {
            found.append("\($0) \($1) \($2)")
        }
        return found
    }
}

extension Audit {
    /// When it was written, which is later than it happened for what was imported.
    fileprivate var writtenAt: Timestamp {
        Timestamp(milliseconds: (id >> 12) + IdentifierAllocator.epoch)
    }
}
