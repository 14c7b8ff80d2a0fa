import Measurement
import NIOCore

/// Two builds under the same short loads in turn, both clusters running.
///
/// Each pair of loads gives a ratio; on a machine whose speed changes by the minute nothing less tells 5 % from nothing.
struct BuildComparison {
    let engine: LoadEngine
    let sites: [LoadSite]
    let mixName: String
    let mix: OperationMix
    let clients: Int
    let rounds: Int
    let plan: LoadPlan
    let progress: (LoadProgress) -> Void

    /// Seconds of each load that count, and before it that do not.
    static let seconds = 3.0
    static let settling = 0.5

    func run() throws -> (BuildRatio, [PhaseResult]) {
        let loads = sites.map { site in
            PhaseLoad(
                PhasePlan(
                    name: "\(site.name) \(mixName)", number: site.nextPhase,
                    loop: .closed(clients: clients), mix: mix, seed: plan.seed,
                    chooser: TenantChooser(tenants: plan.tenants, oneIsHot: plan.oneHotTenant)),
                dialer: site.traffic, desks: site.desks)
        }
        for load in loads { try engine.wait(load.open()) }
        var rates: [[Double]] = [[], []]
        var intervals: [[Interval]] = [[], []]
        // The first pair warms up.
        for round in 0...rounds {
            for place in sites.indices {
                try engine.wait(loads[place].start())
                try wait(Self.settling)
                let begin = try engine.wait(loads[place].beginMeasuring(counts: round > 0))
                try wait(Self.seconds)
                var interval = try engine.wait(loads[place].roll())
                try engine.wait(loads[place].pause())
                guard round > 0 else { continue }
                interval.at = MonotonicClock.seconds(
                    from: 0, to: begin)
                intervals[place].append(interval)
                let count = interval.counts.values.reduce(0, +)
                rates[place].append(Double(count) / interval.seconds)
                progress(
                    .second(
                        phase: loads[place].plan.name, at: Double(round), of: Double(rounds),
                        interval))
            }
        }
        let results = try sites.indices.map { place in
            let outcome = try engine.wait(loads[place].stop())
            let first = intervals[place].first?.at ?? 0
            return PhaseResult(
                name: loads[place].plan.name, loop: .closed(clients: clients),
                nodes: sites[place].cluster.nodes.count, tenants: sites[place].desks.count,
                usesTLS: sites[place].usesTLS, warmUpSeconds: Self.settling + Self.seconds,
                seconds: outcome.seconds, operations: outcome.operations,
                intervals: intervals[place].map {
                    var interval = $0
                    interval.at -= first
                    return interval
                }, processes: [], wire: nil, checks: outcome.checks)
        }
        let ratio = BuildRatio(
            name: mixName, perSecond: rates[0], against: rates[1])
        return (ratio, results)
    }

    private func wait(_ seconds: Double) throws {
        try engine.wait(until: MonotonicClock.nanoseconds + UInt64(seconds * 1e9))
    }
}
