import SQLite
import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// Automations in a real store: when they fire, how often, and what they leave.
struct AutomationTests {
    static let hour: Int64 = 3_600_000

    static func when(_ tests: (String, String, String)...) -> ConditionTexts {
        ConditionTexts(
            all: tests.map { ConditionText(field: $0.0, test: $0.1, value: .text($0.2)) })
    }
    static func act(_ field: String, _ value: String) -> ActionText {
        ActionText(field: field, value: .text(value))
    }

    @Test func anAutomationFiresAtItsTimeToTheMillisecond() throws {
        let desk = try TestDesk()
        let agent = try desk.agent()
        try desk.automation(
            "nudge", Self.when(("PENDING", "is", "24")), [Self.act("current_tags", "nudged")])
        let id = try desk.ticket { $0.assigneeID = agent }.id
        try desk.update(id) { $0.status = .pending }
        let due = desk.now.advanced(byMilliseconds: 24 * Self.hour)
        #expect(try desk.run { try $0.ticket(id) }.timerAt == due)
        desk.pass(milliseconds: 24 * Self.hour - 1)
        #expect(try desk.runTimers() == 0)
        desk.pass(milliseconds: 1)
        #expect(try desk.runTimers() == 1)
        #expect(try desk.run { try $0.ticket(id) }.tags == ["nudged"])
        #expect(try desk.events(of: id).hasSuffix(#""nudge"]]"#))
        #expect(try desk.events(of: id).contains(#""automation""#))
        #expect(try desk.runTimers() == 0)
    }

    /// "Once per condition": what has fired fires again only when the ticket has left the condition in between.
    @Test func anAutomationFiresAgainOnlyWhenItsConditionsWereFalseInBetween() throws {
        let desk = try TestDesk()
        let agent = try desk.agent()
        try desk.automation(
            "tell", Self.when(("PENDING", "greater_than", "2")),
            [
                ActionText(
                    field: "notification_user", value: .list(["requester_id", "Still there?", "?"]))
            ])
        let id = try desk.ticket { $0.assigneeID = agent }.id
        try desk.update(id) { $0.status = .pending }
        desk.pass(milliseconds: 3 * Self.hour)
        try desk.runAllTimers()
        #expect(try desk.noticeCount() == 1)
        // Still pending: touched or not, it stays at one.
        try desk.update(id) { $0.additionalTags = ["touched"] }
        desk.pass(days: 2)
        try desk.runAllTimers()
        #expect(try desk.noticeCount() == 1)
        try desk.update(id) { $0.status = .open }
        try desk.update(id) { $0.status = .pending }
        desk.pass(milliseconds: 3 * Self.hour)
        try desk.runAllTimers()
        #expect(try desk.noticeCount() == 2)
    }

