import Cluster
import HTTPTypes
import Testing
import Wire

@testable import SupportAPI

/// What time alone does, as a node's runner comes to know of it.
struct TimerTests {
    private static let automation =
        #"{"automation":{"title":"Old","all":[{"field":"created_at","operator":"greater_than","value":"2"}],"actions":[{"field":"current_tags","value":"old"}]}}"#

    private func tags(_ ticket: Int64, _ desk: Harness) async throws -> [String] {
        let answer = try await desk.call(.admin, .get, "/api/v2/tickets/\(ticket)")
        return answer.body["ticket"]?["tags"]?.items.compactMap(\.text) ?? []
    }

    @Test func aWriteTellsTheRunnerWhenTheTicketIsDue() async throws {
        try await Harness.run { desk in
            let made = try await desk.call(.admin, .post, "/api/v2/automations", Self.automation)
            #expect(made.status == 201, "\(made.text)")
            let first = try await desk.ticket()
            desk.clock.advance(seconds: 3600)
            let second = try await desk.ticket()
            desk.clock.advance(seconds: 3600)
            await desk.api.jobs.runDueTimers()
            #expect(try await tags(first, desk) == [])
            desk.clock.advance(seconds: 1)
            await desk.api.jobs.runDueTimers()
            #expect(try await tags(first, desk) == ["old"])
            #expect(try await tags(second, desk) == [])
            // The next time is on the board although no write has told of it since.
            desk.clock.advance(seconds: 3600)
            await desk.api.jobs.runDueTimers()
            #expect(try await tags(second, desk) == ["old"])
        }
    }

    @Test func whatARunnerHasNeverHeardOfIsFoundByTheChores() async throws {
        try await Harness.run { desk in
            _ = try await desk.call(.admin, .post, "/api/v2/automations", Self.automation)
            let ticket = try await desk.ticket()
            // As on a node that has just taken the desk over.
            _ = desk.node.timers.takeDue(by: desk.clock.time.advanced(byMilliseconds: .max / 2))
            #expect(desk.node.timers.count == 0)
            desk.clock.advance(seconds: 7201)
            await desk.api.jobs.runDueTimers()
            #expect(try await tags(ticket, desk) == [])
            await desk.api.jobs.chores(of: desk.acme)
            await desk.api.jobs.runDueTimers()
            #expect(try await tags(ticket, desk) == ["old"])
        }
    }

    @Test func aDeskOutOfServiceStandsStill() async throws {
        try await Harness.run { desk in
            _ = try await desk.call(.admin, .post, "/api/v2/automations", Self.automation)
            let ticket = try await desk.ticket()
            let acme = desk.acme
            desk.clock.advance(seconds: 7201)
            _ = try await desk.node.directory.setState(acme.name, .suspended)
            await desk.api.jobs.runDueTimers()
            _ = try await desk.node.directory.setState(acme.name, .active)
            #expect(try await tags(ticket, desk) == [])
            await desk.api.jobs.chores(of: acme)
            await desk.api.jobs.runDueTimers()
            #expect(try await tags(ticket, desk) == ["old"])
        }
    }

    /// Many due at once are done in steps of one write each, none left behind.
    @Test func manyDueAtOnceAreAllDone() async throws {
        try await Harness.run { desk in
            _ = try await desk.call(.admin, .post, "/api/v2/automations", Self.automation)
            for _ in 0..<(3 * JobRunner.stepTickets) { _ = try await desk.ticket() }
            desk.clock.advance(seconds: 7201)
            await desk.api.jobs.runDueTimers()
            let list = try await desk.call(
                .admin, .get, "/api/v2/search/count?query=type:ticket%20tags:old")
            #expect(list.body["count"]?.number == Int64(3 * JobRunner.stepTickets), "\(list.text)")
        }
    }

    /// The list of what happened to clocks says what it cannot read, and goes on where it ended.
    @Test func metricEventsGoOnFromTheirCursorAndRefuseOthers() async throws {
        try await Harness.run { desk in
            let path = "/api/v2/incremental/ticket_metric_events"
            for query in ["", "?start_time=", "?start_time=soon", "?start_time=-1"] {
                let answer = try await desk.call(.admin, .get, path + query)
                #expect(answer.status == 400, "\(query) \(answer.text)")
                #expect(answer.body["error"]?.text == "StartTimeInvalid")
            }
            for _ in 0..<3 { _ = try await desk.ticket() }
            let list = try await desk.call(.admin, .get, "/api/v2/tickets?page[size]=1")
            let foreign = list.body["meta"]?["after_cursor"]?.text ?? ""
            let refused = try await desk.call(
                .admin, .get, "\(path)?start_time=0&page[size]=1&page[after]=\(foreign)")
            #expect(refused.status == 400, "\(refused.text)")
            #expect(refused.body["error"]?.text == "InvalidCursor")
            var (seen, next): ([Int64], String?) = ([], "\(path)?start_time=0&page[size]=1")
            while let page = next {
                let answer = try await desk.call(.admin, .get, page)
                seen +=
                    answer.body["ticket_metric_events"]?.items.compactMap { $0["id"]?.number } ?? []
                next = answer.body["links"]?["next"]?.text.flatMap { url in
                    url.firstRange(of: "/api/").map { String(url[$0.lowerBound...]) }
                }
            }
            let all = try await desk.call(.admin, .get, "\(path)?start_time=0")
            #expect(seen.count >= 12 && all.body["count"]?.number == Int64(seen.count))
            #expect(seen == seen.sorted() && Set(seen).count == seen.count)
            // A restricted list is none at all: whoever may not export gets nothing.
            #expect(try await desk.call(.agent, .get, "\(path)?start_time=0").status == 403)
        }
    }
}
