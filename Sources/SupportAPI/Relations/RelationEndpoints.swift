import HTTPTypes
import ServiceDesk

/// What tickets have to do with one another: merges, splits, links, problems.
enum RelationEndpoints {
    static let all = merging + problems + links

    private static let merging: [Endpoint] = [
        Endpoint(
            .post, "/api/v2/tickets/{id}/merge", "mergeTickets", tag: "Relations",
            summary: "Closes up to 5 tickets and goes on with this one in their stead, as a job",
            body: "MergeBody", answers: [200: "JobAnswer"]
        ) { call in
            let id = try call.id()
            let body = try call.json()
            let request = try RelationDecoder.merge(FieldReader(body), into: id)
            // What cannot be is refused now, with its reason, and not by a job later.
            _ = try await call.read { desk in
                try call.requireVersion(desk.ticket(id).version)
                try desk.requireMergeable(request)
                return .noContent
            }
            guard case .object(let members) = body else { return .noContent }
            let item = JSONValue.object(
                members.filter { $0.name != "id" } + [("id", .integer(id))])
            return try await call.enqueue(.mergeTickets, [item])
        },
        Endpoint(
            .post, "/api/v2/lodge/tickets/{id}/unmerge", "unmergeTicket", tag: "Relations",
            summary: "Undoes the merge that closed this ticket: it is again what it was",
            answers: [200: "TicketAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.write { desk in
                try call.requireVersion(desk.ticket(id).version)
                let (ticket, catalog) = (try desk.unmergeTicket(id), try desk.catalog())
                return .json(version: ticket.version) { json in
                    json.object { json in
                        json.key("ticket")
                        json.ticket(ticket, call, catalog)
                    }
                }
            }
        },
        Endpoint(
            .post, "/api/v2/lodge/tickets/{id}/split", "splitTicket", tag: "Relations",
            summary: "Makes a ticket of comments of this one", body: "SplitBody",
            answers: [201: "TicketAuditAnswer"]
        ) { call in
            let id = try call.id()
            let fields = FieldReader(try call.json())
            let changes = try TicketDecoder.changes(fields)
            return try await call.write { desk in
                try call.requireVersion(desk.ticket(id).version)
                // What is in the body is looked at behind the ticket: there may be none, or none for the asker.
                let comments = try fields.ids("comment_ids", max: 1000) ?? []
                let write = try desk.splitTicket(id, commentIDs: comments, changes) {
                    Secrets.token().text
                }
                return TicketEndpoints.answer(write, isNew: true, call)
            }
        },
        Endpoint(
            .get, "/api/v2/tickets/{id}/related", "showRelatedTickets", tag: "Relations",
            summary: "What a ticket has to do with others, as far as the asker may see them",
            answers: [200: "TicketRelatedAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                let related = try desk.relatedTickets(of: id)
                return .json { $0.related(related, id, call) }
            }
        },
    ]

    private static let problemText = QueryParameter("text", .string, "Part of the subject")

    private static let problems: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/problems/autocomplete", "completeProblem", tag: "Relations",
            summary: "Problems whose subject has this text in it", query: [problemText],
            answers: [200: "TicketsAnswer"]
        ) { call in try await complete(call) },
        Endpoint(
            .post, "/api/v2/problems/autocomplete", "autocompleteProblems", tag: "Relations",
            summary: "Problems whose subject has this text in it", query: [problemText],
            body: "ProblemTextBody", answers: [200: "TicketsAnswer"]
        ) { call in try await complete(call) },
    ]

    private static func complete(_ call: APICall) async throws -> APIAnswer {
        let asked = try FieldReader(call.json()).string("text") ?? nil
        let text = asked ?? call.query["text"] ?? ""
        return try await call.read { desk in
            let found = try desk.problems(containing: text)
            let page = Page(
                items: found, count: Int64(found.count), hasMore: false, first: nil, last: nil,
                request: .offset(page: 1, size: 100))
            return try TicketEndpoints.answer(page, desk, call)
        }
    }

    private static let linksPath = "/api/v2/lodge/tickets/{id}/links"

    private static let links: [Endpoint] = [
        Endpoint(
            .get, linksPath, "listTicketLinks", tag: "Relations",
            summary: "A ticket's links to tickets that the asker may see",
            answers: [200: "TicketLinksAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                let found = try desk.links(ofTicket: id)
                return .json { json in
                    json.object { json in
                        json.array("links") { json in
                            for (link, other) in found { json.link(link, to: other, call) }
                        }
                        json.member("count", found.count)
                    }
                }
            }
        },
        Endpoint(
            .post, linksPath, "createTicketLink", tag: "Relations",
            summary: "Links two tickets: related, duplicate, duplicated_by, blocks or blocked_by",
            body: "TicketLinkBody", answers: [201: "TicketLinkAnswer"]
        ) { call in
            let id = try call.id()
            let body = try call.json()
            return try await call.write { desk in
                try call.requireVersion(desk.ticket(id).version)
                let fields = FieldReader(body["link"] ?? body)
                let kind = try fields.choice("kind", RelationKind.init(name:)) ?? nil
                let made = try desk.linkTickets(
                    id, kind, to: fields.int64("ticket_id") ?? nil)
                return .json(
                    .created,
                    location: call.url(
                        "/api/v2/lodge/tickets/\(id)/links/\(made.link.id).json")
                ) { json in
                    json.object { json in
                        json.key("link")
                        json.link(made.link, to: made.other, call)
                    }
                }
            }
        },
        Endpoint(
            .delete, linksPath + "/{link_id}", "deleteTicketLink", tag: "Relations",
            summary: "Deletes a link at both its ends", answers: [204: nil]
        ) { call in
            let (id, link) = (try call.id(), try call.id("link_id"))
            return try await call.write { desk in
                try call.requireVersion(desk.ticket(id).version)
                try desk.unlinkTickets(id, link)
                return .noContent
            }
        },
    ]
}
