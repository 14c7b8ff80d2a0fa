import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// What holds of surveys after any history of solving, opening again, offering, rating, closing and deleting.
struct SatisfactionHistoryTests {
    /// A survey as the audits tell it.
    private struct Told: Equatable {
        var state: SatisfactionState
        var comment: String?
        var reason: Int64?
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func surveysAreWhatTheAuditsSay(seed: UInt64) throws {
        var random = SurveyRandom(seed: seed)
        let desk = try TestDesk()
        let people = [try desk.endUser("Jane"), try desk.endUser("Joe")]
        try desk.offersSurveys()
        try Self.unrulyRules(desk)
        let views = try Self.views(desk)
        let ids = try (0..<4).map {
            try desk.asked(by: people[$0 % 2], tags: $0 == 3 ? ["stubborn"] : [])
        }
        var tokens: [String] = []
        for step in 0..<70 {
            let id = ids[random.next(ids.count)]
            try Self.act(&random, desk, id, people, tokens)
            tokens = try desk.mails().compactMap(\.token)
            try Self.check(desk, ids, "seed \(seed), step \(step)")
        }
        for view in views {
            let kept = try desk.run { try $0.count(ofView: view) }.count
            let conditions = try desk.run { try $0.rule(.view, view) }.conditions
            #expect(try kept == desk.run { try $0.previewCount(conditions) }, "seed \(seed)")
        }
        for id in ids {
            #expect(try Self.listed(desk, id) == Self.told(desk, id), "seed \(seed), ticket \(id)")
        }
    }

    /// Rules that open again what was just solved or rated, and one that solves what was just opened.
    private static func unrulyRules(_ desk: TestDesk) throws {
        try desk.rule(
            "sorry",
            TestDesk.all(
                ("satisfaction_score", "changed_to", "bad"), ("current_tags", "includes", "alarm")),
            "status", .text("open"))
        try desk.rule(
            "not yet",
            TestDesk.all(("status", "changed_to", "solved"), ("priority", "is", "urgent")),
            "status", .text("pending"))
        try desk.rule(
            "stay",
            TestDesk.all(
                ("status", "value_previous", "solved"), ("status", "is", "open"),
                ("current_tags", "includes", "stubborn"), ("priority", "is", "low")),
            "status", .text("solved"))
    }

    private static func views(_ desk: TestDesk) throws -> [Int64] {
        try [
            ("is", "bad"), ("is", "offered"), ("greater_than", "offered"),
            ("is", "good_with_comment"),
        ]
        .map { test, word in
            let draft = TestDesk.rule(
                word,
                TestDesk.all(
                    ("satisfaction_score", test, word), ("status", "is_not", "new")))
            return try desk.run { try $0.createRule(.view, draft) }.id
        }
    }

    private static func act(
        _ random: inout SurveyRandom, _ desk: TestDesk, _ id: Int64, _ people: [Int64],
        _ tokens: [String]
    ) throws {
        let ticket = try desk.ticket(id)
        func attempt(_ body: () throws -> Void) throws {
            do { try body() } catch is DeskRefusal {}
        }
        guard ticket.deletedAt == nil else {
            return try desk.run { try $0.restoreTicket(id) }
        }
        let comment: String?? = [nil, .some(nil), "Words", "Other words"][random.next(4)]
        let reason: Int64? = [nil, 0, 5, 6][random.next(4)]
        switch random.next(14) {
        case 0, 1, 2: try attempt { try desk.solve(id) }
        case 3: try attempt { try desk.reopen(id) }
        case 4:
            try attempt {
                _ = try desk.run(as: ticket.requesterID) {
                    try $0.updateRequest(id, comment: CommentDraft(body: "No"), solved: false)
                }
            }
        case 5, 6, 7:
            let isGood = random.next(2) == 0
            try attempt {
                try desk.rate(
                    id,
                    as: people[
                        random.next(5) == 0 ? 1 : people.firstIndex(of: ticket.requesterID) ?? 0],
                    isGood, comment, reason: isGood ? nil : reason)
            }
        case 8, 9:
            guard !tokens.isEmpty else { return }
            try attempt {
                _ = try desk.answer(
                    tokens[random.next(tokens.count)],
                    SurveyAnswer(
                        score: random.next(2) == 0 ? "good" : "bad", comment: comment,
                        reasonCode: reason))
            }
        case 10: desk.pass(days: Int64(random.next(4)), milliseconds: 1)
        case 11:
            let tags = [["alarm"], [], ["stubborn"], ["alarm", "stubborn"]][random.next(4)]
            let priority = [TicketPriority.low, .normal, .urgent][random.next(3)]
            try attempt {
                try desk.update(id) {
                    $0.tags = tags
                    $0.priority = priority
                }
            }
        case 12:
            switch random.next(6) {
            case 0: try attempt { try desk.update(id) { $0.status = .closed } }
            case 1: try attempt { try desk.update(id) { $0.requester = .id(people[0]) } }
            case 2: try desk.run { try $0.deleteTicket(id) }
            default: break
            }
        default: try attempt { try desk.update(id) { $0.subject = "Printer \(ticket.version)" } }
        }
    }

