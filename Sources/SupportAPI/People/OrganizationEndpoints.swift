import HTTPTypes
import ServiceDesk

/// Organizations, groups and who belongs to them.
enum OrganizationEndpoints {
    static let all: [Endpoint] =
        organizations + groups + memberships(.team) + memberships(.organization)

    private static let organizations: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/organizations", "listOrganizations", tag: "Organizations",
            summary: "All organizations", query: Parameters.paging,
            answers: [200: "OrganizationsAnswer"]
        ) { call in
            let page = try call.page
            return try await call.read { desk in
                answer(try desk.organizations(page), try desk.catalog(), call)
            }
        },
        Endpoint(
            .get, "/api/v2/users/{id}/organizations", "listUserOrganizations", tag: "Organizations",
            summary: "A user's organizations", query: Parameters.paging,
            answers: [200: "OrganizationsAnswer"]
        ) { call in
            let (id, page) = (try call.id(), try call.page)
            return try await call.read { desk in
                answer(try desk.organizations(ofUser: id, page), try desk.catalog(), call)
            }
        },
        Endpoint(
            .get, "/api/v2/organizations/count", "countOrganizations", tag: "Organizations",
            summary: "How many organizations", answers: [200: "CountAnswer"]
        ) { call in
            try await call.read { desk in
                let page = try desk.organizations(.offset(page: 1, size: 1))
                return .json { $0.count(page.count ?? 0, at: desk.now) }
            }
        },
        Endpoint(
            .get, "/api/v2/organizations/search", "searchOrganizations", tag: "Organizations",
            summary: "Organizations by exact external id or name",
            query: [
                QueryParameter("external_id", .string, "Exact id of yours"),
                QueryParameter("name", .string, "Exact name, whatever its case"),
            ], answers: [200: "OrganizationsAnswer"]
        ) { call in
            let (external, name) = (call.query["external_id"], call.query["name"])
            guard external != nil || name != nil else {
                throw DeskRefusal.badRequest(
                    name: "InvalidRequest", "external_id or name is missing")
            }
            return try await call.read { desk in
                whole(
                    try desk.organizations(externalID: external, name: name, prefix: nil),
                    try desk.catalog(), call)
            }
        },
        Endpoint(
            .get, "/api/v2/organizations/autocomplete", "autocompleteOrganizations",
            tag: "Organizations", summary: "Organizations whose name starts so",
            query: [QueryParameter("name", .string, "Start of the name")],
            answers: [200: "OrganizationsAnswer"]
        ) { call in
            let prefix = call.query["name"] ?? ""
            return try await call.read { desk in
                whole(
                    try desk.organizations(externalID: nil, name: nil, prefix: prefix),
                    try desk.catalog(), call)
            }
        },
        Endpoint(
            .get, "/api/v2/organizations/show_many", "showManyOrganizations", tag: "Organizations",
            summary: "Organizations by number", query: Parameters.many,
            answers: [200: "OrganizationsAnswer"]
        ) { call in
            let ids = try call.ids() ?? []
            return try await call.read { desk in
                try desk.require(.list, .organizations)
                return whole(try desk.organizations(ids), try desk.catalog(), call)
            }
        },
        Endpoint(
            .get, "/api/v2/organizations/{id}", "showOrganization", tag: "Organizations",
            summary: "One organization", answers: [200: "OrganizationAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                one(try desk.organization(id), try desk.catalog(), call)
            }
        },
        Endpoint(
            .post, "/api/v2/organizations", "createOrganization", tag: "Organizations",
            summary: "Makes an organization", body: "OrganizationBody",
            answers: [201: "OrganizationAnswer"]
        ) { call in
            let changes = try OrganizationDecoder.changes(call.bodyObject("organization"))
            return try await call.write { desk in
                one(try desk.createOrganization(changes), isNew: true, try desk.catalog(), call)
            }
        },
        Endpoint(
            .post, "/api/v2/organizations/create_or_update", "createOrUpdateOrganization",
            tag: "Organizations",
            summary: "Updates the organization with this external id or name, or makes one",
            body: "OrganizationBody",
            answers: [200: "OrganizationAnswer", 201: "OrganizationAnswer"]
        ) { call in
            let changes = try OrganizationDecoder.changes(call.bodyObject("organization"))
            return try await call.write { desk in
                let (organization, isNew) = try desk.createOrUpdateOrganization(changes)
                return one(organization, isNew: isNew, try desk.catalog(), call)
            }
        },
        Endpoint(
            .put, "/api/v2/organizations/{id}", "updateOrganization", tag: "Organizations",
            summary: "Changes an organization", body: "OrganizationBody",
            answers: [200: "OrganizationAnswer"]
        ) { call in
            let id = try call.id()
            let changes = try OrganizationDecoder.changes(call.bodyObject("organization"))
            return try await call.write { desk in
                try call.requireVersion(desk.organization(id).version)
                return one(try desk.updateOrganization(id, changes), try desk.catalog(), call)
            }
        },
        Endpoint(
            .delete, "/api/v2/organizations/{id}", "deleteOrganization", tag: "Organizations",
            summary: "Deletes an organization; its users stay", answers: [204: nil]
        ) { call in
            let id = try call.id()
            return try await call.write { desk in
                try call.requireVersion(desk.organization(id).version)
                try desk.deleteOrganization(id)
                return .noContent
            }
        },
        Endpoint(
            .post, "/api/v2/organizations/create_many", "createManyOrganizations",
            tag: "Organizations", summary: "Makes up to 100 organizations, as a job",
            body: "OrganizationsBody", answers: [200: "JobAnswer"]
        ) { call in
            try await Bulk.enqueue(
                call, .createOrganizations, list: "organizations", .organizations)
        },
        Endpoint(
            .put, "/api/v2/organizations/update_many", "updateManyOrganizations",
            tag: "Organizations", summary: "Changes up to 100 organizations, as a job",
            query: Parameters.many, body: "OrganizationsBody", answers: [200: "JobAnswer"]
        ) { call in
            try await Bulk.update(
                call, .updateOrganizations, one: "organization", many: "organizations",
                .organizations)
        },
        Endpoint(
            .delete, "/api/v2/organizations/destroy_many", "destroyManyOrganizations",
            tag: "Organizations", summary: "Deletes up to 100 organizations, as a job",
            query: Parameters.many, answers: [200: "JobAnswer"]
        ) { call in try await Bulk.ids(call, .deleteOrganizations, .organizations) },
    ]

    private static let groups: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/groups", "listGroups", tag: "Groups", summary: "All groups",
            query: Parameters.paging, answers: [200: "GroupsAnswer"]
        ) { call in try await groups(call, user: nil) },
        Endpoint(
            .get, "/api/v2/groups/assignable", "listAssignableGroups", tag: "Groups",
            summary: "Groups a ticket can be given to", query: Parameters.paging,
            answers: [200: "GroupsAnswer"]
        ) { call in try await groups(call, user: nil) },
        Endpoint(
            .get, "/api/v2/users/{id}/groups", "listUserGroups", tag: "Groups",
            summary: "A user's groups", query: Parameters.paging, answers: [200: "GroupsAnswer"]
        ) { call in try await groups(call, user: call.id()) },
        Endpoint(
            .get, "/api/v2/groups/count", "countGroups", tag: "Groups", summary: "How many groups",
            answers: [200: "CountAnswer"]
        ) { call in
            try await call.read { desk in
                let count = try desk.teamCount()
                return .json { $0.count(count, at: desk.now) }
            }
        },
        Endpoint(
            .get, "/api/v2/groups/{id}", "showGroup", tag: "Groups", summary: "One group",
            answers: [200: "GroupAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in one(try desk.team(id), call) }
        },
        Endpoint(
            .post, "/api/v2/groups", "createGroup", tag: "Groups", summary: "Makes a group",
            body: "GroupBody", answers: [201: "GroupAnswer"]
        ) { call in
            let fields = try call.bodyObject("group")
            let (name, description, isPublic) = try groupFields(fields)
            return try await call.write { desk in
                let team = try desk.createTeam(
                    name: name, description: description, isPublic: isPublic)
                return one(team, isNew: true, call)
            }
        },
        Endpoint(
            .put, "/api/v2/groups/{id}", "updateGroup", tag: "Groups", summary: "Changes a group",
            body: "GroupBody", answers: [200: "GroupAnswer"]
        ) { call in
            let id = try call.id()
            let (name, description, isPublic) = try groupFields(call.bodyObject("group"))
            return try await call.write { desk in
                try call.requireVersion(desk.team(id).version)
                return one(
                    try desk.updateTeam(
                        id, name: name, description: description, isPublic: isPublic), call)
            }
        },
        Endpoint(
            .delete, "/api/v2/groups/{id}", "deleteGroup", tag: "Groups",
            summary: "Deletes a group; its unsolved tickets lose it", answers: [204: nil]
        ) { call in
            let id = try call.id()
            return try await call.write { desk in
                try call.requireVersion(desk.team(id).version)
                try desk.deleteTeam(id)
                return .noContent
            }
        },
    ]

    /// The two kinds of membership have the same verbs.
    private static func memberships(_ kind: MembershipKind) -> [Endpoint] {
        let isTeam = kind == .team
        let (one, many): (StaticString, StaticString) =
            isTeam
            ? ("group_membership", "group_memberships")
            : ("organization_membership", "organization_memberships")
        let owner = isTeam ? "groups" : "organizations"
        let name = isTeam ? "GroupMembership" : "OrganizationMembership"
        let tag = isTeam ? "Group memberships" : "Organization memberships"
        let base = "/api/v2/\(many)"
        @Sendable func list(_ call: APICall, user: Int64? = nil, owner: Int64? = nil) async throws
            -> APIAnswer
        {
            let page = try call.page
            return try await call.read { desk in
                let found = try desk.memberships(kind, user: user, owner: owner, page)
                return .json {
                    $0.object { $0.page(many, found, call) { $0.membership(kind, $1, call) } }
                }
            }
        }
        @Sendable func answer(_ membership: Membership, isNew: Bool = false, _ call: APICall)
            -> APIAnswer
        {
            .json(
                isNew ? .created : .ok,
                location: isNew ? call.url("\(base)/\(membership.id).json") : nil
            ) {
                $0.object {
                    $0.key(one)
                    $0.membership(kind, membership, call)
                }
            }
        }
        return [
            Endpoint(
                .get, base, "list\(name)s", tag: tag, summary: "All of them",
                query: Parameters.paging, answers: [200: "\(name)sAnswer"]
            ) { call in try await list(call) },
            Endpoint(
                .get, "/api/v2/users/{id}/\(many)", "listUser\(name)s", tag: tag,
                summary: "A user's", query: Parameters.paging, answers: [200: "\(name)sAnswer"]
            ) { call in try await list(call, user: call.id()) },
            Endpoint(
                .get, isTeam ? "/api/v2/groups/{id}/memberships" : "/api/v2/\(owner)/{id}/\(many)",
                "listOwner\(name)s", tag: tag, summary: "Those of one of the \(owner)",
                query: Parameters.paging, answers: [200: "\(name)sAnswer"]
            ) { call in try await list(call, owner: call.id()) },
            Endpoint(
                .get, "\(base)/{id}", "show\(name)", tag: tag, summary: "One of them",
                answers: [200: "\(name)Answer"]
            ) { call in
                let id = try call.id()
                return try await call.read { desk in answer(try desk.membership(kind, id), call) }
            },
            Endpoint(
                .post, base, "create\(name)", tag: tag, summary: "Makes one", body: "\(name)Body",
                answers: [201: "\(name)Answer"]
            ) { call in
                let fields = try call.bodyObject("\(one)")
                return try await call.write { desk in
                    answer(try MembershipDecoder.create(kind, fields, desk), isNew: true, call)
                }
            },
            Endpoint(
                .post, "/api/v2/users/{id}/\(many)", "createUser\(name)", tag: tag,
                summary: "Makes one for this user", body: "\(name)Body",
                answers: [201: "\(name)Answer"]
            ) { call in
                let (id, fields) = (try call.id(), try call.bodyObject("\(one)"))
                return try await call.write { desk in
                    answer(
                        try MembershipDecoder.create(kind, fields, user: id, desk), isNew: true,
                        call)
                }
            },
            Endpoint(
                .post, "\(base)/create_many", "createMany\(name)s", tag: tag,
                summary: "Makes up to 100, as a job", body: "\(name)sBody",
                answers: [200: "JobAnswer"]
            ) { call in
                try await Bulk.enqueue(
                    call, isTeam ? .createGroupMemberships : .createOrganizationMemberships,
                    list: "\(many)", isTeam ? .groupMembership : .organizationMembership)
            },
            Endpoint(
                .delete, "\(base)/destroy_many", "destroyMany\(name)s", tag: tag,
                summary: "Ends up to 100, as a job", query: Parameters.many,
                answers: [200: "JobAnswer"]
            ) { call in
                try await Bulk.ids(
                    call, isTeam ? .deleteGroupMemberships : .deleteOrganizationMemberships,
                    isTeam ? .groupMembership : .organizationMembership)
            },
            Endpoint(
                .delete, "\(base)/{id}", "delete\(name)", tag: tag, summary: "Ends one",
                answers: [204: nil]
            ) { call in
                let id = try call.id()
                return try await call.write { desk in
                    try desk.deleteMembership(kind, id)
                    return .noContent
                }
            },
            Endpoint(
                .put, "/api/v2/users/{user_id}/\(many)/{id}/make_default", "makeDefault\(name)",
                tag: tag, summary: "Makes it the user's default",
                answers: [200: "\(name)sAnswer"]
            ) { call in
                let (user, id) = (try call.id("user_id"), try call.id())
                return try await call.write { desk in
                    try desk.makeDefault(kind, user: user, id)
                    let all = try desk.memberships(kind, user: user, .offset(page: 1, size: 100))
                    return .json {
                        $0.object { $0.page(many, all, call) { $0.membership(kind, $1, call) } }
                    }
                }
            },
        ]
    }

    private static func groups(_ call: APICall, user: Int64?) async throws -> APIAnswer {
        let page = try call.page
        return try await call.read { desk in
            if let user { _ = try desk.user(user) }
            let teams = try desk.teams(ofUser: user, page)
            return .json { $0.object { $0.page("groups", teams, call) { $0.group($1, call) } } }
        }
    }

    private static func groupFields(_ fields: FieldReader) throws -> (String?, String?, Bool?) {
        (
            try fields.string("name", max: 1024) ?? nil,
            try fields.string("description", max: 4096) ?? nil, try fields.bool("is_public")
        )
    }

    private static func one(_ team: Team, isNew: Bool = false, _ call: APICall) -> APIAnswer {
        .json(
            isNew ? .created : .ok, version: team.version,
            location: isNew ? call.url("/api/v2/groups/\(team.id).json") : nil
        ) {
            $0.object {
                $0.key("group"); $0.group(team, call)
            }
        }
    }

    private static func one(
        _ organization: Organization, isNew: Bool = false, _ catalog: FieldCatalog, _ call: APICall
    ) -> APIAnswer {
        .json(
            isNew ? .created : .ok, version: organization.version,
            location: isNew ? call.url("/api/v2/organizations/\(organization.id).json") : nil
        ) {
            $0.object {
                $0.key("organization"); $0.organization(organization, call, catalog)
            }
        }
    }

    private static func answer(
        _ page: Page<Organization>, _ catalog: FieldCatalog, _ call: APICall
    ) -> APIAnswer {
        .json {
            $0.object {
                $0.page("organizations", page, call) { $0.organization($1, call, catalog) }
            }
        }
    }

    private static func whole(
        _ organizations: [Organization], _ catalog: FieldCatalog, _ call: APICall
    ) -> APIAnswer {
        answer(
            Page(
                items: organizations, count: Int64(organizations.count), hasMore: false, first: nil,
                last: nil, request: .offset(page: 1, size: 100)), catalog, call)
    }
}
