import ArgumentParser
import Foundation
import MicroBenchmarks
import ServiceDesk
import ShardStore
import Wire

/// `lodge-bench rules`: what triggers add to an update, and what SLA clocks cost while they run.
struct RulesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules", abstract: "What triggers and SLA clocks cost.",
        discussion: """
            Triggers: the same updates in two desks of one shard, one with triggers of five kinds and one without, in \
            turn. Clocks: a desk with tickets that a policy has promised an answer and a solution for; then time \
            passes minute by minute and what is due breaches. CPU is of the whole process, the least of the rounds.
            """)

    @Option(help: "Triggers of the desk.")
    var triggers = 500
    @Option(help: "Updates in one round.")
    var updates = 1_000
    @Option(help: "Rounds; each measures both desks.")
    var rounds = 5
    @Option(help: "Tickets with running clocks.")
    var clocks = 100_000
    @Option(help: "Hours over which their promises end.")
    var hours = 24
    @Option(help: "Folder for the shard's file. The system's temporary folder when left out.")
    var folder: String?

    func validate() throws {
        guard (1...1000).contains(triggers) else { throw ValidationError("triggers: 1 to 1,000") }
        guard (10...1_000_000).contains(updates), (1...1000).contains(rounds) else {
            throw ValidationError("updates: 10 to 1,000,000; rounds: 1 to 1,000")
        }
        guard (100...1_000_000).contains(clocks), (1...1000).contains(hours) else {
            throw ValidationError("clocks: 100 to 1,000,000; hours: 1 to 1,000")
        }
    }

    func run() throws {
        let path =
            (folder ?? NSTemporaryDirectory())
            + "/lodge-bench-\(ProcessInfo.processInfo.processIdentifier).sqlite"
        defer {
            for end in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: path + end)
            }
        }
        let shard = try RuledShard(path: path)
        try measureTriggers(shard)
        try measureClocks(shard)
    }

    private func measureTriggers(_ shard: RuledShard) throws {
        let (plain, ruled) = (TenantID(rawValue: 1), TenantID(rawValue: 2))
        for desk in [plain, ruled] {
            try shard.open(desk)
            try shard.fill(desk, 1000)
        }
        try shard.addTriggers(triggers, to: ruled)
        var best: [TenantID: Double] = [:]
        for round in 0..<rounds {
            for desk in round % 2 == 0 ? [plain, ruled] : [ruled, plain] {
                let time = try shard.cpu { try shard.update(desk, updates) } / Double(updates)
                best[desk] = min(best[desk] ?? .infinity, time)
            }
        }
        let (without, with) = (best[plain]! * 1e6, best[ruled]! * 1e6)
        print(
            String(
                format: """
                    triggers: an update takes %.1f µs of CPU without, %.1f µs with %d: %.1f µs more, \
                    %.3f µs a trigger
                    """, without, with, triggers, with - without,
                (with - without) / Double(triggers)))
    }

    private func measureClocks(_ shard: RuledShard) throws {
        let desk = TenantID(rawValue: 3)
        try shard.open(desk)
        try shard.addPolicies(hours: hours, to: desk)
        let spacing = Int64(hours) * 3_600_000 / Int64(clocks)
        let filling = try shard.cpu { try shard.fill(desk, clocks, spacing: spacing) }
        var done = 0
        let firing = try shard.cpu {
            for _ in 0..<60 {
                shard.pass(milliseconds: 60_000)
                done += try shard.runTimers(desk)
            }
        }
        print(
            String(
                format: """
                    clocks: %d tickets with two running promises each (%.1f µs of CPU to create), whose first \
                    end over %d hours
                      an hour: %d timers, %.1f µs of CPU each: %.3f %% of a core
                    """, clocks, filling / Double(clocks) * 1e6, hours, done,
                firing / Double(max(1, done)) * 1e6, firing / 3600 * 100))
    }
}

/// A shard whose desks have rules.
private final class RuledShard {
    private let store: ShardStore
    private var now = Timestamp(milliseconds: 1_790_000_000_000)
    private var ticketCounts: [TenantID: Int] = [:]
    private var turns = 0

    init(path: String) throws {
        store = try ShardStore(
            path: path, shard: ShardID(rawValue: 1), schema: DeskSchema.schema, now: now,
            options: ShardStoreOptions(cacheKilobytes: 65_536, syncsCommits: false))
    }

    func pass(milliseconds: Int64) { now = now.advanced(byMilliseconds: milliseconds) }

    func cpu(_ body: () throws -> Void) rethrows -> Double {
        let start = SystemClock.processCPU
        try body()
        return SystemClock.processCPU - start
    }

