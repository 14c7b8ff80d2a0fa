import Cluster
import Logging
import NIOPosix
import ServiceDesk
import ShardStore
import Synchronization
import Wire

/// One rehearsal as clients see it.
struct RehearsalState: Sendable {
    enum Status: String, Sendable {
        case queued, copying, running, completed, cancelled, failed
        var isFinished: Bool { self == .completed || self == .cancelled || self == .failed }
    }

    let id: Int64
    let tenant: TenantRoute
    let actorID: Int64
    let days: Int64
    let createdAt: Timestamp
    var status = Status.queued
    /// Why it failed.
    var message: String?
    var updatedAt: Timestamp
    var counts = RehearsalCounts()
    /// Those that are kept; and how many there are.
    var differences: [RehearsalDifference] = []
    var differenceCount = 0
}

/// Runs rehearsals on the node that leads their tenant's shard: one at a time, on a thread of its own, in a copy that goes when it ends.
///
/// What it knows is in memory. A rehearsal changes nothing, so one that is lost with its node, or with the lead of its shard, is only asked for
/// again: it is not found any more.
final class RehearsalDesk: Sendable {
    /// Unfinished rehearsals of a tenant, and of all tenants.
    static let tenantLimit = 5
    static let nodeLimit = 50
    /// Finished ones that are kept for a tenant, and for all.
    static let keptLimit = 10
    static let allKeptLimit = 200
    /// Differences that are kept of one.
    static let differenceLimit = 10_000
    /// Tickets between two looks at whether it was cancelled.
    private static let stepTickets = 10

    private struct State {
        /// By age.
        var all: [RehearsalState] = []
        var plans: [Int64: RehearsalPlan] = [:]
        var worker: Task<Void, Never>?
        var isStopping = false
        var isPaused = false
        var number: Int64 = 0
    }

    private let node: Node
    private let logger: Logger
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let state = Mutex(State())

    init(node: Node, logger: Logger) {
        self.node = node
        self.logger = logger
        pool.start()
    }

    func stop() {
        let worker = state.withLock { state in
            state.isStopping = true
            return state.worker
        }
        worker?.cancel()
        pool.shutdownGracefully { _ in }
    }

    // MARK: What clients ask

    /// Refuses when there is no room for another.
    func requireRoom(for tenant: TenantRoute) throws {
        let (own, all) = state.withLock { state in
            let unfinished = state.all.filter { !$0.status.isFinished }
            return (unfinished.count { $0.tenant.id == tenant.id }, unfinished.count)
        }
        guard own < Self.tenantLimit, all < Self.nodeLimit else {
            throw DeskRefusal.tooOften(
                retryAfterSeconds: 30,
                own < Self.tenantLimit
                    ? "Too many rehearsals wait here now; try again"
                    : "At most \(Self.tenantLimit) rehearsals may be unfinished at a time")
        }
    }

    func start(_ rehearsal: RehearsalState, _ plan: RehearsalPlan) {
        state.withLock { state in
            guard !state.isStopping else { return }
            state.all.append(rehearsal)
            state.plans[rehearsal.id] = plan
            wake(&state)
        }
    }

    private func wake(_ state: inout State) {
        guard !state.isPaused, state.worker == nil else { return }
        state.worker = Task { await self.work() }
    }

    /// Lets no other begin until `resume`.
    func pause() { state.withLock { $0.isPaused = true } }

    func resume() {
        state.withLock { state in
            state.isPaused = false
            wake(&state)
        }
    }

    /// A tenant's, the newest first.
    func list(of tenant: TenantRoute) -> [RehearsalState] {
        state.withLock { $0.all.filter { $0.tenant.id == tenant.id } }.reversed()
    }

    func find(_ id: Int64, of tenant: TenantRoute) throws -> RehearsalState {
        let found = state.withLock { state in
            state.all.first { $0.id == id && $0.tenant.id == tenant.id }
        }
        guard let found else { throw DeskRefusal.notFound }
        return found
    }

    /// Ends a rehearsal; what it has found is kept. One that has ended is left as it is.
    func cancel(_ id: Int64) {
        change(id) { rehearsal in
            if !rehearsal.status.isFinished { rehearsal.status = .cancelled }
        }
        state.withLock { $0.plans[id] = nil }
    }

    /// Ends a rehearsal and forgets it.
    func remove(_ id: Int64) {
        state.withLock { state in
            state.all.removeAll { $0.id == id }
            state.plans[id] = nil
        }
    }

    /// Waits until all that were started have ended.
    func finishAll() async { await state.withLock { $0.worker }?.value }

    // MARK: Running

