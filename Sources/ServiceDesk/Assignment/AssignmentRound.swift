/// Who is given which waiting ticket next: the decision as a value, apart from the rows that it rests on.
///
/// Tickets that need the same skills make a queue, which is known by its head. So a round looks at as many tickets as there are different sets
/// of skills, however many wait. An agent's tickets count against their capacity in every group alike.
struct AssignmentRound {
    /// Somebody of a group who takes tickets.
    struct Member: Equatable {
        let id: Int64
        /// New and open tickets up to which they are given more in this group.
        let capacity: Int64
    }

    struct Team {
        let id: Int64
        let method: TeamAssignment.Method
        /// By number.
        let members: [Member]
        /// Who was given the last ticket in turn.
        var lastAgentID: Int64
    }

    /// The first of the tickets that need the same skills.
    struct Head: Equatable {
        let ticketID: Int64
        /// -1: without one, which comes last.
        let priority: Int64

        func comesBefore(_ other: Head) -> Bool {
            priority == other.priority ? ticketID < other.ticketID : priority > other.priority
        }
    }

    struct Queue {
        /// Of the round's teams.
        let team: Int
        /// The set of skills as it is stored.
        let skills: String
        /// Those of the set that must be had: without what is deleted, and none where skills do not count.
        let needs: Set<String>
        /// Whether only tickets are in it that have waited for their skills long enough.
        let isRelaxed: Bool
        var head: Head?
    }

    struct Choice: Equatable {
        let ticketID: Int64
        let agentID: Int64
        let team: Int
    }

    var teams: [Team] = []
    var queues: [Queue] = []
    /// New and open tickets of each agent.
    var loads: [Int64: Int64] = [:]
    /// When each agent was last given a ticket: a number that grows.
    var lastGiven: [Int64: Int64] = [:]
    var skills: [Int64: Set<String>] = [:]

    /// Whose turn a ticket with these needs is; nil when nobody can take it.
    func agent(for needs: Set<String>, in place: Int) -> Int64? {
        let team = teams[place]
        let fit = team.members.filter { member in
            loads[member.id, default: 0] < member.capacity
                && (needs.isEmpty || needs.isSubset(of: skills[member.id] ?? []))
        }
        switch team.method {
        case .manual: return nil
        case .roundRobin: return (fit.first { $0.id > team.lastAgentID } ?? fit.first)?.id
        case .load: return fit.min(by: hasLess)?.id
        }
    }

    /// Less to do for their capacity; of equals who was given a ticket longest ago.
    private func hasLess(_ one: Member, _ other: Member) -> Bool {
        // Fractions are compared without dividing. Nobody here has a capacity of 0.
        let mine = loads[one.id, default: 0] * other.capacity
        let theirs = loads[other.id, default: 0] * one.capacity
        if mine != theirs { return mine < theirs }
        let (last, otherLast) = (lastGiven[one.id, default: 0], lastGiven[other.id, default: 0])
        return last == otherLast ? one.id < other.id : last < otherLast
    }

    /// The most urgent of the oldest tickets that somebody can take.
    ///
    /// Agents only fill up while a round lasts, so what nobody can take is not looked at again.
    mutating func next() -> Choice? {
        while true {
            var best: (place: Int, head: Head)?
            for (place, queue) in queues.enumerated() {
                guard let head = queue.head else { continue }
                if let best, !head.comesBefore(best.head) { continue }
                best = (place, head)
            }
            guard let best else { return nil }
            let queue = queues[best.place]
            if let agent = agent(for: queue.needs, in: queue.team) {
                return Choice(ticketID: best.head.ticketID, agentID: agent, team: queue.team)
            }
            queues[best.place].head = nil
        }
    }

    /// Follows a ticket that was given away.
    /// - Parameters:
    ///   - takesCapacity: whether the ticket counts for its agent: not when it is pending or on hold.
    ///   - number: greater than all before.
    mutating func give(to agent: Int64, in team: Int, takesCapacity: Bool, number: Int64) {
        if takesCapacity { loads[agent, default: 0] += 1 }
        lastGiven[agent] = number
        teams[team].lastAgentID = agent
    }
}
