import HTTPTypes
import ServiceDesk

/// Tickets as agents see them.
enum TicketEndpoints {
    static let all: [Endpoint] = reading + writing + bulk + details + deleted

    private static let listing = Parameters.paging + Parameters.sorting + [Parameters.include]

    private static let reading: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/tickets", "listTickets", tag: "Tickets", summary: "All tickets",
            query: listing + [
                QueryParameter("external_id", .string, "Only those with this id of yours")
            ],
            answers: [200: "TicketsAnswer"]
        ) { call in
            try await list(call, call.query["external_id"].map(TicketFilter.externalID) ?? .all)
        },
        Endpoint(
            .get, "/api/v2/organizations/{id}/tickets", "listOrganizationTickets", tag: "Tickets",
            summary: "An organization's tickets", query: listing, answers: [200: "TicketsAnswer"]
        ) { call in try await list(call, .ofOrganization(call.id())) },
        Endpoint(
            .get, "/api/v2/users/{id}/tickets/requested", "listRequestedTickets", tag: "Tickets",
            summary: "Tickets a user asked for", query: listing, answers: [200: "TicketsAnswer"]
        ) { call in try await list(call, .requestedBy(call.id())) },
        Endpoint(
            .get, "/api/v2/users/{id}/tickets/assigned", "listAssignedTickets", tag: "Tickets",
            summary: "Tickets an agent is responsible for", query: listing,
            answers: [200: "TicketsAnswer"]
        ) { call in try await list(call, .assignedTo(call.id())) },
        Endpoint(
            .get, "/api/v2/users/{id}/tickets/ccd", "listCopiedTickets", tag: "Tickets",
            summary: "Tickets a user is copied on", query: listing, answers: [200: "TicketsAnswer"]
        ) { call in try await list(call, .copiedTo(call.id())) },
        Endpoint(
            .get, "/api/v2/users/{id}/tickets/followed", "listFollowedTickets", tag: "Tickets",
            summary: "Tickets an agent follows", query: listing, answers: [200: "TicketsAnswer"]
        ) { call in try await list(call, .followedBy(call.id())) },
        Endpoint(
            .get, "/api/v2/tickets/{id}/incidents", "listIncidents", tag: "Tickets",
            summary: "Incidents of a problem", query: listing, answers: [200: "TicketsAnswer"]
        ) { call in try await list(call, .incidents(of: call.id())) },
        Endpoint(
            .get, "/api/v2/problems", "listProblems", tag: "Tickets", summary: "Problem tickets",
            query: listing, answers: [200: "TicketsAnswer"]
        ) { call in try await list(call, .problems) },
        Endpoint(
            .get, "/api/v2/tickets/count", "countTickets", tag: "Tickets",
            summary: "How many tickets", answers: [200: "CountAnswer"]
        ) { call in
            try await call.read { desk in
                let count = try desk.ticketCount(.all)
                return .json { $0.count(count, at: desk.now) }
            }
        },
        Endpoint(
            .get, "/api/v2/tickets/recent", "listRecentTickets", tag: "Tickets",
            summary: "The tickets that changed last", answers: [200: "TicketsAnswer"]
        ) { call in
            try await call.read { desk in
                let page = try desk.tickets(
                    .all, sort: .updatedAt, descending: true, .offset(page: 1, size: 5))
                return try answer(page, desk, call)
            }
        },
        Endpoint(
            .get, "/api/v2/tickets/show_many", "showManyTickets", tag: "Tickets",
            summary: "Tickets by number", query: Parameters.many + [Parameters.include],
            answers: [200: "TicketsAnswer"]
        ) { call in
            let ids = try call.ids() ?? []
            return try await call.read { desk in
                let tickets = try desk.tickets(ids)
                let page = Page(
                    items: tickets, count: Int64(tickets.count), hasMore: false, first: nil,
                    last: nil, request: .offset(page: 1, size: 100))
                return try answer(page, desk, call)
            }
        },
        Endpoint(
            .get, "/api/v2/tickets/{id}", "showTicket", tag: "Tickets", summary: "One ticket",
            query: [Parameters.include], answers: [200: "TicketAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                let ticket = try desk.ticket(id)
                let catalog = try desk.catalog()
                var sideLoads = SideLoads(call)
                try sideLoads.add([ticket], desk)
                return try .json(version: ticket.version) { json in
                    try json.object { json in
                        json.key("ticket")
                        json.ticket(ticket, call, catalog) {
                            sideLoads.perTicket(ticket, now: desk.now, &$0)
                        }
                        try sideLoads.write(desk, call, to: &json)
                    }
                }
            }
        },
    ]

    private static let writing: [Endpoint] = [
        Endpoint(
            .post, "/api/v2/tickets", "createTicket", tag: "Tickets",
            summary: "Makes a ticket with its first comment", body: "TicketBody",
            answers: [201: "TicketAuditAnswer"]
        ) { call in
            let changes = try TicketDecoder.creation(call.bodyObject("ticket"))
            return try await call.write { desk in
                answer(try desk.createTicket(changes), isNew: true, call)
            }
        },
        Endpoint(
            .post, "/api/v2/tickets/create_or_update", "createOrUpdateTicket", tag: "Tickets",
            summary: "Updates the ticket with this external id, or makes one", body: "TicketBody",
            answers: [200: "TicketAuditAnswer", 201: "TicketAuditAnswer"]
        ) { call in
            let fields = try call.bodyObject("ticket")
            let changes = try TicketDecoder.creation(fields)
            guard let external = changes.externalID ?? nil else {
                throw DeskRefusal.invalid("external_id", .blank, "External: cannot be blank")
            }
            let update = try TicketDecoder.changes(fields)
            return try await call.write { desk in
                let found = try desk.tickets(
                    .externalID(external), .cursor(size: 1, after: nil, before: nil)
                ).items.first
                guard let found else {
                    return answer(try desk.createTicket(changes), isNew: true, call)
                }
                return answer(try desk.updateTicket(found.id, update), isNew: false, call)
            }
        },
        Endpoint(
            .put, "/api/v2/tickets/{id}", "updateTicket", tag: "Tickets",
            summary: "Changes a ticket, and comments on it", body: "TicketBody",
            answers: [200: "TicketAuditAnswer"]
        ) { call in
            let id = try call.id()
            let fields = try call.bodyObject("ticket")
            let changes = try TicketDecoder.changes(fields)
            let ignored = ["description", "id", "created_at", "url"].filter(fields.has)
            return try await call.write { desk in
                try call.requireVersion(desk.ticket(id).version)
                var result = answer(try desk.updateTicket(id, changes), isNew: false, call)
                if !ignored.isEmpty {
                    result.headers[.apiWarning] =
                        "read-only fields were ignored: \(ignored.joined(separator: ", "))"
                }
                return result
            }
        },
        Endpoint(
            .delete, "/api/v2/tickets/{id}", "deleteTicket", tag: "Tickets",
            summary: "Deletes a ticket softly", answers: [204: nil]
        ) { call in
            let id = try call.id()
            return try await call.write { desk in
                try call.requireVersion(desk.ticket(id).version)
                try desk.deleteTicket(id)
                return .noContent
            }
        },
    ]

    private static let bulk: [Endpoint] = [
        Endpoint(
            .post, "/api/v2/tickets/create_many", "createManyTickets", tag: "Tickets",
            summary: "Makes up to 100 tickets, as a job", body: "TicketsBody",
            answers: [200: "JobAnswer"]
        ) { call in try await Bulk.enqueue(call, .createTickets, list: "tickets", .tickets) },
        Endpoint(
            .put, "/api/v2/tickets/update_many", "updateManyTickets", tag: "Tickets",
            summary: "Changes up to 100 tickets, as a job", query: Parameters.many,
            body: "TicketsBody", answers: [200: "JobAnswer"]
        ) { call in
            try await Bulk.update(call, .updateTickets, one: "ticket", many: "tickets", .tickets)
        },
        Endpoint(
            .delete, "/api/v2/tickets/destroy_many", "destroyManyTickets", tag: "Tickets",
            summary: "Deletes up to 100 tickets softly, as a job", query: Parameters.many,
            answers: [200: "JobAnswer"]
        ) { call in try await Bulk.ids(call, .deleteTickets, .tickets) },
    ]

    private static let details: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/tickets/{id}/comments", "listComments", tag: "Comments",
            summary: "A ticket's comments",
            query: Parameters.paging + [
                Parameters.include, QueryParameter("sort_order", .string, "asc or desc"),
            ], answers: [200: "CommentsAnswer"]
        ) { call in
            let (id, page) = (try call.id(), try call.page)
            let descending = call.query["sort_order"] == "desc"
            return try await call.read { desk in
                let comments = try desk.comments(id, descending: descending, page)
                return try commentsAnswer(comments, desk, call)
            }
        },
        Endpoint(
            .get, "/api/v2/tickets/{id}/comments/count", "countComments", tag: "Comments",
            summary: "How many comments", answers: [200: "CountAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                let ticket = try desk.ticket(id)
                return .json { $0.count(ticket.commentCount, at: desk.now) }
            }
        },
        Endpoint(
            .put, "/api/v2/tickets/{id}/comments/{comment_id}/make_private", "makeCommentPrivate",
            tag: "Comments", summary: "Makes a public comment private", answers: [204: nil]
        ) { call in
            let (id, comment) = (try call.id(), try call.id("comment_id"))
            return try await call.write { desk in
                try call.requireVersion(desk.ticket(id).version)
                try desk.makeCommentPrivate(id, comment)
                return .noContent
            }
        },
        Endpoint(
            .get, "/api/v2/tickets/{id}/audits", "listTicketAudits", tag: "Audits",
            summary: "Every change of a ticket", query: Parameters.paging + [Parameters.include],
            answers: [200: "AuditsAnswer"]
        ) { call in
            let (id, page) = (try call.id(), try call.page)
            return try await call.read { desk in
                try auditsAnswer(desk.audits(ofTicket: id, page), desk, call)
            }
        },
        Endpoint(
            .get, "/api/v2/tickets/{id}/audits/{audit_id}", "showTicketAudit", tag: "Audits",
            summary: "One change of a ticket", answers: [200: "AuditAnswer"]
        ) { call in
            let (id, audit) = (try call.id(), try call.id("audit_id"))
            return try await call.read { desk in
                let audit = try desk.audit(audit, ofTicket: id)
                return .json {
                    $0.object {
                        $0.key("audit"); $0.audit(audit, call)
                    }
                }
            }
        },
        Endpoint(
            .get, "/api/v2/ticket_audits", "listAudits", tag: "Audits",
            summary: "Changes of all tickets, by cursor", query: Parameters.paging,
            answers: [200: "AuditsAnswer"]
        ) { call in
            let page = try call.page
            return try await call.read { desk in try auditsAnswer(desk.audits(page), desk, call) }
        },
        Endpoint(
            .get, "/api/v2/tickets/{id}/tags", "listTicketTags", tag: "Tags",
            summary: "A ticket's tags", answers: [200: "TagNamesAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in tags(try desk.ticket(id)) }
        },
        Endpoint(
            .post, "/api/v2/tickets/{id}/tags", "setTicketTags", tag: "Tags",
            summary: "Replaces a ticket's tags", body: "TagNamesBody",
            answers: [201: "TagNamesAnswer"]
        ) { call in try await changeTags(call, .set, .created) },
        Endpoint(
            .put, "/api/v2/tickets/{id}/tags", "addTicketTags", tag: "Tags",
            summary: "Adds tags to a ticket", body: "TagNamesBody", answers: [200: "TagNamesAnswer"]
        ) { call in try await changeTags(call, .add, .ok) },
        Endpoint(
            .delete, "/api/v2/tickets/{id}/tags", "removeTicketTags", tag: "Tags",
            summary: "Takes tags off a ticket", body: "TagNamesBody",
            answers: [200: "TagNamesAnswer"]
        ) { call in try await changeTags(call, .remove, .ok) },
        Endpoint(
            .get, "/api/v2/tags", "listTags", tag: "Tags", summary: "All tags with their tickets",
            query: Parameters.paging, answers: [200: "TagsAnswer"]
        ) { call in
            let page = try call.page
            return try await call.read { desk in
                let found = try desk.tags(page)
                return .json { json in
                    json.object { json in
                        json.page("tags", found, call) { json, tag in
                            json.object {
                                $0.member("name", tag.name)
                                $0.member("count", tag.count)
                            }
                        }
                    }
                }
            }
        },
        Endpoint(
            .get, "/api/v2/tags/count", "countTags", tag: "Tags", summary: "How many tags",
            answers: [200: "CountAnswer"]
        ) { call in
            try await call.read { desk in
                let count = try desk.tagCount()
                return .json { $0.count(count, at: desk.now) }
            }
        },
        Endpoint(
            .get, "/api/v2/autocomplete/tags", "autocompleteTags", tag: "Tags",
            summary: "Tags that start so",
            query: [QueryParameter("name", .string, "Start of the tag")],
            answers: [200: "TagNamesAnswer"]
        ) { call in
            let prefix = call.query["name"] ?? ""
            return try await call.read { desk in
                let names = try desk.tags(startingWith: prefix)
                return .json { $0.object { $0.array("tags", names) } }
            }
        },
    ]

    private static let deleted: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/deleted_tickets", "listDeletedTickets", tag: "Deleted tickets",
            summary: "Tickets that can be restored", query: Parameters.paging,
            answers: [200: "DeletedTicketsAnswer"]
        ) { call in
            let page = try call.page
            return try await call.read { desk in
                let tickets = try desk.deletedTickets(page)
                let actors = Dictionary(
                    try desk.users(tickets.items.compactMap(\.deletedBy)).map { ($0.id, $0.name) },
                    uniquingKeysWith: { $1 })
                return .json { json in
                    json.object { json in
                        json.page("deleted_tickets", tickets, call) { json, ticket in
                            json.object { json in
                                json.member("id", ticket.id)
                                json.member("subject", ticket.subject)
                                json.object("actor") {
                                    $0.member("id", ticket.deletedBy)
                                    $0.member("name", ticket.deletedBy.flatMap { actors[$0] } ?? "")
                                }
                                json.member("deleted_at", ticket.deletedAt)
                                json.member("previous_state", ticket.status.name)
                            }
                        }
                    }
                }
            }
        },
        Endpoint(
            .put, "/api/v2/deleted_tickets/{id}/restore", "restoreTicket", tag: "Deleted tickets",
            summary: "Restores a deleted ticket", answers: [200: "EmptyAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.write { desk in
                try desk.restoreTicket(id)
                return .json { $0.object { _ in } }
            }
        },
        Endpoint(
            .put, "/api/v2/deleted_tickets/restore_many", "restoreManyTickets",
            tag: "Deleted tickets", summary: "Restores up to 100 deleted tickets, as a job",
            query: Parameters.many, answers: [200: "JobAnswer"]
        ) { call in try await Bulk.ids(call, .restoreTickets, .tickets) },
        Endpoint(
            .delete, "/api/v2/deleted_tickets/{id}", "eraseTicket", tag: "Deleted tickets",
            summary: "Erases a deleted ticket for good, as a job", answers: [200: "JobAnswer"]
        ) { call in
            let id = try call.id()
            _ = try await call.read { desk in
                try desk.requireErasable(id)
                return .noContent
            }
            return try await call.enqueue(.eraseTickets, [.object([("id", .integer(id))])])
        },
        Endpoint(
            .delete, "/api/v2/deleted_tickets/destroy_many", "eraseManyTickets",
            tag: "Deleted tickets", summary: "Erases up to 100 deleted tickets for good, as a job",
            query: Parameters.many, answers: [200: "JobAnswer"]
        ) { call in try await Bulk.ids(call, .eraseTickets, .tickets) },
    ]

    // MARK: Answers

    private static func list(_ call: APICall, _ filter: TicketFilter) async throws -> APIAnswer {
        let page = try call.page
        let (sort, descending) = try sorting(call)
        return try await call.read { desk in
            try answer(desk.tickets(filter, sort: sort, descending: descending, page), desk, call)
        }
    }

    /// `sort_by` with `sort_order`, or `sort` with a minus for descending.
    private static func sorting(_ call: APICall) throws -> (TicketSort, Bool) {
        if let text = call.query["sort"] {
            guard let sort = TicketSort(rawValue: String(text.drop { $0 == "-" })) else {
                throw DeskRefusal.badRequest(
                    name: "InvalidSort",
                    "sort must be id, created_at, updated_at, status or priority, with - for descending"
                )
            }
            return (sort, text.hasPrefix("-"))
        }
        guard let name = call.query["sort_by"] else {
            return (.id, call.query["sort_order"] == "desc")
        }
        guard let sort = TicketSort(rawValue: name) else {
            throw DeskRefusal.badRequest(
                name: "InvalidSort",
                "sort_by must be id, created_at, updated_at, status or priority")
        }
        return (sort, call.query["sort_order"] == "desc")
    }

    static func answer<Rows>(_ page: Page<Ticket>, _ desk: Desk<Rows>, _ call: APICall)
        throws
        -> APIAnswer
    {
        let catalog = try desk.catalog()
        var sideLoads = SideLoads(call)
        try sideLoads.add(page.items, desk)
        return try .json { json in
            try json.object { json in
                json.array("tickets") { json in
                    for ticket in page.items {
                        json.ticket(ticket, call, catalog) {
                            sideLoads.perTicket(ticket, now: desk.now, &$0)
                        }
                    }
                }
                try sideLoads.write(desk, call, to: &json)
                json.pageLinks(page, call)
            }
        }
    }

    static func answer(_ write: TicketWrite, isNew: Bool, _ call: APICall) -> APIAnswer {
        let ticket = write.ticket
        var answer = APIAnswer.json(
            isNew ? .created : .ok, version: ticket.version,
            location: isNew ? call.url("/api/v2/tickets/\(ticket.id).json") : nil
        ) { json in
            json.object { json in
                json.key("ticket")
                json.ticket(ticket, call, write.catalog, isCreated: isNew)
                if let audit = write.audit {
                    json.key("audit")
                    json.audit(audit, call)
                }
            }
        }
        answer.startsJob = write.startsJob
        return answer
    }

    static func commentsAnswer<Rows>(_ page: Page<Audit>, _ desk: Desk<Rows>, _ call: APICall)
        throws
        -> APIAnswer
    {
        var sideLoads = SideLoads(call)
        sideLoads.add(page.items)
        return try .json { json in
            try json.object { json in
                json.array("comments") { json in
                    for audit in page.items { json.comment(audit, call) }
                }
                try sideLoads.write(desk, call, to: &json)
                json.pageLinks(page, call)
            }
        }
    }

    private static func auditsAnswer<Rows>(_ page: Page<Audit>, _ desk: Desk<Rows>, _ call: APICall)
        throws -> APIAnswer
    {
        var sideLoads = SideLoads(call)
        sideLoads.add(page.items)
        return try .json { json in
            try json.object { json in
                json.array("audits") { json in for audit in page.items { json.audit(audit, call) } }
                try sideLoads.write(desk, call, to: &json)
                json.pageLinks(page, call)
            }
        }
    }

    private static func tags(_ ticket: Ticket, _ status: HTTPResponse.Status = .ok) -> APIAnswer {
        .json(status, version: ticket.version) { $0.object { $0.array("tags", ticket.tags) } }
    }

    private static func changeTags(
        _ call: APICall, _ change: TagChange, _ status: HTTPResponse.Status
    ) async throws -> APIAnswer {
        let id = try call.id()
        guard
            let names = try FieldReader(call.json()).strings("tags")
                ?? call.query["tags"].map({ [$0] })
        else { throw DeskRefusal.badRequest(name: "InvalidRequest", "tags is missing") }
        return try await call.write { desk in
            try call.requireVersion(desk.ticket(id).version)
            return tags(try desk.changeTags(id, change, names), status)
        }
    }
}

