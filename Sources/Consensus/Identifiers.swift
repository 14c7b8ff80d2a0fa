/// A place in a replica group's log, from 1; 0 means before the first entry.
package struct LogIndex: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package static let zero = LogIndex(rawValue: 0)
    package var next: LogIndex { LogIndex(rawValue: rawValue + 1) }
    /// The entry before it; of 0, 0.
    package var previous: LogIndex { LogIndex(rawValue: rawValue == 0 ? 0 : rawValue - 1) }
    package static func < (a: LogIndex, b: LogIndex) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
}

/// A period with at most one leader (Raft, 5.1). 0 is before the first election.
package struct Term: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package static let zero = Term(rawValue: 0)
    package var next: Term { Term(rawValue: rawValue + 1) }
    package static func < (a: Term, b: Term) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
}

/// One copy of a group on one disk. A disk that was wiped gets a new one: what the old one voted for and acknowledged is
/// forgotten, so it must never speak again.
package struct ReplicaID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible
{
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (a: ReplicaID, b: ReplicaID) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
}

/// A linearizable read, as the caller numbers them. Never used twice, not for a retry either.
package struct ReadID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package var description: String { String(rawValue) }
}

/// An index and the term of the entry there. Two logs that hold the same position are equal up to it (Raft, 5.3, the Log
/// Matching Property).
package struct LogPosition: Hashable, Sendable, CustomStringConvertible {
    package let index: LogIndex
    package let term: Term
    package init(index: LogIndex, term: Term) {
        self.index = index
        self.term = term
    }
    package static let zero = LogPosition(index: .zero, term: .zero)
    /// Whether a log that ends here may lead one that ends at `other` (Raft, 5.4.1).
    package func isUpToDate(with other: LogPosition) -> Bool {
        term > other.term || (term == other.term && index >= other.index)
    }
    package var description: String { "\(index)/\(term)" }
}
