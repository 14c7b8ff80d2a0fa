import Cluster
import Logging
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

    /// Writes down what was gathered, one request a tenant.
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
                _ = try await node.write(tenant) { rows in
                    try rows.touchTokens(uses.map { (digest: $0.key, at: $0.value) })
                }
                state.withLock { state in
                    for (digest, time) in uses {
                        state.written[Key(tenant: tenant.id, digest: digest)] = time
                    }
                }
            } catch is NotLeader {
                // The node that leads now notes the next use.
            } catch {
                logger.warning(
                    "token uses were not written",
                    metadata: ["tenant": "\(tenant.name)", "error": "\(error)"])
            }
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: .seconds(60))) != nil { await self.flush() }
        }
        await flush()
    }
}
