import SQLite
import ShardStore
import Wire

/// A view's number of tickets.
package struct ViewCount: Sendable, Equatable {
    package let viewID: Int64
    /// Nil while it is being counted for the first time.
    package let count: Int64?
}

/// A ticket in a view, with the value of the column it is grouped by.
package struct ViewPage {
    package let view: Rule
    package let page: Page<Ticket>
    package let order: ViewOutput
}

extension Desk {
    /// Tickets that a view which SQL cannot say looks at one by one; beyond that it must be narrowed.
    private static var scanLimit: Int { 50_000 }

    func compiledView(_ conditions: ConditionTexts) throws -> Conditions {
        // A view whose group or field is gone has no tickets, and is no error to look at.
        try rows.storedConditions(.view).compile(conditions)
    }

    /// A view's tickets that the principal may see, in its order or another.
    package func tickets(
        ofView id: Int64, sortBy: String?, descending: Bool?, _ page: PageRequest
    ) throws -> ViewPage {
        let view = try rule(.view, id)
        var output = view.output
        if let sortBy {
            output.sortBy = sortBy
            output.sortDescending = descending ?? false
        } else if let descending {
            output.sortDescending = descending
        }
        return ViewPage(
            view: view,
            page: try tickets(view.conditions, output, page) { try count(of: view) ?? 0 },
            order: output)
    }

    /// The tickets that a view would have which is not kept.
    package func previewView(
        _ conditions: ConditionTexts, _ output: ViewOutput, _ page: PageRequest
    ) throws -> Page<Ticket> {
        try require(.list, .rule(.view, owner: nil))
        let compiled = try conditionCompiler(.view).compile(conditions)
        return try tickets(conditions, output, page) { try scan(compiled) }
    }

    package func previewCount(_ conditions: ConditionTexts) throws -> Int64 {
        try require(.list, .rule(.view, owner: nil))
        return try scan(try conditionCompiler(.view).compile(conditions))
    }

    private func tickets(
        _ texts: ConditionTexts, _ output: ViewOutput, _ request: PageRequest,
        count: () throws -> Int64
    ) throws -> Page<Ticket> {
        let conditions = try compiledView(texts)
        let query = ViewQuery(conditions, for: principal)
        let (terms, name) = try order(output)
        let paged = PagedQuery(
            columns: Ticket.columns, source: "tickets",
            condition:
                "\(query.condition) AND \(Authorization.ticketScope(principal).condition)",
            values: query.values,
            order: PageOrder(name, terms, descending: output.sortDescending))
        if query.isExact {
            return try rows.page(paged, request, count: count, read: Ticket.init)
        }
        return try filtered(paged, conditions, request, count)
    }

    /// One order for a whole page: all terms in one direction, so that a cursor is a place in it.
    private func order(_ output: ViewOutput) throws -> ([String], String) {
        var terms: [String] = []
        for name in [output.groupBy, output.sortBy].compactMap({ $0 }) {
            guard let term = ViewColumn(name: name)?.term else {
                throw DeskRefusal.badRequest(
                    name: "InvalidRequest", "tickets cannot be sorted by \(name.prefix(60))")
            }
            let isTurned =
                name == output.groupBy && output.groupDescending != output.sortDescending
            if !terms.contains(term) { terms.append(isTurned ? "-(\(term))" : term) }
        }
        if terms.last != "tickets.id" { terms.append("tickets.id") }
        return (
            terms, "view-\(output.groupBy ?? "")-\(output.sortBy ?? "")-\(output.sortDescending)"
        )
    }

    /// A page of what SQL cannot say: rows are read in their order and looked at, until the page is full.
    private func filtered(
        _ query: PagedQuery, _ conditions: Conditions, _ request: PageRequest,
        _ count: () throws -> Int64
    ) throws -> Page<Ticket> {
        let needed: Int
        let skipped: Int
        var place: PageRequest
        switch request {
        case .offset(let page, let size):
            (needed, skipped) = (size, (page - 1) * size)
            place = .cursor(size: 500, after: nil, before: nil)
        case .cursor(let size, let after, let before):
            (needed, skipped) = (size, 0)
            place = .cursor(size: 500, after: after, before: before)
        }
        let isBackward =
            if case .cursor(_, let after, let before) = request {
                after == nil && before != nil
            } else { false }
        let calendars = try rows.calendars()
        var found: [(ticket: Ticket, cursor: Cursor)] = []
        var passed = 0
        var looked = 0
        var isOver = false
        while found.count <= needed && !isOver {
            let page = try rows.page(query, place, count: { 0 }) { row in
                (
                    Ticket(row),
                    (row.count - query.order.terms.count..<row.count).map { row.int64($0) }
                )
            }
            looked += page.items.count
            guard looked <= Self.scanLimit else {
                throw DeskRefusal.badRequest(
                    name: "InvalidRequest",
                    "The view looks at more than \(Self.scanLimit) tickets; add a condition on status, group or assignee"
                )
            }
            let ordered = isBackward ? page.items.reversed() : page.items
            for (ticket, keys) in ordered where isIn(conditions, ticket, calendars) {
                if passed < skipped {
                    passed += 1
                    continue
                }
                found.append((ticket, Cursor(order: query.order.name, keys: keys)))
            }
            isOver = !page.hasMore
            place = .cursor(
                size: 500, after: isBackward ? nil : page.last,
                before: isBackward ? page.first : nil)
        }
        let hasMore = found.count > needed
        var shown = Array(found.prefix(needed))
        if isBackward { shown.reverse() }
        let isOffset = if case .offset = request { true } else { false }
        return Page(
            items: shown.map(\.ticket), count: isOffset ? try count() : nil, hasMore: hasMore,
            first: isOffset ? nil : shown.first?.cursor, last: isOffset ? nil : shown.last?.cursor,
            request: request)
    }

