package import SQLite
package import ShardStore

/// The part of a list that is asked for.
package enum PageRequest: Sendable, Equatable {
    /// Pages by number from 1; at most 100 pages of 100, since a page costs all pages before it.
    case offset(page: Int, size: Int)
    /// What follows or precedes a row, whatever is inserted or deleted elsewhere. With neither, the first page.
    case cursor(size: Int, after: Cursor?, before: Cursor?)

    package var size: Int {
        switch self {
        case .offset(_, let size), .cursor(let size, _, _): size
        }
    }
}

/// A row's place in an order: the values it is sorted by. Bound to the order's name, so that a cursor of one order is
/// refused in another.
package struct Cursor: Sendable, Equatable {
    package let order: String
    package let keys: [Int64]
    package init(order: String, keys: [Int64]) {
        self.order = order
        self.keys = keys
    }
}

/// An order of rows: whole-number SQL expressions, the last of them unique, so that every row has one place.
package struct PageOrder: Sendable {
    package let name: String
    package let terms: [String]
    package let descending: Bool
    package init(_ name: String, _ terms: [String], descending: Bool = false) {
        self.name = name
        self.terms = terms
        self.descending = descending
    }
}

/// One page of a list.
package struct Page<Item> {
    package let items: [Item]
    /// How many rows the whole list has; nil for cursor pages, which never need it.
    package let count: Int64?
    package let hasMore: Bool
    package let first: Cursor?
    package let last: Cursor?
    package let request: PageRequest

    package init(
        items: [Item], count: Int64?, hasMore: Bool, first: Cursor?, last: Cursor?,
        request: PageRequest
    ) {
        self.items = items
        self.count = count
        self.hasMore = hasMore
        self.first = first
        self.last = last
        self.request = request
    }

    /// The same page of other items, one for one.
    package func map<Other>(_ transform: (Item) throws -> Other) rethrows -> Page<Other> {
        Page<Other>(
            items: try items.map(transform), count: count, hasMore: hasMore, first: first,
            last: last, request: request)
    }
}

/// A query whose pages can be asked for: `SELECT columns FROM source WHERE tenant = ?1 AND condition`.
package struct PagedQuery {
    package let columns: String
    package let source: String
    package let condition: String
    /// For `?2` onward in `condition`.
    package let values: [any Bindable]
    package let order: PageOrder

    package init(
        columns: String, source: String, condition: String = "1", values: [any Bindable] = [],
        order: PageOrder
    ) {
        self.columns = columns
        self.source = source
        self.condition = condition
        self.values = values
        self.order = order
    }
}

extension ShardReader {
    /// One page of a query. `count` is asked only for offset pages; it must be a kept number or bounded.
    package func page<Item>(
        _ query: PagedQuery, _ request: PageRequest, count: () throws -> Int64,
        read: (Row) throws -> Item
    ) throws -> Page<Item> {
        switch request {
        case .offset(let page, let size):
            let total = try count()
            let rows = try fetch(
                query, condition: query.condition, values: query.values,
                descending: query.order.descending, limit: size, offset: (page - 1) * size,
                read: read)
            return Page(
                items: rows.map(\.item), count: total, hasMore: Int64(page * size) < total,
                first: nil, last: nil, request: request)
        case .cursor(let size, let after, let before):
            let isBackward = after == nil && before != nil
            var condition = query.condition
            var values = query.values
            if let cursor = after ?? before {
                guard cursor.order == query.order.name,
                    cursor.keys.count == query.order.terms.count
                else {
                    throw DeskRefusal.badRequest(
                        name: "InvalidCursor", "The cursor belongs to another list or order")
                }
                let places = cursor.keys.indices.map { "?\($0 + values.count + 2)" }
                let forward = query.order.descending != isBackward ? "<" : ">"
                condition =
                    "(\(condition)) AND (\(query.order.terms.joined(separator: ", "))) \(forward) (\(places.joined(separator: ", ")))"
                values += cursor.keys.map { $0 as any Bindable }
            }
            var rows = try fetch(
                query, condition: condition, values: values,
                descending: query.order.descending != isBackward, limit: size + 1, offset: 0,
                read: read)
            let hasMore = rows.count > size
            if hasMore { rows.removeLast() }
            if isBackward { rows.reverse() }
            func cursor(_ keys: [Int64]?) -> Cursor? {
                keys.map { Cursor(order: query.order.name, keys: $0) }
            }
            return Page(
                items: rows.map(\.item), count: nil, hasMore: hasMore,
                first: cursor(rows.first?.keys), last: cursor(rows.last?.keys), request: request)
        }
    }

    private func fetch<Item>(
        _ query: PagedQuery, condition: String, values: [any Bindable], descending: Bool,
        limit: Int, offset: Int, read: (Row) throws -> Item
    ) throws -> [(item: Item, keys: [Int64])] {
        let direction = descending ? " DESC" : ""
        let order = query.order.terms.map { $0 + direction }.joined(separator: ", ")
        let (source, limits) = (
            query.source, "ORDER BY \(order) LIMIT \(limit)\(offset > 0 ? " OFFSET \(offset)" : "")"
        )
        // Where rows have to be sorted, their numbers are, and only the page's rows are read whole: a sorter takes in every row that
        // beats one of those it holds, with all that is selected of it.
        let isSorted = query.order.terms.count > 1 && query.order.terms.last == "\(source).id"
        let found =
            isSorted
            ? """
            \(source).id IN (SELECT \(source).id FROM \(source)
            WHERE \(source).tenant = ?1 AND (\(condition)) \(limits)) ORDER BY \(order)
            """ : "(\(condition)) \(limits)"
        let sql = """
            SELECT \(query.columns), \(query.order.terms.joined(separator: ", "))
            FROM \(source) WHERE \(source).tenant = ?1 AND \(found)
            """
        let terms = query.order.terms.count
        return try all(sql, values: values) { row in
            let first = row.count - terms
            return (try read(row), (first..<row.count).map { row.int64($0) })
        }
    }
}

extension Page {
    /// A page of a list that is whole in memory, in the order of the keys, of which the last tells equal ones apart.
    static func cut(
        _ all: [Item], _ request: PageRequest, _ order: String, descending: Bool = false,
        keys: (Item) -> [Int64]
    ) throws -> Page<Item> {
        switch request {
        case .offset(let page, let size):
            let items = Array(all.dropFirst((page - 1) * size).prefix(size))
            return Page(
                items: items, count: Int64(all.count), hasMore: page * size < all.count,
                first: nil, last: nil, request: request)
        case .cursor(let size, let after, let before):
            func isBehind(_ item: Item, _ cursor: Cursor) -> Bool {
                let keys = keys(item)
                return descending
                    ? keys.lexicographicallyPrecedes(cursor.keys)
                    : cursor.keys.lexicographicallyPrecedes(keys)
            }
            for cursor in [after, before].compactMap({ $0 })
            where cursor.order != order || cursor.keys.count != 2 {
                throw DeskRefusal.badRequest(
                    name: "InvalidCursor", "The cursor belongs to another list or order")
            }
            let isBackward = after == nil && before != nil
            let rest =
                if let after {
                    all.filter { isBehind($0, after) }
                } else if let before {
                    all.filter { !isBehind($0, before) && keys($0) != before.keys }
                } else { all }
            let items = Array(isBackward ? rest.suffix(size) : rest.prefix(size))
            func cursor(_ item: Item?) -> Cursor? {
                item.map { Cursor(order: order, keys: keys($0)) }
            }
            return Page(
                items: items, count: nil, hasMore: rest.count > size, first: cursor(items.first),
                last: cursor(items.last), request: request)
        }
    }
}
