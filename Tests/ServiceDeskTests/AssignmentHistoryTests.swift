import Foundation
import SQLite
import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// What must hold of automatic assignment after any history, each by rules of the test's own that read nothing but the plain tables.
struct AssignmentHistoryTests {
    /// An agent as the tables have them.
    private struct Agent {
        var isReady = false
        var capacity: Int64?
        var load: Int64 = 0
        var teams: Set<Int64> = []
        var skills: Set<String> = []
    }

    private struct Team {
        let capacity: Int64
        let usesSkills: Bool
    }

    /// All that decides, read anew.
    private struct World {
        var agents: [Int64: Agent] = [:]
        var teams: [Int64: Team] = [:]
        var skills: Set<String> = []

        init(_ rows: ShardReader) throws {
            skills = Set(
                try rows.all("SELECT id FROM skill_values WHERE tenant = ?1") { $0.text(0) })
            for (id, capacity, usesSkills) in try rows.all(
                "SELECT team_id, capacity, uses_skills FROM team_assignment WHERE tenant = ?1 AND method > 0",
                read: { ($0.int64(0), $0.int64(1), $0.bool(2)) })
            {
                teams[id] = Team(capacity: capacity, usesSkills: usesSkills)
            }
            for (id, state, capacity) in try rows.all(
                """
                SELECT id, state, capacity FROM users JOIN agent_work
                ON agent_work.tenant = ?1 AND user_id = id WHERE users.tenant = ?1 AND role > 0
                AND active = 1 AND suspended = 0
                """, read: { ($0.int64(0), $0.int64(1), $0.optionalInt64(2)) })
            {
                agents[id] = Agent(isReady: state == 1, capacity: capacity)
            }
            for (agent, team) in try rows.all(
                "SELECT user_id, team_id FROM team_memberships WHERE tenant = ?1",
                read: { ($0.int64(0), $0.int64(1)) })
            {
                agents[agent]?.teams.insert(team)
            }
            for (agent, skill) in try rows.all(
                "SELECT user_id, value_id FROM agent_skills WHERE tenant = ?1",
                read: { ($0.int64(0), $0.text(1)) })
            {
                agents[agent]?.skills.insert(skill)
            }
            for (agent, load) in try rows.all(
                """
                SELECT assignee_id, count(*) FROM tickets WHERE tenant = ?1 AND status < 2
                AND deleted_at IS NULL AND assignee_id IS NOT NULL GROUP BY assignee_id
                """, read: { ($0.int64(0), $0.int64(1)) })
            {
                agents[agent]?.load = load
            }
        }

        func needs(_ ticket: Ticket) -> Set<String> {
            guard let team = ticket.groupID.flatMap({ teams[$0] }), team.usesSkills else {
                return []
            }
            return Set(ticket.skillIDs).intersection(skills)
        }

        /// Whether an agent may be given a ticket, but for what they have already.
        func mayHave(_ agent: Int64, _ ticket: Ticket) -> Bool {
            guard let agent = agents[agent], let team = ticket.groupID else { return false }
            return agent.isReady && agent.teams.contains(team)
                && needs(ticket).isSubset(of: agent.skills)
        }

        func room(_ agent: Int64, in team: Int64) -> Int64 {
            (agents[agent]?.capacity ?? teams[team]?.capacity ?? 0) - (agents[agent]?.load ?? 0)
        }
    }

    private static func tickets(_ rows: ShardReader, _ condition: String) throws -> [Ticket] {
        try rows.all(
            "SELECT \(Ticket.columns) FROM tickets WHERE tenant = ?1 AND \(condition)",
            read: Ticket.init)
    }

