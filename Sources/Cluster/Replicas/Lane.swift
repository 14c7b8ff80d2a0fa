import Consensus
import Logging
import Metrics
import ShardStore
import Threads
import Wire

/// Something that happens to a shard on its lane.
enum LaneEvent: Sendable {
    case message(ReplicaMessage, from: NodeID)
    case control(ControlMessage, from: NodeID)
    /// The log has everything of the shard up to this write on disk.
    case persisted(ShardID, ReplicaID, sequence: UInt64)
    case read(ShardID, ShardRead)
    case suspected(NodeID)
    case trusted(NodeID)
    case heard(NodeID, leads: ShardSet)
    /// Ten times a second, with what every node that is heard says that it leads.
    case tick([NodeID: ShardSet])
    case giveUpOldLog(ShardID, through: LogIndex)
    case run(ShardID, @Sendable (ShardHost) -> Void)
    /// Somebody waits for what comes of it; nil from a lane that is stopping.
    case ask(ShardID, @Sendable (ShardHost?) -> Void)
}

extension LaneEvent {
    fileprivate var isAwaited: Bool {
        switch self {
        case .read, .ask: true
        default: false
        }
    }

    /// Tells whoever waits that nothing will come of it.
    fileprivate func refuse() {
        switch self {
        case .read(_, let read): read.ready(.failure(Unavailable.shuttingDown))
        case .ask(_, let body): body(nil)
        default: break
        }
    }
}

/// A named thread that runs some of the node's shards: their transactions, their consensus, and nothing that waits for anything.
///
/// Whatever happens to a shard comes through one queue, in order. The lane takes all that is there, lets each replica perform what
/// follows, and then gives the replicas that can run a transaction the requests that wait: while a batch is on its way to a
/// majority, the next one gathers.
final class Lane: Sendable {
    private struct State {
        var events: [LaneEvent] = []
        /// By place of the shard in `shards`.
        var queues: [FairQueue<ShardWork>]
        /// Whether the shard's replica would take requests now, so that one that comes must wake the lane.
        var isWanting: [Bool]
        var isStopping = false
        var isStopped = false
    }

    static let batchLimit = 256
    /// Events that may wait; what a peer sends beyond that is dropped, as a network may.
    private static let eventLimit = 100_000

    let shards: [ShardID]
    private let places: [ShardID: Int]
    private let monitor: Monitor<State>
    private let batchSize = Recorder(label: "lodge_lane_batch_requests")
    private let queueTime = Metrics.Timer(label: "lodge_lane_queue_seconds")

    /// Starts the thread. `open` makes the shards' hosts on it.
    init(
        number: Int, shards: [ShardID], queueLimit: Int,
        open: @escaping @Sendable (ShardID) throws -> ShardHost
    ) throws {
        self.shards = shards
        places = Dictionary(uniqueKeysWithValues: shards.enumerated().map { ($1, $0) })
        monitor = Monitor(
            State(
                queues: shards.map { _ in
                    FairQueue(limit: queueLimit, tenantLimit: max(1, queueLimit / 2))
                }, isWanting: shards.map { _ in false }))
        let opened = Monitor<Result<Void, any Error>?>(nil)
        startThread(named: "lane-\(number)") { [self] in
            do {
                let hosts = try shards.map(open)
                opened.broadcast { $0 = .success(()) }
                run(hosts)
            } catch { opened.broadcast { $0 = .failure(error) } }
            monitor.broadcast { $0.isStopped = true }
        }
        try opened.wait { $0 }.get()
    }

    // MARK: From any thread

    func post(_ event: LaneEvent) {
        let isRefused: Bool = monitor.signal { state in
            if state.isStopping, event.isAwaited { return true }
            if case .message = event, state.events.count > Self.eventLimit { return false }
            state.events.append(event)
            return false
        }
        if isRefused { event.refuse() }
    }

    func submit(_ work: ShardWork, to shard: ShardID) {
        guard let place = places[shard] else {
            preconditionFailure("shard \(shard) is on another lane")
        }
        var refusal: Unavailable?
        monitor.withLock { state -> Bool in
            if state.isStopping {
                refusal = .shuttingDown
            } else if !state.queues[place].append(work, for: work.tenant) {
                refusal = Unavailable(reason: .overloaded, retryAfterSeconds: 1)
            }
            return state.isWanting[place]
        } wake: {
            $0
        }
        if let refusal { work.finish(.failure(refusal)) }
    }

    /// Requests that wait for the shard.
    func queueCount(of shard: ShardID) -> Int {
        monitor.withLock { state in places[shard].map { state.queues[$0].count } ?? 0 }
    }

