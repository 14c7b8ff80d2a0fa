import Foundation
import SQLite
import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// Rehearsals in real stores: what is made again from audits, what is the same under the same rules, and what a change does.
struct RehearsalTests {
    private static func all(_ tests: (String, String, String)...) -> ConditionTexts {
        ConditionTexts(
            all: tests.map {
                ConditionText(field: $0.0, test: $0.1, value: $0.2.isEmpty ? .none : .text($0.2))
            })
    }

    private static func act(_ field: String, _ value: String) -> ActionText {
        ActionText(field: field, value: .text(value))
    }

    private static let mail = ActionText(
        field: "notification_user",
        value: .list(["requester_id", "About {{ticket.id}}", "{{ticket.latest_comment}}"]))

    // MARK: Histories

    /// A desk with people, fields and some rules, and a random life of some tickets.
    private struct Life {
        let desk: TestDesk
        var dice: RandomRules
        let agents: [Int64]
        let customers: [Int64]
        let groups: [Int64]
        let fields: [Int64]

        init(seed: UInt64, rules: Bool = true) throws {
            desk = try TestDesk()
            dice = RandomRules(seed: seed)
            agents = [try desk.agent("Ben"), try desk.agent("Cleo")]
            customers = [try desk.endUser("Jane"), try desk.endUser("Joe")]
            groups = [try desk.group("One"), try desk.group("Two")]
            fields = [
                try desk.textField("Serial"),
                try desk.field(.dropdown, "Color", options: ["red", "green"]),
                try desk.field(.checkbox, "Paid"),
            ]
            if rules { try makeRules() }
        }

        private func makeRules() throws {
            let conditions = RehearsalTests.all(
                ("status", "is", "pending"), ("PENDING", "greater_than", "24"))
            let remind = TestDesk.rule(
                "remind", conditions, [RehearsalTests.mail, RehearsalTests.act("status", "hold")])
            _ = try desk.run { try $0.createRule(.automation, remind) }
            _ = try desk.policy(
                "all", ConditionTexts(),
                TicketPriority.allCases.map { ($0, .firstReplyTime, 240, false) })
            try desk.trigger(
                "thanks", RehearsalTests.all(("update_type", "is", "Create")),
                [RehearsalTests.mail, RehearsalTests.act("current_tags", "new")])
            try desk.trigger(
                "urgent", RehearsalTests.all(("subject_includes_word", "includes", "fire")),
                [RehearsalTests.act("priority", "urgent")])
            try desk.trigger(
                "reopened", RehearsalTests.all(("status", "changed_from", "solved")),
                [
                    RehearsalTests.act("current_tags", "again"),
                    RehearsalTests.act("priority", "high"),
                ])
            try desk.trigger(
                "green", RehearsalTests.all(("custom_fields_\(fields[1])", "is", "green")),
                [RehearsalTests.act("type", "task")])
            try desk.trigger(
                "answered",
                RehearsalTests.all(("comment_is_public", "is", "true"), ("role", "is", "agent")),
                [RehearsalTests.act("status", "pending")])
        }

        /// Lets time go by, and do what is due when it is.
        func passTime(hours: Int64) throws {
            let end = desk.now.advanced(byMilliseconds: hours * 3_600_000)
            while let due = try desk.transact({ try $0.nextTimer() }), due <= end {
                desk.now = max(desk.now, due)
                _ = try desk.transact { try $0.runTimers(limit: 100) }
            }
            desk.now = end
        }

        mutating func live(updates: Int) throws {
            var tickets: [Int64] = []
            for _ in 0..<updates {
                try passTime(hours: dice.number(1...10))
                if tickets.isEmpty || dice.flag(4) {
                    let by = dice.pick(agents + customers)
                    let customer = dice.pick(customers)
                    let isStaff = agents.contains(by)
                    let changes = try randomChanges(isStaff: isStaff)
                    let subject = dice.pick(["Printer", "A fire", "Chair"])
                    var made: Int64?
                    _ = try desk.refusal(as: by) { desk in
                        var changes = changes
                        changes.subject = subject
                        changes.comment = CommentDraft(body: "It smokes")
                        changes.removedTags = []
                        if isStaff { changes.requester = .id(customer) }
                        made =
                            isStaff
                            ? try desk.createTicket(changes).ticket.id
                            : try desk.createRequest(changes).ticket.id
                    }
                    if let made { tickets.append(made) }
                } else {
                    try update(dice.pick(tickets))
                }
            }
        }

