import SQLite
import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// Triggers in a real store: order, loops, net changes, failures and traces.
struct TriggerTests {
    private static func all(_ tests: (String, String, RuleValue)...) -> ConditionTexts {
        ConditionTexts(all: tests.map { ConditionText(field: $0.0, test: $0.1, value: $0.2) })
    }

    private static func act(_ field: String, _ value: String) -> ActionText {
        ActionText(field: field, value: .text(value))
    }

    private static let isNew = ("update_type", "is", RuleValue.text("Create"))

    @Test func laterTriggersSeeWhatEarlierOnesDidAndEarlierOnesLookAgain() throws {
        let desk = try TestDesk()
        // The second makes the first hold: it is looked at again and fires then.
        let first = try desk.trigger(
            "tagged is urgent", Self.all(("current_tags", "includes", .text("vip"))),
            [Self.act("priority", "urgent")])
        let second = try desk.trigger(
            "printers are vip", Self.all(("subject_includes_word", "includes", .text("printer"))),
            [Self.act("current_tags", "vip")])
        let made = try desk.ticket()
        #expect(made.priority == .urgent)
        #expect(made.tags == ["vip"])
        let events = try desk.events(of: made.id)
        #expect(
            events.contains(
                #"["Create","priority","urgent","trigger","\#(first)","tagged is urgent"]"#))
        #expect(
            events.contains(#"["Create","tags",["vip"],"trigger","\#(second)","printers are vip"]"#)
        )
        // What the user said themselves has no rule's name.
        #expect(events.contains(#"["Create","subject","Printer"]"#))
    }

    /// Two rules that undo each other, and one that would hold after each of its own firings: the run ends, each fires once.
    @Test func aLoopEnds() throws {
        let desk = try TestDesk()
        try desk.trigger(
            "up", Self.all(("priority", "is", .text("low"))), [Self.act("priority", "high")])
        try desk.trigger(
            "down", Self.all(("priority", "is", .text("high"))), [Self.act("priority", "low")])
        for number in 0..<30 {
            try desk.trigger(
                "tag \(number)", Self.all(("status", "less_than", .text("solved"))),
                [Self.act("current_tags", "t\(number)")])
        }
        let made = try desk.ticket { $0.priority = .low }
        // low → high → low: a net change of nothing is no event.
        #expect(made.priority == .low)
        #expect(made.tags.count == 30)
        let trace = try desk.run { try $0.rehearseCreation(Self.printer) }
        #expect(trace.steps.allSatisfy { $0.looks <= 33 })
    }

    @Test func whatComesBackToWhatItWasIsNoEvent() throws {
        let desk = try TestDesk()
        try desk.trigger(
            "keep it open", Self.all(("status", "changed_to", .text("pending"))),
            [Self.act("status", "open")])
        let agent = try desk.agent()
        let made = try desk.ticket { $0.assigneeID = agent }
        #expect(made.status == .open)
        let write = try desk.update(made.id) { $0.status = .pending }
        #expect(write.ticket.status == .open)
        #expect(write.audit?.events == "[]")
    }

    @Test func changedLooksAtTheUpdateAsAWhole() throws {
        let desk = try TestDesk()
        let (ben, cleo) = (try desk.agent("Ben"), try desk.agent("Cleo"))
        try desk.trigger(
            "handed over",
            Self.all(
                ("assignee_id", "changed", .none),
                ("assignee_id", "value_previous", .text("\(ben)"))),
            [Self.act("current_tags", "handed-over")])
        try desk.trigger(
            "commented",
            Self.all(("comment_is_public", "is", .text("true")), ("role", "is", .text("agent"))),
            [Self.act("current_tags", "answered")])
        let made = try desk.ticket { $0.assigneeID = ben }
        #expect(made.tags == ["answered"])
        try desk.update(made.id) { $0.tags = [] }
        #expect(try desk.update(made.id) { $0.subject = "Other" }.ticket.tags == [])
        #expect(try desk.update(made.id) { $0.assigneeID = cleo }.ticket.tags == ["handed-over"])
        let answered = try desk.update(made.id, as: cleo) {
            $0.comment = CommentDraft(body: "Done")
        }
        #expect(answered.ticket.tags == ["answered", "handed-over"])
    }

    @Test func closedTicketsGetNoTriggersButTheUpdateThatClosesDoes() throws {
        let desk = try TestDesk()
        try desk.trigger(
            "seen", Self.all(("status", "is", .text("closed"))), [Self.act("current_tags", "seen")])
        let made = try desk.ticket()
        #expect(try desk.update(made.id) { $0.status = .closed }.ticket.tags == ["seen"])
        #expect(try desk.refusal { try $0.updateTicket(made.id, TicketChanges()) } != nil)
    }

    @Test func noticesGoIntoTheOutboxWithTheirPlacesFilledIn() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser("Jane")
        try desk.trigger(
            "thanks", Self.all(Self.isNew),
            [
                ActionText(
                    field: "notification_user",
                    value: .list([
                        "requester_id", "[{{ticket.id}}] {{ticket.title}}",
                        "Dear {{ ticket.requester.first_name }},\n{{ticket.latest_comment}} {{nothing.here}}|{{",
                    ]))
            ])
        let made = try desk.ticket { $0.requester = .id(jane) }
        let notices = try desk.run {
            try $0.notices(ofTicket: made.id, state: .queued, .offset(page: 1, size: 10))
        }
        let notice = try #require(notices.items.first)
        #expect(notices.count == 1)
        #expect(notice.recipientIDs == [jane])
        #expect(notice.subject == "[\(made.id)] Printer")
        #expect(notice.body == "Dear Jane,\nIt smokes |{{")
        #expect(
            try desk.events(of: made.id).contains(
                #"["Notification","mail","[1] Printer",["\#(jane)"]"#))
        _ = try desk.run { try $0.setNotice(notice.id, .cancelled) }
        #expect(try desk.run { try $0.notice(notice.id) }.state == .cancelled)
        // A ticket that is refused leaves no notice behind.
        #expect(try desk.refusal { try $0.createTicket(TicketChanges()) } != nil)
        #expect(try desk.number("SELECT count(*) FROM notices WHERE tenant = ?1") == 1)
    }

    /// What agents tell each other does not reach customers by a rule's text.
    @Test func customersGetNoPrivateCommentsByARulesText() throws {
        let desk = try TestDesk()
        let (jane, ben) = (try desk.endUser("Jane"), try desk.agent("Ben"))
        func mail(_ person: String) -> ActionText {
            ActionText(
                field: "notification_user",
                value: .list([person, "{{ticket.latest_comment}}", "{{ticket.latest_comment}}"]))
        }
        try desk.trigger(
            "tell", Self.all(("update_type", "is", .text("Change"))),
            [
                mail("requester_id"), mail("assignee_id"),
                ActionText(field: "subject", value: .text("{{ticket.latest_comment}}")),
            ])
        let made = try desk.ticket {
            $0.requester = .id(jane)
            $0.assigneeID = ben
        }
        try desk.update(made.id) {
            $0.comment = CommentDraft(body: "She is a pain", isPublic: false)
        }
        let notices = try desk.run {
            try $0.notices(ofTicket: made.id, state: nil, .offset(page: 1, size: 10))
        }.items
        #expect(notices.first { $0.recipientIDs == [jane] }?.body == "It smokes")
        #expect(notices.first { $0.recipientIDs == [jane] }?.subject == "It smokes")
        #expect(notices.first { $0.recipientIDs == [ben] }?.body == "She is a pain")
        #expect(try desk.run { try $0.findTicket(made.id) }?.subject == "It smokes")
    }

    /// A rule that cannot do what it says never stops the ticket; it is on the audit, and off after a while.
    @Test func aRuleThatFailsIsRecordedAndSwitchedOff() throws {
        let desk = try TestDesk()
        let group = try desk.group("Level 2")
        let failing = try desk.trigger(
            "to level 2", Self.all(("status", "less_than", .text("solved"))),
            [Self.act("priority", "high"), Self.act("group_id", "\(group)")])
        try desk.run { try $0.deleteTeam(group) }
        let made = try desk.ticket()
        // All of a rule or nothing.
        #expect(made.priority == nil)
        #expect(
            try desk.events(of: made.id).contains(
                #"["Error","Group: does not exist","trigger","\#(failing)","to level 2"]"#))
        for _ in 1..<Rule.failureLimit { try desk.ticket() }
        let rule = try desk.run { try $0.rule(.trigger, failing) }
        #expect(!rule.isActive)
        #expect(rule.failures == Rule.failureLimit)
        #expect(rule.failure == "Group: does not exist")
        #expect(try !desk.events(of: try desk.ticket().id).contains("Error"))
    }

    @Test func aTraceNamesTheConditionThatHeldARuleBackAndLeavesNothing() throws {
        let desk = try TestDesk()
        let fires = try desk.trigger("fires", Self.all(Self.isNew), [Self.act("current_tags", "a")])
        let held = try desk.trigger(
            "held", Self.all(Self.isNew, ("priority", "is", .text("urgent"))),
            [Self.act("current_tags", "b")])
        let any = try desk.trigger(
            "any",
            ConditionTexts(any: [
                ConditionText(field: "type", test: "is", value: .text("task")),
                ConditionText(field: "type", test: "is", value: .text("problem")),
            ]), [Self.act("current_tags", "c")])
        let trace = try desk.run { try $0.rehearseCreation(Self.printer) }
        let steps = Dictionary(uniqueKeysWithValues: trace.steps.map { ($0.ruleID, $0) })
        #expect(steps[fires]?.firedAs == 1)
        #expect(steps[held]?.heldBackBy?.field == "priority")
        #expect(steps[held]?.isAny == false)
        #expect(steps[any]?.heldBackBy?.value == .text("task"))
        #expect(steps[any]?.isAny == true)
        #expect(trace.ticket?.tags == ["a"])
        #expect(try desk.number("SELECT count(*) FROM tickets WHERE tenant = ?1") == 0)
        #expect(try desk.ticket().id == 1)
    }

    private static var printer: TicketChanges {
        var changes = TicketChanges()
        changes.subject = "Printer"
        changes.priority = .low
        changes.comment = CommentDraft(body: "It smokes")
        return changes
    }

    /// The values of a deleted field stay in the rows, but no rule looks at them.
    @Test func aRuleOfADeletedFieldDoesNothing() throws {
        let desk = try TestDesk()
        let field = try desk.textField("Serial")
        try desk.trigger(
            "recalled", Self.all(("custom_fields_\(field)", "is", .text("A-1"))),
            [Self.act("current_tags", "recalled")])
        func tags() throws -> [String] {
            try desk.ticket { $0.fields = [FieldChange(.id(field), .text("A-1"))] }.tags
        }
        #expect(try tags() == ["recalled"])
        let made = try desk.ticket { $0.fields = [FieldChange(.id(field), .text("A-1"))] }
        #expect(try desk.update(made.id) { $0.tags = [] }.ticket.tags == ["recalled"])
        try desk.run { try $0.deleteField(field, of: .ticket) }
        #expect(try desk.update(made.id) { $0.tags = [] }.ticket.tags == [])
    }

    /// A rule that sets a field that is gone says so, as with anything else that is gone.
    @Test func settingADeletedFieldFailsAndIsRecorded() throws {
        let desk = try TestDesk()
        let field = try desk.textField("Serial")
        let id = try desk.trigger(
            "stamp", Self.all(Self.isNew), [Self.act("custom_fields_\(field)", "A-1")])
        #expect(try desk.ticket().customFields.texts(field) == ["A-1"])
        try desk.run { try $0.deleteField(field, of: .ticket) }
        let made = try desk.ticket()
        #expect(try desk.events(of: made.id).contains("was deleted; restore it to set it"))
        #expect(try desk.run { try $0.rule(.trigger, id) }.failures == 1)
    }

    /// What a rule sends says what is on the ticket, and goes with it.
    @Test func noticesAreForWhoMaySeeTheTicketAndGoWithIt() throws {
        let desk = try TestDesk()
        let (ben, cleo) = (try desk.agent("Ben"), try desk.agent("Cleo"))
        var restricted = UserChanges()
        restricted.restriction = .assigned
        let wanted = restricted
        _ = try desk.run { try $0.updateUser(ben, wanted, agentLimit: 100) }
        try desk.trigger(
            "tell", Self.all(Self.isNew),
            [
                ActionText(
                    field: "notification_user", value: .list(["requester_id", "s", "secret"]))
            ])
        let (his, other) = (try desk.ticket { $0.assigneeID = ben }, try desk.ticket())
        func seen(_ user: Int64) throws -> [Int64] {
            try desk.run(as: user) {
                try $0.notices(ofTicket: nil, state: nil, .offset(page: 1, size: 10))
            }.items.map(\.ticketID)
        }
        #expect(try seen(ben) == [his.id])
        #expect(try seen(cleo) == [other.id, his.id])
        let hidden = try desk.run {
            try $0.notices(ofTicket: other.id, state: nil, .offset(page: 1, size: 10))
        }.items[0].id
        #expect(try desk.refusal(as: ben) { try $0.notice(hidden) } == .notFound)
        try desk.run { try $0.deleteTicket(other.id) }
        try desk.run { try $0.eraseTicket(other.id) }
        #expect(try desk.number("SELECT count(*) FROM notices WHERE tenant = ?1") == 1)
    }

    @Test func inactiveAndDeletedTriggersDoNothingAtOnce() throws {
        let desk = try TestDesk()
        let id = try desk.trigger("t", Self.all(Self.isNew), [Self.act("current_tags", "x")])
        #expect(try desk.ticket().tags == ["x"])
        var off = RuleDraft()
        off.isActive = false
        let draft = off
        _ = try desk.run { try $0.updateRule(.trigger, id, draft) }
        #expect(try desk.ticket().tags == [])
        var on = RuleDraft()
        on.isActive = true
        let again = on
        _ = try desk.run { try $0.updateRule(.trigger, id, again) }
        #expect(try desk.ticket().tags == ["x"])
        try desk.run { try $0.deleteRule(.trigger, id) }
        #expect(try desk.ticket().tags == [])
    }

    @Test(arguments: [
        ("colour", "is", RuleValue.text("red"), "colour: is not a condition that Lodge knows"),
        ("status", "is", .text("shiny"), "status: shiny is not a value of this field"),
        ("status", "includes", .text("open"), "status: the operator includes is not one of is"),
        ("group_id", "is", .text("999"), "group_id: 999 does not exist"),
        ("SOLVED", "greater_than", .text("4"), "SOLVED: comes true with time"),
        ("custom_fields_5", "is", .text("x"), "custom_fields_5: there is no custom field"),
        ("sla_next_breach_at", "less_than", .text("1"), "sla_next_breach_at: comes true with time"),
        ("reopens", "less_than", .text("many"), "reopens: many is not a count"),
        ("update_type", "is", .text("Maybe"), "update_type: Maybe is not Create or Change"),
    ])
    func badConditionsAreRefusedByName(field: String, test: String, value: RuleValue, words: String)
        throws
    {
        let desk = try TestDesk()
        let refusal = try desk.refusal {
            try $0.createRule(
                .trigger,
                TestDesk.rule("t", Self.all((field, test, value)), [Self.act("status", "open")]))
        }
        #expect(refusal?.words.contains(words) == true, "\(refusal?.words ?? "taken")")
    }

    @Test(arguments: [
        ("status", RuleValue.text("shiny"), "status: shiny is not a value"),
        ("comment_value", .text("Hi"), "comment_value: only a macro writes comments"),
        ("explode", .text("now"), "explode: is not an action that Lodge knows"),
        ("notification_user", .text("requester_id"), "must be a recipient, a subject and a body"),
        ("assignee_id", .text("12345"), "assignee_id: 12345 does not exist"),
    ])
    func badActionsAreRefusedByName(field: String, value: RuleValue, words: String) throws {
        let desk = try TestDesk()
        let refusal = try desk.refusal {
            try $0.createRule(
                .trigger,
                TestDesk.rule("t", Self.all(Self.isNew), [ActionText(field: field, value: value)]))
        }
        #expect(refusal?.words.contains(words) == true, "\(refusal?.words ?? "taken")")
    }

    @Test func onlyAdminsKeepTriggersAndAgentsKeepTheirOwnMacrosAndViews() throws {
        let desk = try TestDesk()
        let (ben, cleo) = (try desk.agent("Ben"), try desk.agent("Cleo"))
        #expect(
            try desk.refusal(as: ben) {
                try $0.createRule(
                    .trigger, TestDesk.rule("t", Self.all(Self.isNew), [Self.act("status", "open")])
                )
            } != nil)
        let macro = try desk.run(as: ben) {
            try $0.createRule(
                .macro, TestDesk.rule("m", ConditionTexts(), [Self.act("status", "solved")]))
        }
        #expect(macro.restriction == .user(ben))
        #expect(try desk.refusal(as: cleo) { try $0.rule(.macro, macro.id) } == .notFound)
        #expect(try desk.run(as: cleo) { try $0.rules(.macro) } == [])
        #expect(try desk.run(as: ben) { try $0.rules(.macro) }.map(\.id) == [macro.id])
    }

    @Test func aMacroShowsWhatItWouldDo() throws {
        let desk = try TestDesk()
        let agent = try desk.agent()
        let macro = try desk.run {
            try $0.createRule(
                .macro,
                TestDesk.rule(
                    "bye", ConditionTexts(),
                    [
                        Self.act("status", "solved"), Self.act("assignee_id", "current_user"),
                        Self.act("comment_value", "Bye, {{ticket.requester.name}}"),
                        Self.act("comment_mode_is_public", "false"),
                    ]))
        }
        let made = try desk.ticket()
        let preview = try desk.run(as: agent) { try $0.previewMacro(macro.id, on: made.id) }
        #expect(preview.ticket?.status == .solved)
        #expect(preview.ticket?.assigneeID == agent)
        #expect(preview.comment == "Bye, Ada")
        #expect(!preview.commentIsPublic)
        #expect(try desk.run { try $0.findTicket(made.id) }?.status == .new)
    }

    /// What the cost of a rule set is made of: most rules are not looked at further when what they need has not changed.
    @Test func rulesThatNeedAChangeAreSkippedWithoutIt() throws {
        let compiler = ConditionCompiler(kind: .trigger, fieldKind: { _ in nil })
        let conditions = try compiler.compile(
            Self.all(("status", "changed", .none), ("priority", "value", .text("high"))))
        #expect(conditions.needsChangeOf == [.status, .priority])
        #expect(try compiler.compile(Self.all(Self.isNew)).needsChangeOf == [.creation])
        #expect(
            try compiler.compile(
                ConditionTexts(any: [ConditionText(field: "status", test: "changed", value: .none)])
            ).needsChangeOf == [])
    }

