import SQLite
import ShardStore
import Wire

/// Which tickets a list shows, beyond what the asker may see.
package enum TicketFilter: Sendable, Equatable {
    case all
    case ofOrganization(Int64)
    case requestedBy(Int64)
    case assignedTo(Int64)
    case copiedTo(Int64)
    case followedBy(Int64)
    case externalID(String)
    case incidents(of: Int64)
    case problems
}

/// What a list of tickets is sorted by.
package enum TicketSort: String, Sendable {
    case id, createdAt = "created_at", updatedAt = "updated_at", status, priority

    func order(descending: Bool) -> PageOrder {
        switch self {
        case .id: PageOrder("id", ["tickets.id"], descending: descending)
        case .createdAt:
            PageOrder("created_at", ["tickets.created_at", "tickets.id"], descending: descending)
        case .updatedAt:
            PageOrder("updated_at", ["tickets.updated_at", "tickets.id"], descending: descending)
        case .status: PageOrder("status", ["tickets.status", "tickets.id"], descending: descending)
        case .priority:
            PageOrder(
                "priority", ["coalesce(tickets.priority, -1)", "tickets.id"], descending: descending
            )
        }
    }
}

extension Desk {
    // MARK: One ticket

    package func ticket(_ id: Int64) throws -> Ticket {
        guard let ticket = try findTicket(id), ticket.deletedAt == nil else {
            throw DeskRefusal.notFound
        }
        try require(.read, .ticket(ticket.facts))
        return ticket
    }

    package func tickets(_ ids: [Int64]) throws -> [Ticket] {
        try require(.list, .tickets)
        return try Set(ids).sorted().compactMap { id in
            guard let ticket = try findTicket(id), ticket.deletedAt == nil,
                Authorization.decide(principal, .read, .ticket(ticket.facts)) == .allow
            else { return nil }
            return ticket
        }
    }

    func findTicket(_ id: Int64) throws -> Ticket? {
        try rows.first(
            "SELECT \(Ticket.columns) FROM tickets WHERE tenant = ?1 AND id = ?2", id,
            read: Ticket.init)
    }

    // MARK: Lists

    package func tickets(
        _ filter: TicketFilter, sort: TicketSort = .id, descending: Bool = false,
        _ page: PageRequest
    ) throws -> Page<Ticket> {
        try require(.list, .tickets)
        try requireSubject(of: filter)
        let (condition, values) = ticketCondition(filter)
        let query = PagedQuery(
            columns: Ticket.columns, source: "tickets", condition: condition, values: values,
            order: sort.order(descending: descending))
        let count = { try ticketCount(filter) }
        if filter == .all, sort == .updatedAt, descending,
            let recent = try recentTickets(query, page, count: count)
        {
            return recent
        }
        return try rows.page(query, page, count: count, read: Ticket.init)
    }

    package func ticketCount(_ filter: TicketFilter) throws -> Int64 {
        try require(.list, .tickets)
        if Authorization.ticketScope(principal) == .all {
            switch filter {
            case .all: return try rows.count(.tickets)
            case .ofOrganization(let id): return try rows.count(.ticketsOfOrganization(id))
            case .requestedBy(let id): return try rows.count(.ticketsOfRequester(id))
            case .assignedTo(let id): return try rows.count(.ticketsOfAssignee(id))
            case .incidents(let id): return try rows.count(.incidentsOfProblem(id))
            case .copiedTo, .followedBy, .externalID, .problems: break
            }
        }
        let (condition, values) = ticketCondition(filter)
        return try rows.first(
            "SELECT count(*) FROM tickets WHERE tenant = ?1 AND \(condition)", values: values
        ) { $0.int64(0) } ?? 0
    }

    private func ticketCondition(_ filter: TicketFilter) -> (String, [any Bindable]) {
        let visible =
            "tickets.deleted_at IS NULL AND \(Authorization.ticketScope(principal).condition)"
        return switch filter {
        case .all: (visible, [])
        case .ofOrganization(let id): ("organization_id = ?2 AND \(visible)", [id])
        case .requestedBy(let id): ("requester_id = ?2 AND \(visible)", [id])
        case .assignedTo(let id): ("assignee_id = ?2 AND \(visible)", [id])
        case .copiedTo(let id): ("\(Self.watched(by: "?2", .copy)) AND \(visible)", [id])
        case .followedBy(let id): ("\(Self.watched(by: "?2", .follower)) AND \(visible)", [id])
        case .externalID(let text): ("external_id = ?2 AND \(visible)", [text])
        case .incidents(let id): ("problem_id = ?2 AND \(visible)", [id])
        case .problems: ("type = 2 AND \(visible)", [])
        }
    }

