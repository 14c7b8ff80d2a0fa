import HTTPTypes
import ServiceDesk

/// Who is on a ticket besides its requester.
enum WatcherEndpoints {
    static let all: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/tickets/{id}/collaborators", "listCollaborators", tag: "Watchers",
            summary: "Who follows a ticket or gets copies of it", query: Parameters.paging,
            answers: [200: "UsersAnswer"]
        ) { call in try await list(call, [.copy, .follower]) },
        Endpoint(
            .get, "/api/v2/tickets/{id}/followers", "listFollowers", tag: "Watchers",
            summary: "The agents who follow a ticket", query: Parameters.paging,
            answers: [200: "UsersAnswer"]
        ) { call in try await list(call, [.follower]) },
        Endpoint(
            .get, "/api/v2/tickets/{id}/email_ccs", "listEmailCCs", tag: "Watchers",
            summary: "Who gets copies of a ticket's public comments", query: Parameters.paging,
            answers: [200: "UsersAnswer"]
        ) { call in try await list(call, [.copy]) },
        Endpoint(
            .get, "/api/v2/requests/ccd", "listCopiedRequests", tag: "Watchers",
            summary: "Requests that the asker is copied on", query: Parameters.paging,
            answers: [200: "RequestsAnswer"]
        ) { call in
            let page = try call.page
            return try await call.read { desk in
                let (found, catalog) = (try desk.copiedRequests(page), try desk.catalog())
                return .json {
                    $0.object { $0.page("requests", found, call) { $0.request($1, call, catalog) } }
                }
            }
        },
    ]

    private static func list(_ call: APICall, _ kinds: [WatcherKind]) async throws -> APIAnswer {
        let (id, page) = (try call.id(), try call.page)
        return try await call.read { desk in
            UserEndpoints.list(
                try desk.watchers(ofTicket: id, kinds, page), try desk.catalog(), call)
        }
    }
}
