import Wire

/// What an SLA policy promises for tickets of one priority. A policy is a rule of its kind; its promises stand where other rules have
/// their actions.
package struct PolicyTarget: Sendable, Equatable {
    /// Ten years.
    package static let longestMinutes: Int64 = 5_256_000

    package let priority: TicketPriority
    package let metric: PolicyMetric
    package let minutes: Int64
    /// Whether the minutes are working time.
    package let isBusiness: Bool
    package init(
        priority: TicketPriority, metric: PolicyMetric, minutes: Int64, isBusiness: Bool
    ) {
        self.priority = priority
        self.metric = metric
        self.minutes = minutes
        self.isBusiness = isBusiness
    }

    package init?(_ action: ActionText) {
        let parts = action.value.items
        guard let metric = PolicyMetric(name: action.field), parts.count == 3,
            let priority = TicketPriority(name: parts[0]), let minutes = Int64(parts[1])
        else { return nil }
        self.init(
            priority: priority, metric: metric, minutes: minutes, isBusiness: parts[2] == "true")
    }

    /// As it is kept.
    package var action: ActionText {
        ActionText(
            field: metric.name,
            value: .list([priority.name, String(minutes), isBusiness ? "true" : "false"]))
    }
}

extension PolicyTarget {
    /// Refuses promises that contradict each other or that nobody could keep.
    static func check(_ actions: [ActionText]) throws {
        var known: Set<[Int64]> = []
        for action in actions {
            guard let target = PolicyTarget(action) else {
                throw DeskRefusal.invalid(
                    "policy_metrics", .invalid,
                    "Policy metrics: \(action.field.prefix(60)) is not a metric with a priority and a target in minutes"
                )
            }
            let name = "\(target.metric.name) of \(target.priority.name)"
            guard (1...longestMinutes).contains(target.minutes) else {
                throw DeskRefusal.invalid(
                    "policy_metrics", .outOfRange,
                    "Policy metrics: the target for \(name) must be 1 to \(longestMinutes) minutes")
            }
            let place = [target.priority.rawValue, Int64(target.metric.rawValue)]
            guard known.insert(place).inserted else {
                throw DeskRefusal.invalid(
                    "policy_metrics", .duplicate,
                    "Policy metrics: there are two targets for \(name)")
            }
        }
    }
}

/// An SLA policy, compiled.
struct CompiledPolicy: Sendable {
    let id: Int64
    let conditions: Conditions
    private let targets: [TicketPriority: [PolicyMetric: ClockTarget]]

    init(_ rule: Rule, _ conditions: Conditions) {
        id = rule.id
        self.conditions = conditions
        var targets: [TicketPriority: [PolicyMetric: ClockTarget]] = [:]
        for target in rule.actions.compactMap(PolicyTarget.init) {
            targets[target.priority, default: [:]][target.metric] = ClockTarget(
                policyID: rule.id, minutes: target.minutes, isBusiness: target.isBusiness)
        }
        self.targets = targets
    }

    func target(_ metric: PolicyMetric, _ priority: TicketPriority?) -> ClockTarget? {
        priority.flatMap { targets[$0]?[metric] }
    }
}
