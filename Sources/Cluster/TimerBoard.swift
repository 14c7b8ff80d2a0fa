import Synchronization
package import Wire

/// When tenants want to be looked at by time alone: what their rows' timers say, as far as this node has heard of them.
///
/// Whoever writes here notes what the write has set (`ShardTransaction.wake`); whoever takes over a shard reads the rest from its rows. A
/// time that is on the board for nothing costs one look.
package final class TimerBoard: Sendable {
    private struct Entry {
        let tenant: TenantRoute
        let time: Timestamp
    }
    private struct State {
        var times: [TenantID: Timestamp] = [:]
        /// A heap by time. An entry counts only while it is what `times` says; most that do not are thrown out before they are due.
        var heap: [Entry] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Notes that something of a tenant is due at a moment, and maybe more later.
    package func note(_ tenant: TenantRoute, at time: Timestamp) {
        state.withLock { state in
            if let known = state.times[tenant.id], known <= time { return }
            state.times[tenant.id] = time
            if state.heap.count > 2 * state.times.count + Self.slack { Self.compact(&state) }
            state.heap.append(Entry(tenant: tenant, time: time))
            var place = state.heap.count - 1
            while place > 0, state.heap[place].time < state.heap[(place - 1) / 2].time {
                state.heap.swapAt(place, (place - 1) / 2)
                place = (place - 1) / 2
            }
        }
    }

    /// Takes the tenants off the board for whom a moment has come, the longest due first.
    package func takeDue(by now: Timestamp) -> [TenantRoute] {
        state.withLock { state in
            var due: [TenantRoute] = []
            while let first = state.heap.first, first.time <= now {
                Self.removeFirst(&state.heap)
                guard state.times[first.tenant.id] == first.time else { continue }
                state.times[first.tenant.id] = nil
                due.append(first.tenant)
            }
            return due
        }
    }

    /// Tenants on the board.
    package var count: Int { state.withLock { $0.times.count } }
    /// What the board keeps for them.
    var entryCount: Int { state.withLock { $0.heap.count } }

    private static let slack = 64

    /// Throws out the entries that do not count: a tenant whose next timer comes and goes leaves one each time, maybe for weeks.
    private static func compact(_ state: inout State) {
        var known: Set<TenantID> = []
        // In order of time an array is a heap.
        state.heap = state.heap.filter {
            state.times[$0.tenant.id] == $0.time && known.insert($0.tenant.id).inserted
        }.sorted { $0.time < $1.time }
    }

    private static func removeFirst(_ heap: inout [Entry]) {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2]
            where child < heap.count && heap[child].time < heap[least].time {
                least = child
            }
            if least == place { return }
            heap.swapAt(place, least)
            place = least
        }
    }
}
