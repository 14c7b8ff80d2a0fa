import SQLite
import ShardStore
import Wire

extension Desk {
    /// Refuses a merge that cannot be, with the reason.
    package func requireMergeable(_ request: MergeRequest) throws {
        _ = try mergedTickets(request)
    }

    /// A ticket that the asker may change.
    package func changeableTicket(_ id: Int64) throws -> Ticket {
        guard let ticket = try findTicket(id), ticket.deletedAt == nil else {
            throw DeskRefusal.notFound
        }
        try require(.update, .ticket(ticket.facts))
        return ticket
    }

    func mergedTickets(_ request: MergeRequest) throws -> (target: Ticket, sources: [Ticket]) {
        let target = try changeableTicket(request.targetID)
        func refuse(_ text: String, _ problem: FieldProblem = .notAllowed) -> DeskRefusal {
            .invalid("ids", problem, "Ids: \(text)")
        }
        guard !request.sourceIDs.isEmpty else { throw refuse("cannot be blank", .blank) }
        guard request.sourceIDs.count <= MergeRequest.sourceLimit else {
            throw refuse(
                "at most \(MergeRequest.sourceLimit) tickets can be merged at once", .tooLong)
        }
        guard !request.sourceIDs.contains(target.id) else {
            throw refuse("a ticket cannot be merged into itself")
        }
        guard target.status != .closed else {
            throw DeskRefusal.invalid(
                "status", .notAllowed,
                try standingMerge(of: target.id) == nil
                    ? "Status: nothing can be merged into a closed ticket"
                    : "Status: the ticket was itself merged into another one")
        }
        let sources = try request.sourceIDs.map { id in
            // What the asker may not see does not exist.
            guard let source = try findTicket(id), source.deletedAt == nil,
                Authorization.decide(principal, .update, .ticket(source.facts)) == .allow
            else { throw refuse("ticket \(id) does not exist", .invalid) }
            guard source.status != .closed else { throw refuse("ticket \(id) is closed") }
            guard !source.hasIncidents else {
                throw refuse("incidents hang on ticket \(id); link them to another problem first")
            }
            return source
        }
        for (text, field, label) in [
            (request.targetComment, "target_comment", "Target comment"),
            (request.sourceComment, "source_comment", "Source comment"),
        ] {
            _ = try Validation.bounded(text ?? "", field, label, max: 65_536)
        }
        return (target, sources)
    }

    /// The last comment of a ticket, or the last that customers see.
    func lastComment(of ticket: Int64, publicOnly: Bool) throws -> Comment? {
        try rows.first(
            """
            SELECT \(Audit.columns) FROM audits WHERE tenant = ?1 AND ticket_id = ?2
            AND comment_id IS NOT NULL AND (?3 = 0 OR comment_public = 1) ORDER BY id DESC LIMIT 1
            """, ticket, publicOnly, read: Audit.init)?.comment
    }
}