    private func work() async {
        while let (id, plan, number) = next() {
            let path = "\(node.scratchFolder)/rehearsal-\(number).sqlite"
            do {
                try await run(id, plan, path, number)
                change(id) { if !$0.status.isFinished { $0.status = .completed } }
            } catch is CancellationError {
                // Its state says so already, or nobody will ask any more.
            } catch let error as CopyTooLarge {
                fail(
                    id,
                    "The tickets of so many days take more than \(error.byteLimit >> 20) MB; take fewer days"
                )
            } catch is NotLeader {
                fail(id, "The desk's data is led by another node now; start the rehearsal again")
            } catch {
                logger.warning(
                    "rehearsal failed", metadata: ["rehearsal": "\(id)", "error": "\(error)"])
                fail(id, "It could not be finished here; start it again")
            }
            // Also when the pool is gone: then a file stays until the next start.
            _ = try? await pool.runIfActive { [node] in node.removeScratch(path) }
        }
    }

    /// The next one that waits; the worker ends when there is none.
    private func next() -> (Int64, RehearsalPlan, Int64)? {
        state.withLock { state in
            forgetOld(&state)
            let waiting = state.all.first { $0.status == .queued }
            guard !state.isStopping, !state.isPaused, let waiting,
                let plan = state.plans[waiting.id]
            else {
                state.worker = nil
                return nil
            }
            state.plans[waiting.id] = nil
            state.number += 1
            return (waiting.id, plan, state.number)
        }
    }

    private func forgetOld(_ state: inout State) {
        var kept: [TenantID: Int] = [:]
        var all = 0
        for rehearsal in state.all.reversed() where rehearsal.status.isFinished {
            kept[rehearsal.tenant.id, default: 0] += 1
            all += 1
            if kept[rehearsal.tenant.id]! > Self.keptLimit || all > Self.allKeptLimit {
                state.all.removeAll { $0.id == rehearsal.id }
            }
        }
    }

    private func run(
        _ id: Int64, _ plan: RehearsalPlan, _ path: String, _ number: Int64
    ) async throws {
        guard let tenant = state.withLock({ $0.all.first { $0.id == id }?.tenant }) else {
            throw CancellationError()
        }
        change(id) { $0.status = .copying }
        var plan = plan
        plan.byteLimit = min(plan.byteLimit, node.scratchRoom)
        let wanted = plan
        let scratch = try await pool.runIfActive { [self] in
            let rehearsal = try Rehearsal(path: path, plan: wanted, number: number)
            try rehearsal.copy(from: node.openReader(of: tenant), tenant: tenant.id) {
                try self.requireGoing(id)
            }
            return Scratch(rehearsal)
        }
        change(id) { $0.status = .running }
        var isDone = false
        while !isDone {
            try requireGoing(id)
            guard node.destination(of: tenant.shard) == .here else { throw NotLeader(leader: nil) }
            let (found, counts, ended) = try await pool.runIfActive {
                let found = try scratch.rehearsal.step(tickets: Self.stepTickets)
                return (found, scratch.rehearsal.counts, scratch.rehearsal.isDone)
            }
            change(id) { rehearsal in
                rehearsal.counts = counts
                rehearsal.differenceCount += found.count
                let room = Self.differenceLimit - rehearsal.differences.count
                rehearsal.differences += found.prefix(max(0, room))
            }
            isDone = ended
        }
        try requireGoing(id)
    }

    /// Throws when the rehearsal was cancelled or removed, or the node stops.
    private func requireGoing(_ id: Int64) throws {
        let isGoing = state.withLock { state in
            !state.isStopping
                && state.all.contains { $0.id == id && !$0.status.isFinished }
        }
        guard isGoing else { throw CancellationError() }
    }

    private func fail(_ id: Int64, _ message: String) {
        change(id) { rehearsal in
            guard !rehearsal.status.isFinished else { return }
            rehearsal.status = .failed
            rehearsal.message = message
        }
    }

    /// What has ended is not changed any more.
    private func change(_ id: Int64, _ body: (inout RehearsalState) -> Void) {
        let now = node.clock()
        state.withLock { state in
            guard let place = state.all.firstIndex(where: { $0.id == id }),
                !state.all[place].status.isFinished
            else { return }
            body(&state.all[place])
            state.all[place].updatedAt = now
        }
    }
}

/// `@unchecked Sendable`: used on the pool's only thread, by one step after the other.
private final class Scratch: @unchecked Sendable {
    let rehearsal: Rehearsal
    init(_ rehearsal: Rehearsal) { self.rehearsal = rehearsal }
}
