import SQLite
import ShardStore
import Wire

/// One thing that was found.
package enum SearchResult: Sendable, Equatable {
    case ticket(Ticket)
    case user(User)
    case organization(Organization)
    case group(Team)

    package var kind: SearchKind {
        switch self {
        case .ticket: .ticket
        case .user: .user
        case .organization: .organization
        case .group: .group
        }
    }

    package var id: Int64 {
        switch self {
        case .ticket(let ticket): ticket.id
        case .user(let user): user.id
        case .organization(let organization): organization.id
        case .group(let team): team.id
        }
    }
}

/// Searching: every answer is of one snapshot of the rows, so what was written a moment ago is found, and counts are exact
/// and only of what the asker may see.
extension Desk {
    /// Results by offset end here; `searchExport` goes on.
    package static var searchOffsetLimit: Int { 1000 }

    /// One page of what a query finds. A nil `sort` is the query's own `order_by:` and `sort:`, or relevance.
    package func search(
        _ query: SearchQuery, sort: SearchSort? = nil, descending: Bool = true, page: Int = 1,
        size: Int = 100, limits: SearchWork.Limits = .init()
    ) throws -> Page<SearchResult> {
        try require(.list, .search)
        let start = (page - 1) * size
        guard start < Self.searchOffsetLimit else {
            throw DeskRefusal.beyondSearchLimit(
                """
                Search results by page end at \(Self.searchOffsetLimit); narrow the search or use \
                search/export
                """)
        }
        let end = min(start + size, Self.searchOffsetLimit)
        let (sort, descending) = order(of: query, sort, descending)
        var work = SearchWork(limits)
        var best = BestKeys(
            limit: end, descending: sort == .relevance ? true : descending)
        for kind in SearchKind.allCases {
            try find(query, kind, sort, into: &best, &work)
        }
        let keys = best.sorted().dropFirst(start)
        return Page(
            items: try keys.map { try load($0.kind, $0.id) }, count: Int64(best.count),
            hasMore: best.count > start + keys.count, first: nil, last: nil,
            request: .offset(page: page, size: size))
    }

    /// How many things a query finds.
    package func searchCount(_ query: SearchQuery, limits: SearchWork.Limits = .init()) throws
        -> Int64
    {
        try require(.list, .search)
        var work = SearchWork(limits)
        var best = BestKeys(limit: 0, descending: true)
        for kind in SearchKind.allCases {
            try find(query, kind, .relevance, into: &best, &work)
        }
        return Int64(best.count)
    }

    /// Everything of one kind that a query finds, by number, as many as fit a page after the cursor.
    ///
    /// The order never changes, so a walk sees every record that stays found from its start to its end once, whatever is
    /// inserted or deleted meanwhile. Where a page would need more reading than one request may do it ends early, possibly
    /// without an item, and says that there is more.
    package func searchExport(
        _ query: SearchQuery, _ kind: SearchKind, size: Int, after: Cursor? = nil,
        limits: SearchWork.Limits = .init()
    ) throws -> Page<SearchResult> {
        try require(.list, .search)
        let name = "search-\(kind.name)"
        if let after, after.order != name || after.keys.count != 1 {
            throw DeskRefusal.badRequest(
                name: "InvalidCursor", "The cursor belongs to another list or order")
        }
        var planning = SearchWork(limits)
        var plan = try searchPlan(query, kind, &planning)
        try narrow(&plan, &planning)
        // A page that is cut short says so, and its cursor goes on behind the last row that was decided.
        var work = SearchWork(limits, isStrict: false)
        var place = after?.keys[0] ?? 0
        var ids: [Int64] = []
        var isDone = plan.isImpossible
        while !isDone && ids.count <= size && !work.isSpent {
            let wanted = size + 1 - ids.count
            let chunk = plan.groups.isEmpty ? wanted : max(wanted, 500)
            var step = plan
            let from = step.place(place)
            var found: [Int64] = []
            let seen = try scan(
                step, sort: "0",
                suffix: "AND \(kind.table).id > \(from) ORDER BY \(kind.table).id LIMIT \(chunk)",
                &work
            ) { id, _ in found.append(id) }
            place = seen.lastID ?? place
            ids += found.filter { $0 <= place }.sorted()
            isDone = !seen.isCut && seen.rowCount < chunk
        }
        let hasMore = ids.count > size || !isDone
        let shown = ids.prefix(size)
        let last = ids.count > size ? shown.last : isDone ? shown.last : place
        return Page(
            items: try shown.map { try load(kind, $0) }, count: nil, hasMore: hasMore, first: nil,
            last: last.map { Cursor(order: name, keys: [$0]) },
            request: .cursor(size: size, after: after, before: nil))
    }

