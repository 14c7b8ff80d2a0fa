package import Consensus
package import Replication

/// What a client of the simulated desk asks for: an integer under a key, initially 0.
package enum Operation: Equatable, Sendable {
    case read
    case write(Int)
    case add(Int)
    case compareAndSet(expected: Int, new: Int)
}

/// A request as it reaches a leader. `client` and `sequence` are its idempotency key.
package struct SimulatedRequest: Equatable, Sendable {
    package let client: Int
    package let sequence: Int
    package let key: Int
    package let operation: Operation
    var idempotencyKey: Int { client << 32 | sequence }
}

/// What a request came to: the new value of an addition, 1 or 0 for whether a comparison held, 0 for a write.
package typealias SimulatedAnswer = Int

extension Operation {
    /// Its effect on a value: the new value, nil when it stays, and the answer.
    func applied(to value: Int) -> (newValue: Int?, answer: Int) {
        switch self {
        case .read: (nil, value)
        case .write(let new): (new, 0)
        case .add(let amount): (value + amount, value + amount)
        case .compareAndSet(let expected, let new):
            value == expected ? (new, 1) : (nil, 0)
        }
    }
}

/// The rows of a simulated replica, with what the simulator must be able to do to them.
package protocol SimulatedMachine: StateMachine
where Request == SimulatedRequest, Answer == SimulatedAnswer {
    /// - Parameter birth: where the rows of a new replica stand.
    static func make(number: Int, folder: String) throws -> Self
    /// What a new replica's rows stand at.
    static var birthIndex: LogIndex { get }
    var stateHash: UInt64 { get }
    /// Of the applied state, never of an open transaction.
    func value(of key: Int) throws -> Int
    func answer(of request: Int) throws -> Int?
    func checkpoint() throws
    func takeSnapshot() throws -> [UInt8]
    func install(_ snapshot: [UInt8], head: SnapshotHead) throws
    /// The snapshot that was installed last, for a log that does not know of it yet.
    var installed: SnapshotHead? { get }
    /// The process died; the operating system goes on.
    func processDied() throws
    /// The power went: what was not synced is gone, or is not.
    func powerFailed(_ random: inout Randomness) throws
    /// What the changes of a block do, for the reference; nil where that cannot be told.
    static func changes(in payload: [UInt8]) throws -> [RowChange]?
    var forgetsIdempotency: Bool { get set }
}

/// One changed row.
package struct RowChange: Equatable, Sendable {
    package enum Table: UInt8, Sendable {
        case values = 1
        case answers = 2
    }
    package let table: Table
    package let key: Int
    package let value: Int
}
