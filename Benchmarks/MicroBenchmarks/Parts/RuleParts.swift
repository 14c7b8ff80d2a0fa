import Measurement
import ServiceDesk
import ShardStore
import SupportAPI
import Wire

/// What rules and clocks look at in every update.
enum RuleParts {
    static let all: [HotPart] = [
        HotPart("conditions-5", "five conditions that all hold", iterations: 200_000) { run in
            try conditions(run, ConditionTexts(all: five), count: 1, held: 1)
        },
        HotPart(
            "conditions-500", "500 triggers of two conditions, of which ten hold", iterations: 1000
        ) { run in try conditions(run, nil, count: 500, held: 10) },
        HotPart(
            "clocks-update", "six clocks of a ticket moved on by an update and stored",
            iterations: 50_000
        ) { run in try clocks(run) },
    ]

    private static let five = [
        ConditionText(field: "status", test: "less_than", value: .text("solved")),
        ConditionText(field: "priority", test: "is", value: .text("high")),
        ConditionText(field: "update_type", test: "is", value: .text("Change")),
        ConditionText(field: "subject_includes_word", test: "includes", value: .text("invoice")),
        ConditionText(field: "current_tags", test: "includes", value: .text("vip")),
    ]

    /// One of 500 triggers: of five kinds, of which the fourth holds for every tenth number.
    private static func trigger(_ number: Int) -> ConditionTexts {
        let (field, test, value) = [
            ("update_type", "is", "Create"), ("priority", "changed_to", "urgent"),
            ("subject_includes_word", "includes", "refund\(number)"),
            ("current_tags", "includes", number % 50 == 3 ? "vip" : "other\(number)"),
            ("comment_includes_word", "includes", "refund"),
        ][number % 5]
        return ConditionTexts(all: [
            ConditionText(field: "status", test: "less_than", value: .text("closed")),
            ConditionText(field: field, test: test, value: .text(value)),
        ])
    }

    /// - Parameter texts: nil for those of `trigger`.
    private static func conditions(
        _ run: PartRun, _ texts: ConditionTexts?, count: Int, held: Int
    ) throws -> PartResult {
        let compiler = ConditionCompiler.plain(.trigger)
        let compiled = try (0..<count).map { try compiler.compile(texts ?? trigger($0)) }
        let shard = try run.shard()
        let before = try shard.store.read(tenant: shard.admins[0].tenant, now: shard.time) {
            try ReadingDesk(rows: $0, principal: Principal(userID: 1, role: .admin)).ticket(1)
        }
        var ticket = before
        ticket.subject = "Once more about the invoice of last week"
        ticket.priority = .high
        ticket.tags = ["printer", "vip"]
        ticket.status = .open
        let subject = RuleSubject(
            ticket, before: before,
            comment: RuleSubject.Comment(body: before.description, isPublic: true),
            updater: Principal(userID: 1, role: .admin), channel: .api, now: shard.time)
        var holding = 0
        let result = run.measure { _ in
            for conditions in compiled where conditions.hold(for: subject) { holding += 1 }
        }
        try run.expect(
            holding == held * run.turns,
            "\(holding) conditions held in \(run.turns) turns, \(held) each were to")
        return result
    }

    private static func clocks(_ run: PartRun) throws -> PartResult {
        let office = WorkingHours(
            zone: ZoneOffsets([ZoneOffsets.Change(from: .min, offset: 0)]),
            stretches: (1...5).map { .init(start: $0 * 1440 + 540, end: $0 * 1440 + 1020) })
        let created = Timestamp(milliseconds: 1_767_603_600_000)
        func target(_ metric: PolicyMetric) -> ClockTarget? {
            ClockTarget(
                policyID: 1, minutes: 100_000, isBusiness: metric == .totalResolutionTime)
        }
        var events: [ClockEvent] = []
        let fresh = TicketClocks(
            createdAt: created, status: .new, comment: .endUser, targets: target, calendar: office,
            events: &events)
        var bytes: [UInt8] = []
        var next: Timestamp?
        let minute: Int64 = 60_000
        var result = run.measure { turn in
            var clocks = fresh
            events.removeAll(keepingCapacity: true)
            clocks.change(
                at: created.advanced(byMilliseconds: minute * Int64(turn % 480 + 1)), to: .pending,
                comment: .agent, targets: target, calendar: office, events: &events)
            next = clocks.nextBreach(calendar: office)
            bytes = clocks.encoded
        }
        let clocks = TicketClocks(bytes, createdAt: created)
        try run.expect(clocks != nil, "the stored clocks cannot be read")
        try run.expect(clocks?.encoded == bytes, "other clocks came back")
        try run.expect(
            next != nil && next == clocks?.nextBreach(calendar: office),
            "the next breach is another one")
        try run.expect(
            clocks?.openInstance(of: .replyTime) == nil
                && events.contains { $0.metric == .replyTime },
            "the answer did not end the wait for it")
        result.bytesEach = Double(bytes.count)
        return result
    }
}
