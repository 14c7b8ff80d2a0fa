import SQLite
import ShardStore
import Wire

/// Lists of tickets by the time of their last change, newest first, without an index of that time, which every write would pay for.
///
/// Whatever changes a ticket's `updated_at` writes an audit of the ticket in the same request (but a deletion: lists do not show
/// it). Identifiers begin with the time they were made at, which never goes back within a shard, and `updated_at` is never
/// later than that. So of tickets that have no audit among the newest, down to number X, none was changed after X's time: the tickets
/// of the newest audits hold every ticket that was changed later. What was imported has an old time and new audits, which is
/// harmless: it is looked at and is too old.
extension Desk {
    /// Tickets with fewer are sorted whole, which is as quick.
    private static var smallDesk: Int64 { 400 }
    /// How many audits are looked at first for each row of the page and those before it, and then if that was too few.
    private static var auditsEach: [Int] { [4, 16] }

    /// A page of `query`, whose order is by `updated_at`, newest first; nil where the newest audits do not settle what is on it: far
    /// down the list, at its end, for who sees only some of the tickets, and where few tickets had all the changes.
    func recentTickets(
        _ query: PagedQuery, _ request: PageRequest, count: () throws -> Int64
    ) throws -> Page<Ticket>? {
        let depth: Int
        switch request {
        case .offset(let page, let size): depth = page * size
        case .cursor(let size, _, nil): depth = size + 1
        case .cursor: return nil
        }
        let all = try rows.count(.tickets)
        guard all > Self.smallDesk else { return nil }
        for each in Self.auditsEach {
            let audits = depth * each
            guard Int64(audits) < all else { return nil }
            let last = try rows.first(
                "SELECT id FROM audits WHERE tenant = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2",
                audits - 1
            ) { $0.int64(0) }
            guard let last else { return nil }
            let page = try rows.page(
                query.narrowed(toAuditsFrom: last), request, count: count, read: Ticket.init)
            let isFull = page.count == nil ? page.hasMore : page.items.count == request.size
            if isFull { return page }
        }
        return nil
    }
}

extension PagedQuery {
    /// The same query over the tickets that were changed after the time of an audit, by their audits from that one on.
    func narrowed(toAuditsFrom audit: Int64) -> PagedQuery {
        let time = ((audit - 1) >> 12) + IdentifierAllocator.epoch
        let (first, second) = (values.count + 2, values.count + 3)
        return PagedQuery(
            columns: columns, source: source,
            condition: """
                (\(condition)) AND tickets.updated_at > ?\(first) AND tickets.id IN
                (SELECT ticket_id FROM audits WHERE tenant = ?1 AND audits.id >= ?\(second))
                """, values: values + [time, audit], order: order)
    }
}
