import Foundation
import Measurement
package import NIOCore

/// What an answer said that the harness must remember.
package struct AnswerFacts: Equatable, Sendable {
    package var ticket: Int64?
    package var audit: Int64?

    package init(ticket: Int64? = nil, audit: Int64? = nil) {
        self.ticket = ticket
        self.audit = audit
    }
}

package enum Judgement: Equatable, Sendable {
    case right(AnswerFacts)
    /// 429 or 503: what became of the request is not known.
    case notNow
    /// What is wrong, for people.
    case wrong(String)
}

/// Holds each answer against what it must say.
///
/// Each answer is searched for what must be in it; one in `fullParseEvery` is also parsed as JSON, and must say the same.
package enum AnswerCheck {
    package static let fullParseEvery = 64

    /// - Parameter status: what a get must show, nil if that is not known.
    package static func judge(
        _ request: LoadRequest, status code: Int, body: ByteBuffer, texts: Texts,
        mustShow status: TicketState? = nil, parses: Bool = false
    ) -> Judgement {
        if code == 429 || code == 503 { return .notNow }
        func wrong(_ what: String) -> Judgement {
            let ticket =
                request.ticket >= 0 ? " ticket \(request.desk.tickets[request.ticket].id)" : ""
            return .wrong(
                "\(request.operation) of \(request.desk.name)\(ticket): \(what): "
                    + body.withUnsafeReadableBytes { ByteSearch(bytes: $0).text(at: 0, 200) })
        }
        guard code == (request.operation == .create ? 201 : 200) else {
            return wrong("status \(code)")
        }
        var facts = AnswerFacts()
        let mistake = body.withUnsafeReadableBytes { bytes -> String? in
            let search = ByteSearch(bytes: bytes)
            switch request.operation {
            case .create, .update, .comment, .get:
                return ticket(request, search, texts, status, &facts)
            case .list: return list(request, search)
            case .search: return results(request, search, texts)
            }
        }
        if let mistake { return wrong(mistake) }
        if parses, let mistake = parse(request, body, facts) { return wrong(mistake) }
        return .right(facts)
    }

    /// An answer about one ticket.
    private static func ticket(
        _ request: LoadRequest, _ search: ByteSearch, _ texts: Texts, _ status: TicketState?,
        _ facts: inout AnswerFacts
    ) -> String? {
        guard search.hasPrefix(#"{"ticket":{"#, at: 0),
            let id = search.number(at: search.end(of: .id))
        else { return "no ticket in it" }
        facts.ticket = id
        let isNew = request.operation == .create
        if !isNew, id != request.desk.tickets[request.ticket].id { return "another ticket" }
        let serial = isNew ? request.serial : request.desk.tickets[request.ticket].serial
        let subject = texts.subject(marker: request.desk.marker, serial: serial)
        guard let begin = search.end(of: .subject),
            search.hasPrefix(subject, at: begin),
            search.hasPrefix(#"""#, at: begin + subject.count)
        else { return "not the subject that was written" }
        if request.operation == .update || request.operation == .get {
            guard let begin = search.end(of: .status) else { return "no status" }
            if let wanted = request.operation == .update ? request.status : status,
                !search.hasPrefix(wanted.bytes, at: begin)
            {
                return "not the status \(wanted) that was acknowledged before"
            }
        }
        guard request.operation.isWrite else { return nil }
        let audit = search.end(of: .audit)
        facts.audit = search.number(at: audit)
        switch request.operation {
        case .create: return facts.audit == nil ? "no audit" : nil
        case .update:
            // A change to what the status was already leaves no audit; that can only be where an earlier outcome is not known.
            let isSure = request.desk.tickets[request.ticket].possibleStatuses.isEmpty
            return facts.audit == nil && isSure ? "no audit" : nil
        default:
            guard let audit, facts.audit != nil else { return "no audit" }
            let mark = Texts.mark(request.serial, letter: "c")
            guard let body = search.end(of: .body, from: audit),
                search.hasPrefix(mark, at: body), search.hasPrefix(" ", at: body + mark.count)
            else { return "not the comment that was sent" }
            return nil
        }
    }

    /// The newest tickets of one tenant.
    private static func list(_ request: LoadRequest, _ search: ByteSearch) -> String? {
        guard search.hasPrefix(#"{"tickets":["#, at: 0) else { return "no tickets in it" }
        var place = 0
        var count = 0
        var last: String?
        while let date = search.end(of: .updatedAt, from: place) {
            // ISO 8601 in UTC: its order as text is its order in time.
            let text = search.text(at: date, 20)
            if let last, text > last { return "not ordered by the time of change" }
            last = text
            guard let subject = search.end(of: .subject, from: date) else {
                return "a ticket without subject"
            }
            guard isOwn(request, search, subject) else { return "a ticket of another tenant" }
            count += 1
            place = subject
        }
        if count > LoadRequest.listSize { return "\(count) tickets on a page" }
        let atLeast = min(LoadRequest.listSize, request.desk.tickets.count)
        return count < atLeast ? "\(count) tickets, where \(atLeast) must be" : nil
    }

    private static func results(
        _ request: LoadRequest, _ search: ByteSearch, _ texts: Texts
    ) -> String? {
        guard search.hasPrefix(#"{"results":["#, at: 0) else { return "no results in it" }
        let topic = texts.topic(of: request.serial) + [UInt8(ascii: " ")]
        var place = 0
        var count = 0
        while let subject = search.end(of: .subject, from: place) {
            guard isOwn(request, search, subject) else { return "a ticket of another tenant" }
            guard search.hasPrefix(topic, at: subject + request.desk.marker.count + 1) else {
                return "a ticket without the word"
            }
            count += 1
            place = subject
        }
        if count > LoadRequest.searchSize { return "\(count) results on a page" }
        return count == 0 ? "nothing found, where a ticket has the word" : nil
    }

    private static func isOwn(_ request: LoadRequest, _ search: ByteSearch, _ subject: Int) -> Bool
    {
        let marker = request.desk.marker
        return search.hasPrefix(marker, at: subject)
            && search.hasPrefix(" ", at: subject + marker.count)
    }

    /// The same by a parser: the answer is JSON, and its ticket and audit are those that the search took.
    private static func parse(
        _ request: LoadRequest, _ body: ByteBuffer, _ facts: AnswerFacts
    ) -> String? {
        guard
            let root = try? JSONSerialization.jsonObject(with: Data(body.readableBytesView))
                as? [String: Any]
        else { return "no JSON object" }
        switch request.operation {
        case .list, .search:
            let key = request.operation == .list ? "tickets" : "results"
            guard let tickets = root[key] as? [[String: Any]] else { return "no \(key)" }
            let ids = Set(tickets.compactMap { ($0["id"] as? NSNumber)?.int64Value })
            return ids.count == tickets.count ? nil : "a ticket twice"
        default:
            let ticket = root["ticket"] as? [String: Any]
            guard (ticket?["id"] as? NSNumber)?.int64Value == facts.ticket else {
                return "another id in JSON"
            }
            let audit = root["audit"] as? [String: Any]
            return (audit?["id"] as? NSNumber)?.int64Value == facts.audit
                ? nil : "another audit in JSON"
        }
    }
}
