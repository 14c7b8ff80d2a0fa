import Cluster
import Synchronization
import Wire

/// Counts each tenant's requests by the minute against its limit. Per node; a cluster shares the limit between nodes later.
final class RateLimiter: Sendable {
    struct Standing: Sendable {
        let limit: Int
        let remaining: Int
        /// Seconds until the window ends.
        let resetSeconds: Int
        let isExceeded: Bool
    }

    private struct Window {
        var minute: Int64 = 0
        var counts: [TenantID: Int] = [:]
    }

    private let window = Mutex(Window())

    /// Takes one request of the tenant's minute.
    func charge(_ tenant: TenantRoute, now: Timestamp) -> Standing {
        let minute = now.seconds / 60
        let used = window.withLock { window in
            if window.minute != minute {
                // A new minute forgets all counts, so the table never outgrows a minute's tenants.
                window.minute = minute
                window.counts.removeAll(keepingCapacity: true)
            }
            let used = window.counts[tenant.id, default: 0] + 1
            window.counts[tenant.id] = used
            return used
        }
        let limit = tenant.limits.requestsPerMinute
        return Standing(
            limit: limit, remaining: max(0, limit - used),
            resetSeconds: Int(60 - now.seconds % 60), isExceeded: used > limit)
    }
}
