import Certificates
import Consensus
import Foundation
import Logging
import NIOCore
import NIOPosix
import ServiceDesk
import ShardStore
import Synchronization
import Testing
import Transport
import Wire

@testable import Cluster

/// Nodes in temporary folders of this process, linked over TLS on the loopback interface.
final class TestCluster: Sendable {
    struct Late: Error, CustomStringConvertible { let description: String }

    private let folder: URL
    private let authority: ClusterAuthority
    private let cluster = ClusterID(bytes: 0xc0..<0xd0)
    private let shards: Int
    private let state = Mutex([NodeID: Member]())

    private struct Member {
        let record: NodeRecord
        /// Nil while it is stopped.
        var node: Node?
    }

    /// Runs `body` with so many nodes, of which every shard has its voters with the same rows, and removes them however it ends.
    static func with(
        _ count: Int, shards: Int = 2, _ body: (TestCluster) async throws -> Void
    ) async throws {
        let cluster = try TestCluster(shards: shards)
        do {
            try await cluster.start(count)
            try await body(cluster)
        } catch {
            await cluster.remove()
            throw error
        }
        await cluster.remove()
    }

    private init(shards: Int) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "cluster-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        authority = try ClusterAuthority.make(cluster: cluster, now: Self.wallClock())
        self.shards = shards
    }

    private func start(_ count: Int) async throws {
        let ports = try Self.freePorts(count)
        let first = NodeRecord(
            id: NodeID(rawValue: 1), name: "n1", zone: "z", address: "127.0.0.1:\(ports[0])",
            state: .active)
        try await start(first)
        try await until("the first node serves") { $0.node(1)?.isReady == true }
        try await self[1].register()
        for number in 2...count {
            let record = try await self[1].directory.addNode(
                name: "n\(number)", zone: "z", address: "127.0.0.1:\(ports[number - 1])")
            try await start(record)
        }
        try await until("all shards have their voters") { $0.isWhole(min(3, count)) }
    }

    static func wallClock() -> Timestamp {
        Timestamp(rawValue: Int64(Date().timeIntervalSince1970 * 1000))
    }

    private static let givenPorts = Mutex<Set<UInt16>>([])

    /// Ports that nobody listens at, and that the system gives nobody who asks for any port or connects to somewhere: the nodes' addresses
    /// are known before they listen.
    private static func freePorts(_ count: Int) throws -> [UInt16] {
        try (0..<count).map { _ in
            for _ in 0..<1000 {
                let port = UInt16.random(in: 10_000..<32_768)
                guard givenPorts.withLock({ $0.insert(port).inserted }) else { continue }
                if isFree(port) { return port }
            }
            throw Late(description: "no free port")
        }
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    // MARK: Nodes

    subscript(_ number: UInt16) -> Node {
        guard let node = node(number) else { preconditionFailure("node \(number) is stopped") }
        return node
    }

    func node(_ number: UInt16) -> Node? {
        state.withLock { $0[NodeID(rawValue: number)]?.node }
    }

    var running: [Node] {
        state.withLock { $0.values.compactMap(\.node) }.sorted {
            $0.identity.node < $1.identity.node
        }
    }

    private func start(_ record: NodeRecord) async throws {
        let isFounder = record.id == NodeID(rawValue: 1)
        let seeds = state.withLock { $0.values.map(\.record) }.filter { $0.id != record.id }
        let issued = try authority.issueNode(
            record.id, zone: record.zone, hosts: ["127.0.0.1"], validity: .seconds(86_400),
            now: Self.wallClock())
        guard let address = PeerAddress(record.address) else {
            throw Late(description: record.address)
        }
        let node = try Node(
            configuration: NodeConfiguration(
                dataDirectory: folder.appending(path: record.name).path,
                identity: NodeIdentity(
                    cluster: cluster, node: record.id, name: record.name, zone: record.zone,
                    isFounder: isFounder, address: record.address, seeds: seeds),
                shardCount: shards, cacheMegabytes: 4, lanes: 1, readerLanes: 1, logMegabytes: 16,
                diskReserveMegabytes: 0, scrubMinutes: 0, shedsLateRequests: false),
            deskSchema: DeskSchema.schema,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            clock: { Self.wallClock() }, words: DeskWords())
        do {
            _ = try await node.link(
                listen: address,
                credentials: NodeCredentials(
                    caPEM: authority.certificatePEM, certificatePEM: issued.certificatePEM,
                    keyPEM: issued.keyPEM),
                life: UInt64.random(in: 1 ... .max), group: MultiThreadedEventLoopGroup.singleton)
        } catch {
            node.stop()
            throw error
        }
        state.withLock { $0[record.id] = Member(record: record, node: node) }
    }

    func stop(_ number: UInt16) async {
        let id = NodeID(rawValue: number)
        guard let node = state.withLock({ $0[id]?.node }) else { return }
        state.withLock { $0[id]?.node = nil }
        node.stop()
        await node.takeDownLinks()
    }

    /// Starts a node that was stopped from what its disk holds.
    func restart(_ number: UInt16) async throws {
        guard let member = state.withLock({ $0[NodeID(rawValue: number)] }), member.node == nil
        else { preconditionFailure("node \(number) runs") }
        try await start(member.record)
    }

    private func remove() async {
        for node in running { await stop(node.identity.node.rawValue) }
        try? FileManager.default.removeItem(at: folder)
    }

    // MARK: What is so

    func view(_ number: UInt16, _ shard: ShardID) -> ShardView? {
        node(number)?.shardViews.first { $0.shard == shard }
    }

    /// Who leads a shard and knows what is committed.
    func leader(of shard: ShardID) -> Node? {
        running.first { $0.destination(of: shard) == .here }
    }

    /// Whether each shard has `voters` voters on running nodes, all with the leader's rows and with the write that was `committed`.
    ///
    /// Views are posted a moment after answers, the leader's too, so what was answered last is in a view only when that says so.
    func isWhole(_ voters: Int, with committed: Position? = nil) -> Bool {
        (0...shards).allSatisfy { number in
            let shard = ShardID(rawValue: UInt16(number))
            guard let leader = leader(of: shard),
                let view = view(leader.identity.node.rawValue, shard),
                view.configuration.voters.count == voters, !view.configuration.isJoint,
                committed.map({ $0.shard != shard || $0.index <= view.appliedIndex }) ?? true
            else { return false }
            return view.configuration.voters.allSatisfy { voter in
                let own = self.view(voter.node.rawValue, shard)
                return own?.replica == voter && own?.fault == nil
                    && own?.appliedIndex == view.appliedIndex && own?.stateHash == view.stateHash
            }
        }
    }

    /// Where a node keeps a shard's rows, and whatever belongs to them.
    func shardFolder(_ number: UInt16) -> URL {
        folder.appending(path: "n\(number)").appending(path: "shards")
    }

    /// A turn of an event loop later.
    static func turn() async throws {
        try await MultiThreadedEventLoopGroup.singleton.next()
            .scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
    }

    /// Looks again, a hundred times a second, until something that nobody announces is so.
    func until(_ what: String, seconds: Int = 60, _ isSo: (TestCluster) async -> Bool) async throws
    {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !(await isSo(self)) {
            guard ContinuousClock.now < deadline else {
                let views = running.map { node in
                    "\(node.identity.name): "
                        + node.shardViews.map {
                            "\($0.shard) \($0.role) \($0.configuration.voters) \($0.appliedIndex) \($0.fault ?? "")"
                        }.joined(separator: "; ")
                }
                throw Late(
                    description: "not within \(seconds) s: \(what)\n"
                        + views.joined(separator: "\n"))
            }
            try await Self.turn()
        }
    }

    /// Makes a tenant where the directory is led, and waits until all nodes know it.
    func tenant(_ name: String) async throws -> TenantRoute {
        guard let leader = leader(of: .directory) else { throw Late(description: "no directory") }
        let route = try await leader.directory.createTenant(
            name: name, plan: "p", limits: TenantLimits()
        ).route
        try await until("all nodes know \(name)") { cluster in
            cluster.running.allSatisfy { $0.directory.tenant(named: name) != nil }
        }
        return route
    }

    /// Counts up where the tenant's shard is led.
    func countUp(_ tenant: TenantRoute) async throws -> Committed<Int64> {
        try await again {
            guard let leader = leader(of: tenant.shard) else { throw NotLeader(leader: nil) }
            return try await leader.countUp(tenant)
        }
    }

    /// Writes where the tenant's shard is led.
    func write<Answer: Sendable>(
        _ tenant: TenantRoute, _ body: @escaping @Sendable (ShardTransaction) throws -> Answer
    ) async throws -> Answer {
        try await again {
            guard let leader = leader(of: tenant.shard) else { throw NotLeader(leader: nil) }
            return try await leader.write(tenant, body).answer
        }
    }

    /// The count as one node reads it.
    func number(
        _ tenant: TenantRoute, at node: Node, level: ReadLevel = .linearizable
    ) async throws -> Int64 {
        try await again { try await node.number(tenant, level: level) }
    }

    /// Tries again what had no effect because the leadership was moving.
    func again<Answer>(_ body: () async throws -> Answer) async throws -> Answer {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do { return try await body() } catch {
                guard error is NotLeader || error is Unavailable, ContinuousClock.now < deadline
                else { throw error }
            }
            try await Self.turn()
        }
    }
}
