import HTTPTypes
import Testing

@testable import SupportAPI

/// Schedules over HTTP, in the dialect's shapes.
struct ScheduleTests {
    private static let base = "/api/v2/business_hours/schedules"

    @Test func aScheduleItsWeekAndItsHolidays() async throws {
        try await Harness.run { desk in
            let made = try await desk.call(
                .admin, .post, "\(Self.base).json",
                #"{"schedule":{"name":"East","time_zone":"America/New_York"}}"#)
            #expect(made.status == 201, "\(made.text)")
            let schedule = try #require(made.body["schedule"])
            let id = try #require(schedule["id"]?.number)
            #expect(
                made.header("Location") == "http://acme.desk.example\(Self.base)/\(id).json")
            #expect(schedule["time_zone"] == .string("America/New_York"))
            let usual = try #require(schedule["intervals"]).items
            #expect(usual.count == 5)
            #expect(usual[0]["start_time"] == .integer(1980))
            #expect(usual[0]["end_time"] == .integer(2460))

            let week = try await desk.call(
                .admin, .put, "\(Self.base)/\(id)/workweek.json",
                #"{"workweek":{"intervals":[{"start_time":3420,"end_time":3900},{"start_time":60,"end_time":"120"}]}}"#
            )
            #expect(
                week.text
                    == #"{"workweek":{"intervals":[{"start_time":60,"end_time":120},{"start_time":3420,"end_time":3900}]}}"#
            )
            let holiday = try await desk.call(
                .admin, .post, "\(Self.base)/\(id)/holidays.json",
                #"{"holiday":{"name":"New Year","start_date":"2026-12-30","end_date":"2027-01-02"}}"#
            )
            #expect(holiday.status == 201, "\(holiday.text)")
            let day = try #require(holiday.body["holiday"]?["id"]?.number)
            let moved = try await desk.call(
                .admin, .put, "\(Self.base)/\(id)/holidays/\(day).json",
                #"{"holiday":{"end_date":"2027-01-03"}}"#)
            #expect(
                moved.text
                    == #"{"holiday":{"id":\#(day),"name":"New Year","start_date":"2026-12-30","end_date":"2027-01-03"}}"#
            )
            let list = try await desk.call(.agent, .get, "\(Self.base)/\(id)/holidays.json")
            #expect(list.text.hasPrefix(#"{"holidays":[{"id":\#(day),"#))
            let tag = try #require(
                try await desk.call(.admin, .get, "\(Self.base)/\(id).json").header("ETag"))
            #expect(
                try await desk.call(
                    .admin, .delete, "\(Self.base)/\(id).json",
                    headers: ["If-Match": "W/\"v1-0\""]
                ).status == 412)
            #expect(
                try await desk.call(
                    .admin, .delete, "\(Self.base)/\(id).json", headers: ["If-Match": tag]
                ).status == 204)
            #expect(
                try await desk.call(.admin, .get, "\(Self.base).json").text == #"{"schedules":[]}"#)
        }
    }

    @Test(arguments: [
        ("workweek", #"{"workweek":{}}"#, 422, "intervals"),
        ("workweek", #"{"workweek":{"intervals":5}}"#, 422, "intervals"),
        ("workweek", #"{"workweek":{"intervals":[5]}}"#, 422, "intervals"),
        ("workweek", #"{"workweek":{"intervals":[{"start_time":5}]}}"#, 422, "end_time"),
        (
            "workweek", #"{"workweek":{"intervals":[{"start_time":1,"end_time":99999999999999}]}}"#,
            422, "intervals"
        ),
        ("holidays", #"{"holiday":{"name":"x","start_date":"soon"}}"#, 422, "start_date"),
        (
            "holidays",
            #"{"holiday":{"name":"x","start_date":"2026-02-30","end_date":"2026-03-01"}}"#,
            422, "start_date"
        ),
        ("holidays", #"{"holiday":{"name":"x","start_date":"2026-03-01"}}"#, 422, "end_date"),
    ])
    func aBadFieldIsNamed(kind: String, body: String, status: Int, field: String) async throws {
        try await Harness.run { desk in
            let made = try await desk.call(
                .admin, .post, Self.base, #"{"schedule":{"name":"A","time_zone":"UTC"}}"#)
            let id = try #require(made.body["schedule"]?["id"]?.number)
            let answer = try await desk.call(
                .admin, kind == "workweek" ? .put : .post, "\(Self.base)/\(id)/\(kind).json", body)
            #expect(answer.status == status, "\(answer.text)")
            #expect(answer.body["details"]?[field] != nil, "\(answer.text)")
            let agent = try await desk.call(
                .agent, kind == "workweek" ? .put : .post, "\(Self.base)/\(id)/\(kind).json", body)
            #expect(agent.status == 403 || agent.status == 422)
        }
    }
}
