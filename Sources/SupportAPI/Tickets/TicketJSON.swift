import NIOCore
package import ServiceDesk
import Wire

extension JSONWriter {
    /// A ticket in the dialect's shape and key order.
    mutating func ticket(
        _ ticket: Ticket, _ call: APICall, _ catalog: FieldCatalog, isCreated: Bool = false,
        resultType: Bool = false, extra: (inout JSONWriter) -> Void = { _ in }
    ) {
        self.ticket(
            ticket, origin: call.origin, catalog, isCreated: isCreated, resultType: resultType,
            extra: extra)
    }

    /// A ticket in the dialect's shape and key order, outside of any call.
    /// - Parameter origin: as in `APICall`.
    package mutating func ticket(
        _ ticket: Ticket, origin: String, _ catalog: FieldCatalog, isCreated: Bool = false,
        resultType: Bool = false, extra: (inout JSONWriter) -> Void = { _ in }
    ) {
        object { json in
            json.member("url", "\(origin)/api/v2/tickets/\(ticket.id).json")
            json.member("id", ticket.id)
            json.member("external_id", ticket.externalID)
            json.via(ticket)
            json.member("created_at", ticket.createdAt)
            json.member("updated_at", ticket.updatedAt)
            json.member("generated_timestamp", isCreated ? 0 : ticket.updatedAt.seconds)
            json.member("type", ticket.type?.name)
            json.member("subject", ticket.subject)
            json.member("raw_subject", ticket.subject)
            json.member("description", ticket.description)
            json.member("priority", ticket.priority?.name)
            json.member("status", ticket.deletedAt == nil ? ticket.status.name : "deleted")
            json.null("recipient")
            json.member("requester_id", ticket.requesterID)
            json.member("submitter_id", ticket.submitterID)
            json.member("assignee_id", ticket.assigneeID)
            json.member("organization_id", ticket.organizationID)
            json.member("group_id", ticket.groupID)
            json.array("collaborator_ids", Set(ticket.followerIDs + ticket.emailCCIDs).sorted())
            json.array("follower_ids", ticket.followerIDs)
            json.array("email_cc_ids", ticket.emailCCIDs)
            json.null("forum_topic_id")
            json.member("problem_id", ticket.problemID)
            json.member("has_incidents", ticket.hasIncidents)
            json.member("is_public", ticket.isPublic)
            json.member("due_at", ticket.dueAt)
            json.array("tags", ticket.tags)
            let (shown, values) = (catalog.shown(.ticket), ticket.customFields.all)
            json.ticketFields("custom_fields", shown, values)
            json.satisfaction(ticket.satisfaction)
            json.array("sharing_agreement_ids") { _ in }
            json.member("custom_status_id", ticket.customStatusID)
            json.ticketFields("fields", shown, values)
            json.array("followup_ids", ticket.followupIDs)
            json.member("ticket_form_id", ticket.formID ?? catalog.defaultForm?.id)
            json.null("brand_id")
            json.member("allow_channelback", false)
            json.member("allow_attachments", true)
            json.member("from_messaging_channel", false)
            if resultType { json.member("result_type", "ticket") }
            extra(&json)
        }
    }

    private mutating func via(_ ticket: Ticket) {
        object("via") { json in
            json.member("channel", ticket.channel.name)
            json.object("source") { json in
                json.object("from") { json in
                    if let id = ticket.followupSourceID {
                        json.member("ticket_id", id)
                        json.member("channel", "web")
                    }
                }
                json.object("to") { _ in }
                json.member("rel", ticket.followupSourceID == nil ? nil : "follow_up")
            }
        }
    }

