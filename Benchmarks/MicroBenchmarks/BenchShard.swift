import ServiceDesk
package import ShardStore
import SupportAPI
package import Wire

/// A shard full of small desks, and the requests that are measured on it. Everything follows from the seed, so two shards
/// of the same options get the same requests.
package final class BenchShard {
    /// What a shard is made of.
    package struct Options: Sendable {
        package var tenants: Int
        package var tickets: Int
        package var seed: UInt64
        /// Whether row changes are captured and hashed, as in a node.
        package var capturesChanges = true
        package var syncsCommits = false

        package init(tenants: Int, tickets: Int, seed: UInt64 = 1) {
            precondition(tenants > 0 && tickets >= tenants, "every tenant gets tickets")
            self.tenants = tenants
            self.tickets = tickets
            self.seed = seed
        }
    }

    package let store: ShardStore
    private var random: SplitMix64
    private var now = Timestamp(milliseconds: 1_790_000_000_000)
    private var desks: [BenchDesk] = []
    /// Bytes of the captured row changes since `resetBytes`.
    package private(set) var payloadBytes = 0

    package init(path: String, _ options: Options) throws {
        random = SplitMix64(state: options.seed)
        store = try ShardStore(
            path: path, shard: ShardID(rawValue: 1), schema: DeskSchema.schema, now: now,
            options: ShardStoreOptions(
                cacheKilobytes: 65_536, syncsCommits: options.syncsCommits,
                capturesChanges: options.capturesChanges))
        for number in 1...options.tenants {
            let desk = BenchDesk(tenant: TenantID(rawValue: Int64(number)))
            try run([desk.opening()])
            desks.append(desk)
        }
        // One for each first, so that every desk has tickets to change.
        for first in stride(from: 0, to: desks.count, by: 256) {
            try run(desks[first..<min(first + 256, desks.count)].map { create(in: $0) })
        }
        var rest = options.tickets - options.tenants
        while rest > 0 {
            let size = min(rest, 256)
            try run(creates(size))
            rest -= size
        }
    }

    package func resetBytes() { payloadBytes = 0 }

    /// The desks' admins, who make all requests.
    package var admins: [(tenant: TenantID, token: String)] { desks.map { ($0.tenant, $0.token) } }

    /// The time of the last batch.
    package var time: Timestamp { now }

    /// Creates for tenants in a random order.
    package func creates(_ count: Int) -> [ShardRequest] {
        (0..<count).map { _ in create(in: desks[random.number(below: desks.count)]) }
    }

    /// Changes of status of random tickets.
    package func updates(_ count: Int) -> [ShardRequest] {
        (0..<count).map { _ in
            desks[random.number(below: desks.count)].update(random.number(below: 1 << 20))
        }
    }

    /// Public comments of 200 bytes on random tickets.
    package func comments(_ count: Int) -> [ShardRequest] {
        (0..<count).map { _ in
            desks[random.number(below: desks.count)].comment(
                text(bytes: 200), random.number(below: 1 << 20))
        }
    }

    /// Creates, changes and comments as 1 to 3 to 2, in a random order.
    package func mixed(_ count: Int) -> [ShardRequest] {
        (0..<count).flatMap { _ in
            switch random.number(below: 6) {
            case 0: creates(1)
            case 1...3: updates(1)
            default: comments(1)
            }
        }
    }

    private func create(in desk: BenchDesk) -> ShardRequest {
        desk.create(
            subject: text(bytes: 40), body: text(bytes: 500), random: random.number(below: 1 << 20))
    }

    /// Runs requests as one batch, commits, and folds the WAL when it is long, as a lane does.
    /// - Returns: what they did, if it was captured.
    @discardableResult
    package func run(_ requests: [ShardRequest]) throws -> Block? {
        now = now.advanced(byMilliseconds: 7)
        let batch = try store.prepare(requests, now: now)
        try store.commit()
        for case .thrown(let error) in batch.outcomes { throw error }
        for entry in batch.block?.entries ?? [] { payloadBytes += entry.payload.count }
        try store.maintain()
        return batch.block
    }

    package func touchedPages(_ requests: [ShardRequest]) throws -> TouchedPages {
        now = now.advanced(byMilliseconds: 7)
        return try store.touchedPages(by: requests, now: now)
    }

    private func text(bytes: Int) -> String {
        var text = ""
        while text.utf8.count < bytes { text += Self.words[random.number(below: Self.words.count)] }
        return text
    }

    private static let words = [
        "the ", "printer ", "in ", "room ", "four ", "does ", "not ", "answer ", "since ", "this ",
        "morning, ", "and ", "we ", "have ", "tried ", "to ", "restart ", "it ", "twice. ",
        "Could ", "somebody ", "please ", "look ", "at ", "our ", "invoice ", "again? ", "Thanks ",
    ]
}

/// One tenant of the measured shard: an admin, an organization, and people in it who write.
private final class BenchDesk {
    let tenant: TenantID
    /// The admin's.
    let token: String
    private var admin = Principal(userID: 0, role: .admin)
    private var people: [Int64] = []
    private var ticketCount = 0
    private var isPending: Set<Int64> = []

    init(tenant: TenantID) {
        self.tenant = tenant
        token = "lodge-bench-" + String(repeating: "0", count: 28) + String(tenant.rawValue)
    }

    func opening() -> ShardRequest {
        ShardRequest(tenant: tenant) { [self] rows in
            let user = try WritingDesk.bootstrap(
                rows: rows, adminEmail: "admin@example.com", adminName: "Admin",
                secret: TokenSecret(text: token, digest: Secrets.digest(token)))
            admin = Principal(userID: user.id, role: .admin, name: "Admin")
            let desk = WritingDesk(rows: rows, principal: admin)
            var organization = OrganizationChanges()
            organization.name = "Customers"
            let id = try desk.createOrganization(organization).id
            people = try (0..<10).map { number in
                var person = UserChanges()
                person.name = "Person \(number)"
                person.email = "person\(number)@example.com"
                person.organizationID = id
                return try desk.createUser(person, agentLimit: 0).id
            }
        }
    }

    func create(subject: String, body: String, random: Int) -> ShardRequest {
        ticketCount += 1
        return ShardRequest(tenant: tenant) { [self] rows in
            var changes = TicketChanges()
            changes.subject = subject
            changes.comment = CommentDraft(body: body)
            changes.requester = .id(people[random % people.count])
            _ = try WritingDesk(rows: rows, principal: admin).createTicket(changes)
        }
    }

    func update(_ random: Int) -> ShardRequest {
        let id = Int64(random % max(1, ticketCount) + 1)
        let becomesPending = isPending.insert(id).inserted
        if !becomesPending { isPending.remove(id) }
        return ShardRequest(tenant: tenant) { [self] rows in
            var changes = TicketChanges()
            changes.status = becomesPending ? .pending : .open
            _ = try WritingDesk(rows: rows, principal: admin).updateTicket(id, changes)
        }
    }
}

extension BenchDesk {
    func comment(_ body: String, _ random: Int) -> ShardRequest {
        let id = Int64(random % max(1, ticketCount) + 1)
        return ShardRequest(tenant: tenant) { [self] rows in
            var changes = TicketChanges()
            changes.comment = CommentDraft(body: body)
            _ = try WritingDesk(rows: rows, principal: admin).updateTicket(id, changes)
        }
    }
}

/// The same numbers from the same seed.
struct SplitMix64 {
    var state: UInt64
    mutating func number(below limit: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((mixed ^ (mixed >> 31)) % UInt64(limit))
    }
}
