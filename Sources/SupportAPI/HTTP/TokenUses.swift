import Cluster
import Logging
import NIOCore
import ServiceDesk
import ServiceLifecycle
import Synchronization
import Wire

/// Gathers when API tokens were used and writes it down now and then, so that a read does not become a write.
///
/// A token's time is at most `intervalMilliseconds` behind. What is gathered and not yet written is lost in a crash: it says
/// when a token was last seen, nothing depends on it.
final class TokenUses: Service {
    /// A token in constant use is written down this often.
    static let intervalMilliseconds: Int64 = 600_000
    /// Tokens remembered at once; more are not noted until the next flush.
    private static let limit = 100_000

    private struct Key: Hashable {
        let tenant: TenantID
        let digest: [UInt8]
    }

    private struct State {
        var used: [TenantRoute: [[UInt8]: Timestamp]] = [:]
        var usedCount = 0
        var written: [Key: Timestamp] = [:]
    }

    private let node: Node
    private let logger: Logger
    private let state = Mutex(State())

    init(node: Node, logger: Logger) {
        self.node = node
        self.logger = logger
    }

    /// Notes that a credential signed somebody in.
    func note(_ credential: Credential, of tenant: TenantRoute, at now: Timestamp) {
        let digest: [UInt8]
        switch credential {
        case .token(_, let known), .bearer(let known): digest = known
        case .anonymous, .verifiedPassword: return
        }
        state.withLock { state in
            if let written = state.written[Key(tenant: tenant.id, digest: digest)],
                now.milliseconds - written.milliseconds < Self.intervalMilliseconds
            {
                return
            }
            let isNew = state.used[tenant]?[digest] == nil
            guard !isNew || state.usedCount < Self.limit else { return }
            if isNew { state.usedCount += 1 }
            state.used[tenant, default: [:]][digest] = now
        }
    }

    /// Requests of a flush that are under way at once: enough that they share batches and syncs, few enough that others hardly notice.
    private static let writers = 16
    /// What a node that ends gives the last flush. With many tenants that is not enough for all, and they lose what a crash would.
    private static let lastPatience = Duration.seconds(5)

    /// Writes down what was gathered, one request a tenant, where the tenant's shard is led.
    /// - Parameter patience: after so long no further request is begun; what is left is gathered again.
    /// - Returns: of how many tenants something is left.
    @discardableResult func flush(within patience: Duration = .seconds(600)) async -> Int {
        let end = ContinuousClock.now + patience
        let used = state.withLock { state in
            defer {
                state.used = [:]
                state.usedCount = 0
                if state.written.count > Self.limit { state.written = [:] }
            }
            return state.used
        }
        let all = used.sorted { $0.key.id < $1.key.id }
        let left = await withTaskGroup(of: [(TenantRoute, [[UInt8]: Timestamp])].self) { group in
            for number in 0..<min(Self.writers, all.count) {
                group.addTask {
                    var places = Array(stride(from: number, to: all.count, by: Self.writers))[...]
                    while !Task.isCancelled, ContinuousClock.now < end,
                        let place = places.popFirst()
                    {
                        let patience = min(.seconds(10), end - .now)
                        await self.writeDown(all[place].value, of: all[place].key, patience)
                    }
                    return places.map { (all[$0].key, all[$0].value) }
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        state.withLock { state in
            for (tenant, uses) in left {
                let before = state.used[tenant]?.count ?? 0
                state.used[tenant, default: [:]].merge(uses) { max($0, $1) }
                state.usedCount += (state.used[tenant]?.count ?? 0) - before
            }
        }
        return left.count
    }

    private func writeDown(
        _ used: [[UInt8]: Timestamp], of tenant: TenantRoute, _ patience: Duration
    ) async {
        do {
            let uses = used.map { (digest: $0.key, at: $0.value) }
            do { try await write(uses, of: tenant) } catch let error as NotLeader {
                guard try await hand(uses, of: tenant, to: error.leader, within: patience) else {
                    return
                }
            }
            state.withLock { state in
                for (digest, time) in uses {
                    state.written[Key(tenant: tenant.id, digest: digest)] = time
                }
            }
        } catch {
            logger.warning(
                "token uses were not written",
                metadata: ["tenant": "\(tenant.name)", "error": "\(error)"])
        }
    }

    private func write(_ uses: [(digest: [UInt8], at: Timestamp)], of tenant: TenantRoute)
        async throws
    { _ = try await node.write(tenant) { try $0.touchTokens(uses) } }

    // MARK: Between nodes

    static let target = "/token-uses"
    private static let version: UInt8 = 1
    private static let digestLength = 32

    /// A node that only reads for a tenant leaves the writing to the one that leads its shard.
    /// - Returns: false when nobody could be asked; the next use is noted again.
    private func hand(
        _ uses: [(digest: [UInt8], at: Timestamp)], of tenant: TenantRoute, to leader: NodeID?,
        within patience: Duration
    ) async throws -> Bool {
        guard let leader else { return false }
        var writer = ByteWriter()
        writer.write(Self.version)
        for use in uses {
            writer.write(zigzag: use.at.milliseconds)
            writer.write(raw: use.digest)
        }
        let call = PeerRequest(
            service: .node, shard: tenant.shard, directoryIndex: node.directory.appliedIndex,
            deadline: patience, method: "POST", target: Self.target, tenant: tenant.name,
            body: ByteBuffer(bytes: writer.bytes))
        guard case .replied(let reply) = await node.call(leader, call) else { return false }
        return reply.outcome == .answered && reply.status == 204
    }

    /// Uses that another node has noted.
    func answer(_ call: PeerRequest) async -> PeerReply {
        guard await node.knowsDirectory(upTo: call.directoryIndex),
            let tenant = node.directory.tenant(named: call.tenant)?.route
        else { return PeerReply(.behind) }
        do {
            try await write(try Self.uses(in: call.body), of: tenant)
            return PeerReply(.answered, status: 204)
        } catch is DecodingFault {
            return PeerReply(.answered, status: 400)
        } catch { return PeerReply(.busy) }
    }

    private static func uses(in body: ByteBuffer) throws -> [(digest: [UInt8], at: Timestamp)] {
        try body.withUnsafeReadableBytes { raw in
            var reader = ByteReader(raw)
            let version = try reader.byte()
            guard version == Self.version else { throw DecodingFault.unsupportedVersion(version) }
            var uses: [(digest: [UInt8], at: Timestamp)] = []
            while reader.remaining > 0 {
                let time = Timestamp(rawValue: try reader.zigzag())
                uses.append((Array(try reader.raw(UInt64(digestLength))), time))
                guard uses.count <= limit else { throw DecodingFault.invalid("number of uses") }
            }
            return uses
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: .seconds(60))) != nil { await self.flush() }
        }
        let left = await flush(within: Self.lastPatience)
        if left > 0 {
            logger.notice(
                "the node ends, and when some API tokens were used last is not written down",
                metadata: ["tenants": "\(left)"])
        }
    }
}
