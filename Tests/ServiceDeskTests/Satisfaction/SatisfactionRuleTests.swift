import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// Conditions on surveys, in triggers and views, and the texts of offers.
struct SatisfactionRuleTests {
    /// Every operator against every state.
    @Test func conditionsCompareStatesInTheirOrder() throws {
        let compiler = ConditionCompiler(kind: .view, fieldKind: { _ in nil })
        func holding(_ test: String, _ word: String) throws -> [SatisfactionState] {
            let condition = try compiler.compile(
                ConditionText(field: "satisfaction_score", test: test, value: .text(word)))
            let desk = try TestDesk()
            let ticket = try desk.ticket()
            return SatisfactionState.allCases.filter { state in
                var ticket = ticket
                ticket.satisfaction.state = state
                let subject = RuleSubject(
                    ticket, before: ticket, updater: Principal(userID: 1, role: .agent),
                    channel: .api, now: desk.now)
                return condition.holds(for: subject)
            }
        }
        #expect(try holding("is", "unoffered") == [.unoffered])
        #expect(try holding("is", "offered") == [.offered])
        #expect(try holding("is", "bad") == [.bad, .badWithComment])
        #expect(try holding("is", "bad_with_comment") == [.badWithComment])
        #expect(try holding("is", "good") == [.good, .goodWithComment])
        #expect(
            try holding("is_not", "good") == [.unoffered, .offered, .bad, .badWithComment])
        #expect(try holding("less_than", "good") == [.unoffered, .offered, .bad, .badWithComment])
        #expect(try holding("less_than", "bad") == [.unoffered, .offered])
        #expect(try holding("greater_than", "offered") == SatisfactionState.allCases.suffix(4))
        #expect(try holding("greater_than", "bad") == [.good, .goodWithComment])
        #expect(throws: DeskRefusal.self) { try holding("is", "great") }
        #expect(throws: DeskRefusal.self) { try holding("is", "") }
        #expect(throws: DeskRefusal.self) { try holding("includes", "good") }
    }

    @Test func triggersSeeHowARatingChanges() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        try desk.offersSurveys()
        for (word, test, value) in [
            ("bad", "value", "bad"), ("words", "changed_to", "bad_with_comment"),
            ("was-offered", "value_previous", "offered"), ("moved", "changed", ""),
            ("not-good", "not_changed_to", "good"),
        ] {
            try desk.rule(
                word,
                TestDesk.all(
                    ("satisfaction_score", test, value),
                    ("subject_includes_word", "includes", "look")),
                "current_tags", .text(word))
        }
        try desk.rule(
            "slow",
            TestDesk.all(
                ("satisfaction_reason_code", "is", "5"), ("satisfaction_reason_code", "changed", "")
            ),
            "current_tags", .text("slow"))
        let id = try desk.asked(by: jane)
        try desk.solve(id)
        try desk.update(id) { $0.subject = "look" }
        func tags(_ change: () throws -> Void) throws -> [String] {
            try desk.update(id) { $0.tags = [] }
            try desk.run { desk in
                // What the reset itself set off is not looked at.
                var ticket = try desk.findTicket(id)!
                let before = ticket
                ticket.tags = []
                try desk.update(from: before, to: ticket)
            }
            try change()
            return try desk.ticket(id).tags
        }
        #expect(
            try tags { try desk.rate(id, as: jane, false) } == [
                "bad", "moved", "not-good", "was-offered",
            ])
        // A comment more does not make it bad once more.
        #expect(
            try tags { try desk.rate(id, as: jane, false, "Slow", reason: 5) } == [
                "moved", "not-good", "slow", "words",
            ])
        #expect(try tags { try desk.rate(id, as: jane, true) } == ["moved"])
        #expect(
            try tags { try desk.rate(id, as: jane, false, .some(nil)) } == [
                "bad", "moved", "not-good",
            ])
    }

    @Test func aBadRatingMayOpenItsTicketAgain() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        try desk.offersSurveys()
        try desk.rule(
            "sorry", TestDesk.all(("satisfaction_score", "is", "bad"), ("status", "is", "solved")),
            "status", .text("open"))
        let id = try desk.asked(by: jane)
        try desk.solve(id)
        #expect(try desk.rate(id, as: jane, false, "No").solve == 1)
        let ticket = try desk.ticket(id)
        #expect(ticket.status == .open)
        #expect(ticket.satisfaction.state == .badWithComment)
        #expect(ticket.solve == 2)
        #expect(try desk.ratings().map(\.state) == [.badWithComment])
    }

    @Test func viewsFollowRatings() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        func view(_ field: String, _ test: String, _ value: String) throws -> Int64 {
            let draft = TestDesk.rule(
                "v", TestDesk.all((field, test, value), ("status", "greater_than", "open")))
            return try desk.run { try $0.createRule(.view, draft) }.id
        }
        try desk.offersSurveys()
        let views = [
            try view("satisfaction_score", "is", "bad"),
            try view("satisfaction_score", "is_not", "bad"),
            try view("satisfaction_score", "greater_than", "bad"),
            try view("satisfaction_score", "less_than", "bad"),
            try view("satisfaction_reason_code", "is", "6"),
            try view("satisfaction_reason_code", "is", "0"),
        ]
        func counts() throws -> [Int64?] {
            try views.map { id in
                let kept = try desk.run { try $0.count(ofView: id) }.count
                let shown = try desk.run {
                    try $0.tickets(
                        ofView: id, sortBy: nil, descending: nil, .offset(page: 1, size: 100))
                }.page.items.count
                #expect(kept == Int64(shown))
                return kept
            }
        }
        let (first, second) = (try desk.asked(by: jane), try desk.asked(by: jane))
        #expect(try counts() == [0, 0, 0, 0, 0, 0])
        for id in [first, second] { try desk.solve(id) }
        #expect(try counts() == [0, 2, 0, 2, 0, 0])
        try desk.rate(first, as: jane, false, "No", reason: 6)
        try desk.rate(second, as: jane, false)
        #expect(try counts() == [2, 0, 0, 0, 1, 1])
        try desk.rate(first, as: jane, true)
        #expect(try counts() == [1, 1, 1, 0, 0, 1])
        try desk.update(second) { $0.status = .closed }
        try desk.rate(second, as: jane, true)
        #expect(try counts() == [0, 2, 2, 0, 0, 0])
    }

    @Test func anOffersTextIsTheRules() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        try desk.offersSurveys(
            .list([
                "offered", "About {{ticket.title}}",
                "Dear {{ticket.requester.name}}: {{ satisfaction.positive_rating_url }} or {{satisfaction.negative_rating_url}}",
            ]))
        try desk.rule(
            "tell", TestDesk.all(("satisfaction_score", "changed_to", "bad")), "notification_user",
            .list([
                "assignee_id", "Rated",
                "{{satisfaction.current_rating}}: {{satisfaction.current_comment}}",
            ]))
        try desk.rule(
            "thank", TestDesk.all(("satisfaction_score", "changed_to", "bad")),
            "notification_user",
            .list(["requester_id", "Thanks", "Noted: {{satisfaction.current_comment}}"]))
        let id = try desk.ticket {
            $0.requester = .id(jane)
            $0.subject = "A {{satisfaction.rating_url}} trick"
        }.id
        try desk.solve(id)
        let mail = try #require(try desk.mails(id).first)
        let token = try #require(mail.token)
        // What customers write is no place for a link.
        #expect(mail.subject == "About A {{satisfaction.rating_url}} trick")
        #expect(
            mail.body
                == "Dear Jane: /surveys/\(token)?score=good or /surveys/\(token)?score=bad")
        try desk.rate(id, as: jane, false, "Meh")
        #expect(try desk.mails(id).map(\.body).suffix(2) == ["bad: Meh", "Noted: "])
    }

    @Test func anOfferThatCannotWorkIsRefused() throws {
        let desk = try TestDesk()
        func problem(_ field: String, _ value: RuleValue, _ kind: RuleKind = .trigger) throws
            -> String?
        {
            let draft = TestDesk.rule(
                "r", TestDesk.all(("status", "is", "solved")),
                [ActionText(field: field, value: value)])
            guard case .invalid(let errors)? = try desk.refusal({ try $0.createRule(kind, draft) })
            else { return nil }
            return errors.first?.description
        }
        #expect(
            try problem("satisfaction_score", .text("good"))
                == "Actions: satisfaction_score: the value must be offered")
        #expect(
            try problem("satisfaction_score", .list(["offered", "s"]))
                == "Actions: satisfaction_score: a text must be a subject and a body")
        #expect(
            try problem("satisfaction_score", .list(["offered", "s", "no link"]))?
                .contains("{{satisfaction.rating_url}}") == true)
        #expect(
            try problem("satisfaction_score", .text("offered"), .macro)
                == "Actions: satisfaction_score: only triggers and automations offer surveys")
        #expect(
            try problem("nps_survey", .list(["offered", "0"]))
                == "Actions: nps_survey: must name 1 to 3650 days")
        #expect(
            try problem("nps_survey", .list(["offered", "30", "s", "b"]))?
                .contains("{{nps.rating_url}}") == true)
        #expect(try problem("nps_survey", .list(["offered", "30"])) == nil)
    }

    /// Without a key no link can be signed: the rule fails and says so, and the ticket is solved all the same.
    @Test func aRuleWithoutAKeyFailsAndSaysWhy() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        let rule = try desk.trigger(
            "ask", TestDesk.all(("status", "is", "solved")),
            [ActionText(field: "satisfaction_score", value: .text("offered"))])
        let id = try desk.asked(by: jane)
        #expect(try desk.solve(id).status == .solved)
        #expect(try desk.run { try $0.rule(.trigger, rule) }.failures == 1)
        #expect(try desk.ticket(id).satisfaction.state == .unoffered)
    }

    @Test func reasonsAreThereWithoutRowsAndCanBeChanged() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        let ben = try desk.agent()
        func codes(_ withDeleted: Bool = false) throws -> [Int64] {
            try desk.run(as: ben) { try $0.satisfactionReasons(withDeleted: withDeleted) }
                .map(\.code)
        }
        #expect(try codes() == [5, 6, 7, 8, 1000])
        #expect(try desk.number("SELECT count(*) FROM satisfaction_reasons WHERE tenant = ?1") == 0)
        let id = try desk.asked(by: jane)
        try desk.solve(id)
        try desk.rate(id, as: jane, false, reason: 6)
        #expect(try desk.run { try $0.createSatisfactionReason("Wrong colour") }.code == 1001)
        #expect(try desk.run { try $0.updateSatisfactionReason(6, "Not solved") }.version == 1)
        try desk.run { try $0.deleteSatisfactionReason(7) }
        try desk.run { try $0.deleteSatisfactionReason(1001) }
        #expect(try codes() == [5, 6, 8, 1000])
        #expect(try codes(true) == [5, 6, 7, 8, 1000, 1001])
        #expect(try desk.refusal { try $0.deleteSatisfactionReason(7) } == .notFound)
        #expect(try desk.refusal { try $0.updateSatisfactionReason(9, "x") } == .notFound)
        // A code is never given twice, and one that was deleted comes back by being changed.
        #expect(try desk.run { try $0.createSatisfactionReason("Other colour") }.code == 1002)
        #expect(try desk.run { try $0.updateSatisfactionReason(7, nil) }.deletedAt == nil)
        #expect(
            try desk.refusal { try $0.createSatisfactionReason("Not solved") }
                == .invalid("value", .duplicate, "Value: has already been taken"))
        #expect(
            try desk.refusal { try $0.createSatisfactionReason(" ") }
                == .invalid("value", .blank, "Value: cannot be blank"))
        #expect(try desk.refusal(as: ben) { try $0.createSatisfactionReason("x") } != nil)
        // A rating keeps the text that was chosen.
        #expect(try desk.ratings().first?.reason == "The issue was not resolved")
        #expect(try desk.rate(id, as: jane, false, "No").reason == "The issue was not resolved")
        for number in 0..<44 {
            _ = try desk.run { try $0.createSatisfactionReason("Reason \(number)") }
        }
        #expect(try desk.refusal { try $0.createSatisfactionReason("One more") } != nil)
    }
}
