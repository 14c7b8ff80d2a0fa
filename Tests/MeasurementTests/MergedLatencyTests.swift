import Testing

@testable import Measurement

@Suite struct MergedLatencyTests {
    /// Values evenly from `low` to `high`.
    private func even(_ count: Int, _ low: Double, _ high: Double) -> LatencySummary {
        func value(_ percentile: Double) -> Double { low + (high - low) * percentile / 100 }
        return LatencySummary(
            count: count, mean: (low + high) / 2, min: low, p50: value(50), p90: value(90),
            p99: value(99), p999: value(99.9), max: high,
            percentiles: [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100].map {
                PercentilePoint(percentile: $0, microseconds: value($0))
            })
    }

    @Test func twoHalvesMakeTheWhole() {
        let merged = LatencySummary.merged([even(500, 0, 1000), even(500, 1000, 2000)])
        #expect(merged.count == 1000)
        #expect(abs(merged.p50 - 1000) < 1)
        #expect(abs(merged.p90 - 1800) < 1)
        #expect(abs(merged.p99 - 1980) < 1)
        #expect(merged.max == 2000 && merged.min == 0 && merged.mean == 1000)
    }

    @Test func partsWeighByTheirCounts() {
        let merged = LatencySummary.merged([even(990, 0, 100), even(10, 5000, 6000)])
        #expect(merged.p50 < 60)
        #expect(abs(merged.p999 - 5900) < 20)
    }

    @Test func oneAloneStaysAsItIs() {
        let alone = even(10, 1, 5)
        #expect(LatencySummary.merged([alone, even(0, 0, 0)]) == alone)
        #expect(LatencySummary.merged([]).count == 0)
    }
}
