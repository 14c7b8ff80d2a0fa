import Cluster
import HTTPTypes
import NIOCore
import Testing

@testable import SupportAPI

/// One bad request with the one answer it must get.
struct BadInput: Sendable, CustomTestStringConvertible {
    let method: HTTPRequest.Method
    let path: String
    let body: String?
    let status: Int
    let error: String?

    init(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, _ status: Int,
        _ error: String?
    ) {
        (self.method, self.path, self.body) = (method, "/api/v2/" + path, body)
        (self.status, self.error) = (status, error)
    }

    var testDescription: String { "\(method) \(path.prefix(60)) \(body?.prefix(40) ?? "")" }

    static func nested(_ depth: Int) -> String {
        "{\"group\":{\"name\":\"Deep\",\"x\":" + String(repeating: "[", count: depth - 2)
            + String(repeating: "]", count: depth - 2) + "}}"
    }

    static let all: [BadInput] = [
        // Bodies.
        BadInput(.post, "groups", "{", 400, "InvalidJSON"),
        BadInput(.post, "groups", "{\"group\":{\"name\":\"a\"},}", 400, "InvalidJSON"),
        BadInput(.post, "groups", "{'group':1}", 400, "InvalidJSON"),
        BadInput(.post, "groups", "{} {}", 400, "InvalidJSON"),
        BadInput(.post, "groups", nil, 400, "InvalidRequest"),
        BadInput(.post, "groups", "[]", 400, "InvalidRequest"),
        BadInput(.post, "groups", #"{"group":[]}"#, 400, "InvalidRequest"),
        BadInput(.post, "groups", nested(64), 201, nil),
        BadInput(.post, "groups", nested(65), 400, "InvalidJSON"),
        BadInput(.post, "groups", #"{"group":{"name":{}}}"#, 422, "RecordInvalid"),
        BadInput(.post, "groups", #"{"group":{"name":null}}"#, 422, "RecordInvalid"),
        BadInput(.post, "groups", #"{"group":{"name":"a","is_public":"x"}}"#, 422, "RecordInvalid"),
        BadInput(.post, "groups", #"{"group":{"name":"\ud800"}}"#, 400, "InvalidJSON"),
        BadInput(.post, "groups", #"{"group":{"name":1e999}}"#, 400, "InvalidJSON"),
        BadInput(.post, "tickets", #"{"ticket":{"requester_id":"x"}}"#, 422, "RecordInvalid"),
        BadInput(
            .post, "tickets",
            #"{"ticket":{"comment":{"body":"b"},"requester_id":9223372036854775808}}"#, 422,
            "RecordInvalid"),
        BadInput(
            .post, "tickets", #"{"ticket":{"comment":{"body":"b"},"requester_id":-1}}"#, 422,
            "RecordInvalid"),
        BadInput(.post, "tickets", #"{"ticket":{"comment":7}}"#, 422, "RecordInvalid"),
        BadInput(
            .post, "tickets", #"{"ticket":{"comment":{"body":"b"},"status":"odd"}}"#, 422,
            "RecordInvalid"),
        BadInput(
            .post, "tickets", #"{"ticket":{"comment":{"body":"b"},"due_at":"now"}}"#, 422,
            "RecordInvalid"),
        BadInput(.post, "users", #"{"user":{"name":"A","role":"king"}}"#, 422, "RecordInvalid"),
        BadInput(.post, "users", #"{"user":{"name":"A","email":"no"}}"#, 422, "RecordInvalid"),
        BadInput(.post, "groups/create_many", "{}", 405, "MethodNotAllowed"),
        BadInput(.post, "tickets/create_many", #"{"tickets":{}}"#, 400, "InvalidRequest"),
        BadInput(.post, "tickets/create_many", #"{"tickets":[1]}"#, 400, "InvalidRequest"),
        BadInput(
            .post, "tickets/create_many",
            "{\"tickets\":[\(Array(repeating: "{}", count: 101).joined(separator: ","))]}", 400,
            "TooManyValues"),
        // Numbers in paths.
        BadInput(.get, "tickets/0", 404, "RecordNotFound"),
        BadInput(.get, "tickets/-1", 404, "RecordNotFound"),
        BadInput(.get, "tickets/x", 404, "RecordNotFound"),
        BadInput(.get, "tickets/1.5", 404, "RecordNotFound"),
        BadInput(.get, "tickets/9223372036854775807", 404, "RecordNotFound"),
        BadInput(.get, "tickets/9223372036854775808", 404, "RecordNotFound"),
        BadInput(.get, "tickets/%C3%28", 404, "RecordNotFound"),
        BadInput(.get, "nowhere", 404, "InvalidEndpoint"),
        // Queries and pages.
        BadInput(.get, "tickets?x=%C3%28", 400, "InvalidRequest"),
        BadInput(.get, "tickets?x=%4", 400, "InvalidRequest"),
        BadInput(.get, "tickets?page=0", 400, "InvalidPaginationParameter"),
        BadInput(.get, "tickets?page=-1", 400, "InvalidPaginationParameter"),
        BadInput(.get, "tickets?page=x", 400, "InvalidPaginationParameter"),
        BadInput(.get, "tickets?page=101", 400, "InvalidPaginationDepth"),
        BadInput(.get, "tickets?per_page=0", 400, "InvalidPaginationParameter"),
        BadInput(.get, "tickets?per_page=101", 200, nil),
        BadInput(.get, "tickets?page[size]=0", 400, "InvalidPaginationParameter"),
        BadInput(.get, "tickets?page[size]=101", 400, "InvalidPaginationParameter"),
        BadInput(.get, "tickets?page[after]=!", 400, "InvalidCursor"),
        BadInput(.get, "tickets?page[after]=aWR8eA", 400, "InvalidCursor"),
        BadInput(.get, "tickets?page[after]=b3RoZXJ8MQ", 400, "InvalidCursor"),
        BadInput(.get, "tickets?sort_by=colour", 400, "InvalidSort"),
        BadInput(.get, "tickets/show_many?ids=1,x", 400, "InvalidRequest"),
        BadInput(
            .get,
            "tickets/show_many?ids=\((1...101).map(String.init).joined(separator: ","))", 400,
            "TooManyValues"),
        BadInput(.delete, "tickets/destroy_many", 400, "InvalidRequest"),
        BadInput(.get, "users?role=king", 400, "InvalidRequest"),
        BadInput(.get, "search", 400, "InvalidRequest"),
        BadInput(.get, "search/export?query=a", 400, "InvalidRequest"),
        BadInput(.patch, "tickets/1", 405, "MethodNotAllowed"),
    ]

    private init(
        _ method: HTTPRequest.Method, _ path: String, _ status: Int, _ error: String?
    ) { self.init(method, path, nil, status, error) }
}

/// Whatever is sent, the answer says what is wrong, and nothing breaks.
struct BadInputTests {
    @Test(arguments: BadInput.all)
    func aBadRequestGetsItsAnswer(input: BadInput) async throws {
        try await Harness.run { desk in
            let answer = try await desk.call(.admin, input.method, input.path, input.body)
            #expect(answer.status == input.status, "\(answer.text.prefix(300))")
            #expect(answer.error == input.error, "\(answer.text.prefix(300))")
        }
    }

    @Test func aBodyMayHaveAMebibyteAndNoByteMore() async throws {
        try await Harness.run { desk in
            let start = #"{"group":{"name":"Big"}}"#
            let room = Endpoint.usualBodyLimit - start.utf8.count
            for (size, status) in [(room, 201), (room + 1, 413)] {
                let answer = try await desk.call(
                    .admin, .post, "/api/v2/groups", start + String(repeating: " ", count: size))
                #expect(answer.status == status)
                #expect(answer.error == (status == 413 ? "PayloadTooLarge" : nil))
            }
        }
    }

    @Test func bytesThatAreNoUTF8AreNoJSON() async throws {
        try await Harness.run { desk in
            var body = ByteBuffer(string: #"{"group":{"name":""#)
            body.writeBytes([0xc3, 0x28])
            body.writeString(#""}}"#)
            let answer = try await desk.call(
                .admin, .post, "/api/v2/groups", body, headers: [:])
            #expect(answer.status == 400)
            #expect(answer.error == "InvalidJSON")
        }
    }

    @Test func recordsOfAnotherDeskDoNotExist() async throws {
        try await Harness.run { desk in
            let group = try await desk.make("groups", "group", #""name":"North""#)
            let person = try await desk.make(
                "users", "user", #""name":"Dee","email":"d@acme.example""#)
            for path in ["groups/\(group)", "users/\(person)"] {
                for method in [HTTPRequest.Method.get, .delete] {
                    let answer = try await desk.call(
                        .stranger, method, "/api/v2/\(path)", host: "globex.desk.example")
                    #expect(answer.status == 404)
                }
            }
            let ticket = try await desk.call(
                .stranger, .post, "/api/v2/tickets",
                "{\"ticket\":{\"comment\":{\"body\":\"b\"},\"requester_id\":\(person)}}",
                host: "globex.desk.example")
            #expect(ticket.status == 422)
        }
    }

    @Test func aWrongMethodIsToldTheRightOnes() async throws {
        try await Harness.run { desk in
            let answer = try await desk.call(.admin, .patch, "/api/v2/tickets/1")
            #expect(answer.status == 405)
            #expect(answer.header("Allow") == "DELETE, GET, PUT")
        }
    }

    @Test func aRevokedTokenAndASuspendedUserAreRefusedAtOnce() async throws {
        try await Harness.run { desk in
            let made = try await desk.call(
                .admin, .post, "/api/v2/api_tokens", #"{"api_token":{"description":"d"}}"#)
            let secret = try #require(made.body["api_token"]?["token"]?.text)
            let id = try #require(made.body["api_token"]?["id"]?.number)
            let header = ["Authorization": "Bearer \(secret)"]
            func me() async throws -> Int {
                try await desk.call(.anonymous, .get, "/api/v2/users/me", headers: header).status
            }
            let before = try await me()
            #expect(before == 200)
            _ = try await desk.call(.admin, .delete, "/api/v2/api_tokens/\(id)")
            let after = try await me()
            #expect(after == 401)
            let agent = "/api/v2/users/\(desk.id(.agent))"
            _ = try await desk.call(.admin, .put, agent, #"{"user":{"suspended":true}}"#)
            let suspended = try await desk.call(.agent, .get, "/api/v2/users/me")
            #expect(suspended.status == 401)
        }
    }

    @Test func wrongPasswordsMustWaitAndTheRightOneCounts() async throws {
        try await Harness.run { desk in
            let path = "/api/v2/users/\(desk.id(.endUser))/password"
            let set = try await desk.call(.admin, .post, path, #"{"password":"right enough"}"#)
            #expect(set.status == 204)
            func me(_ password: String) async throws -> Harness.Answer {
                var text = ByteBuffer(string: "cy@acme.example:\(password)")
                let bytes = text.readBytes(length: text.readableBytes) ?? []
                return try await desk.call(
                    .anonymous, .get, "/api/v2/users/me",
                    headers: ["Authorization": "Basic \(base64(bytes))"])
            }
            for _ in 0..<10 {
                let wrong = try await me("wrong")
                #expect(wrong.status == 401)
            }
            let waiting = try await me("right enough")
            #expect(waiting.status == 429)
            let wait = try #require(waiting.header("Retry-After").flatMap(Int64.init))
            desk.clock.advance(seconds: wait)
            let right = try await me("right enough")
            #expect(right.status == 200)
            let short = try await desk.call(.admin, .post, path, #"{"password":"short"}"#)
            #expect(short.status == 422)
        }
    }

    private func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let part = bytes[start..<min(start + 3, bytes.count)]
            let word = part.reduce(0) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - part.count))
            for place in 0...part.count {
                text.append(alphabet[Int(word >> (18 - 6 * UInt32(place)) & 63)])
            }
            text += String(repeating: "=", count: 3 - part.count)
        }
        return text
    }

    @Test func aHostWithoutADeskAndASuspendedDeskAreRefused() async throws {
        try await Harness.run { desk in
            let nowhere = try await desk.call(
                .admin, .get, "/api/v2/users/me", host: "initech.desk.example")
            #expect(nowhere.status == 404)
            #expect(nowhere.error == "RecordNotFound")
            _ = try await desk.node.directory.setState("acme", .suspended)
            let closed = try await desk.call(.admin, .get, "/api/v2/users/me")
            #expect(closed.status == 403)
            #expect(closed.error == "AccountSuspended")
            _ = try await desk.node.directory.setState("acme", .active)
            let open = try await desk.call(.admin, .get, "/api/v2/users/me")
            #expect(open.status == 200)
        }
    }

    @Test(arguments: [(0, 400), (1, 201), (255, 201), (256, 400)])
    func anIdempotencyKeyHasItsLength(length: Int, status: Int) async throws {
        try await Harness.run { desk in
            let key = ["Idempotency-Key": String(repeating: "k", count: length)]
            let answer = try await desk.call(
                .admin, .post, "/api/v2/groups", #"{"group":{"name":"G"}}"#, headers: key)
            #expect(answer.status == status)
            #expect(answer.error == (status == 400 ? "IdempotentRequestError" : nil))
        }
    }

    @Test func aKeyForAnotherRequestIsRefusedAndADayLaterFree() async throws {
        try await Harness.run { desk in
            func make(_ name: String) async throws -> Harness.Answer {
                try await desk.call(
                    .admin, .post, "/api/v2/groups", "{\"group\":{\"name\":\"\(name)\"}}",
                    headers: ["Idempotency-Key": "k"])
            }
            let first = try await make("A")
            #expect(first.status == 201)
            let other = try await make("B")
            #expect(other.status == 400)
            #expect(other.error == "IdempotentRequestError")
            desk.clock.advance(seconds: 24 * 3600)
            let later = try await make("B")
            #expect(later.status == 201)
        }
    }
}