    /// A ticket as its requester sees it.
    mutating func request(_ ticket: Ticket, _ call: APICall, _ catalog: FieldCatalog) {
        object { json in
            json.member("url", call.url("/api/v2/requests/\(ticket.id).json"))
            json.member("id", ticket.id)
            json.member("status", ticket.status.nameForRequester)
            json.member("priority", ticket.priority?.name)
            json.member("type", ticket.type?.name)
            json.member("subject", ticket.subject)
            json.member("description", ticket.description)
            json.member("organization_id", ticket.organizationID)
            json.via(ticket)
            let shown = catalog.shown(.ticket).filter(\.isVisibleInPortal)
            let values = shown.isEmpty ? [:] : ticket.customFields.all
            json.ticketFields("custom_fields", shown, values)
            json.member("requester_id", ticket.requesterID)
            json.array("collaborator_ids", ticket.emailCCIDs)
            json.array("email_cc_ids", ticket.emailCCIDs)
            json.member("is_public", ticket.isPublic)
            json.member("due_at", ticket.dueAt)
            json.member("can_be_solved_by_me", ticket.assigneeID != nil && ticket.status < .solved)
            json.member("solved", ticket.status >= .solved)
            json.member("ticket_form_id", ticket.formID ?? catalog.defaultForm?.id)
            json.member("custom_status_id", ticket.customStatusID)
            json.null("recipient")
            json.member("followup_source_id", ticket.followupSourceID)
            json.member("assignee_id", ticket.assigneeID)
            json.member("created_at", ticket.createdAt)
            json.member("updated_at", ticket.updatedAt)
            json.ticketFields("fields", shown, values)
        }
    }

    /// A comment as a list of comments shows it.
    mutating func comment(_ audit: Audit, _ call: APICall) {
        guard let comment = audit.comment else { return null() }
        object { json in
            json.commentMembers(comment, audit, call)
            json.auditVia(audit)
            json.member("created_at", audit.createdAt)
            json.auditMetadata(audit)
        }
    }

    private mutating func commentMembers(
        _ comment: Comment, _ audit: Audit, _ call: APICall
    ) {
        member("id", comment.id)
        member("type", "Comment")
        member("author_id", comment.authorID)
        member("body", comment.body)
        member("html_body", HTMLBody.of(comment))
        member("plain_body", comment.body)
        member("public", comment.isPublic)
        array("attachments") { json in
            for file in AttachmentFacts.list(of: comment) { json.attachment(file, call) }
        }
        member("audit_id", audit.id)
    }

    /// An audit with its events in the order in which they happened, the comment first.
    mutating func audit(_ audit: Audit, _ call: APICall) {
        object { json in
            json.member("id", audit.id)
            json.member("ticket_id", audit.ticketID)
            json.member("created_at", audit.createdAt)
            json.member("author_id", audit.authorID)
            json.auditMetadata(audit)
            json.array("events") { json in
                var place: Int64 = 1
                if let comment = audit.comment {
                    json.object { $0.commentMembers(comment, audit, call) }
                    place = 2
                }
                guard
                    case .array(let events)? = try? JSONParser.parse(
                        ByteBuffer(string: audit.events))
                else { return }
                for event in events {
                    json.event(event, id: audit.id + place)
                    place += 1
                }
            }
            json.auditVia(audit)
        }
    }

    /// `["Change", field, value, previous]` as the dialect's object.
    private mutating func event(_ event: JSONValue, id: Int64) {
        guard case .array(let parts) = event, parts.count >= 2, case .string(let type) = parts[0]
        else { return }
        object { json in
            json.member("id", id)
            json.member("type", type)
            switch type {
            case "Create", "Change":
                json.key("value")
                json.value(parts.count > 2 ? parts[2] : .null)
                json.key("field_name")
                json.value(parts[1])
                if type == "Change" {
                    json.key("previous_value")
                    json.value(parts.count > 3 ? parts[3] : .null)
                }
                json.ruleVia(parts.dropFirst(type == "Change" ? 4 : 3))
            case "Notification":
                json.member("channel", parts[1].text)
                json.member("subject", parts.count > 2 ? parts[2].text : nil)
                json.array("recipients") { json in
                    guard parts.count > 3, case .array(let ids) = parts[3] else { return }
                    for id in ids { json.value(id.text.flatMap { Int64($0) }) }
                }
                json.member(
                    "notice_id", parts.count > 4 ? parts[4].text.flatMap { Int64($0) } : nil)
                json.ruleVia(parts.dropFirst(5))
            case "Error":
                json.member("message", parts[1].text)
                json.ruleVia(parts.dropFirst(2))
            case "SatisfactionRating": json.ratingEvent(parts)
            case "CommentPrivacyChange":
                if case .string(let text) = parts[1] { json.member("comment_id", Int64(text)) }
                json.member("public", false)
            default:
                json.key("value")
                json.value(parts[1])
            }
        }
    }

