import HTTPTypes
import Testing

@testable import SupportAPI

/// What must hold of every endpoint, whatever it does.
struct EveryRouteTests {
    /// The description needs no credential, and a file's or a survey's token is one.
    private static let guarded = Endpoints.all.filter {
        !["showOpenAPI", "showAttachmentContent"].contains($0.operation) && !$0.isPage
    }

    /// The path with every parameter filled in, and what its query needs to get as far as the rows.
    static func path(_ endpoint: Endpoint, id: String) -> String {
        let path = endpoint.path.split(separator: "/").map { $0.hasPrefix("{") ? id : String($0) }
        let query = endpoint.query.compactMap { key -> String? in
            switch key.name {
            case "filename": "filename=a.txt"
            case "ids": "ids=\(id)"
            case "ticket_ids": "ticket_ids=\(id)"
            case "filter[type]": "filter[type]=ticket"
            case "start_time": "start_time=0"
            case "query", "name", "external_id": "\(key.name)=zzz"
            default: nil
            }
        }
        return "/" + path.joined(separator: "/") + ".json?" + query.joined(separator: "&")
    }

    /// A body that gets past the decoder of any endpoint.
    static let body: String = {
        let one =
            #"{"name":"Delta","subject":"x","comment":{"body":"y"},"external_id":"e1","created_at":"2020-01-01T00:00:00Z","intervals":[],"time_zone":"UTC","start_date":"2026-12-24","end_date":"2026-12-25","title":"Delta","key":"k1","value":"v1","agent_label":"Delta","status_category":"open","all":[{"field":"status","operator":"is","value":"open"},{"field":"in_business_hours","operator":"is","value":"true"}],"actions":[{"field":"priority","value":"high"}],"state":"cancelled"}"#
        let keys = [
            "ticket", "request", "user", "organization", "group", "group_membership",
            "organization_membership", "api_token", "schedule", "workweek", "holiday",
            "ticket_field", "user_field", "organization_field", "custom_field_option",
            "custom_status", "ticket_form", "trigger", "automation", "macro", "view", "notice",
            "sla_policy", "reason", "attribute", "attribute_value",
        ]
        let singles = keys.map { "\"\($0)\":\(one)" }
        let lists = keys.map { "\"\($0)s\":[\(one)]" }
        let identity =
            #""identity":{"type":"email","value":"e1@acme.example"},"satisfaction_rating":{"score":"good"}"#
        let assignment =
            #""assignment":{"method":"load"},"availability":{"state":"online","capacity":3},"state":"viewing","attribute_value_ids":[]"#
        let orders =
            [
                "ticket_field", "user_field", "organization_field", "ticket_form", "trigger",
                "automation", "macro", "view", "sla_policy",
            ]
            .map { "\"\($0)_ids\":[]" } + [#""ids":"1""#]
        return
            "{\(identity),\(assignment),\((singles + lists + orders).joined(separator: ",")),\"days\":7,\"tags\":[\"t\"],\"password\":\"long enough\"}"
    }()

    static func body(_ endpoint: Endpoint) -> String? { endpoint.method == .get ? nil : body }

    @Test func nobodyIsAnsweredWithoutACredentialOfThisDesk() async throws {
        try await Harness.run { desk in
            for endpoint in Self.guarded {
                let path = Self.path(endpoint, id: "1")
                let nobody = try await desk.call(
                    .anonymous, endpoint.method, path, Self.body(endpoint))
                #expect(nobody.status == 401, "\(endpoint.operation) \(nobody.text)")
                #expect(nobody.header("WWW-Authenticate") != nil)
                let stranger = try await desk.call(
                    .stranger, endpoint.method, path, Self.body(endpoint))
                #expect(stranger.status == 401, "\(endpoint.operation) \(stranger.text)")
                // Nobody's requests have a limit of their own.
                desk.clock.advance(seconds: 60)
            }
        }
    }

    @Test func recordsThatDoNotExistAreNotFound() async throws {
        try await Harness.run { desk in
            for endpoint in Self.guarded where endpoint.path.contains("{") {
                for id in ["999999999", "0", "-1", "x", "9223372036854775808"] {
                    let answer = try await desk.call(
                        .admin, endpoint.method, Self.path(endpoint, id: id), Self.body(endpoint))
                    // Making a membership names its user in a field as well as in the path.
                    let isNested = endpoint.method == .post && endpoint.path.contains("memberships")
                    #expect(
                        answer.status == 404 || (isNested && answer.status == 422),
                        "\(endpoint.operation) \(id) \(answer.status) \(answer.text.prefix(200))")
                }
            }
        }
    }

