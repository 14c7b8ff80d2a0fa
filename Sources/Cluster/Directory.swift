package import Consensus
import SQLite
import ShardStore
import Synchronization
package import Wire

/// Why the directory refused a change.
package enum DirectoryRefusal: Refusal, Equatable, Sendable {
    case nameTaken(String)
    case invalidName(String)
    case invalidHostname(String)
    case hostnameTaken(String)
    case noSuchTenant(String)
    case noSuchToken
    /// The tenant must be marked with `delete` before it can be erased.
    case notMarkedForDeletion(String)
    case invalidLimit(String)
    case noSuchNode(String)
    case nodeNameTaken(String)
    case invalidNode(String)
    case lastNode
    case invalidSerial(String)
    case invalidSetting(String)

    /// A sentence for the operator.
    package var text: String {
        switch self {
        case .nameTaken(let name): "A tenant named \(name) exists already"
        case .invalidName(let name):
            "\(name) cannot be a tenant's name: use 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends, and none of the reserved names"
        case .invalidHostname(let name): "\(name) is not a host name"
        case .hostnameTaken(let name): "The host name \(name) is in use"
        case .noSuchTenant(let name): "There is no tenant named \(name)"
        case .noSuchToken: "There is no such operator token"
        case .notMarkedForDeletion(let name):
            "\(name) is not marked for deletion: delete it once without --permanently first"
        case .invalidLimit(let text), .invalidNode(let text), .invalidSetting(let text): text
        case .noSuchNode(let name): "There is no node \(name)"
        case .nodeNameTaken(let name): "A node named \(name) is part of the cluster already"
        case .lastNode: "The last active node cannot be removed"
        case .invalidSerial(let serial):
            "\(serial) is not a certificate's serial number: use its hexadecimal digits"
        }
    }
}

/// An operator's token, without its secret.
package struct OperatorToken: Sendable, Hashable {
    package let id: Int64
    package let label: String
    package let createdAt: Timestamp
}

