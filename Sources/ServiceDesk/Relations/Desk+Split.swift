import SQLite
import ShardStore
import Wire

extension Desk where Rows == WritableRows {
    /// Comments that one split may take.
    package static var splitLimit: Int { 100 }

    /// Makes a ticket of comments of another one.
    ///
    /// The comments keep their authors, times, privacy and files. The first of them is the new ticket's description; triggers run for it as for
    /// any new ticket. On the old ticket they stay where they are: a link and an event on both tickets say what was split off,
    /// and no comment is split off twice.
    ///
    /// - Parameters:
    ///   - changes: fields of the new ticket. Without a subject or group it has the old one's; without a requester, the first comment's author
    ///     if that is a customer, and otherwise the old one's.
    ///   - token: makes the secret part of a file's address.
    package func splitTicket(
        _ id: Int64, commentIDs: [Int64], _ changes: TicketChanges, token: () -> String
    ) throws -> TicketWrite {
        let old = try changeableTicket(id)
        try require(.create, .tickets)
        guard !principal.onlyPrivateComments else {
            throw DeskRefusal.forbidden("Who may only write private comments may not split tickets")
        }
        let chosen = try splitComments(of: id, commentIDs)
        guard let first = chosen.first, let opening = first.comment else {
            throw DeskRefusal.invalid("comment_ids", .blank, "Comment ids: cannot be blank")
        }
        let link = rows.makeIdentifier()
        var changes = try splitFields(changes, of: old, first: opening)
        changes.comment = CommentDraft(
            body: opening.body, html: opening.html, isPublic: opening.isPublic)
        changes.comment?.carried = try files(ofComment: opening).map {
            CarriedFile(id: $0.id, token: token())
        }
        changes.marks = [AuditMark("Split", String(link))]
        let write = try insertTicket(changes)
        guard let audit = write.audit, let comment = audit.comment else { return write }
        // Not yet anybody's history: the transaction that writes it gives it the time and author it had.
        try rows.run(
            """
            UPDATE audits SET created_at = ?4, comment_author_id = ?5
            WHERE tenant = ?1 AND ticket_id = ?2 AND id = ?3
            """, write.ticket.id, audit.id, first.createdAt.milliseconds, opening.authorID)
        var moved = [(opening.id, comment.id)]
        for each in chosen.dropFirst() {
            guard let comment = each.comment else { continue }
            moved.append((comment.id, try copy(each, comment, to: write.ticket.id, link, token)))
        }
        let ticket = try countCopies(chosen, on: write.ticket)
        for (from, to) in moved {
            try rows.run(
                "INSERT INTO ticket_splits VALUES (?1, ?2, ?3, ?4, ?5)", id, from, ticket.id, to)
        }
        try insertLink(link, ticket.id, .splitFrom, id)
        var events = EventList()
        events.note("Split", String(link))
        // The new ticket may have brought somebody who took the old one.
        try note(events, on: findTicket(id)!)
        return TicketWrite(
            ticket: ticket, audit: try self.audit(audit.id, ofTicket: ticket.id),
            catalog: write.catalog)
    }

    /// The audits of the chosen comments in their order.
    private func splitComments(of id: Int64, _ commentIDs: [Int64]) throws -> [Audit] {
        guard commentIDs.count <= Self.splitLimit else {
            throw DeskRefusal.invalid(
                "comment_ids", .tooLong,
                "Comment ids: at most \(Self.splitLimit) comments can be split off at once")
        }
        return try Set(commentIDs).sorted().map { number in
            // A comment's number follows its audit's.
            let audit = try rows.first(
                """
                SELECT \(Audit.columns) FROM audits
                WHERE tenant = ?1 AND ticket_id = ?2 AND id = ?3 AND comment_id = ?4
                """, id, number &- 1, number, read: Audit.init)
            guard let audit else {
                throw DeskRefusal.invalid(
                    "comment_ids", .invalid,
                    "Comment ids: \(number) is not a comment of this ticket")
            }
            let isGone = try rows.first(
                """
                SELECT 1 FROM ticket_splits
                WHERE tenant = ?1 AND ticket_id = ?2 AND comment_id = ?3
                """, id, number
            ) { _ in true }
            guard isGone == nil else {
                throw DeskRefusal.invalid(
                    "comment_ids", .duplicate, "Comment ids: \(number) was split off before")
            }
            return audit
        }
    }

    private func splitFields(_ changes: TicketChanges, of old: Ticket, first: Comment) throws
        -> TicketChanges
    {
        var changes = changes
        changes.followupSourceID = nil
        if Validation.trim(changes.subject ?? "").isEmpty { changes.subject = old.subject }
        if changes.requester == nil {
            let author = try findUser(first.authorID)
            let isCustomer = author?.isActive == true && author?.role.isStaff == false
            changes.requester = .id(isCustomer ? first.authorID : old.requesterID)
        }
        if changes.groupID == nil, changes.assigneeID == nil, changes.assigneeEmail == nil,
            let group = old.groupID, try findTeam(group)?.isDeleted == false
        {
            changes.groupID = .some(group)
        }
        return changes
    }

    /// Writes a comment again on another ticket, as it was said.
    private func copy(
        _ audit: Audit, _ comment: Comment, to ticket: Int64, _ link: Int64, _ token: () -> String
    ) throws -> Int64 {
        let id = rows.makeIdentifier(count: 3)
        let files = try carry(
            files(ofComment: comment).map { CarriedFile(id: $0.id, token: token()) },
            toComment: id + 1, of: ticket)
        var events = EventList()
        events.note("Split", String(link))
        try rows.run(
            "INSERT INTO audits VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, NULL, NULL, ?8, ?9, ?10, ?11, ?12, ?13, NULL)",
            ticket, id, principal.userID, audit.createdAt.milliseconds, events.text,
            audit.channel.rawValue, id + 1, comment.authorID, comment.body, comment.html,
            comment.isPublic, files.isEmpty ? nil : AttachmentList.text(files))
        return id + 1
    }

    /// Counts the comments that were copied behind the first.
    private func countCopies(_ chosen: [Audit], on ticket: Ticket) throws -> Ticket {
        var changed = try findTicket(ticket.id)!
        let before = changed
        let copies = chosen.dropFirst()
        changed.commentCount += Int64(copies.count)
        changed.publicCommentCount += Int64(copies.count { $0.comment?.isPublic == true })
        changed.isPublic = changed.publicCommentCount > 0
        changed.latestCommentAt = chosen.map(\.createdAt).max()
        try update(from: before, to: changed)
        return changed
    }
}
