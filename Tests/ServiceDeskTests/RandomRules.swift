import TestSupport
import Wire

@testable import ServiceDesk

/// Random conditions and random tickets to look at, over few values, so that they often meet.
struct RandomRules {
    var dice: SeededRandom
    init(seed: UInt64) { dice = SeededRandom(seed: seed) }

    mutating func number(_ range: ClosedRange<Int64>) -> Int64 {
        Int64.random(in: range, using: &dice)
    }
    mutating func flag(_ chances: Int64 = 2) -> Bool { number(1...chances) == 1 }
    mutating func pick<Item>(_ items: [Item]) -> Item { items.randomElement(using: &dice)! }
    mutating func some<Item>(_ items: [Item], _ most: Int) -> [Item] {
        Array(items.shuffled(using: &dice).prefix(Int(number(1...Int64(most)))))
    }

    private static let tags = ["a", "b", "c", "d"]
    private static let words = ["printer", "print", "ink", "paper", "jam"]
    /// Custom fields: words, lists of words, numbers, dates, a box.
    private static let options = ["red", "green", "blue"]
    static let noon = Timestamp(milliseconds: 1_773_576_000_000)

    // MARK: Tickets

    mutating func subject() -> RuleSubject {
        let before = flag(4) ? nil : ticket()
        var ticket = before ?? ticket()
        if before != nil {
            let other = self.ticket()
            if flag() { ticket.status = other.status }
            if flag() { ticket.priority = other.priority }
            if flag() { ticket.type = other.type }
            if flag() { ticket.groupID = other.groupID }
            if flag() { ticket.assigneeID = other.assigneeID }
            if flag() { ticket.tags = other.tags }
            if flag() { ticket.customFields = other.customFields }
            if flag(4) { ticket.requesterID = other.requesterID }
            if flag(4) { ticket.metrics = other.metrics }
        }
        let role = pick(Role.allCases)
        return RuleSubject(
            ticket, before: before,
            comment: flag() ? RuleSubject.Comment(body: text(), isPublic: flag()) : nil,
            updater: Principal(userID: number(1...4), role: role, groupIDs: [11]),
            channel: pick([.api, .web, .email, .system]),
            now: Self.noon.advanced(byMilliseconds: number(0...4) * 3_600_000))
    }

    private mutating func text() -> String { some(Self.words, 3).joined(separator: " ") }

    private mutating func ticket() -> Ticket {
        var metrics = TicketMetrics()
        metrics.reopens = number(0...4)
        metrics.replies = number(0...4)
        metrics.assigneeStations = number(0...3)
        if flag() { metrics.assignedAt = time() }
        let requester = number(1...4)
        var ticket = Ticket(
            id: 1, status: pick(TicketStatus.allCases), updatedAt: time(), version: 1,
            statusUpdatedAt: time(), assigneeID: flag() ? number(1...4) : nil,
            groupID: flag() ? number(10...12) : nil,
            priority: flag(4) ? nil : pick(TicketPriority.allCases),
            type: flag(4) ? nil : pick(TicketType.allCases),
            tags: flag(4) ? [] : some(Self.tags, 3),
            commentCount: 1, publicCommentCount: 1, latestCommentAt: nil, requesterID: requester,
            submitterID: requester, organizationID: flag() ? number(20...21) : nil,
            deletedAt: nil, deletedBy: nil, isPublic: flag(), subject: text(),
            description: text(), externalID: nil, dueAt: flag() ? time() : nil, problemID: nil,
            followupSourceID: nil, followupIDs: [], followerIDs: [], emailCCIDs: [],
            channel: pick([.api, .web, .email]), createdAt: time(), metrics: metrics)
        var values: [Int64: CustomValue] = [:]
        if flag(3) == false { values[1] = .text(pick(Self.options)) }
        if flag(3) == false { values[2] = .list(some(Self.options, 3).sorted()) }
        if flag(3) == false { values[3] = .text(String(number(-2...4))) }
        if flag(3) == false { values[4] = .text(day().description) }
        if flag(3) == false { values[5] = .flag(flag()) }
        ticket.customFields = CustomValues(values)
        return ticket
    }

    private mutating func time() -> Timestamp {
        Self.noon.advanced(byMilliseconds: -number(0...100) * 1_800_000)
    }

    private mutating func day() -> CalendarDay {
        CalendarDay(rawValue: Self.noon.milliseconds / 86_400_000 + number(-3...3))
    }

    // MARK: Conditions

    mutating func conditions() -> Conditions {
        // Half of them are about one field only, where most can be proved.
        let field = flag() ? pick(Self.fields) : nil
        let all = (0..<number(1...4)).map { _ in condition(field) }
        let any = flag() ? [] : (0..<number(1...3)).map { _ in condition() }
        return Conditions(all: all, any: any)
    }

    /// Such as many tickets fulfil that fulfil others, too.
    mutating func weaker(_ conditions: Conditions) -> Conditions {
        var all = conditions.all.filter { _ in flag() }
        if let one = all.first, flag() { all[0] = relaxed(one) }
        if all.isEmpty || flag(3) { all.append(relaxed(conditions.all[0])) }
        return Conditions(all: all, any: flag() ? conditions.any : [])
    }