/// Requests: tickets as their requesters see them.
enum RequestEndpoints {
    static let all: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/requests", "listRequests", tag: "Requests",
            summary: "What the asker has asked for", query: Parameters.paging,
            answers: [200: "RequestsAnswer"]
        ) { call in
            let page = try call.page
            return try await call.read { desk in
                let (found, catalog) = (try desk.requests(page), try desk.catalog())
                return .json {
                    $0.object { $0.page("requests", found, call) { $0.request($1, call, catalog) } }
                }
            }
        },
        Endpoint(
            .get, "/api/v2/organizations/{id}/requests", "listOrganizationRequests",
            tag: "Requests",
            summary:
                "An organization's requests: for its members when it shares them, and for staff",
            query: Parameters.paging, answers: [200: "RequestsAnswer"]
        ) { call in
            let (id, page) = (try call.id(), try call.page)
            return try await call.read { desk in
                let found = try desk.requests(ofOrganization: id, page)
                let catalog = try desk.catalog()
                return .json {
                    $0.object { $0.page("requests", found, call) { $0.request($1, call, catalog) } }
                }
            }
        },
        Endpoint(
            .get, "/api/v2/requests/{id}", "showRequest", tag: "Requests", summary: "One request",
            answers: [200: "RequestAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                answer(try desk.request(id), try desk.catalog(), call)
            }
        },
        Endpoint(
            .post, "/api/v2/requests", "createRequest", tag: "Requests",
            summary: "Asks for something",
            body: "RequestBody", answers: [201: "RequestAnswer"]
        ) { call in
            let changes = try TicketDecoder.creation(call.bodyObject("request"))
            return try await call.write { desk in
                let write = try desk.createRequest(changes)
                return answer(write.ticket, isNew: true, write.catalog, call)
            }
        },
        Endpoint(
            .put, "/api/v2/requests/{id}", "updateRequest", tag: "Requests",
            summary: "Comments on a request, or says that it is solved", body: "RequestBody",
            answers: [200: "RequestAnswer"]
        ) { call in
            let id = try call.id()
            let fields = try call.bodyObject("request")
            let comment = try TicketDecoder.comment(fields)
            let solved = try fields.bool("solved") ?? false
            return try await call.write { desk in
                try call.requireVersion(desk.request(id).version)
                let write = try desk.updateRequest(id, comment: comment, solved: solved)
                var result = answer(write.ticket, write.catalog, call)
                result.startsJob = write.startsJob
                return result
            }
        },
        Endpoint(
            .get, "/api/v2/requests/{id}/comments", "listRequestComments", tag: "Requests",
            summary: "A request's public comments", query: Parameters.paging,
            answers: [200: "CommentsAnswer"]
        ) { call in
            let (id, page) = (try call.id(), try call.page)
            return try await call.read { desk in
                try TicketEndpoints.commentsAnswer(
                    desk.comments(id, asRequest: true, page), desk, call)
            }
        },
    ]

    private static func answer(
        _ ticket: Ticket, isNew: Bool = false, _ catalog: FieldCatalog, _ call: APICall
    ) -> APIAnswer {
        .json(
            isNew ? .created : .ok, version: ticket.version,
            location: isNew ? call.url("/api/v2/requests/\(ticket.id).json") : nil
        ) {
            $0.object {
                $0.key("request"); $0.request(ticket, call, catalog)
            }
        }
    }
}
