import Histogram

/// Latencies with three significant digits, from a microsecond to an hour.
package struct LatencyHistogram: Sendable {
    private var histogram = Histogram<UInt64>(
        highestTrackableValue: 3_600_000_000_000, numberOfSignificantValueDigits: .three)

    package init() {}

    package var count: Int { Int(histogram.totalCount) }

    /// A latency in nanoseconds; one beyond an hour counts as an hour.
    package mutating func record(nanoseconds: UInt64) {
        histogram.record(Swift.min(nanoseconds, 3_600_000_000_000))
    }

    package mutating func add(_ other: LatencyHistogram) { histogram.add(other.histogram) }

    package mutating func reset() { histogram.reset() }

    /// The latency in microseconds that `percentile` (0...100) of all do not exceed.
    package func microseconds(at percentile: Double) -> Double {
        Double(histogram.valueAtPercentile(percentile)) / 1000
    }

    package var summary: LatencySummary {
        guard count > 0 else {
            return LatencySummary(
                count: 0, mean: 0, min: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0)
        }
        return LatencySummary(
            count: count, mean: histogram.mean / 1000, min: Double(histogram.min) / 1000,
            p50: microseconds(at: 50), p90: microseconds(at: 90), p99: microseconds(at: 99),
            p999: microseconds(at: 99.9), max: Double(histogram.max) / 1000,
            percentiles: histogram.percentiles(ticksPerHalfDistance: 5).map {
                PercentilePoint(
                    percentile: $0.percentile, microseconds: Double($0.value) / 1000)
            })
    }
}
