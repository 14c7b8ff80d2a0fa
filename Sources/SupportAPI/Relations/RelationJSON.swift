import ServiceDesk
import Wire

extension JSONWriter {
    /// A link as the ticket at this end has it.
    mutating func link(_ link: TicketLink, to other: Ticket, _ call: APICall) {
        object { json in
            json.member("id", link.id)
            json.member(
                "url",
                call.url("/api/v2/lodge/tickets/\(link.ticketID)/links/\(link.id).json"))
            json.member("kind", link.kind.name)
            json.member("ticket_id", other.id)
            json.member("subject", other.subject)
            json.member("status", other.status.name)
            json.member("actor_id", link.actorID)
            json.member("created_at", link.createdAt)
            json.array("comment_ids", link.commentIDs)
        }
    }

    /// What a ticket has to do with others. Beside the dialect's members, which stand at the top, what it lacks.
    mutating func related(_ related: RelatedTickets, _ id: Int64, _ call: APICall) {
        object { json in
            json.member("url", call.url("/api/v2/tickets/\(id)/related.json"))
            json.null("topic_id")
            json.array("followup_source_ids", related.followupSourceIDs.map(String.init))
            json.member("from_archive", false)
            json.member("incidents", related.incidents)
            json.object("twitter") { _ in }
            json.array("jira_issue_ids") { _ in }
            json.array("followup_ids", related.followupIDs)
            json.member("problem_id", related.problemID)
            json.member("merged_into_id", related.mergedInto?.targetID)
            json.array("merges") { json in
                for merge in related.merges {
                    json.object { json in
                        json.member("id", merge.id)
                        json.member("ticket_id", merge.sourceID)
                        json.member("actor_id", merge.actorID)
                        json.member("merged_at", merge.mergedAt)
                    }
                }
            }
            json.array("links") { json in
                for link in related.links {
                    json.object { json in
                        json.member("id", link.id)
                        json.member("kind", link.kind.name)
                        json.member("ticket_id", link.otherID)
                        json.array("comment_ids", link.commentIDs)
                    }
                }
            }
        }
    }
}
