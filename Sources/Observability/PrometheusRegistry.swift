package import CoreMetrics
import Synchronization

/// A node's metrics, kept in memory and shown in Prometheus' text format.
///
/// The factory behind `MetricsSystem`: counters become `counter`, meters `gauge`, recorders and timers `histogram`. Its size
/// is bounded by `seriesLimit`, since a label that takes its values from requests would otherwise grow without end; what
/// comes after the limit is counted in `lodge_metrics_dropped_total` and nowhere else.
package final class PrometheusRegistry: MetricsFactory {
    /// Series, a name with one set of dimensions each.
    package static let seriesLimit = 10_000
    /// Upper bounds of a timer's buckets, in seconds.
    static let secondBounds = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    /// Upper bounds of a recorder's buckets: sizes and counts.
    static let countBounds = [1.0, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096, 16_384, 65_536]

    private struct Key: Hashable {
        let label: String
        let dimensions: String
    }

    private struct State {
        var series: [Key: Series] = [:]
        var dropped: Int64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    // MARK: MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(.counter, label, dimensions, [])
    }

    package func makeFloatingPointCounter(label: String, dimensions: [(String, String)])
        -> any FloatingPointCounterHandler
    { series(.counter, label, dimensions, []) }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(.gauge, label, dimensions, [])
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool)
        -> any RecorderHandler
    {
        aggregate
            ? series(.histogram, label, dimensions, Self.countBounds)
            : series(.gauge, label, dimensions, [])
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(.histogram, label, dimensions, Self.secondBounds)
    }

    package func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
        remove(handler)
    }
    package func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    private func series(
        _ kind: Series.Kind, _ label: String, _ dimensions: [(String, String)], _ bounds: [Double]
    ) -> Series {
        let key = Key(label: label, dimensions: Self.dimensionText(dimensions))
        return state.withLock { state in
            if let known = state.series[key], known.kind == kind { return known }
            let made = Series(
                kind: kind, label: label, dimensions: key.dimensions, bounds: bounds)
            guard state.series[key] == nil, state.series.count < Self.seriesLimit else {
                state.dropped += 1
                return made
            }
            state.series[key] = made
            return made
        }
    }

    private func remove(_ handler: AnyObject) {
        guard let series = handler as? Series else { return }
        state.withLock {
            $0.series[Key(label: series.label, dimensions: series.dimensions)] = nil
        }
    }

    // MARK: Showing

    /// All series in the text exposition format, version 0.0.4, sorted by name.
    package func exposition() -> String {
        let (all, dropped) = state.withLock { (Array($0.series.values), $0.dropped) }
        var text = ""
        var last = ""
        for series in all.sorted(by: { ($0.label, $0.dimensions) < ($1.label, $1.dimensions) }) {
            if series.label != last { text += "# TYPE \(series.label) \(series.kind.rawValue)\n" }
            last = series.label
            series.write(to: &text)
        }
        text += "# TYPE lodge_metrics_dropped_total counter\n"
        text += "lodge_metrics_dropped_total \(dropped)\n"
        return text
    }

    /// `name="value",…` with the values escaped as the format asks.
    static func dimensionText(_ dimensions: [(String, String)]) -> String {
        dimensions.map { name, value in
            var escaped = ""
            for character in value.unicodeScalars {
                switch character {
                case "\\": escaped += "\\\\"
                case "\"": escaped += "\\\""
                case "\n": escaped += "\\n"
                default: escaped.unicodeScalars.append(character)
                }
            }
            return "\(name)=\"\(escaped)\""
        }.joined(separator: ",")
    }
}

/// One name with one set of dimensions.
final class Series: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler,
    TimerHandler
{
    enum Kind: String, Sendable { case counter, gauge, histogram }

    private struct State {
        var value = 0.0
        var sum = 0.0
        /// Observations in each bucket, the last without upper bound.
        var buckets: [Int64]
    }

    let kind: Kind
    let label: String
    let dimensions: String
    private let bounds: [Double]
    private let state: Mutex<State>

    init(kind: Kind, label: String, dimensions: String, bounds: [Double]) {
        self.kind = kind
        self.label = label
        self.dimensions = dimensions
        self.bounds = bounds
        state = Mutex(State(buckets: Array(repeating: 0, count: bounds.count + 1)))
    }

    func increment(by amount: Int64) { increment(by: Double(amount)) }
    func increment(by amount: Double) { state.withLock { $0.value += amount } }
    func decrement(by amount: Double) { state.withLock { $0.value -= amount } }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { state.withLock { $0.value = value } }
    func reset() {
        state.withLock { $0 = State(buckets: Array(repeating: 0, count: bounds.count + 1)) }
    }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
        guard kind == .histogram else { return set(value) }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock {
            $0.sum += value
            $0.buckets[bucket] += 1
        }
    }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func write(to text: inout String) {
        let state = state.withLock { $0 }
        guard kind == .histogram else {
            text += "\(named(label)) \(Self.number(state.value))\n"
            return
        }
        var count: Int64 = 0
        for (index, inBucket) in state.buckets.enumerated() {
            count += inBucket
            let bound = index < bounds.count ? Self.number(bounds[index]) : "+Inf"
            text += "\(named(label + "_bucket", "le=\"\(bound)\"")) \(count)\n"
        }
        text += "\(named(label + "_sum")) \(Self.number(state.sum))\n"
        text += "\(named(label + "_count")) \(count)\n"
    }

    private func named(_ name: String, _ extra: String = "") -> String {
        let all = [dimensions, extra].filter { !$0.isEmpty }.joined(separator: ",")
        return all.isEmpty ? name : "\(name){\(all)}"
    }

    /// Whole numbers without a fraction, as people expect of counters.
    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }
}
