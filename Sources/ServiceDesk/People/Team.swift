import SQLite
import ShardStore
package import Wire

/// Agents who share tickets: the API's "group".
package struct Team: Sendable, Equatable {
    package let id: Int64
    package var name: String
    package var description: String
    package var isDefault: Bool
    package var isPublic: Bool
    package var isDeleted: Bool
    package let createdAt: Timestamp
    package var updatedAt: Timestamp
    package var version: Int64

    static let columns = """
        teams.id, teams.name, teams.description, teams.is_default, teams.is_public, teams.deleted,
        teams.created_at, teams.updated_at, teams.version
        """

    init(_ row: Row) {
        id = row.int64(0)
        name = row.text(1)
        description = row.text(2)
        isDefault = row.bool(3)
        isPublic = row.bool(4)
        isDeleted = row.bool(5)
        createdAt = Timestamp(rawValue: row.int64(6))
        updatedAt = Timestamp(rawValue: row.int64(7))
        version = row.int64(8)
    }
}

extension Desk {
    package func team(_ id: Int64) throws -> Team {
        try require(.read, .group)
        guard let team = try findTeam(id) else { throw DeskRefusal.notFound }
        return team
    }

    package func teams(_ ids: some Sequence<Int64>) throws -> [Team] {
        guard Authorization.decide(principal, .list, .group) == .allow else { return [] }
        return try Set(ids).sorted().compactMap { try findTeam($0) }
    }

    package func teams(ofUser user: Int64? = nil, _ page: PageRequest) throws -> Page<Team> {
        try require(.list, .group)
        var condition = "deleted = 0"
        if user != nil {
            condition +=
                " AND id IN (SELECT team_id FROM team_memberships m WHERE m.tenant = ?1 AND m.user_id = ?2)"
        }
        let values: [any Bindable] = user.map { [$0] } ?? []
        return try rows.page(
            PagedQuery(
                columns: Team.columns, source: "teams", condition: condition, values: values,
                order: PageOrder("id", ["teams.id"])),
            page,
            count: {
                guard let user else { return try rows.count(.groups) }
                return try rows.first(
                    "SELECT count(*) FROM team_memberships WHERE tenant = ?1 AND user_id = ?2", user
                ) { $0.int64(0) } ?? 0
            }, read: Team.init)
    }

    package func teamCount() throws -> Int64 {
        try require(.list, .group)
        return try rows.count(.groups)
    }

    func findTeam(_ id: Int64) throws -> Team? {
        try rows.first(
            "SELECT \(Team.columns) FROM teams WHERE tenant = ?1 AND id = ?2", id, read: Team.init)
    }

    func defaultTeam() throws -> Int64? {
        try rows.first(
            "SELECT id FROM teams WHERE tenant = ?1 AND is_default = 1 AND deleted = 0"
        ) { $0.int64(0) }
    }

    func isMember(user: Int64, team: Int64) throws -> Bool {
        try rows.first(
            "SELECT 1 FROM team_memberships WHERE tenant = ?1 AND user_id = ?2 AND team_id = ?3",
            user, team
        ) { _ in true } ?? false
    }
}

extension Desk where Rows == WritableRows {
    package func createTeam(name: String?, description: String?, isPublic: Bool?) throws -> Team {
        try require(.create, .group)
        let name = try Validation.required(name, "name", "Name", max: 255)
        let id = rows.makeIdentifier()
        let isFirst = try rows.count(.groups) == 0
        try rows.run(
            "INSERT INTO teams VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?7, 1)", id, name,
            try Validation.bounded(description ?? "", "description", "Description", max: 4096),
            isFirst, isPublic ?? true, now.milliseconds)
        try rows.add(1, to: .groups)
        return try findTeam(id)!
    }

    package func updateTeam(_ id: Int64, name: String?, description: String?, isPublic: Bool?)
        throws
        -> Team
    {
        try require(.update, .group)
        guard let old = try findTeam(id), !old.isDeleted else { throw DeskRefusal.notFound }
        try rows.run(
            """
            UPDATE teams SET name = ?3, description = ?4, is_public = ?5, updated_at = ?6,
            version = version + 1 WHERE tenant = ?1 AND id = ?2
            """, id,
            try name.map { try Validation.required($0, "name", "Name", max: 255) } ?? old.name,
            try description.map {
                try Validation.bounded($0, "description", "Description", max: 4096)
            } ?? old.description, isPublic ?? old.isPublic, now.milliseconds)
        return try findTeam(id)!
    }

    /// Deletes a group. Its unsolved tickets lose group and assignee; solved ones keep them as history.
    package func deleteTeam(_ id: Int64) throws {
        try require(.delete, .group)
        guard let old = try findTeam(id), !old.isDeleted else { throw DeskRefusal.notFound }
        guard !old.isDefault else {
            throw DeskRefusal.invalid("base", .notAllowed, "The default group cannot be deleted")
        }
        let members = try rows.all(
            "SELECT user_id FROM team_memberships WHERE tenant = ?1 AND team_id = ?2", id
        ) { $0.int64(0) }
        for user in members { try leaveTeam(user: user, team: id) }
        try unassignTickets(ofTeam: id)
        try forgetAssignment(ofTeam: id)
        try rows.run(
            "UPDATE teams SET deleted = 1, updated_at = ?3, version = version + 1 WHERE tenant = ?1 AND id = ?2",
            id, now.milliseconds)
        try rows.add(-1, to: .groups)
    }
}
