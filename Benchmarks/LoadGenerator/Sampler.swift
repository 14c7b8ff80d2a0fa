import Glibc
import Measurement
import NIOCore
import NIOHTTP1

/// Looks, once an interval, at what each process has used. Lives on the thread that measures.
struct Sampler {
    private let engine: LoadEngine
    private let operators: Dialer
    private(set) var uses: [ProcessUse]
    private var pids: [Int32?]
    private var lastProbes: [ProcessProbe?]
    private var lastCounters: [NodeCounters]
    private var lastTime: UInt64
    private(set) var total = NodeCounters()

    /// - Parameter operators: of the nodes' operators' listeners, in the same order.
    init(engine: LoadEngine, cluster: LocalCluster, operators: Dialer) {
        self.engine = engine
        self.operators = operators
        uses = cluster.nodes.map { ProcessUse(name: $0.name, samples: []) }
        uses.append(ProcessUse(name: "lodge-bench", samples: []))
        pids = cluster.nodes.map(\.pid) + [getpid()]
        lastProbes = pids.map { $0.flatMap(ProcessProbe.read) }
        lastCounters = cluster.nodes.map { _ in NodeCounters() }
        lastTime = MonotonicClock.nanoseconds
        for (place, counters) in read().enumerated() { lastCounters[place] = counters ?? .init() }
    }

    /// A node was started again.
    mutating func update(_ cluster: LocalCluster) {
        pids = cluster.nodes.map(\.pid) + [getpid()]
    }

    /// - Parameter at: seconds from the beginning of what is measured.
    mutating func sample(at: Double) {
        let now = MonotonicClock.nanoseconds
        let seconds = MonotonicClock.seconds(from: lastTime, to: now)
        let probes = pids.map { $0.flatMap(ProcessProbe.read) }
        let counters = read()
        for place in uses.indices {
            guard let probe = probes[place] else { continue }
            let before = lastProbes[place]?.cpuSeconds ?? 0
            // A new process with an old one's name has its own clock.
            let used = probe.cpuSeconds >= before ? probe.cpuSeconds - before : probe.cpuSeconds
            var difference: NodeCounters?
            if place < counters.count, let current = counters[place] {
                difference = current.since(lastCounters[place])
                lastCounters[place] = current
                total.add(difference!)
            }
            uses[place].samples.append(
                ProcessUse.Sample(
                    at: at, cores: seconds > 0 ? used / seconds : 0,
                    residentBytes: probe.residentBytes, sentBytes: difference?.allLinkBytes,
                    syncs: difference?.syncs))
            lastProbes[place] = probe
        }
        lastTime = now
    }

    /// Counters of each node; nil of those that do not answer.
    private func read() -> [NodeCounters?] {
        engine.metrics(of: operators).map { $0.map(NodeCounters.init(metrics:)) }
    }
}
