import Measurement
import NIOCore
import Testing

@testable import LoadGenerator

@Suite struct AnswerCheckTests {
    private let texts = Texts(seed: 1)
    private let desk: Desk

    init() {
        desk = Desk(rank: 3, name: "acme", shard: 1, authorization: "x")
        desk.tickets = (1...30).map {
            TicketRecord(id: Int64($0), serial: UInt64($0), phase: 0)
        }
    }

    private func request(_ operation: Operation) -> LoadRequest {
        var request = LoadRequest(operation, desk)
        if operation != .create { request.ticket = 4 }
        request.serial = operation == .search ? 5 : 99
        request.status = .pending
        return request
    }

    private func subject(_ serial: UInt64) -> String {
        String(decoding: texts.subject(marker: desk.marker, serial: serial), as: UTF8.self)
    }

    private func ticket(_ id: Int, _ subject: String, status: String = "open", at: Int = 10)
        -> String
    {
        """
        {"url":"x","id":\(id),"updated_at":"2026-01-01T00:00:\(at)Z","subject":"\(subject)",\
        "raw_subject":"\(subject)","status":"\(status)"}
        """
    }

    private func judge(
        _ operation: Operation, _ body: String, status: Int? = nil, mustShow: TicketState? = nil,
        parses: Bool = true
    ) -> Judgement {
        AnswerCheck.judge(
            request(operation), status: status ?? (operation == .create ? 201 : 200),
            body: ByteBuffer(string: body), texts: texts, mustShow: mustShow, parses: parses)
    }

    private func isWrong(_ verdict: Judgement, _ word: String) -> Bool {
        if case .wrong(let what) = verdict { what.contains(word) } else { false }
    }

    private let audit = #""audit":{"id":77,"events":[{"id":78,"body":"c2r some words"}]}"#

    @Test func rightAnswersGiveTheirFacts() {
        #expect(
            judge(.create, #"{"ticket":\#(ticket(31, subject(99))),\#(audit)}"#)
                == .right(AnswerFacts(ticket: 31, audit: 77)))
        #expect(
            judge(.update, #"{"ticket":\#(ticket(5, subject(5), status: "pending")),\#(audit)}"#)
                == .right(AnswerFacts(ticket: 5, audit: 77)))
        #expect(
            judge(.comment, #"{"ticket":\#(ticket(5, subject(5))),\#(audit)}"#)
                == .right(AnswerFacts(ticket: 5, audit: 77)))
        #expect(
            judge(.get, #"{"ticket":\#(ticket(5, subject(5)))}"#, mustShow: .open)
                == .right(AnswerFacts(ticket: 5)))
        #expect(judge(.get, "{}", status: 503) == .notNow)
        #expect(judge(.create, "{}", status: 429) == .notNow)
    }

    @Test(arguments: Operation.allCases)
    func aStatusThatIsNotTheExpectedOneIsWrong(operation: Operation) {
        #expect(isWrong(judge(operation, "{}", status: 500), "status 500"))
        #expect(isWrong(judge(operation, "{}", status: 404), "status 404"))
    }

    @Test func eachMistakeAboutATicketIsFound() {
        let good = ticket(5, subject(5), status: "pending")
        #expect(isWrong(judge(.get, #"{"ticket":\#(ticket(6, subject(5)))}"#), "another ticket"))
        let other = subject(5).replacing("d3x", with: "d4x")
        #expect(isWrong(judge(.get, #"{"ticket":\#(ticket(5, other))}"#), "subject"))
        #expect(isWrong(judge(.get, #"{"ticket":\#(good)}"#, mustShow: .hold), "hold"))
        #expect(isWrong(judge(.get, #"{"ticket":\#(good)"#), "JSON"))
        #expect(
            isWrong(judge(.create, #"{"ticket":\#(ticket(31, subject(98))),\#(audit)}"#), "subject")
        )
        #expect(isWrong(judge(.create, #"{"ticket":\#(ticket(31, subject(99)))}"#), "no audit"))
        let open = ticket(5, subject(5), status: "open")
        #expect(isWrong(judge(.update, #"{"ticket":\#(open),\#(audit)}"#), "pending"))
        #expect(isWrong(judge(.update, #"{"ticket":\#(good)}"#), "no audit"))
        let foreign = audit.replacing("c2r", with: "c2s")
        #expect(isWrong(judge(.comment, #"{"ticket":\#(good),\#(foreign)}"#), "comment"))
        #expect(isWrong(judge(.comment, #"{"ticket":\#(good)}"#), "no audit"))
    }

    /// 25 tickets, the last changed first in the list.
    private func page(_ change: (inout [String]) -> Void = { _ in }) -> String {
        var tickets = (0..<25).map { ticket($0 + 1, subject(UInt64($0 + 1)), at: 59 - $0) }
        change(&tickets)
        return #"{"tickets":[\#(tickets.joined(separator: ","))],"meta":{}}"#
    }

    @Test func eachMistakeAboutAListIsFound() {
        #expect(judge(.list, page()) == .right(AnswerFacts()))
        #expect(isWrong(judge(.list, page { $0.removeLast() }), "24 tickets"))
        #expect(isWrong(judge(.list, page { $0.append($0[24]) }), "26 tickets"))
        #expect(isWrong(judge(.list, page { $0.swapAt(3, 9) }), "ordered"))
        #expect(isWrong(judge(.list, page { $0[24] = $0[23] }), "twice"))
        let foreign = ticket(9, "d4x kettle n1 of", at: 10)
        #expect(isWrong(judge(.list, page { $0[24] = foreign }), "another tenant"))
    }

    @Test func eachMistakeAboutASearchIsFound() {
        func results(_ tickets: [String]) -> String {
            #"{"results":[\#(tickets.joined(separator: ","))],"count":1}"#
        }
        let good = ticket(5, subject(5))
        #expect(judge(.search, results([good])) == .right(AnswerFacts()))
        #expect(isWrong(judge(.search, results([])), "nothing found"))
        #expect(isWrong(judge(.search, results(Array(repeating: good, count: 11))), "11 results"))
        let other = (1...30).map { subject(UInt64($0)) }
            .first { !$0.hasPrefix(subject(5).prefix(8)) }!
        #expect(isWrong(judge(.search, results([good, ticket(6, other)])), "without the word"))
        let foreign = subject(5).replacing("d3x", with: "d33x")
        #expect(isWrong(judge(.search, results([ticket(6, foreign)])), "another tenant"))
    }

    @Test func aReadKnowsTheStatusOnlyWhenNobodyWroteMeanwhile() {
        var get = request(.get)
        desk.begin(&get)
        #expect(desk.statusToShow(get) == .new)
        var stream = RequestStream(
            seed: 1, phase: 0, number: 0, mix: .writesOnly,
            chooser: TenantChooser(tenants: 1, oneIsHot: false), desks: [desk])
        var write = stream.next()
        while write.ticket != 4 || write.operation != .update { write = stream.next() }
        #expect(desk.statusToShow(get) == nil)
        desk.begin(&get)
        #expect(desk.statusToShow(get) == nil)
        _ = desk.acknowledge(write, AnswerFacts(ticket: 5, audit: 1), phase: 0)
        desk.begin(&get)
        #expect(desk.statusToShow(get) == write.status)
    }
}
