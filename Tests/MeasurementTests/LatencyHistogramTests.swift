import Measurement
import Testing

@Suite struct LatencyHistogramTests {
    @Test func percentilesAreWithinThreeDigits() {
        var histogram = LatencyHistogram()
        for microsecond in 1...10_000 {
            histogram.record(nanoseconds: UInt64(microsecond) * 1000)
        }
        let summary = histogram.summary
        #expect(summary.count == 10_000)
        #expect(abs(summary.p50 - 5_000) <= 5)
        #expect(abs(summary.p99 - 9_900) <= 10)
        #expect(abs(summary.p999 - 9_990) <= 10)
        #expect(abs(summary.mean - 5_000.5) <= 5)
        #expect(summary.percentiles.last?.percentile == 100)
    }

    @Test func nothingRecordedIsNothingSaid() {
        #expect(LatencyHistogram().summary.count == 0)
        #expect(LatencyHistogram().summary.percentiles.isEmpty)
    }
}
