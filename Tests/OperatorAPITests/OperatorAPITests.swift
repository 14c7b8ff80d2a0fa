import Cluster
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import ServiceDesk
import ShardStore
import SupportAPI
import Synchronization
import Testing
import Wire

@testable import OperatorAPI

/// A node in a temporary folder behind the operators' routes.
private struct Operators {
    let node: Node
    let token: String
    let client: any TestClientProtocol
    let drains: DrainFlag

    final class DrainFlag: Sendable {
        let isSet = Mutex(false)
    }

    static func run(_ body: @Sendable (Operators) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "operators-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let node = try Node(
            configuration: NodeConfiguration(
                dataDirectory: folder.path, shardCount: 2, cacheMegabytes: 4,
                shedsLateRequests: false), deskSchema: DeskSchema.schema,
            logger: Logger(label: "test"), clock: { Timestamp(rawValue: 1_780_000_000_000) })
        defer { node.stop() }
        let secret = Secrets.token()
        _ = try await node.directory.createOperatorToken(label: "test", digest: secret.digest)
        let flag = DrainFlag()
        let api = OperatorAPI(
            node: node, logger: Logger(label: "test"),
            hosts: { ["\($0.name).desk.test:99"] }, metrics: { "a_total 1\n" },
            isDraining: { flag.isSet.withLock { $0 } })
        try await Application(router: api.router()).test(.router) { client in
            try await body(
                Operators(node: node, token: secret.text, client: client, drains: flag))
        }
    }

    struct Answer {
        let status: Int
        let body: JSONValue
        let text: String
    }

    func call(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, token: String? = nil
    ) async throws -> Answer {
        var headers = HTTPFields()
        headers[.authorization] = "Bearer \(token ?? self.token)"
        let response = try await client.execute(
            uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
        return Answer(
            status: response.status.code,
            body: (try? JSONParser.parse(response.body)) ?? .null,
            text: String(buffer: response.body))
    }

    func create(_ name: String) async throws -> Answer {
        try await call(
            .post, "/admin/v1/tenants",
            #"{"tenant":{"name":"\#(name)","admin_email":"Ann@\#(name).example"}}"#)
    }
}

struct OperatorAPITests {
    @Test func aNewTenantHasAnAdminWhoCanSignIn() async throws {
        try await Operators.run { operators in
            let made = try await operators.create("acme")
            #expect(made.status == 201)
            #expect(made.body["tenant"] == .string("acme"))
            #expect(made.body["hosts"] == .array([.string("acme.desk.test:99")]))
            #expect(made.body["admin"]?["email"] == .string("ann@acme.example"))
            guard case .string(let token)? = made.body["admin"]?["token"] else {
                Issue.record("no token in \(made.text)")
                return
            }
            let route = try #require(operators.node.directory.route(host: "acme.any.example:1"))
            let principal = try await operators.node.read(route) { rows in
                try Authenticator.principal(
                    for: .token(email: "ann@acme.example", digest: Secrets.digest(token)), in: rows)
            }.answer
            #expect(principal.role == .admin)
        }
    }

    @Test func aSecondTenantOfTheNameIsRefusedAndTheFirstKeepsItsUsers() async throws {
        try await Operators.run { operators in
            #expect(try await operators.create("acme").status == 201)
            let again = try await operators.create("acme")
            #expect(again.status == 409)
            #expect(again.body["error"] == .string("NameTaken"))
        }
    }

    @Test func aCreationThatStoppedHalfWayIsFinishedByTheSameCall() async throws {
        try await Operators.run { operators in
            _ = try await operators.node.directory.createTenant(
                name: "acme", plan: "standard", limits: TenantLimits())
            #expect(try await operators.create("acme").status == 201)
        }
    }

    /// Whoever did not hear the answer asks again with the token that they made up.
    @Test func aCreationWithTheSameTokenIsTheSameCreation() async throws {
        try await Operators.run { operators in
            let token = String(repeating: "aB3", count: 14)
            func create(_ token: String, _ email: String = "ann@acme.example") async throws
                -> Operators.Answer
            {
                try await operators.call(
                    .post, "/admin/v1/tenants",
                    #"{"tenant":{"name":"acme","admin_email":"\#(email)","admin_token":"\#(token)"}}"#
                )
            }
            let first = try await create(token)
            #expect(first.status == 201)
            #expect(first.body["admin"]?["token"] == .string(token))
            let again = try await create(token)
            #expect(again.status == 201)
            #expect(again.body == first.body)
            #expect(try await create(token, "bob@acme.example").status == 409)
            #expect(try await create(String(repeating: "xY9", count: 14)).status == 409)
            #expect(try await create("short").status == 422)
            #expect(try await create(String(repeating: "a-", count: 30)).status == 422)
            for _ in 0..<2 {
                let issued = try await operators.call(
                    .post, "/admin/v1/tenants/acme/tokens",
                    #"{"token":{"email":"ann@acme.example","token":"\#(String(repeating: "q7", count: 20))"}}"#
                )
                #expect(issued.status == 201)
            }
        }
    }

    @Test(arguments: [
        (#"{"tenant":{"name":"Bad_","admin_email":"a@b.example"}}"#, 422, "InvalidName"),
        (#"{"tenant":{"name":"www","admin_email":"a@b.example"}}"#, 422, "InvalidName"),
        (#"{"tenant":{"name":"acme","admin_email":"nobody"}}"#, 422, "RecordInvalid"),
        (#"{"tenant":{"admin_email":"a@b.example"}}"#, 422, "InvalidName"),
        (
            #"{"tenant":{"name":"acme","admin_email":"a@b.example","limits":{"agents":0}}}"#, 422,
            "InvalidLimit"
        ),
        (
            #"{"tenant":{"name":"acme","admin_email":"a@b.example","limits":{"agents":"x"}}}"#, 422,
            "RecordInvalid"
        ), (#"{"tenant":"#, 400, "InvalidJSON"), (#"{"name":"acme"}"#, 400, "InvalidRequest"),
    ])
    func badTenantsAreRefusedAndLeaveNothing(body: String, status: Int, error: String) async throws
    {
        try await Operators.run { operators in
            let answer = try await operators.call(.post, "/admin/v1/tenants", body)
            #expect(answer.status == status)
            #expect(answer.body["error"] == .string(error), "\(answer.text)")
            #expect(operators.node.directory.tenantCount == 0)
        }
    }

    @Test func aBodyOverTheLimitIsRefused() async throws {
        try await Operators.run { operators in
            let answer = try await operators.call(
                .post, "/admin/v1/tenants", String(repeating: " ", count: 70_000))
            #expect(answer.status == 413)
        }
    }

    @Test func deletionTakesTwoStepsAndResumeUndoesTheFirst() async throws {
        try await Operators.run { operators in
            _ = try await operators.create("acme")
            let early = try await operators.call(.delete, "/admin/v1/tenants/acme?permanently=true")
            #expect(early.status == 409)
            let marked = try await operators.call(.delete, "/admin/v1/tenants/acme")
            #expect(marked.body["state"] == .string("deleting"))
            let resumed = try await operators.call(.post, "/admin/v1/tenants/acme/resume")
            #expect(resumed.body["state"] == .string("active"))
            _ = try await operators.call(.delete, "/admin/v1/tenants/acme")
            let route = try #require(operators.node.directory.tenant(named: "acme")?.route)
            let erased = try await operators.call(
                .delete, "/admin/v1/tenants/acme?permanently=true")
            #expect(erased.status == 204)
            #expect(operators.node.directory.tenant(named: "acme") == nil)
            let users = try await operators.node.read(route) { try $0.count(.users) }.answer
            #expect(users == 0)
            let again = try await operators.create("acme")
            #expect(again.status == 201)
            #expect(again.body["id"] != .integer(route.id.rawValue))
        }
    }

    @Test func limitsChangeAloneAndOthersStay() async throws {
        try await Operators.run { operators in
            _ = try await operators.create("acme")
            let changed = try await operators.call(
                .put, "/admin/v1/tenants/acme", #"{"tenant":{"limits":{"agents":7},"plan":"big"}}"#)
            #expect(changed.body["limits"]?["agents"] == .integer(7))
            #expect(changed.body["limits"]?["requests_per_minute"] == .integer(700))
            #expect(changed.body["plan"] == .string("big"))
        }
    }

    @Test func hostNamesAreUniqueInTheCluster() async throws {
        try await Operators.run { operators in
            _ = try await operators.create("acme")
            _ = try await operators.create("globex")
            let path = "hostnames/help.acme.example"
            #expect(try await operators.call(.put, "/admin/v1/tenants/acme/\(path)").status == 200)
            let taken = try await operators.call(.put, "/admin/v1/tenants/globex/\(path)")
            #expect(taken.body["error"] == .string("HostnameTaken"))
            #expect(operators.node.directory.route(host: "HELP.acme.example:8080")?.name == "acme")
            _ = try await operators.call(.delete, "/admin/v1/tenants/acme/\(path)")
            #expect(operators.node.directory.route(host: "help.acme.example") == nil)
        }
    }

    @Test func listsGoOnAfterAName() async throws {
        try await Operators.run { operators in
            for name in ["c", "a", "b"] { _ = try await operators.create(name) }
            let first = try await operators.call(.get, "/admin/v1/tenants?limit=2")
            #expect(first.body["next_after"] == .string("b"))
            #expect(first.body["count"] == .integer(3))
            let rest = try await operators.call(.get, "/admin/v1/tenants?limit=2&after=b")
            #expect(rest.body["next_after"] == .null)
            for limit in ["0", "1001", "-1"] {
                #expect(
                    try await operators.call(.get, "/admin/v1/tenants?limit=\(limit)").status == 400
                )
            }
        }
    }

    @Test func aLostAdminGetsANewTokenAndNobodyElseDoes() async throws {
        try await Operators.run { operators in
            _ = try await operators.create("acme")
            let path = "/admin/v1/tenants/acme/tokens"
            let issued = try await operators.call(
                .post, path, #"{"token":{"email":"ann@acme.example"}}"#)
            #expect(issued.status == 201)
            let refused = try await operators.call(
                .post, path, #"{"token":{"email":"bo@acme.example"}}"#)
            #expect(refused.status == 422)
        }
    }

    @Test func everyAdminRouteAsksForALiveOperatorToken() async throws {
        try await Operators.run { operators in
            let routes: [(HTTPRequest.Method, String)] = [
                (.get, "tenants"), (.post, "tenants"), (.get, "tenants/acme"),
                (.put, "tenants/acme"),
                (.post, "tenants/acme/suspend"), (.post, "tenants/acme/resume"),
                (.delete, "tenants/acme"), (.put, "tenants/acme/hostnames/a.b"),
                (.delete, "tenants/acme/hostnames/a.b"), (.post, "tenants/acme/tokens"),
                (.get, "tokens"), (.post, "tokens"), (.delete, "tokens/1"),
            ]
            for (method, path) in routes {
                let answer = try await operators.call(
                    method, "/admin/v1/\(path)", "{}", token: "no")
                #expect(answer.status == 401, "\(method) \(path)")
            }
            let made = try await operators.call(
                .post, "/admin/v1/tokens", #"{"token":{"label":"ci"}}"#)
            guard case .string(let secret)? = made.body["token"],
                case .integer(let id)? = made.body["id"]
            else {
                Issue.record("no token in \(made.text)")
                return
            }
            #expect(try await operators.call(.get, "/admin/v1/tokens", token: secret).status == 200)
            #expect(!(try await operators.call(.get, "/admin/v1/tokens").text.contains(secret)))
            #expect(try await operators.call(.delete, "/admin/v1/tokens/\(id)").status == 204)
            #expect(try await operators.call(.get, "/admin/v1/tokens", token: secret).status == 401)
        }
    }

    @Test func healthNeedsNoTokenAndReadinessFollowsTheDrain() async throws {
        try await Operators.run { operators in
            #expect(try await operators.call(.get, "/healthz", token: "").status == 200)
            #expect(try await operators.call(.get, "/readyz", token: "").status == 200)
            let metrics = try await operators.call(.get, "/metrics", token: "")
            #expect(metrics.text.hasPrefix("a_total 1\n"))
            #expect(metrics.text.contains("lodge_shard_applied_index{shard=\"0\"}"))
            operators.drains.isSet.withLock { $0 = true }
            #expect(try await operators.call(.get, "/readyz", token: "").status == 503)
        }
    }
}
