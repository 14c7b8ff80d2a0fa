/// One load: so many seconds of requests against one cluster, after a warm-up that counts nowhere.
package struct PhaseResult: Codable, Equatable, Sendable {
    /// Such as `canonical`, `read-heavy`, `failover`; with the name of the build in front when two are measured in turn.
    package var name: String
    package var loop: Loop
    package var nodes: Int
    package var tenants: Int
    package var usesTLS: Bool
    package var warmUpSeconds: Double
    /// How long it was measured.
    package var seconds: Double
    /// By operation, in the order of `Operation.allCases`; those that did not occur are missing.
    package var operations: [OperationResult]
    /// One second each, in order.
    package var intervals: [Interval]
    /// What each process used, the harness among them.
    package var processes: [ProcessUse]
    package var wire: WireUse?
    package var checks: Checks
    /// What happened to the cluster meanwhile.
    package var events: [Event] = []

    package init(
        name: String, loop: Loop, nodes: Int, tenants: Int, usesTLS: Bool, warmUpSeconds: Double,
        seconds: Double, operations: [OperationResult], intervals: [Interval],
        processes: [ProcessUse], wire: WireUse?, checks: Checks, events: [Event] = []
    ) {
        self.name = name
        self.loop = loop
        self.nodes = nodes
        self.tenants = tenants
        self.usesTLS = usesTLS
        self.warmUpSeconds = warmUpSeconds
        self.seconds = seconds
        self.operations = operations
        self.intervals = intervals
        self.processes = processes
        self.wire = wire
        self.checks = checks
        self.events = events
    }
}

/// What decides when the next request is sent.
package enum Loop: Codable, Equatable, Sendable {
    /// So many clients, each of which sends its next request when it has its answer. Says what the cluster can do; its latencies
    /// are those of a cluster that is always full.
    case closed(clients: Int)
    /// Requests at times that do not depend on the answers. Latency counts from when a request was due, so that waiting behind a
    /// slow one counts too ("coordinated omission").
    case open(perSecond: Double, connections: Int)
}

/// What was asked for.
package enum Operation: String, Codable, CaseIterable, Sendable {
    case create, update, comment, get, list, search

    package var isWrite: Bool {
        switch self {
        case .create, .update, .comment: true
        case .get, .list, .search: false
        }
    }
}

package struct OperationResult: Codable, Equatable, Sendable {
    package var operation: Operation
    /// Answers that were right.
    package var count: Int
    /// Requests that got no answer, or one that said "not now" (429, 503); what became of them is not known.
    package var failures: Int
    package var latency: LatencySummary

    package init(operation: Operation, count: Int, failures: Int, latency: LatencySummary) {
        self.operation = operation
        self.count = count
        self.failures = failures
        self.latency = latency
    }
}

/// Latencies in microseconds, from a histogram with three significant digits.
package struct LatencySummary: Codable, Equatable, Sendable {
    package var count: Int
    package var mean: Double
    package var min: Double
    package var p50: Double
    package var p90: Double
    package var p99: Double
    package var p999: Double
    package var max: Double
    /// The whole distribution: pairs of a percentile (0...100) and its latency, denser to the end.
    package var percentiles: [PercentilePoint] = []

    package init(
        count: Int, mean: Double, min: Double, p50: Double, p90: Double, p99: Double, p999: Double,
        max: Double, percentiles: [PercentilePoint] = []
    ) {
        self.count = count
        self.mean = mean
        self.min = min
        self.p50 = p50
        self.p90 = p90
        self.p99 = p99
        self.p999 = p999
        self.max = max
        self.percentiles = percentiles
    }
}

package struct PercentilePoint: Codable, Equatable, Sendable {
    package var percentile: Double
    package var microseconds: Double

    package init(percentile: Double, microseconds: Double) {
        self.percentile = percentile
        self.microseconds = microseconds
    }
}

