import HTTPTypes
import Testing

@testable import SupportAPI

/// Assignment, availability and skills as clients see them.
struct AssignmentRouteTests {
    @Test func aGroupSaysHowItsTicketsAreGivenAway() async throws {
        try await Harness.run { desk in
            let group = try await desk.make("groups", "group", #""name":"North""#)
            let path = "/api/v2/lodge/groups/\(group)/assignment"
            let before = try await desk.call(.agent, .get, path)
            #expect(before.body["assignment"]?["method"]?.text == "manual")
            #expect(before.body["assignment"]?["skill_timeout_minutes"] == .null)
            let body =
                #"{"assignment":{"method":"round_robin","uses_skills":true,"skill_timeout_minutes":30,"capacity":2}}"#
            #expect(try await desk.call(.agent, .put, path, body).status == 403)
            let set = try await desk.call(.admin, .put, path, body)
            #expect(set.status == 200)
            #expect(set.body["assignment"]?["method"]?.text == "round_robin")
            #expect(set.body["assignment"]?["capacity"]?.number == 2)
            let tag = try #require(set.header("ETag"))
            let cleared = try await desk.call(
                .admin, .put, path, #"{"assignment":{"skill_timeout_minutes":null}}"#)
            #expect(cleared.body["assignment"]?["skill_timeout_minutes"] == .null)
            #expect(cleared.body["assignment"]?["uses_skills"] == .bool(true))
            let stale = try await desk.call(
                .admin, .put, path, body, headers: ["If-Match": tag])
            #expect(stale.status == 412)
            let wrong = try await desk.call(
                .admin, .put, path, #"{"assignment":{"method":"dice"}}"#)
            #expect(wrong.status == 422)
        }
    }

    @Test func agentsSayWhetherTheyTakeTickets() async throws {
        try await Harness.run { desk in
            func path(_ asker: Asker) -> String {
                "/api/v2/lodge/agents/\(desk.id(asker))/availability"
            }
            let online = #"{"availability":{"state":"online","capacity":1}}"#
            #expect(try await desk.call(.agent, .put, path(.admin), online).status == 403)
            #expect(try await desk.call(.admin, .put, path(.endUser), online).status == 404)
            #expect(try await desk.call(.endUser, .get, path(.endUser)).status == 403)
            let set = try await desk.call(.agent, .put, path(.agent), online)
            #expect(set.body["availability"]?["state"]?.text == "online")
            let group = set.body["availability"]?["group_ids"]?.items.first?.number ?? 0
            _ = try await desk.call(
                .admin, .put, "/api/v2/lodge/groups/\(group)/assignment",
                #"{"assignment":{"method":"load"}}"#)
            let made = try await desk.call(
                .admin, .post, "/api/v2/tickets",
                #"{"ticket":{"group_id":\#(group),"comment":{"body":"b"}}}"#)
            #expect(made.body["ticket"]?["assignee_id"]?.number == desk.id(.agent))
            let event = made.body["audit"]?["events"]?.items.first {
                $0["field_name"]?.text == "assignee_id"
            }
            #expect(event?["via"]?["source"]?["rel"]?.text == "assignment")
            #expect(event?["via"]?["source"]?["from"]?["id"]?.number == group)
            let list = try await desk.call(
                .agent, .get, "/api/v2/agent_availabilities?page[size]=1")
            #expect(list.body["data"]?.items.count == 1)
            #expect(list.body["meta"]?["has_more"] == .bool(true))
            let whole = try await desk.call(.agent, .get, "/api/v2/agent_availabilities")
            let item = whole.body["data"]?.items.first {
                $0["attributes"]?["agent_id"]?.number == desk.id(.agent)
            }
            #expect(item?["id"]?.text == "agent_availabilities|\(desk.id(.agent))")
            #expect(item?["attributes"]?["agent_status"]?["name"]?.text == "online")
            let one = try await desk.call(
                .agent, .get, "/api/v2/agent_availabilities/\(desk.id(.agent))")
            #expect(one.body["data"] == item)
            let channel = one.body["included"]?.items.first?["attributes"]
            #expect(channel?["work_item_count"]?.number == 1)
            #expect(channel?["max_capacity"]?.number == 1)
        }
    }

    @Test func skillsAreMadeGivenAndTakenAway() async throws {
        try await Harness.run { desk in
            let base = "/api/v2/routing/attributes"
            let attribute = try await desk.call(
                .admin, .post, base, #"{"attribute":{"name":"Language"}}"#)
            #expect(attribute.status == 201)
            let id = try #require(attribute.body["attribute"]?["id"]?.text)
            #expect(id.utf8.count == 36 && id.split(separator: "-").count == 5)
            #expect(attribute.header("Location")?.hasSuffix("\(base)/\(id).json") == true)
            let value = try await desk.call(
                .admin, .post, "\(base)/\(id)/values", #"{"attribute_value":{"name":"Spanish"}}"#)
            let skill = try #require(value.body["attribute_value"]?["id"]?.text)
            #expect(value.body["attribute_value"]?["attribute_id"]?.text == id)
            let renamed = try await desk.call(
                .admin, .patch, "\(base)/\(id)/values/\(skill)",
                #"{"attribute_value":{"name":"Español"}}"#)
            #expect(renamed.body["attribute_value"]?["name"]?.text == "Español")
            #expect(
                try await desk.call(.admin, .get, "\(base)/other/values/\(skill)").status == 404)
            #expect(
                try await desk.call(.agent, .post, base, #"{"attribute":{"name":"X"}}"#).status
                    == 403)
            let agent = "/api/v2/routing/agents/\(desk.id(.agent))/instance_values"
            let body = #"{"attribute_value_ids":["\#(skill)"]}"#
            #expect(try await desk.call(.agent, .post, agent, body).status == 403)
            let given = try await desk.call(.admin, .post, agent, body)
            #expect(given.body["attribute_values"]?.items.map { $0["id"]?.text } == [skill])
            // No body changes nothing.
            let same = try await desk.call(.admin, .post, agent)
            #expect(same.body == given.body)
            let ticket = try await desk.ticket()
            let needs = "/api/v2/routing/tickets/\(ticket)/instance_values"
            #expect(try await desk.call(.agent, .post, needs, body).body == given.body)
            let audits = try await desk.call(.agent, .get, "/api/v2/tickets/\(ticket)/audits")
            let event = audits.body["audits"]?.items.last?["events"]?.items.first
            #expect(event?["field_name"]?.text == "attribute_value_ids")
            #expect(
                try await desk.call(.admin, .delete, "\(base)/\(id)/values/\(skill)").status == 204)
            for path in [agent, needs] {
                let left = try await desk.call(.admin, .get, path)
                #expect(left.body["attribute_values"] == .array([]))
            }
            #expect(try await desk.call(.admin, .delete, "\(base)/\(id)").status == 204)
            #expect(try await desk.call(.admin, .get, "\(base)/\(id)").status == 404)
        }
    }
}
