import NIOCore
package import ServiceDesk

/// Tickets and requests in request bodies.
package enum TicketDecoder {
    static func changes(_ fields: FieldReader) throws -> TicketChanges {
        var changes = TicketChanges()
        changes.subject = try fields.string("subject", max: 4096) ?? nil
        if changes.subject == nil {
            changes.subject = try fields.string("raw_subject", max: 4096) ?? nil
        }
        changes.status = try fields.choice("status", TicketStatus.init(name:)) ?? nil
        changes.priority = try fields.choice("priority", TicketPriority.init(name:))
        changes.type = try fields.choice("type", TicketType.init(name:))
        changes.requester = try requester(fields)
        changes.submitterID = try fields.int64("submitter_id") ?? nil
        changes.assigneeID = try fields.int64("assignee_id")
        changes.assigneeEmail = try fields.string("assignee_email", max: 1024) ?? nil
        changes.groupID = try fields.int64("group_id")
        changes.organizationID = try fields.int64("organization_id")
        changes.externalID = try fields.string("external_id", max: 1024)
        changes.problemID = try fields.int64("problem_id")
        changes.dueAt = try fields.time("due_at")
        changes.tags = try fields.strings("tags")
        changes.additionalTags = try fields.strings("additional_tags") ?? []
        changes.removedTags = try fields.strings("remove_tags") ?? []
        changes.customStatusID = try fields.int64("custom_status_id") ?? nil
        changes.fields = try FieldDecoder.ticketValues(fields)
        changes.formID = try fields.int64("ticket_form_id")
        changes.followerIDs = try fields.ids("follower_ids")
        changes.emailCCIDs = try fields.ids("email_cc_ids") ?? fields.ids("collaborator_ids")
        changes.watcherChanges = try RelationDecoder.watchers(fields)
        changes.comment = try comment(fields)
        changes.followupSourceID = try fields.int64("via_followup_source_id") ?? nil
        changes.isSafe = try fields.bool("safe_update") ?? false
        changes.updatedStamp = try fields.time("updated_stamp") ?? nil
        if changes.isSafe && changes.updatedStamp == nil {
            throw DeskRefusal.invalid(
                "updated_stamp", .blank, "Updated stamp: is needed with safe_update")
        }
        if let metadata = try fields.object("metadata") {
            let text = String(buffer: JSONWriter.write { $0.value(metadata.value) })
            guard text.utf8.count <= 4096 else {
                throw DeskRefusal.invalid(
                    "metadata", .tooLong, "Metadata: is too long (maximum is 4096 bytes)")
            }
            changes.metadata = text
        }
        return changes
    }

    /// A ticket's `comment`, or for a new ticket the `description` that older clients send instead.
    static func comment(_ fields: FieldReader, isNew: Bool = false) throws -> CommentDraft? {
        if case .string(let body)? = fields.value["comment"] { return CommentDraft(body: body) }
        guard let comment = try fields.object("comment") else { return nil }
        let plain = try comment.string("body", max: 65_536) ?? nil
        let html = try comment.string("html_body", max: 131_072) ?? nil
        var draft = CommentDraft(
            body: plain ?? html.map(plainText) ?? "", html: html,
            isPublic: try comment.bool("public"), authorID: try comment.int64("author_id") ?? nil)
        draft.uploads =
            try comment.strings("uploads", max: Attachment.countLimit)?.map {
                Secrets.digest($0)
            } ?? []
        return draft
    }

    /// A new ticket may say `description` in place of a comment; on an old one it is read-only and ignored.
    package static func creation(_ fields: FieldReader) throws -> TicketChanges {
        var changes = try changes(fields)
        if changes.comment == nil, let text = try fields.string("description") ?? nil {
            changes.comment = CommentDraft(body: text)
        }
        return changes
    }

    private static func requester(_ fields: FieldReader) throws -> RequesterReference? {
        if let id = try fields.int64("requester_id") ?? nil { return .id(id) }
        guard let requester = try fields.object("requester") else { return nil }
        if let id = try requester.int64("id") ?? nil { return .id(id) }
        guard let email = try requester.string("email", max: 1024) ?? nil else {
            throw DeskRefusal.invalid("requester", .blank, "Requester: an email is needed")
        }
        return .address(name: try requester.string("name", max: 1024) ?? nil, email: email)
    }

    /// The text of simple HTML: tags out, entities for the five special characters back.
    static func plainText(_ html: String) -> String {
        var text = ""
        var isTag = false
        for character in html {
            switch character {
            case "<": isTag = true
            case ">" where isTag: isTag = false
            default: if !isTag { text.append(character) }
            }
        }
        for (entity, plain) in [
            ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "),
            ("&amp;", "&"),
        ] {
            text = text.split(separator: entity, omittingEmptySubsequences: false)
                .joined(separator: plain)
        }
        return text
    }
}
