import Measurement
import NIOCore

/// Runs one phase and looks at the clock and the processes meanwhile. Lives on the thread that measures.
struct PhaseMeasurement {
    let engine: LoadEngine
    let site: LoadSite
    let plan: PhasePlan
    let warmUp: Double
    let progress: (LoadProgress) -> Void

    private static let second: UInt64 = 1_000_000_000

    /// - Parameter seconds: with a failover it lasts until that is done instead.
    func run(_ load: PhaseLoad, seconds: Double, failover: inout Failover?) throws -> PhaseResult {
        progress(.stage("\(plan.name): warming up"))
        try engine.wait(load.open())
        try engine.wait(load.start())
        try engine.wait(until: MonotonicClock.nanoseconds + UInt64(warmUp * 1e9))
        var sampler = Sampler(engine: engine, cluster: site.cluster, operators: site.operators)
        let bytes = try trafficBytes()
        let begin = try engine.wait(load.beginMeasuring())
        let end = begin + UInt64(seconds * 1e9)
        var intervals: [Interval] = []
        var next = begin
        var isDone = false
        while !isDone {
            next += Self.second
            if failover == nil, next + Self.second / 2 > end { next = end }
            try engine.wait(until: next)
            let interval = try engine.wait(load.roll())
            intervals.append(interval)
            let now = MonotonicClock.seconds(from: begin, to: MonotonicClock.nanoseconds)
            sampler.sample(at: now)
            progress(.second(phase: plan.name, at: now, of: seconds, interval))
            if failover != nil {
                if try failover!.step(at: now) { sampler.update(failover!.cluster) }
                isDone = failover!.isDone
            } else {
                isDone = next >= end
            }
        }
        let after = try trafficBytes()
        let outcome = try engine.wait(load.stop())
        var events = failover?.events ?? []
        if outcome.overflow > 0 {
            events.append(
                Event(
                    at: outcome.seconds,
                    text:
                        "\(outcome.overflow) requests were dropped: the queue before the connections was full"
                ))
        }
        if outcome.redials > 0 {
            events.append(
                Event(
                    at: outcome.seconds, text: "\(outcome.redials) connections were dialled again"))
        }
        events += Self.burstEvents(plan, seconds: outcome.seconds, warmUp: warmUp)
        return PhaseResult(
            name: plan.name, loop: plan.loop, nodes: site.cluster.nodes.count,
            tenants: site.desks.count, usesTLS: site.usesTLS, warmUpSeconds: warmUp,
            seconds: outcome.seconds, operations: outcome.operations, intervals: intervals,
            processes: sampler.uses,
            wire: Self.wire(sampler.total, sent: after.0 - bytes.0, received: after.1 - bytes.1),
            checks: outcome.checks, events: events)
    }

    /// Bytes of HTTP so far, sent and got.
    private func trafficBytes() throws -> (UInt64, UInt64) {
        let dialer = site.traffic
        return try engine.wait(
            dialer.loop.submit { (dialer.sentBytes, dialer.receivedBytes) })
    }

    static func wire(_ counters: NodeCounters, sent: UInt64, received: UInt64) -> WireUse {
        WireUse(
            logLinkBytes: counters.logLinkBytes, allLinkBytes: counters.allLinkBytes,
            requestBytes: sent, answerBytes: received, logBytes: counters.logBytes,
            syncs: counters.syncs)
    }

    /// Bursts are counted from the beginning of the warm-up.
    private static func burstEvents(
        _ plan: PhasePlan, seconds: Double, warmUp: Double
    ) -> [Event] {
        guard let bursts = plan.bursts, case .open(let rate, _) = plan.loop else { return [] }
        var events: [Event] = []
        var at = bursts.every - bursts.seconds - warmUp
        while at < seconds {
            if at >= 0 {
                events.append(
                    Event(
                        at: at,
                        text: "burst: \(Int(rate * bursts.factor))/s for \(bursts.seconds) s"))
            }
            at += bursts.every
        }
        return events
    }

    /// What nodes use while nobody asks for anything.
    static func watchIdle(
        engine: LoadEngine, site: LoadSite, seconds: Int, progress: (LoadProgress) -> Void
    ) throws -> PhaseResult {
        var sampler = Sampler(engine: engine, cluster: site.cluster, operators: site.operators)
        let begin = MonotonicClock.nanoseconds
        var intervals: [Interval] = []
        // Reading the counters is work too: once in five seconds is enough.
        let step = 5
        for number in 1...max(1, seconds / step) {
            try engine.wait(until: begin + UInt64(number * step) * second)
            let now = MonotonicClock.seconds(from: begin, to: MonotonicClock.nanoseconds)
            sampler.sample(at: now)
            intervals.append(
                Interval(
                    at: now - Double(step), seconds: Double(step), counts: [:], failures: 0,
                    writes: nil, reads: nil))
        }
        return PhaseResult(
            name: "idle", loop: .closed(clients: 0), nodes: site.cluster.nodes.count,
            tenants: site.desks.count, usesTLS: site.usesTLS, warmUpSeconds: 0,
            seconds: MonotonicClock.seconds(from: begin, to: MonotonicClock.nanoseconds),
            operations: [], intervals: intervals, processes: sampler.uses,
            wire: wire(sampler.total, sent: 0, received: 0), checks: Checks())
    }
}
