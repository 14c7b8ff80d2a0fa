import ServiceDesk

/// Users in request bodies.
enum UserDecoder {
    static func changes(_ fields: FieldReader) throws -> UserChanges {
        var changes = UserChanges()
        changes.name = try fields.string("name", max: 1024) ?? nil
        changes.email = try fields.string("email", max: 1024)
        changes.role = try fields.choice("role", Role.init(name:)) ?? nil
        changes.isSuspended = try fields.bool("suspended")
        changes.isVerified = try fields.bool("verified")
        changes.organizationID = try fields.int64("organization_id")
        changes.defaultGroupID = try fields.int64("default_group_id")
        changes.externalID = try fields.string("external_id", max: 1024)
        changes.phone = try fields.string("phone", max: 1024)
        changes.alias = try fields.string("alias", max: 1024)
        changes.details = try fields.string("details")
        changes.notes = try fields.string("notes")
        changes.signature = try fields.string("signature")
        changes.timeZone = try fields.string("time_zone", max: 1024) ?? nil
        changes.locale = try fields.string("locale", max: 1024) ?? nil
        changes.tags = try fields.strings("tags")
        changes.fields = try FieldDecoder.profileValues("user_fields", fields)
        changes.restriction =
            try fields.choice("ticket_restriction") { name in
                restrictions.first { $0.name == name }?.restriction
            }.map { $0 ?? TicketRestriction.none }
        changes.onlyPrivateComments = try fields.bool("only_private_comments")
        changes.isModerator = try fields.bool("moderator")
        return changes
    }

    static let restrictions: [(name: String, restriction: TicketRestriction)] = [
        ("groups", .groups), ("organization", .organization), ("assigned", .assigned),
        ("requested", .requested),
    ]
}

/// Organizations in request bodies.
enum OrganizationDecoder {
    static func changes(_ fields: FieldReader) throws -> OrganizationChanges {
        var changes = OrganizationChanges()
        changes.name = try fields.string("name", max: 1024) ?? nil
        changes.externalID = try fields.string("external_id", max: 1024)
        changes.details = try fields.string("details")
        changes.notes = try fields.string("notes")
        changes.groupID = try fields.int64("group_id")
        changes.domainNames = try fields.strings("domain_names")
        changes.tags = try fields.strings("tags")
        changes.fields = try FieldDecoder.profileValues("organization_fields", fields)
        changes.sharesTickets = try fields.bool("shared_tickets")
        changes.sharesComments = try fields.bool("shared_comments")
        return changes
    }
}

/// Memberships in request bodies.
enum MembershipDecoder {
    static func create(
        _ kind: MembershipKind, _ fields: FieldReader, user: Int64? = nil, _ desk: WritingDesk
    ) throws -> Membership {
        // First, so that who may not learns nothing of what the fields must be.
        try desk.require(.create, kind == .team ? .groupMembership : .organizationMembership)
        let ownerField = kind == .team ? "group_id" : "organization_id"
        guard let user = try user ?? (fields.int64("user_id") ?? nil) else {
            throw DeskRefusal.invalid("user_id", .blank, "User: cannot be blank")
        }
        guard let owner = try fields.int64(ownerField) ?? nil else {
            throw DeskRefusal.invalid(
                ownerField, .blank, "\(kind == .team ? "Group" : "Organization"): cannot be blank")
        }
        return try desk.createMembership(
            kind, user: user, owner: owner, isDefault: fields.bool("default") ?? false)
    }
}
