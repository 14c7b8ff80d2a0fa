import Logging
import ShardStore
import Threads
import Wire

/// The node's threads for reads. Each keeps a reading connection to every shard it was asked about.
final class ReaderLanes: Sendable {
    struct Work: Sendable {
        let shard: ShardID
        let run: @Sendable (Result<ShardReaderConnection, any Error>) -> Void
    }

    private struct State {
        var queue: FairQueue<Work>
        var isStopping = false
        var running: Int
    }

    private let monitor: Monitor<State>

    /// - Parameters:
    ///   - generation: changes when a shard's rows are in another file.
    ///   - open: opens the present file.
    init(
        count: Int, queueLimit: Int, generation: @escaping @Sendable (ShardID) -> Int,
        open: @escaping @Sendable (ShardID) throws -> ShardReaderConnection
    ) {
        let monitor = Monitor(
            State(
                queue: FairQueue(limit: queueLimit, tenantLimit: max(1, queueLimit / 2)),
                running: count))
        self.monitor = monitor
        for number in 1...count {
            startThread(named: "reader-\(number)") {
                var connections: [ShardID: (Int, ShardReaderConnection)] = [:]
                while true {
                    let work: Work? = monitor.wait { state in
                        if let next = state.queue.take(1).first { return .some(next) }
                        return state.isStopping ? .some(nil) : nil
                    }
                    guard let work else { break }
                    let connection = Result<ShardReaderConnection, any Error> {
                        let current = generation(work.shard)
                        if let (known, connection) = connections[work.shard], known == current {
                            return connection
                        }
                        connections[work.shard] = nil
                        let opened = try open(work.shard)
                        connections[work.shard] = (current, opened)
                        return opened
                    }
                    work.run(connection)
                }
                connections.removeAll()
                monitor.broadcast { $0.running -= 1 }
            }
        }
    }

    /// False when the queue is full or closing.
    func submit(_ work: Work, tenant: TenantID) -> Bool {
        monitor.signal { $0.isStopping ? false : $0.queue.append(work, for: tenant) }
    }

    /// Finishes what waits, closes the connections and ends the threads. Blocks until then.
    func stop() {
        monitor.broadcast { $0.isStopping = true }
        monitor.wait { $0.running == 0 ? () : nil }
    }
}
