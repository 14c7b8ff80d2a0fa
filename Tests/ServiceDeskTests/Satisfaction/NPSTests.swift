import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// Surveys of people: how often they are asked, and what their answers add up to.
struct NPSTests {
    private static func all(_ desk: TestDesk, _ filter: NPSFilter = NPSFilter()) throws
        -> Page<NPSSurvey>
    {
        try desk.run { try $0.npsResponses(filter, .offset(page: 1, size: 100)) }
    }

    @Test func aPersonIsAskedOnceInSoManyDays() throws {
        let desk = try TestDesk()
        let (jane, joe) = (try desk.endUser("Jane"), try desk.endUser("Joe"))
        try desk.asksForNPS()
        try desk.rule(
            "again", TestDesk.all(("status", "is", "solved")), "nps_survey",
            .list(["offered", "30"]))
        func mails() throws -> Int { try desk.mails().count }
        try desk.solve(desk.asked(by: jane))
        // Two rules in one update, and another ticket after: one mail.
        #expect(try mails() == 1)
        try desk.solve(desk.asked(by: jane))
        #expect(try mails() == 1)
        try desk.solve(desk.asked(by: joe))
        #expect(try mails() == 2)
        desk.pass(days: 30, milliseconds: -1)
        try desk.solve(desk.asked(by: jane))
        #expect(try mails() == 2)
        desk.pass(milliseconds: 1)
        try desk.solve(desk.asked(by: jane))
        #expect(try mails() == 3)
        // Staff are not asked.
        try desk.solve(desk.asked(by: desk.admin))
        #expect(try mails() == 3)
        #expect(try desk.number("SELECT count(*) FROM nps_surveys WHERE tenant = ?1") == 3)
    }

    @Test func anAnswerCountsForTheDayItCameFirst() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        try desk.asksForNPS()
        let ticket = try desk.asked(by: jane)
        try desk.solve(ticket)
        let mail = try #require(try desk.mails().first)
        #expect(mail.body.contains("how likely is it that you would recommend us"))
        let token = try #require(mail.token)
        guard case .nps(let survey)? = try desk.survey(token) else {
            Issue.record("it does not open")
            return
        }
        #expect(survey.userID == jane && survey.score == nil)
        #expect(try Self.all(desk).items.isEmpty)
        #expect(try desk.refusal { try $0.npsResponse(survey.id) } == .notFound)
        let today = CalendarDay(desk.now)
        func score() throws -> NPSScore {
            try desk.run { try $0.npsScore(from: today, through: today) }
        }
        #expect(try score() == NPSScore())
        #expect(try desk.answer(token, SurveyAnswer(score: "9", comment: "Fine")) == .recorded)
        #expect(try score().promoters == 1)
        desk.pass(days: 3)
        #expect(try desk.answer(token, SurveyAnswer(score: "3")) == .recorded)
        #expect(try score() == NPSScore(promoters: 0, passives: 0, detractors: 1))
        let answer = try #require(try Self.all(desk).items.first)
        #expect(answer.score == 3 && answer.comment == "Fine")
        #expect(answer.updatedAt == desk.now && answer.answeredAt != desk.now)
        for wrong in ["11", "-1", "good", ""] {
            #expect(throws: DeskRefusal.self) {
                try desk.answer(token, SurveyAnswer(score: wrong))
            }
        }
        let ben = try desk.agent()
        #expect(try desk.run(as: ben) { try $0.npsResponse(answer.id) } == answer)
        #expect(try desk.refusal(as: jane) { try $0.npsResponse(answer.id) } != nil)
        #expect(try desk.refusal(as: jane) { try $0.npsScore(from: today, through: today) } != nil)
        // It is of the person, whatever becomes of the ticket.
        try desk.run {
            try $0.deleteTicket(ticket)
            try $0.eraseTicket(ticket)
        }
        #expect(try desk.survey(token) != nil)
        desk.pass(days: 57)
        #expect(try desk.answer(token, SurveyAnswer(score: "1")) == nil)
    }

    @Test func theScoreIsRoundedToTheNearest() {
        func score(_ promoters: Int64, _ passives: Int64, _ detractors: Int64) -> Int64? {
            NPSScore(promoters: promoters, passives: passives, detractors: detractors).score
        }
        #expect(score(0, 0, 0) == nil)
        #expect(score(1, 0, 0) == 100)
        #expect(score(0, 0, 1) == -100)
        #expect(score(1, 2, 0) == 33)
        #expect(score(2, 1, 0) == 67)
        #expect(score(0, 1, 2) == -67)
        #expect(score(1, 199, 0) == 1)
        #expect(score(0, 199, 1) == -1)
        #expect(score(1, 200, 0) == 0)
        #expect(score(3, 0, 3) == 0)
    }

    /// Kept numbers are what counting the answers gives, after any history of answers.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func keptNumbersAreWhatCountingGives(seed: UInt64) throws {
        var random = SurveyRandom(seed: seed)
        let desk = try TestDesk()
        try desk.asksForNPS(.list(["offered", "1"]))
        let people = try (0..<4).map { try desk.endUser("P\($0)") }
        var tokens: [String] = []
        let first = CalendarDay(desk.now)
        for _ in 0..<80 {
            switch random.next(3) {
            case 0:
                let id = try desk.asked(by: people[random.next(4)])
                try desk.solve(id)
                if let token = try desk.mails(id).last?.token { tokens.append(token) }
            case 1: desk.pass(milliseconds: Int64(random.next(40)) * 3_600_000)
            default:
                guard !tokens.isEmpty else { continue }
                _ = try desk.answer(
                    tokens[random.next(tokens.count)],
                    SurveyAnswer(
                        score: String(random.next(11)), comment: random.next(2) == 0 ? "x" : nil))
            }
        }
        let answers = try Self.all(desk)
        #expect(answers.count == Int64(answers.items.count))
        let last = CalendarDay(desk.now)
        for _ in 0..<20 {
            let days = last.rawValue - first.rawValue + 1
            let (a, b) = (Int64(random.next(Int(days))), Int64(random.next(Int(days))))
            let (from, through) = (
                CalendarDay(rawValue: first.rawValue + min(a, b)),
                CalendarDay(rawValue: first.rawValue + max(a, b))
            )
            var counted = NPSScore()
            for answer in answers.items {
                let day = CalendarDay(answer.answeredAt!)
                guard day >= from, day <= through else { continue }
                switch answer.score! {
                case 9...: counted.promoters += 1
                case 7...8: counted.passives += 1
                default: counted.detractors += 1
                }
            }
            #expect(try desk.run { try $0.npsScore(from: from, through: through) } == counted)
        }
        for category in NPSSurvey.Category.allCases {
            var filter = NPSFilter()
            filter.scores = category.scores
            let wanted = try Self.all(desk, filter)
            let expected = answers.items.filter { category.scores.contains($0.score!) }
            #expect(wanted.items == expected && wanted.count == Int64(expected.count))
        }
        var filter = NPSFilter()
        filter.userID = people[0]
        filter.start = desk.now.advanced(byMilliseconds: -86_400_000 * 20)
        #expect(
            try Self.all(desk, filter).items
                == answers.items.filter {
                    $0.userID == people[0]
                        && $0.answeredAt!.milliseconds >= filter.start!.milliseconds
                })
    }
}

/// xorshift64*: the same seed gives the same run.
struct SurveyRandom {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 }

    /// A number below `limit`.
    mutating func next(_ limit: Int) -> Int {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return Int((state &* 0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}
