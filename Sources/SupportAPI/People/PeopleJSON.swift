import ServiceDesk

extension JSONWriter {
    /// A user in the dialect's shape and key order.
    mutating func user(
        _ user: User, _ call: APICall, _ catalog: FieldCatalog, resultType: Bool = false
    ) {
        object { json in
            let staff = user.role.isStaff
            json.member("id", user.id)
            json.member("url", call.url("/api/v2/users/\(user.id).json"))
            json.member("name", user.name)
            json.member("email", user.email)
            json.member("created_at", user.createdAt)
            json.member("updated_at", user.updatedAt)
            json.member("time_zone", user.timeZone)
            json.member("iana_time_zone", user.timeZone)
            json.member("phone", user.phone)
            json.null("shared_phone_number")
            json.null("photo")
            json.member("locale_id", 1)
            json.member("locale", user.locale)
            json.member("organization_id", user.organizationID)
            json.member("role", user.role.name)
            json.member("verified", user.isVerified)
            json.member("external_id", user.externalID)
            json.array("tags", user.tags)
            json.member("alias", user.alias)
            json.member("active", user.isActive)
            json.member("shared", false)
            json.member("shared_agent", false)
            json.member("last_login_at", user.lastLoginAt)
            json.member("two_factor_auth_enabled", false)
            json.member("signature", user.signature)
            json.member("details", user.details)
            json.member("notes", user.notes)
            json.member("role_type", staff ? (user.role == .admin ? 4 : 0) : Int?.none)
            json.null("custom_role_id")
            json.member("moderator", user.isModerator)
            json.member(
                "ticket_restriction",
                UserDecoder.restrictions.first { $0.restriction == user.restriction }?.name)
            json.member("only_private_comments", user.onlyPrivateComments)
            json.member("restricted_agent", user.restriction != .none)
            json.member("suspended", user.isSuspended)
            json.member("default_group_id", user.defaultGroupID)
            json.member("report_csv", user.role == .admin)
            json.profileFields("user_fields", .user, user.customFields, catalog)
            if resultType { json.member("result_type", "user") }
        }
    }

    mutating func organization(
        _ organization: Organization, _ call: APICall, _ catalog: FieldCatalog,
        resultType: Bool = false
    ) {
        object { json in
            json.member("url", call.url("/api/v2/organizations/\(organization.id).json"))
            json.member("id", organization.id)
            json.member("name", organization.name)
            json.member("shared_tickets", organization.sharesTickets)
            json.member("shared_comments", organization.sharesComments)
            json.member("external_id", organization.externalID)
            json.member("created_at", organization.createdAt)
            json.member("updated_at", organization.updatedAt)
            json.array("domain_names", organization.domainNames)
            json.member("details", organization.details)
            json.member("notes", organization.notes)
            json.member("group_id", organization.groupID)
            json.array("tags", organization.tags)
            json.profileFields(
                "organization_fields", .organization, organization.customFields, catalog)
            if resultType { json.member("result_type", "organization") }
        }
    }

    mutating func group(_ team: Team, _ call: APICall, resultType: Bool = false) {
        object { json in
            json.member("url", call.url("/api/v2/groups/\(team.id).json"))
            json.member("id", team.id)
            json.member("is_public", team.isPublic)
            json.member("name", team.name)
            json.member("description", team.description)
            json.member("default", team.isDefault)
            json.member("deleted", team.isDeleted)
            json.member("created_at", team.createdAt)
            json.member("updated_at", team.updatedAt)
            if resultType { json.member("result_type", "group") }
        }
    }

    mutating func membership(_ kind: MembershipKind, _ membership: Membership, _ call: APICall) {
        object { json in
            let plural = kind == .team ? "group_memberships" : "organization_memberships"
            json.member("url", call.url("/api/v2/\(plural)/\(membership.id).json"))
            json.member("id", membership.id)
            json.member("user_id", membership.userID)
            if kind == .team {
                json.member("group_id", membership.ownerID)
            } else {
                json.member("organization_id", membership.ownerID)
            }
            json.member("default", membership.isDefault)
            json.member("created_at", membership.createdAt)
            json.member("updated_at", membership.updatedAt)
        }
    }

    mutating func apiToken(_ token: APIToken, secret: String? = nil, _ call: APICall) {
        object { json in
            json.member("url", call.url("/api/v2/api_tokens/\(token.id).json"))
            json.member("id", token.id)
            json.member("user_id", token.userID)
            json.member("description", token.description)
            json.member("last_characters", token.lastCharacters)
            json.member("created_at", token.createdAt)
            json.member("last_used_at", token.lastUsedAt)
            if let secret { json.member("token", secret) }
        }
    }

    /// A job as `job_statuses` shows it.
    mutating func job(_ job: Job, _ call: APICall) {
        object { json in
            json.member("id", job.id)
            json.member("url", call.url("/api/v2/job_statuses/\(job.id).json"))
            json.member("total", job.total)
            json.member("progress", job.status == .queued ? Int?.none : job.progress)
            json.member("status", job.status.name)
            json.member("message", job.message)
            if job.results.isEmpty {
                json.null("results")
            } else {
                json.array("results") { $0.raw(job.results.utf8) }
            }
        }
    }
}
