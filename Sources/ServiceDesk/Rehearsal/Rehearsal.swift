import SQLite
package import ShardStore
package import Wire

/// What is to be gone through again, and under which rules.
package struct RehearsalPlan: Sendable {
    /// Audits from here on are gone through again.
    package let since: Timestamp
    package let now: Timestamp
    package let rules: ProposedRules
    /// Tickets of one rehearsal, those touched last first; audits of one of them.
    package var ticketLimit = 10_000
    package var auditLimit = 2000
    /// Of the copy, in bytes.
    package var byteLimit: Int64 = 512 << 20
    package init(since: Timestamp, now: Timestamp, rules: ProposedRules) {
        self.since = since
        self.now = now
        self.rules = rules
    }
}

/// How far a rehearsal is, and how exact.
package struct RehearsalCounts: Sendable, Equatable {
    /// Tickets touched since the plan's beginning.
    package var tickets = 0
    /// Of those, how many are not gone through: beyond the limits, or deleted.
    package var leftOut = 0
    /// How many have been gone through.
    package var done = 0
    /// Audits that have been gone through.
    package var audits = 0
    /// Of those, how many had to be taken from the record, its rules' part included.
    package var facts = 0
    /// Of those, after how many the ticket was another than on record although the rules are the desk's own.
    package var mismatches = 0
    package init() {}
}

