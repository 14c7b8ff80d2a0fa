import Foundation
import Glibc
package import NIOCore
import NIOHTTP1

/// Reads back, when all load is over, every ticket that was written to, and compares it with what was acknowledged.
///
/// A create is found when its ticket has the subject that was sent; a comment and a change of status when the audit that its
/// answer named is in the ticket's history, with the comment in it. The status must be the last that was acknowledged, or one
/// whose outcome was never known.
///
/// `@unchecked Sendable`: its state is touched by the event loop alone until its future is done.
package final class ReadBack: @unchecked Sendable {
    /// By phase.
    package private(set) var found: [Int]
    package private(set) var lost: [String] = []
    package private(set) var wrong: [String] = []
    package private(set) var wrongCount = 0
    package private(set) var tickets = 0

    private let desks: [Desk]
    private let texts: Texts
    private let dialer: Dialer
    /// Where the walk over all desks is: a desk, its next page of tickets, its next ticket with a history.
    private var place = 0
    private var page = 0
    private var history = 0

    static let pageSize = 100
    package static let reported = 20

    package init(desks: [Desk], texts: Texts, phases: Int, dialer: Dialer) {
        self.desks = desks
        self.texts = texts
        self.dialer = dialer
        found = Array(repeating: 0, count: phases)
    }

    package func run(connections: Int = 16) -> EventLoopFuture<Void> {
        Batch(dialer: dialer, connections: connections) { [self] in next() }.run()
    }

    private func next() -> Batch.Item? {
        while place < desks.count {
            let desk = desks[place]
            let all = desk.tickets.count + desk.created.count
            if page * Self.pageSize < all {
                page += 1
                return readPage(desk, first: (page - 1) * Self.pageSize, all)
            }
            while history < desk.tickets.count {
                history += 1
                if !desk.tickets[history - 1].acknowledged.isEmpty {
                    return readHistory(desk, desk.tickets[history - 1])
                }
            }
            (place, page, history) = (place + 1, 0, 0)
        }
        return nil
    }

    // MARK: Tickets

    private func readPage(_ desk: Desk, first: Int, _ all: Int) -> Batch.Item {
        let records = (first..<min(all, first + Self.pageSize)).map {
            $0 < desk.tickets.count ? desk.tickets[$0] : desk.created[$0 - desk.tickets.count]
        }
        let ids = records.map { String($0.id) }.joined(separator: ",")
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: "/api/v2/tickets/show_many.json?ids=\(ids)",
            headers: desk.readHeaders)
        return Batch.Item(head) { [self] status, body in
            let root = try Self.object(status, body, head.uri)
            guard let tickets = root["tickets"] as? [[String: Any]] else {
                throw LoadFailure("reading back: no tickets in the answer to \(head.uri)")
            }
            var shown: [Int64: [String: Any]] = [:]
            for ticket in tickets {
                if let id = (ticket["id"] as? NSNumber)?.int64Value { shown[id] = ticket }
            }
            for record in records { check(record, desk, shown[record.id]) }
            return nil
        }
    }

    private func check(_ record: TicketRecord, _ desk: Desk, _ ticket: [String: Any]?) {
        tickets += 1
        guard let ticket else { return lose("ticket \(record.id) of \(desk.name) is not there") }
        let subject = texts.subject(marker: desk.marker, serial: record.serial)
        let shown = ticket["subject"] as? String ?? ""
        guard shown == String(decoding: subject, as: UTF8.self) else {
            return lose("ticket \(record.id) of \(desk.name) has the subject \"\(shown)\"")
        }
        found[record.phase] += 1
        let status = ticket["status"] as? String ?? ""
        let possible = record.possibleStatuses.union([record.status]).map(\.rawValue)
        if !possible.contains(status) {
            mistake(
                "ticket \(record.id) of \(desk.name) is \(status) at the end; acknowledged was \(record.status)"
            )
        }
    }

    // MARK: Histories

    private func readHistory(_ desk: Desk, _ ticket: TicketRecord) -> Batch.Item {
        var missing: [Int64: AcknowledgedWrite] = [:]
        for write in ticket.acknowledged { missing[write.audit] = write }
        return historyPage(desk, ticket, missing, after: nil)
    }

    private func historyPage(
        _ desk: Desk, _ ticket: TicketRecord, _ missing: [Int64: AcknowledgedWrite],
        after cursor: String?
    ) -> Batch.Item {
        let page = cursor.map { "&page%5Bafter%5D=\($0)" } ?? ""
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET,
            uri: "/api/v2/tickets/\(ticket.id)/audits.json?page%5Bsize%5D=\(Self.pageSize)\(page)",
            headers: desk.readHeaders)
        return Batch.Item(head) { [self] status, body in
            let root = try Self.object(status, body, head.uri)
            guard let audits = root["audits"] as? [[String: Any]] else {
                throw LoadFailure("reading back: no audits in the answer to \(head.uri)")
            }
            var missing = missing
            for audit in audits {
                guard let id = (audit["id"] as? NSNumber)?.int64Value,
                    let write = missing.removeValue(forKey: id)
                else { continue }
                if let comment = write.comment, !Self.has(audit, comment) {
                    lose("the comment of audit \(id) of ticket \(ticket.id) of \(desk.name)")
                } else {
                    found[write.phase] += 1
                }
            }
            let meta = root["meta"] as? [String: Any]
            if meta?["has_more"] as? Bool == true, let cursor = meta?["after_cursor"] as? String {
                return historyPage(desk, ticket, missing, after: cursor)
            }
            for write in missing.values.sorted(by: { $0.audit < $1.audit }) {
                lose("audit \(write.audit) of ticket \(ticket.id) of \(desk.name)")
            }
            return nil
        }
    }

    private static func has(_ audit: [String: Any], _ comment: UInt64) -> Bool {
        let mark = String(decoding: Texts.mark(comment, letter: "c"), as: UTF8.self) + " "
        return (audit["events"] as? [[String: Any]] ?? []).contains {
            ($0["body"] as? String)?.hasPrefix(mark) == true
        }
    }

    private static func object(
        _ status: Int, _ body: ByteBuffer, _ uri: String
    ) throws -> [String: Any] {
        guard status == 200,
            let root = try? JSONSerialization.jsonObject(with: Data(body.readableBytesView))
                as? [String: Any]
        else {
            throw LoadFailure(
                "reading back: GET \(uri.prefix(80)) is answered \(status): \(String(buffer: body).prefix(200))"
            )
        }
        return root
    }

    private func lose(_ what: String) {
        if lost.count < Self.reported { lost.append("lost: " + what) }
    }

    private func mistake(_ what: String) {
        wrongCount += 1
        if wrong.count < Self.reported { wrong.append(what) }
    }
}
