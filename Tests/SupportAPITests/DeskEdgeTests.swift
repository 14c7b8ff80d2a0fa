import Cluster
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing
import Wire

@testable import SupportAPI

/// Proxies, limits of nobody's requests, replays, versions: what a request carries besides its body.
struct DeskEdgeTests {
    @Test(arguments: ["organizations", "groups", "users", "tickets"])
    func deletionAndChangeOfAnotherVersionAreRefused(kind: String) async throws {
        try await Harness.run { desk in
            let key = String(kind.dropLast())
            let fields =
                kind == "tickets"
                ? #""subject":"x","comment":{"body":"y"}"#
                : #""name":"Delta","email":"d@acme.example""#
            let id = try await desk.make(kind, key, fields)
            let path = "/api/v2/\(kind)/\(id)"
            let tag = try #require(try await desk.call(.admin, .get, path).header("ETag"))
            for method in [HTTPRequest.Method.put, .delete] {
                let refused = try await desk.call(
                    .admin, method, path, "{\"\(key)\":{}}",
                    headers: ["If-Match": "W/\"v999-0\""])
                #expect(refused.status == 412)
                #expect(refused.error == "PreconditionFailed")
            }
            #expect(try await desk.call(.admin, .get, path).header("ETag") == tag)
            let done = try await desk.call(.admin, .delete, path, headers: ["If-Match": tag])
            #expect(done.status == (kind == "users" ? 200 : 204), "\(done.text)")
        }
    }

    @Test func aReplayHasTheFirstAnswersVersionAndWarning() async throws {
        try await Harness.run { desk in
            let id = try await desk.ticket()
            let body = #"{"ticket":{"subject":"New","description":"ignored"}}"#
            var answers: [Harness.Answer] = []
            for _ in 0..<2 {
                answers.append(
                    try await desk.call(
                        .agent, .put, "/api/v2/tickets/\(id)", body,
                        headers: ["Idempotency-Key": "k1"]))
            }
            #expect(answers.map { $0.header("x-idempotency-lookup") } == ["miss", "hit"])
            for name in ["ETag", "x-zendesk-api-warn"] {
                #expect(answers[0].header(name) != nil)
                #expect(answers[0].header(name) == answers[1].header(name))
            }
            #expect(answers[1].header("ETag")?.hasPrefix("W/\"v0-") == false)
            #expect(answers[0].text == answers[1].text)
        }
    }

    @Test func twoQueriesThatLookAlikeInOneTextAreTwoRequests() async throws {
        try await Harness.run { desk in
            let id = try await desk.ticket()
            let key = ["Idempotency-Key": "k"]
            let path = "/api/v2/tickets/\(id)/tags"
            let body = #"{"tags":["t"]}"#
            let first = try await desk.call(
                .admin, .put, path + "?a=1%0Ab=2", body, headers: key)
            let second = try await desk.call(.admin, .put, path + "?a=1&b=2", body, headers: key)
            #expect(first.status == 200)
            #expect(second.status == 400)
            #expect(second.error == "IdempotentRequestError")
        }
    }

    @Test(
        arguments: [
            ([:], "http://acme.desk.example"),
            (
                [
                    "Forwarded":
                        #"for=1.2.3.4;host=evil.example, for=5.6.7.8;host="acme.x:8443";proto=https"#
                ],
                "https://acme.x:8443"
            ),
            (
                ["X-Forwarded-Host": "evil.example, acme.y", "X-Forwarded-Proto": "http, https"],
                "https://acme.y"
            ),
            (
                ["X-Forwarded-Proto": "https", "X-Forwarded-Port": "8443"],
                "https://acme.desk.example:8443"
            ),
            (
                ["X-Forwarded-Proto": "https", "X-Forwarded-Port": "443"],
                "https://acme.desk.example"
            ),
            (["X-Forwarded-Proto": "gopher", "X-Forwarded-Port": "x"], "http://acme.desk.example"),
        ] as [([String: String], String)])
    func linksEchoWhatATrustedProxySays(headers: [String: String], origin: String) async throws {
        try await Harness.run { desk in
            let path = "/api/v2/users/\(desk.id(.admin)).json"
            let known = try await desk.call(
                .admin, .get, path, headers: headers, from: "10.0.0.1")
            #expect(known.body["user"]?["url"]?.text == origin + path)
            let unknown = try await desk.call(.admin, .get, path, headers: headers)
            #expect(unknown.body["user"]?["url"]?.text == "http://acme.desk.example" + path)
        }
    }