extension Desk where Rows == WritableRows {
    /// Closes tickets and goes on with another one in their stead: all of them or none.
    ///
    /// Each source is closed with a comment and a tag; triggers do not run for it, so that nobody gets a mail about each. The target gets one
    /// comment for all, with the files of their last comments, and triggers run for it as for any update. Who asked for a source
    /// or got copies of it gets copies of the target. Nothing else of the target changes.
    ///
    /// - Parameter token: makes the secret part of a file's address.
    package func mergeTickets(_ request: MergeRequest, token: () -> String) throws -> TicketWrite {
        let (target, sources) = try mergedTickets(request)
        let mayBePublic =
            target.isPublic && sources.allSatisfy(\.isPublic) && !principal.onlyPrivateComments
        let isPublic = mayBePublic && request.isTargetCommentPublic
        let last = try sources.map { try lastComment(of: $0.id, publicOnly: isPublic) }
        var people: [[Int64]] = []
        var changes = TicketChanges()
        for source in sources {
            let there = try Set([source.requesterID] + source.emailCCIDs).sorted().filter {
                try $0 != target.requesterID && findUser($0)?.isActive == true
            }
            people.append(there)
            changes.watcherChanges += there.map { WatcherChange(.copy, .id($0)) }
        }
        let numbers = sources.map { _ in rows.makeIdentifier() }
        changes.marks = numbers.map { AuditMark("Merge", String($0)) }
        let text = Validation.trim(request.targetComment ?? "")
        var comment = CommentDraft(
            body: text.isEmpty ? targetText(sources, last) : text, isPublic: isPublic)
        comment.carried = try carried(last.compactMap { $0 }, token)
        changes.comment = comment
        let write = try apply(changes, to: target)
        for place in sources.indices {
            // The target's update may have given a source that waited to somebody.
            let source = try findTicket(sources[place].id)!
            let closed = try close(source, by: numbers[place], request, mayBePublic)
            try keep(
                TicketMerge(
                    id: numbers[place], sourceID: source.id, targetID: target.id,
                    actorID: principal.userID, mergedAt: now, people: people[place],
                    changes: RowDifference(from: source, to: closed)))
            try mark(
                people[place].filter { !target.emailCCIDs.contains($0) }, on: target.id,
                by: numbers[place])
        }
        return write
    }

    private func close(
        _ source: Ticket, by merge: Int64, _ request: MergeRequest, _ mayBePublic: Bool
    ) throws -> Ticket {
        let text = Validation.trim(request.sourceComment ?? "")
        var changes = TicketChanges()
        changes.status = .closed
        changes.additionalTags = [MergeRequest.tag]
        changes.marks = [AuditMark("Merge", String(merge))]
        changes.comment = CommentDraft(
            body: text.isEmpty
                ? "This request was closed and merged into request #\(request.targetID)." : text,
            isPublic: mayBePublic && request.isSourceCommentPublic)
        return try apply(changes, to: source, asksForFields: false).ticket
    }

    private func targetText(_ sources: [Ticket], _ last: [Comment?]) -> String {
        let names = sources.map { "#\($0.id)" }.joined(separator: ", ")
        var text =
            sources.count == 1
            ? "Request \(names) was closed and merged into this request."
            : "Requests \(names) were closed and merged into this request."
        for (source, comment) in zip(sources, last) {
            guard let comment else { continue }
            let body = String(comment.body.prefix(4000))
            text += "\n\nLast comment in request #\(source.id):\n\(body)"
        }
        // Five times four thousand characters may be more bytes than a comment may have.
        while text.utf8.count > 65_536 { text.removeLast(1000) }
        return text
    }

    private func carried(_ comments: [Comment], _ token: () -> String) throws -> [CarriedFile] {
        let files = try comments.flatMap { try self.files(ofComment: $0) }
        guard files.count <= MergeRequest.fileLimit else {
            throw DeskRefusal.invalid(
                "ids", .tooLong,
                "Ids: the last comments have more than \(MergeRequest.fileLimit) files together")
        }
        return files.map { CarriedFile(id: $0.id, token: token()) }
    }

    private func keep(_ merge: TicketMerge) throws {
        try rows.run(
            "INSERT INTO ticket_merges VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, NULL, ?7, ?8)",
            merge.sourceID, merge.id, merge.targetID, merge.actorID, merge.mergedAt.milliseconds,
            IDList.join(merge.people), merge.changes.stored)
    }

    /// Says of people who got copies just now that they got them by a merge; who has them by another one keeps that.
    private func mark(_ people: [Int64], on target: Int64, by merge: Int64) throws {
        for user in people {
            try rows.run(
                """
                UPDATE ticket_watchers SET merge_id = ?4 WHERE tenant = ?1 AND user_id = ?2
                AND kind = 1 AND ticket_id = ?3 AND merge_id IS NULL
                """, user, target, merge)
        }
    }
}
