import Logging
import ShardStore
import Threads
import Wire

/// A thread that reads the rows of this node's replicas and compares them with their sums: at once where there is doubt, and all of
/// them, slowly, as often as configured. So a page that rotted on disk is found before the last good replica has gone.
final class Scrubber: Sendable {
    private struct Order {
        let shard: ShardID
        let path: String
        let then: @Sendable (RowFinding) -> Void
    }

    private struct State {
        var urgent: [Order] = []
        var isStopping = false
        var isRunning = false
    }

    /// Of a shard's file, for the round through all of them.
    typealias Report = @Sendable (ShardID, _ path: String, RowFinding) -> Void

    private let monitor = Monitor(State())
    /// Nanoseconds between two rounds; nil for none.
    private let interval: UInt64?
    /// For every moment of reading, so many of rest.
    private static let rest: UInt64 = 19
    /// What waits may be this much; what more is asked is not done.
    private static let orderLimit = 256

    init(intervalMinutes: Int) {
        interval = intervalMinutes > 0 ? UInt64(intervalMinutes) * 60_000_000_000 : nil
    }

    /// - Parameters:
    ///   - files: the shards that have rows here, and where.
    ///   - report: what a round has found.
    func start(files: @escaping @Sendable () -> [(ShardID, String)], report: @escaping Report) {
        monitor.broadcast { $0.isRunning = true }
        startThread(named: "scrubber") { [self] in
            run(files, report)
            let left = monitor.withLock { state in
                defer { state.urgent = [] }
                state.isRunning = false
                return state.urgent
            }
            for order in left { order.then(.notMade) }
            monitor.broadcast { _ in }
        }
    }

    /// Reads a shard's rows as soon as possible.
    func check(_ shard: ShardID, path: String, then: @escaping @Sendable (RowFinding) -> Void) {
        let isTaken = monitor.signal { state in
            guard !state.isStopping, state.urgent.count < Self.orderLimit else { return false }
            state.urgent.append(Order(shard: shard, path: path, then: then))
            return true
        }
        if !isTaken { then(.notMade) }
    }

    /// Blocks until the thread has ended.
    func stop() {
        monitor.broadcast { $0.isStopping = true }
        monitor.wait { $0.isRunning ? nil : () }
    }

    // MARK: On the thread

    private func run(_ files: () -> [(ShardID, String)], _ report: Report) {
        var round = interval.map { monotonicNanoseconds() + $0 } ?? .max
        while pause(until: round) {
            for (shard, path) in files() {
                guard let finding = walk(path, isUrgent: false) else { return }
                report(shard, path, finding)
            }
            round = interval.map { monotonicNanoseconds() + $0 } ?? .max
        }
    }

    /// Sleeps, but does what is urgent.
    /// - Returns: false when the thread must end.
    private func pause(until deadline: UInt64) -> Bool {
        enum Call {
            case stop
            case order(Order)
        }
        while true {
            let call: Call? = monitor.wait(until: min(deadline, UInt64(Int64.max))) { state in
                if state.isStopping { return .stop }
                return state.urgent.isEmpty ? nil : .order(state.urgent.removeFirst())
            }
            switch call {
            case nil: return true
            case .stop: return false
            case .order(let order): order.then(walk(order.path, isUrgent: true) ?? .notMade)
            }
        }
    }

    /// - Returns: nil when the thread must end before the walk has.
    private func walk(_ path: String, isUrgent: Bool) -> RowFinding? {
        do {
            let check = try ShardCheck(path: path)
            while true {
                let began = monotonicNanoseconds()
                switch try check.next() {
                case .end: return .sound
                case .unsound(.system):
                    return .unsound("the shard's state hash is not the sum of its tenants'")
                case .unsound(let tenant):
                    return .unsound(
                        "the rows of tenant \(tenant) do not add up to their state hash")
                case .sound:
                    let now = monotonicNanoseconds()
                    if isUrgent {
                        if monitor.withLock({ $0.isStopping }) { return nil }
                    } else if !pause(until: now + (now - began) * Self.rest) {
                        return nil
                    }
                }
            }
        } catch {
            if error.tellsOfDamage { return .unsound("the rows cannot be read: \(error)") }
            // Busy, out of memory, gone because a snapshot took its place: nothing is known.
            return .notMade
        }
    }
}