    // MARK: Finding

    private func order(of query: SearchQuery, _ sort: SearchSort?, _ descending: Bool)
        -> (SearchSort, Bool)
    {
        if let sort { return (sort, descending) }
        func last(_ field: String) -> String? {
            query.terms.last { $0.field == field && !$0.isNegated }?.value.lowercased()
        }
        guard let named = last("order_by").flatMap(SearchSort.init(name:)) else {
            return (.relevance, true)
        }
        return (named, last("sort").map { $0 != "asc" } ?? descending)
    }

    private func find(
        _ query: SearchQuery, _ kind: SearchKind, _ sort: SearchSort, into best: inout BestKeys,
        _ work: inout SearchWork
    ) throws {
        var plan = try searchPlan(query, kind, &work)
        try narrow(&plan, &work)
        if plan.isImpossible { return }
        do {
            _ = try scan(plan, sort: sort.expression(kind), suffix: "", &work) { id, value in
                best.add(SearchKey(value: value, kind: kind, id: id))
            }
        } catch let error as SQLiteError where error.code.primary == .interrupted {
            // More rows than a read may walk at all.
            throw work.refusal
        }
    }

    private func load(_ kind: SearchKind, _ id: Int64) throws -> SearchResult {
        let found: SearchResult? =
            switch kind {
            case .ticket: try findTicket(id).map(SearchResult.ticket)
            case .user: try findUser(id).map(SearchResult.user)
            case .organization: try findOrganization(id).map(SearchResult.organization)
            case .group: try findTeam(id).map(SearchResult.group)
            }
        guard let found else { preconditionFailure("a row left the snapshot it was found in") }
        return found
    }
}

/// What one pass over the rows of a plan saw.
private struct SearchScan {
    var rowCount = 0
    /// Of rows in the order of their numbers: the last one that is decided.
    var lastID: Int64?
    /// Whether the work was spent before the rows were.
    var isCut = false
}

extension Desk {
    /// Walks the rows that a plan's conditions leave, decides the words and hands over what is found, its number and sort
    /// value. At the limit of `work` it stops, but never before the first row, so that a next page gets on.
    private func scan(
        _ plan: SearchPlan, sort: String, suffix: String, _ work: inout SearchWork,
        found emit: (Int64, Int64) -> Void
    ) throws -> SearchScan {
        let table = plan.kind.table
        let columns = plan.neededColumns
        let texts = columns.map { ", \(table).\(plan.kind.textColumns[$0])" }.joined()
        let sql = """
            SELECT \(table).id, \(sort)\(texts) FROM \(table)
            WHERE \(table).tenant = ?1 AND \(plan.condition) \(suffix)
            """
        var seen = SearchScan()
        var undecided: [UndecidedTicket] = []
        var matcher = WordMatcher()
        let (wanted, unwanted) = (plan.wanted, plan.unwanted)
        let inComments = plan.commentGroups
        try rows.forEach(sql, values: plan.values) { row in
            let id = row.int64(0)
            var found: UInt64 = 0
            if !plan.groups.isEmpty {
                work.spendRow()
                for (index, group) in plan.groups.enumerated() where group.ticketID == id {
                    found |= 1 << UInt64(index)
                }
                for (index, column) in columns.enumerated() {
                    row.withUTF8(index + 2) {
                        work.spend(bytes: $0.count)
                        matcher.load($0)
                    }
                    found |= plan.found(by: matcher, in: 1 << UInt8(column), unless: found)
                }
                if try work.isSpentOrThrows(), seen.rowCount > 0 {
                    seen.isCut = true
                    return false
                }
            }
            seen.rowCount += 1
            seen.lastID = id
            if found & unwanted != 0 { return true }
            let missing = wanted & ~found
            if missing == 0 && unwanted & inComments == 0 {
                emit(id, row.int64(1))
            } else if missing & ~inComments == 0 {
                undecided.append(UndecidedTicket(id: id, value: row.int64(1), found: found))
            }
            return true
        }
        try decideByComments(undecided, plan, &seen, &work, &matcher, found: emit)
        return seen
    }

