import Cluster
import Foundation
import HTTPTypes
import ShardStore
import Testing
import Wire

@testable import SupportAPI

/// Rehearsals through the API: how they begin, go on, end and are found again.
struct RuleRehearsalTests {
    private static let path = "/api/v2/lodge/rehearsals"
    private static let mark =
        #"{"title":"mark","all":[{"field":"update_type","operator":"is","value":"Create"}],"actions":[{"field":"current_tags","value":"marked"}]}"#

    private func hash(_ desk: Harness) async throws -> UInt64 {
        let shard = desk.acme.shard
        return desk.node.shardViews.first { $0.shard == shard }?.stateHash ?? 0
    }

    @Test func aRehearsalSaysEachDifferenceAndChangesNothing() async throws {
        try await Harness.run { desk in
            let tickets = [try await desk.ticket(), try await desk.ticket("Ink")]
            let before = try await hash(desk)
            let begun = try await desk.call(
                .admin, .post, Self.path, #"{"days":30,"triggers":[\#(Self.mark)]}"#)
            #expect(begun.status == 202, "\(begun.text)")
            #expect(begun.body["rehearsal"]?["status"]?.text == "queued")
            let id = begun.body["rehearsal"]?["id"]?.number ?? 0
            #expect(begun.header("Location")?.hasSuffix("/lodge/rehearsals/\(id).json") == true)
            await desk.api.rehearsals.finishAll()
            let shown = try await desk.call(.admin, .get, "\(Self.path)/\(id)")
            let state = shown.body["rehearsal"]
            #expect(state?["status"]?.text == "completed", "\(shown.text)")
            #expect(state?["total"]?.number == 2)
            #expect(state?["progress"]?.number == 2)
            #expect(state?["replay_mismatches"]?.number == 0)
            #expect(state?["differences"]?.number == 4)
            let found = shown.body["differences"]?.items ?? []
            #expect(Set(found.compactMap { $0["ticket_id"]?.number }) == Set(tickets))
            let tags = found.first { $0["field"]?.text == "tags" }
            #expect(tags?["after"] == .array([.string("marked")]))
            #expect(tags?["rule"]?["title"]?.text == "mark")
            #expect(tags?["rule"]?["id"] == .null)
            #expect(tags?["rule"]?["proposed"]?.number == 1)
            #expect(try await hash(desk) == before)
            let page = try await desk.call(.admin, .get, "\(Self.path)/\(id)?page[size]=3")
            #expect(page.body["differences"]?.items.count == 3)
            #expect(page.body["meta"]?["has_more"] == .bool(true))
            let next = page.body["links"]?["next"]?.text ?? ""
            let rest = try await desk.call(
                .admin, .get, String(next.dropFirst("http://acme.desk.example".count)))
            #expect(rest.body["differences"]?.items.count == 1, "\(rest.text)")
            let list = try await desk.call(.admin, .get, Self.path)
            #expect(list.body["rehearsals"]?.items.map { $0["id"]?.number } == [id])
            #expect(
                FileManager.default.subpaths(atPath: desk.node.scratchFolder)?.isEmpty == true)
        }
    }

