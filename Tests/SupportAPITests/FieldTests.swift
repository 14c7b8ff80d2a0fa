import HTTPTypes
import Testing

@testable import SupportAPI

/// Fields, custom statuses and forms over HTTP, in the dialect's shapes.
struct FieldTests {
    @Test func aTicketFieldHasTheRecordedShape() async throws {
        try await Harness.run { desk in
            let made = try await desk.call(
                .admin, .post, "/api/v2/ticket_fields.json",
                #"{"ticket_field":{"title":"I AM A TEST","type":"text"}}"#)
            let id = try #require(made.body["ticket_field"]?["id"]?.number)
            let url = "http://acme.desk.example/api/v2/ticket_fields/\(id).json"
            #expect(made.header("Location") == url)
            let time = "2026-05-28T20:26:40Z"
            #expect(
                made.text
                    == #"{"ticket_field":{"url":"\#(url)","id":\#(id),"type":"text","title":"I AM A TEST","raw_title":"I AM A TEST","description":"I AM A TEST","raw_description":"I AM A TEST","position":9999,"active":true,"required":false,"collapsed_for_agents":false,"regexp_for_validation":null,"title_in_portal":"I AM A TEST","raw_title_in_portal":"I AM A TEST","visible_in_portal":false,"editable_in_portal":false,"required_in_portal":false,"tag":null,"created_at":"\#(time)","updated_at":"\#(time)","removable":true,"key":null,"agent_description":null}}"#
            )
            // As recorded: a type that is none is left out with a word.
            let renamed = try await desk.call(
                .admin, .put, "/api/v2/ticket_fields/\(id).json",
                #"{"ticket_field":{"id":\#(id),"title":"Other","type":"text372ea08c"}}"#)
            #expect(renamed.status == 200)
            #expect(renamed.body["ticket_field"]?["title_in_portal"]?.text == "Other")
            #expect(renamed.body["ticket_field"]?["description"]?.text == "I AM A TEST")
            #expect(renamed.header("x-zendesk-api-warn")?.contains("type") == true)
            let retyped = try await desk.call(
                .admin, .put, "/api/v2/ticket_fields/\(id).json",
                #"{"ticket_field":{"type":"integer"}}"#)
            #expect(retyped.status == 422 && retyped.body["details"]?["type"] != nil)
            let gone = try await desk.call(.admin, .delete, "/api/v2/ticket_fields/\(id).json")
            #expect(gone.status == 204)
            let path = "/api/v2/ticket_fields/\(id).json"
            #expect(try await desk.call(.admin, .get, path).status == 404)
            let kept = try await desk.call(.agent, .get, "/api/v2/lodge/deleted_ticket_fields")
            #expect(kept.body["deleted_ticket_fields"]?.items.first?["id"]?.number == id)
            let back = try await desk.call(
                .admin, .put, "/api/v2/lodge/ticket_fields/\(id)/restore")
            #expect(back.body["ticket_field"]?["title"]?.text == "Other")
            #expect(try await desk.call(.admin, .get, path).status == 200)
        }
    }

    @Test func aUserFieldHasTheRecordedShapeAndIsFoundByKey() async throws {
        try await Harness.run { desk in
            for (kind, one) in [
                ("user_fields", "user_field"), ("organization_fields", "organization_field"),
            ] {
                let made = try await desk.call(
                    .admin, .post, "/api/v2/\(kind).json",
                    #"{"\#(one)":{"description":"test","key":"some_thing","title":"i am test"}}"#)
                let id = try #require(made.body[one]?["id"]?.number)
                let time = "2026-05-28T20:26:40Z"
                #expect(
                    made.text
                        == #"{"\#(one)":{"url":"http://acme.desk.example/api/v2/\#(kind)/\#(id).json","id":\#(id),"type":"text","key":"some_thing","title":"i am test","description":"test","raw_title":"i am test","raw_description":"test","position":9999,"active":true,"system":false,"regexp_for_validation":null,"created_at":"\#(time)","updated_at":"\#(time)"}}"#
                )
                let found = try await desk.call(.agent, .get, "/api/v2/\(kind)/some_thing.json")
                #expect(found.body[one]?["id"]?.number == id)
                let order = try await desk.call(
                    .admin, .put, "/api/v2/\(kind)/reorder.json", #"{"\#(one)_ids":[\#(id)]}"#)
                #expect(order.status == 200, "\(order.text)")
                let list = try await desk.call(.agent, .get, "/api/v2/\(kind).json")
                #expect(list.body[kind]?.items.first?["position"]?.number == 0)
                #expect(list.body["count"]?.number == 1)
                #expect(try await desk.call(.endUser, .get, "/api/v2/\(kind)").status == 403)
            }
        }
    }

    @Test func valuesAreWrittenAsTheDialectDoes() async throws {
        try await Harness.run { desk in
            func make(_ kind: String, _ more: String = "") async throws -> Int64 {
                try await desk.make(
                    "ticket_fields", "ticket_field",
                    #""title":"\#(kind)","type":"\#(kind)"\#(more)"#)
            }
            let options =
                #","custom_field_options":[{"name":"A","value":"a"},{"name":"B","value":"b"}]"#
            let options2 =
                #","custom_field_options":[{"name":"C","value":"c"},{"name":"D","value":"d"}]"#
            let text = try await make("text")
            let number = try await make("integer")
            let decimal = try await make("decimal")
            let date = try await make("date")
            let box = try await make("checkbox", #","tag":"boxed""#)
            let one = try await make("tagger", options)
            let many = try await make("multiselect", options2)
            let unset = try await make("textarea")
            let made = try await desk.call(
                .agent, .post, "/api/v2/tickets",
                #"{"ticket":{"comment":{"body":"x"},"custom_fields":[{"id":\#(text),"value":"t"},{"id":\#(number),"value":12},{"id":\#(decimal),"value":1.5},{"id":"\#(date)","value":"2026-01-31"},{"id":\#(box),"value":true},{"id":\#(one),"value":"a"},{"id":\#(many),"value":["d","c"]}]}}"#
            )
            #expect(made.status == 201, "\(made.text)")
            let expected =
                #"[{"id":\#(text),"value":"t"},{"id":\#(number),"value":"12"},{"id":\#(decimal),"value":"1.5"},{"id":\#(date),"value":"2026-01-31"},{"id":\#(box),"value":true},{"id":\#(one),"value":"a"},{"id":\#(many),"value":["c","d"]},{"id":\#(unset),"value":null}]"#
            #expect(made.text.contains("\"custom_fields\":\(expected)"), "\(made.text)")
            #expect(made.text.contains("\"fields\":\(expected)"))
            #expect(
                made.body["ticket"]?["tags"]?.items.compactMap(\.text) == ["a", "boxed", "c", "d"])
            let id = try #require(made.body["ticket"]?["id"]?.number)
            // As an object by number, and under the older name.
            let changed = try await desk.call(
                .agent, .put, "/api/v2/tickets/\(id)",
                #"{"ticket":{"fields":{"\#(text)":"u","\#(box)":null}}}"#)
            #expect(changed.status == 200, "\(changed.text)")
            #expect(
                changed.body["audit"]?["events"]?.items.compactMap { $0["field_name"]?.text }
                    == ["tags", String(text), String(box)])
            let refused = try await desk.call(
                .agent, .put, "/api/v2/tickets/\(id)",
                #"{"ticket":{"custom_fields":[{"id":\#(number),"value":"many"}]}}"#)
            #expect(refused.status == 422)
            #expect(
                refused.body["details"]?[String(number)]?.items.first?["description"]?.text
                    == "integer: must be a whole number")
            for bad in ["5", "[5]", #"[{"value":1}]"#, #"{"x":1}"#, #"[{"id":1,"value":{}}]"#] {
                let answer = try await desk.call(
                    .agent, .put, "/api/v2/tickets/\(id)", #"{"ticket":{"custom_fields":\#(bad)}}"#)
                #expect(answer.status == 422, "\(bad) \(answer.text)")
            }
            // Every way to read it shows the same.
            for path in [
                "/api/v2/tickets/\(id)", "/api/v2/tickets", "/api/v2/tickets/show_many?ids=\(id)",
                "/api/v2/search?query=type:ticket",
            ] {
                let answer = try await desk.call(.agent, .get, path)
                #expect(answer.text.contains(#"{"id":\#(text),"value":"u"}"#), "\(path)")
            }
        }
    }

    @Test func usersAndOrganizationsShowTheirFieldsByKey() async throws {
        try await Harness.run { desk in
            for (path, one, kind) in [
                ("users", "user", "user_field"),
                ("organizations", "organization", "organization_field"),
            ] {
                for (key, type) in [
                    ("words", "text"), ("age", "integer"), ("rate", "decimal"), ("since", "date"),
                    ("vip", "checkbox"), ("empty", "text"),
                ] {
                    _ = try await desk.make(
                        "\(kind)s", kind, #""title":"T","key":"\#(key)","type":"\#(type)""#)
                }
                let made = try await desk.call(
                    .admin, .post, "/api/v2/\(path)",
                    #"{"\#(one)":{"name":"N","\#(kind)s":{"words":"w","age":"41","rate":2.50,"since":"2012-07-23T00:00:00Z","vip":true}}}"#
                )
                let expected =
                    #""\#(kind)s":{"words":"w","age":41,"rate":2.5,"since":"2012-07-23T00:00:00Z","vip":true,"empty":null}"#
                #expect(made.text.contains(expected), "\(made.text)")
                let id = try #require(made.body[one]?["id"]?.number)
                let bad = try await desk.call(
                    .admin, .put, "/api/v2/\(path)/\(id)",
                    #"{"\#(one)":{"\#(kind)s":{"age":"x","nothing":1}}}"#)
                #expect(bad.status == 422)
                #expect(bad.body["details"]?.members.map(\.name) == ["age", "nothing"])
                let list = try await desk.call(.agent, .get, "/api/v2/\(path)")
                #expect(list.text.contains(expected))
            }
        }
    }

    @Test func optionsAreMadeChangedAndTakenAway() async throws {
        try await Harness.run { desk in
            let field = try await desk.make(
                "ticket_fields", "ticket_field",
                #""title":"Kind","type":"tagger","custom_field_options":[{"name":"A","value":"A1","default":true}]"#
            )
            let path = "/api/v2/ticket_fields/\(field)/options"
            let made = try await desk.call(
                .admin, .post, path, #"{"custom_field_option":{"name":"B","value":"b1"}}"#)
            #expect(made.status == 201, "\(made.text)")
            let id = try #require(made.body["custom_field_option"]?["id"]?.number)
            let renamed = try await desk.call(
                .admin, .post, path,
                #"{"custom_field_option":{"id":\#(id),"name":"Bee","default":true}}"#)
            #expect(renamed.status == 200, "\(renamed.text)")
            #expect(renamed.body["custom_field_option"]?["value"]?.text == "b1")
            let list = try await desk.call(.agent, .get, path)
            #expect(
                list.body["custom_field_options"]?.items.map { $0["default"] }
                    == [.bool(false), .bool(true)])
            #expect(
                list.body["custom_field_options"]?.items.compactMap { $0["value"]?.text }
                    == ["a1", "b1"])
            let one = try await desk.call(.agent, .get, "\(path)/\(id)")
            #expect(one.body["custom_field_option"]?["name"]?.text == "Bee")
            #expect(try await desk.call(.agent, .delete, "\(path)/\(id)").status == 403)
            #expect(try await desk.call(.admin, .delete, "\(path)/\(id)").status == 204)
            #expect(try await desk.call(.admin, .get, "\(path)/\(id)").status == 404)
            // The whole list, in which one is found by its value and one is new.
            let whole = try await desk.call(
                .admin, .put, "/api/v2/ticket_fields/\(field)",
                #"{"ticket_field":{"custom_field_options":[{"name":"New","value":"n"},{"name":"Alpha","value":"a1"}]}}"#
            )
            let options = try #require(whole.body["ticket_field"]?["custom_field_options"]).items
            #expect(options.compactMap { $0["name"]?.text } == ["New", "Alpha"])
            #expect(
                options[1]["id"] == list.body["custom_field_options"]?.items.first?["id"])
        }
    }

    @Test func aRequestShowsWhatThePortalMayShow() async throws {
        try await Harness.run { desk in
            let open = try await desk.make(
                "ticket_fields", "ticket_field",
                #""title":"Open","visible_in_portal":true,"editable_in_portal":true"#)
            let inner = try await desk.make("ticket_fields", "ticket_field", #""title":"Inner""#)
            let made = try await desk.call(
                .endUser, .post, "/api/v2/requests",
                #"{"request":{"comment":{"body":"x"},"custom_fields":[{"id":\#(open),"value":"o"}]}}"#
            )
            #expect(made.status == 201, "\(made.text)")
            let id = try #require(made.body["request"]?["id"]?.number)
            let set = try await desk.call(
                .agent, .put, "/api/v2/tickets/\(id)",
                #"{"ticket":{"custom_fields":[{"id":\#(inner),"value":"secret"}]}}"#)
            #expect(set.status == 200)
            for path in ["/api/v2/requests/\(id)", "/api/v2/requests"] {
                let shown = try await desk.call(.endUser, .get, path)
                #expect(shown.text.contains(#""custom_fields":[{"id":\#(open),"value":"o"}]"#))
                #expect(!shown.text.contains("secret") && !shown.text.contains(String(inner)))
            }
            let refused = try await desk.call(
                .endUser, .post, "/api/v2/requests",
                #"{"request":{"comment":{"body":"x"},"custom_fields":[{"id":\#(inner),"value":"o"}]}}"#
            )
            #expect(refused.status == 422 && refused.body["details"]?[String(inner)] != nil)
        }
    }

    @Test func customStatusesHaveTheRecordedShape() async throws {
        try await Harness.run { desk in
            let made = try await desk.call(
                .admin, .post, "/api/v2/custom_statuses.json",
                #"{"custom_status":{"agent_label":"agent","end_user_label":"end","status_category":"open"}}"#
            )
            let id = try #require(made.body["custom_status"]?["id"]?.number)
            let time = "2026-05-28T20:26:40Z"
            #expect(
                made.text
                    == #"{"custom_status":{"url":"http://acme.desk.example/api/v2/custom_statuses/\#(id).json","id":\#(id),"status_category":"open","agent_label":"agent","raw_agent_label":"agent","end_user_label":"end","raw_end_user_label":"end","description":null,"raw_description":null,"end_user_description":null,"raw_end_user_description":null,"active":true,"default":false,"created_at":"\#(time)","updated_at":"\#(time)"}}"#
            )
            let changed = try await desk.call(
                .admin, .put, "/api/v2/custom_statuses/\(id).json",
                #"{"custom_status":{"agent_label":"a2","status_category":"open5fc7"}}"#)
            #expect(changed.status == 200 && changed.header("x-zendesk-api-warn") != nil)
            let defaults = try await desk.call(
                .admin, .put, "/api/v2/custom_status/default", #"{"ids":"\#(id), 3"}"#)
            #expect(defaults.status == 200, "\(defaults.text)")
            let list = try await desk.call(
                .agent, .get, "/api/v2/custom_statuses?default=true&status_categories=open,hold")
            #expect(
                list.body["custom_statuses"]?.items.compactMap { $0["id"]?.number } == [id, 4])
            #expect(
                try await desk.call(.agent, .get, "/api/v2/custom_statuses?active=perhaps").status
                    == 400)
            let ticket = try await desk.call(
                .agent, .post, "/api/v2/tickets",
                #"{"ticket":{"comment":{"body":"x"},"status":"open"}}"#)
            #expect(ticket.body["ticket"]?["custom_status_id"]?.number == id)
            let number = try #require(ticket.body["ticket"]?["id"]?.number)
            let moved = try await desk.call(
                .agent, .put, "/api/v2/tickets/\(number)", #"{"ticket":{"custom_status_id":4}}"#)
            #expect(moved.body["ticket"]?["status"]?.text == "hold")
            #expect(moved.body["ticket"]?["custom_status_id"]?.number == 4)
        }
    }

    @Test func formsComeAndGoInTheDialectsShape() async throws {
        try await Harness.run { desk in
            let kind = try await desk.make(
                "ticket_fields", "ticket_field",
                #""title":"Kind","type":"tagger","custom_field_options":[{"name":"D","value":"device"}]"#
            )
            let serial = try await desk.make("ticket_fields", "ticket_field", #""title":"Serial""#)
            let made = try await desk.call(
                .admin, .post, "/api/v2/ticket_forms.json",
                #"{"ticket_form":{"name":"Repair","ticket_field_ids":[1,2,\#(kind),\#(serial)],"agent_conditions":[{"parent_field_id":\#(kind),"value":"device","child_fields":[{"id":\#(serial),"is_required":true,"required_on_statuses":{"type":"SOME_STATUSES","statuses":["solved","pending"]}}]}],"end_user_conditions":[{"parent_field_id":\#(kind),"value":"device","child_fields":[{"id":\#(serial),"is_required":true}]}]}}"#
            )
            #expect(made.status == 201, "\(made.text)")
            let form = try #require(made.body["ticket_form"])
            let id = try #require(form["id"]?.number)
            #expect(form["default"] == .bool(true))
            #expect(
                made.text.contains(
                    #""end_user_conditions":[{"parent_field_id":\#(kind),"parent_field_type":"tagger","value":"device","child_fields":[{"id":\#(serial),"is_required":true}]}],"agent_conditions":[{"parent_field_id":\#(kind),"parent_field_type":"tagger","value":"device","child_fields":[{"id":\#(serial),"is_required":true,"required_on_statuses":{"type":"SOME_STATUSES","statuses":["pending","solved"]}}]}]"#
                ), "\(made.text)")
            let ticket = try await desk.call(
                .agent, .post, "/api/v2/tickets",
                #"{"ticket":{"comment":{"body":"x"},"custom_fields":[{"id":\#(kind),"value":"device"}]}}"#
            )
            #expect(ticket.body["ticket"]?["ticket_form_id"]?.number == id)
            let number = try #require(ticket.body["ticket"]?["id"]?.number)
            let refused = try await desk.call(
                .agent, .put, "/api/v2/tickets/\(number)", #"{"ticket":{"status":"solved"}}"#)
            #expect(refused.status == 422)
            #expect(
                refused.body["details"]?["base"]?.items.compactMap { $0["description"]?.text }
                    == ["Serial: is required when solving a ticket"])
            let copy = try await desk.call(
                .admin, .post, "/api/v2/ticket_forms/\(id)/clone", #"{"prepend_clone_title":true}"#)
            #expect(copy.body["ticket_form"]?["name"]?.text == "Clone of Repair")
            let other = try #require(copy.body["ticket_form"]?["id"]?.number)
            let order = try await desk.call(
                .admin, .put, "/api/v2/ticket_forms/reorder",
                #"{"ticket_form_ids":[\#(other),\#(id)]}"#)
            #expect(
                order.body["ticket_forms"]?.items.compactMap { $0["id"]?.number } == [other, id])
            let some = try await desk.call(.agent, .get, "/api/v2/ticket_forms/show_many?ids=\(id)")
            #expect(some.body["ticket_forms"]?.items.count == 1)
            #expect(
                try await desk.call(.admin, .delete, "/api/v2/ticket_forms/\(id)").status == 422)
            #expect(
                try await desk.call(.admin, .delete, "/api/v2/ticket_forms/\(other)").status == 204)
        }
    }

    @Test(arguments: [
        #"{"title":"T","type":"hologram"}"#, #"{"title":"","type":"text"}"#,
        #"{"title":"T","type":"regexp"}"#, #"{"title":"T","type":"tagger"}"#,
        #"{"title":"T","type":"regexp","regexp_for_validation":"(a)\\1"}"#,
        #"{"title":"T","type":"lookup","relationship_target_type":"zen:planet"}"#,
        #"{"title":"T","type":"lookup"}"#, #"{"title":"T","type":"text","tag":"x"}"#,
        #"{"title":"T","type":"checkbox","tag":"two words"}"#,
        #"{"title":"T","type":"tagger","custom_field_options":[{"name":"A","value":"a b"}]}"#,
        #"{"title":"T","type":"tagger","custom_field_options":[{"name":"A","value":"a"},{"name":"B","value":"a"}]}"#,
        #"{"title":"T","type":"tagger","custom_field_options":[{"name":"A"}]}"#,
        #"{"title":"T","type":"tagger","custom_field_options":5}"#,
        #"{"title":"T","type":"priority"}"#, #"{"title":"T","position":-1}"#,
    ])
    func aDefinitionThatCannotBeIsRefused(body: String) async throws {
        try await Harness.run { desk in
            let answer = try await desk.call(
                .admin, .post, "/api/v2/ticket_fields", "{\"ticket_field\":\(body)}")
            #expect(answer.status == 422, "\(answer.text)")
            #expect(answer.body["details"]?.members.count == 1)
        }
    }

    @Test func bothPaginationsWalkTheFields() async throws {
        try await Harness.run { desk in
            for number in 0..<5 {
                _ = try await desk.make(
                    "ticket_fields", "ticket_field", #""title":"F\#(number)""#)
            }
            let all = try await desk.call(.agent, .get, "/api/v2/ticket_fields")
            let ids = all.body["ticket_fields"]?.items.compactMap { $0["id"]?.number } ?? []
            #expect(ids.count == 12 && all.body["count"]?.number == 12)
            #expect(all.body["next_page"] == JSONValue.null)
            for start in ["per_page=5", "page[size]=5"] {
                var next: String? = "/api/v2/ticket_fields.json?\(start)"
                var seen: [Int64] = []
                while let path = next, seen.count < 50 {
                    let page = try await desk.call(.agent, .get, path)
                    seen += page.body["ticket_fields"]?.items.compactMap { $0["id"]?.number } ?? []
                    let hasMore = page.body["meta"]?["has_more"] == .bool(true)
                    let link =
                        hasMore ? page.body["links"]?["next"]?.text : page.body["next_page"]?.text
                    next = link.map { String($0.dropFirst("http://acme.desk.example".count)) }
                }
                #expect(seen == ids, "\(start)")
            }
        }
    }
}
