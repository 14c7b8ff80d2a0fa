import Wire

/// A bounded queue that serves tenants in turn: one tenant's flood delays itself, not its neighbours.
///
/// Each tenant has its own line; `take` goes round the tenants that wait, one request each, until it has enough. With equal
/// requests this is deficit round robin with a quantum of one.
struct FairQueue<Element> {
    private var lines: [TenantID: ArraySlice<Element>] = [:]
    /// Tenants with waiting requests, in the order in which they are served next.
    private var turns: [TenantID] = []
    private(set) var count = 0
    /// All tenants together.
    let limit: Int
    /// One tenant alone, so that it cannot fill the queue.
    let tenantLimit: Int

    init(limit: Int, tenantLimit: Int) {
        self.limit = limit
        self.tenantLimit = tenantLimit
    }

    var isEmpty: Bool { count == 0 }

    /// False when there is no room; the caller refuses the request.
    mutating func append(_ element: Element, for tenant: TenantID) -> Bool {
        guard count < limit else { return false }
        if let waiting = lines[tenant]?.count {
            guard waiting < tenantLimit else { return false }
        } else {
            turns.append(tenant)
        }
        lines[tenant, default: []].append(element)
        count += 1
        return true
    }

    /// At most `most` requests, fairly chosen, each tenant's in the order they came.
    mutating func take(_ most: Int) -> [Element] {
        var taken: [Element] = []
        taken.reserveCapacity(min(most, count))
        while taken.count < most, !turns.isEmpty {
            var next: [TenantID] = []
            for (position, tenant) in turns.enumerated() {
                if taken.count == most {
                    // Who was not served this round is first in the next.
                    next = Array(turns[position...]) + next
                    break
                }
                taken.append(lines[tenant]!.removeFirst())
                if lines[tenant]!.isEmpty {
                    lines[tenant] = nil
                } else {
                    next.append(tenant)
                }
            }
            turns = next
        }
        count -= taken.count
        return taken
    }
}