    @Test func textsOfRulesComeBackAsTheyWere() {
        let conditions = ConditionTexts(
            all: [
                ConditionText(field: "a", test: "is", value: .text("")),
                ConditionText(field: "b", test: "changed", value: .none),
                ConditionText(field: "c", test: "includes", value: .list(["x y", "", "ü\n|,"])),
            ], any: [ConditionText(field: "d", test: "is", value: .list([]))])
        #expect(RuleText.conditions(RuleText.encode(conditions)) == conditions)
        let actions = [
            ActionText(field: "status", value: .none),
            ActionText(field: "x", value: .list(["1", "2\n"])),
        ]
        #expect(RuleText.actions(RuleText.encode(actions)) == actions)
        #expect(RuleText.actions("") == [])
    }
}

extension TestDesk {
    static func rule(
        _ title: String, _ conditions: ConditionTexts, _ actions: [ActionText] = []
    ) -> RuleDraft {
        var draft = RuleDraft()
        draft.title = title
        draft.conditions = conditions
        draft.actions = actions
        return draft
    }

    @discardableResult
    func trigger(_ title: String, _ conditions: ConditionTexts, _ actions: [ActionText]) throws
        -> Int64
    {
        try run { try $0.createRule(.trigger, Self.rule(title, conditions, actions)) }.id
    }

    func textField(_ title: String) throws -> Int64 {
        var changes = FieldDefinitionChanges()
        changes.kind = .text
        changes.title = title
        let wanted = changes
        return try run { try $0.createField(.ticket, wanted) }.id
    }

    /// The events of a ticket's last audit.
    func events(of ticket: Int64) throws -> String {
        try transact {
            try $0.first(
                "SELECT events FROM audits WHERE tenant = ?1 AND ticket_id = ?2 ORDER BY id DESC LIMIT 1",
                ticket
            ) { $0.text(0) } ?? ""
        }
    }
}