    /// The rule that did it, when one did: its kind, number and title.
    private mutating func ruleVia(_ parts: ArraySlice<JSONValue>) {
        guard parts.count == 3, let kind = parts.first?.text else { return }
        let rest = Array(parts.dropFirst())
        object("via") { json in
            json.member("channel", "rule")
            json.object("source") { json in
                json.object("from") { json in
                    json.member("id", rest[0].text.flatMap { Int64($0) })
                    json.member("title", rest[1].text)
                    json.member("deleted", false)
                }
                json.object("to") { _ in }
                json.member("rel", kind)
            }
        }
    }

    private mutating func auditVia(_ audit: Audit) {
        object("via") { json in
            json.member("channel", audit.channel.name)
            json.object("source") { json in
                json.object("from") { _ in }
                json.object("to") { _ in }
                json.member("rel", audit.channel == .problem ? "problem" : nil)
            }
        }
    }

    private mutating func auditMetadata(_ audit: Audit) {
        object("metadata") { json in
            json.object("system") { json in
                if let client = audit.client { json.member("client", client) }
                if let address = audit.address { json.member("ip_address", address) }
            }
            json.key("custom")
            if let text = audit.metadata,
                let value = try? JSONParser.parse(ByteBuffer(string: text))
            {
                json.value(value)
            } else {
                json.object { _ in }
            }
        }
    }

    /// What was measured of a ticket up to now.
    mutating func metrics(_ ticket: Ticket, _ times: TicketTimes, _ call: APICall) {
        let metrics = ticket.metrics
        object { json in
            json.member("url", call.url("/api/v2/ticket_metrics/\(ticket.id).json"))
            json.member("id", ticket.id)
            json.member("ticket_id", ticket.id)
            json.member("created_at", ticket.createdAt)
            json.member("updated_at", ticket.updatedAt)
            json.member("group_stations", metrics.groupStations)
            json.member("assignee_stations", metrics.assigneeStations)
            json.member("reopens", metrics.reopens)
            json.member("replies", metrics.replies)
            json.member("assignee_updated_at", metrics.assigneeUpdatedAt)
            json.member("requester_updated_at", metrics.requesterUpdatedAt)
            json.member("status_updated_at", ticket.statusUpdatedAt)
            json.member("initially_assigned_at", metrics.initiallyAssignedAt)
            json.member("assigned_at", metrics.assignedAt)
            json.member("solved_at", metrics.solvedAt)
            json.member("latest_comment_added_at", ticket.latestCommentAt)
            json.minutes("reply_time_in_minutes", times.reply)
            json.minutes("first_resolution_time_in_minutes", times.firstResolution)
            json.minutes("full_resolution_time_in_minutes", times.fullResolution)
            json.minutes("agent_wait_time_in_minutes", times.agentWait)
            json.minutes("requester_wait_time_in_minutes", times.requesterWait)
            json.minutes("on_hold_time_in_minutes", times.hold)
        }
    }

    private mutating func minutes(_ name: StaticString, _ time: ElapsedTime?) {
        object(name) { json in
            json.member("calendar", time?.calendarMinutes)
            json.member("business", time?.businessMinutes)
        }
    }
}

/// A comment's text as safe HTML. What a client sent as HTML is never echoed: only the text of it is shown until a
/// sanitiser stands in front of it.
enum HTMLBody {
    static func of(_ comment: Comment) -> String {
        // Byte by byte: every character that needs escaping is ASCII, and going by characters costs more than the rest
        // of the answer together.
        var html = Array("<div class=\"zd-comment\" dir=\"auto\"><p dir=\"auto\">".utf8)
        html.reserveCapacity(html.count + comment.body.utf8.count + 64)
        var previous: UInt8 = 0
        for byte in comment.body.utf8 {
            switch byte {
            case UInt8(ascii: "<"): html.append(contentsOf: "&lt;".utf8)
            case UInt8(ascii: ">"): html.append(contentsOf: "&gt;".utf8)
            case UInt8(ascii: "&"): html.append(contentsOf: "&amp;".utf8)
            case UInt8(ascii: "\""): html.append(contentsOf: "&quot;".utf8)
            case UInt8(ascii: "\r"): html.append(contentsOf: "<br>".utf8)
            case UInt8(ascii: "\n"):
                if previous != UInt8(ascii: "\r") { html.append(contentsOf: "<br>".utf8) }
            default: html.append(byte)
            }
            previous = byte
        }
        html.append(contentsOf: "</p></div>".utf8)
        return String(decoding: html, as: UTF8.self)
    }
}
