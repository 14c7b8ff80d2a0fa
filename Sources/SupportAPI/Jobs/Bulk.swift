import HTTPTypes
import ServiceDesk
import Wire

/// Requests that become jobs.
enum Bulk {
    /// A list of objects, each an item.
    static func enqueue(_ call: APICall, _ kind: JobKind, list: String, _ resource: Resource)
        async throws -> APIAnswer
    {
        let items = try call.bodyList(list)
        return try await start(call, kind, items.map(\.value), resource)
    }

    /// Either a list of objects with their numbers, or `ids` in the query and one object for all of them.
    static func update(
        _ call: APICall, _ kind: JobKind, one: String, many: String, _ resource: Resource
    ) async throws -> APIAnswer {
        guard let ids = try call.ids() else {
            return try await enqueue(call, kind, list: many, resource)
        }
        guard case .object(let members) = try call.bodyObject(one).value else { return .noContent }
        let items = ids.map { id in
            JSONValue.object(members.filter { $0.name != "id" } + [("id", .integer(id))])
        }
        return try await start(call, kind, items, resource)
    }

    /// `ids` in the query.
    static func ids(_ call: APICall, _ kind: JobKind, _ resource: Resource) async throws
        -> APIAnswer
    {
        guard let ids = try call.ids(), !ids.isEmpty else {
            throw DeskRefusal.badRequest(name: "InvalidRequest", "ids is missing")
        }
        return try await start(
            call, kind, ids.map { .object([("id", .integer($0))]) }, resource)
    }

    private static func start(
        _ call: APICall, _ kind: JobKind, _ items: [JSONValue], _ resource: Resource
    ) async throws -> APIAnswer {
        // Who may not even list such records gets the refusal now and no job.
        _ = try await call.read { desk in
            try desk.require(.list, resource)
            try desk.require(.read, .job(ownerID: desk.principal.userID))
            return .noContent
        }
        return try await call.enqueue(kind, items)
    }
}

/// The state of jobs.
enum JobEndpoints {
    static let all: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/job_statuses", "listJobStatuses", tag: "Jobs",
            summary: "The latest jobs", answers: [200: "JobsAnswer"]
        ) { call in
            let page = try call.page
            return try await call.read { desk in
                let jobs = try desk.jobs(page)
                return .json {
                    $0.object { $0.page("job_statuses", jobs, call) { $0.job($1, call) } }
                }
            }
        },
        Endpoint(
            .get, "/api/v2/job_statuses/show_many", "showManyJobStatuses", tag: "Jobs",
            summary: "Jobs by id", query: Parameters.many, answers: [200: "JobsAnswer"]
        ) { call in
            let ids = call.query["ids"]?.split(separator: ",").map(String.init) ?? []
            guard ids.count <= 100 else {
                throw DeskRefusal.tooMany(what: "ids may be given", limit: 100)
            }
            return try await call.read { desk in
                let jobs = try desk.jobs(ids)
                return .json {
                    $0.object {
                        $0.array("job_statuses") { json in for job in jobs { json.job(job, call) } }
                    }
                }
            }
        },
        Endpoint(
            .get, "/api/v2/job_statuses/{id}", "showJobStatus", tag: "Jobs", summary: "One job",
            answers: [200: "JobAnswer"]
        ) { call in
            let id = call.parameters["id"] ?? ""
            return try await call.read { desk in
                let job = try desk.job(id)
                return .json {
                    $0.object {
                        $0.key("job_status"); $0.job(job, call)
                    }
                }
            }
        },
    ]
}

/// Query keys that several endpoints take.
enum Parameters {
    static let paging: [QueryParameter] = [
        QueryParameter("page", .integer, "Page by number, 1 to 100"),
        QueryParameter("per_page", .integer, "Records a page, 1 to 100"),
        QueryParameter("page[size]", .integer, "Records a page by cursor, 1 to 100"),
        QueryParameter("page[after]", .string, "The page after this cursor"),
        QueryParameter("page[before]", .string, "The page before this cursor"),
    ]
    static let many: [QueryParameter] = [
        QueryParameter("ids", .string, "Up to 100 numbers, separated by commas")
    ]
    static let sorting: [QueryParameter] = [
        QueryParameter("sort_by", .string, "id, created_at, updated_at, status or priority"),
        QueryParameter("sort_order", .string, "asc or desc"),
    ]
    static let include = QueryParameter(
        "include", .string,
        "Related records: users, groups, organizations; of tickets also comment_count, slas, metric_sets"
    )
}

extension JSONWriter {
    /// The answer of a `count` endpoint. Counts are kept at write time, so they are always fresh.
    mutating func count(_ count: Int64, at now: Timestamp) {
        object {
            $0.object("count") {
                $0.member("value", count)
                $0.member("refreshed_at", now)
            }
        }
    }
}