    @Test func aRehearsalIsItsDesksAndItsAdminsOnly() async throws {
        try await Harness.run { desk in
            let begun = try await desk.call(.admin, .post, Self.path, #"{"days":1}"#)
            let id = begun.body["rehearsal"]?["id"]?.number ?? 0
            await desk.api.rehearsals.finishAll()
            let path = "\(Self.path)/\(id)"
            #expect(try await desk.call(.agent, .get, path).status == 403)
            #expect(try await desk.call(.agent, .get, Self.path).status == 403)
            #expect(try await desk.call(.endUser, .post, Self.path, #"{"days":1}"#).status == 403)
            #expect(
                try await desk.call(.stranger, .get, path, host: "globex.desk.example").status
                    == 404)
            #expect(
                try await desk.call(.agent, .get, "/api/v2/lodge/rules/check").status == 403)
            #expect(try await desk.call(.admin, .delete, path).status == 204)
            #expect(try await desk.call(.admin, .get, path).status == 404)
        }
    }

    @Test func whatCannotBeRehearsedIsRefusedWithItsRule() async throws {
        try await Harness.run { desk in
            func refusal(_ body: String) async throws -> Harness.Answer {
                try await desk.call(.admin, .post, Self.path, body)
            }
            for days in ["0", "91", "null", #""x""#] {
                let answer = try await refusal(#"{"days":\#(days)}"#)
                #expect(answer.status == 422)
                #expect(answer.body["details"]?["days"] != nil, "\(answer.text)")
            }
            let bad = try await refusal(
                #"{"days":1,"triggers":[\#(Self.mark),{"title":"bad","all":[{"field":"status","operator":"is","value":"shiny"}],"actions":[{"field":"type","value":"task"}]}]}"#
            )
            #expect(
                bad.body["details"]?["triggers[1].conditions"]?.items.first?["description"]?.text
                    == "triggers[1]: Conditions: status: shiny is not a value of this field",
                "\(bad.text)")
            let gone = try await refusal(#"{"days":1,"triggers":[{"id":5,"active":false}]}"#)
            #expect(gone.body["details"]?["triggers[0].id"] != nil, "\(gone.text)")
            #expect(try await refusal(#"{"days":1,"only":["rules"]}"#).status == 422)
            #expect(try await refusal(#"{"days":1,"triggers":{}}"#).status == 422)
            let many = Array(repeating: Self.mark, count: 101).joined(separator: ",")
            #expect(try await refusal(#"{"days":1,"triggers":[\#(many)]}"#).status == 422)
            #expect(try await desk.call(.admin, .get, Self.path).body["rehearsals"] == .array([]))
        }
    }

    /// What waits is bounded, and can be cancelled before and while it runs.
    @Test func rehearsalsWaitInTurnAndCanBeCancelled() async throws {
        try await Harness.run { desk in
            desk.api.rehearsals.pause()
            var ids: [Int64] = []
            for _ in 0..<RehearsalDesk.tenantLimit {
                let begun = try await desk.call(.admin, .post, Self.path, #"{"days":1}"#)
                #expect(begun.status == 202)
                ids.append(begun.body["rehearsal"]?["id"]?.number ?? 0)
            }
            let full = try await desk.call(.admin, .post, Self.path, #"{"days":1}"#)
            #expect(full.status == 429)
            #expect(full.header("Retry-After") == "30")
            let cancelled = try await desk.call(.admin, .post, "\(Self.path)/\(ids[0])/cancel")
            #expect(cancelled.body["rehearsal"]?["status"]?.text == "cancelled")
            _ = try await desk.call(.admin, .delete, "\(Self.path)/\(ids[1])")
            desk.api.rehearsals.resume()
            await desk.api.rehearsals.finishAll()
            let list = try await desk.call(.admin, .get, Self.path).body["rehearsals"]?.items ?? []
            #expect(
                list.map { $0["status"]?.text } == [
                    "completed", "completed", "completed", "cancelled",
                ])
            // What has ended stays as it is.
            let late = try await desk.call(.admin, .post, "\(Self.path)/\(ids[4])/cancel")
            #expect(late.body["rehearsal"]?["status"]?.text == "completed")
        }
    }

    @Test func aRepeatedRequestStartsOne() async throws {
        try await Harness.run { desk in
            let key = ["Idempotency-Key": "k"]
            let first = try await desk.call(
                .admin, .post, Self.path, #"{"days":1}"#, headers: key)
            let second = try await desk.call(
                .admin, .post, Self.path, #"{"days":1}"#, headers: key)
            #expect(first.text == second.text)
            await desk.api.rehearsals.finishAll()
            let list = try await desk.call(.admin, .get, Self.path)
            #expect(list.body["rehearsals"]?.items.count == 1)
        }
    }

    @Test func checksAndTracesAreAnswered() async throws {
        try await Harness.run { desk in
            let trigger = try await desk.make(
                "triggers", "trigger",
                #""title":"thanks","all":[{"field":"status","operator":"is","value":"new"}],"actions":[{"field":"notification_user","value":["requester_id","s","b"]}]"#
            )
            let checked = try await desk.call(.admin, .get, "/api/v2/lodge/rules/check")
            #expect(checked.status == 200)
            let finding = checked.body["findings"]?.items.first
            #expect(finding?["kind"]?.text == "every_update", "\(checked.text)")
            #expect(finding?["severity"]?.text == "warning")
            #expect(finding?["rules"]?.items.first?["id"]?.number == trigger)
            let body =
                #"{"triggers":[{"id":\#(trigger),"changes":{"all":[{"field":"status","operator":"is","value":"new"},{"field":"status","operator":"is","value":"open"}]}}]}"#
            let proposed = try await desk.call(
                .admin, .post, "/api/v2/lodge/rules/check", body)
            #expect(
                proposed.body["findings"]?.items.first?["kind"]?.text == "contradiction",
                "\(proposed.text)")
            let ticket = try await desk.ticket()
            let trace = try await desk.call(
                .admin, .get, "/api/v2/lodge/tickets/\(ticket)/trace")
            let audit = trace.body["trace"]?.items.first
            #expect(audit?["rules"]?.items.first?["id"]?.number == trigger, "\(trace.text)")
            let id = audit?["audit_id"]?.number ?? 0
            let one = try await desk.call(
                .admin, .get, "/api/v2/lodge/tickets/\(ticket)/trace?audit_id=\(id)")
            #expect(
                one.body["trace"]?.items.first?["triggers"]?.items.first?["held_at_first"]
                    == .bool(true), "\(one.text)")
        }
    }
}