    private func write(
        _ tenant: TenantID, _ count: Int = 1, _ body: @escaping (WritingDesk, Int) throws -> Void
    ) throws {
        let admin = Principal(userID: 1, role: .admin, name: "Admin")
        let batch = try store.prepare(
            (0..<count).map { place in
                ShardRequest(tenant: tenant) { rows in
                    try body(WritingDesk(rows: rows, principal: admin), place)
                }
            }, now: now)
        try store.commit()
        for case .thrown(let error) in batch.outcomes { throw error }
        try store.maintain()
    }

    func open(_ tenant: TenantID) throws {
        try write(tenant) { desk, _ in
            _ = try WritingDesk.bootstrap(
                rows: desk.rows, adminEmail: "admin@example.com", adminName: "Admin",
                secret: TokenSecret(
                    text: "",
                    digest: withUnsafeBytes(of: tenant.rawValue) {
                        Array($0) + [UInt8](repeating: 7, count: 24)
                    }))
            var person = UserChanges()
            person.name = "Customer"
            person.email = "customer@example.com"
            _ = try desk.createUser(person, agentLimit: 0)
        }
    }

    /// Tickets of the four priorities in turn.
    /// - Parameter spacing: milliseconds from one to the next.
    func fill(_ tenant: TenantID, _ count: Int, spacing: Int64 = 10) throws {
        var rest = count
        while rest > 0 {
            let size = min(rest, 256)
            try write(tenant, size) { desk, place in
                var changes = TicketChanges()
                changes.subject = "The printer does not answer"
                changes.comment = CommentDraft(body: "It has been silent since this morning.")
                changes.requester = .address(name: nil, email: "customer@example.com")
                changes.priority = [.low, .normal, .high, .urgent][place % 4]
                _ = try desk.createTicket(changes)
            }
            pass(milliseconds: Int64(size) * spacing)
            rest -= size
        }
        ticketCounts[tenant, default: 0] += count
    }

    func update(_ tenant: TenantID, _ count: Int) throws {
        let tickets = ticketCounts[tenant]!
        var rest = count
        while rest > 0 {
            let size = min(rest, 50)
            let first = turns
            turns += size
            try write(tenant, size) { desk, place in
                let turn = first + place
                var changes = TicketChanges()
                changes.status = turn / tickets % 2 == 0 ? .pending : .open
                changes.additionalTags = ["t\(turn % 7)"]
                _ = try desk.updateTicket(Int64(turn % tickets + 1), changes)
            }
            pass(milliseconds: 5)
            rest -= size
        }
    }

    /// Of five kinds, none of which holds: what nearly all triggers do at nearly all updates.
    func addTriggers(_ count: Int, to tenant: TenantID) throws {
        for number in 0..<count {
            let (field, test, value) = [
                ("update_type", "is", "Create"), ("priority", "changed_to", "urgent"),
                ("subject_includes_word", "includes", "invoice\(number)"),
                ("current_tags", "includes", "vip\(number)"),
                ("comment_includes_word", "includes", "refund"),
            ][number % 5]
            var draft = RuleDraft()
            draft.title = "Trigger \(number)"
            draft.conditions = ConditionTexts(
                all: [
                    ConditionText(field: "status", test: "less_than", value: .text("closed")),
                    ConditionText(field: field, test: test, value: .text(value)),
                ])
            draft.actions = [ActionText(field: "current_tags", value: .text("n\(number)"))]
            let wanted = draft
            try write(tenant) { desk, _ in _ = try desk.createRule(.trigger, wanted) }
        }
    }

    /// One policy with an answer in so many hours and a solution in twice as many.
    func addPolicies(hours: Int, to tenant: TenantID) throws {
        var draft = RuleDraft()
        draft.title = "Promise"
        draft.actions = [TicketPriority.low, .normal, .high, .urgent].flatMap { priority in
            [(PolicyMetric.firstReplyTime, 1), (.totalResolutionTime, 2)].map { metric, times in
                PolicyTarget(
                    priority: priority, metric: metric, minutes: Int64(hours * 60 * times),
                    isBusiness: false
                ).action
            }
        }
        let wanted = draft
        try write(tenant) { desk, _ in _ = try desk.createRule(.policy, wanted) }
    }

    /// As the runner does: twenty tickets a step.
    func runTimers(_ tenant: TenantID) throws -> Int {
        var sum = 0
        var step = 0
        repeat {
            try write(tenant) { desk, _ in step = try desk.rows.runTimers(limit: 20) }
            sum += step
        } while step == 20
        return sum
    }
}
