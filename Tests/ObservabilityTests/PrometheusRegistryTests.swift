import CoreMetrics
import Testing

@testable import Observability

struct PrometheusRegistryTests {
    private func lines(_ registry: PrometheusRegistry) -> [Substring] {
        registry.exposition().split(separator: "\n")
    }

    @Test func countersAddUpByNameAndDimensions() {
        let registry = PrometheusRegistry()
        for _ in 0..<3 {
            registry.makeCounter(label: "requests_total", dimensions: [("status", "2xx")])
                .increment(by: 2)
        }
        registry.makeCounter(label: "requests_total", dimensions: [("status", "5xx")])
            .increment(by: 1)
        #expect(
            lines(registry).prefix(3) == [
                "# TYPE requests_total counter", "requests_total{status=\"2xx\"} 6",
                "requests_total{status=\"5xx\"} 1",
            ])
    }

    @Test func bucketsAreCumulativeAndTheLastHoldsAll() {
        let registry = PrometheusRegistry()
        let timer = registry.makeTimer(label: "wait_seconds", dimensions: [])
        for milliseconds in [1, 3, 20_000] as [Int64] {
            timer.recordNanoseconds(milliseconds * 1_000_000)
        }
        let all = lines(registry)
        #expect(all.contains("wait_seconds_bucket{le=\"0.001\"} 1"))
        #expect(all.contains("wait_seconds_bucket{le=\"0.005\"} 2"))
        #expect(all.contains("wait_seconds_bucket{le=\"10\"} 2"))
        #expect(all.contains("wait_seconds_bucket{le=\"+Inf\"} 3"))
        #expect(all.contains("wait_seconds_count 3"))
        #expect(all.contains("wait_seconds_sum 20.004"))
    }

    @Test func gaugesKeepTheLastValue() {
        let registry = PrometheusRegistry()
        let meter = registry.makeMeter(label: "depth", dimensions: [])
        meter.set(Int64(7))
        meter.increment(by: 2)
        meter.decrement(by: 1)
        #expect(lines(registry).contains("depth 8"))
    }

    @Test func aValueCannotBreakOutOfItsLine() {
        let registry = PrometheusRegistry()
        registry.makeCounter(label: "odd_total", dimensions: [("name", "a\"b\\c\nd 1")])
            .increment(by: 1)
        #expect(lines(registry).contains("odd_total{name=\"a\\\"b\\\\c\\nd 1\"} 1"))
    }

    @Test func aFloodOfSeriesIsDroppedAndCounted() {
        let registry = PrometheusRegistry()
        for number in 0..<PrometheusRegistry.seriesLimit + 5 {
            registry.makeCounter(label: "flood_total", dimensions: [("n", String(number))])
                .increment(by: 1)
        }
        #expect(lines(registry).contains("lodge_metrics_dropped_total 5"))
        #expect(lines(registry).count == PrometheusRegistry.seriesLimit + 3)
    }

    @Test func destroyedSeriesAreGone() {
        let registry = PrometheusRegistry()
        let counter = registry.makeCounter(label: "gone_total", dimensions: [])
        counter.increment(by: 1)
        registry.destroyCounter(counter)
        #expect(!registry.exposition().contains("gone_total"))
    }

    @Test func theProcessReportsItself() {
        let text = ProcessMetrics.exposition()
        for name in [
            "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
        ] {
            let value = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
                .flatMap { Double($0.dropFirst(name.count + 1)) }
            #expect((value ?? 0) > 0, "\(name)")
        }
    }
}