/// Who the tenants are and where, and which nodes there are: shard 0 with a copy in memory that every request asks.
///
/// Every node has a replica of shard 0. The copy follows its rows: whenever a transaction has committed or blocks have been applied,
/// what they touched is read again, on the shard's lane and so in the order of the log.
package final class Directory: Sendable {
    private struct Maps {
        var tenants = TenantTable()
        var operatorDigests: [Int64: [UInt8]] = [:]
        var nodes: [NodeRecord] = []
        var revokedSerials: Set<String> = []
        var settings = ClusterSettings()
        var appliedIndex: LogIndex = .zero
    }

    /// Labels that mean something else in front of a domain.
    private static let reservedNames: Set<String> = [
        "www", "api", "admin", "mail", "smtp", "imap", "static", "assets", "status", "help",
        "localhost", "lodge",
    ]

    private let maps = Mutex(Maps())
    private let shardCount: Int
    private let runWrite: Write
    private let changed = Mutex<Listener?>(nil)

    /// A closure in a mutex would be wrapped once more by every look at it.
    private final class Listener: Sendable {
        let hear: @Sendable () -> Void
        init(_ hear: @escaping @Sendable () -> Void) { self.hear = hear }
    }

    typealias Write =
        @Sendable (@escaping @Sendable (ShardTransaction) throws -> Void) async throws -> Void

    /// `write` runs on shard 0 as the system tenant, where this node leads it.
    init(shardCount: Int, write: @escaping Write) {
        self.shardCount = shardCount
        runWrite = write
    }

    /// Called on the directory's lane after nodes, revocations or settings have changed.
    func onChange(_ body: @escaping @Sendable () -> Void) {
        changed.withLock { $0 = Listener(body) }
    }

    // MARK: Asking

    /// The tenant a `Host` header names: a custom host name as a whole, else the first label whatever the domain.
    /// Case and port do not matter.
    package func route(host: String) -> TenantRoute? {
        let name = Self.hostWithoutPort(host)
        return maps.withLock { maps in
            if let route = maps.tenants.route(hostname: name) { return route }
            // The first number of an address is nobody's name.
            if Self.isAddress(name) { return nil }
            let end = name.utf8.firstIndex(of: UInt8(ascii: ".")) ?? name.endIndex
            return maps.tenants.route(named: String(name[..<end]))
        }
    }

    package func tenant(named name: String) -> TenantRecord? {
        maps.withLock { $0.tenants.record(named: name.lowercased()) }
    }

    /// The name of a tenant that there is.
    package func name(of id: TenantID) -> String? { maps.withLock { $0.tenants.name(id.rawValue) } }

    /// Tenants by name, after the one named, at most `limit`.
    package func tenants(after name: String?, limit: Int) -> [TenantRecord] {
        maps.withLock { maps in
            maps.tenants.names(after: name, limit: limit).compactMap {
                maps.tenants.record(named: $0)
            }
        }
    }

    package var tenantCount: Int { maps.withLock { $0.tenants.count } }

    /// Every tenant in service, for work in the background.
    package func activeRoutes() -> [TenantRoute] {
        maps.withLock { $0.tenants.activeRoutes }
    }

    /// The last entry of shard 0 that the copy shows.
    package var appliedIndex: LogIndex { maps.withLock { $0.appliedIndex } }

    /// Every node there ever was, by id.
    package var nodes: [NodeRecord] { maps.withLock { $0.nodes } }

    package func node(named name: String) -> NodeRecord? {
        maps.withLock { maps in
            maps.nodes.last { $0.name == name && $0.state != .removed }
                ?? maps.nodes.first { "\($0.id)" == name }
        }
    }

    package var revokedSerials: Set<String> { maps.withLock { $0.revokedSerials } }

    package var settings: ClusterSettings { maps.withLock { $0.settings } }

    /// Whether the digest belongs to an operator's token. Compares every token in full, so that the time says nothing.
    package func isOperatorToken(digest: [UInt8]) -> Bool {
        maps.withLock { maps in
            maps.operatorDigests.values.reduce(false) { found, known in
                let same = constantTimeEqual(known, digest)
                return found || same
            }
        }
    }

    // MARK: Changing

    /// Makes a tenant on the shard with the fewest. The same name again is refused.
    package func createTenant(name: String, plan: String, limits: TenantLimits) async throws
        -> TenantRecord
    {
        let name = name.lowercased()
        guard Self.isLabel(name), !Self.reservedNames.contains(name) else {
            throw DirectoryRefusal.invalidName(String(name.prefix(80)))
        }
        try Self.check(limits)
        try Self.check(plan: plan)
        let shard = leastLoadedShard()
        let created = Mutex<TenantRecord?>(nil)
        try await write { rows in
            let taken = try rows.first(
                "SELECT 1 FROM tenants WHERE tenant = ?1 AND name = ?2", name
            ) { _ in true }
            guard taken == nil else { throw DirectoryRefusal.nameTaken(name) }
            let last = try rows.first(
                "SELECT value FROM settings WHERE tenant = ?1 AND name = 'last_tenant'"
            ) { Int64($0.text(0)) ?? 0 }
            // Numbers are never given twice, also not after a tenant is erased: a stale route must find nothing.
            let id = (last ?? 0) + 1
            try rows.run(
                """
                INSERT INTO settings VALUES (?1, 'last_tenant', ?2)
                ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value
                """, String(id))
            try rows.run(
                "INSERT INTO tenants VALUES (?1, ?2, ?3, ?4, 1, 0, ?5, ?6, ?7, ?8, ?9)", id, name,
                Int(shard.rawValue), plan, limits.requestsPerMinute, limits.agents,
                limits.storageBytes, rows.now.milliseconds)
            let record = TenantRecord(
                name: name, id: TenantID(rawValue: id), shard: shard, epoch: 1, state: .active,
                plan: plan, limits: limits, hostnames: [], createdAt: rows.now)
            created.withLock { $0 = record }
        }
        return created.withLock { $0! }
    }

    @discardableResult
    package func setState(_ name: String, _ state: TenantState) async throws -> TenantRecord {
        try await change(name) { rows, record in
            try rows.run(
                "UPDATE tenants SET state = ?3 WHERE tenant = ?1 AND id = ?2", record.id.rawValue,
                state.rawValue)
        }
    }

    @discardableResult
    package func setLimits(_ name: String, plan: String?, limits: TenantLimits) async throws
        -> TenantRecord
    {
        try Self.check(limits)
        if let plan { try Self.check(plan: plan) }
        return try await change(name) { rows, record in
            try rows.run(
                """
                UPDATE tenants SET plan = ?3, requests_per_minute = ?4, agent_limit = ?5,
                storage_limit = ?6 WHERE tenant = ?1 AND id = ?2
                """, record.id.rawValue, plan ?? record.plan, limits.requestsPerMinute,
                limits.agents, limits.storageBytes)
        }
    }

    @discardableResult
    package func addHostname(_ hostname: String, to name: String) async throws -> TenantRecord {
        let hostname = hostname.lowercased()
        guard hostname.utf8.count <= 253, hostname.contains("."),
            hostname.split(separator: ".", omittingEmptySubsequences: false)
                .allSatisfy({ Self.isLabel(String($0)) })
        else { throw DirectoryRefusal.invalidHostname(String(hostname.prefix(80))) }
        return try await change(name) { rows, record in
            let owner = try rows.first(
                "SELECT owner FROM hostnames WHERE tenant = ?1 AND hostname = ?2", hostname
            ) { $0.int64(0) }
            if owner == record.id.rawValue { return }
            guard owner == nil else { throw DirectoryRefusal.hostnameTaken(hostname) }
            try rows.run(
                "INSERT INTO hostnames VALUES (?1, ?2, ?3)", hostname, record.id.rawValue)
        }
    }

    @discardableResult
    package func removeHostname(_ hostname: String, from name: String) async throws -> TenantRecord
    {
        try await change(name) { rows, record in
            try rows.run(
                "DELETE FROM hostnames WHERE tenant = ?1 AND hostname = ?2 AND owner = ?3",
                hostname.lowercased(), record.id.rawValue)
        }
    }

    /// Removes the last rows of an erased tenant. `Node.eraseTenant` deletes its desk first.
    package func forget(_ name: String) async throws {
        guard let record = tenant(named: name) else { throw DirectoryRefusal.noSuchTenant(name) }
        try await write { rows in
            try rows.run(
                "DELETE FROM hostnames WHERE tenant = ?1 AND owner = ?2", record.id.rawValue)
            try rows.run("DELETE FROM tenants WHERE tenant = ?1 AND id = ?2", record.id.rawValue)
        }
    }

    /// Keeps a new operator token's SHA-256.
    package func createOperatorToken(label: String, digest: [UInt8]) async throws -> OperatorToken {
        let created = Mutex<OperatorToken?>(nil)
        try await write { rows in
            let token = OperatorToken(id: rows.makeIdentifier(), label: label, createdAt: rows.now)
            try rows.run(
                "INSERT INTO operator_tokens VALUES (?1, ?2, ?3, ?4, ?5)", token.id, label, digest,
                rows.now.milliseconds)
            created.withLock { $0 = token }
        }
        return created.withLock { $0! }
    }

    package func revokeOperatorToken(_ id: Int64) async throws {
        try await write { rows in
            let count = try rows.run(
                "DELETE FROM operator_tokens WHERE tenant = ?1 AND id = ?2", id)
            guard count == 1 else { throw DirectoryRefusal.noSuchToken }
        }
    }

    package func operatorTokens() async throws -> [OperatorToken] {
        let found = Mutex<[OperatorToken]>([])
        try await write { rows in
            let tokens = try rows.all(
                "SELECT id, label, created_at FROM operator_tokens WHERE tenant = ?1 LIMIT 1000"
            ) {
                OperatorToken(
                    id: $0.int64(0), label: $0.text(1),
                    createdAt: Timestamp(rawValue: $0.int64(2)))
            }
            found.withLock { $0 = tokens }
        }
        return found.withLock { $0 }
    }

    package var hasOperatorTokens: Bool { maps.withLock { !$0.operatorDigests.isEmpty } }

    // MARK: Nodes

    /// Takes a node in, under a number that no node ever had.
    package func addNode(name: String, zone: String, address: String) async throws -> NodeRecord {
        guard Self.isLabel(name) else {
            throw DirectoryRefusal.invalidNode(
                "A node's name has 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends")
        }
        guard Self.isLabel(zone), zone.utf8.count <= 32 else {
            throw DirectoryRefusal.invalidNode(
                "A zone has 1 to 32 of a-z, 0-9 and -, with a letter or digit at both ends")
        }
        guard Self.isAddressWithPort(address) else {
            throw DirectoryRefusal.invalidNode("A node's address is HOST:PORT, with a port above 0")
        }
        let added = Mutex<NodeRecord?>(nil)
        try await write { rows in
            let all = try Self.nodes(rows)
            guard !all.contains(where: { $0.name == name && $0.state != .removed }) else {
                throw DirectoryRefusal.nodeNameTaken(name)
            }
            let number = (all.map(\.id.rawValue).max() ?? 0) + 1
            guard number <= 4096 else {
                throw DirectoryRefusal.invalidNode("A cluster has at most 4096 nodes in its life")
            }
            let record = NodeRecord(
                id: NodeID(rawValue: number), name: name, zone: zone, address: address,
                state: .active)
            try rows.run(
                "INSERT INTO nodes VALUES (?1, ?2, ?3, ?4, ?5, ?6)", Int64(number), name, zone,
                address, record.state.rawValue)
            added.withLock { $0 = record }
        }
        return added.withLock { $0! }
    }

    /// Writes down where a node is reached, when that is news.
    package func setAddress(of id: NodeID, _ address: String) async throws {
        guard Self.isAddressWithPort(address) else {
            throw DirectoryRefusal.invalidNode("A node's address is HOST:PORT, with a port above 0")
        }
        try await write { rows in
            try rows.run(
                "UPDATE nodes SET address = ?3 WHERE tenant = ?1 AND id = ?2", Int64(id.rawValue),
                address)
        }
    }

    package func setState(ofNode name: String, _ state: NodeRecord.State) async throws -> NodeRecord
    {
        let changed = Mutex<NodeRecord?>(nil)
        try await write { rows in
            let all = try Self.nodes(rows)
            guard
                let node = all.last(where: { $0.name == name && $0.state != .removed })
                    ?? all.first(where: { "\($0.id)" == name }), node.state != .removed
            else { throw DirectoryRefusal.noSuchNode(String(name.prefix(80))) }
            guard
                state == .active
                    || all.contains(where: { $0.id != node.id && $0.state == .active })
            else { throw DirectoryRefusal.lastNode }
            try rows.run(
                "UPDATE nodes SET state = ?3 WHERE tenant = ?1 AND id = ?2",
                Int64(node.id.rawValue), state.rawValue)
            changed.withLock {
                $0 = NodeRecord(
                    id: node.id, name: node.name, zone: node.zone, address: node.address,
                    state: state)
            }
        }
        return changed.withLock { $0! }
    }

    /// From now on no node speaks to one that shows this certificate.
    package func revoke(serial: String, reason: String) async throws {
        let serial = serial.lowercased()
        guard (1...64).contains(serial.utf8.count), serial.allSatisfy(\.isHexDigit),
            reason.utf8.count <= 255
        else { throw DirectoryRefusal.invalidSerial(String(serial.prefix(80))) }
        try await write { rows in
            try rows.run(
                """
                INSERT INTO revoked_certificates VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT (tenant, serial) DO NOTHING
                """, serial, reason, rows.now.milliseconds)
        }
    }

    package func set(_ settings: ClusterSettings) async throws {
        guard [1, 3, 5, 7].contains(settings.replicationFactor) else {
            throw DirectoryRefusal.invalidSetting("replication factor: 1, 3, 5 or 7")
        }
        guard settings.leaderZones.count <= 16, settings.leaderZones.allSatisfy(Self.isLabel) else {
            throw DirectoryRefusal.invalidSetting("leader zones: at most 16 names of zones")
        }
        try await write { rows in
            for (name, value) in [
                ("replication_factor", String(settings.replicationFactor)),
                ("leader_zones", settings.leaderZones.joined(separator: ",")),
            ] {
                try rows.run(
                    """
                    INSERT INTO settings VALUES (?1, ?2, ?3)
                    ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value
                    """, name, value)
            }
        }
    }

    // MARK: The copy in memory

    private func write(_ body: @escaping @Sendable (ShardTransaction) throws -> Void) async throws {
        try await runWrite(body)
    }

    private func change(
        _ name: String, _ body: @escaping @Sendable (ShardTransaction, TenantRecord) throws -> Void
    ) async throws -> TenantRecord {
        let name = name.lowercased()
        let changed = Mutex<TenantRecord?>(nil)
        try await write { rows in
            guard let record = try Self.records(rows, name: name).first else {
                throw DirectoryRefusal.noSuchTenant(name)
            }
            try body(rows, record)
            let after = try Self.records(rows, name: name).first
            changed.withLock { $0 = after }
        }
        return changed.withLock { $0! }
    }

    /// What a transaction touched of shard 0.
    struct Touched {
        var tenants: Set<Int64> = []
        var tokens: Set<Int64> = []
        var isClusterTouched = false
        var isEmpty: Bool { tenants.isEmpty && tokens.isEmpty && !isClusterTouched }
    }

    /// Reads again what was touched.
    func follow(_ touched: Touched, _ rows: ShardReader, appliedIndex: LogIndex) throws {
        for id in touched.tenants.sorted() {
            if let record = try Self.records(rows, id: id).first { put(record) } else { drop(id) }
        }
        for id in touched.tokens {
            let digest = try rows.first(
                "SELECT digest FROM operator_tokens WHERE tenant = ?1 AND id = ?2", id
            ) { $0.blob(0) }
            maps.withLock { $0.operatorDigests[id] = digest }
        }
        if touched.isClusterTouched { try reloadCluster(rows) }
        maps.withLock { $0.appliedIndex = appliedIndex }
        if touched.isClusterTouched { changed.withLock { $0 }?.hear() }
    }

    /// Reads everything anew: at start, and when a snapshot has replaced the rows.
    func reload(_ rows: ShardReader, appliedIndex: LogIndex) throws {
        let records = try Self.records(rows, name: nil)
        let digests = try rows.all("SELECT id, digest FROM operator_tokens WHERE tenant = ?1") {
            ($0.int64(0), $0.blob(1))
        }
        var tenants = TenantTable()
        for record in records { tenants.put(record) }
        // In one go: who asks meanwhile must not hear that there are no tenants.
        maps.withLock { [tenants] maps in
            maps.tenants = tenants
            maps.operatorDigests = Dictionary(uniqueKeysWithValues: digests)
        }
        try reloadCluster(rows)
        maps.withLock { $0.appliedIndex = appliedIndex }
        changed.withLock { $0 }?.hear()
    }

    private func reloadCluster(_ rows: ShardReader) throws {
        // A build that does not know of nodes made these rows; the step that brings the tables is on its way.
        let nodes = (try? Self.nodes(rows)) ?? []
        let serials =
            (try? rows.all("SELECT serial FROM revoked_certificates WHERE tenant = ?1") {
                $0.text(0)
            }) ?? []
        let values = try rows.all("SELECT name, value FROM settings WHERE tenant = ?1") {
            ($0.text(0), $0.text(1))
        }
        var settings = ClusterSettings()
        for (name, value) in values {
            switch name {
            case "replication_factor":
                settings.replicationFactor = Int(value) ?? settings.replicationFactor
            case "leader_zones":
                settings.leaderZones = value.split(separator: ",").map(String.init)
            default: break
            }
        }
        maps.withLock { [settings] maps in
            maps.nodes = nodes
            maps.revokedSerials = Set(serials)
            maps.settings = settings
        }
    }

    private static func nodes(_ rows: ShardReader) throws -> [NodeRecord] {
        try rows.all(
            "SELECT id, name, zone, address, state FROM nodes WHERE tenant = ?1 ORDER BY id"
        ) { row in
            NodeRecord(
                id: NodeID(rawValue: UInt16(row.int(0))), name: row.text(1), zone: row.text(2),
                address: row.text(3), state: NodeRecord.State(rawValue: row.int64(4)) ?? .removed)
        }
    }

    private func put(_ record: TenantRecord) { maps.withLock { $0.tenants.put(record) } }

    private func drop(_ id: Int64) { maps.withLock { $0.tenants.remove(id) } }

    private static func records(_ rows: ShardReader, name: String? = nil, id: Int64? = nil) throws
        -> [TenantRecord]
    {
        let hostnames: [(Int64, String)]
        if let id {
            hostnames = try rows.all(
                "SELECT hostname FROM hostnames WHERE tenant = ?1 AND owner = ?2 ORDER BY hostname",
                id
            ) { (id, $0.text(0)) }
        } else {
            hostnames = try rows.all(
                "SELECT owner, hostname FROM hostnames WHERE tenant = ?1 ORDER BY hostname"
            ) { ($0.int64(0), $0.text(1)) }
        }
        let byOwner = Dictionary(grouping: hostnames, by: \.0)
        let columns = """
            SELECT id, name, shard, epoch, state, plan, requests_per_minute, agent_limit,
            storage_limit, created_at FROM tenants WHERE tenant = ?1
            """
        func record(_ row: Row) -> TenantRecord {
            TenantRecord(
                name: row.text(1), id: TenantID(rawValue: row.int64(0)),
                shard: ShardID(rawValue: UInt16(row.int(2))), epoch: UInt32(row.int(3)),
                state: TenantState(rawValue: row.int64(4)) ?? .suspended, plan: row.text(5),
                limits: TenantLimits(
                    requestsPerMinute: row.int(6), agents: row.int(7), storageBytes: row.int64(8)),
                hostnames: byOwner[row.int64(0)]?.map(\.1) ?? [],
                createdAt: Timestamp(rawValue: row.int64(9)))
        }
        if let id { return try rows.all(columns + " AND id = ?2", id, read: record) }
        if let name { return try rows.all(columns + " AND name = ?2", name, read: record) }
        return try rows.all(columns, read: record)
    }

    private func leastLoadedShard() -> ShardID {
        maps.withLock { maps in
            let shards = (1...shardCount).map { ShardID(rawValue: UInt16($0)) }
            return shards.min {
                (maps.tenants.count(on: $0), $0) < (maps.tenants.count(on: $1), $1)
            }!
        }
    }

    // MARK: Names

    private static func check(_ limits: TenantLimits) throws {
        guard (1...1_000_000_000).contains(limits.requestsPerMinute) else {
            throw DirectoryRefusal.invalidLimit("requests per minute: 1 to 1,000,000,000")
        }
        guard (1...1_000_000).contains(limits.agents) else {
            throw DirectoryRefusal.invalidLimit("agents: 1 to 1,000,000")
        }
        guard (0...(1 << 50)).contains(limits.storageBytes) else {
            throw DirectoryRefusal.invalidLimit("storage bytes: 0 to 2^50")
        }
    }

    private static func check(plan: String) throws {
        guard !plan.isEmpty, plan.utf8.count <= 64 else {
            throw DirectoryRefusal.invalidLimit("A plan's name has 1 to 64 bytes")
        }
    }

    private static func isAddressWithPort(_ text: String) -> Bool {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { return false }
        return port > 0 && text.utf8.count <= 260 && colon != text.startIndex
    }

    /// Whether a host is an IPv4 address; one in brackets never has a label that is a name.
    private static func isAddress(_ host: String) -> Bool {
        guard let last = host.utf8.last, (0x30...0x39).contains(last) else { return false }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func isLabel(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        func isLetterOrDigit(_ byte: UInt8) -> Bool {
            (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte)
        }
        guard let first = bytes.first, let last = bytes.last, bytes.count <= 63 else {
            return false
        }
        return isLetterOrDigit(first) && isLetterOrDigit(last)
            && bytes.allSatisfy { isLetterOrDigit($0) || $0 == 0x2d }
    }

    /// Without port and without the dot that ends a full domain name.
    private static func hostWithoutPort(_ host: String) -> String {
        var name = host.lowercased()[...]
        if name.utf8.first != UInt8(ascii: "["),
            let colon = name.utf8.lastIndex(of: UInt8(ascii: ":"))
        {
            name = name[..<colon]
        }
        if name.utf8.last == UInt8(ascii: ".") { name = name.dropLast() }
        return String(name)
    }
}

/// Whether two byte strings are equal, in a time that depends on their lengths only.
package func constantTimeEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    var difference: UInt8 = 0
    for index in a.indices { difference |= a[index] ^ b[index] }
    return difference == 0
}
