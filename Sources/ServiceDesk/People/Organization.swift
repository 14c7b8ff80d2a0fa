import SQLite
import ShardStore
package import Wire

/// A company among a tenant's customers.
package struct Organization: Sendable, Equatable {
    package let id: Int64
    package var name: String
    package var externalID: String?
    package var details: String?
    package var notes: String?
    package var groupID: Int64?
    package var domainNames: [String]
    package var tags: [String]
    package var sharesTickets: Bool
    package var sharesComments: Bool
    package let createdAt: Timestamp
    package var updatedAt: Timestamp
    package var version: Int64
    package var customFields: CustomValues

    static let columns = """
        organizations.id, organizations.name, organizations.external_id, organizations.details,
        organizations.notes, organizations.group_id, organizations.domain_names, organizations.tags,
        organizations.shared_tickets, organizations.shared_comments, organizations.created_at,
        organizations.updated_at, organizations.version, organizations.custom_fields
        """

    init(_ row: Row) {
        id = row.int64(0)
        name = row.text(1)
        externalID = row.optionalText(2)
        details = row.optionalText(3)
        notes = row.optionalText(4)
        groupID = row.optionalInt64(5)
        domainNames = Tags.split(row.text(6))
        tags = Tags.split(row.text(7))
        sharesTickets = row.bool(8)
        sharesComments = row.bool(9)
        createdAt = Timestamp(rawValue: row.int64(10))
        updatedAt = Timestamp(rawValue: row.int64(11))
        version = row.int64(12)
        customFields = CustomValues(stored: row.optionalText(13))
    }
}

/// What a request wants of an organization. Nil leaves a field as it is.
package struct OrganizationChanges: Sendable, Equatable {
    package var name: String?
    package var externalID: String??
    package var details: String??
    package var notes: String??
    package var groupID: Int64??
    package var domainNames: [String]?
    package var tags: [String]?
    /// Of custom fields, by key.
    package var fields: [FieldChange] = []
    package var sharesTickets: Bool?
    package var sharesComments: Bool?
    package init() {}
}

extension Desk {
    package func organization(_ id: Int64) throws -> Organization {
        try require(.read, .organization(id: id))
        guard let found = try findOrganization(id) else { throw DeskRefusal.notFound }
        return found
    }

    package func organizations(_ ids: some Sequence<Int64>) throws -> [Organization] {
        guard Authorization.decide(principal, .list, .organizations) == .allow else { return [] }
        return try Set(ids).sorted().compactMap { try findOrganization($0) }
    }

    package func organizations(_ page: PageRequest) throws -> Page<Organization> {
        try require(.list, .organizations)
        return try rows.page(
            PagedQuery(
                columns: Organization.columns, source: "organizations",
                order: PageOrder("id", ["organizations.id"])),
            page, count: { try rows.count(.organizations) }, read: Organization.init)
    }

    package func organizations(ofUser user: Int64, _ page: PageRequest) throws -> Page<Organization>
    {
        try require(.list, .organizations)
        guard try findUser(user) != nil else { throw DeskRefusal.notFound }
        let condition =
            "organizations.id IN (SELECT organization_id FROM organization_memberships m WHERE m.tenant = ?1 AND m.user_id = ?2)"
        return try rows.page(
            PagedQuery(
                columns: Organization.columns, source: "organizations", condition: condition,
                values: [user], order: PageOrder("id", ["organizations.id"])),
            page,
            count: {
                try rows.first(
                    "SELECT count(*) FROM organization_memberships WHERE tenant = ?1 AND user_id = ?2",
                    user
                ) { $0.int64(0) } ?? 0
            }, read: Organization.init)
    }

    /// By exact external id or name, or by the start of the name.
    package func organizations(externalID: String?, name: String?, prefix: String?) throws
        -> [Organization]
    {
        try require(.list, .organizations)
        if let externalID {
            return try rows.all(
                "SELECT \(Organization.columns) FROM organizations WHERE tenant = ?1 AND external_id = ?2 LIMIT 100",
                externalID, read: Organization.init)
        }
        if let name {
            return try rows.all(
                "SELECT \(Organization.columns) FROM organizations WHERE tenant = ?1 AND name_key = ?2",
                name.lowercased(), read: Organization.init)
        }
        let start = (prefix ?? "").lowercased()
        return try rows.all(
            """
            SELECT \(Organization.columns) FROM organizations
            WHERE tenant = ?1 AND name_key >= ?2 AND name_key < ?3 ORDER BY name_key LIMIT 100
            """, start, start + "\u{10FFFF}", read: Organization.init)
    }

    func findOrganization(_ id: Int64) throws -> Organization? {
        try rows.first(
            "SELECT \(Organization.columns) FROM organizations WHERE tenant = ?1 AND id = ?2", id,
            read: Organization.init)
    }
}

