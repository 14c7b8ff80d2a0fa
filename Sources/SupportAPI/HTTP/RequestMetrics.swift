import Metrics
import Synchronization

/// The counters and times of requests by operation, looked up once for each operation and kept: to find a series by its labels costs
/// more than to count.
final class RequestMetrics: Sendable {
    private final class Series: Sendable {
        let byStatus: [Counter]
        let time: Metrics.Timer

        init(_ operation: String) {
            byStatus = (0...9).map { kind in
                Counter(
                    label: "lodge_http_requests_total",
                    dimensions: [("operation", operation), ("status", "\(kind)xx")])
            }
            time = Metrics.Timer(
                label: "lodge_http_request_seconds", dimensions: [("operation", operation)])
        }
    }

    /// Operations are the API's own names, so there are only so many.
    private let series = Mutex<[String: Series]>([:])

    func record(_ operation: String, status: Int, nanoseconds: Int64) {
        let found = series.withLock { series in
            if let known = series[operation] { return known }
            let made = Series(operation)
            series[operation] = made
            return made
        }
        found.byStatus[min(max(status / 100, 0), 9)].increment()
        found.time.recordNanoseconds(nanoseconds)
    }
}