    /// Finishes what can be finished, closes the files and ends the thread. Blocks until then.
    func stop() {
        monitor.broadcast { $0.isStopping = true }
        monitor.wait { $0.isStopped ? () : nil }
    }

    // MARK: On the lane's thread

    private func run(_ hosts: [ShardHost]) {
        var now = monotonicNanoseconds()
        for host in hosts {
            host.start(now: now)
            host.settle(now: now)
        }
        var wanting = hosts.map { _ in false }
        // Which shards have requests that they would take.
        var isFed = wanting
        // After the word to stop, so long at most for what is on its way.
        var lastCall = UInt64.max
        while true {
            var deadline = lastCall
            for place in hosts.indices {
                deadline = min(deadline, hosts[place].nextDeadline)
                wanting[place] = hosts[place].wantsWork
            }
            let (events, isStopping) = take(
                until: deadline, wanting, &isFed, noticesStop: lastCall == .max)
            now = monotonicNanoseconds()
            for event in events { handle(event, hosts, now: now) }
            for place in hosts.indices {
                let host = hosts[place]
                if host.nextDeadline <= now { host.fireTimers(now: now) }
                // Most of a lane's shards have nothing to do with what woke it.
                guard host.isTouched || isFed[place] else { continue }
                if host.isTouched { host.settle(now: now) }
                feed(host, place)
            }
            if isStopping {
                if lastCall == .max { lastCall = now + 1_000_000_000 }
                if now >= lastCall || hosts.allSatisfy({ $0.isAtRest }) && isEmpty { break }
            }
        }
        refuseWaiting()
        for host in hosts { host.close() }
    }

    private var isEmpty: Bool {
        monitor.withLock { $0.events.isEmpty && $0.queues.allSatisfy { $0.isEmpty } }
    }

    private func take(
        until deadline: UInt64, _ wanting: [Bool], _ isFed: inout [Bool], noticesStop: Bool
    ) -> ([LaneEvent], Bool) {
        let taken: ([LaneEvent], Bool)? = monitor.wait(until: deadline) { state in
            var hasWork = false
            for place in wanting.indices {
                isFed[place] = wanting[place] && !state.queues[place].isEmpty
                hasWork = hasWork || isFed[place]
            }
            guard !state.events.isEmpty || hasWork || noticesStop && state.isStopping else {
                state.isWanting = wanting
                return nil
            }
            for place in wanting.indices { state.isWanting[place] = false }
            defer { state.events = [] }
            return (state.events, state.isStopping)
        }
        return taken ?? ([], monitor.withLock { $0.isStopping })
    }

    /// Gives a replica that can run a transaction what waits for it.
    private func feed(_ host: ShardHost, _ place: Int) {
        while host.wantsWork {
            host.maintain()
            guard host.wantsWork else { return }
            let batch = monitor.withLock { state in
                state.queues[place].isEmpty ? [] : state.queues[place].take(Self.batchLimit)
            }
            if batch.isEmpty { return }
            let now = monotonicNanoseconds()
            for work in batch { queueTime.recordNanoseconds(Int64(now &- work.enqueued)) }
            batchSize.record(batch.count)
            host.submit(batch, now: now)
            host.settle(now: now)
        }
    }

    private func handle(_ event: LaneEvent, _ hosts: [ShardHost], now: UInt64) {
        func host(_ shard: ShardID) -> ShardHost? { places[shard].map { hosts[$0] } }
        switch event {
        case .message(let message, let node): host(message.shard)?.received(message, from: node)
        case .control(let message, let node): host(message.shard)?.control(message, from: node)
        case .persisted(let shard, let replica, let sequence):
            host(shard)?.persisted(replica, through: sequence)
        case .read(let shard, let read): host(shard)?.read(read)
        case .suspected(let node): for host in hosts { host.suspected(node) }
        case .trusted(let node): for host in hosts { host.trusted(node) }
        case .heard(let node, let leads): for host in hosts { host.heard(from: node, leads: leads) }
        case .tick(let leads):
            for host in hosts {
                for (node, shards) in leads { host.heard(from: node, leads: shards) }
                host.tick(now: now)
            }
        case .giveUpOldLog(let shard, let index): host(shard)?.giveUpOldLog(through: index)
        case .run(let shard, let body):
            if let host = host(shard) {
                body(host)
                host.touch()
            }
        case .ask(let shard, let body):
            let host = host(shard)
            body(host)
            host?.touch()
        }
    }

    private func refuseWaiting() {
        let (works, events) = monitor.withLock { state in
            defer { state.events = [] }
            return (
                state.queues.indices.flatMap { place -> [ShardWork] in
                    state.queues[place].take(state.queues[place].count)
                }, state.events
            )
        }
        for work in works { work.finish(.failure(Unavailable.shuttingDown)) }
        for event in events { event.refuse() }
    }
}
