import HTTPTypes
import NIOCore
import Cluster
import ServiceDesk

/// Users, how they sign in, and the keys of programs.
enum UserEndpoints {
    static let all: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/users/me", "showSelf", tag: "Users", summary: "Who is asking",
            answers: [200: "UserAnswer"]
        ) { call in
            try await call.read { desk in
                one(try desk.me(), try desk.catalog(), call)
            }
        },
        Endpoint(
            .get, "/api/v2/users", "listUsers", tag: "Users", summary: "All users",
            query: Parameters.paging + [
                QueryParameter("role", .string, "Only end-user, agent or admin"),
                QueryParameter("external_id", .string, "Only the user with this id of yours"),
            ], answers: [200: "UsersAnswer"]
        ) { call in
            var filter = UserFilter()
            filter.roles = try call.query.all("role").map {
                guard let role = Role(name: $0) else {
                    throw DeskRefusal.badRequest(
                        name: "InvalidRequest", "role must be end-user, agent or admin")
                }
                return role
            }
            filter.externalID = call.query["external_id"]
            return try await list(call, filter)
        },
        Endpoint(
            .get, "/api/v2/users/search", "searchUsers", tag: "Users",
            summary: "Users by external id, or by the start of a name or address",
            query: Parameters.paging + [
                QueryParameter("query", .string, "Start of a name or address"),
                QueryParameter("external_id", .string, "Exact id of yours"),
            ], answers: [200: "UsersAnswer"]
        ) { call in try await list(call, searchFilter(call, "query")) },
        Endpoint(
            .get, "/api/v2/users/autocomplete", "autocompleteUsers", tag: "Users",
            summary: "Users whose name or address starts so",
            query: Parameters.paging + [QueryParameter("name", .string, "At least two letters")],
            answers: [200: "UsersAnswer"]
        ) { call in try await list(call, searchFilter(call, "name")) },
        Endpoint(
            .get, "/api/v2/users/count", "countUsers", tag: "Users", summary: "How many users",
            answers: [200: "CountAnswer"]
        ) { call in
            try await call.read { desk in
                let count = try desk.userCount(UserFilter())
                return .json { $0.count(count, at: desk.now) }
            }
        },
        Endpoint(
            .get, "/api/v2/users/show_many", "showManyUsers", tag: "Users",
            summary: "Users by number or external id", query: Parameters.many,
            answers: [200: "UsersAnswer"]
        ) { call in
            let ids = try call.ids()
            let externals = call.query["external_ids"]?.split(separator: ",").map(String.init) ?? []
            guard externals.count <= 100 else {
                throw DeskRefusal.tooMany(what: "external_ids may be given", limit: 100)
            }
            return try await call.read { desk in
                let users = try ids.map { try desk.users($0) } ?? desk.users(externalIDs: externals)
                let page = Page(
                    items: users, count: Int64(users.count), hasMore: false, first: nil, last: nil,
                    request: .offset(page: 1, size: 100))
                return list(page, try desk.catalog(), call)
            }
        },
        Endpoint(
            .get, "/api/v2/users/{id}", "showUser", tag: "Users", summary: "One user",
            answers: [200: "UserAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                one(try desk.user(id), try desk.catalog(), call)
            }
        },
        Endpoint(
            .post, "/api/v2/users", "createUser", tag: "Users", summary: "Makes a user",
            body: "UserBody", answers: [201: "UserAnswer"]
        ) { call in
            let changes = try UserDecoder.changes(call.bodyObject("user"))
            return try await call.write { desk in
                let user = try desk.createUser(changes, agentLimit: call.tenant.limits.agents)
                return one(user, isNew: true, try desk.catalog(), call)
            }
        },
        Endpoint(
            .post, "/api/v2/users/create_or_update", "createOrUpdateUser", tag: "Users",
            summary: "Updates the user with this external id or address, or makes one",
            body: "UserBody", answers: [200: "UserAnswer", 201: "UserAnswer"]
        ) { call in
            let changes = try UserDecoder.changes(call.bodyObject("user"))
            return try await call.write { desk in
                let (user, isNew) = try desk.createOrUpdateUser(
                    changes, agentLimit: call.tenant.limits.agents)
                return one(user, isNew: isNew, try desk.catalog(), call)
            }
        },
        Endpoint(
            .put, "/api/v2/users/{id}", "updateUser", tag: "Users", summary: "Changes a user",
            body: "UserBody", answers: [200: "UserAnswer"]
        ) { call in
            let id = try call.id()
            let changes = try UserDecoder.changes(call.bodyObject("user"))
            return try await call.write { desk in
                try call.requireVersion(desk.user(id).version)
                let user = try desk.updateUser(
                    id, changes, agentLimit: call.tenant.limits.agents)
                return one(user, try desk.catalog(), call)
            }
        },
        Endpoint(
            .delete, "/api/v2/users/{id}", "deleteUser", tag: "Users",
            summary: "Deletes a user softly", answers: [200: "UserAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.write { desk in
                try call.requireVersion(desk.user(id).version)
                return one(try desk.deleteUser(id), try desk.catalog(), call)
            }
        },
        Endpoint(
            .post, "/api/v2/users/{id}/password", "setUserPassword", tag: "Users",
            summary: "Sets a password: one's own, or anybody's as an admin", body: "PasswordBody",
            answers: [204: nil]
        ) { call in
            let id = try call.id()
            let fields = FieldReader(try call.json())
            guard let password = try fields.string("password", max: 1024) ?? nil,
                password.count >= 8
            else {
                throw DeskRefusal.invalid(
                    "password", .tooShort, "Password: must have at least 8 characters")
            }
            // Who may not, must not make the server work for it.
            _ = try await call.read { desk in
                _ = try desk.user(id)
                return .noContent
            }
            let hash = try await call.signIn.hash(password)
            return try await call.write { desk in
                try desk.setPassword(id, hash: hash)
                return .noContent
            }
        },
        Endpoint(
            .post, "/api/v2/users/create_many", "createManyUsers", tag: "Users",
            summary: "Makes up to 100 users, as a job", body: "UsersBody",
            answers: [200: "JobAnswer"]
        ) { call in try await Bulk.enqueue(call, .createUsers, list: "users", .users) },
        Endpoint(
            .post, "/api/v2/users/create_or_update_many", "createOrUpdateManyUsers", tag: "Users",
            summary: "Makes or updates up to 100 users, as a job", body: "UsersBody",
            answers: [200: "JobAnswer"]
        ) { call in try await Bulk.enqueue(call, .createOrUpdateUsers, list: "users", .users) },
        Endpoint(
            .put, "/api/v2/users/update_many", "updateManyUsers", tag: "Users",
            summary: "Changes up to 100 users, as a job", query: Parameters.many,
            body: "UsersBody", answers: [200: "JobAnswer"]
        ) { call in try await Bulk.update(call, .updateUsers, one: "user", many: "users", .users) },
        Endpoint(
            .delete, "/api/v2/users/destroy_many", "destroyManyUsers", tag: "Users",
            summary: "Deletes up to 100 users softly, as a job", query: Parameters.many,
            answers: [200: "JobAnswer"]
        ) { call in try await Bulk.ids(call, .deleteUsers, .users) },
        Endpoint(
            .get, "/api/v2/organizations/{id}/users", "listOrganizationUsers", tag: "Users",
            summary: "An organization's users", query: Parameters.paging,
            answers: [200: "UsersAnswer"]
        ) { call in
            var filter = UserFilter()
            filter.organizationID = try call.id()
            return try await list(call, filter)
        },
        Endpoint(
            .get, "/api/v2/groups/{id}/users", "listGroupUsers", tag: "Users",
            summary: "A group's agents", query: Parameters.paging, answers: [200: "UsersAnswer"]
        ) { call in
            var filter = UserFilter()
            filter.groupID = try call.id()
            return try await list(call, filter)
        },
        Endpoint(
            .get, "/api/v2/api_tokens", "listAPITokens", tag: "API tokens",
            summary: "All API tokens",
            query: Parameters.paging, answers: [200: "APITokensAnswer"]
        ) { call in
            let page = try call.page
            return try await call.read { desk in
                let tokens = try desk.apiTokens(page)
                return .json {
                    $0.object { $0.page("api_tokens", tokens, call) { $0.apiToken($1, call) } }
                }
            }
        },
        Endpoint(
            .get, "/api/v2/api_tokens/{id}", "showAPIToken", tag: "API tokens",
            summary: "One API token, without its secret", answers: [200: "APITokenAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                let token = try desk.apiToken(id)
                return .json {
                    $0.object {
                        $0.key("api_token"); $0.apiToken(token, call)
                    }
                }
            }
        },
        Endpoint(
            .post, "/api/v2/api_tokens", "createAPIToken", tag: "API tokens",
            summary: "Makes an API token and shows its secret, once", body: "APITokenBody",
            answers: [201: "APITokenAnswer"]
        ) { call in
            let fields = try call.bodyObject("api_token")
            let description = try fields.string("description", max: 255) ?? nil
            let secret = Secrets.token()
            return try await call.write { desk in
                let token = try desk.createToken(description: description, secret: secret)
                func body(_ secret: String?) -> ByteBuffer {
                    JSONWriter.write { json in
                        json.object { json in
                            json.key("api_token")
                            json.apiToken(token, secret: secret, call)
                        }
                    }
                }
                var answer = APIAnswer(status: .created, body: body(secret.text))
                answer.headers[.contentType] = "application/json; charset=utf-8"
                answer.headers[.location] = call.url("/api/v2/api_tokens/\(token.id).json")
                answer.repeatedBody = body(nil)
                return answer
            }
        },
        Endpoint(
            .delete, "/api/v2/api_tokens/{id}", "revokeAPIToken", tag: "API tokens",
            summary: "Revokes an API token at once", answers: [204: nil]
        ) { call in
            let id = try call.id()
            return try await call.write { desk in
                try desk.revokeToken(id)
                return .noContent
            }
        },
    ]

    private static func list(_ call: APICall, _ filter: UserFilter) async throws -> APIAnswer {
        let page = try call.page
        return try await call.read { desk in
            if let id = filter.organizationID { _ = try desk.organization(id) }
            if let id = filter.groupID { _ = try desk.team(id) }
            return list(try desk.users(filter, page), try desk.catalog(), call)
        }
    }

    static func list(_ page: Page<User>, _ catalog: FieldCatalog, _ call: APICall)
        -> APIAnswer
    {
        .json { $0.object { $0.page("users", page, call) { $0.user($1, call, catalog) } } }
    }

    private static func searchFilter(_ call: APICall, _ key: String) throws -> UserFilter {
        var filter = UserFilter()
        filter.externalID = call.query["external_id"]
        filter.text = call.query[key]
        guard filter.externalID != nil || filter.text.map({ !$0.isEmpty }) == true else {
            throw DeskRefusal.badRequest(name: "InvalidRequest", "\(key) is missing")
        }
        return filter
    }

    private static func one(
        _ user: User, isNew: Bool = false, _ catalog: FieldCatalog, _ call: APICall
    ) -> APIAnswer {
        .json(
            isNew ? .created : .ok, version: user.version,
            location: isNew ? call.url("/api/v2/users/\(user.id).json") : nil
        ) {
            $0.object {
                $0.key("user"); $0.user(user, call, catalog)
            }
        }
    }
}
