package import Consensus

/// What a replica asks of the node it lives on, to be done in order.
package enum ReplicaOutput<Answer> {
    /// Store durably, after everything before it, and call `persisted`.
    case store(LogWrite)
    case send(Envelope)
    /// Take a snapshot (`snapshotHead`, and the rows), send it, and call `snapshotSent`.
    case sendSnapshot(to: ReplicaID)
    case setTimer(Timer)
    case cancelTimer(Timer)
    case answered(RequestID, Result<Done<Answer>, RequestRefusal>)
    case readable(ReadID, Result<LogIndex, ReadRefusal>)
    /// Committed blocks wait for `applyCommitted`.
    case applyPending
    case roleChanged(Role, Term, leader: ReplicaID?)
    case transferEnded(to: ReplicaID, TransferOutcome)
    case membersRefused(ProposalRefusal)
    /// The log may now begin after this.
    case compacted(SnapshotHead)
    /// The replica has stopped for good.
    case stopped(ReplicaFault)
}

/// One write of the log: what consensus asks for, and the bytes of its blocks.
package struct LogWrite: Equatable, Sendable {
    package let write: Write
    /// One for each of `write.blocks`.
    package let payloads: [[UInt8]]
    package init(write: Write, payloads: [[UInt8]]) {
        precondition(write.blocks.count == payloads.count)
        self.write = write
        self.payloads = payloads
    }
}

/// A message with the bytes of the blocks it carries.
package struct Envelope: Equatable, Sendable {
    package let message: Message
    /// One for each block of an append; empty for any other message.
    package let payloads: [[UInt8]]
    package init(message: Message, payloads: [[UInt8]] = []) {
        self.message = message
        self.payloads = payloads
    }
}

/// A request at this replica, as the caller numbers them.
package struct RequestID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package var description: String { String(rawValue) }
}

/// A request that has had its effect.
package struct Done<Answer> {
    package let answer: Answer
    /// A read that sees this entry sees the effect.
    package let index: LogIndex
    package init(answer: Answer, index: LogIndex) {
        self.answer = answer
        self.index = index
    }
}

/// Why a request is not answered with its effect.
package enum RequestRefusal: Error, Equatable, Sendable {
    /// It had no effect: ask the leader.
    case notLeader(leader: ReplicaID?)
    /// It had no effect: the queue is full, or what is uncommitted, or the leader is handing over. Ask again.
    case busy
    /// It had no effect: the disk has no room for it.
    case full
    /// It had no effect and never will: its changes are longer than a block.
    case tooLong(bytes: Int, limit: Int)
    /// Leadership was lost while it was on its way. It has its effect or it has not; the idempotency key tells.
    case outcomeUnknown
}

/// Why a replica stopped.
package enum ReplicaFault: Error, Equatable, Sendable {
    case halted(BrokenInvariant)
    /// The rows or the log's bytes could not be read or written.
    case disk(String)
}