    private mutating func relaxed(_ condition: Condition) -> Condition {
        let test: Condition.Test
        switch condition.test {
        case .isBelow(let limit): test = .isBelow(limit + number(0...2))
        case .isAbove(let limit): test = .isAbove(limit - number(0...2))
        case .equals(.number(let number)):
            test = flag() ? .isPresent : .differs(.number(number + 1))
        case .includes(let texts): test = .includes(texts + some(Self.tags + Self.options, 1))
        case .changedTo(let operand): test = flag() ? .changed : .equals(operand)
        case .excludes(let texts): test = .excludes(Array(texts.prefix(1)))
        default: test = condition.test
        }
        return Condition(field: condition.field, test: test, text: condition.text)
    }

    private static let fields: [RuleField] = [
        .status, .status, .priority, .type, .group, .assignee, .requester, .reopens, .replies,
        .tags, .tags, .subject, .comment, .commentIsPublic, .updateType, .updater,
        .updateChannel, .channel, .isPublic, .custom(1), .custom(2), .custom(3), .custom(4),
        .custom(5), .hours(.created), .hours(.becameOpen), .hours(.assigned),
    ]

    mutating func condition(_ wanted: RuleField? = nil) -> Condition {
        let field = wanted ?? pick(Self.fields)
        return Condition(
            field: field, test: test(field),
            text: ConditionText(field: "\(field)", test: "", value: .none))
    }

    private mutating func test(_ field: RuleField) -> Condition.Test {
        switch field {
        case .status: return choice(.number(number(0...5)), isScale: true, limits: 0...5)
        case .priority: return choice(.number(number(0...3)), isScale: true, limits: 0...3)
        case .type, .channel, .updateChannel: return choice(.number(number(0...3)))
        case .group: return choice(pick([.number(number(10...12)), .nobody, .currentGroups]))
        case .assignee:
            return choice(pick([.number(number(1...4)), .nobody, .currentUser, .requester]))
        case .requester: return choice(pick([.number(number(1...4)), .currentUser, .assignee]))
        case .reopens, .replies:
            let limit = number(0...3)
            return pick([
                .equals(.number(limit)), .differs(.number(limit)), .isBelow(limit),
                .isAbove(limit),
            ])
        case .tags:
            let list = some(Self.tags, 2)
            return pick([.includes(list), .excludes(list), .isPresent, .isAbsent])
        case .subject, .comment:
            let list = some(Self.words, 2)
            return pick([.includes(list), .excludes(list), .contains(list[0]), .lacks(list[0])])
        case .commentIsPublic: return pick([.isPresent, .flag(true), .flag(false)])
        case .updateType, .isPublic: return .flag(flag())
        case .updater:
            let operand: Condition.Operand = pick([
                .number(number(1...4)), .role(.endUser), .role(.admin), .staff, .requester,
                .assignee,
            ])
            return flag() ? .equals(operand) : .differs(operand)
        case .hours:
            return .elapsed(
                Condition.Elapsed(
                    relation: pick([.within, .moreThan, .lessThan]),
                    milliseconds: number(0...20) * 1_800_000, isBusiness: flag(3)))
        case .custom(let id): return custom(id)
        default: return .isPresent
        }
    }

    private mutating func choice(
        _ operand: Condition.Operand, isScale: Bool = false, limits: ClosedRange<Int64> = 0...1
    ) -> Condition.Test {
        if isScale && flag() {
            let limit = number(limits)
            return flag() ? .isBelow(limit) : .isAbove(limit)
        }
        return pick([
            .equals(operand), .equals(operand), .differs(operand), .changed, .unchanged,
            .changedTo(operand), .changedFrom(operand), .notChangedTo(operand),
            .notChangedFrom(operand), .isPresent, .isAbsent,
        ])
    }

    private mutating func custom(_ id: Int64) -> Condition.Test {
        let shared: [Condition.Test] = [.isPresent, .isAbsent, .changed, .unchanged]
        if flag(4) { return pick(shared) }
        func words(_ word: String) -> [Condition.Test] {
            [
                .value(.equals(word)), .value(.differs(word)), .value(.changedTo(word)),
                .value(.changedFrom(word)), .value(.notChangedTo(word)),
                .value(.notChangedFrom(word)),
            ]
        }
        switch id {
        case 1: return pick(words(pick(Self.options)))
        case 2:
            let list = some(Self.options, 2)
            return pick([.includes(list), .excludes(list)] + words(list[0]))
        case 3:
            let limit = number(-2...4)
            return pick(
                [.value(.isBelow(Double(limit))), .value(.isAbove(Double(limit)))]
                    + words(String(limit)))
        case 4:
            let day = day()
            return pick([
                .value(.isBefore(day)), .value(.isAfter(day)),
                .value(.isWithinPrevious(days: number(0...3))),
                .value(.isWithinNext(days: number(0...3))), .value(.equals(day.description)),
            ])
        default: return pick(words(pick(["true", "false"])))
        }
    }
}