    /// Of what they asked for they may see nothing, and so get nothing.
    private static func isEmptyList(_ answer: Harness.Answer, _ endpoint: Endpoint) -> Bool {
        guard answer.status == 200, endpoint.operation.hasPrefix("showMany") else { return false }
        return ["users", "job_statuses"].contains { answer.body[$0] == .array([]) }
    }

    @Test func anEndUserGetsNoFurtherThanTheirOwn() async throws {
        let open: Set<String> = [
            "showSelf", "showUser", "updateUser", "setUserPassword", "listRequests",
            "listSatisfactionRatings", "countSatisfactionRatings",
            "createUpload", "showRequest", "createRequest", "updateRequest", "listRequestComments",
            "listCopiedRequests",
        ]
        try await Harness.run { desk in
            let ticket = try await desk.ticket()
            for endpoint in Self.guarded where !open.contains(endpoint.operation) {
                let answer = try await desk.call(
                    .endUser, endpoint.method, Self.path(endpoint, id: String(ticket)),
                    Self.body(endpoint))
                let isEmptyList = Self.isEmptyList(answer, endpoint)
                #expect(
                    answer.status == 403 || answer.status == 404 || isEmptyList,
                    "\(endpoint.operation) \(answer.status) \(answer.text.prefix(200))")
            }
        }
    }

    @Test func noEndpointFailsWhateverTheBody() async throws {
        try await Harness.run { desk in
            for endpoint in Endpoints.all {
                for body in [nil, "{}", "[]", "{", "null", #"{"ticket":[],"user":1}"#, Self.body] {
                    for id in ["1", "%00", "%F0%9F%98%80"] {
                        let answer = try await desk.call(
                            .agent, endpoint.method, Self.path(endpoint, id: id),
                            endpoint.method == .get ? nil : body)
                        #expect(
                            answer.status < 500,
                            "\(endpoint.operation) \(id) \(body ?? "-") \(answer.text)")
                    }
                }
                try await desk.runJobs()
            }
        }
    }

    @Test func theDescriptionIsTheRouter() async throws {
        try await Harness.run { desk in
            let document = try await desk.call(.anonymous, .get, "/api/v2/openapi.json").body
            var described: [String] = []
            var operations: [String] = []
            for (path, methods) in document["paths"]?.members ?? [] {
                for (method, operation) in methods.members {
                    described.append("\(method.uppercased()) \(path)")
                    operations.append(operation["operationId"]?.text ?? "")
                    let declared = operation["parameters"]?.items.filter {
                        $0["in"]?.text == "path" && $0["required"] == .bool(true)
                    }.compactMap { $0["name"]?.text }
                    let wanted = path.split(separator: "/").filter { $0.hasPrefix("{") }
                        .map { String($0.prefix { $0 != "}" }.dropFirst()) }
                    #expect(declared == wanted, "\(path)")
                }
            }
            let routes = Endpoints.all.map { "\($0.method.rawValue) \($0.path).json" }
            #expect(described.sorted() == routes.sorted())
            #expect(Set(operations).count == operations.count)
            let schemas = Set(document["components"]?["schemas"]?.members.map(\.name) ?? [])
            var references: [String] = []
            func collect(_ value: JSONValue) {
                for (name, member) in value.members {
                    if name == "$ref", let text = member.text { references.append(text) }
                    collect(member)
                }
                value.items.forEach(collect)
            }
            collect(document)
            #expect(!references.isEmpty)
            for reference in Set(references) {
                let name = reference.split(separator: "/").last.map(String.init) ?? ""
                #expect(reference == "#/components/schemas/\(name)" && schemas.contains(name))
            }
        }
    }
}