        private mutating func update(_ id: Int64) throws {
            let by = dice.pick(agents + [desk.admin])
            if dice.flag(4) {
                let ticket = try desk.run { try $0.ticket(id) }
                let comment = CommentDraft(body: "Still there?")
                _ = try desk.refusal(as: ticket.requesterID) {
                    try $0.updateRequest(id, comment: comment, solved: false)
                }
                return
            }
            var changes = try randomChanges(isStaff: true)
            if dice.flag() {
                changes.comment = CommentDraft(body: "Look here", isPublic: dice.flag())
            }
            if dice.flag(3) { changes.status = dice.pick([.open, .pending, .hold, .solved]) }
            if dice.flag(8) { changes.dueAt = .some(desk.now.advanced(byMilliseconds: 5000)) }
            let wanted = changes
            _ = try desk.refusal(as: by) { try $0.updateTicket(id, wanted) }
        }

        private mutating func randomChanges(isStaff: Bool) throws -> TicketChanges {
            var changes = TicketChanges()
            if dice.flag(3) { changes.priority = .some(dice.pick(TicketPriority.allCases)) }
            guard isStaff else { return changes }
            if dice.flag(4) { changes.groupID = .some(dice.pick(groups)) }
            if dice.flag(4) { changes.assigneeID = .some(dice.flag(4) ? nil : dice.pick(agents)) }
            if dice.flag(4) { changes.additionalTags = [dice.pick(["x", "y", "z"])] }
            if dice.flag(4) { changes.removedTags = [dice.pick(["x", "y", "new"])] }
            if dice.flag(4) { changes.type = .some(dice.pick([.question, .task])) }
            if dice.flag(5) { changes.fields.append(FieldChange(.id(fields[0]), .text("A-1"))) }
            if dice.flag(5) {
                changes.fields.append(
                    FieldChange(.id(fields[1]), .text(dice.pick(["red", "green"]))))
            }
            if dice.flag(6) { changes.fields.append(FieldChange(.id(fields[2]), .flag(true))) }
            return changes
        }
    }

    @Test(arguments: [UInt64(1), 2, 3, 4])
    func aTicketIsMadeAgainFromItsAudits(seed: UInt64) throws {
        var life = try Life(seed: seed)
        try life.live(updates: 120)
        let desk = life.desk
        for id in 1...(try desk.number("SELECT count(*) FROM tickets WHERE tenant = ?1")) {
            let same = try desk.run { desk in
                let present = try desk.findTicket(id)!
                var past = PastTicket(present, try desk.rows.catalog()) {
                    try desk.findUser($0)?.role.isStaff ?? false
                }
                let audits = try desk.audits(ofTicket: id, .offset(page: 1, size: 1000)).items
                for audit in audits { try past.live(through: audit, AuditEvents(audit)) }
                var made = past.ticket!
                // To the second, as audits have it.
                #expect(made.dueAt?.seconds == present.dueAt?.seconds)
                made.dueAt = present.dueAt
                // What time does is no part of audits.
                made.clockState = present.clockState
                made.nextBreachAt = present.nextBreachAt
                made.breachedAt = present.breachedAt
                made.timerAt = present.timerAt
                made.firings = present.firings
                #expect(made == present, "seed \(seed)")
                return made == present
            }
            #expect(same)
        }
    }

    // MARK: Rehearsing

    private struct Outcome {
        let counts: RehearsalCounts
        let differences: [RehearsalDifference]
    }

    nonisolated(unsafe) private static var number: Int64 = 1_000_000
    private static let lock = NSLock()

