import Consensus
import Glibc
import LogStore
import Logging
import Metrics
import Synchronization
import Threads
import Wire

/// The thread of the node's log. It takes all that the lanes want stored, writes it as one batch, syncs once, and tells the lanes:
/// the sync is the batching window of all shards together.
final class LogWriter: Sendable {
    private struct Item: Sendable {
        let change: LogChange
        let shard: ShardID
        let replica: ReplicaID
        /// The write this completes; nil when nobody waits for it.
        let sequence: UInt64?
    }

    private struct State {
        var items: [Item] = []
        var isStopping = false
        var isStopped = false
    }

    private let log: NodeLog
    private let monitor = Monitor(State())
    private let failed: @Sendable (any Error) -> Void
    private let logger: Logger
    /// When the sync that runs began, in nanoseconds; 0 when none runs.
    private let syncBegan = Atomic<UInt64>(0)
    private let isFullNow = Atomic(false)
    private let syncTime = Metrics.Timer(label: "lodge_log_sync_seconds")

    /// - Parameter failed: called when the disk failed: nothing this process believes of its log is certain any more, and it must end.
    init(
        log: NodeLog, logger: Logger, failed: @escaping @Sendable (any Error) -> Void
    ) {
        self.log = log
        self.logger = logger
        self.failed = failed
    }

    /// Begins to write; what came before has waited.
    /// - Parameter persisted: called on the log's thread when a shard's writes up to a sequence are on disk.
    func start(persisted: @escaping @Sendable (ShardID, ReplicaID, UInt64) -> Void) {
        startThread(named: "log") { [self] in
            run(persisted)
            monitor.broadcast { $0.isStopped = true }
        }
    }

    func append(_ change: LogChange, shard: ShardID, replica: ReplicaID, sequence: UInt64?) {
        monitor.signal { state in
            state.items.append(
                Item(change: change, shard: shard, replica: replica, sequence: sequence))
        }
    }

    /// Reads back a block that is on disk.
    func payload(shard: ShardID, block: BlockHead) throws -> [UInt8] {
        try log.payload(shard: shard, block: block)
    }

    /// How long the present sync has taken so far, in nanoseconds.
    func outstandingSync(now: UInt64) -> UInt64 {
        let began = syncBegan.load(ordering: .relaxed)
        return began == 0 || began > now ? 0 : now - began
    }

    /// Whether the log cannot grow for want of space.
    var isFull: Bool { isFullNow.load(ordering: .relaxed) }

    /// Stores what waits and ends the thread. Blocks until then.
    func stop() {
        monitor.broadcast { $0.isStopping = true }
        monitor.wait { $0.isStopped ? () : nil }
    }

    // MARK: On the log's thread

    private func run(_ persisted: (ShardID, ReplicaID, UInt64) -> Void) {
        while true {
            let items: [Item] = monitor.wait { state in
                if !state.items.isEmpty {
                    defer { state.items = [] }
                    return state.items
                }
                return state.isStopping ? [] : nil
            }
            if items.isEmpty { return }
            guard store(items, persisted) else { return }
        }
    }

    /// - Returns: whether the log goes on.
    private func store(_ items: [Item], _ persisted: (ShardID, ReplicaID, UInt64) -> Void)
        -> Bool
    {
        let changes = items.map(\.change)
        while true {
            let began = monotonicNanoseconds()
            syncBegan.store(began, ordering: .relaxed)
            defer { syncBegan.store(0, ordering: .relaxed) }
            do {
                try log.append(changes)
                syncTime.recordNanoseconds(Int64(monotonicNanoseconds() - began))
                isFullNow.store(false, ordering: .relaxed)
                break
            } catch LogFault.full {
                // Nothing of it counts. It waits here until there is room: acknowledging nothing is all that is asked of us.
                if !isFullNow.exchange(true, ordering: .relaxed) {
                    logger.error("the disk is full: nothing can be stored")
                }
                if monitor.withLock({ $0.isStopping }) { return false }
                usleep(50_000)
            } catch {
                logger.critical(
                    "the log's disk failed; this process ends", metadata: ["error": "\(error)"])
                failed(error)
                return false
            }
        }
        var done: [ShardID: (ReplicaID, UInt64)] = [:]
        var order: [ShardID] = []
        for item in items {
            guard let sequence = item.sequence else { continue }
            if let known = done[item.shard], known.0 != item.replica {
                persisted(item.shard, known.0, known.1)
            }
            if done[item.shard] == nil { order.append(item.shard) }
            done[item.shard] = (item.replica, sequence)
        }
        for shard in order {
            if let (replica, sequence) = done[shard] { persisted(shard, replica, sequence) }
        }
        return true
    }
}
