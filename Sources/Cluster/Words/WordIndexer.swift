import Logging
import Metrics
import ShardStore
import Threads
import Wire
import WordIndex

/// The thread that makes the indexes of words of this node's shards.
///
/// It is searches that have it read: one that meets texts which the index does not know, or a desk that it does not know at all, says so and
/// goes on without. So writes cost nothing, and a desk that nobody searches costs nothing. One step reads some hundred texts of
/// one desk; then the next desk has its turn.
final class WordIndexer: Sendable, WordOrders {
    private struct Desk: Hashable {
        let shard: ShardID
        let kind: WordKind
        let tenant: TenantID
    }

    private struct State {
        /// Whose texts are to be read, in this order.
        var queue: [Desk] = []
        var known: Set<Desk> = []
        /// Shards whose index is to be thrown away.
        var damaged: Set<ShardID> = []
        /// Shards whose index could not be made when that was tried last. It is tried again when a search asks.
        var barred: Set<ShardID> = []
        var isStopping = false
        var isRunning = false
    }

    /// Where a shard's rows are now, and the number of their file.
    typealias Place = (generation: Int, path: String)

    /// What the thread has open and has seen of the shards.
    private struct Files {
        var builders: [ShardID: (generation: Int, builder: WordBuilder)] = [:]
        /// When a shard's index was last looked at for words of what was erased.
        var looked: [ShardID: UInt64] = [:]
        /// Shards of which the log says already that their index cannot be made.
        var troubled: Set<ShardID> = []
    }

    private enum Call {
        case stop
        case forget(ShardID)
        case read(Desk)
    }

    private let monitor = Monitor(State())
    private let source: any WordSource
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger
    /// Desks that may wait. One that is not taken is asked for again by its next search.
    private static let queueLimit = 10_000
    /// Shards whose files are held open, and nanoseconds for which they are with nothing to do: rows that have been replaced take room
    /// on the disk while they are open.
    private static let openLimit = 16
    private static let patience: UInt64 = 10_000_000_000
    /// How long words of what was erased may stay, in nanoseconds.
    private static let forgetEvery: UInt64 = 24 * 3_600_000_000_000
    private let records = Counter(label: "lodge_search_index_records_total")
    private let removals = Counter(label: "lodge_search_index_removals_total")
    private let waiting = Gauge(label: "lodge_search_index_waiting_desks")
    private let stepTime = Metrics.Timer(label: "lodge_search_index_step_seconds")

    init(
        source: any WordSource, clock: @escaping @Sendable () -> Timestamp, logger: Logger
    ) {
        self.source = source
        self.clock = clock
        self.logger = logger
    }

    /// A reading thread's way to a shard's index.
    func reader(of shard: ShardID, rowsPath: String) -> any WordCandidates {
        WordReader(
            path: ShardFiles.wordsPath(rowsPath), shard: shard, layout: source.layout, orders: self)
    }

    // MARK: From any thread

    func wanted(_ kind: WordKind, of tenant: TenantID, in shard: ShardID) -> Bool {
        let desk = Desk(shard: shard, kind: kind, tenant: tenant)
        var isPromised = false
        monitor.withLock { state -> Bool in
            var isNew = false
            if !state.isStopping, state.queue.count < Self.queueLimit {
                isNew = state.known.insert(desk).inserted
                if isNew { state.queue.append(desk) }
            }
            isPromised =
                state.known.contains(desk) && !state.barred.contains(shard) && !state.isStopping
            return isNew
        } wake: {
            $0
        }
        return isPromised
    }

    func damaged(_ shard: ShardID, _ error: any Error) {
        // Out of memory or of files, or gone this moment: nothing is known.
        guard error.tellsOfDamage else { return }
        monitor.signal { _ = $0.damaged.insert(shard) }
    }

    /// Blocks until the thread has ended.
    func stop() {
        monitor.broadcast { $0.isStopping = true }
        monitor.wait { $0.isRunning ? nil : () }
    }

    // MARK: The thread

