import HTTPTypes
import ServiceDesk

/// The addresses and numbers by which a user is known.
enum IdentityEndpoints {
    private static let path = "/api/v2/users/{user_id}/identities"

    static let all: [Endpoint] = [
        Endpoint(
            .get, path, "listIdentities", tag: "Identities", summary: "A user's identities",
            query: Parameters.paging, answers: [200: "IdentitysAnswer"]
        ) { call in
            let (user, page) = (try call.id("user_id"), try call.page)
            return try await call.read { desk in
                list(try desk.identities(ofUser: user, page), call)
            }
        },
        Endpoint(
            .get, path + "/{id}", "showIdentity", tag: "Identities", summary: "One identity",
            answers: [200: "IdentityAnswer"]
        ) { call in
            let (user, id) = (try call.id("user_id"), try call.id())
            return try await call.read { desk in one(try desk.identity(id, ofUser: user), call) }
        },
        Endpoint(
            .post, path, "createIdentity", tag: "Identities",
            summary: "Adds an identity to a user", body: "IdentityBody",
            answers: [201: "IdentityAnswer"]
        ) { call in
            let user = try call.id("user_id")
            let fields = try call.bodyObject("identity")
            guard let kind = try fields.choice("type", Identity.Kind.init(name:)) ?? nil else {
                throw DeskRefusal.invalid("type", .blank, "Type: cannot be blank")
            }
            let value = try fields.string("value", max: 1024) ?? nil
            let verified = try fields.bool("verified") ?? false
            let primary = try fields.bool("primary") ?? false
            return try await call.write { desk in
                one(
                    try desk.createIdentity(
                        ofUser: user, kind, value: value, isVerified: verified, isPrimary: primary),
                    isNew: true, call)
            }
        },
        Endpoint(
            .put, path + "/{id}", "updateIdentity", tag: "Identities",
            summary: "Changes an identity's value, or whether it is verified",
            body: "IdentityBody", answers: [200: "IdentityAnswer"]
        ) { call in
            let (user, id) = (try call.id("user_id"), try call.id())
            let fields = try call.bodyObject("identity")
            let value = try fields.string("value", max: 1024) ?? nil
            let verified = try fields.bool("verified")
            return try await call.write { desk in
                one(
                    try desk.updateIdentity(id, ofUser: user, value: value, isVerified: verified),
                    call)
            }
        },
        Endpoint(
            .put, path + "/{id}/make_primary", "makeIdentityPrimary", tag: "Identities",
            summary: "Makes an address the user's primary one; answers all of them",
            answers: [200: "IdentitysAnswer"]
        ) { call in
            let (user, id) = (try call.id("user_id"), try call.id())
            return try await call.write { desk in
                _ = try desk.makePrimary(id, ofUser: user)
                return list(
                    try desk.identities(ofUser: user, .offset(page: 1, size: 100)), call)
            }
        },
        Endpoint(
            .put, path + "/{id}/verify", "verifyIdentity", tag: "Identities",
            summary: "Takes an identity as verified", answers: [200: "IdentityAnswer"]
        ) { call in
            let (user, id) = (try call.id("user_id"), try call.id())
            return try await call.write { desk in
                one(
                    try desk.updateIdentity(id, ofUser: user, value: nil, isVerified: true), call)
            }
        },
        Endpoint(
            .delete, path + "/{id}", "deleteIdentity", tag: "Identities",
            summary: "Deletes an identity that is not primary", answers: [204: nil]
        ) { call in
            let (user, id) = (try call.id("user_id"), try call.id())
            return try await call.write { desk in
                try desk.deleteIdentity(id, ofUser: user)
                return .noContent
            }
        },
        Endpoint(
            .get, "/api/v2/users/{id}/related", "showUserRelated", tag: "Users",
            summary: "How many tickets hang on a user", answers: [200: "RelatedAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                let relations = try desk.relations(ofUser: id)
                return .json { json in
                    json.object { json in
                        json.object("user_related") { json in
                            json.member("requested_tickets", relations.requestedTickets)
                            json.member("assigned_tickets", relations.assignedTickets)
                        }
                    }
                }
            }
        },
    ]

    private static func list(_ page: Page<Identity>, _ call: APICall) -> APIAnswer {
        .json { $0.object { $0.page("identities", page, call) { $0.identity($1, call) } } }
    }

    private static func one(_ identity: Identity, isNew: Bool = false, _ call: APICall)
        -> APIAnswer
    {
        let path = "/api/v2/users/\(identity.userID)/identities/\(identity.id).json"
        return .json(isNew ? .created : .ok, location: isNew ? call.url(path) : nil) {
            $0.object {
                $0.key("identity")
                $0.identity(identity, call)
            }
        }
    }
}

extension JSONWriter {
    mutating func identity(_ identity: Identity, _ call: APICall) {
        object { json in
            json.member(
                "url",
                call.url("/api/v2/users/\(identity.userID)/identities/\(identity.id).json"))
            json.member("id", identity.id)
            json.member("user_id", identity.userID)
            json.member("type", identity.kind.name)
            json.member("value", identity.value)
            json.member("verified", identity.isVerified)
            json.member("primary", identity.isPrimary)
            json.member("created_at", identity.createdAt)
            json.member("updated_at", identity.updatedAt)
            if identity.kind == .email {
                json.member("undeliverable_count", 0)
                json.member("deliverable_state", "deliverable")
            }
        }
    }
}
