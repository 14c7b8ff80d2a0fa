import SQLite
import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// SLA policies in a real store: which one counts, when it breaches, what is written down.
struct ServicePolicyTests {
    private static let minute: Int64 = 60_000

    @Test func theFirstPolicyThatMatchesAfterTheTriggersCounts() throws {
        let desk = try TestDesk()
        try desk.trigger(
            "printers are urgent",
            AutomationTests.when(("subject_includes_word", "includes", "printer")),
            [AutomationTests.act("priority", "urgent")])
        try desk.policy(
            "incidents", AutomationTests.when(("type", "is", "incident")),
            [(.urgent, .firstReplyTime, 5, false)])
        try desk.policy(
            "all", ConditionTexts(),
            [(.urgent, .firstReplyTime, 60, false), (.urgent, .totalResolutionTime, 600, false)])
        let ticket = try desk.ticket()
        let made = desk.now
        #expect(ticket.nextBreachAt == made.advanced(byMilliseconds: 60 * Self.minute))
        // Another policy from the update on, with the time that has passed.
        desk.pass(milliseconds: 2 * Self.minute)
        let changed = try desk.update(ticket.id) { $0.type = .incident }.ticket
        #expect(changed.nextBreachAt == made.advanced(byMilliseconds: 5 * Self.minute))
        let promises = try desk.run { try $0.promises(of: changed) }
        #expect(promises.map(\.metric) == [.firstReplyTime])
    }

    @Test func aBreachIsWrittenDownOnceAndChangesNoVersion() throws {
        let desk = try TestDesk()
        try desk.policy("all", ConditionTexts(), [(.normal, .firstReplyTime, 10, false)])
        let ticket = try desk.ticket { $0.priority = .normal }
        desk.pass(milliseconds: 10 * Self.minute)
        // An answer in the very last millisecond is in time.
        #expect(try desk.runTimers() == 0)
        desk.pass(milliseconds: 1)
        #expect(try desk.runTimers() == 1)
        #expect(try desk.runTimers() == 0)
        let now = try desk.run { try $0.ticket(ticket.id) }
        #expect(now.version == ticket.version && now.updatedAt == ticket.updatedAt)
        #expect(now.breachedAt == ticket.createdAt.advanced(byMilliseconds: 10 * Self.minute))
        #expect(now.nextBreachAt == nil)
        let events = try desk.run { try $0.metricEvents(ofTicket: ticket.id) }
        let breaches = events.filter { $0.event.kind.name == "breach" }
        #expect(breaches.map(\.event.time) == [now.breachedAt])
        #expect(events.map(\.id) == events.map(\.id).sorted())
        #expect(Set(events.map(\.id)).count == events.count)
    }

