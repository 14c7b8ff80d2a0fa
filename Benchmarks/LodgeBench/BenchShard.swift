import ServiceDesk
import ShardStore
import Wire

/// A shard full of small desks, and the requests that are measured on it. Everything follows from the seed, so two shards
/// of the same options get the same requests.
final class BenchShard {
    let store: ShardStore
    private var random: SplitMix64
    private var now = Timestamp(milliseconds: 1_790_000_000_000)
    private var desks: [BenchDesk] = []
    /// Bytes of the captured row changes since `resetBytes`.
    private(set) var payloadBytes = 0

    init(path: String, captures: Bool, _ options: StoreCommand) throws {
        random = SplitMix64(state: options.seed)
        store = try ShardStore(
            path: path, shard: ShardID(rawValue: 1), schema: DeskSchema.schema, now: now,
            options: ShardStoreOptions(
                cacheKilobytes: 65_536, syncsCommits: options.sync, capturesChanges: captures))
        for number in 1...options.tenants {
            let desk = BenchDesk(tenant: TenantID(rawValue: Int64(number)))
            try run([desk.opening()])
            desks.append(desk)
        }
        var rest = options.tickets
        while rest > 0 {
            let size = min(rest, 256)
            try run(creates(size))
            rest -= size
        }
    }

    func resetBytes() { payloadBytes = 0 }

    /// Creates for tenants in a random order.
    func creates(_ count: Int) -> [ShardRequest] {
        (0..<count).map { _ in
            desks[random.number(below: desks.count)].create(
                subject: text(bytes: 40), body: text(bytes: 500),
                random: random.number(below: 1 << 20))
        }
    }

    /// Changes of status of random tickets.
    func updates(_ count: Int) -> [ShardRequest] {
        (0..<count).map { _ in
            desks[random.number(below: desks.count)].update(random.number(below: 1 << 20))
        }
    }

    /// Runs requests as one batch, commits, and folds the WAL when it is long, as a lane does.
    func run(_ requests: [ShardRequest]) throws {
        now = now.advanced(byMilliseconds: 7)
        let batch = try store.prepare(requests, now: now)
        try store.commit()
        for case .thrown(let error) in batch.outcomes { throw error }
        for entry in batch.block?.entries ?? [] { payloadBytes += entry.payload.count }
        try store.maintain()
    }

    func touchedPages(_ requests: [ShardRequest]) throws -> TouchedPages {
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
final class BenchDesk {
    private let tenant: TenantID
    private var admin = Principal(userID: 0, role: .admin)
    private var people: [Int64] = []
    private var ticketCount = 0
    private var isPending: Set<Int64> = []

    init(tenant: TenantID) { self.tenant = tenant }

    func opening() -> ShardRequest {
        ShardRequest(tenant: tenant) { [self] rows in
            let digest = withUnsafeBytes(of: tenant.rawValue) {
                Array($0) + [UInt8](repeating: 7, count: 24)
            }
            let user = try WritingDesk.bootstrap(
                rows: rows, adminEmail: "admin@example.com", adminName: "Admin",
                secret: TokenSecret(text: "", digest: digest))
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
