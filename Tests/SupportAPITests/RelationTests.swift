import HTTPTypes
import Testing

@testable import SupportAPI

/// Merges, splits, links, problems and watchers over HTTP.
struct RelationTests {
    @Test func aMergeIsAJobThatCanBeUndone() async throws {
        try await Harness.run { desk in
            let (source, target) = (
                try await desk.ticket("Source"), try await desk.ticket("Target")
            )
            let path = "/api/v2/tickets/\(target)/merge"
            let body = #"{"ids":[\#(source)],"target_comment":"joined","source_comment":"gone"}"#
            let stale = try await desk.call(
                .agent, .post, path, body, headers: ["If-Match": "W/\"v9-0\""])
            #expect(stale.status == 412)
            let queued = try await desk.call(.agent, .post, path, body)
            #expect(queued.status == 200, "\(queued.text)")
            #expect(queued.body["job_status"]?["status"]?.text == "queued")
            try await desk.runJobs()
            let id = queued.body["job_status"]?["id"]?.text ?? ""
            let done = try await desk.call(.agent, .get, "/api/v2/job_statuses/\(id)")
            let result = done.body["job_status"]?["results"]?.items.first
            #expect(result?["id"]?.number == target && result?["success"] == .bool(true))
            let closed = try await desk.call(.agent, .get, "/api/v2/tickets/\(source)")
            #expect(closed.body["ticket"]?["status"]?.text == "closed")
            #expect(closed.body["ticket"]?["tags"]?.items.map(\.text) == ["closed_by_merge"])
            let related = try await desk.call(.agent, .get, "/api/v2/tickets/\(target)/related")
            #expect(related.body["merges"]?.items.first?["ticket_id"]?.number == source)
            let into = try await desk.call(.agent, .get, "/api/v2/tickets/\(source)/related")
            #expect(into.body["merged_into_id"]?.number == target)
            let audits = try await desk.call(.agent, .get, "/api/v2/tickets/\(source)/audits")
            let events = audits.body["audits"]?.items.last?["events"]?.items ?? []
            #expect(events.contains { $0["type"]?.text == "Merge" })
            let undo = "/api/v2/lodge/tickets/\(source)/unmerge"
            let back = try await desk.call(.agent, .post, undo)
            #expect(back.status == 200 && back.body["ticket"]?["status"]?.text == "new")
            #expect(try await desk.call(.agent, .post, undo).status == 422)
        }
    }

