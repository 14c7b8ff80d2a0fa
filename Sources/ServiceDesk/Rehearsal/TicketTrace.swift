import ShardStore

/// What rules had to do with one audit of a ticket.
package struct AuditTrace: Sendable {
    /// A rule that the audit names.
    package struct Act: Sendable, Equatable {
        package let kind: RuleKind
        package let ruleID: Int64
        /// As it was then.
        package let title: String
        /// Audited fields whose value it is.
        package let fields: [String]
        package let notices: Int
        /// Why it failed.
        package let failures: [String]
    }

    /// One of today's triggers on the ticket as it was then.
    package struct Look: Sendable, Equatable {
        package let ruleID: Int64
        package let title: String
        /// Whether its conditions held as the audit's author left the ticket, and as the audit left it in the end.
        package let heldAtFirst: Bool
        package let heldAtLast: Bool
        /// What kept it back at first when neither holds: a condition under `all`, or, with `any`, that none of them held.
        package let heldBackBy: ConditionText?
        package let isAny: Bool
        package let acted: Bool
    }

    package let audit: Audit
    package let acts: [Act]
    /// Nil when nobody asked for them.
    package let looks: [Look]?
}

extension Desk {
    /// Audits of a ticket from which it can be made again.
    private static var historyLimit: Int { 5000 }

    /// Which rules acted on a ticket, audit by audit.
    package func trace(ofTicket id: Int64, _ page: PageRequest) throws -> Page<AuditTrace> {
        try require(.read, .rehearsals)
        return try audits(ofTicket: id, page).map { audit in
            AuditTrace(audit: audit, acts: Self.acts(AuditEvents(audit)), looks: nil)
        }
    }

    /// The same of one audit, with what each of the desk's triggers saw then. The rules are today's; the ticket is made again from its
    /// audits up to that one.
    package func trace(ofTicket id: Int64, audit auditID: Int64) throws -> AuditTrace {
        try require(.read, .rehearsals)
        let present = try ticket(id)
        let audits = try rows.all(
            """
            SELECT \(Audit.columns) FROM audits WHERE tenant = ?1 AND ticket_id = ?2 AND id <= ?3
            ORDER BY id LIMIT ?4
            """, id, auditID, Self.historyLimit + 1, read: Audit.init)
        guard audits.count <= Self.historyLimit else {
            throw DeskRefusal.badRequest(
                name: "InvalidRequest",
                "A ticket is made again from at most \(Self.historyLimit) audits")
        }
        guard let audit = audits.last, audit.id == auditID else { throw DeskRefusal.notFound }
        var past = PastTicket(present, try rows.catalog()) { id in
            try findUser(id)?.role.isStaff ?? false
        }
        for earlier in audits.dropLast() {
            try past.live(through: earlier, AuditEvents(earlier))
        }
        let events = AuditEvents(audit)
        let book = try rows.ruleBook()
        var whole = past
        let before = try whole.live(through: audit, events)
        guard let after = whole.ticket else { throw DeskRefusal.notFound }
        let first = try past.authorsPart(
            of: audit, events, from: before, ruleTags: Self.addedTags(book.triggers))
        let looks = try looks(
            of: book.triggers, at: audit, from: before, first: first, last: after,
            acted: Set(events.sources.filter { $0.kind == .trigger }.map(\.id)))
        return AuditTrace(audit: audit, acts: Self.acts(events), looks: looks)
    }

    private func looks(
        of triggers: [CompiledRule], at audit: Audit, from before: Ticket?, first: Ticket,
        last: Ticket, acted: Set<Int64>
    ) throws -> [AuditTrace.Look] {
        let updater = try principal(ofAuthor: audit.authorID)
        let comment = audit.comment.map {
            RuleSubject.Comment(body: $0.body, isPublic: $0.isPublic)
        }
        let needsCalendar = triggers.contains(where: \.conditions.isOfTime)
        let calendars = needsCalendar ? try rows.calendars() : nil
        func tracer(_ ticket: Ticket) -> RuleTracer {
            let tracer = RuleTracer()
            var subject = RuleSubject(
                ticket, before: before, comment: comment, updater: updater,
                channel: audit.channel, now: audit.createdAt)
            subject.calendar = calendars?.calendar(of: ticket)
            for trigger in triggers { tracer.look(at: trigger, subject) }
            return tracer
        }
        return zip(tracer(first).trace.steps, tracer(last).trace.steps).map { first, last in
            let isHeldBack = first.firedAs == nil && last.firedAs == nil
            return AuditTrace.Look(
                ruleID: first.ruleID, title: first.title, heldAtFirst: first.firedAs != nil,
                heldAtLast: last.firedAs != nil,
                heldBackBy: isHeldBack ? first.heldBackBy : nil,
                isAny: isHeldBack && first.isAny, acted: acted.contains(first.ruleID))
        }
    }

    /// Who made an audit, by what they are today; also those who have left.
    func principal(ofAuthor id: Int64) throws -> Principal {
        do { return try Authenticator.principal(userID: id, in: rows) } catch DeskRefusal
            .unauthenticated
        {
            guard let user = try findUser(id) else { return Principal(userID: id, role: .admin) }
            return Principal(
                userID: id, role: user.role, onlyPrivateComments: user.onlyPrivateComments,
                name: user.name, email: user.email)
        }
    }

    /// Tags that rules add.
    static func addedTags(_ rules: [CompiledRule]) -> Set<String> {
        var tags: Set<String> = []
        for rule in rules {
            for action in rule.actions {
                switch action {
                case .addTags(let added), .setTags(let added): tags.formUnion(added)
                default: continue
                }
            }
        }
        return tags
    }

    private static func acts(_ events: AuditEvents) -> [AuditTrace.Act] {
        events.sources.compactMap { source in
            guard let kind = source.kind else { return nil }
            return AuditTrace.Act(
                kind: kind, ruleID: source.id, title: source.title,
                fields: events.changes.filter { $0.source == source }.map(\.field),
                notices: events.notifications.count { $0.source == source },
                failures: events.failures.filter { $0.source == source }.map(\.reason))
        }
    }
}
