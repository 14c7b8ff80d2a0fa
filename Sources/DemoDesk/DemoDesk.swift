/// A made-up company's desk: who works there, who asks, and what was said in the last 90 days.
///
/// The same seed and the same time give the same desk. Persons and organizations are named by their place in the lists.
package struct DemoDesk: Sendable, Equatable {
    package struct Agent: Sendable, Equatable {
        package let name: String
        package let email: String
        /// Places in `groups`.
        package let groups: [Int]
    }
    package struct Customer: Sendable, Equatable {
        package let name: String
        package let email: String
        /// A place in `organizations`.
        package let organization: Int?
    }
    /// Who wrote something.
    package enum Author: Sendable, Equatable {
        case customer(Int)
        case agent(Int)
    }
    package struct Message: Sendable, Equatable {
        package let author: Author
        package let text: String
        package let isPublic: Bool
        /// Seconds since 1970.
        package let time: Int64
    }
    package struct Ticket: Sendable, Equatable {
        package let subject: String
        package let requester: Int
        package let assignee: Int?
        package let group: Int
        package let status: String
        package let priority: String?
        package let type: String
        package let tags: [String]
        /// In order of time; the first is the requester's.
        package let messages: [Message]
        /// Seconds since 1970.
        package let solvedAt: Int64?
        /// Seconds since 1970.
        package let updatedAt: Int64
    }

    package static let days: Int64 = 90
    package static let company = "Brightwater Kettles"
    package static let groups = ["Support", "Returns and repairs", "Billing"]

    package let agents: [Agent]
    package let organizations: [String]
    package let customers: [Customer]
    /// By the time of their first message.
    package let tickets: [Ticket]

    /// - Parameters:
    ///   - now: seconds since 1970; nothing lies after it.
    ///   - ticketCount: 1 to 5,000.
    package init(seed: UInt64, now: Int64, ticketCount: Int = 500) {
        precondition((1...5000).contains(ticketCount))
        var random = SeededGenerator(seed: seed)
        agents = DemoPeople.agents
        organizations = DemoPeople.organizations
        customers = DemoPeople.customers(&random)
        var starts = (0..<ticketCount).map { _ in Self.start(before: now, &random) }
        starts.sort()
        var made: [Ticket] = []
        for (place, start) in starts.enumerated() {
            // A week ago one delivery had faulty thermostats: many customers wrote within two days.
            let isFailure = now - start < 8 * 86_400 && now - start > 6 * 86_400
            let topic =
                isFailure && random.chance(60)
                ? DemoTopics.failure : random.pick(DemoTopics.all)
            made.append(
                Self.ticket(
                    place, topic, start: start, now: now, customers: DemoPeople.customerCount,
                    &random))
        }
        tickets = made
    }

    /// Working hours more than nights, weekdays more than weekends.
    private static func start(before now: Int64, _ random: inout SeededGenerator) -> Int64 {
        while true {
            let time = now - 3600 - Int64(random.below(Int(days) * 86_400 - 7200))
            let hour = Int(time / 3600 % 24)
            // 1970-01-01 was a Thursday.
            let isWeekend = [2, 3].contains(Int(time / 86_400 % 7))
            let weight = ((8..<18).contains(hour) ? 100 : 15) / (isWeekend ? 4 : 1)
            if random.chance(weight) { return time }
        }
    }

    private static func ticket(
        _ place: Int, _ topic: DemoTopic, start: Int64, now: Int64, customers: Int,
        _ random: inout SeededGenerator
    ) -> Ticket {
        let requester = random.below(customers)
        let helpers = DemoPeople.agents.indices.filter {
            DemoPeople.agents[$0].groups.contains(topic.group)
        }
        let agent = random.pick(helpers)
        let words = DemoWords(&random)
        let customer = DemoPeople.firstName(ofCustomer: requester)
        var messages = [
            Message(
                author: .customer(requester),
                text: words.fill(random.pick(topic.openings), customer, &random), isPublic: true,
                time: start)
        ]
        var time = start
        let isAnswered = now - start > 12 * 3600 || random.chance(50)
        if isAnswered {
            for turn in 0..<(1 + random.below(4)) {
                time += Int64(900 + random.below(turn == 0 ? 6 * 3600 : 20 * 3600))
                if random.chance(20) {
                    messages.append(
                        Message(
                            author: .agent(agent),
                            text: words.fill(random.pick(topic.notes), customer, &random),
                            isPublic: false, time: time))
                    time += 300
                }
                let answers = turn == 0 ? topic.answers : topic.laterAnswers
                messages.append(
                    Message(
                        author: .agent(agent),
                        text: words.fill(random.pick(answers), customer, &random), isPublic: true,
                        time: time))
                guard random.chance(turn == 0 ? 65 : 35) else { break }
                time += Int64(1800 + random.below(30 * 3600))
                messages.append(
                    Message(
                        author: .customer(requester),
                        text: words.fill(random.pick(topic.replies), customer, &random),
                        isPublic: true, time: time))
            }
        }
        // What would lie in the future has not happened.
        messages = messages.filter { $0.time <= now - 60 }
        return finish(
            Draft(
                subject: words.fill(random.pick(topic.subjects), customer, &random),
                requester: requester, agent: isAnswered ? agent : nil, messages: messages),
            topic, now: now, &random)
    }

    private struct Draft {
        let subject: String
        let requester: Int
        let agent: Int?
        let messages: [Message]
    }

    private static func finish(
        _ draft: Draft, _ topic: DemoTopic, now: Int64, _ random: inout SeededGenerator
    ) -> Ticket {
        let last = draft.messages[draft.messages.count - 1]
        let age = now - last.time
        var endedByAgent = false
        if case .agent = last.author { endedByAgent = true }
        var status = draft.agent == nil ? "new" : "open"
        var solvedAt: Int64?
        var updatedAt = last.time
        if draft.agent != nil
            && (age > 6 * 86_400 || (endedByAgent && age > 86_400 && random.chance(70)))
        {
            status = age > 10 * 86_400 ? "closed" : "solved"
            let solved = last.time + Int64(600 + random.below(20 * 3600))
            solvedAt = min(solved, now - 120)
            updatedAt = status == "closed" ? min(solved + 4 * 86_400, now - 60) : solvedAt!
        } else if endedByAgent {
            status = random.chance(15) ? "hold" : "pending"
        }
        return Ticket(
            subject: draft.subject, requester: draft.requester, assignee: draft.agent,
            group: topic.group, status: status,
            priority: random.pick([nil, "low", "normal", "normal", "high", "urgent"]),
            type: topic.type, tags: topic.tags, messages: draft.messages, solvedAt: solvedAt,
            updatedAt: updatedAt)
    }
}
