import SQLite
import ShardStore
package import Wire

/// How a group's tickets come to its agents.
package struct TeamAssignment: Sendable, Equatable {
    package enum Method: Int64, Sendable, CaseIterable {
        /// People take and give tickets themselves.
        case manual = 0
        /// To one after another, in the order of their numbers.
        case roundRobin = 1
        /// To whoever has least to do for their capacity.
        case load = 2

        package var name: String {
            switch self {
            case .manual: "manual"
            case .roundRobin: "round_robin"
            case .load: "load"
            }
        }
        package init?(name: String) {
            guard let method = Method.allCases.first(where: { $0.name == name }) else { return nil }
            self = method
        }
    }

    package let teamID: Int64
    package var method: Method
    /// Whether a ticket goes only to who has all the skills that it needs.
    package var usesSkills: Bool
    /// Minutes after it was made from which a ticket may go to anybody; nil: it waits for the skills as long as it takes.
    ///
    /// No clock runs for this: such tickets are found when something else happens in the group.
    package var skillTimeout: Int64?
    /// New and open tickets up to which a member without a capacity of their own is given more.
    package var capacity: Int64
    /// Who was given the last ticket in turn. A number, not a place, so that who comes and goes changes nobody's turn.
    var lastAgentID: Int64 = 0
    /// Waiting tickets that need these skills or later ones have not all been looked at since somebody could take more; nil: all have.
    var leftFrom: String?
    package var updatedAt: Timestamp
    package var version: Int64

    /// Of groups that never said anything: by hand.
    init(of team: Team) {
        teamID = team.id
        method = .manual
        usesSkills = false
        capacity = Self.usualCapacity
        updatedAt = team.createdAt
        version = 0
    }

    static let usualCapacity: Int64 = 10
    static let capacityLimit: Int64 = 1000
    /// A year.
    static let timeoutLimit: Int64 = 525_600

    static let columns = """
        team_id, method, uses_skills, skill_timeout, capacity, last_agent_id, left_from, updated_at,
        version
        """

    init(_ row: Row) {
        teamID = row.int64(0)
        method = Method(rawValue: row.int64(1)) ?? .manual
        usesSkills = row.bool(2)
        skillTimeout = row.optionalInt64(3)
        capacity = row.int64(4)
        lastAgentID = row.int64(5)
        leftFrom = row.optionalText(6)
        updatedAt = Timestamp(rawValue: row.int64(7))
        version = row.int64(8)
    }
}

/// What a request wants of a group's assignment. Nil leaves a part as it is.
package struct TeamAssignmentDraft: Sendable, Equatable {
    package var method: TeamAssignment.Method?
    package var usesSkills: Bool?
    package var skillTimeout: Int64??
    package var capacity: Int64?
    package init() {}
}

extension Desk {
    package func assignment(ofTeam id: Int64) throws -> TeamAssignment {
        try require(.read, .group)
        guard let team = try findTeam(id), !team.isDeleted else { throw DeskRefusal.notFound }
        return try rows.teamAssignment(id) ?? TeamAssignment(of: team)
    }
}

extension Desk where Rows == WritableRows {
    /// Says how a group's tickets are given away. What waits in it is given away at once, as far as it can be.
    package func setAssignment(ofTeam id: Int64, _ draft: TeamAssignmentDraft) throws
        -> TeamAssignment
    {
        try require(.update, .group)
        let old = try assignment(ofTeam: id)
        var new = old
        if let method = draft.method { new.method = method }
        if let usesSkills = draft.usesSkills { new.usesSkills = usesSkills }
        if let timeout = draft.skillTimeout { new.skillTimeout = timeout }
        if let capacity = draft.capacity { new.capacity = capacity }
        guard (1...TeamAssignment.capacityLimit).contains(new.capacity) else {
            throw DeskRefusal.invalid(
                "capacity", .outOfRange,
                "Capacity: must be from 1 to \(TeamAssignment.capacityLimit)")
        }
        if let timeout = new.skillTimeout, !(1...TeamAssignment.timeoutLimit).contains(timeout) {
            throw DeskRefusal.invalid(
                "skill_timeout_minutes", .outOfRange,
                "Skill timeout minutes: must be from 1 to \(TeamAssignment.timeoutLimit)")
        }
        guard new != old else { return old }
        try write(new)
        let change = (new.method == .manual ? 0 : 1) - (old.method == .manual ? 0 : 1)
        if change != 0 { try rows.add(Int64(change), to: .automaticTeams) }
        if new.method == .manual {
            try rows.setLeft(id, nil)
        } else {
            try giveWaiting(in: [id])
        }
        return try rows.teamAssignment(id)!
    }

    private func write(_ new: TeamAssignment) throws {
        let values: [any Bindable] = [
            new.teamID, new.method.rawValue, new.usesSkills, new.skillTimeout, new.capacity,
            now.milliseconds,
        ]
        let changed = try rows.run(
            """
            UPDATE team_assignment SET method = ?3, uses_skills = ?4, skill_timeout = ?5,
            capacity = ?6, updated_at = ?7, version = version + 1
            WHERE tenant = ?1 AND team_id = ?2
            """, values: values)
        guard changed == 0 else { return }
        try rows.run(
            """
            INSERT INTO team_assignment (tenant, team_id, last_agent_id, method, uses_skills,
            skill_timeout, capacity, updated_at, version) VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, 1)
            """, values: values)
    }

    /// Of a group that is deleted.
    func forgetAssignment(ofTeam id: Int64) throws {
        guard let settings = try rows.teamAssignment(id) else { return }
        try rows.setLeft(id, nil)
        if settings.method != .manual { try rows.add(-1, to: .automaticTeams) }
        try rows.run("DELETE FROM team_assignment WHERE tenant = ?1 AND team_id = ?2", id)
    }
}

extension ShardReader {
    /// What a group said of its assignment; nil when it never did.
    func teamAssignment(_ id: Int64) throws -> TeamAssignment? {
        try first(
            "SELECT \(TeamAssignment.columns) FROM team_assignment WHERE tenant = ?1 AND team_id = ?2",
            id, read: TeamAssignment.init)
    }

    /// Whether tickets wait that have not been looked at since somebody could take more.
    package func hasLeftTickets() throws -> Bool { try count(.leftTeams) > 0 }
}

extension ShardTransaction {
    /// Notes from which skills on a group's waiting tickets are still to be looked at; nil: none.
    func setLeft(_ team: Int64, _ place: String?) throws {
        guard let settings = try teamAssignment(team), settings.leftFrom != place else { return }
        try run(
            "UPDATE team_assignment SET left_from = ?3 WHERE tenant = ?1 AND team_id = ?2", team,
            place)
        let change = (place == nil ? 0 : 1) - (settings.leftFrom == nil ? 0 : 1)
        if change != 0 { try add(Int64(change), to: .leftTeams) }
    }

    /// Leaves a group's waiting tickets, those that need these skills and later ones, to the next step. What is left already stays so.
    func leave(_ team: Int64, from place: String = "") throws {
        guard let settings = try teamAssignment(team), settings.method != .manual else { return }
        if let left = settings.leftFrom, left <= place { return }
        try setLeft(team, place)
    }
}
