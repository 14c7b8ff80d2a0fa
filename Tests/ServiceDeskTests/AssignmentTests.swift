import SQLite
import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// How groups give tickets to agents: whose turn it is, who is left out, and what becomes of tickets that nobody can take.
struct AssignmentTests {
    @Test func turnsGoRoundInTheOrderOfNumbers() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben", "Cleo", "Dan"], .roundRobin)
        let given = try (0..<7).map { _ in try desk.waiting(team).assigneeID }
        #expect(given == [0, 1, 2, 0, 1, 2, 0].map { agents[$0] })
    }

    @Test func whoComesAndGoesChangesNobodysTurn() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben", "Cleo", "Dan"], .roundRobin)
        #expect(try desk.waiting(team).assigneeID == agents[0])
        try desk.setState(agents[0], .offline)
        let second = try desk.waiting(team)
        #expect(second.assigneeID == agents[1])
        try desk.update(second.id) { $0.status = .solved }
        try desk.leave(agents[1], team)
        #expect(try desk.waiting(team).assigneeID == agents[2])
        let late = try desk.join("Eve", team)
        try desk.setState(agents[0], .online)
        #expect(try desk.waiting(team).assigneeID == late)
        #expect(try desk.waiting(team).assigneeID == agents[0])
    }

    @Test func theLeastLoadedForTheirCapacityGetsTheNext() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben", "Cleo"], .load)
        try desk.run { _ = try $0.setAvailability(of: agents[0], state: nil, capacity: 2) }
        try desk.run { _ = try $0.setAvailability(of: agents[1], state: nil, capacity: 4) }
        // 0/2 0/4, 1/2 0/4, 1/2 1/4, 1/2 2/4: Ben was given one longer ago; then Cleo twice.
        let given = try (0..<6).map { _ in try desk.waiting(team).assigneeID }
        #expect(given == [0, 1, 1, 0, 1, 1].map { agents[$0] })
        #expect(try desk.waiting(team).assigneeID == nil)
    }

    @Test func ofEqualsWhoWasGivenOneLongestAgoGetsTheNext() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben", "Cleo", "Dan"], .load)
        var given: [Int64?] = []
        for _ in 0..<6 {
            let ticket = try desk.waiting(team)
            given.append(ticket.assigneeID)
            try desk.update(ticket.id) { $0.status = .solved }
        }
        #expect(given == [0, 1, 2, 0, 1, 2].map { agents[$0] })
    }

    @Test func whatWaitsForOthersTakesNoCapacity() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben"], .load, capacity: 1)
        let first = try desk.waiting(team).id
        let second = try desk.waiting(team)
        #expect(second.assigneeID == nil && second.status == .new)
        try desk.update(first) { $0.status = .pending }
        let given = try desk.run { try $0.ticket(second.id) }
        #expect(given.assigneeID == agents[0] && given.status == .open)
        #expect(given.version == 2 && given.metrics.assigneeStations == 1)
        // By hand anybody may have more.
        try desk.update(first) { $0.status = .open }
        #expect(try desk.run { try $0.agentWork(agents[0]) }.openTickets == 2)
        try desk.update(second.id) { $0.status = .solved }
        #expect(try desk.waiting(team).assigneeID == nil)
    }

    @Test func theMostUrgentOfTheOldestIsGivenFirst() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben"], .roundRobin)
        try desk.setState(agents[0], .away)
        let low = try desk.waiting(team) { $0.priority = .low }.id
        let none = try desk.waiting(team).id
        let urgent = try desk.waiting(team) { $0.priority = .urgent }.id
        let later = try desk.waiting(team) { $0.priority = .urgent }.id
        try desk.run { _ = try $0.setAvailability(of: agents[0], state: .online, capacity: 1) }
        for id in [urgent, later, low, none] {
            #expect(try desk.assignee(id) == agents[0], "ticket \(id)")
            try desk.update(id) { $0.status = .solved }
        }
    }

    /// An agent of two groups takes the most urgent of both.
    @Test func groupsShareAnAgentsCapacity() throws {
        let desk = try TestDesk()
        let (one, agents) = try desk.team(["Ben"], .roundRobin, capacity: 1)
        let (two, _) = try desk.team([], .load, capacity: 1)
        try desk.run {
            _ = try $0.createMembership(.team, user: agents[0], owner: two, isDefault: false)
        }
        let busy = try desk.waiting(one).id
        let low = try desk.waiting(one) { $0.priority = .low }.id
        let high = try desk.waiting(two) { $0.priority = .high }.id
        #expect(try [low, high].map { try desk.assignee($0) } == [nil, nil])
        try desk.update(busy) { $0.status = .solved }
        #expect(try [low, high].map { try desk.assignee($0) } == [nil, agents[0]])
        try desk.run { try $0.deleteTicket(high) }
        #expect(try desk.assignee(low) == agents[0])
    }

    @Test func skillsAreNeededOrWaitedFor() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben", "Cleo"], .roundRobin)
        try desk.set(team) { $0.usesSkills = true }
        let (spanish, dutch) = (try desk.skill("Spanish"), try desk.skill("Dutch"))
        try desk.run { _ = try $0.setSkills(ofAgent: agents[1], [spanish]) }
        for _ in 0..<2 {
            let given = try desk.waiting(team) { $0.skillIDs = [spanish] }
            #expect(given.assigneeID == agents[1])
        }
        let both = try desk.waiting(team) { $0.skillIDs = [dutch, spanish] }.id
        #expect(try desk.assignee(both) == nil)
        // Others go on meanwhile.
        #expect(try desk.waiting(team).assigneeID == agents[0])
        try desk.run { _ = try $0.setSkills(ofAgent: agents[0], [dutch]) }
        #expect(try desk.assignee(both) == nil)
        try desk.run { _ = try $0.setSkills(ofAgent: agents[0], [dutch, spanish]) }
        #expect(try desk.assignee(both) == agents[0])
        let change = try desk.run { try $0.setSkills(ofTicket: both, [dutch]) }
        #expect(change.map(\.id) == [dutch])
    }

    @Test func aSkillThatIsDeletedIsNeededNoMore() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben"], .load)
        try desk.set(team) { $0.usesSkills = true }
        let spanish = try desk.skill("Spanish")
        let id = try desk.waiting(team) { $0.skillIDs = [spanish] }.id
        #expect(try desk.assignee(id) == nil)
        try desk.run { try $0.deleteSkillAttribute($0.skillAttributes()[0].id) }
        #expect(try desk.transact { try $0.hasLeftTickets() })
        try desk.goOn()
        #expect(try desk.assignee(id) == agents[0])
        #expect(try desk.run { try $0.skills(ofTicket: id) } == [])
    }

    @Test func aTicketThatWaitedLongEnoughGoesToAnybodyAtTheNextEvent() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben"], .roundRobin, capacity: 1)
        try desk.set(team) {
            $0.usesSkills = true
            $0.skillTimeout = 60
        }
        let spanish = try desk.skill("Spanish")
        let id = try desk.waiting(team) { $0.skillIDs = [spanish] }.id
        desk.pass(milliseconds: 3_599_000)
        let plain = try desk.waiting(team).id
        #expect(try desk.assignee(plain) == agents[0])
        desk.pass(milliseconds: 1000)
        try desk.update(plain) { $0.status = .solved }
        #expect(try desk.assignee(id) == agents[0])
        // Who waited longer is not overtaken by what comes in.
        try desk.update(id) { $0.status = .solved }
        let second = try desk.waiting(team) { $0.skillIDs = [spanish] }.id
        desk.pass(milliseconds: 3_600_000)
        #expect(try desk.assignee(second) == nil)
        #expect(try desk.waiting(team).assigneeID == nil)
        #expect(try desk.assignee(second) == agents[0])
    }

    @Test func whoCannotWorkIsLeftOut() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben", "Cleo", "Dan"], .load)
        func user(_ id: Int64, _ change: @escaping (inout UserChanges) -> Void) throws {
            var changes = UserChanges()
            change(&changes)
            let wanted = changes
            _ = try desk.run { try $0.updateUser(id, wanted, agentLimit: 100) }
        }
        try user(agents[0]) { $0.isSuspended = true }
        try user(agents[1]) { $0.restriction = .requested }
        try desk.run { _ = try $0.setAvailability(of: agents[2], state: nil, capacity: 0) }
        let id = try desk.waiting(team).id
        #expect(try desk.assignee(id) == nil)
        try user(agents[1]) { $0.restriction = TicketRestriction.none }
        #expect(try desk.assignee(id) == agents[1])
        try user(agents[1]) { $0.role = .endUser }
        try desk.goOn()
        #expect(try desk.assignee(id) == nil)
        try user(agents[0]) { $0.isSuspended = false }
        #expect(try desk.assignee(id) == agents[0])
        #expect(try desk.number("SELECT count(*) FROM agent_work WHERE tenant = ?1") == 2)
    }

    @Test func ticketsOfWhoLeavesGoToTheOthers() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben", "Cleo"], .roundRobin)
        let ids = try (0..<4).map { _ in try desk.waiting(team).id }
        try desk.leave(agents[0], team)
        try desk.goOn()
        #expect(try ids.map { try desk.assignee($0) } == ids.map { _ in agents[1] })
    }

    @Test func aDeletedGroupAssignsNothing() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben"], .roundRobin)
        let id = try desk.waiting(team).id
        try desk.run { try $0.deleteTeam(team) }
        try desk.goOn()
        #expect(try desk.assignee(id) == nil)
        #expect(try desk.run { try $0.agentWork(agents[0]) }.openTickets == 0)
        #expect(try desk.refusal { try $0.assignment(ofTeam: team) } == .notFound)
        #expect(try desk.transact { try $0.count(.automaticTeams) } == 0)
    }

    @Test func aRestoredTicketFindsSomebody() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben"], .roundRobin)
        try desk.setState(agents[0], .offline)
        let id = try desk.waiting(team).id
        try desk.run { try $0.deleteTicket(id) }
        try desk.setState(agents[0], .online)
        #expect(
            try desk.number("SELECT count(*) FROM tickets WHERE assignee_id > 0 AND tenant = ?1")
                == 0)
        try desk.run { try $0.restoreTicket(id) }
        #expect(try desk.assignee(id) == agents[0])
    }

    /// More than one request may give away goes on in steps, and what comes meanwhile waits its turn.
    @Test func aLongQueueIsGivenAwayInSteps() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben"], .manual, capacity: 1000)
        let ids = try (0..<60).map { _ in try desk.waiting(team).id }
        try desk.set(team) { $0.method = .roundRobin }
        #expect(try ids.count { try desk.assignee($0) == agents[0] } == WritingDesk.giveLimit)
        let late = try desk.waiting(team)
        #expect(late.assigneeID == nil)
        var steps = 0
        while try desk.transact({ try $0.giveLeftTickets() }) > 0 { steps += 1 }
        #expect(steps == 2)
        #expect(try desk.assignee(late.id) == agents[0])
        #expect(try ids.allSatisfy { try desk.assignee($0) == agents[0] })
    }

    /// As many queues as there are sets of skills: beyond a limit they are looked at in steps, too.
    @Test func manyDifferentNeedsAreLookedAtInSteps() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben"], .roundRobin, capacity: 1000)
        try desk.set(team) { $0.usesSkills = true }
        let skills = try (0..<22).map { try desk.skill("Skill \($0)") }.sorted()
        for (place, one) in skills.enumerated() {
            for other in skills.dropFirst(place + 1) {
                try desk.waiting(team) { $0.skillIDs = [one, other] }
            }
        }
        #expect(try desk.number(Self.unassigned) == 231)
        // Of all pairs this is the last.
        let last = Array(skills.suffix(2))
        try desk.run { _ = try $0.setSkills(ofAgent: agents[0], last) }
        #expect(try desk.number(Self.unassigned) == 231)
        try desk.goOn()
        #expect(try desk.number(Self.unassigned) == 230)
        #expect(try !desk.transact { try $0.hasLeftTickets() })
    }

    private static let unassigned =
        "SELECT count(*) FROM tickets WHERE tenant = ?1 AND assignee_id IS NULL"

    // MARK: Rules and audits

    @Test func triggersChooseTheGroupAndTheSkillsAndTheAuditSaysWhoAssigned() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben", "Cleo"], .roundRobin)
        try desk.set(team) { $0.usesSkills = true }
        let spanish = try desk.skill("Spanish")
        try desk.run { _ = try $0.setSkills(ofAgent: agents[1], [spanish]) }
        var rule = TestDesk.rule(
            "Spanish",
            ConditionTexts(all: [ConditionText(field: "status", test: "is", value: .text("new"))]))
        rule.actions = [
            ActionText(field: "group_id", value: .text(String(team))),
            ActionText(field: "set_skills", value: .list([spanish])),
        ]
        let wanted = rule
        let made = try desk.run { try $0.createRule(.trigger, wanted) }
        let write = try desk.run { writer in
            var changes = TicketChanges()
            changes.comment = CommentDraft(body: "Hola")
            return try writer.createTicket(changes)
        }
        #expect(write.ticket.assigneeID == agents[1] && write.ticket.status == .open)
        let events = try #require(write.audit?.events)
        #expect(
            events.contains(#"["Create","group_id","\#(team)","trigger","\#(made.id)","Spanish"]"#))
        #expect(
            events.contains(
                #"["Create","assignee_id","\#(agents[1])","assignment","\#(team)","Group"]"#),
            "\(events)")
        let missing = try desk.refusal { writer in
            var bad = wanted
            bad.actions = [ActionText(field: "set_skills", value: .text("nothing"))]
            return try writer.createRule(.trigger, bad)
        }
        #expect(missing?.words == "Actions: set_skills: nothing does not exist")
        try desk.run { try $0.deleteSkill(spanish, ofAttribute: $0.skillAttributes()[0].id) }
        let failed = try desk.run { writer in
            var changes = TicketChanges()
            changes.comment = CommentDraft(body: "Hola")
            return try writer.createTicket(changes)
        }
        #expect(failed.ticket.groupID == nil)
        #expect(try desk.run { try $0.rule(.trigger, made.id) }.failures == 1)
    }

    @Test func anAssignmentFromTheQueueIsAnUpdateByTheSystem() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben"], .roundRobin)
        try desk.setState(agents[0], .offline)
        let id = try desk.waiting(team).id
        try desk.setState(agents[0], .online)
        let audits = try desk.transact { rows in
            try rows.all(
                "SELECT author_id, events FROM audits WHERE tenant = ?1 AND ticket_id = ?2 ORDER BY id",
                id
            ) { ($0.int64(0), $0.text(1)) }
        }
        #expect(audits.count == 2 && audits[1].0 == -1)
        #expect(
            audits[1].1
                == #"[["Change","status","open","new","assignment","\#(team)","Group"],["Change","assignee_id","\#(agents[0])",null,"assignment","\#(team)","Group"]]"#
        )
    }

    @Test func importedTicketsWaitForTheNextStep() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben"], .roundRobin)
        let then = desk.now.advanced(byMilliseconds: -86_400_000)
        var changes = TicketChanges()
        changes.groupID = team
        let wanted = TicketHistory(
            changes: changes,
            messages: [.init(authorID: nil, draft: CommentDraft(body: "old"), createdAt: then)],
            createdAt: then)
        let id = try desk.run { try $0.importTicket(wanted) }.ticket.id
        #expect(try desk.assignee(id) == nil)
        try desk.goOn()
        #expect(try desk.assignee(id) == agents[0])
    }

    // MARK: Refusals

    @Test func boundsAreSaid() throws {
        let desk = try TestDesk()
        let (team, agents) = try desk.team(["Ben", "Cleo"], .roundRobin)
        func words(as user: Int64? = nil, _ body: @escaping (WritingDesk) throws -> Void) throws
            -> String?
        {
            try desk.refusal(as: user, body)?.words
        }
        #expect(
            try words { _ = try $0.setAvailability(of: agents[0], state: nil, capacity: 1001) }
                == "Capacity: must be from 0 to 1000")
        #expect(
            try words { writer in
                var draft = TeamAssignmentDraft()
                draft.capacity = 0
                _ = try writer.setAssignment(ofTeam: team, draft)
            } == "Capacity: must be from 1 to 1000")
        #expect(
            try words { writer in
                var draft = TeamAssignmentDraft()
                draft.skillTimeout = 0
                _ = try writer.setAssignment(ofTeam: team, draft)
            } == "Skill timeout minutes: must be from 1 to 525600")
        _ = try desk.run(as: agents[0]) { try $0.setAvailability(of: agents[0], state: .away) }
        let denied = "You do not have access to this page"
        #expect(
            try words(as: agents[0]) { _ = try $0.setAvailability(of: agents[1], state: .away) }
                == denied)
        #expect(
            try words(as: agents[0]) {
                _ = try $0.setAssignment(ofTeam: team, TeamAssignmentDraft())
            } == denied)
        #expect(try words(as: agents[0]) { _ = try $0.setSkills(ofAgent: agents[0], []) } == denied)
        let skills = try (0..<21).map { try desk.skill("S \($0)") }
        let id = try desk.waiting(team).id
        #expect(
            try words { _ = try $0.setSkills(ofTicket: id, skills) }
                == "Attribute value ids: at most 20 are allowed")
        #expect(
            try words { _ = try $0.setSkills(ofTicket: id, ["x"]) }
                == "Attribute value ids: x does not exist")
        #expect(
            try words { writer in
                let attribute = try writer.skillAttributes()[0].id
                _ = try writer.createSkill(id: "y", ofAttribute: attribute, name: "S 1")
            } == "Name: has already been taken")
    }
}

