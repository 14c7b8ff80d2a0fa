import Consensus
import SQLite
import Wire

/// What reading all rows of a replica and adding up their hashes has shown.
package enum RowFinding: Equatable, Sendable {
    /// The rows add up to their sums.
    case sound
    /// They do not, or cannot be read; in words for the operator.
    case unsound(String)
    /// The check was not made: there are no rows here, or the node is stopping.
    case notMade
}

extension Error {
    /// Whether SQLite has met bytes in a file that it never wrote there.
    var tellsOfDamage: Bool {
        guard let error = self as? SQLiteError else { return false }
        return error.code.primary == .corrupt || error.code.primary == .notADatabase
    }
}

/// What a replica knows of the soundness of its own rows, and of its doubts about the leader's.
///
/// Followers compare their state hash with each block's. Where the two differ, one of them has rows that changed without a transaction.
/// Which one is found by each side reading its own rows: sums that the rows no longer add up to are proof. So a follower first looks
/// at itself, and only then doubts the leader, which looks at itself in turn:
///
///     blocks differ → own rows read → unsound: this replica stops and is replaced
///                                   → sound:   the leader is asked → unsound: it stops, another leads, its blocks agree
///                                                                  → sound:   a fault of the program: this replica stops
struct RowDoubts {
    /// Why the rows here are not to be trusted.
    private(set) var damage: String?
    private(set) var isChecking = false
    /// Who waits for this leader's word on its rows.
    private var doubters: Set<ReplicaID> = []
    /// When the last check found all well.
    private var soundAt: UInt64?
    /// When the leader was last asked.
    private var askedAt: UInt64?

    enum Step: Equatable {
        case check
        /// Ask the leader about its rows.
        case doubt
        /// Tell these that the rows here add up.
        case vouch([ReplicaID])
    }

    /// How long a question to the leader may stay open before it is put again; reading many rows takes its time.
    static let patience: UInt64 = 30_000_000_000
    /// How long a finding is good as an answer to somebody's doubt.
    static let freshness: UInt64 = 5_000_000_000

    /// What to do as the replica stands. Ask after each batch of blocks and every half second.
    mutating func next(hasDiverged: Bool, isFollower: Bool, now: UInt64) -> Step? {
        guard hasDiverged, isFollower else {
            // The blocks agree again, or are this replica's own.
            askedAt = nil
            return nil
        }
        guard damage == nil, !isChecking else { return nil }
        if let askedAt, now &- askedAt < Self.patience { return nil }
        guard let soundAt, now &- soundAt < Self.patience else {
            isChecking = true
            return .check
        }
        askedAt = now
        return .doubt
    }

    /// Somebody wants the rows read.
    /// - Returns: false when that is already under way.
    mutating func begin() -> Bool {
        defer { isChecking = true }
        return !isChecking
    }

    /// A replica doubts this leader.
    mutating func doubted(by replica: ReplicaID, now: UInt64) -> Step? {
        guard damage == nil else { return nil }
        if let soundAt, now &- soundAt < Self.freshness { return .vouch([replica]) }
        // Enough for every replica a group may have.
        if doubters.count < 64 { doubters.insert(replica) }
        return begin() ? .check : nil
    }

    mutating func found(_ finding: RowFinding, now: UInt64) -> Step? {
        isChecking = false
        defer { doubters = [] }
        switch finding {
        case .sound:
            damage = nil
            soundAt = now
            return doubters.isEmpty ? nil : .vouch(doubters.sorted())
        case .unsound(let what):
            soundAt = nil
            damage = what
            return nil
        case .notMade: return nil
        }
    }
}