    /// - Parameters:
    ///   - place: where a shard's rows are; nil when there are none to be read.
    ///   - mayWrite: whether the disk has room for what can be done without.
    func start(
        place: @escaping @Sendable (ShardID) -> Place?, mayWrite: @escaping @Sendable () -> Bool
    ) {
        monitor.broadcast { $0.isRunning = true }
        startThread(named: "words") { [self] in
            // Not at a lower priority: until a desk is known its searches read everything, and would take the processors from what ends that.
            run(place, mayWrite)
            monitor.broadcast { $0.isRunning = false }
        }
    }

    private func run(_ place: (ShardID) -> Place?, _ mayWrite: () -> Bool) {
        var files = Files()
        var idleUntil = UInt64(Int64.max)
        while true {
            let next = { (state: inout State) -> (Call, Int)? in
                if state.isStopping { return (.stop, 0) }
                if let shard = state.damaged.popFirst() { return (.forget(shard), 0) }
                guard !state.queue.isEmpty else { return nil }
                return (.read(state.queue.removeFirst()), state.queue.count)
            }
            guard let (call, count) = monitor.wait(until: idleUntil, next) else {
                files.builders.removeAll()
                idleUntil = UInt64(Int64.max)
                continue
            }
            idleUntil = monotonicNanoseconds() + Self.patience
            switch call {
            case .stop: return
            case .forget(let shard):
                files.builders[shard] = nil
                if let path = place(shard)?.path {
                    WordBuilder.remove(ShardFiles.wordsPath(path))
                    note(shard, "a reader has met damage in it")
                }
            case .read(let desk):
                waiting.record(count)
                let step = read(desk, place(desk.shard), mayWrite(), &files)
                monitor.withLock { state in
                    if step == .failed {
                        state.barred.insert(desk.shard)
                    } else {
                        state.barred.remove(desk.shard)
                    }
                    if step == .goesOn {
                        state.queue.append(desk)
                    } else {
                        state.known.remove(desk)
                    }
                }
            }
        }
    }

    /// What came of a step. Until a search asks again nothing more is to be done unless it goes on.
    private enum Step {
        case goesOn
        case done
        case failed
    }

    /// One step of a desk.
    private func read(_ desk: Desk, _ place: Place?, _ mayWrite: Bool, _ files: inout Files)
        -> Step
    {
        guard let place, mayWrite else { return .failed }
        let (shard, began) = (desk.shard, monotonicNanoseconds())
        do {
            let builder = try builder(of: shard, at: place, &files)
            if files.looked[shard].map({ began - $0 > Self.forgetEvery }) ?? true {
                files.looked[shard] = began
                try builder.forgetErased(now: clock())
            }
            let progress = try builder.step(desk.kind, of: desk.tenant, now: clock())
            files.troubled.remove(shard)
            records.increment(by: progress.recordCount)
            stepTime.recordNanoseconds(monotonicNanoseconds() - began)
            return progress.isDone ? .done : .goesOn
        } catch let lost as WordIndexLost {
            files.builders[shard] = nil
            note(shard, lost.reason)
            return .done
        } catch {
            // The rows have moved, the disk is full, or SQLite is one without FTS5.
            files.builders[shard] = nil
            if files.troubled.insert(shard).inserted {
                logger.warning(
                    "an index of words cannot be made now; searches go on without",
                    metadata: ["shard": "\(shard)", "error": "\(error)"])
            }
        }
        return .failed
    }

    private func builder(of shard: ShardID, at place: Place, _ files: inout Files) throws
        -> WordBuilder
    {
        if let (generation, builder) = files.builders[shard], generation == place.generation {
            return builder
        }
        files.builders[shard] = nil
        if files.builders.count >= Self.openLimit { files.builders.removeAll() }
        let builder = try WordBuilder(
            rowsPath: place.path, path: ShardFiles.wordsPath(place.path), source: source)
        files.builders[shard] = (place.generation, builder)
        return builder
    }

    private func note(_ shard: ShardID, _ reason: String) {
        removals.increment()
        logger.notice(
            "an index of words was removed and is made anew",
            metadata: ["shard": "\(shard)", "reason": "\(reason)"])
    }
}
