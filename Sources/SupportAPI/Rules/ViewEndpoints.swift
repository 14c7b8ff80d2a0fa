import HTTPTypes
import ServiceDesk

/// What views show and how much it is.
enum ViewEndpoints {
    static let all = counts + contents

    private static let base = "/api/v2/views"
    private static let tag = "Views"
    private static let sorting = [
        QueryParameter("sort_by", .string, "A column to sort by instead of the view's"),
        QueryParameter("sort_order", .string, "asc or desc"),
    ]

    private static let counts: [Endpoint] = [
        Endpoint(
            .get, "\(base)/compact", "listCompactViews", tag: tag,
            summary: "The first 32 active views that you may use", answers: [200: "ViewsAnswer"]
        ) { call in
            try await call.read { desk in
                let views = try desk.rules(.view, activeOnly: true).prefix(32)
                return .json {
                    $0.object { json in
                        json.array("views") { json in for view in views { json.rule(view, call) } }
                    }
                }
            }
        },
        Endpoint(
            .get, "\(base)/count", "countViews", tag: tag, summary: "How many views you may use",
            answers: [200: "CountAnswer"]
        ) { call in
            try await call.read { desk in
                let count = try desk.rules(.view).count
                return .json { $0.count(Int64(count), at: desk.now) }
            }
        },
        Endpoint(
            .get, "\(base)/show_many", "showManyViews", tag: tag, summary: "Views by their numbers",
            query: [QueryParameter("ids", .string, "Numbers with commas", isRequired: true)],
            answers: [200: "ViewsAnswer"]
        ) { call in
            let ids = Set(try call.ids() ?? [])
            return try await call.read { desk in
                let views = try desk.rules(.view).filter { ids.contains($0.id) }
                return .json {
                    $0.object { json in
                        json.array("views") { json in for view in views { json.rule(view, call) } }
                    }
                }
            }
        },
        Endpoint(
            .get, "\(base)/count_many", "countTicketsOfManyViews", tag: tag,
            summary: "How many tickets are in each of up to 20 views",
            query: [
                QueryParameter("ids", .string, "Numbers with commas"),
                QueryParameter("count_many", .string, "The same, as some clients send it"),
            ],
            answers: [200: "ViewCountsAnswer"]
        ) { call in
            guard let ids = try call.ids(max: 20) ?? call.ids("count_many", max: 20) else {
                throw DeskRefusal.badRequest(name: "InvalidRequest", "ids is missing")
            }
            return try await call.read { desk in
                let counts = try desk.counts(ofViews: ids)
                return .json {
                    $0.object { json in
                        json.array("view_counts") { json in
                            for count in counts { json.viewCount(count, call) }
                        }
                    }
                }
            }
        },
        Endpoint(
            .get, "\(base)/{id}/count", "countTicketsOfView", tag: tag,
            summary: "How many tickets are in a view: exactly, and as of now",
            answers: [200: "ViewCountAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                let count = try desk.count(ofView: id)
                return .json {
                    $0.object { json in
                        json.key("view_count")
                        json.viewCount(count, call)
                    }
                }
            }
        },
        Endpoint(
            .post, "\(base)/preview/count", "countPreview", tag: tag,
            summary: "How many tickets would be in a view that is not kept", body: "ViewBody",
            answers: [200: "ViewCountAnswer"]
        ) { call in
            let conditions = try RuleDecoder.conditions(call.bodyObject("view")) ?? ConditionTexts()
            return try await call.read { desk in
                let count = try desk.previewCount(conditions)
                return .json {
                    $0.object { json in
                        json.object("view_count") { json in
                            json.null("view_id")
                            json.member("value", count)
                            json.member("pretty", String(count))
                            json.member("fresh", true)
                        }
                    }
                }
            }
        },
    ]

    private static let contents: [Endpoint] = [
        Endpoint(
            .get, "\(base)/{id}/tickets", "listTicketsOfView", tag: tag,
            summary: "A view's tickets, in its order", query: Parameters.paging + sorting,
            answers: [200: "TicketsAnswer"]
        ) { call in
            let (id, page) = (try call.id(), try call.page)
            return try await call.read { desk in
                let found = try desk.tickets(
                    ofView: id, sortBy: call.query["sort_by"], descending: descending(call), page)
                return try TicketEndpoints.answer(found.page, desk, call)
            }
        },
        Endpoint(
            .get, "\(base)/{id}/execute", "executeView", tag: tag,
            summary: "A view's columns, and a row for each of its tickets",
            query: Parameters.paging + sorting, answers: [200: "ViewRowsAnswer"]
        ) { call in
            let (id, page) = (try call.id(), try call.page)
            return try await call.read { desk in
                let found = try desk.tickets(
                    ofView: id, sortBy: call.query["sort_by"], descending: descending(call), page)
                return try rows(found.page, found.order, found.view, desk, call)
            }
        },
        Endpoint(
            .post, "\(base)/preview", "previewView", tag: tag,
            summary: "What a view would show that is not kept", query: Parameters.paging,
            body: "ViewBody", answers: [200: "ViewRowsAnswer"]
        ) { call in
            let fields = try call.bodyObject("view")
            let conditions = try RuleDecoder.conditions(fields) ?? ConditionTexts()
            let output = try RuleDecoder.output(fields) ?? ViewOutput()
            let page = try call.page
            return try await call.read { desk in
                try rows(
                    try desk.previewView(conditions, output, page), output, nil, desk, call)
            }
        },
    ]

    private static func descending(_ call: APICall) -> Bool? {
        call.query["sort_order"].map { $0 == "desc" }
    }

    private static func rows<Rows>(
        _ page: Page<Ticket>, _ output: ViewOutput, _ view: Rule?, _ desk: Desk<Rows>,
        _ call: APICall
    ) throws -> APIAnswer {
        let catalog = try desk.catalog()
        let people = page.items.flatMap { [$0.requesterID] + [$0.assigneeID].compactMap { $0 } }
        let users = try desk.users(Set(people))
        let groups = try desk.teams(page.items.compactMap(\.groupID))
        return .json { json in
            json.object { json in
                json.array("columns") { $0.columns(output) }
                json.page("rows", page, call) { json, ticket in
                    json.object { json in
                        json.key("ticket")
                        json.ticket(ticket, call, catalog)
                        json.member("ticket_id", ticket.id)
                        json.member("subject", ticket.subject)
                        json.member("status", ticket.status.name)
                        json.member("priority", ticket.priority?.name)
                        json.member("requester_id", ticket.requesterID)
                        json.member("requester", ticket.requesterID)
                        json.member("assignee_id", ticket.assigneeID)
                        json.member("group_id", ticket.groupID)
                        json.member("created", ticket.createdAt)
                        json.member("updated", ticket.updatedAt)
                    }
                }
                json.array("users") { json in for user in users { json.user(user, call, catalog) } }
                json.array("groups") { json in for team in groups { json.group(team, call) } }
                json.key("view")
                if let view { json.rule(view, call) } else { json.null() }
            }
        }
    }
}