    /// A list under a record exists only where the record does.
    private func requireSubject(of filter: TicketFilter) throws {
        switch filter {
        case .ofOrganization(let id): _ = try organization(id)
        case .requestedBy(let id), .assignedTo(let id), .copiedTo(let id), .followedBy(let id):
            _ = try user(id)
        case .incidents(let id): _ = try ticket(id)
        case .all, .externalID, .problems: break
        }
    }

    /// Tickets that were deleted, newest first.
    package func deletedTickets(_ page: PageRequest) throws -> Page<Ticket> {
        try require(.delete, .tickets)
        let scope = Authorization.ticketScope(principal)
        let condition = "tickets.deleted_at IS NOT NULL AND \(scope.condition)"
        return try rows.page(
            PagedQuery(
                columns: Ticket.columns, source: "tickets", condition: condition,
                order: PageOrder(
                    "deleted_at", ["tickets.deleted_at", "tickets.id"], descending: true)),
            page,
            count: {
                if scope == .all { return try rows.count(.deletedTickets) }
                return try rows.first(
                    "SELECT count(*) FROM tickets WHERE tenant = ?1 AND \(condition)"
                ) { $0.int64(0) } ?? 0
            }, read: Ticket.init)
    }

    // MARK: Requests, as their requester sees them

    package func request(_ id: Int64) throws -> Ticket {
        guard let ticket = try findTicket(id), ticket.deletedAt == nil else {
            throw DeskRefusal.notFound
        }
        try require(.read, .request(ticket.facts))
        guard ticket.isPublic || principal.role.isStaff else { throw DeskRefusal.notFound }
        return ticket
    }

    /// Requests as their requesters see them: one's own, newest first.
    package func requests(_ page: PageRequest) throws -> Page<Ticket> {
        try require(.list, .requests)
        return try requests(
            "requester_id = ?2", principal.userID, page)
    }

    /// The requests of an organization's members.
    package func requests(ofOrganization id: Int64, _ page: PageRequest) throws -> Page<Ticket> {
        guard try findOrganization(id) != nil else { throw DeskRefusal.notFound }
        try require(.list, .organizationRequests(id: id))
        // Of staff, a restriction still holds; end users were asked about the organization as a whole.
        let scope = principal.role.isStaff ? Authorization.ticketScope(principal).condition : "1"
        return try requests(
            "organization_id = ?2 AND \(scope)", id, page)
    }

    func requests(
        _ whose: String, _ id: Int64, _ page: PageRequest
    ) throws -> Page<Ticket> {
        let condition = "\(whose) AND deleted_at IS NULL AND is_public = 1"
        return try rows.page(
            PagedQuery(
                columns: Ticket.columns, source: "tickets", condition: condition, values: [id],
                order: PageOrder("id", ["tickets.id"], descending: true)),
            page,
            count: {
                // The tickets of one user or organization: an index range.
                try rows.first(
                    "SELECT count(*) FROM tickets WHERE tenant = ?1 AND \(condition)", id
                ) { $0.int64(0) } ?? 0
            }, read: Ticket.init)
    }

    // MARK: Comments and audits

    /// A ticket's comments, oldest first. End users get the public ones.
    package func comments(
        _ ticketID: Int64, asRequest: Bool = false, descending: Bool = false, _ page: PageRequest
    ) throws -> Page<Audit> {
        let ticket = asRequest ? try request(ticketID) : try ticket(ticketID)
        let onlyPublic = asRequest || !principal.role.isStaff
        let condition =
            "ticket_id = ?2 AND comment_id IS NOT NULL\(onlyPublic ? " AND comment_public = 1" : "")"
        return try rows.page(
            PagedQuery(
                columns: Audit.columns, source: "audits", condition: condition, values: [ticketID],
                order: PageOrder("created_at", ["audits.id"], descending: descending)),
            page, count: { onlyPublic ? ticket.publicCommentCount : ticket.commentCount },
            read: Audit.init)
    }

