import SQLite
import ShardStore
package import Wire

/// Whether an agent takes tickets, how many, and how many they have.
package struct AgentWork: Sendable, Equatable {
    /// The numbers are the dialect's.
    package enum State: Int64, Sendable, CaseIterable {
        case online = 1
        case away = 2
        /// Also of who never said anything: nobody is given work by surprise.
        case offline = 4

        package var name: String {
            switch self {
            case .online: "online"
            case .away: "away"
            case .offline: "offline"
            }
        }
        package init?(name: String) {
            guard let state = State.allCases.first(where: { $0.name == name }) else { return nil }
            self = state
        }
    }

    package let agentID: Int64
    package let state: State
    /// Of their own; nil: that of each group.
    package let capacity: Int64?
    package let updatedAt: Timestamp
    package let version: Int64
    /// New and open tickets assigned to them, in all groups and without: what takes capacity. Pending tickets and those on hold wait for
    /// others.
    package let openTickets: Int64
    package let groupIDs: [Int64]
    package let skillIDs: [String]
}

extension Desk {
    package func agentWork(_ id: Int64) throws -> AgentWork {
        try require(.read, .agentWork(agentID: id))
        return try work(of: staff(id))
    }

    /// Everybody who can be given tickets, by number.
    package func agentWork(_ request: PageRequest) throws -> Page<AgentWork> {
        try require(.list, .agentWork(agentID: principal.userID))
        let page = try rows.page(
            PagedQuery(
                columns: User.columns, source: "users",
                condition: "users.role > 0 AND users.active = 1",
                order: PageOrder("id", ["users.id"])),
            request,
            count: { try rows.count(.usersOfRole(.agent)) + rows.count(.usersOfRole(.admin)) },
            read: User.init)
        return Page(
            items: try page.items.map(work), count: page.count, hasMore: page.hasMore,
            first: page.first, last: page.last, request: request)
    }

    private func staff(_ id: Int64) throws -> User {
        guard let user = try findUser(id), user.isActive, user.role.isStaff else {
            throw DeskRefusal.notFound
        }
        return user
    }

    private func work(of user: User) throws -> AgentWork {
        let said = try rows.first(
            """
            SELECT state, capacity, updated_at, version FROM agent_work
            WHERE tenant = ?1 AND user_id = ?2
            """, user.id
        ) { ($0.int64(0), $0.optionalInt64(1), $0.int64(2), $0.int64(3)) }
        let groups = try rows.all(
            """
            SELECT team_id FROM team_memberships WHERE tenant = ?1 AND user_id = ?2
            ORDER BY team_id LIMIT 1000
            """, user.id
        ) { $0.int64(0) }
        return AgentWork(
            agentID: user.id, state: said.flatMap { AgentWork.State(rawValue: $0.0) } ?? .offline,
            capacity: said?.1,
            updatedAt: said.map { Timestamp(rawValue: $0.2) } ?? user.createdAt,
            version: said?.3 ?? 0, openTickets: try rows.count(.openTicketsOfAssignee(user.id)),
            groupIDs: groups, skillIDs: try rows.skills(ofAgent: user.id).map(\.id))
    }
}

extension Desk where Rows == WritableRows {
    /// Says whether an agent takes tickets, and how many. What they can take now they are given at once.
    ///
    /// A capacity bounds only what is given automatically: people may assign beyond it, and lowering it takes nothing away.
    package func setAvailability(
        of id: Int64, state: AgentWork.State?, capacity: Int64?? = nil
    ) throws -> AgentWork {
        try require(.update, .agentWork(agentID: id))
        let user = try staff(id)
        let old = try work(of: user)
        let (state, capacity) = (state ?? old.state, capacity ?? old.capacity)
        if let capacity, !(0...TeamAssignment.capacityLimit).contains(capacity) {
            throw DeskRefusal.invalid(
                "capacity", .outOfRange,
                "Capacity: must be from 0 to \(TeamAssignment.capacityLimit)")
        }
        guard state != old.state || capacity != old.capacity else { return old }
        let changed = try rows.run(
            """
            UPDATE agent_work SET state = ?3, capacity = ?4, updated_at = ?5, version = version + 1
            WHERE tenant = ?1 AND user_id = ?2
            """, id, state.rawValue, capacity, now.milliseconds)
        if changed == 0 {
            try rows.run(
                """
                INSERT INTO agent_work (tenant, user_id, last_given, state, capacity, updated_at,
                version) VALUES (?1, ?2, 0, ?3, ?4, ?5, 1)
                """, id, state.rawValue, capacity, now.milliseconds)
        }
        try giveWaiting(to: id)
        return try work(of: user)
    }

    /// Of who is no agent any more.
    func forgetWork(of agent: Int64) throws {
        try rows.run("DELETE FROM agent_work WHERE tenant = ?1 AND user_id = ?2", agent)
        try rows.run("DELETE FROM agent_skills WHERE tenant = ?1 AND user_id = ?2", agent)
    }
}
