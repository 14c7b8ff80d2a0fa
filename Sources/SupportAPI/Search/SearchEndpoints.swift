import HTTPTypes
import ServiceDesk

/// Search over tickets, users, organizations and groups in the field's query language.
enum SearchEndpoints {
    static let all: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/search", "search", tag: "Search",
            summary: "What a query finds, the first 1,000 of it by page",
            query: [queryText, Parameters.include] + sorting + [
                QueryParameter("page", .integer, "Page by number, from 1"),
                QueryParameter("per_page", .integer, "Results on a page, at most 100"),
            ], answers: [200: "SearchAnswer"]
        ) { call in
            let query = try query(of: call)
            let (page, size) = try paging(call)
            let (sort, descending) = try order(call)
            return try await call.read { desk in
                let found = try desk.search(
                    query, sort: sort, descending: descending, page: page, size: size)
                return try answer(found, desk, call) { json in links(found, page, call, &json) }
            }
        },
        Endpoint(
            .get, "/api/v2/search/count", "countSearch", tag: "Search",
            summary: "How much a query finds", query: [queryText],
            answers: [200: "SearchCountAnswer"]
        ) { call in
            let query = try query(of: call)
            return try await call.read { desk in
                let count = try desk.searchCount(query)
                return .json { $0.object { $0.member("count", count) } }
            }
        },
        Endpoint(
            .get, "/api/v2/search/export", "exportSearch", tag: "Search",
            summary: "All of one type that a query finds, by cursor",
            query: [
                queryText,
                QueryParameter(
                    "filter[type]", .string, "ticket, user, organization or group",
                    isRequired: true),
                QueryParameter("page[size]", .integer, "Results on a page, at most 1,000"),
                QueryParameter("page[after]", .string, "Cursor of the page before"),
                Parameters.include,
            ], answers: [200: "SearchExportAnswer"]
        ) { call in
            let query = try query(of: call)
            guard let kind = call.query["filter[type]"].flatMap(SearchKind.init(name:)) else {
                throw DeskRefusal.badRequest(
                    name: "InvalidRequest",
                    "filter[type] must be ticket, user, organization or group")
            }
            let (size, after) = try exportPage(call)
            return try await call.read { desk in
                let found = try desk.searchExport(query, kind, size: size, after: after)
                return try answer(found, desk, call) { json in json.pageLinks(found, call) }
            }
        },
    ]

    private static let queryText = QueryParameter(
        "query", .string, "At most 1,000 bytes, such as type:ticket status<solved \"paper jam\"",
        isRequired: true)

    private static let sorting = [
        QueryParameter(
            "sort_by", .string, "relevance, created_at, updated_at, priority, status or ticket_type"
        ), QueryParameter("sort_order", .string, "asc or desc; desc when left out"),
    ]

    // MARK: What the request says

    private static func query(of call: APICall) throws -> SearchQuery {
        // Not through the subscript, which takes one client's "None" for "not set": here it is a word.
        guard let text = call.query.all("query").last else {
            throw DeskRefusal.badRequest(name: "InvalidRequest", "query is missing")
        }
        let query = try SearchQuery(text)
        guard !query.terms.isEmpty || call.query["filter[type]"] != nil else {
            throw DeskRefusal.badRequest(name: "InvalidRequest", "query is empty")
        }
        return query
    }

    /// Any page whose first result is within the limit; `search` refuses those behind it in the dialect's way.
    private static func paging(_ call: APICall) throws -> (page: Int, size: Int) {
        func number(_ key: String, default fallback: Int) throws -> Int {
            guard let text = call.query[key], !text.isEmpty else { return fallback }
            guard let value = Int(text), value >= 1, value <= 1_000_000_000 else {
                throw DeskRefusal.badRequest(
                    name: "InvalidPaginationParameter", "\(key) must be an integer from 1")
            }
            return value
        }
        return (try number("page", default: 1), min(try number("per_page", default: 100), 100))
    }

    private static func order(_ call: APICall) throws -> (SearchSort?, Bool) {
        let descending: Bool
        switch call.query["sort_order"] {
        case nil, "", "desc": descending = true
        case "asc": descending = false
        default:
            throw DeskRefusal.badRequest(
                name: "InvalidSort", "sort_order must be asc or desc")
        }
        guard let name = call.query["sort_by"], !name.isEmpty else { return (nil, descending) }
        guard let sort = SearchSort(name: name) else {
            throw DeskRefusal.badRequest(
                name: "InvalidSort",
                "sort_by must be \(SearchSort.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return (sort, descending)
    }

    private static func exportPage(_ call: APICall) throws -> (size: Int, after: Cursor?) {
        guard case .cursor(let size, let after, let before) = try call.page(maxSize: 1000) else {
            return (100, nil)
        }
        guard before == nil else {
            throw DeskRefusal.badRequest(
                name: "InvalidPaginationParameter",
                "search/export goes forward only: use page[after]")
        }
        return (size, after)
    }

    // MARK: Answers

    private static func answer<Rows>(
        _ page: Page<SearchResult>, _ desk: Desk<Rows>, _ call: APICall,
        links: (inout JSONWriter) -> Void
    ) throws -> APIAnswer {
        var sideLoads = SideLoads(ofResults: call)
        try sideLoads.add(
            page.items.compactMap { if case .ticket(let ticket) = $0 { ticket } else { nil } }, desk
        )
        let catalog = try desk.catalog()
        return try .json { json in
            try json.object { json in
                json.array("results") { json in
                    for result in page.items { write(result, call, catalog, to: &json) }
                }
                json.null("facets")
                try sideLoads.write(desk, call, to: &json)
                links(&json)
            }
        }
    }

    private static func write(
        _ result: SearchResult, _ call: APICall, _ catalog: FieldCatalog, to json: inout JSONWriter
    ) {
        switch result {
        case .ticket(let ticket): json.ticket(ticket, call, catalog, resultType: true)
        case .user(let user): json.user(user, call, catalog, resultType: true)
        case .organization(let one): json.organization(one, call, catalog, resultType: true)
        case .group(let team): json.group(team, call, resultType: true)
        }
    }

    /// The next page is named as long as there is one, also where the limit will refuse it: so nobody takes 1,000 results
    /// for all.
    private static func links(
        _ page: Page<SearchResult>, _ number: Int, _ call: APICall, _ json: inout JSONWriter
    ) {
        func link(_ number: Int) -> String {
            call.url(call.path) + "?"
                + call.query.encoded(replacing: ["page"], with: [("page", String(number))])
        }
        json.member("next_page", page.hasMore ? link(number + 1) : nil)
        json.member("previous_page", number > 1 ? link(number - 1) : nil)
        json.member("count", page.count)
    }
}
