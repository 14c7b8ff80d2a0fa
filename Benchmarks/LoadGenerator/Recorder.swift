import Measurement

/// Counts and times answers, by operation for the whole phase and by the second.
struct Recorder {
    private struct Kind {
        var count = 0
        var failures = 0
        var latency = LatencyHistogram()
    }

    private var kinds: [Operation: Int] = [:]
    private var wholes: [Kind]
    private var counts: [Int]
    private var failures = 0
    private var writes = LatencyHistogram()
    private var reads = LatencyHistogram()

    init() {
        for (place, operation) in Operation.allCases.enumerated() { kinds[operation] = place }
        wholes = Operation.allCases.map { _ in Kind() }
        counts = Operation.allCases.map { _ in 0 }
    }

    /// A right answer.
    /// - Parameter isInPhase: whether it counts for the phase; those it does not are still shown in their second.
    mutating func record(_ operation: Operation, nanoseconds: UInt64, isInPhase: Bool) {
        let place = kinds[operation]!
        if isInPhase {
            wholes[place].count += 1
            wholes[place].latency.record(nanoseconds: nanoseconds)
        }
        counts[place] += 1
        if operation.isWrite {
            writes.record(nanoseconds: nanoseconds)
        } else {
            reads.record(nanoseconds: nanoseconds)
        }
    }

    mutating func recordFailure(_ operation: Operation, isInPhase: Bool) {
        if isInPhase { wholes[kinds[operation]!].failures += 1 }
        failures += 1
    }

    /// What was recorded since the last call, which begins a new interval.
    mutating func roll(at: Double, seconds: Double) -> Interval {
        let named = zip(Operation.allCases, counts).filter { $1 > 0 }.map { ($0.rawValue, $1) }
        let interval = Interval(
            at: at, seconds: seconds, counts: Dictionary(uniqueKeysWithValues: named),
            failures: failures, writes: Self.latency(writes), reads: Self.latency(reads))
        counts = counts.map { _ in 0 }
        failures = 0
        if writes.count > 0 { writes.reset() }
        if reads.count > 0 { reads.reset() }
        return interval
    }

    var operations: [OperationResult] {
        zip(Operation.allCases, wholes).compactMap { operation, whole in
            guard whole.count > 0 || whole.failures > 0 else { return nil }
            return OperationResult(
                operation: operation, count: whole.count, failures: whole.failures,
                latency: whole.latency.summary)
        }
    }

    private static func latency(_ histogram: LatencyHistogram) -> IntervalLatency? {
        guard histogram.count > 0 else { return nil }
        return IntervalLatency(
            p50: histogram.microseconds(at: 50), p99: histogram.microseconds(at: 99),
            max: histogram.microseconds(at: 100))
    }
}
