import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A server on a free port that answers as a desk would, of one tenant, and makes the mistakes it is told to.
final class FakeDesk: Sendable {
    /// What it does wrong with a request; `nil` to answer well.
    enum Mistake: Sendable {
        /// Answers well and forgets the write.
        case forget
        /// Does the write, and closes the connection instead of answering.
        case hangUp
        /// Does not do it, and says "not now".
        case refuse
        /// Answers after so many milliseconds, and all that come meanwhile after it.
        case stall(Int64)
    }

    struct Ticket: Sendable {
        var subject: String
        var status = "new"
        /// Audit and comment; none where only the status changed.
        var audits: [(id: Int, comment: String?)] = []
    }

    struct State: Sendable {
        var tickets: [Ticket] = []
        var nextAudit = 1000
        /// Answers by idempotency key.
        var answers: [String: String] = [:]
        var requests = 0
        var connections = 0
        /// Nothing is answered before.
        var stalledUntil = NIODeadline.uptimeNanoseconds(0)
    }

    let state = Mutex(State())
    /// Gets the number of the request, from 1, and its method.
    let mistake: @Sendable (Int, HTTPMethod) -> Mistake?
    private let channel: any Channel

    var address: String { "127.0.0.1:\(channel.localAddress!.port!)" }

    init(
        on group: MultiThreadedEventLoopGroup,
        mistake: @escaping @Sendable (Int, HTTPMethod) -> Mistake? = { _, _ in nil }
    ) throws {
        self.mistake = mistake
        let box = Box()
        channel = try ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(box))
                }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
        box.desk.withLock { $0 = self }
    }

    func close() throws { try channel.close().wait() }

    private final class Box: Sendable {
        let desk = Mutex<FakeDesk?>(nil)
    }

    // MARK: Answers

    /// Status and body; nil to hang up.
    fileprivate func answer(
        _ head: HTTPRequestHead, _ body: String
    ) -> (status: Int, body: String, at: NIODeadline)? {
        state.withLock { state in
            state.requests += 1
            let mistake = mistake(state.requests, head.method)
            if case .stall(let milliseconds)? = mistake {
                state.stalledUntil = .now() + .milliseconds(milliseconds)
            }
            let at = max(.now(), state.stalledUntil)
            if case .refuse? = mistake { return (503, #"{"error":"NotNow"}"#, at) }
            let key = head.headers.first(name: "Idempotency-Key")
            if let key, let known = state.answers[key] {
                return (head.method == .POST ? 201 : 200, known, at)
            }
            var (kept, isForgotten) = (state, false)
            if case .forget? = mistake { isForgotten = true }
            guard let text = Self.perform(head, body, &kept) else { return (404, "{}", at) }
            if isForgotten { state.nextAudit = kept.nextAudit } else { state = kept }
            if let key, !isForgotten { state.answers[key] = text }
            if case .hangUp? = mistake { return nil }
            return (head.method == .POST ? 201 : 200, text, at)
        }
    }

    private static func perform(
        _ head: HTTPRequestHead, _ body: String, _ state: inout State
    ) -> String? {
        let path = head.uri.split(separator: "?")[0]
        switch (head.method, path) {
        case (.POST, "/admin/v1/tenants"): return #"{"shard":1}"#
        case (.GET, "/metrics"): return "lodge_log_syncs_total \(state.requests)\n"
        case (.POST, "/api/v2/tickets.json"):
            var ticket = Ticket(subject: field("subject", body)!)
            state.nextAudit += 1
            ticket.audits.append((state.nextAudit, field("body", body)))
            state.tickets.append(ticket)
            return #"{"ticket":\#(json(state.tickets.count, ticket)),\#(audit(ticket.audits[0]))}"#
        case (.GET, "/api/v2/tickets.json"):
            return #"{"tickets":[\#(list(state, state.tickets.indices.suffix(25)))]}"#
        case (.GET, "/api/v2/search.json"):
            let word = head.uri.split(separator: "&")[0].split(separator: "%20")[1]
            let found = state.tickets.indices.filter {
                state.tickets[$0].subject.contains(" \(word) ")
            }
            return #"{"results":[\#(list(state, Array(found.prefix(10))))],"count":1}"#
        case (.GET, "/api/v2/tickets/show_many.json"):
            let ids = head.uri.split(separator: "=")[1].split(separator: ",")
            let places = ids.compactMap { Int($0) }.map { $0 - 1 }
            return
                #"{"tickets":[\#(list(state, places.filter(state.tickets.indices.contains)))]}"#
        default:
            let words = path.split(whereSeparator: { $0 == "/" || $0 == "." })
            guard words.count > 3, let id = Int(words[3]), state.tickets.indices.contains(id - 1)
            else { return nil }
            if words.contains("audits") {
                let audits = state.tickets[id - 1].audits.map { "{\(fields($0))}" }
                return #"{"audits":[\#(audits.joined(separator: ","))],"meta":{"has_more":false}}"#
            }
            guard head.method == .PUT else {
                return #"{"ticket":\#(json(id, state.tickets[id - 1]))}"#
            }
            state.nextAudit += 1
            if let status = field("status", body) { state.tickets[id - 1].status = status }
            let made = (id: state.nextAudit, comment: field("body", body))
            state.tickets[id - 1].audits.append(made)
            return #"{"ticket":\#(json(id, state.tickets[id - 1])),\#(audit(made))}"#
        }
    }

    private static func list(_ state: State, _ places: some Sequence<Int>) -> String {
        places.map { json($0 + 1, state.tickets[$0]) }.joined(separator: ",")
    }

    private static func json(_ id: Int, _ ticket: Ticket) -> String {
        """
        {"url":"x","id":\(id),"updated_at":"2026-01-01T00:00:00Z","subject":"\(ticket.subject)",\
        "raw_subject":"\(ticket.subject)","status":"\(ticket.status)"}
        """
    }

    private static func audit(_ made: (id: Int, comment: String?)) -> String {
        "\"audit\":{\(fields(made))}"
    }

    private static func fields(_ made: (id: Int, comment: String?)) -> String {
        let event = made.comment.map { #"{"id":\#(made.id + 1_000_000),"body":"\#($0)"}"# } ?? ""
        return #""id":\#(made.id),"events":[\#(event)]"#
    }

    private static func field(_ name: String, _ body: String) -> String? {
        guard let begin = body.range(of: "\"\(name)\":\"")?.upperBound else { return nil }
        return String(body[begin...].prefix { $0 != "\"" })
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let box: Box
        private var head: HTTPRequestHead?
        private var body = ""

        init(_ box: Box) { self.box = box }

        func channelActive(context: ChannelHandlerContext) {
            box.desk.withLock { $0 }?.state.withLock { $0.connections += 1 }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): (self.head, body) = (head, "")
            case .body(let part): body += String(buffer: part)
            case .end:
                guard let head, let desk = box.desk.withLock({ $0 }) else { return }
                guard let answer = desk.answer(head, body) else {
                    return context.close(promise: nil)
                }
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                context.eventLoop.scheduleTask(deadline: answer.at) {
                    let (handler, context) = bound.value
                    handler.write(answer.status, answer.body, context)
                }
            }
        }

        private func write(_ status: Int, _ text: String, _ context: ChannelHandlerContext) {
            let head = HTTPResponseHead(
                version: .http1_1, status: .init(statusCode: status),
                headers: ["Content-Length": String(text.utf8.count)])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
