import HTTPTypes
import ServiceDesk

/// Tickets from another desk, with their history.
enum ImportEndpoints {
    static let all: [Endpoint] = [
        Endpoint(
            .post, "/api/v2/imports/tickets", "importTicket", tag: "Ticket import",
            summary: "Makes a ticket with its history; for admins", body: "TicketImportBody",
            answers: [201: "TicketAuditAnswer"]
        ) { call in
            let history = try TicketDecoder.history(call.bodyObject("ticket"))
            return try await call.write { desk in
                TicketEndpoints.answer(try desk.importTicket(history), isNew: true, call)
            }
        },
        Endpoint(
            .post, "/api/v2/imports/tickets/create_many", "importManyTickets",
            tag: "Ticket import", summary: "Makes up to 100 tickets with their histories, as a job",
            body: "TicketsBody", answers: [200: "JobAnswer"]
        ) { call in try await Bulk.enqueue(call, .importTickets, list: "tickets", .tickets) },
    ]
}

extension TicketDecoder {
    /// A ticket with `comments`, or with the one message that is its `description`.
    static func history(_ fields: FieldReader) throws -> TicketHistory {
        let changes = try creation(fields)
        guard let createdAt = try fields.time("created_at") ?? nil else {
            throw DeskRefusal.invalid("created_at", .blank, "Created at: cannot be blank")
        }
        let requester: Int64? = if case .id(let id)? = changes.requester { id } else { nil }
        let fallback = changes.submitterID ?? requester
        var messages: [TicketHistory.Message] = []
        if case .array(let items)? = fields.value["comments"] {
            messages = try items.map { item in
                guard case .object = item else {
                    throw fields.wrongType("comments", "a list of objects")
                }
                let comment = FieldReader(item)
                let text =
                    try comment.string("value", max: 65_536) ?? comment.string(
                        "body", max: 65_536) ?? nil
                let html = try comment.string("html_body", max: 131_072) ?? nil
                return TicketHistory.Message(
                    authorID: (try comment.int64("author_id") ?? nil) ?? fallback,
                    draft: CommentDraft(
                        body: text ?? html.map(plainText) ?? "", html: html,
                        isPublic: try comment.bool("public") ?? true),
                    createdAt: (try comment.time("created_at") ?? nil) ?? createdAt)
            }
        } else if let draft = changes.comment {
            messages = [
                TicketHistory.Message(authorID: fallback, draft: draft, createdAt: createdAt)
            ]
        }
        var history = TicketHistory(changes: changes, messages: messages, createdAt: createdAt)
        history.updatedAt = try fields.time("updated_at") ?? nil
        history.solvedAt = try fields.time("solved_at") ?? nil
        return history
    }
}
