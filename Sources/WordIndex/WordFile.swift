import Consensus
import Glibc
import SQLite
import ShardStore
import Wire

/// An index of words in a file of its own beside a shard's rows: which records of which tenant have which words.
///
///     words      FTS5 without contents, positions and sizes: for each token the numbers of the records that have it
///     steps      how far the texts of a tenant have been read, and in which state of the rows
///     desks      what had been erased of a tenant when its first words came in
///
/// Nothing is ever taken out. A record's new texts are inserted under its number once more: FTS5 keeps for each word the numbers it was given,
/// so a record has whatever words any of its texts had.
///
/// The file can be thrown away at any time. Its commits are not synced: after a power failure it is as old as some earlier one, and says so.
final class WordFile {
    /// Raise it when the tables or the tokens change.
    private static let format: UInt32 = 1
    /// States of the rows that are kept, so that a reader whose snapshot is older than the last step finds one that it knows.
    private static let stepsKept = 8

    struct Step: Equatable {
        /// The last entry of the log in the rows that the step read.
        let applied: LogIndex
        let through: Int64
    }

    let connection: Connection

    enum Access { case read, write }

    /// Opens the file; to write also makes it.
    /// - Returns: nil when it is there but of another build: its words are laid out otherwise.
    init?(_ path: String, _ access: Access, layout: UInt32) throws {
        connection = try Connection(path: path, mode: access == .read ? .readOnly : .create)
        try connection.execute("PRAGMA cache_size = -512")
        let wanted = Int64(Int32(bitPattern: layout &* 31 &+ Self.format))
        var found = try version()
        if access == .write && found == nil {
            try connection.execute(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = OFF"
            )
            try connection.transaction {
                try connection.execute(
                    """
                    CREATE VIRTUAL TABLE words USING fts5(
                        text, content='', columnsize=0, detail=none, tokenize='ascii');
                    CREATE TABLE steps(
                        tenant INTEGER NOT NULL, kind INTEGER NOT NULL, applied INTEGER NOT NULL,
                        through INTEGER NOT NULL, PRIMARY KEY (tenant, kind, applied)
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE desks(tenant INTEGER PRIMARY KEY, erased INTEGER NOT NULL) STRICT;
                    PRAGMA user_version = \(wanted);
                    """)
            }
            found = wanted
        }
        if access == .write {
            try connection.execute("PRAGMA synchronous = NORMAL")
        }
        if found != wanted { return nil }
    }

    /// What the file says of its format; nil when nothing is in it yet.
    private func version() throws -> Int64? {
        try connection.first(
            "SELECT (SELECT user_version FROM pragma_user_version) WHERE EXISTS (SELECT 1 FROM sqlite_schema)"
        ) { $0.int64(0) }
    }

    /// Removes a file with what belongs to it. Whoever has it open reads on what it was.
    static func remove(_ path: String) {
        // In this order: see `WordReader.open`.
        for name in [path, path + "-wal", path + "-shm", path + "-journal"] { unlink(name) }
    }

    // MARK: Steps

    /// The newest step that read rows no newer than an entry.
    func step(_ tenant: TenantID, _ kind: WordKind, at applied: LogIndex? = nil) throws -> Step? {
        try connection.first(
            """
            SELECT applied, through FROM steps WHERE tenant = ?1 AND kind = ?2 AND applied <= ?3
            ORDER BY applied DESC LIMIT 1
            """, tenant.rawValue, kind.rawValue, applied.map { Int64($0.rawValue) } ?? Int64.max
        ) { Step(applied: LogIndex(rawValue: UInt64($0.int64(0))), through: $0.int64(1)) }
    }

    /// Takes in texts and how far they go, all or nothing.
    func add(
        _ batch: WordBatch, _ tenant: TenantID, _ kind: WordKind, at applied: LogIndex,
        erased: Int64
    ) throws {
        let head = WordTokens.head(tenant, kind)
        try connection.transaction {
            // FTS5 is quick with rows that come in the order of their numbers.
            for (record, words) in batch.texts.sorted(by: { $0.key < $1.key }) {
                try connection.run(
                    "INSERT INTO words(rowid, text) VALUES (?1, ?2)", record,
                    WordTokens.text(of: words, head: head))
            }
            try connection.run(
                "INSERT OR REPLACE INTO steps VALUES (?1, ?2, ?3, ?4)", tenant.rawValue,
                kind.rawValue, Int64(applied.rawValue), batch.through)
            try connection.run(
                """
                DELETE FROM steps WHERE tenant = ?1 AND kind = ?2 AND applied < (
                    SELECT applied FROM steps WHERE tenant = ?1 AND kind = ?2
                    ORDER BY applied DESC LIMIT 1 OFFSET ?3)
                """, tenant.rawValue, kind.rawValue, Self.stepsKept - 1)
            try connection.run(
                "INSERT OR IGNORE INTO desks VALUES (?1, ?2)", tenant.rawValue, erased)
        }
    }

    /// The tenants that are in the index, and how many records each had erased when it came in.
    func desks() throws -> [(tenant: TenantID, erased: Int64)] {
        try connection.all("SELECT tenant, erased FROM desks ORDER BY tenant") {
            (TenantID(rawValue: $0.int64(0)), $0.int64(1))
        }
    }

    // MARK: Finding

    func find(
        _ query: WordQuery, _ kind: WordKind, of tenant: TenantID, at applied: LogIndex, limit: Int
    ) throws -> IndexedRecords? {
        // One transaction: the words are at least those of the step.
        try connection.transaction(.deferred) {
            guard let step = try step(tenant, kind, at: applied) else { return nil }
            let head = WordTokens.head(tenant, kind)
            guard let expression = WordTokens.expression(query, head: head) else {
                return IndexedRecords(through: step.through, records: nil)
            }
            var records: [Int64] = []
            try connection.statement("SELECT rowid FROM words WHERE words MATCH ?1")
                .forEach([expression]) { row in
                    records.append(row.int64(0))
                    return records.count <= limit
                }
            return IndexedRecords(
                through: step.through, records: records.count > limit ? nil : records)
        }
    }
}
