import ShardStore
import Wire

extension Desk where Rows == WritableRows {
    /// Makes a ticket out of its history by living through it: each message is written at its time by its author, so that
    /// audits, replies, reopens and waiting times are as if this desk had handled it.
    ///
    /// An agent's public message that is not the last leaves the ticket pending; a customer's opens it again. The status
    /// asked for comes at the end. A solved ticket without assignee is taken by who imports it, as any is by who solves it.
    package func importTicket(_ history: TicketHistory) throws -> TicketWrite {
        try require(.administer, .tickets)
        let messages = history.messages.sorted { $0.createdAt < $1.createdAt }
        let end = try checkedEnd(history, messages)
        guard let first = messages.first else {
            throw DeskRefusal.invalid("comments", .blank, "Comments: cannot be blank")
        }
        var opening = history.changes
        opening.status = nil
        opening.customStatusID = nil
        opening.assigneeID = nil
        opening.assigneeEmail = nil
        opening.groupID = nil
        opening.comment = first.draft
        opening.submitterID = nil
        var write = try acting(as: first.authorID ?? principal.userID, at: history.createdAt)
            .insertTicket(opening, asksForFields: false)
        let number = write.ticket.id
        for (place, message) in messages.enumerated().dropFirst() {
            let author = try acting(
                as: message.authorID ?? principal.userID, at: message.createdAt)
            var changes = TicketChanges()
            changes.comment = message.draft
            let isStaff = author.principal.role.isStaff
            if isStaff && write.ticket.assigneeID == nil {
                changes.groupID = history.changes.groupID
                changes.assigneeID = history.changes.assigneeID
            }
            if isStaff && message.draft.isPublic != false && place < messages.count - 1
                && write.ticket.status < .solved
            {
                changes.status = .pending
            }
            write = try author.apply(changes, to: findTicket(number)!, asksForFields: false)
        }
        return try finish(history, write, end: end)
    }

    /// The fields that the history ends with.
    private func finish(_ history: TicketHistory, _ write: TicketWrite, end: Timestamp) throws
        -> TicketWrite
    {
        var write = write
        var last = TicketChanges()
        if write.ticket.groupID == nil { last.groupID = history.changes.groupID }
        if write.ticket.assigneeID == nil { last.assigneeID = history.changes.assigneeID }
        let wanted = history.changes.status ?? write.ticket.status
        if wanted >= .solved {
            last.status = .solved
            let solver = acting(at: history.solvedAt ?? end)
            write = try solver.apply(last, to: write.ticket, asksForFields: false)
            guard wanted == .closed else { return write }
            last = TicketChanges()
            last.status = .closed
        } else if wanted != .new || write.ticket.status == .new {
            last.status = wanted
        }
        return try acting(at: end).apply(last, to: write.ticket, asksForFields: false)
    }

    private func checkedEnd(_ history: TicketHistory, _ messages: [TicketHistory.Message]) throws
        -> Timestamp
    {
        guard messages.count <= TicketHistory.messageLimit else {
            throw DeskRefusal.invalid(
                "comments", .tooLong,
                "Comments: at most \(TicketHistory.messageLimit) are allowed")
        }
        guard messages.allSatisfy({ !Validation.trim($0.draft.body).isEmpty }) else {
            throw DeskRefusal.invalid("comments", .blank, "Comments: each needs a text")
        }
        let last = messages.last?.createdAt ?? history.createdAt
        let solved = history.solvedAt ?? last
        let end = history.updatedAt ?? max(last, solved)
        for (field, label, earlier, later) in [
            ("comments", "Comments", history.createdAt, messages.first?.createdAt ?? last),
            ("solved_at", "Solved at", last, solved), ("updated_at", "Updated at", solved, end),
            ("updated_at", "Updated at", end, now),
        ] where earlier > later {
            throw DeskRefusal.invalid(
                field, .outOfRange,
                "\(label): times must follow one another, from created_at over comments and solved_at to updated_at and now"
            )
        }
        return end
    }

    private func acting(at time: Timestamp) -> WritingDesk {
        Desk(rows: rows, principal: principal, via: via, now: time)
    }

    private func acting(as userID: Int64, at time: Timestamp) throws -> WritingDesk {
        let author: Principal
        do {
            author = try Authenticator.principal(userID: userID, in: rows)
        } catch DeskRefusal.unauthenticated {
            throw DeskRefusal.invalid(
                "comments", .invalid, "Comments: the author \(userID) does not exist")
        }
        return Desk(rows: rows, principal: author, via: via, now: time)
    }
}
