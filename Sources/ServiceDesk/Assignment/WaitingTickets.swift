import SQLite
import ShardStore
import Wire

/// What waits in a group and who could take it, read for a round.
extension ShardReader {
    /// In the words of the index `tickets_waiting`, so that it is used.
    private static var waiting: String {
        "assignee_id IS NULL AND status < 4 AND deleted_at IS NULL"
    }

    /// The different sets of skills that a group's waiting tickets need, at most `limit`, and the one after them.
    func waitingSets(_ team: Int64, from place: String, limit: Int) throws -> (
        sets: [String], rest: String?
    ) {
        var sets: [String] = []
        var comparison = ">="
        var place = place
        while true {
            let next = try first(
                """
                SELECT skills FROM tickets WHERE tenant = ?1 AND group_id = ?2
                AND skills \(comparison) ?3 AND \(Self.waiting) ORDER BY skills LIMIT 1
                """, team, place
            ) { $0.text(0) }
            guard let next else { return (sets, nil) }
            guard sets.count < limit else { return (sets, next) }
            sets.append(next)
            (place, comparison) = (next, ">")
        }
    }

    /// The first of a group's waiting tickets that need a set of skills: the highest priority, then the oldest.
    /// - Parameter except: a ticket that somebody is working on, whose row is not what it will be.
    func waitingHead(_ team: Int64, _ skills: String, except: Int64) throws
        -> AssignmentRound.Head?
    {
        try first(
            """
            SELECT id, priority FROM tickets WHERE tenant = ?1 AND group_id = ?2 AND skills = ?3
            AND \(Self.waiting) AND id <> ?4 ORDER BY priority DESC, id LIMIT 1
            """, team, skills, except
        ) { AssignmentRound.Head(ticketID: $0.int64(0), priority: $0.optionalInt64(1) ?? -1) }
    }

    /// The first of those that were made before a moment. Within a priority numbers follow age, so only the head of each is looked at.
    func waitingHead(_ team: Int64, _ skills: String, except: Int64, madeBefore moment: Timestamp)
        throws -> AssignmentRound.Head?
    {
        let priorities: [Int64?] = TicketPriority.allCases.reversed().map(\.rawValue) + [nil]
        for priority in priorities {
            let head = try first(
                """
                SELECT id, created_at FROM tickets WHERE tenant = ?1 AND group_id = ?2
                AND skills = ?3 AND priority IS ?4 AND \(Self.waiting) AND id <> ?5
                ORDER BY id LIMIT 1
                """, team, skills, priority, except
            ) { ($0.int64(0), $0.int64(1)) }
            if let head, head.1 <= moment.milliseconds {
                return AssignmentRound.Head(ticketID: head.0, priority: priority ?? -1)
            }
        }
        return nil
    }

    /// A group's members who take tickets, with what they have already.
    ///
    /// Who may see only what they asked for themselves is left out: they would not see what they are given.
    func readMembers(of settings: TeamAssignment, into round: inout AssignmentRound) throws
        -> [AssignmentRound.Member]
    {
        let found = try all(
            """
            SELECT m.user_id, w.capacity, w.last_given, c.value FROM team_memberships m
            JOIN agent_work w ON w.tenant = ?1 AND w.user_id = m.user_id AND w.state = ?3
            JOIN users u ON u.tenant = ?1 AND u.id = m.user_id AND u.active = 1
            AND u.suspended = 0 AND u.role > 0 AND u.ticket_restriction <> ?4
            LEFT JOIN counters c ON c.tenant = ?1 AND c.kind = ?5 AND c.subject = m.user_id
            WHERE m.tenant = ?1 AND m.team_id = ?2 ORDER BY m.user_id
            """, settings.teamID, AgentWork.State.online.rawValue,
            TicketRestriction.requested.rawValue, Counter.openTicketsOfAssignee(0).key.kind
        ) { row in
            (row.int64(0), row.optionalInt64(1), row.int64(2), row.optionalInt64(3) ?? 0)
        }
        return found.compactMap { id, capacity, lastGiven, load in
            round.loads[id] = load
            round.lastGiven[id] = lastGiven
            let capacity = capacity ?? settings.capacity
            return capacity > 0 ? AssignmentRound.Member(id: id, capacity: capacity) : nil
        }
    }

    /// What the members of a group who take tickets can.
    func readSkills(ofTeam team: Int64, into round: inout AssignmentRound) throws {
        let found = try all(
            """
            SELECT s.user_id, s.value_id FROM team_memberships m
            JOIN agent_work w ON w.tenant = ?1 AND w.user_id = m.user_id AND w.state = ?3
            JOIN agent_skills s ON s.tenant = ?1 AND s.user_id = m.user_id
            WHERE m.tenant = ?1 AND m.team_id = ?2
            """, team, AgentWork.State.online.rawValue
        ) { ($0.int64(0), $0.text(1)) }
        for (agent, skill) in found { round.skills[agent, default: []].insert(skill) }
    }

    /// Those of a stored set that still exist: what is deleted nobody can have, so nobody needs it.
    func needs(_ skills: String) throws -> Set<String> {
        Set(try Skill.split(skills).filter { try skill($0) != nil })
    }

    /// The groups that give tickets to this agent by themselves; none while the agent takes none.
    func automaticTeams(of agent: Int64) throws -> [Int64] {
        guard try count(.automaticTeams) > 0 else { return [] }
        let state = try first(
            "SELECT state FROM agent_work WHERE tenant = ?1 AND user_id = ?2", agent
        ) { AgentWork.State(rawValue: $0.int64(0)) }
        guard state == .online else { return [] }
        return try all(
            """
            SELECT m.team_id FROM team_memberships m
            JOIN team_assignment t ON t.tenant = ?1 AND t.team_id = m.team_id AND t.method > 0
            WHERE m.tenant = ?1 AND m.user_id = ?2 ORDER BY m.team_id
            """, agent
        ) { $0.int64(0) }
    }
}

extension TeamAssignment {
    /// Tickets made before this moment may go to anybody; nil when none may.
    func relaxedBefore(now: Timestamp) -> Timestamp? {
        guard usesSkills, let skillTimeout else { return nil }
        return now.advanced(byMilliseconds: -skillTimeout * 60_000)
    }
}

extension Ticket {
    /// Whether its group should find somebody for it.
    var isWaiting: Bool {
        assigneeID == nil && groupID != nil && status < .solved && deletedAt == nil
    }

    /// Whose capacity it takes: its assignee's while it is new or open. Pending tickets and those on hold wait for others.
    var loadedAgentID: Int64? {
        deletedAt == nil && status <= .open ? assigneeID : nil
    }
}

extension ShardTransaction {
    /// Follows what agents have to do. Called with every change of a ticket's row.
    func countLoad(from old: Ticket?, to new: Ticket) throws {
        let (before, after) = (old?.loadedAgentID, new.loadedAgentID)
        guard before != after else { return }
        if let before { try add(-1, to: .openTicketsOfAssignee(before)) }
        if let after { try add(1, to: .openTicketsOfAssignee(after)) }
    }
}
