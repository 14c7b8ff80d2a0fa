import HTTPTypes
import Testing

@testable import SupportAPI

/// What clients build on beside the records: forms of a path, versions, limits, keys, positions, pages, jobs.
struct ProtocolTests {
    @Test func everyPathAnswersWithAndWithoutItsEnding() async throws {
        try await Harness.run { desk in
            let plain = try await desk.call(.admin, .get, "/api/v2/users/me")
            let dotted = try await desk.call(.admin, .get, "/api/v2/users/me.json")
            #expect(plain.status == 200)
            #expect(plain.text == dotted.text)
        }
    }

    @Test func anUnchangedAnswerIsNotSentAgain() async throws {
        try await Harness.run { desk in
            let path = "/api/v2/tickets/\(try await desk.ticket())"
            let first = try await desk.call(.admin, .get, path)
            let tag = try #require(first.header("ETag"))
            let again = try await desk.call(.admin, .get, path, headers: ["If-None-Match": tag])
            #expect(again.status == 304)
            #expect(again.text.isEmpty)
            _ = try await desk.call(.admin, .put, path, #"{"ticket":{"subject":"Other"}}"#)
            let changed = try await desk.call(.admin, .get, path, headers: ["If-None-Match": tag])
            #expect(changed.status == 200)
            let stale = try await desk.call(
                .admin, .put, path, #"{"ticket":{"subject":"Third"}}"#, headers: ["If-Match": tag])
            #expect(stale.status == 412)
        }
    }

    @Test func theLimitIsSaidAndKeptAndEndsWithTheMinute() async throws {
        try await Harness.run(requestsPerMinute: 3) { desk in
            for left in [2, 1, 0] {
                let answer = try await desk.call(.admin, .get, "/api/v2/users/me")
                #expect(answer.status == 200)
                #expect(answer.header("X-Rate-Limit") == "3")
                #expect(answer.header("X-Rate-Limit-Remaining") == String(left))
                #expect(answer.header("ratelimit-reset").flatMap(Int.init) != nil)
            }
            let refused = try await desk.call(.agent, .get, "/api/v2/users/me")
            #expect(refused.status == 429)
            let wait = try #require(refused.header("Retry-After").flatMap(Int64.init))
            #expect((1...60).contains(wait))
            let other = try await desk.call(
                .stranger, .get, "/api/v2/users/me", host: "globex.desk.example")
            #expect(other.status == 200)
            desk.clock.advance(seconds: wait)
            #expect(try await desk.call(.admin, .get, "/api/v2/users/me").status == 200)
        }
    }

    @Test func aRequestKeepsItsNumberOrGetsOne() async throws {
        try await Harness.run { desk in
            func number(_ sent: [String: String]) async throws -> String? {
                try await desk.call(.admin, .get, "/api/v2/users/me", headers: sent)
                    .header("X-Request-Id")
            }
            let kept = try await number(["X-Request-Id": "abc-1"])
            #expect(kept == "abc-1")
            let long = String(repeating: "x", count: 129)
            let fresh = try await number(["X-Request-Id": long])
            #expect(fresh != long && fresh?.isEmpty == false)
        }
    }

    /// Every endpoint that writes takes the key: the second answer is the first's, and nothing is done twice.
    @Test func everyWriteCanBeRepeatedUnderItsKey() async throws {
        // They ask with a body, and change nothing.
        let questions: Set<String> = [
            "previewView", "countPreview", "announcePresence", "endPresence",
            "autocompleteProblems",
        ]
        // Only a ticket's requester rates, and nobody signs in for a survey: SatisfactionAPITests have them.
        let others: Set<String> = ["createSatisfactionRating", "answerSurvey"]
        try await Harness.run { desk in
            for endpoint in Endpoints.all
            where endpoint.method != .get && !questions.contains(endpoint.operation)
                && !others.contains(endpoint.operation)
            {
                // A record for each path parameter's kind, fresh for each endpoint.
                let path = try await Self.target(endpoint, desk)
                var body = try await RelationFixtures.body(endpoint.operation, path, desk)
                if body == nil { body = try await Self.body(endpoint, desk) }
                let key = ["Idempotency-Key": endpoint.operation]
                let first = try await desk.call(
                    .admin, endpoint.method, path, body, headers: key)
                let second = try await desk.call(
                    .admin, endpoint.method, path, body, headers: key)
                let note = "\(endpoint.operation) \(path) \(first.text.prefix(300))"
                #expect((200...202).contains(first.status) || first.status == 204, "\(note)")
                #expect(first.header("x-idempotency-lookup") == "miss", "\(note)")
                #expect(second.header("x-idempotency-lookup") == "hit", "\(note)")
                #expect(first.header("X-Lodge-Position") != nil, "\(note)")
                #expect(second.status == first.status, "\(note)")
                if endpoint.operation == "createAPIToken" {
                    // A secret is shown once, and not kept for whoever repeats the request.
                    #expect(
                        first.text.contains("\"token\":") && !second.text.contains("\"token\":"))
                } else {
                    #expect(second.text == first.text, "\(note)")
                    #expect(second.header("ETag") == first.header("ETag"), "\(note)")
                }
                #expect(second.header("Location") == first.header("Location"), "\(note)")
                try await desk.runJobs()
            }
        }
    }

    private static func target(_ endpoint: Endpoint, _ desk: Harness) async throws -> String {
        let operation = endpoint.operation
        if let path = try await RelationFixtures.path(operation, desk) { return path }
        let name = "\"name\":\"R \(operation)\""
        let email = "\"email\":\"\(operation.lowercased())@acme.example\""
        func user() async throws -> Int64 {
            try await desk.make("users", "user", "\(name),\(email)")
        }
        var path = endpoint.path
        func fill(_ parameter: String, _ id: Int64) {
            let parts = path.split(separator: "/").map {
                $0 == "{\(parameter)}" ? String(id) : String($0)
            }
            path = "/" + parts.joined(separator: "/")
        }
        let area = path.split(separator: "/")[2]
        switch area {
        case _ where operation.contains("Membership") && path.contains("{id}"):
            let isTeam = operation.contains("Group")
            let person =
                isTeam
                ? try await desk.make("users", "user", "\(name),\(email),\"role\":\"agent\"")
                : try await user()
            guard operation != "createUserGroupMembership",
                operation != "createUserOrganizationMembership"
            else {
                fill("id", person)
                break
            }
            let owner = isTeam ? "group" : "organization"
            let home = try await desk.make("\(owner)s", owner, name)
            let id = try await desk.make(
                "\(owner)_memberships", "\(owner)_membership",
                "\"user_id\":\(person),\"\(owner)_id\":\(home)")
            fill("user_id", person)
            fill("id", id)
        case "tickets" where path.contains("macros"):
            fill("ticket_id", try await desk.ticket())
            fill("id", try await rule("macros", operation, desk))
        case "tickets", "requests", "deleted_tickets":
            guard path.contains("{id}") else { break }
            let file = try await desk.call(.admin, .post, "/api/v2/uploads?filename=a.txt", "x")
            let token = file.body["upload"]?["token"]?.text ?? ""
            fill(
                "attachment_id",
                file.body["upload"]?["attachment"]?["id"]?.number ?? 0)
            let id = try await desk.make(
                "tickets", "ticket", "\"comment\":{\"body\":\"b\",\"uploads\":[\"\(token)\"]}")
            if path.contains("comment_id") {
                let list = try await desk.call(.admin, .get, "/api/v2/tickets/\(id)/comments")
                fill("comment_id", list.body["comments"]?.items.first?["id"]?.number ?? 0)
            }
            if area == "deleted_tickets" {
                _ = try await desk.call(.admin, .delete, "/api/v2/tickets/\(id)")
            }
            fill("id", id)
        case "users" where path.contains("identities"):
            let person = try await user()
            fill("user_id", person)
            let id = try await desk.make(
                "users/\(person)/identities", "identity",
                "\"type\":\"email\",\"value\":\"o\(operation.lowercased())@acme.example\"")
            if operation != "createIdentity" {
                let identity = "/api/v2/users/\(person)/identities/\(id)"
                if operation == "makeIdentityPrimary" {
                    _ = try await desk.call(.admin, .put, identity + "/verify")
                }
                fill("id", id)
            }
        case "uploads" where path.contains("{token}"):
            let upload = try await desk.call(.admin, .post, "/api/v2/uploads?filename=a.txt", "x")
            let token = upload.body["upload"]?["token"]?.text ?? ""
            return "/api/v2/uploads/\(token)"
        case "uploads": return path + "?filename=a.txt"
        case "users" where path.contains("{id}"): fill("id", try await user())
        case "organizations" where path.contains("{id}"):
            fill("id", try await desk.make("organizations", "organization", name))
        case "groups" where path.contains("{id}"):
            fill("id", try await desk.make("groups", "group", name))
        case "business_hours" where path.contains("{id}"):
            let schedules = "business_hours/schedules"
            let id = try await desk.make(schedules, "schedule", "\(name),\"time_zone\":\"UTC\"")
            if path.contains("holiday_id") {
                fill(
                    "holiday_id",
                    try await desk.make(
                        "\(schedules)/\(id)/holidays", "holiday",
                        "\(name),\"start_date\":\"2026-12-24\",\"end_date\":\"2026-12-25\""))
            }
            fill("id", id)
        case "triggers", "automations", "macros", "views":
            guard path.contains("{id}") else { break }
            fill("id", try await rule(String(area), operation, desk))
        case "slas" where path.contains("{id}"):
            fill(
                "id",
                try await desk.make("slas/policies", "sla_policy", "\"title\":\"R \(operation)\""))
        case "lodge" where path.contains("groups/{id}"):
            fill("id", try await desk.make("groups", "group", name))
        case "lodge" where path.contains("agents/{id}"):
            fill("id", try await desk.make("users", "user", "\(name),\(email),\"role\":\"agent\""))
        case "routing": path = try await routing(path, operation, desk)
        case "lodge" where path.contains("tickets/{id}"): fill("id", try await desk.ticket())
        case "lodge" where path.contains("notices/{id}"):
            fill("id", try await notice(operation, desk))
        case "lodge" where path.contains("satisfaction_reasons/{id}"):
            fill(
                "id",
                try await desk.make(
                    "lodge/satisfaction_reasons", "reason", "\"value\":\"R \(operation)\""))
        case "lodge" where path.contains("rehearsals/{id}"):
            let made = try await desk.call(
                .admin, .post, "/api/v2/lodge/rehearsals", #"{"days":1}"#)
            fill("id", made.body["rehearsal"]?["id"]?.number ?? 0)
        case "lodge" where path.contains("{id}"):
            let kind = String(path.split(separator: "/")[3])
            let id = try await desk.make(kind, String(kind.dropLast()), Self.field(operation))
            _ = try await desk.call(.admin, .delete, "/api/v2/\(kind)/\(id)")
            fill("id", id)
        case "ticket_fields", "user_fields", "organization_fields":
            guard path.contains("{id}") else { break }
            let kind = String(area)
            let id = try await desk.make(kind, String(kind.dropLast()), Self.field(operation))
            let options = try await desk.call(.admin, .get, "/api/v2/\(kind)/\(id)/options")
            fill("id", id)
            fill(
                "option_id",
                options.body["custom_field_options"]?.items.first?["id"]?.number ?? 0)
        case "custom_statuses" where path.contains("{id}"):
            fill(
                "id",
                try await desk.make(
                    "custom_statuses", "custom_status",
                    "\"agent_label\":\"R \(operation)\",\"status_category\":\"open\""))
        case "ticket_forms" where path.contains("{id}"):
            fill("id", try await desk.make("ticket_forms", "ticket_form", name))
        case "api_tokens" where path.contains("{id}"):
            fill("id", try await desk.make("api_tokens", "api_token", "\"description\":\"t\""))
        default: break
        }
        let takesIDs = endpoint.query.contains { $0.name == "ids" }
        return takesIDs ? path + "?ids=999" : path
    }

    /// A path under `routing` to a new attribute and value, the agent, or a new ticket.
    private static func routing(_ path: String, _ operation: String, _ desk: Harness) async throws
        -> String
    {
        var filled: [String: String] = ["{user_id}": String(desk.id(.agent))]
        let base = "/api/v2/routing/attributes"
        if path.contains("{ticket_id}") { filled["{ticket_id}"] = String(try await desk.ticket()) }
        if path.contains("{attribute_id}") {
            let made = try await desk.call(
                .admin, .post, base, "{\"attribute\":{\"name\":\"R \(operation)\"}}")
            let id = made.body["attribute"]?["id"]?.text ?? ""
            filled["{attribute_id}"] = id
            let value = try await desk.call(
                .admin, .post, "\(base)/\(id)/values", #"{"attribute_value":{"name":"R"}}"#)
            filled["{attribute_value_id}"] = value.body["attribute_value"]?["id"]?.text
        }
        return "/"
            + path.split(separator: "/").map { filled[String($0)] ?? String($0) }
            .joined(separator: "/")
    }

    private static func rule(_ kind: String, _ operation: String, _ desk: Harness) async throws
        -> Int64
    {
        try await desk.make(
            kind, String(kind.dropLast()),
            #""title":"R \#(operation)","all":[{"field":"status","operator":"is","value":"open"},{"field":"in_business_hours","operator":"is","value":"true"}],"actions":[{"field":"priority","value":"high"}]"#
        )
    }

    /// Something that a rule has sent.
    private static func notice(_ operation: String, _ desk: Harness) async throws -> Int64 {
        let trigger = try await desk.make(
            "triggers", "trigger",
            #""title":"N \#(operation)","all":[{"field":"update_type","operator":"is","value":"Create"}],"actions":[{"field":"notification_user","value":["requester_id","s","b"]}]"#
        )
        let ticket = try await desk.ticket()
        let list = try await desk.call(.admin, .get, "/api/v2/lodge/notices?ticket_id=\(ticket)")
        _ = try await desk.call(.admin, .delete, "/api/v2/triggers/\(trigger)")
        return list.body["notices"]?.items.first?["id"]?.number ?? 0
    }

    /// A drop-down whose key is that of the body.
    private static func field(_ operation: String) -> String {
        let word = operation.lowercased()
        let options = ["a", "b"].map { #"{"name":"\#($0)","value":"\#($0)_\#(word)"}"# }
        return
            #""title":"R","type":"dropdown","key":"k_\#(word)","custom_field_options":[\#(options.joined(separator: ","))]"#
    }

    private static func body(_ endpoint: Endpoint, _ desk: Harness) async throws -> String? {
        let operation = endpoint.operation
        if operation.hasPrefix("updateMany"), endpoint.tag == operation.dropFirst(10) {
            let kind = endpoint.tag.lowercased()
            if ["triggers", "automations", "macros", "views"].contains(kind) {
                let id = try await rule(kind, operation, desk)
                return "{\"\(kind)\":[{\"id\":\(id),\"position\":7}]}"
            }
        }
        guard operation.contains("Membership"), endpoint.method == .post else {
            let body = EveryRouteTests.body
            // Names and numbers of one's own are unique.
            return body.split(separator: "Delta").joined(separator: "D \(operation)")
                .split(separator: "\"e1\"").joined(separator: "\"e \(operation)\"")
                .split(separator: "e1@").joined(separator: "e\(operation.lowercased())@")
                .split(separator: "\"k1\"").joined(separator: "\"k_\(operation.lowercased())\"")
                .split(separator: "\"v1\"").joined(separator: "\"v_\(operation.lowercased())\"")
        }
        let isTeam = operation.contains("Group")
        let owner = isTeam ? "group" : "organization"
        let home = try await desk.make("\(owner)s", owner, "\"name\":\"Home \(operation)\"")
        var person = ""
        if operation == "createGroupMembership" { person = "\"user_id\":\(desk.id(.agent))," }
        if operation == "createOrganizationMembership" {
            person = "\"user_id\":\(desk.id(.endUser)),"
        }
        let one = "{\(person)\"\(owner)_id\":\(home)}"
        return "{\"\(owner)_membership\":\(one),\"\(owner)_memberships\":[\(one)]}"
    }

    @Test func aWritesPositionMakesItVisible() async throws {
        try await Harness.run { desk in
            let made = try await desk.call(
                .admin, .post, "/api/v2/groups", #"{"group":{"name":"North"}}"#)
            let position = try #require(made.header("X-Lodge-Position"))
            let id = try #require(made.body["group"]?["id"]?.number)
            let read = try await desk.call(
                .admin, .get, "/api/v2/groups/\(id)", headers: ["X-Lodge-Min-Position": position])
            #expect(read.status == 200)
        }
    }

    @Test(arguments: [1, 3, 5, 7, 100])
    func bothPaginationsShowEveryRecordOnce(size: Int) async throws {
        try await Harness.run { desk in
            var made: [Int64] = []
            for number in 0..<7 { made.append(try await desk.ticket("Number \(number)")) }
            for start in ["per_page=\(size)", "page[size]=\(size)"] {
                var next: String? = "/api/v2/tickets.json?\(start)"
                var seen: [Int64] = []
                var pages = 0
                while let path = next, pages < 20 {
                    let answer = try await desk.call(.admin, .get, path)
                    #expect(answer.status == 200)
                    seen += answer.body["tickets"]?.items.compactMap { $0["id"]?.number } ?? []
                    pages += 1
                    let link: String?
                    if start.hasPrefix("per_page") {
                        #expect(answer.body["count"]?.number == 7)
                        link = answer.body["next_page"]?.text
                    } else {
                        let hasMore = answer.body["meta"]?["has_more"] == .bool(true)
                        link = hasMore ? answer.body["links"]?["next"]?.text : nil
                    }
                    if let link { #expect(link.hasPrefix("http://acme.desk.example/api/v2/")) }
                    next = link.map { String($0.dropFirst("http://acme.desk.example".count)) }
                }
                #expect(seen == made)
                #expect(pages == (7 + size - 1) / size)
            }
        }
    }

    @Test func aJobIsDoneInStepsAndSaysWhatBecameOfEachItem() async throws {
        try await Harness.run { desk in
            let groups = (0..<12).map { "{\"name\":\"O \($0 == 11 ? 0 : $0)\"}" }
            let queued = try await desk.call(
                .admin, .post, "/api/v2/organizations/create_many",
                "{\"organizations\":[\(groups.joined(separator: ","))]}")
            let id = try #require(queued.body["job_status"]?["id"]?.text)
            #expect(queued.body["job_status"]?["status"]?.text == "queued")
            let path = "/api/v2/job_statuses/\(id)"
            #expect(try await desk.api.jobs.step(desk.acme))
            let half = try await desk.call(.admin, .get, path)
            #expect(half.body["job_status"]?["progress"]?.number == 10)
            try await desk.runJobs()
            let done = try await desk.call(.admin, .get, path)
            #expect(done.body["job_status"]?["status"]?.text == "completed")
            let results = done.body["job_status"]?["results"]?.items ?? []
            #expect(results.count == 12)
            #expect(results.last?["error"]?.text == "RecordInvalid")
            let count = try await desk.call(.admin, .get, "/api/v2/organizations/count")
            #expect(count.body["count"]?["value"]?.number == 11)
            #expect(try await desk.call(.agent, .get, path).status == 404)
        }
    }

    @Test func createOrUpdateMakesOneAndThenChangesIt() async throws {
        try await Harness.run { desk in
            for (path, key, fields) in [
                ("tickets", "ticket", #""external_id":"e","comment":{"body":"b"}"#),
                ("users", "user", #""external_id":"e","name":"Eve""#),
                ("organizations", "organization", #""external_id":"e","name":"Echo""#),
            ] {
                var ids: [Int64?] = []
                for status in [201, 200] {
                    let answer = try await desk.call(
                        .admin, .post, "/api/v2/\(path)/create_or_update",
                        "{\"\(key)\":{\(fields)}}")
                    #expect(answer.status == status, "\(answer.text)")
                    ids.append(answer.body[key]?["id"]?.number)
                }
                #expect(ids[0] != nil && ids[0] == ids[1])
            }
        }
    }

    @Test func aSafeUpdateOfAnOlderStateIsAConflict() async throws {
        try await Harness.run { desk in
            let path = "/api/v2/tickets/\(try await desk.ticket())"
            let read = try await desk.call(.admin, .get, path)
            let stamp = try #require(read.body["ticket"]?["updated_at"]?.text)
            let body =
                "{\"ticket\":{\"subject\":\"S\",\"safe_update\":true,\"updated_stamp\":\"\(stamp)\"}}"
            desk.clock.advance(seconds: 5)
            #expect(try await desk.call(.admin, .put, path, body).status == 200)
            desk.clock.advance(seconds: 5)
            let late = try await desk.call(.admin, .put, path, body)
            #expect(late.status == 409)
            #expect(late.error == "UpdateConflict")
        }
    }

    @Test func aTokenSaysWhenItWasUsed() async throws {
        try await Harness.run { desk in
            _ = try await desk.call(.agent, .get, "/api/v2/users/me")
            await desk.api.flushTokenUses()
            let tokens = try await desk.call(.admin, .get, "/api/v2/api_tokens")
            let used = tokens.body["api_tokens"]?.items.filter {
                $0["last_used_at"] != JSONValue.null
            }
            // The agent's, and the admin's with which this was asked only later: once written, at the next flush.
            #expect(used?.count == 1)
        }
    }

    @Test func tokenUsesThatDoNotFitIntoTheTimeAreKeptForTheNext() async throws {
        try await Harness.run { desk in
            let hosts = [Asker.stranger: "globex.desk.example"]
            func get(_ asker: Asker, _ path: String) async throws -> Harness.Answer {
                try await desk.call(
                    asker, .get, path, host: hosts[asker] ?? "acme.desk.example")
            }
            for asker in [Asker.agent, .stranger] { _ = try await get(asker, "/api/v2/users/me") }
            #expect(await desk.api.flushTokenUses(within: .zero) == 2)
            #expect(await desk.api.flushTokenUses() == 0)
            for asker in [Asker.admin, .stranger] {
                let tokens = try await get(asker, "/api/v2/api_tokens")
                let used = tokens.body["api_tokens"]?.items.filter {
                    $0["last_used_at"] != JSONValue.null
                }
                #expect(used?.count == 1)
            }
        }
    }
}
