import Cluster
import Synchronization
import Wire

/// Counts each tenant's requests by the minute against its limit. Per node; a cluster shares the limit between nodes later.
///
/// Only requests of somebody who signed in count against the tenant. All others count against where they come from, in a
/// smaller bucket a tenant and address, so that nobody without a credential can use up a desk's limit.
final class RateLimiter: Sendable {
    struct Standing: Sendable {
        let limit: Int
        let remaining: Int
        /// Seconds until the window ends.
        let resetSeconds: Int
        let isExceeded: Bool
    }

    /// Requests a minute of one address that nobody signed in for, at most; less where the tenant has a small limit.
    static let anonymousLimit = 60
    /// Addresses that are counted apart in a minute; all others of a tenant share one bucket.
    private static let addressLimit = 10_000

    private struct Source: Hashable {
        let tenant: TenantID
        /// Empty for those that are not counted apart.
        let network: String
    }

    private struct Window {
        var minute: Int64 = 0
        var counts: [TenantID: Int] = [:]
        var anonymous: [Source: Int] = [:]
    }

    private let window = Mutex(Window())

    /// Takes one request of the tenant's minute.
    func charge(_ tenant: TenantRoute, now: Timestamp) -> Standing {
        let used = atMinute(of: now) { window in
            let used = window.counts[tenant.id, default: 0] + 1
            window.counts[tenant.id] = used
            return used
        }
        return standing(tenant.limits.requestsPerMinute, used, now)
    }

    /// Gives back a request that was charged and turned out to be nobody's. In a new minute there is nothing to give back.
    func refund(_ tenant: TenantRoute, chargedAt then: Timestamp) {
        window.withLock { window in
            guard window.minute == then.seconds / 60 else { return }
            window.counts[tenant.id, default: 1] -= 1
        }
    }

    /// Takes one request of what an address may ask without signing in.
    func chargeAnonymous(_ tenant: TenantRoute, address: String?, now: Timestamp) -> Standing {
        let used = atMinute(of: now) { window in
            var source = Source(tenant: tenant.id, network: Self.network(address ?? "unknown"))
            if window.anonymous[source] == nil, window.anonymous.count >= Self.addressLimit {
                source = Source(tenant: tenant.id, network: "")
            }
            let used = window.anonymous[source, default: 0] + 1
            window.anonymous[source] = used
            return used
        }
        let limit = min(Self.anonymousLimit, max(1, tenant.limits.requestsPerMinute / 10))
        return standing(limit, used, now)
    }

    private func atMinute(of now: Timestamp, _ body: (inout Window) -> Int) -> Int {
        window.withLock { window in
            if window.minute != now.seconds / 60 {
                // A new minute forgets all counts, so the tables never outgrow a minute's tenants.
                window.minute = now.seconds / 60
                window.counts.removeAll(keepingCapacity: true)
                window.anonymous.removeAll()
            }
            return body(&window)
        }
    }

    private func standing(_ limit: Int, _ used: Int, _ now: Timestamp) -> Standing {
        Standing(
            limit: limit, remaining: max(0, limit - used),
            resetSeconds: Int(60 - now.seconds % 60), isExceeded: used > limit)
    }

    /// An IPv4 address, or the 64 bits of an IPv6 address that one customer gets: the rest they choose freely.
    private static func network(_ address: String) -> String {
        guard address.contains(":") else { return address }
        let halves = address.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
        var groups = halves[0].split(separator: ":").map(String.init)
        if halves.count > 1 {
            let tail = halves[1].split(separator: ":").map(String.init)
            groups += Array(repeating: "0", count: max(0, 8 - groups.count - tail.count)) + tail
        }
        return groups.prefix(4).joined(separator: ":")
    }
}

/// Whether somebody signed in for a request: set where the principal is found, read when the request is accounted for.
final class Admission: Sendable {
    private let verified = Atomic(false)
    var isVerified: Bool {
        get { verified.load(ordering: .acquiring) }
        set { verified.store(newValue, ordering: .releasing) }
    }

    private let work = Atomic(false)
    /// Whether the request's write leaves something to the job runner.
    var leavesWork: Bool {
        get { work.load(ordering: .acquiring) }
        set { work.store(newValue, ordering: .releasing) }
    }
}