    /// What holds after every step.
    private static func check(_ desk: TestDesk, _ ids: [Int64], _ note: String) throws {
        let comment = Comment(rawValue: note)
        let rows = try desk.transact {
            try $0.all(
                "SELECT \(SatisfactionRating.columns) FROM satisfaction_ratings WHERE tenant = ?1 ORDER BY id",
                read: SatisfactionRating.init)
        }
        #expect(Set(rows.map(\.id)).count == rows.count, comment)
        #expect(Set(rows.map { [$0.ticketID, $0.solve] }).count == rows.count, comment)
        var counted: [SatisfactionState: Int64] = [:]
        for id in ids {
            let ticket = try desk.ticket(id)
            let own = rows.filter { $0.ticketID == id }
            let newest = own.first { $0.solve == ticket.satisfaction.solve }
            // The ticket says of its newest survey what the survey's row says.
            #expect(newest?.state ?? .unoffered == ticket.satisfaction.state, comment)
            #expect(newest?.comment == ticket.satisfaction.comment, comment)
            #expect(newest?.reasonCode == ticket.satisfaction.reasonCode, comment)
            #expect(own.allSatisfy { $0.solve <= ticket.satisfaction.solve }, comment)
            // An offer stands only while the solve that it is about lasts.
            for row in own where row.state == .offered {
                #expect(ticket.status >= .solved && row.solve == ticket.solve, comment)
            }
            let waiting = try desk.mails(id).filter { $0.state == .queued }
            #expect(waiting.count == (ticket.satisfaction.state == .offered ? 1 : 0), comment)
            guard ticket.deletedAt == nil else { continue }
            for row in own { counted[row.state, default: 0] += 1 }
        }
        for state in SatisfactionState.allCases {
            #expect(
                try desk.transact { try $0.count(.ratings(state)) } == counted[state] ?? 0, comment)
        }
    }

    private static func listed(_ desk: TestDesk, _ id: Int64) throws -> [Int64: Told] {
        let rows = try desk.transact {
            try $0.all(
                "SELECT \(SatisfactionRating.columns) FROM satisfaction_ratings WHERE tenant = ?1 AND ticket_id = ?2",
                id, read: SatisfactionRating.init)
        }
        return Dictionary(
            uniqueKeysWithValues: rows.map {
                ($0.solve, Told(state: $0.state, comment: $0.comment, reason: $0.reasonCode))
            })
    }

    /// The same from nothing but the events of the ticket's audits.
    private static func told(_ desk: TestDesk, _ id: Int64) throws -> [Int64: Told] {
        var surveys: [Int64: Told] = [:]
        var solve: Int64 = 1
        for events in try desk.history(of: id) {
            let current = solve
            for event in events.map(\.items) {
                let texts = event.map(\.string)
                switch (texts.first ?? nil, texts.count > 1 ? texts[1] : nil) {
                case ("Change", "status"):
                    if texts[3] == "solved", texts[2] != "closed" { solve += 1 }
                case ("Change", "satisfaction_score"), ("Create", "satisfaction_score"):
                    if texts[2] == "offered" { surveys[current] = Told(state: .offered) }
                    if texts[2] == "unoffered" { surveys[current] = Told(state: .unoffered) }
                case ("SatisfactionRating", let score):
                    surveys[current] = Told(
                        state: SatisfactionState(
                            isGood: score == "good", hasComment: texts[2] != nil),
                        comment: texts[2], reason: texts[4].flatMap { Int64($0) })
                default: break
                }
            }
        }
        return surveys
    }
}