    /// An automation that makes its own conditions true again, and two that undo each other: an hour apart, a hundred in all.
    @Test func automationsThatFeedThemselvesEnd() throws {
        let desk = try TestDesk()
        try desk.automation(
            "up", Self.when(("created_at", "greater_than", "1"), ("priority", "is", "low")),
            [Self.act("priority", "high")])
        try desk.automation(
            "down", Self.when(("created_at", "greater_than", "1"), ("priority", "is", "high")),
            [Self.act("priority", "low")])
        let id = try desk.ticket { $0.priority = .low }.id
        var firings: [Int] = []
        for _ in 0..<70 {
            desk.pass(milliseconds: Self.hour)
            try desk.runAllTimers()
            firings.append(try desk.run { try $0.ticket(id) }.firings.total)
        }
        for (before, after) in zip(firings, firings.dropFirst()) { #expect(after - before <= 2) }
        #expect(firings.last == Firings.limit)
        #expect(try desk.run { try $0.ticket(id) }.timerAt == nil)
        #expect(try desk.events(of: id).contains("will not any more"))
    }

    @Test func theTriggersOfTheDeskSeeWhatAnAutomationDoes() throws {
        let desk = try TestDesk()
        try desk.automation(
            "escalate", Self.when(("NEW", "greater_than", "4")), [Self.act("priority", "urgent")])
        try desk.trigger(
            "urgent is vip", Self.when(("priority", "changed_to", "urgent")),
            [Self.act("current_tags", "vip")])
        let id = try desk.ticket().id
        desk.pass(milliseconds: 4 * Self.hour + 1)
        try desk.runAllTimers()
        let ticket = try desk.run { try $0.ticket(id) }
        #expect(ticket.priority == .urgent && ticket.tags == ["vip"])
    }

    @Test func aDeskBeginsWithClosingAndMayDoWithoutIt() throws {
        let desk = try TestDesk()
        let standard = try #require(try desk.run { try $0.rules(.automation) }.first)
        #expect(standard.isDefault && standard.isActive)
        #expect(try desk.number("SELECT count(*) FROM rules WHERE tenant = ?1") == 0)
        var draft = RuleDraft()
        draft.isActive = false
        let off = draft
        _ = try desk.run { try $0.updateRule(.automation, standard.id, off) }
        let id = try desk.ticket {
            $0.assigneeID = desk.admin
            $0.status = .solved
        }.id
        desk.pass(days: 27)
        try desk.runAllTimers()
        #expect(try desk.run { try $0.ticket(id) }.status == .solved)
        // The desk closes in the end whatever its rules say.
        desk.pass(days: 1)
        try desk.runAllTimers()
        #expect(try desk.run { try $0.ticket(id) }.status == .closed)
    }

    @Test func theFirstRuleOfADeskKeepsTheStandardOnes() throws {
        let desk = try TestDesk()
        try desk.trigger(
            "any", Self.when(("status", "is", "new")), [Self.act("current_tags", "seen")])
        #expect(try desk.run { try $0.rules(.automation) }.count == 1)
        let id = try desk.ticket {
            $0.assigneeID = desk.admin
            $0.status = .solved
        }.id
        desk.pass(days: 5)
        try desk.runAllTimers()
        #expect(try desk.run { try $0.ticket(id) }.status == .closed)
        try desk.run { try $0.deleteRule(.automation, Rule.standard[0].id) }
        #expect(try desk.run { try $0.rules(.automation) } == [])
    }

    @Test func aNewAutomationReachesTheTicketsThatAreThere() throws {
        let desk = try TestDesk()
        for _ in 0..<Int(TicketTimers.stepTickets) + 20 { try desk.ticket() }
        desk.pass(days: 1)
        try desk.automation(
            "old", Self.when(("created_at", "greater_than", "2")), [Self.act("priority", "high")])
        #expect(try desk.transact { try $0.hasUnfinishedDefinitions() })
        while try !desk.transact({ try $0.recheckTimers(anew: false) }) {}
        #expect(try !desk.transact { try $0.hasUnfinishedDefinitions() })
        try desk.runAllTimers()
        let left = "SELECT count(*) FROM tickets WHERE tenant = ?1 AND priority IS NULL"
        #expect(try desk.number(left) == 0)
        #expect(try desk.store.scrub() == [])
    }

    @Test func whatHappensAtOnceIsNoAutomation() throws {
        let desk = try TestDesk()
        let refusal = try desk.refusal {
            var draft = RuleDraft()
            draft.title = "at once"
            draft.conditions = Self.when(("status", "is", "new"))
            draft.actions = [Self.act("priority", "low")]
            return try $0.createRule(.automation, draft)
        }
        guard case .invalid(let errors)? = refusal else {
            Issue.record("it was taken")
            return
        }
        #expect(errors.first?.field == "conditions")
    }

    @Test func aRuleThatFailsIsOnTheAuditAndOffInTheEnd() throws {
        let desk = try TestDesk()
        let group = try desk.group("Gone")
        try desk.automation(
            "to nobody", Self.when(("created_at", "greater_than", "1")),
            [Self.act("group_id", String(group))])
        for _ in 0..<12 { try desk.ticket() }
        try desk.run { try $0.deleteTeam(group) }
        desk.pass(milliseconds: 2 * Self.hour)
        try desk.runAllTimers()
        #expect(try desk.events(of: 1).contains(#"["Error","#))
        let rule = try #require(try desk.run { try $0.rules(.automation) }.last)
        #expect(!rule.isActive && rule.failures == Rule.failureLimit)
    }

    /// Random conditions on random tickets: before the moment that timers are set to they never hold, and where nothing but time is asked
    /// they hold then.
    @Test func timersAreNeitherLateNorForNothing() throws {
        let desk = try TestDesk()
        let schedule = try desk.run {
            try $0.createSchedule(name: "Work", timeZone: "Europe/Berlin", Zones.lookup)
        }.id
        _ = schedule
        var random = SearchRandom(seed: 7)
        let moments = [
            "created_at", "updated_at", "NEW", "OPEN", "due_date", "until_due_date",
        ]
        let operators = ["is", "less_than", "greater_than"].flatMap {
            [$0, "\($0)_business_hours"]
        }
        try desk.transact { rows in
            let compiler = rows.storedConditions(.automation)
            for _ in 0..<400 {
                var ticket = Self.randomTicket(desk.now, &random)
                ticket.dueAt =
                    random.next(2) == 0
                    ? nil
                    : desk.now.advanced(byMilliseconds: Int64(random.next(400)) * Self.hour / 2)
                var texts = ConditionTexts()
                for _ in 0...random.next(2) {
                    let text = ConditionText(
                        field: moments[random.next(moments.count)],
                        test: operators[random.next(operators.count)],
                        value: .text(String(random.next(60))))
                    if random.next(3) == 0 {
                        texts.any.append(text)
                    } else {
                        texts.all.append(text)
                    }
                }
                if random.next(4) == 0 {
                    texts.all.append(
                        ConditionText(
                            field: "in_business_hours", test: "is",
                            value: .text(random.next(2) == 0 ? "true" : "false")))
                }
                let conditions = try compiler.compile(texts)
                func holds(at time: Timestamp) throws -> Bool {
                    var subject = RuleSubject(
                        ticket, before: ticket, updater: Principal(userID: 1, role: .admin),
                        channel: .api, now: time)
                    subject.calendar = try rows.calendars().usual
                    return conditions.hold(for: subject)
                }
                var subject = RuleSubject(
                    ticket, before: ticket, updater: Principal(userID: 1, role: .admin),
                    channel: .api, now: desk.now)
                subject.calendar = try rows.calendars().usual
                let first = conditions.earliest(for: subject, notBefore: desk.now)
                if let first { #expect(try holds(at: first), "\(texts) \(ticket)") }
                for _ in 0..<20 {
                    let limit =
                        first.map { $0.milliseconds - desk.now.milliseconds }
                        ?? 40 * 24 * Self.hour
                    guard limit > 0 else { break }
                    let time = desk.now.advanced(
                        byMilliseconds: Int64(random.next(Int(limit))))
                    #expect(try !holds(at: time), "\(texts) \(ticket) \(time)")
                }
            }
        }
    }

    private static func randomTicket(_ now: Timestamp, _ random: inout SearchRandom) -> Ticket {
        let created = now.advanced(byMilliseconds: -Int64(random.next(100 * 3600)) * 1000)
        let updated = created.advanced(
            byMilliseconds: Int64(
                random.next(Int(now.milliseconds - created.milliseconds) + 1)))
        return Ticket(
            id: 1, status: random.next(2) == 0 ? .new : .open, updatedAt: updated, version: 1,
            statusUpdatedAt: updated, assigneeID: nil, groupID: nil, priority: nil, type: nil,
            tags: [], commentCount: 0, publicCommentCount: 0, latestCommentAt: nil,
            requesterID: 1, submitterID: 1, organizationID: nil, deletedAt: nil, deletedBy: nil,
            isPublic: true, subject: "", description: "", externalID: nil, dueAt: nil,
            problemID: nil, followupSourceID: nil, followupIDs: [], followerIDs: [],
            emailCCIDs: [], channel: .api, createdAt: created, metrics: TicketMetrics())
    }
}

extension SearchRandom {
    fileprivate mutating func next(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }
}

extension TestDesk {
    @discardableResult
    func automation(
        _ title: String, _ conditions: ConditionTexts, _ actions: [ActionText]
    ) throws -> Int64 {
        var draft = RuleDraft()
        draft.title = title
        draft.conditions = conditions
        draft.actions = actions
        let wanted = draft
        return try run { try $0.createRule(.automation, wanted) }.id
    }

    func runTimers() throws -> Int { try transact { try $0.runTimers(limit: 50) } }

    /// As the runner does.
    func runAllTimers() throws { while try runTimers() == 50 {} }

    func noticeCount() throws -> Int64 {
        try number("SELECT count(*) FROM notices WHERE tenant = ?1")
    }
}