    @Test func whatCannotBeMergedIsRefusedBeforeAnyJob() async throws {
        try await Harness.run { desk in
            let id = try await desk.ticket()
            let path = "/api/v2/tickets/\(id)/merge"
            for (body, status) in [
                (#"{"ids":[]}"#, 422), ("{}", 422), (#"{"ids":[\#(id)]}"#, 422),
                (#"{"ids":[999]}"#, 422), (#"{"ids":"x"}"#, 422), (#"{"ids":[1,2,3,4,5,6]}"#, 422),
                (#"{"ids":{}}"#, 422),
            ] {
                let answer = try await desk.call(.agent, .post, path, body)
                #expect(answer.status == status, "\(body) \(answer.text)")
            }
            #expect(try await desk.call(.endUser, .post, path, #"{"ids":[1]}"#).status == 403)
            let jobs = try await desk.call(.agent, .get, "/api/v2/job_statuses")
            #expect(jobs.body["job_statuses"]?.items.isEmpty == true)
        }
    }

    @Test func aSolvedProblemWakesTheRunner() async throws {
        try await Harness.run { desk in
            let problem = try await desk.make(
                "tickets", "ticket", #""type":"problem","comment":{"body":"down"}"#)
            let incident = try await desk.make(
                "tickets", "ticket",
                #""type":"incident","problem_id":\#(problem),"comment":{"body":"me"}"#)
            let listed = try await desk.call(.agent, .get, "/api/v2/tickets/\(problem)/incidents")
            #expect(listed.body["tickets"]?.items.map { $0["id"]?.number } == [incident])
            let shown = try await desk.call(.agent, .get, "/api/v2/tickets/\(problem)")
            #expect(shown.body["ticket"]?["has_incidents"] == .bool(true))
            let related = try await desk.call(.agent, .get, "/api/v2/tickets/\(problem)/related")
            #expect(related.body["incidents"]?.number == 1)
            #expect(
                related.body["topic_id"] == .null && related.body["from_archive"] == .bool(false))
            for (method, path, body) in [
                (HTTPRequest.Method.post, "/api/v2/problems/autocomplete", #"{"text":"dow"}"#),
                (.post, "/api/v2/problems/autocomplete?text=DOWN", nil),
                (.get, "/api/v2/problems/autocomplete.json?text=down", nil),
            ] as [(HTTPRequest.Method, String, String?)] {
                let found = try await desk.call(.agent, method, path, body)
                #expect(found.body["tickets"]?.items.map { $0["id"]?.number } == [problem])
            }
            _ = try await desk.call(
                .agent, .put, "/api/v2/tickets/\(problem)",
                #"{"ticket":{"status":"solved","comment":{"body":"up again"}}}"#)
            try await desk.runJobs()
            let solved = try await desk.call(.agent, .get, "/api/v2/tickets/\(incident)")
            #expect(solved.body["ticket"]?["status"]?.text == "solved")
            let audits = try await desk.call(.agent, .get, "/api/v2/tickets/\(incident)/audits")
            let via = audits.body["audits"]?.items.last?["via"]
            #expect(via?["channel"]?.text == "rule" && via?["source"]?["rel"]?.text == "problem")
        }
    }

    @Test func peopleArePutOnTicketsInEveryWayTheDialectHas() async throws {
        try await Harness.run { desk in
            let (agent, customer) = (desk.id(.agent), desk.id(.endUser))
            let id = try await desk.make(
                "tickets", "ticket",
                #""comment":{"body":"b"},"collaborators":[\#(customer),"x@else.example",{"name":"Yo","email":"y@else.example"}],"followers":[{"user_id":"\#(agent)","action":"put"}]"#
            )
            func people(_ list: String) async throws -> [String?] {
                let answer = try await desk.call(.admin, .get, "/api/v2/tickets/\(id)/\(list)")
                #expect(
                    answer.body["count"]?.number == Int64(answer.body["users"]?.items.count ?? -1))
                return answer.body["users"]?.items.map { $0["email"]?.text } ?? []
            }
            #expect(
                try await people("email_ccs") == [
                    "cy@acme.example", "x@else.example", "y@else.example",
                ])
            #expect(try await people("followers") == ["bo@acme.example"])
            #expect(try await people("collaborators").count == 4)
            _ = try await desk.call(
                .agent, .put, "/api/v2/tickets/\(id)",
                #"{"ticket":{"email_ccs":[{"user_email":"x@else.example","action":"delete"},{"user_email":"z@else.example","user_name":"Zed"}],"additional_collaborators":["w@else.example"],"followers":[{"user_email":"bo@acme.example","action":"delete"}]}}"#
            )
            #expect(
                try await people("email_ccs") == [
                    "cy@acme.example", "y@else.example", "z@else.example", "w@else.example",
                ])
            #expect(try await people("followers") == [])
            for bad in [
                #""followers":[{}]"#, #""followers":[1]"#, #""email_ccs":{}"#,
                #""email_ccs":[{"user_id":1,"action":"drop"}]"#, #""collaborators":[true]"#,
                #""additional_collaborators":["no address"]"#, #""followers":[{"user_id":999}]"#,
            ] {
                let answer = try await desk.call(
                    .agent, .put, "/api/v2/tickets/\(id)", "{\"ticket\":{\(bad)}}")
                #expect(answer.status == 422, "\(bad) \(answer.text)")
            }
            let own = try await desk.call(.endUser, .get, "/api/v2/requests/ccd")
            #expect(own.body["requests"]?.items.map { $0["id"]?.number } == [id])
            #expect(try await desk.call(.endUser, .get, "/api/v2/requests/\(id)").status == 200)
            let path = "/api/v2/users/\(customer)/tickets/ccd"
            #expect(try await desk.call(.agent, .get, path).body["count"]?.number == 1)
            #expect(try await desk.call(.endUser, .get, path).status == 403)
            let followed = "/api/v2/users/\(agent)/tickets/followed"
            #expect(try await desk.call(.agent, .get, followed).body["count"]?.number == 0)
            _ = try await desk.call(
                .agent, .put, "/api/v2/tickets/\(id)", #"{"ticket":{"email_cc_ids":[]}}"#)
            #expect(try await desk.call(.endUser, .get, "/api/v2/requests/\(id)").status == 404)
        }
    }

    @Test func commentsSplitOffAndTicketsLink() async throws {
        try await Harness.run { desk in
            let id = try await desk.ticket("Two things")
            let upload = try await desk.call(.agent, .post, "/api/v2/uploads?filename=a.txt", "x")
            let token = upload.body["upload"]?["token"]?.text ?? ""
            let put = try await desk.call(
                .agent, .put, "/api/v2/tickets/\(id)",
                #"{"ticket":{"comment":{"body":"second","uploads":["\#(token)"]}}}"#)
            let comment = put.body["audit"]?["events"]?.items.first?["id"]?.number ?? 0
            let split = try await desk.call(
                .agent, .post, "/api/v2/lodge/tickets/\(id)/split",
                #"{"comment_ids":[\#(comment)],"subject":"The second","priority":"high"}"#)
            #expect(split.status == 201, "\(split.text)")
            let made = split.body["ticket"]?["id"]?.number ?? 0
            #expect(split.body["ticket"]?["subject"]?.text == "The second")
            #expect(split.body["ticket"]?["priority"]?.text == "high")
            let comments = try await desk.call(.agent, .get, "/api/v2/tickets/\(made)/comments")
            let file = comments.body["comments"]?.items.first?["attachments"]?.items.first
            let url = file?["content_url"]?.text ?? ""
            let content = try await desk.call(
                .anonymous, .get, String(url.dropFirst("http://acme.desk.example".count)))
            #expect(content.text == "x")
            let links = "/api/v2/lodge/tickets/\(id)/links"
            let listed = try await desk.call(.agent, .get, links)
            let link = listed.body["links"]?.items.first
            #expect(link?["kind"]?.text == "split_into" && link?["ticket_id"]?.number == made)
            #expect(link?["comment_ids"]?.items.map(\.number) == [comment])
            let other = try await desk.ticket()
            let linked = try await desk.call(
                .agent, .post, links, #"{"link":{"ticket_id":\#(other),"kind":"blocks"}}"#)
            #expect(linked.status == 201 && linked.body["link"]?["kind"]?.text == "blocks")
            let again = try await desk.call(
                .agent, .post, links, #"{"ticket_id":\#(other),"kind":"blocks"}"#)
            #expect(again.status == 422)
            let unknown = try await desk.call(
                .agent, .post, links, #"{"ticket_id":\#(other),"kind":"loves"}"#)
            #expect(unknown.status == 422)
            let number = linked.body["link"]?["id"]?.number ?? 0
            let back = "/api/v2/lodge/tickets/\(other)/links"
            let seen = try await desk.call(.agent, .get, back)
            #expect(seen.body["links"]?.items.first?["kind"]?.text == "blocked_by")
            #expect(try await desk.call(.agent, .delete, "\(back)/\(number)").status == 204)
            #expect(try await desk.call(.agent, .get, links).body["count"]?.number == 1)
        }
    }
}

/// Paths and bodies for the tests that walk every endpoint.
enum RelationFixtures {
    static func path(_ operation: String, _ desk: Harness) async throws -> String? {
        switch operation {
        case "unmergeTicket":
            let (source, target) = (try await desk.ticket(), try await desk.ticket())
            _ = try await desk.call(
                .admin, .post, "/api/v2/tickets/\(target)/merge", "{\"ids\":[\(source)]}")
            try await desk.runJobs()
            return "/api/v2/lodge/tickets/\(source)/unmerge"
        case "deleteTicketLink":
            let (id, other) = (try await desk.ticket(), try await desk.ticket())
            let links = "/api/v2/lodge/tickets/\(id)/links"
            let made = try await desk.call(
                .admin, .post, links, "{\"ticket_id\":\(other),\"kind\":\"related\"}")
            return "\(links)/\(made.body["link"]?["id"]?.number ?? 0)"
        default: return nil
        }
    }

    static func body(_ operation: String, _ path: String, _ desk: Harness) async throws -> String? {
        switch operation {
        case "mergeTickets": return "{\"ids\":[\(try await desk.ticket())]}"
        case "createTicketLink":
            return "{\"ticket_id\":\(try await desk.ticket()),\"kind\":\"related\"}"
        case "splitTicket":
            let id = path.split(separator: "/")[4]
            let list = try await desk.call(.admin, .get, "/api/v2/tickets/\(id)/comments")
            let comment = list.body["comments"]?.items.first?["id"]?.number ?? 0
            return "{\"comment_ids\":[\(comment)]}"
        default: return nil
        }
    }
}
