import Cluster
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NIOEmbedded
import ServiceDesk
import ShardStore
import Synchronization
import Testing
import Wire

@testable import SupportAPI

/// Who asks in a test.
enum Asker: String, CaseIterable, Sendable {
    case admin, agent, endUser, anonymous
    /// The admin of the other tenant, with their own token.
    case stranger
}

/// A node with two desks, acme and globex, in a temporary folder, behind the API. Time moves only when a test says so.
final class Harness: Sendable {
    let node: Node
    let api: SupportAPI
    let responder: SupportResponder
    let log = LogLines()
    let clock = Clock()
    /// Bearer tokens by asker, and acme's users.
    private let tokens: Mutex<[Asker: String]> = Mutex([:])
    private let ids: Mutex<[Asker: Int64]> = Mutex([:])

    final class Clock: Sendable {
        private let now = Mutex<Int64>(1_780_000_000_000)
        var time: Timestamp { Timestamp(rawValue: now.withLock { $0 }) }
        func advance(seconds: Int64) { now.withLock { $0 += seconds * 1000 } }
    }

    /// What was logged at the level error.
    final class LogLines: Sendable {
        let errors = Mutex<[String]>([])
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.error
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            lines.errors.withLock {
                $0.append("\(event.message) \(event.metadata ?? [:])")
            }
        }
    }

    private init(folder: String, limits: TenantLimits, proxies: Set<String>) throws {
        let (clock, log) = (clock, log)
        let logger = Logger(label: "test") { _ in Handler(lines: log) }
        node = try Node(
            configuration: NodeConfiguration(
                dataDirectory: folder, shardCount: 2, cacheMegabytes: 4, shedsLateRequests: false),
            deskSchema: DeskSchema.schema, logger: logger, clock: { clock.time })
        api = SupportAPI(node: node, logger: logger, trustedProxies: proxies)
        responder = SupportResponder(api: api, scheme: "http")
    }

    static func run(
        requestsPerMinute: Int = 1_000_000, proxies: Set<String> = ["10.0.0.1", "10.0.0.2"],
        _ body: (Harness) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "api-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let limits = TenantLimits(requestsPerMinute: requestsPerMinute)
        let desk = try Harness(folder: folder.path, limits: limits, proxies: proxies)
        defer {
            desk.api.stop()
            desk.node.stop()
        }
        try await desk.fill(limits)
        try await body(desk)
        #expect(desk.log.errors.withLock { $0 } == [])
    }

    private func fill(_ limits: TenantLimits) async throws {
        for (name, asker) in [("acme", Asker.admin), ("globex", .stranger)] {
            let made = try await node.directory.createTenant(
                name: name, plan: "standard", limits: limits)
            let secret = Secrets.token()
            let user = try await node.write(made.route) { rows in
                try Desk<ShardTransaction>.bootstrap(
                    rows: rows, adminEmail: "ann@\(name).example", adminName: "Ann",
                    secret: secret)
            }.answer
            remember(asker, secret.text, user.id)
        }
        _ = try await node.write(acme) { rows in
            let admin = try Authenticator.principal(userID: self.id(.admin), in: rows)
            for (asker, role, email) in [
                (Asker.agent, Role.agent, "bo@acme.example"),
                (.endUser, .endUser, "cy@acme.example"),
            ] {
                var changes = UserChanges()
                (changes.name, changes.email, changes.role) = (asker.rawValue, email, role)
                changes.isVerified = true
                let user = try Desk(rows: rows, principal: admin)
                    .createUser(changes, agentLimit: 10)
                let secret = Secrets.token()
                let principal = Principal(userID: user.id, role: .admin)
                _ = try Desk(rows: rows, principal: principal)
                    .createToken(description: "", secret: secret)
                self.remember(asker, secret.text, user.id)
            }
        }
    }

    private func remember(_ asker: Asker, _ token: String, _ id: Int64) {
        tokens.withLock { $0[asker] = token }
        ids.withLock { $0[asker] = id }
    }

    var acme: TenantRoute { node.directory.tenant(named: "acme")!.route }
    var globex: TenantRoute { node.directory.tenant(named: "globex")!.route }
    func id(_ asker: Asker) -> Int64 { ids.withLock { $0[asker] ?? 0 } }
    func bearer(_ asker: Asker) -> String? {
        tokens.withLock { $0[asker] }.map { "Bearer \($0)" }
    }

    struct Answer {
        let status: Int
        let headers: HTTPFields
        let body: JSONValue
        let text: String
        /// The error's name, in either of the two forms.
        var error: String? {
            switch body["error"] {
            case .string(let name)?: name
            case let other: other?["title"]?.text
            }
        }
        func header(_ name: String) -> String? { headers[HTTPField.Name(name)!] }
    }

    /// One request to acme.
    func call(
        _ asker: Asker, _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil,
        headers: [String: String] = [:], host: String = "acme.desk.example",
        from address: String = "192.0.2.7"
    ) async throws -> Answer {
        try await call(
            asker, method, path, body.map { ByteBuffer(string: $0) }, headers: headers, host: host,
            from: address)
    }

    func call(
        _ asker: Asker, _ method: HTTPRequest.Method, _ path: String, _ body: ByteBuffer?,
        headers: [String: String], host: String = "acme.desk.example",
        from address: String = "192.0.2.7"
    ) async throws -> Answer {
        let response = try await respond(
            method, path, RequestBody(buffer: body ?? ByteBuffer()), asker: asker,
            headers: headers, host: host, from: address)
        let writer = Collector()
        try await response.body.write(writer)
        let bytes = writer.bytes.withLock { $0 }
        return Answer(
            status: response.status.code, headers: response.headers,
            body: (try? JSONParser.parse(bytes)) ?? .null, text: String(buffer: bytes))
    }

    func respond(
        _ method: HTTPRequest.Method, _ path: String, _ body: RequestBody, asker: Asker = .admin,
        headers: [String: String] = [:], host: String = "acme.desk.example",
        from address: String = "192.0.2.7"
    ) async throws -> Response {
        var fields = HTTPFields()
        fields[.authorization] = bearer(asker)
        for (name, value) in headers { fields[HTTPField.Name(name)!] = value }
        let channel = EmbeddedChannel()
        channel.remoteAddress = try SocketAddress(ipAddress: address, port: 0)
        let context = SupportContext(
            source: ApplicationRequestContextSource(
                channel: channel, logger: Logger(label: "test")))
        let head = HTTPRequest(
            method: method, scheme: "http", authority: host, path: path, headerFields: fields)
        return try await responder.respond(
            to: Request(head: head, body: body), context: context)
    }

    private final class Collector: ResponseBodyWriter, Sendable {
        let bytes = Mutex(ByteBuffer())
        func write(_ buffer: ByteBuffer) async throws {
            _ = bytes.withLock { $0.writeImmutableBuffer(buffer) }
        }
        func finish(_ trailers: HTTPFields?) async throws {}
    }

    /// Steps acme's jobs until none is left.
    func runJobs() async throws { while try await api.jobs.step(acme) {} }

    /// Makes a record and says its number.
    func make(_ path: String, _ key: String, _ fields: String) async throws -> Int64 {
        let made = try await call(.admin, .post, "/api/v2/\(path)", "{\"\(key)\":{\(fields)}}")
        #expect(made.status == 201, "\(made.text)")
        return made.body[key]?["id"]?.number ?? 0
    }

    func ticket(_ subject: String = "Paper jam") async throws -> Int64 {
        try await make(
            "tickets", "ticket", #""subject":"\#(subject)","comment":{"body":"Tray 2"}"#)
    }
}

extension JSONValue {
    var number: Int64? { if case .integer(let number) = self { number } else { nil } }
    var text: String? { if case .string(let text) = self { text } else { nil } }
    var items: [JSONValue] { if case .array(let items) = self { items } else { [] } }
    var members: [(name: String, value: JSONValue)] {
        if case .object(let members) = self { members } else { [] }
    }
}