    private func isIn(_ conditions: Conditions, _ ticket: Ticket, _ calendars: DeskCalendars)
        -> Bool
    {
        var subject = RuleSubject(
            ticket, before: ticket, updater: principal, channel: ticket.channel, now: now)
        subject.calendar = calendars.calendar(of: ticket)
        return conditions.all.allSatisfy { $0.holds(for: subject) }
            && (conditions.any.isEmpty || conditions.any.contains { $0.holds(for: subject) })
    }

    // MARK: Counts

    /// The counts of views that the principal may use; those of others are left out.
    package func counts(ofViews ids: [Int64]) throws -> [ViewCount] {
        try require(.list, .rule(.view, owner: nil))
        return try ids.compactMap { id in
            guard let view = try rows.rule(.view, id), view.restriction.includes(principal) else {
                return nil
            }
            return ViewCount(viewID: id, count: try count(of: view))
        }
    }

    package func count(ofView id: Int64) throws -> ViewCount {
        let view = try rule(.view, id)
        return ViewCount(viewID: id, count: try count(of: view))
    }

    /// A kept number where there is one that says what the principal may see; else the tickets are counted.
    private func count(of view: Rule) throws -> Int64? {
        let conditions = try compiledView(view.conditions)
        let seesAll = Authorization.ticketScope(principal) == .all
        guard let key = CountKey(conditions), seesAll, view.isActive else {
            return try scan(conditions)
        }
        guard view.countedThrough == Int64.max else { return nil }
        let subjects: [Int64] =
            switch key {
            case .everybody: [0]
            case .assignee, .requester: [principal.userID]
            case .group: principal.groupIDs.sorted()
            }
        return try subjects.reduce(0) { sum, subject in
            try sum
                + (rows.first(
                    "SELECT count FROM view_counts WHERE tenant = ?1 AND view_id = ?2 AND subject = ?3",
                    view.id, subject
                ) { $0.int64(0) } ?? 0)
        }
    }

    private func scan(_ conditions: Conditions) throws -> Int64 {
        let query = ViewQuery(conditions, for: principal)
        let condition =
            "\(query.condition) AND \(Authorization.ticketScope(principal).condition)"
        if query.isExact {
            return try rows.first(
                "SELECT count(*) FROM tickets WHERE tenant = ?1 AND \(condition)",
                values: query.values
            ) { $0.int64(0) } ?? 0
        }
        let calendars = try rows.calendars()
        var count: Int64 = 0
        var looked = 0
        try rows.forEach(
            "SELECT \(Ticket.columns) FROM tickets WHERE tenant = ?1 AND \(condition) LIMIT \(Self.scanLimit + 1)",
            values: query.values
        ) { row in
            looked += 1
            if isIn(conditions, Ticket(row), calendars) { count += 1 }
            return true
        }
        guard looked <= Self.scanLimit else {
            throw DeskRefusal.badRequest(
                name: "InvalidRequest",
                "The view looks at more than \(Self.scanLimit) tickets; add a condition on status, group or assignee"
            )
        }
        return count
    }

    /// What a view must say: which of all the tickets that there ever were it looks at.
    func checkView(_ conditions: Conditions) throws {
        let narrows = conditions.all.contains { condition in
            switch condition.field {
            case .status, .type, .group, .assignee, .requester, .organization, .tags, .priority,
                .customStatus, .form:
                true
            default: false
            }
        }
        guard narrows else {
            throw DeskRefusal.invalid(
                "conditions", .invalid,
                "Conditions: a view needs a condition under all on status, type, priority, group, assignee, requester, organization, tags or form"
            )
        }
    }
}

extension Desk where Rows == WritableRows {
    func countTickets(ofView id: Int64) throws {
        _ = try rows.countTickets(ofView: id, anew: true)
    }
}
