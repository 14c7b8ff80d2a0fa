import SQLite
import ShardStore
import Wire

extension ShardReader {
    func links(ofTicket id: Int64) throws -> [TicketLink] {
        try all(
            """
            SELECT \(TicketLink.columns) FROM ticket_links
            WHERE tenant = ?1 AND ticket_id = ?2 ORDER BY id LIMIT 1000
            """, id, read: TicketLink.init)
    }
}

extension Desk {
    /// A ticket's links with the tickets at their other ends, oldest first. A link to a ticket that the asker may not see is not there for them.
    package func links(ofTicket id: Int64) throws -> [(link: TicketLink, other: Ticket)] {
        _ = try ticket(id)
        return try rows.links(ofTicket: id).compactMap { link in
            guard let other = try visibleTicket(link.otherID) else { return nil }
            var link = link
            link.commentIDs = try splitComments(of: link)
            return (link, other)
        }
    }

    private func splitComments(of link: TicketLink) throws -> [Int64] {
        switch link.kind {
        case .splitInto:
            try rows.all(
                """
                SELECT comment_id FROM ticket_splits
                WHERE tenant = ?1 AND ticket_id = ?2 AND new_ticket_id = ?3 ORDER BY comment_id
                """, link.ticketID, link.otherID
            ) { $0.int64(0) }
        case .splitFrom:
            try rows.all(
                """
                SELECT new_comment_id FROM ticket_splits
                WHERE tenant = ?1 AND ticket_id = ?2 AND new_ticket_id = ?3 ORDER BY comment_id
                """, link.otherID, link.ticketID
            ) { $0.int64(0) }
        default: []
        }
    }

    /// A ticket that is there and that the asker may see; nil for any other.
    func visibleTicket(_ id: Int64) throws -> Ticket? {
        guard let ticket = try findTicket(id), ticket.deletedAt == nil,
            Authorization.decide(principal, .read, .ticket(ticket.facts)) == .allow
        else { return nil }
        return ticket
    }
}

extension Desk where Rows == WritableRows {
    /// Links two tickets. Both get an event that gives the link's number, not the other ticket's: not everybody who reads one of them may
    /// know of the other.
    package func linkTickets(_ id: Int64, _ kind: RelationKind?, to otherID: Int64?) throws
        -> (link: TicketLink, other: Ticket)
    {
        let ticket = try changeableTicket(id)
        guard let kind else { throw DeskRefusal.invalid("kind", .blank, "Kind: cannot be blank") }
        guard !kind.isHistory else {
            throw DeskRefusal.invalid(
                "kind", .notAllowed, "Kind: \(kind.name) is made by splitting a ticket")
        }
        guard let otherID else {
            throw DeskRefusal.invalid("ticket_id", .blank, "Ticket: cannot be blank")
        }
        guard otherID != id else {
            throw DeskRefusal.invalid(
                "ticket_id", .notAllowed, "Ticket: a ticket cannot be linked to itself")
        }
        guard let other = try visibleTicket(otherID) else {
            throw DeskRefusal.invalid("ticket_id", .invalid, "Ticket: does not exist")
        }
        let links = try rows.links(ofTicket: id)
        for link in links where link.otherID == otherID {
            guard link.kind != kind else {
                throw DeskRefusal.invalid("ticket_id", .duplicate, "Link: is there already")
            }
            guard link.kind != kind.counterpart else {
                throw DeskRefusal.invalid(
                    "kind", .notAllowed, "Kind: the tickets are linked the other way round")
            }
        }
        for links in [links, try rows.links(ofTicket: otherID)]
        where links.count(where: { !$0.kind.isHistory }) >= TicketLink.limit {
            throw DeskRefusal.invalid(
                "base", .tooLong, "Links: a ticket may have \(TicketLink.limit)")
        }
        let link = rows.makeIdentifier()
        try insertLink(link, id, kind, otherID)
        var events = EventList()
        events.note("Link", String(link))
        try note(events, on: ticket)
        try note(events, on: other)
        return try self.links(ofTicket: id).first { $0.link.id == link }!
    }

    /// Writes both ends of a link.
    func insertLink(_ link: Int64, _ id: Int64, _ kind: RelationKind, _ otherID: Int64) throws {
        for (end, kind, other) in [(id, kind, otherID), (otherID, kind.counterpart, id)] {
            try rows.run(
                "INSERT INTO ticket_links VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", end, link,
                kind.rawValue, other, principal.userID, now.milliseconds)
        }
    }

    package func unlinkTickets(_ id: Int64, _ linkID: Int64) throws {
        let ticket = try changeableTicket(id)
        guard
            let (link, other) = try links(ofTicket: id).first(where: { $0.link.id == linkID })
        else { throw DeskRefusal.notFound }
        guard !link.kind.isHistory else {
            throw DeskRefusal.invalid(
                "base", .notAllowed, "Link: says where comments came from and stays")
        }
        try rows.remove(link)
        var events = EventList()
        events.note("Unlink", String(linkID))
        try note(events, on: ticket)
        try note(events, on: other)
    }
}

extension ShardTransaction {
    /// Deletes a link at both its ends.
    func remove(_ link: TicketLink) throws {
        for end in [link.ticketID, link.otherID] {
            try run(
                "DELETE FROM ticket_links WHERE tenant = ?1 AND ticket_id = ?2 AND id = ?3", end,
                link.id)
        }
    }
}
