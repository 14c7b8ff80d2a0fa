import Cluster
import Crypto
import HTTPTypes
import NIOPosix
import ServiceDesk
import Synchronization
import Wire

/// Turns an `Authorization` header into a credential.
///
/// Tokens become digests at once. A password costs 50 ms of scrypt, so it is checked on two threads of its own and a good
/// one is remembered for five minutes under a keyed hash that dies with the process.
final class SignIn: Sendable {
    private struct Known {
        let credential: Credential
        let until: Timestamp
    }

    private static let memoryMilliseconds: Int64 = 300_000
    private static let memoryLimit = 10_000
    /// Wrong passwords a minute for one address before it must wait.
    private static let attemptLimit = 10
    /// Password checks that may wait for a thread.
    private static let pendingLimit = 64

    private let node: Node
    private let pool = NIOThreadPool(numberOfThreads: 2)
    private let key = SymmetricKey(size: .bits256)
    private let state = Mutex(State())

    private struct State {
        var known: [[UInt8]: Known] = [:]
        var minute: Int64 = 0
        var failures: [[UInt8]: Int] = [:]
        var pending = 0
    }

    init(node: Node) {
        self.node = node
        pool.start()
    }

    func stop() { pool.shutdownGracefully { _ in } }

    func credential(_ header: String?, tenant: TenantRoute) async throws -> Credential {
        switch try AuthorizationHeader(header) {
        case .credential(let credential): return credential
        case .password(let email, let secret):
            return try await password(email: email, secret, tenant)
        }
    }

    private func password(email: String, _ password: String, _ tenant: TenantRoute) async throws
        -> Credential
    {
        let now = node.clock()
        let who = mac("\(tenant.id)|\(email.lowercased())")
        let what = mac("\(tenant.id)|\(email.lowercased())|\(password)")
        let (known, mustWait) = state.withLock { state -> (Credential?, Bool) in
            if let known = state.known[what], known.until > now { return (known.credential, false) }
            if state.minute != now.seconds / 60 {
                state.minute = now.seconds / 60
                state.failures.removeAll()
            }
            return (nil, (state.failures[who] ?? 0) >= Self.attemptLimit)
        }
        if let known { return known }
        if mustWait {
            throw DeskRefusal.tooOften(
                retryAfterSeconds: Int(60 - now.seconds % 60),
                "Too many wrong passwords for this address; wait a minute")
        }
        guard
            state.withLock({ state in
                guard state.pending < Self.pendingLimit else { return false }
                state.pending += 1
                return true
            })
        else { throw Unavailable(reason: .overloaded, retryAfterSeconds: 2) }
        defer { state.withLock { $0.pending -= 1 } }
        let record = try await node.read(tenant) {
            try Authenticator.passwordRecord(email: email, in: $0)
        }.answer
        let isRight = try await pool.runIfActive {
            guard let record else {
                PasswordHash.waste(password)
                return false
            }
            return PasswordHash.verify(password, against: record.hash)
        }
        guard isRight, let record else {
            state.withLock { $0.failures[who, default: 0] += 1 }
            throw DeskRefusal.unauthenticated
        }
        let credential = Credential.verifiedPassword(userID: record.userID, stamp: record.stamp)
        state.withLock { state in
            if state.known.count >= Self.memoryLimit { state.known.removeAll() }
            state.known[what] = Known(
                credential: credential, until: now.advanced(byMilliseconds: Self.memoryMilliseconds)
            )
        }
        return credential
    }

    /// Hashes a new password off the lanes.
    func hash(_ password: String) async throws -> String {
        let salt = Secrets.salt()
        return try await pool.runIfActive { try PasswordHash.make(password, salt: salt) }
    }

    private func mac(_ text: String) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
    }
}