extension TestDesk {
    /// A group with new agents who take tickets.
    func team(
        _ names: [String], _ method: TeamAssignment.Method, capacity: Int64 = 100
    ) throws -> (team: Int64, agents: [Int64]) {
        let team = try group("Group")
        let agents = try names.map { try join($0, team) }
        try set(team) {
            $0.method = method
            $0.capacity = capacity
        }
        return (team, agents)
    }

    func set(_ team: Int64, _ change: (inout TeamAssignmentDraft) -> Void) throws {
        var draft = TeamAssignmentDraft()
        change(&draft)
        let wanted = draft
        _ = try run { try $0.setAssignment(ofTeam: team, wanted) }
    }

    /// A new agent who takes tickets of a group.
    func join(_ name: String, _ team: Int64) throws -> Int64 {
        let agent = try agent(name)
        try setState(agent, .online)
        _ = try run { try $0.createMembership(.team, user: agent, owner: team, isDefault: false) }
        return agent
    }

    func leave(_ agent: Int64, _ team: Int64) throws {
        try run { writer in
            let all = try writer.memberships(.team, user: agent, .offset(page: 1, size: 100)).items
            for found in all where found.ownerID == team {
                try writer.deleteMembership(.team, found.id)
            }
        }
    }

    func setState(_ agent: Int64, _ state: AgentWork.State) throws {
        _ = try run { try $0.setAvailability(of: agent, state: state) }
    }

    /// A new ticket of a group.
    @discardableResult
    func waiting(_ team: Int64, _ change: (inout TicketChanges) -> Void = { _ in }) throws
        -> Ticket
    {
        try ticket {
            $0.groupID = team
            change(&$0)
        }
    }

    func assignee(_ ticket: Int64) throws -> Int64? { try run { try $0.ticket(ticket) }.assigneeID }

    /// A new skill of the one attribute.
    func skill(_ name: String) throws -> String {
        try run { writer in
            let attribute =
                try writer.skillAttributes().first
                ?? writer.createSkillAttribute(id: "attribute", name: "Language")
            let number = writer.rows.makeIdentifier()
            return try writer.createSkill(
                id: "skill-\(number)", ofAttribute: attribute.id, name: name
            ).id
        }
    }

    /// What a request left, as the job runner does it.
    func goOn() throws { while try transact({ try $0.giveLeftTickets() }) > 0 {} }
}
