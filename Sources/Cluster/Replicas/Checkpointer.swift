import Consensus
import Glibc
import ShardStore
import Threads

/// A shard's SQLite WAL being folded into its file, on a thread that may wait for the disk while the shard's lane serves others.
///
/// `@unchecked Sendable`: from the moment it is handed over until it has ended, only its thread touches the store. It is the same
/// connection, so the file still has one writer.
final class Fold: @unchecked Sendable {
    private let store: ShardStore
    private let index: LogIndex
    private let walPages: Int
    private let outcome = Monitor<Result<LogIndex?, any Error>?>(nil)

    /// - Parameter walPages: from how many pages of WAL on.
    init(_ store: ShardStore, walPages: Int) {
        self.store = store
        self.walPages = walPages
        index = store.appliedIndex
    }

    func run() {
        let result = Result {
            try store.maintain(walPages: walPages) ? index : nil
        }
        outcome.broadcast { $0 = result }
    }

    /// Blocks until it has ended.
    /// - Returns: the entry up to which the file itself is on disk, nil when some of the WAL had to stay.
    func wait() throws -> LogIndex? { try outcome.wait { $0 }.get() }
}

/// The thread that folds, one shard after the other: their syncs would only hinder each other.
final class Checkpointer: Sendable {
    private struct Order {
        let work: Work
        let done: @Sendable () -> Void
    }

    private enum Work {
        case sync(path: String)
        case fold(Fold)
    }

    private enum Next {
        case order(Order)
        case stop
    }

    private struct State {
        var waiting: [Order] = []
        var isStopping = false
        var isStopped = false
    }

    private let monitor = Monitor(State())

    func start() {
        startThread(named: "checkpoint") { [monitor] in
            while true {
                let next: Next = monitor.wait { state in
                    if !state.waiting.isEmpty { return .order(state.waiting.removeFirst()) }
                    return state.isStopping ? .stop : nil
                }
                guard case .order(let order) = next else { break }
                switch order.work {
                case .sync(let path): Self.sync(path)
                case .fold(let fold): fold.run()
                }
                order.done()
            }
            monitor.broadcast { $0.isStopped = true }
        }
    }

    /// - Parameter done: called on the thread. There are at most as many folds as shards.
    func run(_ fold: Fold, done: @escaping @Sendable () -> Void) {
        monitor.signal { $0.waiting.append(Order(work: .fold(fold), done: done)) }
    }

    /// Brings a SQLite WAL to the disk while its shard goes on writing it. A fold does the same first, and holds the shard up for what
    /// that takes: tens of milliseconds for all of a long WAL, little for what was written since this.
    /// - Parameter done: called on the thread, also when it failed: the fold meets the same fault and reports it.
    func sync(_ path: String, done: @escaping @Sendable () -> Void) {
        monitor.signal { $0.waiting.append(Order(work: .sync(path: path), done: done)) }
    }

    /// SQLite keeps its locks on the other files of a database, so that closing this one gives none of them up.
    private static func sync(_ path: String) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        fdatasync(file)
        close(file)
    }

    /// Does what waits and ends the thread; after the lanes, which may wait for a fold. Blocks until then.
    func stop() {
        monitor.broadcast { $0.isStopping = true }
        monitor.wait { $0.isStopped ? () : nil }
    }
}