    /// Tickets that a group gave to an agent since an audit, with that agent.
    private static func gifts(_ rows: ShardReader, after audit: Int64) throws -> [(
        ticket: Int64, agent: Int64
    )] {
        let found = try rows.all(
            "SELECT ticket_id, events FROM audits WHERE tenant = ?1 AND id > ?2 ORDER BY id", audit
        ) { ($0.int64(0), $0.text(1)) }
        var gifts: [(ticket: Int64, agent: Int64)] = []
        for (ticket, text) in found {
            let events = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[Any]] ?? []
            for event in events where event.count > 3 && event[1] as? String == "assignee_id" {
                guard event[event.count - 3] as? String == "assignment",
                    let agent = (event[2] as? String).flatMap({ Int64($0) })
                else { continue }
                gifts.append((ticket, agent))
            }
        }
        return gifts
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func nobodyIsOverloadedAndNothingWaitsInVain(seed: UInt64) throws {
        var dice = SearchRandom(seed: seed)
        func pick<Item>(_ items: [Item]) -> Item { items.randomElement(using: &dice)! }
        func chance(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &dice) == 0 }
        let desk = try TestDesk()
        let (one, first) = try desk.team(["Ben", "Cleo", "Dan"], .roundRobin, capacity: 3)
        let two = try desk.group("Second")
        let plain = try desk.group("By hand")
        try desk.set(two) {
            $0.method = .load
            $0.capacity = 2
            $0.usesSkills = true
        }
        let agents = try first + [desk.join("Eve", two), desk.join("Fay", two)]
        var skills = try ["Spanish", "Dutch", "Latin"].map { try desk.skill($0) }
        let teams = [one, two, plain]
        var lastAudit: Int64 = 0
        var given = 0
        for step in 0..<300 {
            desk.pass(milliseconds: 1000)
            let verb = Int.random(in: 0..<24, using: &dice)
            // What is solved or put off is mostly somebody's work.
            let open = "assignee_id IS NOT NULL AND status < 2 AND deleted_at IS NULL"
            let tickets = try desk.transact { rows in
                try Self.tickets(rows, (8..<13).contains(verb) ? open : "status < 5").map(\.id)
            }
            let id = tickets.suffix(20).randomElement(using: &dice) ?? 1
            let agent = pick(agents)
            var changes = TicketChanges()
            changes.comment = CommentDraft(body: "step \(step)")
            switch verb {
            case 0..<8:
                changes.groupID = .some(chance(8) ? nil : pick(teams))
                changes.priority = .some(pick([nil, .low, .high, .urgent]))
                if chance(2) { changes.skillIDs = skills.filter { _ in chance(3) } }
                if chance(6) { changes.assigneeID = .some(agent) }
            case 8..<13: changes.status = pick([.open, .pending, .hold, .solved, .solved, .solved])
            case 13: changes.assigneeID = .some(chance(2) ? nil : agent)
            case 14: changes.groupID = .some(pick(teams))
            case 15: changes.skillIDs = skills.filter { _ in chance(2) }
            default: break
            }
            let (state, capacity, number) = (
                pick([AgentWork.State.online, .online, .online, .online, .away, .offline]),
                pick([nil, 0, 1, 2, 4, 4] as [Int64?]), Int.random(in: 0..<3, using: &dice)
            )
            let (team, wanted, own) = (pick(teams), changes, skills.filter { _ in chance(2) })
            _ = try desk.refusal { writer in
                switch verb {
                case 0..<8: _ = try writer.createTicket(wanted)
                case 8..<16: _ = try writer.updateTicket(id, wanted)
                case 16: try writer.deleteTicket(id)
                case 17: try writer.restoreTicket(id)
                case 18: _ = try writer.setAvailability(of: agent, state: state)
                case 19: _ = try writer.setAvailability(of: agent, state: nil, capacity: capacity)
                case 20: _ = try writer.setSkills(ofAgent: agent, own)
                case 21:
                    let all = try writer.memberships(
                        .team, user: agent, .offset(page: 1, size: 100)
                    ).items
                    if let found = all.first(where: { $0.ownerID == team }) {
                        try writer.deleteMembership(.team, found.id)
                    } else {
                        _ = try writer.createMembership(
                            .team, user: agent, owner: team, isDefault: false)
                    }
                case 22:
                    var user = UserChanges()
                    user.isSuspended = number == 0 && state != .online
                    _ = try writer.updateUser(agent, user, agentLimit: 100)
                default:
                    var draft = TeamAssignmentDraft()
                    draft.method = pick([.manual, .roundRobin, .load])
                    draft.usesSkills = chance(2)
                    draft.capacity = Int64(1 + number)
                    _ = try writer.setAssignment(ofTeam: team, draft)
                }
            }
            if chance(40), skills.count > 1 {
                let gone = skills.removeFirst()
                try desk.run { writer in
                    try writer.deleteSkill(gone, ofAttribute: writer.skillAttributes()[0].id)
                }
                skills.append(try desk.skill("New \(step)"))
            }
            try desk.goOn()
            let note = Comment(rawValue: "seed \(seed), step \(step), verb \(verb)")
            try desk.transact { rows in
                let world = try World(rows)
                for gift in try Self.gifts(rows, after: lastAudit) {
                    let ticket = try #require(
                        try Self.tickets(rows, "id = \(gift.ticket)").first)
                    // A later step of the same request may have taken it away again.
                    guard ticket.assigneeID == gift.agent else { continue }
                    given += 1
                    #expect(world.mayHave(gift.agent, ticket), note)
                    #expect(world.room(gift.agent, in: ticket.groupID!) >= 0, note)
                }
                for ticket in try Self.tickets(
                    rows, "assignee_id IS NULL AND status < 4 AND deleted_at IS NULL")
                {
                    guard let team = ticket.groupID, world.teams[team] != nil else { continue }
                    let takers = agents.filter {
                        world.mayHave($0, ticket) && world.room($0, in: team) > 0
                    }
                    #expect(takers.isEmpty, note)
                }
                for (agent, found) in world.agents {
                    #expect(try rows.count(.openTicketsOfAssignee(agent)) == found.load, note)
                }
                #expect(try rows.count(.automaticTeams) == Int64(world.teams.count), note)
                #expect(try rows.count(.leftTeams) == 0, note)
                lastAudit =
                    try rows.first("SELECT max(id) FROM audits WHERE tenant = ?1") { $0.int64(0) }
                    ?? 0
            }
        }
        #expect(given > 25)
        #expect(try desk.store.scrub().isEmpty)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func turnsAreFairWhileAllAreThere(seed: UInt64) throws {
        var dice = SearchRandom(seed: seed)
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben", "Cleo", "Dan", "Eve"], .roundRobin)
        var counts = Dictionary(uniqueKeysWithValues: agents.map { ($0, 0) })
        for _ in 0..<60 {
            let ticket = try desk.waiting(team)
            counts[try #require(ticket.assigneeID), default: 0] += 1
            #expect(counts.values.max()! - counts.values.min()! <= 1)
            // What becomes of tickets changes nobody's turn.
            if Bool.random(using: &dice) { try desk.update(ticket.id) { $0.status = .solved } }
        }
    }

    /// Of what one agent can take, nothing is given before something more urgent or, of equal urgency, older.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func whatWaitsIsGivenInItsOrder(seed: UInt64) throws {
        var dice = SearchRandom(seed: seed)
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben"], .load, capacity: 1)
        try desk.set(team) { $0.usesSkills = true }
        let skills = try ["Spanish", "Dutch"].map { try desk.skill($0) }
        try desk.run { _ = try $0.setSkills(ofAgent: agents[0], skills) }
        try desk.setState(agents[0], .away)
        let priorities: [TicketPriority?] = [nil, .low, .normal, .high, .urgent]
        var waiting: [Ticket] = []
        for _ in 0..<20 {
            waiting.append(
                try desk.waiting(team) {
                    $0.priority = .some(priorities.randomElement(using: &dice)!)
                    $0.skillIDs = skills.filter { _ in Bool.random(using: &dice) }
                })
        }
        waiting.sort {
            let (one, other) = ($0.priority?.rawValue ?? -1, $1.priority?.rawValue ?? -1)
            return one == other ? $0.id < $1.id : one > other
        }
        try desk.setState(agents[0], .online)
        for ticket in waiting {
            #expect(try desk.assignee(ticket.id) == agents[0])
            try desk.update(ticket.id) { $0.status = .solved }
        }
    }
}
