package import Consensus
import SQLite
package import Wire

/// A read ran more instructions than one request may. The API answers 503; the query needs an index or a smaller page.
package struct ReadBudgetExceeded: Error {}

/// A reading connection to a shard's file, for one reader lane. Not `Sendable`.
package final class ShardReaderConnection {
    let connection: Connection
    private let words: (any WordCandidates)?
    /// SQLite instructions a read may run, in thousands.
    private let budget: Int
    private var spent = 0

    /// - Parameter words: an index of the file's words, when there is one for searches.
    package init(
        path: String, cacheKilobytes: Int = 2048, budgetThousands: Int = 50_000,
        words: (any WordCandidates)? = nil
    ) throws {
        self.words = words
        connection = try Connection(path: path, mode: .readOnly)
        budget = budgetThousands
        try connection.execute("PRAGMA cache_size = -\(cacheKilobytes)")
        limitReads()
    }

    private func limitReads() {
        connection.onProgress(every: 1000) { [unowned self] in
            spent += 1
            return spent > budget
        }
    }

    /// Runs `body` on one consistent snapshot of the committed rows. Its index is what `appliedIndex` says there.
    package func read<Result>(
        tenant: TenantID, now: Timestamp, _ body: (ShardReader) throws -> Result
    ) throws -> Result {
        spent = 0
        try connection.begin(.deferred)
        defer {
            // With the budget spent, the handler would stop the ROLLBACK as well.
            spent = 0
            try? connection.rollback()
        }
        do {
            return try body(
                ShardReader(tenant: tenant, now: now, connection: connection, words: words))
        } catch let error as SQLiteError where error.code.primary == .interrupted {
            throw ReadBudgetExceeded()
        }
    }

    /// The last entry a read now would see.
    package func appliedIndex() throws -> LogIndex {
        try connection.first("SELECT applied_index FROM lodge_shard") {
            LogIndex(rawValue: UInt64($0.int64(0)))
        } ?? .zero
    }

    /// The last entry a read now would see, and the state hash there.
    package func standing() throws -> (index: LogIndex, stateHash: UInt64) {
        try connection.first("SELECT applied_index, state_hash FROM lodge_shard") {
            (LogIndex(rawValue: UInt64($0.int64(0))), UInt64(bitPattern: $0.int64(1)))
        } ?? (.zero, 0)
    }

    /// Writes a compact, consistent copy of the shard to a new file, which `ShardStore` opens like any other.
    package func snapshot(to path: String) throws {
        connection.onProgress(every: 0, nil)
        defer { limitReads() }
        try connection.vacuum(into: path)
    }
}
