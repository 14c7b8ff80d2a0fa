import HTTPTypes
import ServiceDesk
import Wire

/// What is measured of tickets, and what happened to their clocks.
enum MetricEndpoints {
    static let all: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/tickets/{id}/metrics", "showTicketMetrics", tag: "Metrics",
            summary: "What was measured of a ticket", answers: [200: "MetricAnswer"]
        ) { call in try await metrics(call) },
        Endpoint(
            .get, "/api/v2/ticket_metrics/{id}", "showMetrics", tag: "Metrics",
            summary: "What was measured of a ticket", answers: [200: "MetricAnswer"]
        ) { call in try await metrics(call) },
        Endpoint(
            .get, "/api/v2/ticket_metrics", "listMetrics", tag: "Metrics",
            summary: "What was measured of all tickets", query: Parameters.paging,
            answers: [200: "MetricsAnswer"]
        ) { call in
            let page = try call.page
            return try await call.read { desk in
                let tickets = try desk.tickets(.all, page)
                return try .json {
                    try $0.object {
                        try $0.page("ticket_metrics", tickets, call) {
                            $0.metrics($1, try desk.times(of: $1), call)
                        }
                    }
                }
            }
        },
        Endpoint(
            .get, "/api/v2/incremental/ticket_metric_events", "listMetricEvents", tag: "Metrics",
            summary: "What happened to the clocks of all tickets since a moment",
            query: [
                QueryParameter(
                    "start_time", .integer, "Seconds since 1970 of the first event",
                    isRequired: true),
                QueryParameter("page[after]", .string, "Cursor of the last answer"),
                QueryParameter("page[size]", .integer, "Most updates of tickets to look at"),
            ], answers: [200: "MetricEventsAnswer"]
        ) { call in try await events(call) },
        Endpoint(
            .get, "/api/v2/lodge/tickets/{id}/metric_events", "listTicketMetricEvents",
            tag: "Metrics", summary: "What happened to a ticket's clocks",
            answers: [200: "MetricEventsAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                let events = try desk.metricEvents(ofTicket: id)
                let policies = try Policies(desk)
                return .json {
                    $0.object { json in
                        json.array("ticket_metric_events") { json in
                            for event in events { json.metricEvent(event, policies) }
                        }
                        json.member("count", events.count)
                    }
                }
            }
        },
    ]

    private static func metrics(_ call: APICall) async throws -> APIAnswer {
        let id = try call.id()
        return try await call.read { desk in
            let ticket = try desk.ticket(id)
            let times = try desk.times(of: ticket)
            return .json {
                $0.object {
                    $0.key("ticket_metric")
                    $0.metrics(ticket, times, call)
                }
            }
        }
    }

    /// Of one update of a ticket all events stand on one page.
    private static let pageRows = 1000

    private static func events(_ call: APICall) async throws -> APIAnswer {
        guard let start = call.query["start_time"].flatMap({ Int64($0) }), start >= 0,
            start <= 253_402_300_799
        else {
            throw DeskRefusal.badRequest(
                name: "StartTimeInvalid", "start_time must be a number of seconds since 1970")
        }
        guard case .cursor(let size, let after, _) = try call.page(maxSize: pageRows) else {
            return try await events(call, start, size: pageRows, after: nil)
        }
        return try await events(call, start, size: size, after: after)
    }

    private static let order = "metric-event"

    private static func events(
        _ call: APICall, _ start: Int64, size: Int, after: Cursor?
    ) async throws -> APIAnswer {
        guard after == nil || after?.order == order && after?.keys.count == 1 else {
            throw DeskRefusal.badRequest(
                name: "InvalidCursor", "page[after] is not a cursor of this list")
        }
        return try await call.read { desk in
            let found = try desk.metricEvents(
                since: Timestamp(milliseconds: start * 1000), after: after?.keys[0], limit: size)
            let policies = try Policies(desk)
            let last = found.events.last?.id ?? after?.keys[0]
            let end = found.events.last?.event.time.seconds ?? start
            let cursor = last.map { CursorText.encode(Cursor(order: order, keys: [$0])) }
            var next = "/api/v2/incremental/ticket_metric_events.json?start_time=\(start)"
            if let cursor { next += "&page%5Bsize%5D=\(size)&page%5Bafter%5D=\(cursor)" }
            return .json {
                $0.object { json in
                    json.array("ticket_metric_events") { json in
                        for event in found.events { json.metricEvent(event, policies) }
                    }
                    json.object("meta") { json in
                        json.member("has_more", !found.isAll)
                        json.member("after_cursor", found.isAll ? nil : cursor)
                        json.null("before_cursor")
                    }
                    json.object("links") { json in
                        json.member("next", found.isAll ? nil : call.url(next))
                        json.null("prev")
                    }
                    // The older form, which goes on where it ended whenever it is asked.
                    json.member("count", found.events.count)
                    json.member("end_time", end)
                    json.member("end_of_stream", found.isAll)
                    json.member("next_page", call.url(next))
                }
            }
        }
    }
}

/// The desk's policies by number, for events that name them.
private struct Policies: Sendable {
    let rules: [Int64: Rule]
    init<Rows>(_ desk: Desk<Rows>) throws {
        rules = Dictionary(uniqueKeysWithValues: try desk.rules(.policy).map { ($0.id, $0) })
    }
}

extension JSONWriter {
    fileprivate mutating func metricEvent(_ event: MetricEvent, _ policies: Policies) {
        let clock = event.event
        object { json in
            json.member("id", event.id)
            json.member("ticket_id", event.ticketID)
            json.member("metric", clock.metric.name)
            json.member("instance_id", clock.instance)
            json.member("type", clock.kind.name)
            json.member("time", clock.time)
            switch clock.kind {
            case .activated, .paused, .fulfilled: break
            case .measured(let time):
                json.object("status") { json in
                    json.member("calendar", time.calendarMinutes)
                    json.member("business", time.businessMinutes)
                }
            case .targetApplied(nil): json.null("sla")
            case .targetApplied(let target?), .breached(let target):
                json.object("sla") { json in
                    json.member("target", target.minutes)
                    json.member("target_in_seconds", target.minutes * 60)
                    json.member("business_hours", target.isBusiness)
                    json.object("policy") { json in
                        json.member("id", target.policyID)
                        json.member("title", policies.rules[target.policyID]?.title)
                        json.member("description", policies.rules[target.policyID]?.description)
                    }
                }
            }
        }
    }

    /// What the ticket's policy promises: the dialect's side-load `slas`.
    mutating func promises(_ promises: [TicketTimes.Promise], now: Timestamp) {
        object("slas") { json in
            json.array("policy_metrics") { json in
                for promise in promises {
                    json.object { json in
                        json.member("breach_at", promise.breachAt)
                        json.member("stage", promise.stage.rawValue)
                        json.member("metric", promise.metric.name)
                        json.member("target", promise.target.minutes)
                        json.member("business_hours", promise.target.isBusiness)
                        json.member("breached", promise.isBreached)
                        json.member("policy_id", promise.target.policyID)
                        if let time = promise.breachAt {
                            json.member(
                                "minutes", (time.milliseconds - now.milliseconds) / 60_000)
                        }
                    }
                }
            }
        }
    }
}