    /// Complaint 22: an update's clock that fires although the agent answered; one minute lost at each midnight of a calendar of all hours.
    @Test func anAnswerFulfilsAndMidnightCostsNothing() throws {
        let desk = try TestDesk()
        let agent = try desk.agent()
        _ = try desk.run {
            let id = try $0.createSchedule(name: "always", timeZone: "Europe/Berlin", Zones.lookup)
                .id
            return try $0.setWorkweek(
                of: id, [WorkingHours.Stretch(start: 0, end: WorkingHours.minutesPerWeek)])
        }
        try desk.policy(
            "all", ConditionTexts(),
            [
                (.normal, .firstReplyTime, 3 * 1440, true),
                (.normal, .periodicUpdateTime, 1440, true),
            ]
        )
        let ticket = try desk.ticket {
            $0.priority = .normal
            $0.comment = CommentDraft(body: "By phone", isPublic: false)
        }
        #expect(
            ticket.nextBreachAt
                == ticket.createdAt.advanced(byMilliseconds: 3 * 1440 * Self.minute))
        desk.pass(days: 1)
        try desk.update(ticket.id, as: agent) { $0.comment = CommentDraft(body: "On it") }
        desk.pass(milliseconds: 1439 * Self.minute)
        try desk.update(ticket.id, as: agent) { $0.comment = CommentDraft(body: "Still on it") }
        desk.pass(milliseconds: 1439 * Self.minute)
        try desk.runAllTimers()
        #expect(try desk.run { try $0.ticket(ticket.id) }.breachedAt == nil)
        desk.pass(milliseconds: 2 * Self.minute)
        try desk.runAllTimers()
        #expect(try desk.run { try $0.ticket(ticket.id) }.breachedAt != nil)
    }

    /// Complaint 22: an edited calendar has to move the clocks that run.
    @Test func editingAScheduleMovesOpenClocks() throws {
        let desk = try TestDesk()
        // Sunday noon; the week begins Monday at 9 in UTC.
        let schedule = try desk.run {
            try $0.createSchedule(name: "Work", timeZone: "UTC", Zones.lookup)
        }.id
        try desk.policy("all", ConditionTexts(), [(.normal, .firstReplyTime, 60, true)])
        let ids = try (0..<Int(TicketTimers.stepTickets) + 5).map { _ in
            try desk.ticket { $0.priority = .normal }.id
        }
        let monday = desk.now.advanced(byMilliseconds: 21 * 60 * Self.minute)
        #expect(
            try desk.run { try $0.ticket(ids[0]) }.nextBreachAt
                == monday.advanced(byMilliseconds: 60 * Self.minute))
        _ = try desk.run {
            try $0.setWorkweek(of: schedule, [.init(start: 1440 + 720, end: 1440 + 1080)])
        }
        let later = monday.advanced(byMilliseconds: 4 * 60 * Self.minute)
        #expect(try desk.run { try $0.ticket(ids[0]) }.nextBreachAt == later)
        while try !desk.transact({ try $0.recheckTimers(anew: false) }) {}
        #expect(try desk.run { try $0.ticket(ids.last!) }.nextBreachAt == later)
        // A holiday on Monday: the Monday after it is.
        _ = try desk.run {
            try $0.createHoliday(
                of: schedule, name: "Off", first: CalendarDay("2026-03-16"),
                last: CalendarDay("2026-03-16"))
        }
        #expect(
            try desk.run { try $0.ticket(ids[0]) }.nextBreachAt
                == later.advanced(byMilliseconds: 7 * 1440 * Self.minute))
    }

    /// What was due by the calendar of before breaches by it, at its own time, before the new one counts.
    @Test func whatWasDueBeforeAnEditBreachesByTheOldCalendar() throws {
        let desk = try TestDesk()
        let schedule = try desk.run {
            try $0.createSchedule(name: "Work", timeZone: "UTC", Zones.lookup)
        }.id
        try desk.policy("all", ConditionTexts(), [(.normal, .firstReplyTime, 60, true)])
        let ticket = try desk.ticket { $0.priority = .normal }
        let due = try #require(ticket.nextBreachAt)
        desk.now = due.advanced(byMilliseconds: 5 * Self.minute)
        _ = try desk.run { try $0.setWorkweek(of: schedule, []) }
        #expect(try desk.run { try $0.ticket(ticket.id) }.breachedAt == due)
        let events = try desk.run { try $0.metricEvents(ofTicket: ticket.id) }
        #expect(events.last?.event.time == due)
    }

    /// A warning an hour before a promise is broken is an automation.
    @Test func anAutomationWarnsBeforeABreachAndEscalatesAfterIt() throws {
        let desk = try TestDesk()
        try desk.policy("all", ConditionTexts(), [(.normal, .totalResolutionTime, 240, false)])
        try desk.automation(
            "warn", AutomationTests.when(("until_sla_next_breach_at", "less_than", "1")),
            [AutomationTests.act("current_tags", "warned")])
        try desk.automation(
            "escalate", AutomationTests.when(("sla_next_breach_at", "greater_than", "2")),
            [AutomationTests.act("priority", "urgent")])
        let id = try desk.ticket { $0.priority = .normal }.id
        desk.pass(milliseconds: 180 * Self.minute)
        try desk.runAllTimers()
        #expect(try desk.run { try $0.ticket(id) }.tags == [])
        desk.pass(milliseconds: 1)
        try desk.runAllTimers()
        #expect(try desk.run { try $0.ticket(id) }.tags == ["warned"])
        desk.pass(milliseconds: 60 * Self.minute)
        try desk.runAllTimers()
        #expect(try desk.run { try $0.ticket(id) }.breachedAt != nil)
        desk.pass(milliseconds: 120 * Self.minute)
        try desk.runAllTimers()
        #expect(try desk.run { try $0.ticket(id) }.priority == .urgent)
    }

    /// Complaint 24: paused is paused, and an answer does not fulfil the resolution.
    @Test func aPausedClockStandsStillAndAnAnswerIsNoSolution() throws {
        let desk = try TestDesk()
        let agent = try desk.agent()
        try desk.policy(
            "all", ConditionTexts(),
            [
                (.normal, .requesterWaitTime, 60, false),
                (.normal, .totalResolutionTime, 9000, false),
            ]
        )
        let id = try desk.ticket {
            $0.priority = .normal
            $0.assigneeID = agent
        }.id
        desk.pass(milliseconds: 30 * Self.minute)
        try desk.update(id, as: agent) {
            $0.status = .pending
            $0.comment = CommentDraft(body: "Which printer?")
        }
        desk.pass(days: 3)
        try desk.runAllTimers()
        var ticket = try desk.run { try $0.ticket(id) }
        #expect(ticket.breachedAt == nil)
        let open = try desk.run { try $0.promises(of: ticket) }
        #expect(open.map(\.metric) == [.requesterWaitTime, .totalResolutionTime])
        #expect(open.map(\.stage) == [.paused, .active])
        ticket = try desk.update(id, as: agent) { $0.status = .open }.ticket
        #expect(
            ticket.nextBreachAt == desk.now.advanced(byMilliseconds: 30 * Self.minute))
        let times = try desk.run { try $0.times(of: ticket) }
        #expect(times.agentWait.calendarMinutes == 3 * 1440)
        #expect(times.requesterWait.calendarMinutes == 30)
    }

    /// Complaint 25: a lunch break is no working time.
    @Test func workingTimeHasALunchBreak() throws {
        let desk = try TestDesk()
        _ = try desk.run {
            let id = try $0.createSchedule(name: "Work", timeZone: "UTC", Zones.lookup).id
            return try $0.setWorkweek(
                of: id,
                [
                    .init(start: 1440 + 540, end: 1440 + 720),
                    .init(start: 1440 + 780, end: 1440 + 1020),
                ])
        }
        try desk.policy("all", ConditionTexts(), [(.normal, .firstReplyTime, 240, true)])
        let ticket = try desk.ticket { $0.priority = .normal }
        // Sunday noon to Monday 9 is 21 hours; three before lunch, one after.
        #expect(
            ticket.nextBreachAt
                == desk.now.advanced(byMilliseconds: (21 * 60 + 300) * Self.minute))
    }

    /// Another schedule by a rule: its working time counts from then on.
    @Test func aRuleGivesATicketItsSchedule() throws {
        let desk = try TestDesk()
        let (usual, night) = try desk.run { desk in
            let usual = try desk.createSchedule(name: "Day", timeZone: "UTC", Zones.lookup).id
            let night = try desk.createSchedule(name: "Night", timeZone: "UTC", Zones.lookup).id
            _ = try desk.setWorkweek(
                of: night, [.init(start: 0, end: WorkingHours.minutesPerWeek)])
            return (usual, night)
        }
        #expect(usual != night)
        try desk.policy("all", ConditionTexts(), [(.normal, .firstReplyTime, 60, true)])
        try desk.trigger(
            "night", AutomationTests.when(("current_tags", "includes", "night")),
            [AutomationTests.act("set_schedule", String(night))])
        let ticket = try desk.ticket {
            $0.priority = .normal
            $0.tags = ["night"]
        }
        #expect(ticket.scheduleID == night)
        #expect(ticket.nextBreachAt == desk.now.advanced(byMilliseconds: 60 * Self.minute))
        #expect(
            try desk.refusal {
                try $0.createRule(
                    .trigger,
                    TestDesk.rule(
                        "gone", AutomationTests.when(("status", "is", "new")),
                        [AutomationTests.act("set_schedule", "77")]))
            }?.words == "Actions: set_schedule: 77 does not exist")
    }

    @Test(arguments: [
        ([("urgent", "first_reply_time", "0", "false")], "must be 1 to 5256000 minutes"),
        ([("urgent", "golf_time", "5", "false")], "golf_time is not a metric"),
        (
            [("low", "agent_work_time", "5", "false"), ("low", "agent_work_time", "6", "true")],
            "there are two targets for agent_work_time of low"
        ),
    ])
    func badPoliciesAreRefused(
        targets: [(String, String, String, String)], words: String
    ) throws {
        let desk = try TestDesk()
        let refusal = try desk.refusal {
            var draft = RuleDraft()
            draft.title = "bad"
            draft.actions = targets.map {
                ActionText(field: $0.1, value: .list([$0.0, $0.2, $0.3]))
            }
            return try $0.createRule(.policy, draft)
        }
        #expect(refusal?.words.contains(words) == true, "\(refusal?.words ?? "taken")")
    }

    @Test func whatIsImportedIsPromisedNothingAndKeepsItsTimes() throws {
        let desk = try TestDesk()
        try desk.policy("all", ConditionTexts(), [(.normal, .firstReplyTime, 10, false)])
        let start = desk.now.advanced(byMilliseconds: -90 * 1440 * Self.minute)
        var changes = TicketChanges()
        changes.priority = .normal
        let customer = try desk.endUser()
        changes.requester = .id(customer)
        let history = TicketHistory(
            changes: changes,
            messages: [
                .init(
                    authorID: customer, draft: CommentDraft(body: "Help"), createdAt: start),
                .init(
                    authorID: nil, draft: CommentDraft(body: "Done?"),
                    createdAt: start.advanced(byMilliseconds: 45 * Self.minute)),
            ], createdAt: start)
        let ticket = try desk.run { try $0.importTicket(history) }.ticket
        #expect(ticket.nextBreachAt == nil && ticket.breachedAt == nil)
        let times = try desk.run { try $0.times(of: ticket) }
        #expect(times.reply?.calendarMinutes == 45)
    }

    /// Random lives of tickets through the desk itself: what is kept in the row is what a replay of the log's causes gives, no breach is late,
    /// missing or double, and metric minutes are the sums of the log.
    @Test func theLogTellsTheWholeStory() throws {
        for seed in 1...4 {
            try life(seed: UInt64(seed))
        }
    }

    private func life(seed: UInt64) throws {
        var random = SearchRandom(seed: seed)
        let desk = try TestDesk()
        let agent = try desk.agent()
        let customer = try desk.endUser()
        let schedule = try desk.run {
            try $0.createSchedule(name: "Work", timeZone: "Europe/Berlin", Zones.lookup)
        }.id
        let metrics = PolicyMetric.allCases
        try desk.policy(
            "incidents", AutomationTests.when(("type", "is", "incident")),
            metrics.map { (.high, $0, Int64(random.number(1..<900)), random.chance(50)) })
        try desk.policy(
            "others", ConditionTexts(),
            metrics.map { (.normal, $0, Int64(random.number(1..<900)), random.chance(50)) }
                + metrics.map { (.high, $0, Int64(random.number(1..<300)), random.chance(50)) })
        var ids: [Int64] = []
        for _ in 0..<6 {
            ids.append(
                try desk.ticket(as: random.chance(50) ? agent : nil) {
                    $0.priority = random.pick([.normal, .high, nil])
                    $0.requester = .id(customer)
                }.id)
            desk.pass(milliseconds: Int64(random.number(0..<3_000_000)))
        }
        for _ in 0..<120 {
            desk.pass(milliseconds: Int64(random.number(0..<20_000_000)))
            if random.chance(80) { try desk.runAllTimers() }
            let id = random.pick(ids)
            switch random.number(0..<10) {
            case 0:
                let start = random.number(0..<600)
                try desk.runAllTimers()
                _ = try desk.run {
                    try $0.setWorkweek(
                        of: schedule,
                        (0..<7).map {
                            .init(start: $0 * 1440 + start, end: $0 * 1440 + start + 480)
                        })
                }
            case 1, 2, 3:
                _ = try? desk.run(as: customer) {
                    try $0.updateRequest(id, comment: CommentDraft(body: "?"), solved: false)
                }
            default:
                _ = try? desk.update(id, as: agent) {
                    if random.chance(60) {
                        $0.status = random.pick([.open, .pending, .hold, .solved])
                    }
                    if random.chance(30) { $0.priority = random.pick([.normal, .high, nil]) }
                    if random.chance(20) { $0.type = random.pick([.incident, .question]) }
                    if random.chance(40) {
                        $0.comment = CommentDraft(body: "!", isPublic: random.chance(70))
                    }
                }
            }
        }
        try desk.runAllTimers()
        for id in ids { try check(desk, id) }
        #expect(try desk.store.scrub() == [])
    }

    private func check(_ desk: TestDesk, _ id: Int64) throws {
        let ticket = try desk.run { try $0.ticket(id) }
        let calendar = try desk.transact { try $0.calendars().calendar(of: ticket) }
        #expect(ticket.nextBreachAt == ticket.clocks.nextBreach(calendar: calendar))
        #expect((ticket.nextBreachAt?.milliseconds ?? .max) >= desk.now.milliseconds)
        let events = try desk.run { try $0.metricEvents(ofTicket: id) }.map(\.event)
        var breached: Set<[Int]> = []
        var applied: [ClockMetric: ClockTarget?] = [:]
        for event in events {
            switch event.kind {
            case .targetApplied(let target):
                applied[event.metric] = target
                breached.remove([event.metric.rawValue, event.instance])
            case .breached(let target):
                #expect(applied[event.metric] == target)
                #expect(breached.insert([event.metric.rawValue, event.instance]).inserted)
            default: break
            }
        }
        // The last length that the log has of a clock that stands is the clock's own.
        for metric in ClockMetric.allCases where metric.isLifelong {
            guard let last = events.last(where: { $0.metric == metric }),
                case .measured(let time) = last.kind
            else { continue }
            let elapsed = ticket.clocks.elapsed(of: metric, until: desk.now, calendar: calendar)
            #expect(elapsed.calendar == time.calendar)
        }
    }
}

extension TestDesk {
    @discardableResult
    func policy(
        _ title: String, _ conditions: ConditionTexts,
        _ targets: [(TicketPriority, PolicyMetric, Int64, Bool)]
    ) throws -> Int64 {
        var draft = RuleDraft()
        draft.title = title
        draft.conditions = conditions
        draft.actions = targets.map {
            PolicyTarget(priority: $0.0, metric: $0.1, minutes: $0.2, isBusiness: $0.3).action
        }
        let wanted = draft
        return try run { try $0.createRule(.policy, wanted) }.id
    }
}
