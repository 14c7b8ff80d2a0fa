import Cluster
import Synchronization

/// The memory that bodies over the usual limit may take on this node together. More are asked to come back.
final class LargeBodies: Sendable {
    /// Bytes of all such bodies at a time.
    static let limit = 128 << 20

    private let used = Mutex(0)

    func reserve(_ bytes: Int) throws {
        let fits = used.withLock { used in
            guard used + bytes <= Self.limit else { return false }
            used += bytes
            return true
        }
        guard fits else { throw Unavailable(reason: .overloaded, retryAfterSeconds: 5) }
    }

    func release(_ bytes: Int) { used.withLock { $0 -= bytes } }
}
