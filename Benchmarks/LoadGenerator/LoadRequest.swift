package import Measurement
import NIOCore
import NIOHTTP1

/// One request of the load, with what its answer must say.
package struct LoadRequest: Sendable {
    package var operation: Operation
    package var desk: Desk
    /// Place among the desk's tickets; -1 where none is named.
    package var ticket = -1
    /// Tells this write from all others: in its subject or comment, and in its idempotency key. Of a search, the ticket that must be found.
    package var serial: UInt64 = 0
    /// What an update asks for.
    package var status = TicketState.open
    /// What a get must show; nil when a write was under way.
    package var knownStatus: TicketState?
    /// The ticket's `writesBegun` when this was sent.
    package var writesBegun: UInt32 = 0

    package init(_ operation: Operation, _ desk: Desk) {
        self.operation = operation
        self.desk = desk
    }

    /// Tickets on a page of a list, and of a search.
    package static let listSize = 25
    package static let searchSize = 10

    var path: String {
        switch operation {
        case .create: "/api/v2/tickets.json"
        case .update, .comment, .get: "/api/v2/tickets/\(desk.tickets[ticket].id).json"
        case .list: "/api/v2/tickets.json?page%5Bsize%5D=\(Self.listSize)&sort=-updated_at"
        case .search: ""
        }
    }

    /// The request as it is sent.
    /// - Parameter hasKey: whether a write carries an `Idempotency-Key`, so that it may be sent again.
    func message(_ texts: Texts, hasKey: Bool) -> (head: HTTPRequestHead, body: ByteBuffer?) {
        guard operation.isWrite else {
            let uri =
                operation == .search
                ? "/api/v2/search.json?query=type:ticket%20"
                    + String(decoding: texts.topic(of: serial), as: UTF8.self)
                    + "&per_page=\(Self.searchSize)"
                : path
            return (
                HTTPRequestHead(
                    version: .http1_1, method: .GET, uri: uri, headers: desk.readHeaders), nil
            )
        }
        var body = ByteBufferAllocator().buffer(capacity: 768)
        switch operation {
        case .create:
            body.writeStaticString(#"{"ticket":{"subject":""#)
            body.writeBytes(texts.subject(marker: desk.marker, serial: serial))
            body.writeStaticString(
                #"","priority":"normal","tags":["kitchen","power"],"comment":{"body":""#)
            texts.write(Texts.bodyWords, serial: serial, to: &body)
            body.writeStaticString(#""}}}"#)
        case .update:
            body.writeStaticString(#"{"ticket":{"status":""#)
            body.writeStaticString(status.bytes)
            body.writeStaticString(#""}}"#)
        default:
            body.writeStaticString(#"{"ticket":{"comment":{"body":""#)
            texts.write(Texts.commentWords, serial: serial, to: &body)
            body.writeStaticString(#""}}}"#)
        }
        var headers = desk.writeHeaders
        headers.add(name: "Content-Length", value: String(body.readableBytes))
        if hasKey {
            headers.add(name: "Idempotency-Key", value: "w" + String(serial, radix: 36))
        }
        return (
            HTTPRequestHead(
                version: .http1_1, method: operation == .create ? .POST : .PUT, uri: path,
                headers: headers), body
        )
    }
}