/// Goes through tickets' lives again under two sets of rules, in a copy of what the desk has.
///
/// The copy is a store of its own: the code that runs on it is the desk's, and nothing that it does reaches a shard. In it the desk's definitions and
/// people belong to one made-up tenant, and what is on record of the tickets to another. A ticket is gone through in a transaction that is taken
/// back, once under each set of rules. Tickets do not meet: no rule looks at two.
package final class Rehearsal {
    private let store: ShardStore
    private let plan: RehearsalPlan
    private let desk: TenantID
    private let record: TenantID
    private var ids: [Int64] = []
    package private(set) var counts = RehearsalCounts()

    /// Not copied: secrets, what is large, what other work left behind. What belongs to single tickets is copied with them.
    private static let leftOut: Set<String> = [
        "api_tokens", "attachment_chunks", "attachments", "audits", "idempotency", "jobs",
        "notices", "rules", "tags", "tickets", "uploads", "view_counts",
    ]

    /// - Parameters:
    ///   - path: of the copy; there must be no such file.
    ///   - number: different for each rehearsal of a process: what is kept compiled of one is not used in another.
    package init(path: String, plan: RehearsalPlan, number: Int64) throws {
        precondition(number > 0)
        self.plan = plan
        desk = TenantID(rawValue: -2 * number)
        record = TenantID(rawValue: -2 * number - 1)
        store = try ShardStore(
            path: path, shard: ShardID(rawValue: 1), schema: DeskSchema.schema, now: plan.since,
            options: ShardStoreOptions(
                cacheKilobytes: 8192, syncsCommits: false, capturesChanges: false))
    }

    // MARK: The copy

    /// Copies what is needed, as one snapshot has it.
    /// - Parameter pause: called now and then; what it throws ends the copy.
    /// - Throws: `CopyTooLarge`.
    package func copy(
        from connection: ShardReaderConnection, tenant: TenantID, pause: @escaping () throws -> Void
    ) throws {
        try connection.read(tenant: tenant, now: plan.now) { rows in
            let copy = TenantCopy(
                from: rows, into: store, byteLimit: plan.byteLimit, pause: pause)
            for (table, columns) in store.tables
            where !Self.leftOut.contains(table) && !columns.contains("ticket_id") {
                try copy.copy(table, as: desk, blank: table == "users" ? ["password"] : [])
            }
            try copyTickets(rows, copy)
            try copy.finish()
        }
    }

    private func copyTickets(_ rows: ShardReader, _ copy: TenantCopy) throws {
        let touched = try rows.all(
            """
            SELECT ticket_id, max(id) FROM audits WHERE tenant = ?1 AND id >= ?2
            AND created_at >= ?3 GROUP BY ticket_id
            """, max(0, plan.since.milliseconds - IdentifierAllocator.epoch) << 12,
            plan.since.milliseconds
        ) { (ticket: $0.int64(0), newest: $0.int64(1)) }
        counts.tickets = touched.count
        for (ticket, _) in touched.sorted(by: { $0.newest > $1.newest }).prefix(plan.ticketLimit) {
            let audits = try rows.first(
                "SELECT count(*) FROM audits WHERE tenant = ?1 AND ticket_id = ?2", ticket
            ) { $0.int(0) }
            guard audits ?? 0 <= plan.auditLimit,
                try copy.copy(
                    "tickets", as: record, where: "id = ?2 AND deleted_at IS NULL", [ticket]) == 1
            else { continue }
            try copy.copy("audits", as: record, where: "ticket_id = ?2", [ticket])
            ids.append(ticket)
        }
        counts.leftOut = touched.count - ids.count
        // Problems that incidents hang on must be there.
        try copy.finish()
        let problems = try store.read(tenant: record, now: plan.now) { rows in
            try rows.all(
                "SELECT DISTINCT problem_id FROM tickets WHERE tenant = ?1 AND problem_id IS NOT NULL"
            ) { $0.int64(0) }
        }
        for problem in problems {
            // Nothing is due on them here.
            try copy.copy(
                "tickets", as: desk, where: "id = ?2", [problem], blank: ["timer_at"])
        }
    }

    // MARK: Going through

    /// Goes through the next tickets; empty-handed also when nothing is different.
    /// - Parameter limit: how many tickets.
    package func step(tickets limit: Int) throws -> [RehearsalDifference] {
        let recorded = try ids[counts.done...].prefix(limit).compactMap { try read($0) }
        defer { counts.done = min(ids.count, counts.done + limit) }
        guard !recorded.isEmpty else { return [] }
        try use(plan.rules.now, stamp: 1)
        var courses: [TicketCourse] = []
        var ruleTags: Set<String> = []
        try onDesk { rows in ruleTags = Desk<ShardReader>.addedTags(try rows.ruleBook().triggers) }
        for ticket in recorded {
            courses.append(try course(of: ticket, ruleTags, facts: nil))
        }
        try use(plan.rules.then, stamp: 2)
        var found: [RehearsalDifference] = []
        for (ticket, now) in zip(recorded, courses) {
            let facts = Set(now.steps.filter(\.isFact).map(\.place))
            counts.audits += now.steps.count { $0.place.isAudit }
            counts.facts += facts.count
            counts.mismatches += now.mismatches
            let then = try course(of: ticket, ruleTags, facts: facts)
            found += try compare(ticket, now, then)
        }
        return found
    }

    package var isDone: Bool { counts.done >= ids.count }

    private func read(_ id: Int64) throws -> RecordedTicket? {
        try store.read(tenant: record, now: plan.now) { rows in
            let present = try rows.first(
                "SELECT \(Ticket.columns) FROM tickets WHERE tenant = ?1 AND id = ?2", id,
                read: Ticket.init)
            let audits = try rows.all(
                """
                SELECT \(Audit.columns) FROM audits WHERE tenant = ?1 AND ticket_id = ?2
                ORDER BY id
                """, id, read: Audit.init)
            guard let present else { return nil }
            return RecordedTicket(
                present: present, audits: audits,
                start: audits.firstIndex { $0.createdAt >= plan.since } ?? audits.count)
        }
    }

    private func course(
        of ticket: RecordedTicket, _ ruleTags: Set<String>,
        facts: Set<TicketCourse.Step.Place>?
    ) throws -> TicketCourse {
        var course = TicketCourse()
        try onDesk { rows in
            course = try TicketReplay(
                recorded: ticket, rows: rows, record: self.record, catalog: try rows.catalog(),
                ruleTags: ruleTags, since: self.plan.since, end: self.plan.now, facts: facts
            ).run()
        }
        return course
    }

    private func compare(
        _ ticket: RecordedTicket, _ now: TicketCourse, _ then: TicketCourse
    ) throws -> [RehearsalDifference] {
        var found: [RehearsalDifference] = []
        try onDesk { rows in
            let desk = Desk(rows: rows, principal: Principal(userID: -1, role: .admin))
            let titles = Dictionary(
                (self.plan.rules.now + self.plan.rules.then).filter { $0.kind == .policy }
                    .map { ($0.id, $0.title) }, uniquingKeysWith: { $1 })
            found = CourseComparison(recorded: ticket, now: now, then: then, policies: titles) {
                old, new, body in
                desk.forEachDifference(from: old, to: new) {
                    body($0, RuleValue($1), RuleValue($2))
                }
            }.differences()
        }
        return found
    }

    // MARK: Transactions

    /// Runs `body` on the desk's rows and takes back what it did.
    private func onDesk(_ body: @escaping (ShardTransaction) throws -> Void) throws {
        let batch = try store.prepare([ShardRequest(tenant: desk, body: body)], now: plan.now)
        try store.rollback()
        if case .thrown(let error) = batch.outcomes[0] { throw error }
    }

    /// Makes a set of rules the desk's.
    /// - Parameter stamp: different for each set; what is compiled of one is found by it.
    private func use(_ rules: [Rule], stamp: Int64) throws {
        let batch = try store.prepare(
            [
                ShardRequest(tenant: desk) { rows in
                    try rows.run("DELETE FROM rules WHERE tenant = ?1")
                    for rule in rules
                    where rule.isActive && RuleProposal.kinds.contains(rule.kind) {
                        try rows.keepRehearsed(rule)
                    }
                    try rows.set(.ruleStamp, to: stamp)
                }
            ], now: plan.now)
        if case .thrown(let error) = batch.outcomes[0] {
            try store.rollback()
            throw error
        }
        try store.commit()
    }
}

extension ShardTransaction {
    /// Writes a rule as it is, but for its failures, which begin anew.
    fileprivate func keepRehearsed(_ rule: Rule) throws {
        try run(
            """
            INSERT INTO rules (tenant, kind, id, active, position, updated_at, version, failures,
            failure, title, description, conditions, actions, restriction, output,
            counted_through, is_default, created_at)
            VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, 0, NULL, ?7, NULL, ?8, ?9, ?10, ?11, 0, 0, ?5)
            """, rule.kind.rawValue, rule.id, rule.position, rule.createdAt.milliseconds,
            rule.version, rule.title, RuleText.encode(rule.conditions),
            RuleText.encode(rule.actions), rule.restriction.text, rule.output.text)
    }
}