    /// The audit that holds a comment, or nil.
    func comment(_ id: Int64, of ticketID: Int64) throws -> Audit? {
        try rows.first(
            "SELECT \(Audit.columns) FROM audits WHERE tenant = ?1 AND ticket_id = ?2 AND comment_id = ?3",
            ticketID, id, read: Audit.init)
    }

    package func audits(ofTicket id: Int64, _ page: PageRequest) throws -> Page<Audit> {
        _ = try ticket(id)
        return try rows.page(
            PagedQuery(
                columns: Audit.columns, source: "audits", condition: "ticket_id = ?2", values: [id],
                order: PageOrder("id", ["audits.id"])),
            page,
            count: {
                // One ticket's own rows, a range of the primary key.
                try rows.first(
                    "SELECT count(*) FROM audits WHERE tenant = ?1 AND ticket_id = ?2", id
                ) { $0.int64(0) } ?? 0
            }, read: Audit.init)
    }

    package func audit(_ id: Int64, ofTicket ticketID: Int64) throws -> Audit {
        _ = try ticket(ticketID)
        let audit = try rows.first(
            "SELECT \(Audit.columns) FROM audits WHERE tenant = ?1 AND ticket_id = ?2 AND id = ?3",
            ticketID, id, read: Audit.init)
        guard let audit else { throw DeskRefusal.notFound }
        return audit
    }

    /// Every audit of the tickets the asker may see. By cursor only: nobody needs page 4,000 of these by number.
    package func audits(_ page: PageRequest) throws -> Page<Audit> {
        try require(.list, .audits)
        let scope = Authorization.ticketScope(principal)
        let condition =
            scope == .all
            ? "1"
            : "ticket_id IN (SELECT tickets.id FROM tickets WHERE tickets.tenant = ?1 AND \(scope.condition))"
        let byCursor: PageRequest =
            if case .offset(_, let size) = page {
                .cursor(size: size, after: nil, before: nil)
            } else { page }
        return try rows.page(
            PagedQuery(
                columns: Audit.columns, source: "audits", condition: condition,
                order: PageOrder("created_at,id", ["audits.id"])),
            byCursor, count: { 0 }, read: Audit.init)
    }

    // MARK: Tags

    package func tags(_ page: PageRequest) throws -> Page<(name: String, count: Int64)> {
        try require(.list, .tags)
        // By name; a cursor's key is the row's place in that order, since names are no numbers.
        let size = page.size
        let offset: Int
        switch page {
        case .offset(let number, _): offset = (number - 1) * size
        case .cursor(_, let after, let before):
            let from = (after ?? before)?.keys.first ?? 0
            guard from >= 0, from <= 1_000_000 else {
                throw DeskRefusal.badRequest(
                    name: "InvalidCursor", "The cursor belongs to another list or order")
            }
            offset = after != nil ? Int(from) : max(0, Int(from) - 1 - size)
        }
        let total = try rows.count(.tags)
        let items = try rows.all(
            "SELECT name, count FROM tags WHERE tenant = ?1 ORDER BY name LIMIT ?2 OFFSET ?3", size,
            offset
        ) { (name: $0.text(0), count: $0.int64(1)) }
        let isOffset = if case .offset = page { true } else { false }
        return Page(
            items: items, count: isOffset ? total : nil,
            hasMore: Int64(offset + items.count) < total,
            first: items.isEmpty ? nil : Cursor(order: "name", keys: [Int64(offset + 1)]),
            last: items.isEmpty ? nil : Cursor(order: "name", keys: [Int64(offset + items.count)]),
            request: page)
    }

    package func tagCount() throws -> Int64 {
        try require(.list, .tags)
        return try rows.count(.tags)
    }

    package func tags(startingWith prefix: String) throws -> [String] {
        try require(.list, .tags)
        let start = prefix.lowercased()
        return try rows.all(
            "SELECT name FROM tags WHERE tenant = ?1 AND name >= ?2 AND name < ?3 ORDER BY name LIMIT 100",
            start, start + "\u{10FFFF}"
        ) { $0.text(0) }
    }
}

extension Desk {
    /// Refuses unless this is a deleted ticket that the asker may erase for good.
    package func requireErasable(_ id: Int64) throws {
        guard let ticket = try findTicket(id), ticket.deletedAt != nil else {
            throw DeskRefusal.notFound
        }
        try require(.administer, .ticket(ticket.facts))
    }
}
