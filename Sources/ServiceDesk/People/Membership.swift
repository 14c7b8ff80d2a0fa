import SQLite
import ShardStore
package import Wire

/// An agent's place in a group, or a user's in an organization.
package struct Membership: Sendable, Equatable {
    package let id: Int64
    package let userID: Int64
    /// The group or the organization.
    package let ownerID: Int64
    package let isDefault: Bool
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    init(_ row: Row) {
        id = row.int64(0)
        userID = row.int64(1)
        ownerID = row.int64(2)
        isDefault = row.bool(3)
        createdAt = Timestamp(rawValue: row.int64(4))
        updatedAt = Timestamp(rawValue: row.int64(5))
    }
}

/// Of the two kinds of membership, one.
package enum MembershipKind: Sendable {
    case team, organization

    var table: String { self == .team ? "team_memberships" : "organization_memberships" }
    var owner: String { self == .team ? "team_id" : "organization_id" }
    var resource: Resource { self == .team ? .groupMembership : .organizationMembership }
    var counter: Counter { self == .team ? .groupMemberships : .organizationMemberships }
    var columns: String { "id, user_id, \(owner), is_default, created_at, updated_at" }
}

extension Desk {
    package func memberships(
        _ kind: MembershipKind, user: Int64? = nil, owner: Int64? = nil, _ page: PageRequest
    ) throws -> Page<Membership> {
        try require(.list, kind.resource)
        var conditions: [String] = []
        var values: [any Bindable] = []
        if let user {
            guard try findUser(user) != nil else { throw DeskRefusal.notFound }
            values.append(user)
            conditions.append("user_id = ?\(values.count + 1)")
        }
        if let owner {
            let exists =
                kind == .team ? try findTeam(owner) != nil : try findOrganization(owner) != nil
            guard exists else { throw DeskRefusal.notFound }
            values.append(owner)
            conditions.append("\(kind.owner) = ?\(values.count + 1)")
        }
        let condition = conditions.isEmpty ? "1" : conditions.joined(separator: " AND ")
        return try rows.page(
            PagedQuery(
                columns: kind.columns, source: kind.table, condition: condition, values: values,
                order: PageOrder("id", ["\(kind.table).id"])),
            page,
            count: {
                if conditions.isEmpty { return try rows.count(kind.counter) }
                // One user's or one group's: an index range, not the table.
                return try rows.first(
                    "SELECT count(*) FROM \(kind.table) WHERE tenant = ?1 AND \(condition)",
                    values: values
                ) { $0.int64(0) } ?? 0
            }, read: Membership.init)
    }

    package func membership(_ kind: MembershipKind, _ id: Int64) throws -> Membership {
        try require(.read, kind.resource)
        guard let found = try findMembership(kind, id) else { throw DeskRefusal.notFound }
        return found
    }

    func findMembership(_ kind: MembershipKind, _ id: Int64) throws -> Membership? {
        try rows.first(
            "SELECT \(kind.columns) FROM \(kind.table) WHERE tenant = ?1 AND id = ?2", id,
            read: Membership.init)
    }
}

extension Desk where Rows == WritableRows {
    package func createMembership(
        _ kind: MembershipKind, user: Int64, owner: Int64, isDefault: Bool
    ) throws -> Membership {
        try require(.create, kind.resource)
        switch kind {
        case .team:
            _ = try requireUser(user, atLeast: .agent, field: "user_id", label: "User")
            guard let team = try findTeam(owner), !team.isDeleted else {
                throw DeskRefusal.invalid("group_id", .invalid, "Group: does not exist")
            }
        case .organization:
            _ = try requireUser(user, field: "user_id", label: "User")
            guard try findOrganization(owner) != nil else {
                throw DeskRefusal.invalid(
                    "organization_id", .invalid, "Organization: does not exist")
            }
        }
        let known = try rows.first(
            "SELECT 1 FROM \(kind.table) WHERE tenant = ?1 AND user_id = ?2 AND \(kind.owner) = ?3",
            user, owner
        ) { _ in true }
        guard known == nil else {
            throw DeskRefusal.invalid("user_id", .duplicate, "User: has already been taken")
        }
        let hasAny = try rows.first(
            "SELECT 1 FROM \(kind.table) WHERE tenant = ?1 AND user_id = ?2", user
        ) { _ in true }
        let makeDefault = isDefault || hasAny == nil
        let id =
            kind == .team
            ? try insertMembership(user: user, team: owner, isDefault: makeDefault)
            : try insertMembership(user: user, organization: owner, isDefault: makeDefault)
        return try findMembership(kind, id)!
    }

    package func deleteMembership(_ kind: MembershipKind, _ id: Int64) throws {
        // Whoever may make one may end it.
        try require(.create, kind.resource)
        guard let found = try findMembership(kind, id) else { throw DeskRefusal.notFound }
        switch kind {
        case .team: try leaveTeam(user: found.userID, team: found.ownerID)
        case .organization: try leaveOrganization(user: found.userID, organization: found.ownerID)
        }
    }

    /// Makes one of a user's memberships the one that counts when nothing else is said.
    package func makeDefault(_ kind: MembershipKind, user: Int64, _ id: Int64) throws {
        try require(.create, kind.resource)
        guard let found = try findMembership(kind, id), found.userID == user else {
            throw DeskRefusal.notFound
        }
        switch kind {
        case .team: try setDefaultTeam(user: user, team: found.ownerID)
        case .organization:
            try setDefaultOrganization(user: user, organization: found.ownerID)
        }
    }