extension Desk where Rows == WritableRows {
    package func createOrganization(_ changes: OrganizationChanges) throws -> Organization {
        try require(.create, .organizations)
        let name = try Validation.required(changes.name, "name", "Name", max: 255)
        try checkName(name, of: nil)
        var tags = try Tags.normalized(changes.tags ?? [])
        let values = try profileValues(
            CustomValues(), changes.fields, of: .organization, oldTags: [], tags: &tags)
        let id = rows.makeIdentifier()
        try rows.run(
            "INSERT INTO organizations VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13, 1, ?14)",
            id, name, name.lowercased(),
            try (changes.externalID ?? nil).boundedOrNil("external_id", "External", max: 255),
            try (changes.details ?? nil).boundedOrNil("details", "Details", max: 65_536),
            try (changes.notes ?? nil).boundedOrNil("notes", "Notes", max: 65_536),
            try checkedGroup(changes.groupID ?? nil),
            Tags.join(try Tags.normalized(changes.domainNames ?? [], field: "domain_names")),
            Tags.join(tags), changes.sharesTickets ?? false, changes.sharesComments ?? false,
            now.milliseconds, values.stored)
        try rows.add(1, to: .organizations)
        return try findOrganization(id)!
    }

    package func updateOrganization(_ id: Int64, _ changes: OrganizationChanges) throws
        -> Organization
    {
        try require(.update, .organization(id: id))
        guard let old = try findOrganization(id) else { throw DeskRefusal.notFound }
        let name =
            try changes.name.map {
                try Validation.required($0, "name", "Name", max: 255)
            } ?? old.name
        if name.lowercased() != old.name.lowercased() { try checkName(name, of: id) }
        func text(_ change: String??, _ current: String?, _ field: String, max: Int) throws
            -> String?
        {
            guard let change else { return current }
            return try change.boundedOrNil(field, field, max: max)
        }
        let group: Int64? =
            if let wanted = changes.groupID { try checkedGroup(wanted) } else { old.groupID }
        var tags = try changes.tags.map { try Tags.normalized($0) } ?? old.tags
        let values = try profileValues(
            old.customFields, changes.fields, of: .organization, oldTags: old.tags, tags: &tags)
        try rows.run(
            """
            UPDATE organizations SET name = ?3, name_key = ?4, external_id = ?5, details = ?6,
            notes = ?7, group_id = ?8, domain_names = ?9, tags = ?10, shared_tickets = ?11,
            shared_comments = ?12, updated_at = ?13, custom_fields = ?14, version = version + 1
            WHERE tenant = ?1 AND id = ?2
            """, id, name, name.lowercased(),
            try text(changes.externalID, old.externalID, "external_id", max: 255),
            try text(changes.details, old.details, "details", max: 65_536),
            try text(changes.notes, old.notes, "notes", max: 65_536), group,
            Tags.join(
                try changes.domainNames.map { try Tags.normalized($0, field: "domain_names") }
                    ?? old.domainNames),
            Tags.join(tags), changes.sharesTickets ?? old.sharesTickets,
            changes.sharesComments ?? old.sharesComments, now.milliseconds, values.stored)
        return try findOrganization(id)!
    }

    package func createOrUpdateOrganization(_ changes: OrganizationChanges) throws
        -> (Organization, Bool)
    {
        var found: Organization?
        if let external = changes.externalID ?? nil {
            found = try organizations(externalID: external, name: nil, prefix: nil).first
        }
        if found == nil, let name = changes.name {
            found = try organizations(externalID: nil, name: name, prefix: nil).first
        }
        if let found { return (try updateOrganization(found.id, changes), false) }
        return (try createOrganization(changes), true)
    }

    /// Deletes an organization. Its members stay, without it; tickets keep the number as history.
    package func deleteOrganization(_ id: Int64) throws {
        try require(.delete, .organization(id: id))
        guard try findOrganization(id) != nil else { throw DeskRefusal.notFound }
        let members = try rows.count(.usersOfOrganization(id))
        guard members <= 5000 else {
            throw DeskRefusal.invalid(
                "base", .notAllowed,
                "The organization has \(members) users; move them in steps of at most 5,000 first")
        }
        let memberships = try rows.all(
            "SELECT user_id FROM organization_memberships WHERE tenant = ?1 AND organization_id = ?2",
            id
        ) { $0.int64(0) }
        for user in memberships { try leaveOrganization(user: user, organization: id) }
        try rows.run("DELETE FROM organizations WHERE tenant = ?1 AND id = ?2", id)
        try rows.add(-1, to: .organizations)
    }

    private func checkName(_ name: String, of id: Int64?) throws {
        let owner = try rows.first(
            "SELECT id FROM organizations WHERE tenant = ?1 AND name_key = ?2", name.lowercased()
        ) { $0.int64(0) }
        guard owner == nil || owner == id else {
            throw DeskRefusal.invalid("name", .duplicate, "Name: has already been taken")
        }
    }

    private func checkedGroup(_ id: Int64?) throws -> Int64? {
        guard let id else { return nil }
        guard let team = try findTeam(id), !team.isDeleted else {
            throw DeskRefusal.invalid("group_id", .invalid, "Group: does not exist")
        }
        return id
    }
}
