import Consensus
import Logging
import Metrics
import ShardStore
import Wire

/// One shard's thread of writes. It takes what waits, at most 256 requests, runs them as one transaction, commits, answers,
/// and takes again: the commit is the batching window.
final class WriterLane: Sendable {
    /// A request on its way through the lane.
    struct Work: Sendable {
        let tenant: TenantID
        let enqueued: UInt64
        let body: @Sendable (ShardTransaction) throws -> Void
        /// Called once, off the lock, with the request's index or why it did not happen.
        let finish: @Sendable (Result<LogIndex, any Error>) -> Void
    }

    private struct State {
        var queue: FairQueue<Work>
        var isStopping = false
        var isStopped = false
        var appliedIndex: LogIndex = .zero
    }

    static let batchLimit = 256
    /// A request that waited longer than this before it ran is refused: the client has better use of the answer "later".
    static let queueTimeLimit: UInt64 = 250_000_000

    let shard: ShardID
    private let monitor: Monitor<State>
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger
    private let batchSize: Recorder
    private let queueTime: Metrics.Timer
    private let sheds: Bool

    init(
        shard: ShardID, queueLimit: Int, shedsLateRequests: Bool,
        clock: @escaping @Sendable () -> Timestamp, logger: Logger,
        open: @escaping @Sendable () throws -> ShardStore
    ) throws {
        self.shard = shard
        self.clock = clock
        self.logger = logger
        self.sheds = shedsLateRequests
        batchSize = Recorder(label: "lodge_lane_batch_requests")
        queueTime = Metrics.Timer(label: "lodge_lane_queue_seconds")
        monitor = Monitor(
            State(queue: FairQueue(limit: queueLimit, tenantLimit: max(1, queueLimit / 2))))
        let opened = Monitor<Result<LogIndex, any Error>?>(nil)
        startThread(named: "shard-\(shard)") { [self] in
            do {
                let store = try open()
                opened.broadcast { $0 = .success(store.appliedIndex) }
                run(store)
            } catch { opened.broadcast { $0 = .failure(error) } }
            monitor.broadcast { $0.isStopped = true }
        }
        let index = try opened.wait { $0 }.get()
        monitor.withLock { $0.appliedIndex = index }
    }

    /// The last entry that committed.
    var appliedIndex: LogIndex { monitor.withLock { $0.appliedIndex } }
    /// How many requests wait.
    var queueCount: Int { monitor.withLock { $0.queue.count } }

    func submit(_ work: Work) {
        let refusal: Unavailable? = monitor.signal { state in
            if state.isStopping { return Unavailable(reason: .shuttingDown, retryAfterSeconds: 2) }
            guard state.queue.append(work, for: work.tenant) else {
                return Unavailable(reason: .overloaded, retryAfterSeconds: 1)
            }
            return nil
        }
        if let refusal { work.finish(.failure(refusal)) }
    }

    /// Finishes what waits, folds the SQLite WAL into the file and ends the thread. Blocks until then.
    func stop() {
        monitor.broadcast { $0.isStopping = true }
        monitor.wait { $0.isStopped ? () : nil }
    }

    // MARK: On the lane's thread

    private func run(_ store: ShardStore) {
        while true {
            let batch: [Work] = monitor.wait { state in
                if !state.queue.isEmpty { return state.queue.take(Self.batchLimit) }
                return state.isStopping ? [] : nil
            }
            if batch.isEmpty { break }
            process(batch, store)
            do { try store.maintain() } catch {
                logger.error("checkpoint failed", metadata: ["error": "\(error)"])
            }
        }
        do { try store.checkpoint() } catch {
            logger.error("last checkpoint failed", metadata: ["error": "\(error)"])
        }
    }

    private func process(_ batch: [Work], _ store: ShardStore) {
        let started = monotonicNanoseconds()
        var current: [Work] = []
        current.reserveCapacity(batch.count)
        for work in batch {
            let waited = started &- work.enqueued
            queueTime.recordNanoseconds(Int64(waited))
            if sheds && waited > Self.queueTimeLimit {
                work.finish(.failure(Unavailable(reason: .overloaded, retryAfterSeconds: 1)))
            } else {
                current.append(work)
            }
        }
        if current.isEmpty { return }
        batchSize.record(current.count)
        do {
            let prepared = try store.prepare(
                current.map { ShardRequest(tenant: $0.tenant, body: $0.body) }, now: clock())
            if prepared.block == nil {
                try store.rollback()
            } else {
                try store.commit()
            }
            let index = store.appliedIndex
            monitor.withLock { $0.appliedIndex = index }
            for (work, outcome) in zip(current, prepared.outcomes) {
                switch outcome {
                case .completed(let index): work.finish(.success(index))
                case .thrown(let error): work.finish(.failure(error))
                }
            }
        } catch {
            logger.error("batch failed", metadata: ["error": "\(error)"])
            for work in current { work.finish(.failure(error)) }
        }
    }
}