/// One second of a phase.
package struct Interval: Codable, Equatable, Sendable {
    /// Seconds from the beginning of what was measured to the beginning of the interval.
    package var at: Double
    package var seconds: Double
    /// Right answers, by operation.
    package var counts: [String: Int]
    package var failures: Int
    /// Of the interval's answers to writes and to reads, microseconds; missing where there were none.
    package var writes: IntervalLatency?
    package var reads: IntervalLatency?

    package init(
        at: Double, seconds: Double, counts: [String: Int], failures: Int, writes: IntervalLatency?,
        reads: IntervalLatency?
    ) {
        self.at = at
        self.seconds = seconds
        self.counts = counts
        self.failures = failures
        self.writes = writes
        self.reads = reads
    }
}

package struct IntervalLatency: Codable, Equatable, Sendable {
    package var p50: Double
    package var p99: Double
    package var max: Double

    package init(p50: Double, p99: Double, max: Double) {
        self.p50 = p50
        self.p99 = p99
        self.max = max
    }
}

/// What one process used, sampled once an interval.
package struct ProcessUse: Codable, Equatable, Sendable {
    /// The node's name, or `lodge-bench`.
    package var name: String
    package var samples: [Sample]

    package init(name: String, samples: [Sample]) {
        self.name = name
        self.samples = samples
    }

    package struct Sample: Codable, Equatable, Sendable {
        /// Seconds from the beginning of what was measured to the end of the sampled time.
        package var at: Double
        /// Cores kept busy since the sample before.
        package var cores: Double
        package var residentBytes: UInt64
        /// Bytes this process sent to other nodes since the sample before; missing for the harness.
        package var sentBytes: UInt64?
        /// Syncs of the log since the sample before; missing for the harness.
        package var syncs: UInt64?

        package init(
            at: Double, cores: Double, residentBytes: UInt64, sentBytes: UInt64?, syncs: UInt64?
        ) {
            self.at = at
            self.cores = cores
            self.residentBytes = residentBytes
            self.sentBytes = sentBytes
            self.syncs = syncs
        }
    }
}

/// What the phase cost on wires and disks, over all nodes.
package struct WireUse: Codable, Equatable, Sendable {
    /// Bytes of the log sent from leaders to followers, and all bytes sent between nodes.
    package var logLinkBytes: UInt64
    package var allLinkBytes: UInt64
    /// Bytes of HTTP that the harness sent and got.
    package var requestBytes: UInt64
    package var answerBytes: UInt64
    /// Bytes appended to logs, and their syncs.
    package var logBytes: UInt64
    package var syncs: UInt64

    package init(
        logLinkBytes: UInt64, allLinkBytes: UInt64, requestBytes: UInt64, answerBytes: UInt64,
        logBytes: UInt64, syncs: UInt64
    ) {
        self.logLinkBytes = logLinkBytes
        self.allLinkBytes = allLinkBytes
        self.requestBytes = requestBytes
        self.answerBytes = answerBytes
        self.logBytes = logBytes
        self.syncs = syncs
    }
}

/// What was looked at besides the clock. A phase with a wrong answer or a lost write is a failed one, whatever its speed.
package struct Checks: Codable, Equatable, Sendable {
    /// Answers whose contents were compared with what must be in them.
    package var answersChecked = 0
    /// What was wrong with answers, the first twenty.
    package var wrongAnswers: [String] = []
    package var wrongAnswerCount = 0
    /// Writes that were acknowledged, and how many of them were found at the end.
    package var acknowledgedWrites = 0
    package var writesFound = 0
    /// Tickets that were read back for that, all there are.
    package var ticketsReadBack = 0

    package init() {}

    package var isGood: Bool {
        wrongAnswerCount == 0 && writesFound == acknowledgedWrites
    }
}

package struct Event: Codable, Equatable, Sendable {
    /// Seconds from the beginning of what was measured.
    package var at: Double
    /// Such as "n2 killed, leader of shard 3".
    package var text: String
    /// How long writes to the shards it concerns were not acknowledged, in seconds, where that is what it is about.
    package var gap: Double?

    package init(at: Double, text: String, gap: Double? = nil) {
        self.at = at
        self.text = text
        self.gap = gap
    }
}