    @Test func aClientIsTheLastAddressThatNoTrustedProxyHas() {
        func address(_ headers: HTTPFields, _ remote: String = "10.0.0.1") -> String? {
            Peer(
                host: "a", scheme: "http", headers: headers, remote: remote,
                trusted: ["10.0.0.1", "10.0.0.2"]
            ).address
        }
        let list = HTTPField.Name("X-Forwarded-For")!
        #expect(address([list: "6.6.6.6, 1.2.3.4, 10.0.0.2"]) == "1.2.3.4")
        #expect(address([list: "6.6.6.6"], "9.9.9.9") == "9.9.9.9")
        #expect(
            address([HTTPField.Name("Forwarded")!: #"for="[2001:db8::1]:80""#]) == "2001:db8::1")
        #expect(address([:], "::ffff:10.0.0.1") == "10.0.0.1")
    }

    @Test func theTenantHeaderCountsOnlyAtTheMachineItself() async throws {
        try await Harness.run(proxies: ["127.0.0.1"]) { desk in
            func status(_ address: String, _ headers: [String: String] = [:]) async throws -> Int {
                try await desk.call(
                    .admin, .get, "/api/v2/users/me",
                    headers: headers.merging(["X-Lodge-Tenant": "acme"]) { $1 },
                    host: "localhost", from: address
                ).status
            }
            let direct = try await status("::1")
            #expect(direct == 200)
            #expect(try await status("127.0.0.1") == 404)
            #expect(try await status("192.0.2.7") == 404)
            #expect(try await status("::1", ["X-Forwarded-For": "1.2.3.4"]) == 404)
            #expect(try await status("::1", ["Forwarded": "for=1.2.3.4"]) == 404)
        }
    }

    @Test func aPositionOfAnotherShardIsRefusedAndALaterOneIsNotReached() async throws {
        try await Harness.run { desk in
            func ask(_ position: String) async throws -> Harness.Answer {
                try await desk.call(
                    .admin, .get, "/api/v2/users/me", headers: ["X-Lodge-Min-Position": position])
            }
            let shard = desk.acme.shard.rawValue
            #expect(try await ask("\(shard).1").status == 200)
            let other = try await ask("\(shard + 1).1")
            #expect(other.status == 400)
            #expect(other.error == "InvalidPosition")
            let later = try await ask("\(shard).99999")
            #expect(later.status == 503)
            #expect(later.header("Retry-After").flatMap(Int.init) != nil)
        }
    }

    @Test func nobodyWithoutACredentialUsesUpADesksLimit() async throws {
        try await Harness.run(requestsPerMinute: 30) { desk in
            for attempt in 0..<100 {
                let headers = attempt % 2 == 0 ? [:] : ["Authorization": "Bearer wrong"]
                let answer = try await desk.call(
                    .anonymous, .get, "/api/v2/users/me", headers: headers)
                #expect(answer.status == (attempt < 3 ? 401 : 429))
                #expect(answer.header("X-Rate-Limit") == "3")
            }
            for attempt in 0..<100 {
                _ = try await desk.call(
                    .anonymous, .get, "/api/v2/nowhere",
                    headers: ["Authorization": "Bearer \(attempt)"])
            }
            let mine = try await desk.call(.admin, .get, "/api/v2/users/me")
            #expect(mine.status == 200)
            #expect(mine.header("X-Rate-Limit-Remaining") == "29")
            let elsewhere = try await desk.call(
                .anonymous, .get, "/api/v2/users/me", from: "192.0.2.8")
            #expect(elsewhere.status == 401)
            desk.clock.advance(seconds: 60)
            #expect(try await desk.call(.anonymous, .get, "/api/v2/users/me").status == 401)
        }
    }

    @Test func whoHasAFilesAddressIsNoStranger() async throws {
        try await Harness.run(requestsPerMinute: 100) { desk in
            let file = try await desk.call(.admin, .post, "/api/v2/uploads?filename=a.txt", "x")
            let token = try #require(file.body["upload"]?["token"]?.text)
            let made = try await desk.call(
                .admin, .post, "/api/v2/tickets",
                "{\"ticket\":{\"comment\":{\"body\":\"b\",\"uploads\":[\"\(token)\"]}}}")
            #expect(made.status == 201)
            let link = try #require(file.body["upload"]?["attachment"]?["content_url"]?.text)
            let path = String(link.dropFirst("http://acme.desk.example".count))
            for _ in 0..<20 {
                let answer = try await desk.call(.anonymous, .get, path)
                #expect(answer.status == 200)
                #expect(answer.text == "x")
            }
            for attempt in 0..<20 {
                let answer = try await desk.call(.anonymous, .get, "/attachments/token/guess")
                #expect(answer.status == (attempt < 10 ? 404 : 429))
            }
            let mine = try await desk.call(.admin, .get, "/api/v2/users/me")
            #expect(mine.header("X-Rate-Limit-Remaining") == "77")
        }
    }

    @Test func aBodyThatEndsEarlyIsTheClientsDoingAndNoFault() async throws {
        try await Harness.run { desk in
            let answer = try await desk.call(
                .admin, .post, "/api/v2/groups", #"{"group":{"name":"Half"}}"#,
                headers: ["Content-Length": "1000"])
            #expect(answer.status == 400)
            struct Gone: Error {}
            let stream = AsyncThrowingStream<ByteBuffer, any Error> { $0.finish(throwing: Gone()) }
            let response = try await desk.respond(
                .post, "/api/v2/groups", RequestBody(asyncSequence: stream))
            #expect(response.status == .badRequest)
        }
    }

    @Test func headHasTheLengthOfGetAndNoBody() async throws {
        try await Harness.run { desk in
            let get = try await desk.call(.admin, .get, "/api/v2/users/me")
            let head = try await desk.call(.admin, .head, "/api/v2/users/me")
            #expect(head.header("Content-Length") == String(get.text.utf8.count))
            #expect(head.header("ETag") == get.header("ETag"))
            #expect(head.text.isEmpty)
            let path = "/api/v2/groups/\(try await desk.make("groups", "group", #""name":"G""#))"
            let gone = try await desk.call(.admin, .delete, path)
            #expect(gone.status == 204)
            #expect(gone.header("Content-Length") == nil)
        }
    }

    @Test func theSameHoldsOnARealConnection() async throws {
        try await Harness.run { desk in
            let app = Application(
                responder: desk.responder,
                configuration: .init(address: .hostname("127.0.0.1", port: 0)))
            let bearer = desk.bearer(.admin)!
            try await app.test(.live) { client in
                var headers: HTTPFields = [.authorization: bearer]
                headers[HTTPField.Name("X-Lodge-Tenant")!] = "acme"
                let get = try await client.execute(
                    uri: "/api/v2/users/me", method: .get, headers: headers)
                let head = try await client.execute(
                    uri: "/api/v2/users/me", method: .head, headers: headers)
                #expect(get.status == .ok)
                #expect(head.headers[.contentLength] == get.headers[.contentLength])
            }
        }
    }
}
