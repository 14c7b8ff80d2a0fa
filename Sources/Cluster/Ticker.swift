import Threads

/// Calls something ten times a second, on a thread of its own, so that a busy lane or loop never keeps a node from saying that it is
/// there.
final class Ticker: Sendable {
    private struct State {
        var isStopping = false
        var isRunning = false
    }
    private let monitor = Monitor(State())

    /// - Parameter body: gets the number of the tick, from 1.
    func start(_ body: @escaping @Sendable (UInt64) -> Void) {
        monitor.broadcast { $0.isRunning = true }
        startThread(named: "ticker") { [monitor] in
            var count: UInt64 = 0
            var next = monotonicNanoseconds() + 100_000_000
            while true {
                let isStopping: Void? = monitor.wait(until: next) { $0.isStopping ? () : nil }
                if isStopping != nil { break }
                count += 1
                body(count)
                // After a pause of the whole process the missed ticks are not made up for.
                next = max(next + 100_000_000, monotonicNanoseconds())
            }
            monitor.broadcast { $0.isRunning = false }
        }
    }

    /// Blocks until the thread has ended.
    func stop() {
        monitor.broadcast { $0.isStopping = true }
        monitor.wait { $0.isRunning ? nil : () }
    }
}
