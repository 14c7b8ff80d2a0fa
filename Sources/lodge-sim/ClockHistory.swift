import Foundation
import ServiceDesk
import TimeZones
import Wire

/// What happened to a ticket, and to the schedule and the policies around it, as `Tests/Oracles/README.md` describes it.
struct ClockHistory: Decodable {
    struct Fault: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    let events: [Event]
    let schedule: Schedule?
    let policies: [Policy]
    let until: Int64

    struct Event: Decodable {
        enum Kind: String, Decodable { case create, update, schedule, policies }
        struct Comment: Decodable {
            let by: String
            let `public`: Bool
        }

        let kind: Kind
        let time: Timestamp
        let status: String?
        /// Nil when it does not change, nil inside when it is cleared.
        let priority: String??
        let type: String??
        let comment: Comment?
        let schedule: Schedule?
        let policies: [Policy]?

        private enum Key: String, CodingKey {
            case at, kind, status, priority, type, comment, schedule, policies
        }

        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: Key.self)
            func change(_ key: Key) throws -> String?? {
                guard members.contains(key) else { return nil }
                return .some(try members.decodeIfPresent(String.self, forKey: key))
            }
            kind = try members.decode(Kind.self, forKey: .kind)
            time = Timestamp(milliseconds: try members.decode(Int64.self, forKey: .at))
            status = try members.decodeIfPresent(String.self, forKey: .status)
            priority = try change(.priority)
            type = try change(.type)
            comment = try members.decodeIfPresent(Comment.self, forKey: .comment)
            schedule = try members.decodeIfPresent(Schedule.self, forKey: .schedule)
            policies = try members.decodeIfPresent([Policy].self, forKey: .policies)
        }

        func ticketStatus() throws -> TicketStatus? {
            guard let status else { return nil }
            guard let known = TicketStatus(name: status) else {
                throw Fault("\(status) is no status")
            }
            return known
        }

        var publicComment: TicketClocks.PublicComment? {
            guard let comment, comment.public else { return nil }
            return comment.by == "agent" ? .agent : .endUser
        }
    }

    struct Schedule: Decodable {
        let timeZone: String
        let intervals: [[Int]]
        let holidays: [[String]]

        private enum CodingKeys: String, CodingKey {
            case timeZone = "time_zone"
            case intervals, holidays
        }

        func workingHours() throws -> WorkingHours {
            guard let changes = TimeZones.changes(of: timeZone) else {
                throw Fault("\(timeZone) is no time zone")
            }
            return WorkingHours(
                zone: ZoneOffsets(
                    changes.map { ZoneOffsets.Change(from: $0.from, offset: $0.offset) }),
                stretches: try intervals.map { ends in
                    guard ends.count == 2 else { throw Fault("\(ends) is no interval") }
                    return WorkingHours.Stretch(start: ends[0], end: ends[1])
                },
                holidays: try holidays.map { days in
                    guard days.count == 2, let first = CalendarDay(days[0]),
                        let last = CalendarDay(days[1]), first <= last
                    else { throw Fault("\(days) is no holiday") }
                    return first.rawValue...last.rawValue
                })
        }
    }

    struct Policy: Decodable {
        struct Target: Decodable {
            let minutes: Int64
            let business: Bool
        }

        let id: Int64
        /// Nil matches any; nil inside matches a ticket without a type.
        let types: [String?]?
        /// By priority, then by the policies' name of the metric.
        let targets: [String: [String: Target]]
    }
}

extension [ClockHistory.Policy] {
    /// What the first policy that matches has for a priority; nothing when none does.
    func targets(type: String?, priority: String?) -> [PolicyMetric: ClockTarget] {
        guard let policy = first(where: { $0.types?.contains(type) ?? true }), let priority,
            let named = policy.targets[priority]
        else { return [:] }
        var targets: [PolicyMetric: ClockTarget] = [:]
        for (name, target) in named {
            guard let metric = PolicyMetric(name: name) else { continue }
            targets[metric] = ClockTarget(
                policyID: policy.id, minutes: target.minutes, isBusiness: target.business)
        }
        return targets
    }
}
