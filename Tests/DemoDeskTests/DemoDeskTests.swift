import Testing

@testable import DemoDesk

struct DemoDeskTests {
    private static let now: Int64 = 1_780_000_000

    @Test func theSameSeedMakesTheSameDeskAndAnotherAnother() {
        let desk = DemoDesk(seed: 7, now: Self.now)
        #expect(desk == DemoDesk(seed: 7, now: Self.now))
        #expect(desk != DemoDesk(seed: 8, now: Self.now))
    }

    @Test(arguments: [1, 2, 3, 99] as [UInt64])
    func everythingHappenedInOrderWithinTheDays(seed: UInt64) {
        let desk = DemoDesk(seed: seed, now: Self.now)
        #expect(desk.tickets.count == 500)
        for ticket in desk.tickets {
            let times = ticket.messages.map(\.time)
            #expect(times == times.sorted() && !times.isEmpty)
            #expect(times[0] >= Self.now - DemoDesk.days * 86_400)
            #expect(times.last! <= ticket.solvedAt ?? ticket.updatedAt)
            #expect((ticket.solvedAt ?? 0) <= ticket.updatedAt && ticket.updatedAt < Self.now)
        }
    }

    @Test(arguments: [1, 42] as [UInt64])
    func everyPersonExistsAndAgentsWorkInTheirGroups(seed: UInt64) {
        let desk = DemoDesk(seed: seed, now: Self.now)
        for ticket in desk.tickets {
            #expect(desk.customers.indices.contains(ticket.requester))
            #expect(ticket.messages[0].author == .customer(ticket.requester))
            for message in ticket.messages {
                #expect(!message.text.contains("{") && !message.text.contains("}"))
                if case .agent(let agent) = message.author { #expect(agent == ticket.assignee) }
            }
            if let assignee = ticket.assignee {
                #expect(desk.agents[assignee].groups.contains(ticket.group))
            }
        }
    }

    @Test func theDeskLooksLikeOneInUse() {
        let desk = DemoDesk(seed: 1, now: Self.now)
        var byStatus: [String: Int] = [:]
        for ticket in desk.tickets { byStatus[ticket.status, default: 0] += 1 }
        #expect(Set(byStatus.keys) == ["new", "open", "pending", "hold", "solved", "closed"])
        #expect(byStatus["closed"]! > 300)
        let subjects = Dictionary(grouping: desk.tickets, by: \.subject).mapValues(\.count)
        #expect(subjects.values.filter { $0 > 25 }.isEmpty)
        #expect(subjects.count > 200)
        let notes = desk.tickets.flatMap(\.messages).filter { !$0.isPublic }
        #expect(notes.count > 50)
        #expect(Set(desk.customers.map(\.email)).count == desk.customers.count)
    }
}
