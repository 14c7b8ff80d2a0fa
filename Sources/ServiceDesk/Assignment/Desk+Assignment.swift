import SQLite
import ShardStore
import Wire

extension Desk where Rows == WritableRows {
    /// Tickets that one request gives away besides its own; the rest goes on in steps of as many.
    static var giveLimit: Int { 25 }
    /// Different sets of skills that one request looks at in a group.
    static var setLimit: Int { 200 }

    // MARK: The ticket that is being written

    /// Gives a ticket that is about to be written, and that nobody has, to whoever's turn it is in its group. Triggers have run: they see
    /// it as it was before.
    ///
    /// - Parameter isLive: false while many tickets are written in one request, or one as of another time; then the next step does it.
    func assignAutomatically(
        _ run: inout TriggerRun, _ changes: TicketChanges, isLive: Bool
    ) throws {
        // Who was given what was written down then.
        if isReplay { return }
        if let source = changes.assigner {
            for field in ["assignee_id", "status", "custom_status_id"] {
                run.setters[field] = source
            }
            return
        }
        guard run.ticket.isWaiting, let team = run.ticket.groupID,
            var settings = try automaticAssignment(ofTeam: team)
        else { return }
        let skills = Skill.join(run.ticket.skillIDs)
        // Nobody overtakes what waits for the next step.
        guard isLive, settings.leftFrom == nil else { return try rows.leave(team, from: skills) }
        let moment = settings.relaxedBefore(now: now)
        if moment != nil {
            // Time may have made others fit who have waited longer.
            try giveWaiting(in: [team], except: run.ticket.id)
            settings = try rows.teamAssignment(team)!
            guard settings.leftFrom == nil else { return try rows.leave(team, from: skills) }
        }
        var round = AssignmentRound()
        try readTeam(settings, into: &round)
        let isRelaxed = moment.map { run.ticket.createdAt <= $0 } ?? false
        let needs = settings.usesSkills && !isRelaxed ? try rows.needs(skills) : []
        if !needs.isEmpty { try rows.readSkills(ofTeam: team, into: &round) }
        guard let agent = round.agent(for: needs, in: 0) else { return }
        let before = run.ticket
        run.ticket.assigneeID = agent
        if before.status == .new { run.ticket.status = .open }
        try rows.catalog().settleStatus(nil, of: &run.ticket, before: before.status)
        let source = try assigner(team)
        for field in auditedDifferences(from: before, to: run.ticket) {
            run.setters[field] = source
        }
        try remember(agent, settings)
    }

    private func automaticAssignment(ofTeam team: Int64) throws -> TeamAssignment? {
        // A desk where people assign pays one look at a counter.
        guard try rows.count(.automaticTeams) > 0, let settings = try rows.teamAssignment(team),
            settings.method != .manual
        else { return nil }
        return settings
    }

    /// How audits name a group that assigned a ticket.
    private func assigner(_ team: Int64) throws -> TriggerRun.Source {
        TriggerRun.Source(kind: nil, id: team, title: try findTeam(team)?.name ?? "")
    }

    /// - Returns: the number of this gift.
    @discardableResult
    private func remember(_ agent: Int64, _ settings: TeamAssignment) throws -> Int64 {
        let number = rows.makeIdentifier()
        try rows.run(
            "UPDATE agent_work SET last_given = ?3 WHERE tenant = ?1 AND user_id = ?2", agent,
            number)
        if settings.method == .roundRobin {
            try rows.run(
                "UPDATE team_assignment SET last_agent_id = ?3 WHERE tenant = ?1 AND team_id = ?2",
                settings.teamID, agent)
        }
        return number
    }

    private func readTeam(_ settings: TeamAssignment, into round: inout AssignmentRound) throws {
        let members = try rows.readMembers(of: settings, into: &round)
        round.teams.append(
            AssignmentRound.Team(
                id: settings.teamID, method: settings.method, members: members,
                lastAgentID: settings.lastAgentID))
    }

    // MARK: Tickets that wait

    /// Gives waiting tickets to whom an update has left room. The ticket is written; when it waits itself it may be given away, too.
    /// - Returns: the ticket as it stands then.
    @discardableResult
    func giveFreed(from old: Ticket, to new: Ticket, isLive: Bool = true) throws -> Ticket {
        guard !isReplay, let agent = old.loadedAgentID, agent != new.loadedAgentID else {
            return new
        }
        try giveWaiting(to: agent, isLive: isLive)
        return new.isWaiting ? try findTicket(new.id) ?? new : new
    }

    /// Finds somebody for a ticket that came to its group otherwise than by an update.
    func offer(_ ticket: Ticket) throws {
        guard ticket.isWaiting, let team = ticket.groupID else { return }
        try giveWaiting(in: [team])
    }

    /// Gives waiting tickets to an agent who can take more than before, and to whoever's turn it is.
    func giveWaiting(to agent: Int64, isLive: Bool = true) throws {
        let teams = try rows.automaticTeams(of: agent)
        if isLive {
            try giveWaiting(in: teams)
        } else {
            for team in teams { try rows.leave(team) }
        }
    }

