package import Consensus
import SQLite
package import Wire

/// What a record is whose texts can be searched for words.
package enum WordKind: Int64, Sendable, CaseIterable {
    case ticket = 1
}

/// Words that the texts of one record must have: of each group one pattern, of a pattern every word, wherever they stand.
package struct WordQuery: Sendable, Equatable {
    package struct Word: Sendable, Equatable {
        /// As the texts' words are laid out.
        package let bytes: [UInt8]
        /// Whether any word that begins so will do.
        package let isPrefix: Bool

        package init(bytes: [UInt8], isPrefix: Bool) {
            self.bytes = bytes
            self.isPrefix = isPrefix
        }
    }

    /// Words that must all be there.
    package typealias Pattern = [Word]

    /// Of each group any one pattern.
    package let groups: [[Pattern]]

    package init(groups: [[Pattern]]) { self.groups = groups }
}

/// What an index of words says of a query.
package struct IndexedRecords: Sendable, Equatable {
    /// Up to which mark the texts were read (`WordSource`). Of what changed behind it the index knows nothing.
    package let through: Int64
    /// The records that may satisfy the query, in order; nil when they are more than was asked for, or the query has no words that narrow it.
    package let records: [Int64]?

    package init(through: Int64, records: [Int64]?) {
        self.through = through
        self.records = records
    }
}

/// An index over the words of a shard's texts, as one connection asks it.
///
/// What it says is for leaving out records that cannot satisfy a query, never for finding: of the texts up to its mark no record that has
/// the words is missing, and others may be there that had them once.
package protocol WordCandidates: AnyObject {
    /// - Parameters:
    ///   - appliedIndex: of the snapshot in which the records will be looked at. What the index has read later may be without texts that
    ///     are in that snapshot, so it answers with a mark that it had then.
    ///   - limit: how many records are worth having.
    /// - Returns: nil when there is no index for the tenant, or none as old as the snapshot.
    func find(
        _ query: WordQuery, _ kind: WordKind, of tenant: TenantID, at appliedIndex: LogIndex,
        limit: Int
    ) -> IndexedRecords?

    /// Says that the tenant's texts are to be read, or read on.
    /// - Returns: whether they are going to be.
    func wanted(_ kind: WordKind, of tenant: TenantID) -> Bool
}

/// Texts of records that came or changed, laid out in words.
package struct WordBatch: Sendable, Equatable {
    /// The mark up to which they go.
    package var through: Int64
    /// By record: words with one blank around each. More of a record's texts may be in other batches.
    package var texts: [Int64: [UInt8]] = [:]
    /// Whether there is no more for now.
    package var isLast = true

    package init(through: Int64) { self.through = through }
}

/// Where an index has its words from: what knows the tenants' tables.
///
/// A tenant's texts come in the order of marks: numbers of its own that only grow. Whatever changes a text makes a mark above all earlier ones in
/// the same transaction, so that what an index does not know yet is found in any snapshot by the marks alone.
package protocol WordSource: Sendable {
    /// Another number for each way of laying out words: an index made in one way is of no use to a query in another.
    var layout: UInt32 { get }

    /// The next texts behind a mark, as many as one step should read.
    func texts(of kind: WordKind, after mark: Int64, in rows: ShardReader) throws -> WordBatch

    /// How many of the tenant's records were erased for good since it has been there: an index keeps their words until it is made anew.
    func erasedCount(in rows: ShardReader) throws -> Int64
}

extension ShardReader {
    /// Whether these rows have an index of words at all. A transaction's have none: it sees what nobody else does yet.
    package final var hasWordIndex: Bool { words != nil }

    /// What the index knows of the tenant's records for a query; see `WordCandidates`.
    package final func indexed(_ query: WordQuery, _ kind: WordKind, limit: Int) throws
        -> IndexedRecords?
    {
        guard let words else { return nil }
        return words.find(query, kind, of: tenant, at: try appliedIndex(), limit: limit)
    }

    /// Says that the index should learn what it does not know of the tenant yet.
    /// - Returns: whether it is going to.
    package final func wantsIndex(of kind: WordKind) -> Bool {
        words?.wanted(kind, of: tenant) ?? false
    }

    /// The last entry of the log in these rows.
    package final func appliedIndex() throws -> LogIndex {
        try connection.first("SELECT applied_index FROM lodge_shard") {
            LogIndex(rawValue: UInt64($0.int64(0)))
        } ?? .zero
    }
}
