package import Consensus
package import Wire

/// The rows of one replica: what the log is about.
///
/// Synchronous and not `Sendable`: it lives where its replica lives. A request runs once, at the leader, inside a transaction
/// that stays open until its block is committed; every other replica only applies what that transaction changed.
package protocol StateMachine: AnyObject {
    associatedtype Request
    associatedtype Answer

    /// The last entry whose changes readers see.
    var appliedIndex: LogIndex { get }
    /// The last entry that survives a power failure. The log may be cut only up to here.
    var durableIndex: LogIndex { get }

    /// Runs requests, in order, in one transaction that stays open until `commit` or `rollback`.
    ///
    /// A request that is refused leaves nothing in it.
    func prepare(_ requests: [Request], now: Timestamp) throws -> PreparedRequests<Answer>
    /// Makes the open transaction visible; the applied index moves to its last entry in the same moment. When it throws, the
    /// transaction is undone.
    func commit() throws
    func rollback() throws
    /// Applies blocks of entries that other replicas prepared, and passes over entries without rows, in one transaction.
    func apply(_ blocks: [CommittedBlock]) throws
}

/// What running a batch of requests came to.
package struct PreparedRequests<Answer> {
    /// One for each request, in order.
    package let answers: [Answer]
    /// How many entries the changes take; 0 when nothing changed.
    package let entries: Int
    /// The changes as they are logged and shipped; empty when nothing changed.
    package let payload: [UInt8]
    package init(answers: [Answer], entries: Int, payload: [UInt8]) {
        self.answers = answers
        self.entries = entries
        self.payload = payload
    }
}

/// A committed block, to be applied.
package struct CommittedBlock {
    package let head: BlockHead
    /// The row changes; empty for the entries that are consensus' own.
    package let payload: [UInt8]
    package init(head: BlockHead, payload: [UInt8]) {
        self.head = head
        self.payload = payload
    }
}

/// Where a replica finds the bytes of blocks that it was asked to store earlier, on disk or on their way there.
package protocol BlockSource: AnyObject {
    /// - Throws: a fault of the disk, or of bytes that are damaged.
    func payload(of block: BlockHead) throws -> [UInt8]
}
