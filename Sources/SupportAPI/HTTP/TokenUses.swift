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

    /// Writes down what was gathered, one request a tenant, where the tenant's shard is led.
    func flush() async {
        let used = state.withLock { state in
            defer {
                state.used = [:]
                state.usedCount = 0
                if state.written.count > Self.limit { state.written = [:] }
            }
            return state.used
        }
        for (tenant, uses) in used.sorted(by: { $0.key.id < $1.key.id }) {
            do {
                let uses = uses.map { (digest: $0.key, at: $0.value) }
                do { try await write(uses, of: tenant) } catch let error as NotLeader {
                    guard try await hand(uses, of: tenant, to: error.leader) else { continue }
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
        _ uses: [(digest: [UInt8], at: Timestamp)], of tenant: TenantRoute, to leader: NodeID?
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
            deadline: .seconds(10), method: "POST", target: Self.target, tenant: tenant.name,
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
        await flush()
    }
}