    private func rehearse(
        _ desk: TestDesk, days: Int64 = 90, _ items: [RuleProposal.Item] = [],
        only: Set<RuleKind> = [], _ change: (inout RehearsalPlan) -> Void = { _ in }
    ) throws -> Outcome {
        let rules = try desk.run { try $0.propose(RuleProposal(items: items, only: only)) }
        var plan = RehearsalPlan(
            since: desk.now.advanced(byMilliseconds: -days * 86_400_000), now: desk.now,
            rules: rules)
        change(&plan)
        let number = Self.lock.withLock {
            Self.number += 1
            return Self.number
        }
        let path = NSTemporaryDirectory() + "lodge-rehearsal-\(UUID())"
        defer {
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: path + suffix)
            }
        }
        let tenant = TenantID(rawValue: 1)
        let before = try desk.store.stateHash(of: tenant)
        let rehearsal = try Rehearsal(path: path, plan: plan, number: number)
        try rehearsal.copy(
            from: ShardReaderConnection(path: desk.store.path), tenant: tenant
        ) {}
        var found: [RehearsalDifference] = []
        while !rehearsal.isDone { found += try rehearsal.step(tickets: 7) }
        #expect(try desk.store.stateHash(of: tenant) == before)
        #expect(try desk.store.scrub() == [])
        return Outcome(counts: rehearsal.counts, differences: found)
    }

    @Test(arguments: [UInt64(11), 12, 13, 14])
    func theSameRulesMakeNoDifference(seed: UInt64) throws {
        var life = try Life(seed: seed)
        try life.live(updates: 100)
        for days in [Int64(5), 90] {
            let outcome = try rehearse(life.desk, days: days)
            #expect(outcome.differences == [], "seed \(seed)")
            #expect(outcome.counts.audits > 10)
            #expect(outcome.counts.leftOut == 0)
            #expect(outcome.counts.done == outcome.counts.tickets)
        }
    }

    /// Without rules what is gone through again is what was.
    @Test(arguments: [UInt64(21), 22])
    func withoutRulesTheReplayIsTheRecord(seed: UInt64) throws {
        var life = try Life(seed: seed, rules: false)
        try life.live(updates: 100)
        let outcome = try rehearse(life.desk)
        #expect(outcome.differences == [])
        #expect(outcome.counts.mismatches == 0, "seed \(seed)")
        #expect(outcome.counts.facts == 0)
    }

    /// A rule that only adds a tag of its own does exactly that, once for each new ticket.
    @Test(arguments: [UInt64(31), 32])
    func aNewRuleDoesWhatItSaysAndNothingElse(seed: UInt64) throws {
        var life = try Life(seed: seed)
        try life.live(updates: 80)
        let draft = TestDesk.rule(
            "mark", Self.all(("update_type", "is", "Create")), [Self.act("current_tags", "marked")])
        let outcome = try rehearse(
            life.desk, [RuleProposal.Item(kind: .trigger, id: nil, place: 0, draft: draft)])
        let tickets = try life.desk.number("SELECT count(*) FROM tickets WHERE tenant = ?1")
        let fired = outcome.differences.filter { $0.kind == .fired }
        #expect(fired.count == Int(tickets))
        #expect(fired.allSatisfy { $0.rule?.id == -1 && $0.rule?.title == "mark" })
        let fields = outcome.differences.filter { $0.kind == .field }
        #expect(outcome.differences.count == fired.count + fields.count)
        for difference in fields {
            #expect(difference.field == "tags")
            guard case .list(let before) = difference.before,
                case .list(let after) = difference.after
            else {
                Issue.record("\(difference)")
                continue
            }
            #expect(Set(after).subtracting(before) == ["marked"])
            #expect(Set(before).isSubset(of: after))
        }
        #expect(Set(fields.map(\.ticketID)).count == Int(tickets))
    }

    @Test func aChangedRuleIsTracedThroughATicketsLife() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser("Jane")
        let rule = try desk.trigger(
            "fire",
            Self.all(
                ("update_type", "is", "Create"), ("subject_includes_word", "includes", "fire")),
            [Self.act("priority", "high"), Self.mail])
        let chain = try desk.trigger(
            "urgent", Self.all(("priority", "changed_to", "urgent")),
            [Self.act("current_tags", "sos")])
        let fire = try desk.ticket {
            $0.subject = "A fire"
            $0.requester = .id(jane)
        }
        let chair = try desk.ticket { $0.subject = "Chair" }
        desk.pass(milliseconds: 1000)
        let later = try desk.update(fire.id) { $0.status = .open }.audit!
        desk.pass(milliseconds: 1000)
        try desk.update(fire.id) { $0.priority = .some(.low) }
        var change = RuleDraft()
        change.actions = [
            Self.act("priority", "urgent"),
            ActionText(
                field: "notification_user", value: .list(["requester_id", "Help", "{{ticket.id}}"])),
        ]
        let outcome = try rehearse(
            desk, [RuleProposal.Item(kind: .trigger, id: rule, place: 0, draft: change)])
        #expect(outcome.counts.mismatches == 0)
        #expect(!outcome.differences.contains { $0.ticketID == chair.id })
        #expect(!outcome.differences.contains { $0.auditID == later.id })
        func one(_ kind: RehearsalDifference.Kind, _ field: String? = nil) -> [RehearsalDifference]
        {
            outcome.differences.filter { $0.kind == kind && $0.field == field }
        }
        #expect(one(.fired).map { $0.rule?.id } == [chain])
        let priority = one(.field, "priority")
        #expect(priority.map(\.before) == [.text("high")])
        #expect(priority.map(\.after) == [.text("urgent")])
        #expect(priority.first?.rule?.id == rule)
        #expect(one(.field, "tags").map(\.after) == [.list(["sos"])])
        let mail = try #require(one(.notice, "mail").first)
        #expect(mail.before == .list(["\(jane)", "About \(fire.id)", "It smokes"]))
        #expect(mail.after == .list(["\(jane)", "Help", "\(fire.id)"]))
        #expect(outcome.differences.count == 4)
    }

    @Test func rulesThatGoAreMissedAndOnlyLeavesOutTheOthers() throws {
        let desk = try TestDesk()
        let keep = try desk.trigger(
            "keep", Self.all(("update_type", "is", "Create")), [Self.act("type", "task")])
        let gone = try desk.trigger(
            "gone", Self.all(("update_type", "is", "Create")),
            [Self.act("priority", "high"), Self.act("current_tags", "gone")])
        try desk.ticket { $0.tags = ["own"] }
        let removal = RuleProposal.Item(
            kind: .trigger, id: gone, place: 0, draft: RuleDraft(), isRemoved: true)
        let kept = RuleProposal.Item(kind: .trigger, id: keep, place: 0, draft: RuleDraft())
        for (items, only) in [([removal], Set<RuleKind>()), ([kept], [.trigger])] {
            let outcome = try rehearse(desk, items, only: only)
            #expect(outcome.differences.map(\.kind) == [.fired, .field, .field])
            #expect(outcome.differences.last?.after == .list(["own"]))
            #expect(outcome.differences.allSatisfy { $0.rule?.id == gone })
            #expect(outcome.differences.first?.before == .text("fired"))
            #expect(outcome.differences.first { $0.field == "priority" }?.after == RuleValue.none)
        }
        #expect(try rehearse(desk, [], only: [.trigger]).differences.count == 5)
    }

    /// Only what falls into the days is gone through again; before it the record is taken.
    @Test func theWindowBeginsWithWhatWas() throws {
        let desk = try TestDesk()
        let old = try desk.trigger(
            "old", Self.all(("update_type", "is", "Create")), [Self.act("priority", "high")])
        let ticket = try desk.ticket()
        desk.pass(days: 10)
        try desk.ticket { $0.subject = "Another" }
        try desk.update(ticket.id) { $0.status = .open }
        let removal = RuleProposal.Item(
            kind: .trigger, id: old, place: 0, draft: RuleDraft(), isRemoved: true)
        let outcome = try rehearse(desk, days: 2, [removal])
        #expect(Set(outcome.differences.map(\.ticketID)) == [2])
        #expect(outcome.counts.audits == 2)
        #expect(outcome.counts.tickets == 2)
        desk.pass(days: 30)
        #expect(try rehearse(desk, days: 2, [removal]).counts.tickets == 0)
    }

    /// A rule that closes tickets makes what came afterwards impossible.
    @Test func updatesThatCouldNotBeMadeAreSaid() throws {
        let desk = try TestDesk()
        let ticket = try desk.ticket()
        desk.pass(milliseconds: 1000)
        try desk.update(ticket.id) { $0.type = .some(.task) }
        let draft = TestDesk.rule(
            "shut", Self.all(("update_type", "is", "Create")), [Self.act("status", "closed")])
        let outcome = try rehearse(
            desk, [RuleProposal.Item(kind: .trigger, id: nil, place: 0, draft: draft)])
        let refused = outcome.differences.filter { $0.kind == .refused }
        #expect(refused.map(\.after) == [.text("Status: closed prevents ticket update")])
        #expect(outcome.differences.contains { $0.field == "type" && $0.after == .none })
    }

    @Test func whatTimeDoesIsDoneAgain() throws {
        let desk = try TestDesk()
        let agent = try desk.agent()
        let ticket = try desk.ticket { $0.assigneeID = agent }
        desk.pass(milliseconds: 1000)
        try desk.update(ticket.id) { $0.priority = .some(.low) }
        desk.pass(days: 10)
        let draft = TestDesk.rule(
            "solve", Self.all(("priority", "changed_to", "low")), [Self.act("status", "solved")])
        let outcome = try rehearse(
            desk, [RuleProposal.Item(kind: .trigger, id: nil, place: 0, draft: draft)])
        let status = outcome.differences.filter { $0.field == "status" }
        #expect(status.map(\.after) == [.text("solved"), .text("closed")])
        #expect(status.last?.auditID == nil)
    }

    @Test func changedAutomationsAndPoliciesAreRehearsed() throws {
        let desk = try TestDesk()
        let (jane, ben) = (try desk.endUser("Jane"), try desk.agent("Ben"))
        let policy = try desk.policy(
            "all", ConditionTexts(), [(.normal, .firstReplyTime, 60, false)])
        let nudge = try desk.run {
            try $0.createRule(
                .automation,
                TestDesk.rule(
                    "nudge",
                    Self.all(
                        ("status", "less_than", "solved"), ("created_at", "greater_than", "48"),
                        ("current_tags", "not_includes", "old")),
                    [Self.act("current_tags", "old")]))
        }.id
        var asked = TicketChanges()
        asked.subject = "Printer"
        asked.priority = .normal
        asked.comment = CommentDraft(body: "It smokes")
        let wanted = asked
        let ticket = try desk.run(as: jane) { try $0.createRequest(wanted) }.ticket
        func wait(_ minutes: Int64) throws {
            let end = desk.now.advanced(byMilliseconds: minutes * 60_000)
            while let due = try desk.transact({ try $0.nextTimer() }), due <= end {
                desk.now = max(desk.now, due)
                _ = try desk.transact { try $0.runTimers(limit: 100) }
            }
            desk.now = end
        }
        try wait(50)
        try desk.update(ticket.id, as: ben) { $0.comment = CommentDraft(body: "Here") }
        try wait(60 * 72)
        #expect(try desk.run { try $0.ticket(ticket.id) }.tags == ["old"])
        #expect(try rehearse(desk).differences == [])
        #expect(try rehearse(desk).counts.mismatches == 0)
        var stricter = RuleDraft()
        stricter.actions = [
            PolicyTarget(
                priority: .normal, metric: .firstReplyTime, minutes: 30, isBusiness: false
            ).action
        ]
        var later = RuleDraft()
        later.actions = [Self.act("current_tags", "old"), Self.act("priority", "high")]
        let outcome = try rehearse(
            desk,
            [
                RuleProposal.Item(kind: .policy, id: policy, place: 0, draft: stricter),
                RuleProposal.Item(kind: .automation, id: nudge, place: 0, draft: later),
            ])
        let breach = try #require(outcome.differences.first)
        #expect(breach.kind == .breach)
        #expect(breach.field == "first_reply_time")
        #expect(breach.rule?.id == policy)
        #expect(breach.after == .text("breached"))
        #expect(breach.at == ticket.createdAt.advanced(byMilliseconds: 30 * 60_000))
        let priority = try #require(outcome.differences.last)
        #expect(priority.field == "priority")
        #expect(priority.after == .text("high"))
        #expect(priority.rule?.id == nudge)
        #expect(outcome.differences.count == 2)
    }

    @Test func limitsAreKeptAndSaid() throws {
        let desk = try TestDesk()
        for _ in 0..<5 { try desk.ticket() }
        try desk.run { try $0.deleteTicket(2) }
        let outcome = try rehearse(desk) { $0.ticketLimit = 3 }
        #expect(outcome.counts.tickets == 5)
        #expect(outcome.counts.leftOut == 2)
        #expect(throws: CopyTooLarge.self) { try rehearse(desk) { $0.byteLimit = 100_000 } }
        struct Enough: Error {}
        let plan = RehearsalPlan(
            since: desk.now.advanced(byMilliseconds: -1), now: desk.now,
            rules: ProposedRules(now: [], then: []))
        let path = NSTemporaryDirectory() + "lodge-rehearsal-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let rehearsal = try Rehearsal(path: path, plan: plan, number: 7)
        #expect(throws: Enough.self) {
            try rehearsal.copy(
                from: ShardReaderConnection(path: desk.store.path), tenant: TenantID(rawValue: 1)
            ) { throw Enough() }
        }
    }

    @Test func secretsAreNotCopied() throws {
        let desk = try TestDesk()
        try desk.ticket()
        _ = try desk.transact { try $0.run("UPDATE users SET password = 'x' WHERE tenant = ?1") }
        let plan = RehearsalPlan(
            since: desk.now.advanced(byMilliseconds: -86_400_000), now: desk.now,
            rules: ProposedRules(now: [], then: []))
        let path = NSTemporaryDirectory() + "lodge-rehearsal-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let rehearsal = try Rehearsal(path: path, plan: plan, number: 8)
        try rehearsal.copy(
            from: ShardReaderConnection(path: desk.store.path), tenant: TenantID(rawValue: 1)
        ) {}
        let copy = try ShardReaderConnection(path: path)
        func count(_ table: String, _ tenant: Int64, _ condition: String = "1") throws -> Int64 {
            try copy.read(tenant: TenantID(rawValue: tenant), now: desk.now) {
                try $0.first("SELECT count(*) FROM \(table) WHERE tenant = ?1 AND \(condition)") {
                    $0.int64(0)
                } ?? 0
            }
        }
        #expect(try count("users", -16) == 1)
        #expect(try count("users", -16, "password IS NOT NULL") == 0)
        #expect(try count("api_tokens", -16) == 0)
        #expect(try count("tickets", -17) == 1)
        #expect(try count("audits", -17) == 1)
    }

    // MARK: Traces

    @Test func aTraceSaysWhatActedAndWhatWasKeptBack() throws {
        let desk = try TestDesk()
        let acts = try desk.trigger(
            "acts", Self.all(("update_type", "is", "Create")),
            [Self.act("priority", "high"), Self.mail])
        let later = try desk.trigger(
            "later", Self.all(("priority", "is", "high"), ("update_type", "is", "Create")),
            [Self.act("current_tags", "seen")])
        let held = try desk.trigger(
            "held", Self.all(("status", "is", "solved")), [Self.act("type", "task")])
        let jane = try desk.endUser()
        let ticket = try desk.ticket { $0.requester = .id(jane) }
        desk.pass(milliseconds: 1000)
        let second = try desk.update(ticket.id) { $0.status = .solved }.audit!
        let traces = try desk.run {
            try $0.trace(ofTicket: ticket.id, .offset(page: 1, size: 10))
        }
        #expect(traces.items.map { $0.acts.map(\.ruleID) } == [[acts, later], [held]])
        #expect(traces.items[0].acts[0].fields == ["priority"])
        #expect(traces.items[0].acts[0].notices == 1)
        let first = traces.items[0].audit.id
        let looks = try #require(
            try desk.run { try $0.trace(ofTicket: ticket.id, audit: first) }.looks)
        #expect(looks.map(\.ruleID) == [acts, later, held])
        #expect(looks.map(\.acted) == [true, true, false])
        #expect(looks.map(\.heldAtFirst) == [true, false, false])
        #expect(looks.map(\.heldAtLast) == [true, true, false])
        #expect(looks[2].heldBackBy?.field == "status")
        let after = try #require(
            try desk.run { try $0.trace(ofTicket: ticket.id, audit: second.id) }.looks)
        #expect(after.map(\.heldAtFirst) == [false, false, true])
        #expect(after[0].heldBackBy?.field == "update_type")
        #expect(
            try desk.refusal { try $0.trace(ofTicket: ticket.id, audit: first + 1) } == .notFound)
        let agent = try desk.agent()
        #expect(
            try desk.refusal(as: agent) { try $0.trace(ofTicket: ticket.id, audit: first) } != nil)
    }
}
