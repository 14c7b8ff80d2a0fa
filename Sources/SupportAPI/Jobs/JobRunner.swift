package import Cluster
package import Logging
import NIOCore
import ServiceDesk
import ServiceLifecycle
import ShardStore
import Synchronization
import Wire

/// Runs the tenants' jobs, what time alone does to their tickets, and the desk's regular chores.
///
/// Timers are looked at once a second on the board of the node (`TimerBoard`); a tenant that is due is done in steps, each one write.
///
/// One step of a job is one write of at most ten items, each in a savepoint, with the progress in the same transaction: a
/// crash between two steps repeats nothing and skips nothing. Tenants take turns, a step each.
package final class JobRunner: Service {
    /// Items of one step: bounds how long a step holds up its shard.
    static let stepItems = 10
    /// Jobs that ended are kept so long.
    static let keptMilliseconds: Int64 = 7 * 24 * 3_600_000
    /// Tickets of one step of timers.
    static let stepTickets = 20

    private let node: Node
    private let logger: Logger
    private let waiting = Mutex<[TenantRoute]>([])
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    package init(node: Node, logger: Logger) {
        self.node = node
        self.logger = logger
        // One pending wake-up says all there is to say: the list of tenants holds the rest.
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Tells the runner that a tenant has a job.
    package func wake(_ tenant: TenantRoute) {
        waiting.withLock { if !$0.contains(tenant) { $0.append(tenant) } }
        wakeUp.yield()
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.findJobs() }
                group.addTask { await self.runJobs() }
                group.addTask { await self.runTimers() }
                group.addTask { await self.runChores() }
            }
        }
    }

    // MARK: Jobs

    /// Jobs run where their tenant's shard is led: who takes over the lead takes over the jobs.
    private func findJobs() async {
        var known: Set<ShardID> = []
        while !Task.isCancelled {
            let led = Set(
                (1...node.shardCount).map { ShardID(rawValue: UInt16($0)) }.filter {
                    node.destination(of: $0) == .here
                })
            let new = led.subtracting(known)
            known = led
            // Mostly there is none, and then nobody looks through all tenants.
            let tenants = new.isEmpty ? [] : node.directory.activeRoutes()
            for tenant in tenants where new.contains(tenant.shard) {
                if Task.isCancelled { return }
                do {
                    let found = try await node.read(tenant) { rows in
                        (hasWork: try rows.hasWork(), timer: try rows.nextTimer())
                    }.answer
                    if found.hasWork { wake(tenant) }
                    if let time = found.timer { node.timers.note(tenant, at: time) }
                } catch is NotLeader {
                    known.remove(tenant.shard)
                    break
                } catch {
                    // The next round asks again.
                    known.remove(tenant.shard)
                }
            }
            guard (try? await Task.sleep(for: .seconds(2))) != nil else { return }
        }
    }

    private func runJobs() async {
        for await _ in wakeUps {
            while let tenant = next() {
                if Task.isCancelled { return }
                do {
                    if try await step(tenant) { wake(tenant) }
                } catch is NotLeader {
                    // Whoever leads the shard now finds the job there.
                } catch {
                    logger.warning(
                        "job step failed; it is tried again",
                        metadata: ["tenant": "\(tenant.name)", "error": "\(error)"])
                    guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
                    wake(tenant)
                }
            }
        }
    }

    private func next() -> TenantRoute? {
        waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }

    /// Does the next items of a tenant's oldest job, or goes on with what a change of a view, an automation or a schedule has left to do and
    /// gives away what waits in groups. False when there was nothing to do.
    package func step(_ tenant: TenantRoute) async throws -> Bool {
        guard let job = try await node.read(tenant, { try $0.nextJob() }).answer else {
            guard try await node.read(tenant, { try $0.hasWork() }).answer else { return false }
            return try await node.write(tenant) { rows in
                try !rows.recheckTimers(anew: false) || rows.countViews() > 0
                    || rows.giveLeftTickets() > 0
            }.answer
        }
        if job.solvesIncidents {
            _ = try await node.write(tenant) { try $0.solveIncidents(job.id) }
            return true
        }
        guard let kind = JobKind(rawValue: job.kind),
            case .array(let items)? = try? JSONParser.parse(ByteBuffer(string: job.payload))
        else {
            _ = try await node.write(tenant) { rows in
                guard let job = try rows.unfinishedJob(job.id) else { return }
                try rows.advance(
                    job, results: [], finished: (.failed, "This build does not know the job"))
            }
            return true
        }
        let limits = tenant.limits
        _ = try await node.write(tenant) { rows in
            guard let job = try rows.unfinishedJob(job.id) else { return }
            let principal: Principal
            do { principal = try Authenticator.principal(userID: job.actorID, in: rows) } catch {
                try rows.advance(
                    job, results: [], finished: (.failed, "Who asked for the job is gone"))
                return
            }
            let desk = Desk(rows: rows, principal: principal)
            let end = min(job.progress + Self.stepItems, items.count)
            let results = try (job.progress..<end).map { place in
                try Self.result(kind, items[place], place, desk, limits)
            }
            let message = "Completed at \(ISOTime.text(rows.now))"
            try rows.advance(
                job, results: results, finished: end == items.count ? (.completed, message) : nil)
        }
        return true
    }

    /// One item's result as JSON text. A refused item is a result too and leaves no other trace.
    private static func result(
        _ kind: JobKind, _ item: JSONValue, _ place: Int, _ desk: WritingDesk,
        _ limits: TenantLimits
    ) throws -> String {
        do {
            return try desk.rows.savepoint {
                let buffer = try JSONWriter.write {
                    try kind.perform(FieldReader(item), place, desk, limits, &$0)
                }
                return String(buffer: buffer)
            }
        } catch let refusal as DeskRefusal {
            let (name, text) = refusal.summary
            let id = item["id"]
            return String(
                buffer: JSONWriter.write { json in
                    json.object { json in
                        json.member("index", place)
                        if let id { json.key("id"); json.value(id) }
                        json.member("error", name)
                        json.member("details", text)
                        json.member("success", false)
                    }
                })
        }
    }

    // MARK: Timers

    private func runTimers() async {
        while !Task.isCancelled {
            await runDueTimers()
            guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
        }
    }

    /// Does what is due on the tickets of all tenants by now.
    package func runDueTimers() async {
        for tenant in node.timers.takeDue(by: node.now) {
            if Task.isCancelled { return }
            await runTimers(of: tenant)
        }
    }

    /// Does what is due on a tenant's tickets, in bounded steps. What is due later, and what is left when a step fails, is on the board
    /// afterwards. A desk that is out of service stands still; when it comes back, the chores find its timers.
    private func runTimers(of tenant: TenantRoute) async {
        guard let known = node.directory.tenant(named: tenant.name), known.id == tenant.id,
            known.state == .active
        else { return }
        let tenant = known.route
        do {
            while try await node.write(
                tenant, { try $0.runTimers(limit: Self.stepTickets) }
            ).answer == Self.stepTickets {
                // Whoever runs timers next finds in the rows what is left.
                if Task.isCancelled { return }
            }
            // What they have left to do: incidents of a problem that was solved, tickets to give away.
            if try await node.read(tenant, { try $0.hasWork() }).answer { wake(tenant) }
        } catch is NotLeader {
            // Whoever leads the shard now finds the timers in its rows.
        } catch {
            logger.warning(
                "timers failed; they are tried again",
                metadata: ["tenant": "\(tenant.name)", "error": "\(error)"])
            node.timers.note(tenant, at: node.now.advanced(byMilliseconds: 5000))
        }
    }

    // MARK: Chores

    private func runChores() async {
        while !Task.isCancelled {
            for tenant in node.directory.activeRoutes()
            where node.destination(of: tenant.shard) == .here {
                if Task.isCancelled { return }
                await chores(of: tenant)
            }
            guard (try? await Task.sleep(for: .seconds(600))) != nil else { return }
        }
    }

    /// Expiry for one tenant, in bounded steps.
    package func chores(of tenant: TenantRoute) async {
        do {
            let found = try await node.read(tenant) { rows in
                (
                    hasWork: try rows.hasWork(),
                    isDue: try rows.hasChores(jobsBefore: Self.expiry(rows.now)),
                    timer: try rows.nextTimer()
                )
            }.answer
            // Mostly the runner knows; not when the desk has been out of service, or somewhere else.
            if found.hasWork { wake(tenant) }
            if let time = found.timer { node.timers.note(tenant, at: time) }
            guard found.isDue else { return }
            while try await node.write(
                tenant,
                { rows in
                    try rows.expireIdempotentAnswers(limit: 200)
                        + rows.expireJobs(before: Self.expiry(rows.now), limit: 50)
                        + rows.expireUploads(limit: 1)
                }
            ).answer > 0 {
                // The next round finds what is left.
                if Task.isCancelled { return }
            }
        } catch is NotLeader {
            // They are another node's now.
        } catch {
            logger.warning(
                "chores failed", metadata: ["tenant": "\(tenant.name)", "error": "\(error)"])
        }
    }

    private static func expiry(_ now: Timestamp) -> Timestamp {
        now.advanced(byMilliseconds: -keptMilliseconds)
    }
}

extension ShardReader {
    /// Whether the tenant has a job, or something is left to do that no job does.
    fileprivate func hasWork() throws -> Bool {
        try nextJob() != nil || hasUnfinishedDefinitions() || hasLeftTickets()
    }
}
