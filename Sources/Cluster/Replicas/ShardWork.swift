import Consensus
import ShardStore
import Threads
import Wire

/// A write on its way through a shard's lane.
struct ShardWork: Sendable {
    let tenant: TenantID
    /// When it came, in nanoseconds of `monotonicNanoseconds`.
    let enqueued: UInt64
    let command: Command
    /// Called once, off every lock, with the index at which a read sees the effect, or why there is none.
    let finish: @Sendable (Result<LogIndex, any Error>) -> Void

    enum Command: Sendable {
        case rows(@Sendable (ShardTransaction) throws -> Void)
        case schemaStep
    }
}

/// A read that waits for leave to read the rows.
struct ShardRead: Sendable {
    enum Wish: Sendable {
        /// Every write that was answered before the read came.
        case linearizable
        /// At least this entry.
        case applied(LogIndex)
    }
    let wish: Wish
    let enqueued: UInt64
    /// Called once with the applied index the read may use.
    let ready: @Sendable (Result<LogIndex, any Error>) -> Void
}