    /// Gives away what waits in some groups: of what somebody can take the highest priority first, then the oldest, whichever group it is
    /// in. What is more than one request may do is left to `giveLeftTickets`.
    ///
    /// - Parameters:
    ///   - resumes: whether to begin where it was left.
    ///   - except: a ticket that somebody is working on.
    /// - Returns: how many were given away.
    @discardableResult
    func giveWaiting(in teams: [Int64], resumes: Bool = false, except: Int64 = 0) throws -> Int {
        var round = AssignmentRound()
        var all: [(settings: TeamAssignment, start: String, rest: String?)] = []
        for id in teams {
            guard let settings = try automaticAssignment(ofTeam: id) else { continue }
            let start = resumes ? settings.leftFrom ?? "" : ""
            let found = try rows.waitingSets(id, from: start, limit: Self.setLimit)
            guard !found.sets.isEmpty else {
                try rows.setLeft(id, nil)
                continue
            }
            try readTeam(settings, into: &round)
            all.append((settings, start, found.rest))
            try addQueues(found.sets, settings, except: except, to: &round)
        }
        var given = 0
        while given < Self.giveLimit, let choice = round.next() {
            try give(choice, all[choice.team].settings, &round)
            try refill(&round, after: choice, all.map(\.settings), except: except)
            given += 1
        }
        let isCut = given == Self.giveLimit && round.next() != nil
        for (settings, start, rest) in all {
            try rows.setLeft(settings.teamID, isCut ? start : rest)
        }
        return given
    }

    private func addQueues(
        _ sets: [String], _ settings: TeamAssignment, except: Int64,
        to round: inout AssignmentRound
    ) throws {
        let team = round.teams.count - 1
        let moment = settings.relaxedBefore(now: now)
        var knowsSkills = false
        for skills in sets {
            let needs = settings.usesSkills ? try rows.needs(skills) : []
            if !needs.isEmpty && !knowsSkills {
                try rows.readSkills(ofTeam: settings.teamID, into: &round)
                knowsSkills = true
            }
            var queue = AssignmentRound.Queue(
                team: team, skills: skills, needs: needs, isRelaxed: false)
            queue.head = try head(of: queue, settings, except: except)
            round.queues.append(queue)
            guard !needs.isEmpty, moment != nil else { continue }
            queue = AssignmentRound.Queue(team: team, skills: skills, needs: [], isRelaxed: true)
            queue.head = try head(of: queue, settings, except: except)
            round.queues.append(queue)
        }
    }

    private func head(
        of queue: AssignmentRound.Queue, _ settings: TeamAssignment, except: Int64
    ) throws -> AssignmentRound.Head? {
        guard queue.isRelaxed, let moment = settings.relaxedBefore(now: now) else {
            return try rows.waitingHead(settings.teamID, queue.skills, except: except)
        }
        return try rows.waitingHead(
            settings.teamID, queue.skills, except: except, madeBefore: moment)
    }

    /// Writes what a round decided, as an update of its own by the system.
    private func give(
        _ choice: AssignmentRound.Choice, _ settings: TeamAssignment,
        _ round: inout AssignmentRound
    ) throws {
        guard let ticket = try findTicket(choice.ticketID) else { return }
        var changes = TicketChanges()
        changes.assigneeID = .some(choice.agentID)
        changes.assigner = try assigner(settings.teamID)
        let system = Desk(
            rows: rows, principal: Principal(userID: -1, role: .admin),
            via: Via(channel: .system), now: now)
        let written = try system.apply(changes, to: ticket, asksForFields: false).ticket
        let number = try remember(choice.agentID, settings)
        round.give(
            to: choice.agentID, in: choice.team, takesCapacity: written.loadedAgentID != nil,
            number: number)
    }

    /// The next heads of the queues that the ticket was the head of.
    private func refill(
        _ round: inout AssignmentRound, after choice: AssignmentRound.Choice,
        _ settings: [TeamAssignment], except: Int64
    ) throws {
        for place in round.queues.indices
        where round.queues[place].head?.ticketID == choice.ticketID {
            let queue = round.queues[place]
            round.queues[place].head = try head(of: queue, settings[queue.team], except: except)
        }
    }
}

extension ShardTransaction {
    /// Goes on where a request left waiting tickets because there were too many.
    /// - Returns: how many steps were made.
    package func giveLeftTickets() throws -> Int {
        guard try hasLeftTickets() else { return 0 }
        let team = try first(
            """
            SELECT team_id FROM team_assignment WHERE tenant = ?1 AND left_from IS NOT NULL
            ORDER BY team_id LIMIT 1
            """
        ) { $0.int64(0) }
        guard let team else { return 0 }
        let system = Desk(
            rows: self, principal: Principal(userID: -1, role: .admin),
            via: Via(channel: .system))
        try system.giveWaiting(in: [team], resumes: true)
        return 1
    }
}