    // MARK: Rows

    @discardableResult
    func insertMembership(user: Int64, team: Int64, isDefault: Bool) throws -> Int64 {
        let id = rows.makeIdentifier()
        try rows.run(
            "INSERT INTO team_memberships VALUES (?1, ?2, ?3, ?4, 0, ?5, ?5)", user, team, id,
            now.milliseconds)
        try rows.add(1, to: .groupMemberships)
        if isDefault { try setDefaultTeam(user: user, team: team) }
        try giveWaiting(to: user)
        return id
    }

    @discardableResult
    func insertMembership(user: Int64, organization: Int64, isDefault: Bool) throws -> Int64 {
        let id = rows.makeIdentifier()
        try rows.run(
            "INSERT INTO organization_memberships VALUES (?1, ?2, ?3, ?4, 0, ?5, ?5)", user,
            organization, id, now.milliseconds)
        try rows.add(1, to: .organizationMemberships)
        if isDefault { try setDefaultOrganization(user: user, organization: organization) }
        return id
    }

    func setDefaultTeam(user: Int64, team: Int64) throws {
        guard try isMember(user: user, team: team) else {
            throw DeskRefusal.invalid(
                "default_group_id", .invalid, "Default group: the agent is not a member of it")
        }
        try setDefault(.team, user: user, owner: team)
        try rows.run(
            "UPDATE users SET default_group_id = ?3 WHERE tenant = ?1 AND id = ?2", user, team)
    }

    private func setDefaultOrganization(user: Int64, organization: Int64) throws {
        try setDefault(.organization, user: user, owner: organization)
        let old = try findUser(user)?.organizationID
        guard old != organization else { return }
        if let old { try rows.add(-1, to: .usersOfOrganization(old)) }
        try rows.add(1, to: .usersOfOrganization(organization))
        try rows.run(
            "UPDATE users SET organization_id = ?3 WHERE tenant = ?1 AND id = ?2", user,
            organization)
    }

    private func setDefault(_ kind: MembershipKind, user: Int64, owner: Int64) throws {
        try rows.run(
            "UPDATE \(kind.table) SET is_default = 0 WHERE tenant = ?1 AND user_id = ?2 AND is_default = 1",
            user)
        try rows.run(
            "UPDATE \(kind.table) SET is_default = 1, updated_at = ?4 WHERE tenant = ?1 AND user_id = ?2 AND \(kind.owner) = ?3",
            user, owner, now.milliseconds)
    }

    /// Takes an agent out of a group; the group's unsolved tickets of theirs lose their assignee.
    func leaveTeam(user: Int64, team: Int64) throws {
        let removed = try rows.run(
            "DELETE FROM team_memberships WHERE tenant = ?1 AND user_id = ?2 AND team_id = ?3",
            user,
            team)
        try rows.add(Int64(-removed), to: .groupMemberships)
        try unassignTickets(ofAgent: user, inTeam: team)
        guard try findUser(user)?.defaultGroupID == team else { return }
        let next = try rows.first(
            "SELECT team_id FROM team_memberships WHERE tenant = ?1 AND user_id = ?2", user
        ) { $0.int64(0) }
        if let next {
            try setDefaultTeam(user: user, team: next)
        } else {
            try rows.run(
                "UPDATE users SET default_group_id = NULL WHERE tenant = ?1 AND id = ?2", user)
        }
    }

    func leaveAllTeams(user: Int64) throws {
        let teams = try rows.all(
            "SELECT team_id FROM team_memberships WHERE tenant = ?1 AND user_id = ?2", user
        ) { $0.int64(0) }
        for team in teams { try leaveTeam(user: user, team: team) }
        try unassignTickets(ofAgent: user, inTeam: nil)
        try forgetWork(of: user)
    }

    func leaveOrganization(user: Int64, organization: Int64) throws {
        let removed = try rows.run(
            "DELETE FROM organization_memberships WHERE tenant = ?1 AND user_id = ?2 AND organization_id = ?3",
            user, organization)
        try rows.add(Int64(-removed), to: .organizationMemberships)
        guard try findUser(user)?.organizationID == organization else { return }
        try rows.add(-1, to: .usersOfOrganization(organization))
        try rows.run(
            "UPDATE users SET organization_id = NULL WHERE tenant = ?1 AND id = ?2", user)
        let next = try rows.first(
            "SELECT organization_id FROM organization_memberships WHERE tenant = ?1 AND user_id = ?2",
            user
        ) { $0.int64(0) }
        if let next { try setDefaultOrganization(user: user, organization: next) }
    }

    /// Follows a change of a user's `organization_id`.
    func moveToOrganization(user: Int64, from old: Int64?, to new: Int64?) throws {
        if let old { try leaveOrganization(user: user, organization: old) }
        guard let new else { return }
        let known = try rows.first(
            "SELECT 1 FROM organization_memberships WHERE tenant = ?1 AND user_id = ?2 AND organization_id = ?3",
            user, new
        ) { _ in true }
        if known == nil {
            try insertMembership(user: user, organization: new, isDefault: true)
        } else {
            try setDefaultOrganization(user: user, organization: new)
        }
    }
}
