import SQLite
import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// Signed links: what they open, and what they do not.
struct SurveyLinkTests {
    private static let key = TestDesk.surveyKey
    private static let token = SurveyToken(
        .satisfaction, 7, solve: 2, expiresAt: Timestamp(seconds: 1_800_000_000))

    @Test func aTokenSaysWhatWasSigned() {
        let text = Self.token.text(key: Self.key)
        #expect(text.utf8.count == 72)
        #expect(SurveyToken(text, key: Self.key) == Self.token)
        let large = SurveyToken(
            .nps, .max, solve: 0xffff_ffff, expiresAt: Timestamp(seconds: 1 << 40))
        #expect(SurveyToken(large.text(key: Self.key), key: Self.key) == large)
    }

    @Test func whateverIsChangedDoesNotOpen() throws {
        let text = Self.token.text(key: Self.key)
        let bytes = try #require(AddressText.decode(text))
        #expect(AddressText.encode(bytes) == text)
        for place in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[place] ^= 1 << UInt8(bit)
                #expect(SurveyToken(AddressText.encode(changed), key: Self.key) == nil)
            }
        }
        var other = Self.key
        other[31] ^= 1
        #expect(SurveyToken(text, key: other) == nil)
        for wrong in ["", "x", text + "A", String(text.dropLast()), text + "=", "ä" + text] {
            #expect(SurveyToken(wrong, key: Self.key) == nil)
        }
    }

    private static func offered() throws -> (TestDesk, jane: Int64, id: Int64, token: String) {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        try desk.offersSurveys()
        let id = try desk.asked(by: jane)
        try desk.solve(id)
        return (desk, jane, id, try #require(try desk.mails(id).first?.token))
    }

    @Test func aLinkAnswersAsWhoItWasSentTo() throws {
        let (desk, jane, id, token) = try Self.offered()
        guard case .satisfaction(let ticket, let reasons)? = try desk.survey(token) else {
            Issue.record("it does not open")
            return
        }
        #expect(ticket.id == id && reasons.map(\.code) == [5, 6, 7, 8, 1000])
        // Looking changes nothing.
        #expect(try desk.ticket(id) == ticket)
        let bad = SurveyAnswer(score: "bad", comment: "Slow", reasonCode: 5)
        #expect(try desk.answer(token, bad) == .recorded)
        #expect(try desk.ratings().map(\.state) == [.badWithComment])
        // One step more: only the score. A reason that the form still has does not matter then.
        #expect(
            try desk.answer(token, SurveyAnswer(score: "good", reasonCode: 5)) == .recorded)
        #expect(try desk.ratings().first?.comment == "Slow")
        let audit = try desk.transact {
            try $0.first(
                "SELECT author_id, channel FROM audits WHERE tenant = ?1 ORDER BY id DESC LIMIT 1"
            ) { [$0.int64(0), $0.int64(1)] }
        }
        #expect(audit == [jane, Via.Channel.web.rawValue])
        #expect(throws: DeskRefusal.self) {
            try desk.answer(token, SurveyAnswer(score: "offered"))
        }
        #expect(throws: DeskRefusal.self) { try desk.answer(token, SurveyAnswer(score: "7")) }
    }

    /// Who worked on a ticket does not get hold of its requester's links.
    @Test func agentsSeeMailsWithoutTheirLinks() throws {
        let (desk, _, id, token) = try Self.offered()
        let ben = try desk.agent()
        let number = try #require(try desk.mails(id).first?.id)
        let page = try desk.run(as: ben) {
            try $0.notices(ofTicket: id, state: nil, .offset(page: 1, size: 10))
        }
        let one = try desk.run(as: ben) { try $0.notice(number) }
        for seen in [one] + page.items {
            #expect(!seen.body.contains(token.prefix(8)))
            #expect(seen.body.contains("Good, I am satisfied:\n/surveys/…?score=good\n"))
            #expect(seen.body.hasSuffix("/surveys/…?score=bad"))
        }
        #expect(try desk.events(of: id).contains(token) == false)
    }

    @Test func aLinkOfAnEarlierSolveRecordsNothing() throws {
        let (desk, jane, id, token) = try Self.offered()
        try desk.reopen(id)
        #expect(try desk.survey(token) == .reopened(ticketID: id))
        #expect(try desk.answer(token, SurveyAnswer(score: "bad")) == .reopened(ticketID: id))
        try desk.solve(id)
        #expect(try desk.answer(token, SurveyAnswer(score: "bad")) == .reopened(ticketID: id))
        #expect(try desk.ratings().map(\.state) == [.unoffered, .offered])
        let newer = try #require(try desk.mails(id).last?.token)
        #expect(newer != token)
        #expect(try desk.answer(newer, SurveyAnswer(score: "good")) == .recorded)
        try desk.rate(id, as: jane, false)
        #expect(try desk.ratings().map(\.state) == [.unoffered, .bad])
    }

    @Test func aLinkEndsWithItsTimeItsTicketAndItsPerson() throws {
        let good = SurveyAnswer(score: "good")
        do {
            let (desk, _, _, token) = try Self.offered()
            desk.pass(days: 60, milliseconds: -1000)
            #expect(try desk.survey(token) != nil)
            desk.pass(milliseconds: 1000)
            #expect(try desk.survey(token) == nil)
            #expect(try desk.answer(token, good) == nil)
        }
        do {
            let (desk, _, id, token) = try Self.offered()
            try desk.update(id) { $0.status = .closed }
            desk.pass(days: 14)
            #expect(try desk.survey(token) != nil)
            desk.pass(milliseconds: 1)
            #expect(try desk.answer(token, good) == nil)
        }
        do {
            let (desk, _, id, token) = try Self.offered()
            try desk.run { try $0.deleteTicket(id) }
            #expect(try desk.answer(token, good) == nil)
        }
        do {
            // Whoever asks now was not sent this link.
            let (desk, _, id, token) = try Self.offered()
            let joe = try desk.endUser("Joe")
            try desk.update(id) { $0.requester = .id(joe) }
            #expect(try desk.answer(token, good) == nil)
        }
        do {
            let (desk, jane, _, token) = try Self.offered()
            try desk.run {
                var changes = UserChanges()
                changes.isSuspended = true
                _ = try $0.updateUser(jane, changes, agentLimit: 10)
            }
            #expect(try desk.answer(token, good) == nil)
        }
        do {
            let (desk, jane, _, token) = try Self.offered()
            try desk.run {
                var changes = UserChanges()
                changes.role = .agent
                _ = try $0.updateUser(jane, changes, agentLimit: 10)
            }
            #expect(try desk.answer(token, good) == nil)
        }
        do {
            // Signed by the right key, for what was never offered.
            let (desk, _, id, _) = try Self.offered()
            let end = desk.now.advanced(byMilliseconds: 1_000_000)
            for token in [
                SurveyToken(.satisfaction, id, solve: 9, expiresAt: end),
                SurveyToken(.satisfaction, 99, solve: 1, expiresAt: end),
                SurveyToken(.nps, id, expiresAt: end),
            ] {
                #expect(try desk.survey(token.text(key: Self.key)) == nil)
            }
        }
    }
}
