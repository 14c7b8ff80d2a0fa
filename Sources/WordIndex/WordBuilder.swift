import Consensus
import Glibc
import SQLite
package import ShardStore
package import Wire

/// An index that is of no use any more and has been removed; it will be made anew.
package struct WordIndexLost: Error {
    package let reason: String
}

/// Makes the index of one shard's words, in steps. Lives on the thread that makes indexes; the only writer of its file.
package final class WordBuilder {
    private let rows: ShardReaderConnection
    private let path: String
    private let source: any WordSource
    private let file: WordFile

    /// What a step came to.
    package struct Progress: Sendable, Equatable {
        /// Records whose texts were read.
        package let recordCount: Int
        /// Whether the index has all that was there.
        package let isDone: Bool
    }

    /// - Parameters:
    ///   - rowsPath: the shard's file.
    ///   - path: the index, which is made when it is not there and made anew when it is of another build.
    package init(rowsPath: String, path: String, source: any WordSource) throws {
        // Reading may take as long as it takes: a step is short, and nobody waits for this connection.
        rows = try ShardReaderConnection(
            path: rowsPath, cacheKilobytes: 512, budgetThousands: 10_000_000)
        self.path = path
        self.source = source
        file = try Self.open(path, layout: source.layout)
    }

    private static func open(_ path: String, layout: UInt32) throws -> WordFile {
        do {
            if let file = try WordFile(path, .write, layout: layout) { return file }
        } catch let error as SQLiteError where error.tellsOfDamage {}
        WordFile.remove(path)
        guard let file = try WordFile(path, .write, layout: layout) else {
            throw WordIndexLost(reason: "a new index is not of this build")
        }
        return file
    }

    /// Removes an index, whoever reads it.
    package static func remove(_ path: String) { WordFile.remove(path) }

    /// Reads the next of a tenant's texts, from one snapshot of the rows that is not held for longer.
    /// - Throws: `WordIndexLost` when the index had to be removed: make another builder.
    package func step(_ kind: WordKind, of tenant: TenantID, now: Timestamp) throws -> Progress {
        // Somebody may have removed it.
        guard access(path, F_OK) == 0 else { throw lost("its file has gone") }
        let last = try owningDamage { try file.step(tenant, kind) }
        let (applied, erased, batch) = try rows.read(tenant: tenant, now: now) { rows in
            (
                try rows.appliedIndex(), try source.erasedCount(in: rows),
                try source.texts(of: kind, after: last?.through ?? 0, in: rows)
            )
        }
        guard last.map({ $0.applied <= applied }) ?? true else {
            throw lost("it has read rows that are newer than those that are there")
        }
        if batch.through != last?.through {
            try owningDamage { try file.add(batch, tenant, kind, at: applied, erased: erased) }
        }
        return Progress(recordCount: batch.texts.count, isDone: batch.isLast)
    }

    /// Removes the index when a tenant has had records erased whose words may be in it.
    /// - Throws: `WordIndexLost` when it did.
    package func forgetErased(now: Timestamp) throws {
        for (tenant, erased) in try owningDamage({ try file.desks() }) {
            let count = try rows.read(tenant: tenant, now: now) { try source.erasedCount(in: $0) }
            if count != erased { throw lost("it has words of what was erased") }
        }
    }

    private func owningDamage<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as SQLiteError where error.tellsOfDamage {
            throw lost("its file is damaged: \(error.code)")
        }
    }

    private func lost(_ reason: String) -> WordIndexLost {
        WordFile.remove(path)
        return WordIndexLost(reason: reason)
    }
}

extension SQLiteError {
    /// Whether SQLite has met bytes in a file that it never wrote there.
    package var tellsOfDamage: Bool {
        code.primary == .corrupt || code.primary == .notADatabase
    }
}