    /// Looks into the comments of tickets that their own row did not decide, in the order of their numbers so that the
    /// rows come from neighbouring pages.
    private func decideByComments(
        _ tickets: [UndecidedTicket], _ plan: SearchPlan, _ seen: inout SearchScan,
        _ work: inout SearchWork, _ matcher: inout WordMatcher, found emit: (Int64, Int64) -> Void
    ) throws {
        let tickets = tickets.sorted { $0.id < $1.id }
        var start = 0
        while start < tickets.count {
            if start > 0, try work.isSpentOrThrows() {
                // The page ends before the first ticket that is not decided.
                seen.lastID = tickets[start].id - 1
                seen.isCut = true
                return
            }
            let chunk = tickets[start..<min(start + 256, tickets.count)]
            start += chunk.count
            let span = chunk.last!.id - chunk.first!.id
            if span < Int64(chunk.count) * 4 {
                try decide(
                    chunk, plan, from: chunk.first!.id, to: chunk.last!.id, &work, &matcher,
                    found: emit)
            } else {
                for index in chunk.indices {
                    let id = chunk[index].id
                    try decide(
                        chunk[index...index], plan, from: id, to: id, &work, &matcher, found: emit)
                }
            }
        }
    }

    /// Decides tickets, in order, by the comments of a range that holds them.
    private func decide(
        _ tickets: ArraySlice<UndecidedTicket>, _ plan: SearchPlan, from: Int64, to: Int64,
        _ work: inout SearchWork, _ matcher: inout WordMatcher, found emit: (Int64, Int64) -> Void
    ) throws {
        var tickets = tickets
        var place = tickets.startIndex
        try rows.forEach(
            """
            SELECT ticket_id, comment_body FROM audits WHERE tenant = ?1 AND ticket_id >= ?2
            AND ticket_id <= ?3 AND comment_id IS NOT NULL ORDER BY ticket_id
            """, from, to
        ) { row in
            let id = row.int64(0)
            while place < tickets.endIndex, tickets[place].id < id { place += 1 }
            guard place < tickets.endIndex else { return false }
            guard tickets[place].id == id else { return true }
            row.withUTF8(1) {
                work.spend(bytes: $0.count)
                matcher.load($0)
            }
            work.spendRow()
            _ = try work.isSpentOrThrows()
            tickets[place].found |= plan.found(
                by: matcher, in: SearchKind.commentsBit, unless: tickets[place].found)
            return true
        }
        for ticket in tickets
        where plan.wanted & ~ticket.found == 0 && plan.unwanted & ticket.found == 0 {
            emit(ticket.id, ticket.value)
        }
    }
}

/// A ticket whose subject and description have not decided.
private struct UndecidedTicket {
    let id: Int64
    let value: Int64
    var found: UInt64
}

extension SearchPlan {
    /// The groups that find something in the loaded text of a column, besides those that found something already.
    func found(by matcher: WordMatcher, in column: UInt8, unless found: UInt64) -> UInt64 {
        var result: UInt64 = 0
        for (index, group) in groups.enumerated()
        where group.bits & column != 0 && found & (1 << UInt64(index)) == 0 {
            if group.patterns.contains(where: matcher.contains) { result |= 1 << UInt64(index) }
        }
        return result
    }
}

/// A found record's place in the order of results.
private struct SearchKey {
    let value: Int64
    let kind: SearchKind
    let id: Int64

    func precedes(_ other: SearchKey, descending: Bool) -> Bool {
        let (a, b) = descending ? (other, self) : (self, other)
        if a.value != b.value { return a.value < b.value }
        if kind != other.kind { return kind.rawValue < other.kind.rawValue }
        return a.id < b.id
    }
}

/// Counts keys and keeps the first `limit` of their order, in memory for a few times as many.
private struct BestKeys {
    let limit: Int
    let descending: Bool
    private(set) var count = 0
    private var keys: [SearchKey] = []

    init(limit: Int, descending: Bool) {
        self.limit = limit
        self.descending = descending
    }

    mutating func add(_ key: SearchKey) {
        count += 1
        guard limit > 0 else { return }
        keys.append(key)
        if keys.count >= 4 * limit + 1024 { keys = sorted() }
    }

    func sorted() -> [SearchKey] {
        Array(keys.sorted { $0.precedes($1, descending: descending) }.prefix(limit))
    }
}
