internal import CSQLite
internal import CWALFile

/// How far a checkpoint came, in pages of the SQLite WAL.
package struct CheckpointResult: Sendable, Equatable {
    package let walPageCount: Int
    package let checkpointedPageCount: Int
}

extension Connection {
    package enum CheckpointMode: Sendable {
        /// Copies what no reader still needs and waits for nobody.
        case passive
        /// Waits for readers, copies everything and cuts the WAL file to nothing.
        case truncate
    }

    /// Folds the SQLite WAL into the database file. Only the connection that writes may call this (engine.md, section 4).
    @discardableResult
    package func checkpoint(_ mode: CheckpointMode) throws -> CheckpointResult {
        var pages: Int32 = 0
        var copied: Int32 = 0
        let code = sqlite3_wal_checkpoint_v2(
            handle, nil, mode == .passive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE,
            &pages, &copied)
        guard code == SQLITE_OK else { throw error(code, sql: "checkpoint") }
        return CheckpointResult(walPageCount: Int(pages), checkpointedPageCount: Int(copied))
    }

    /// Keeps count of the pages in the SQLite WAL, in place of SQLite's own automatic checkpoints. The file's size does not
    /// tell: after a checkpoint SQLite begins again at its front and leaves it as long as it was.
    package func countWALPages() {
        let box = WALBox()
        walBox = box
        sqlite3_wal_hook(
            handle,
            { context, _, _, pages in
                Unmanaged<WALBox>.fromOpaque(context!).takeUnretainedValue().pageCount = Int(pages)
                return SQLITE_OK
            }, Unmanaged.passUnretained(box).toOpaque())
    }

    /// Pages in the SQLite WAL after this connection's last commit; 0 before the first one.
    package var walPageCount: Int {
        guard let walBox else { preconditionFailure("countWALPages() has not been called") }
        return walBox.pageCount
    }

    /// How many times this connection has given the kernel something to write to the SQLite WAL; nil while that is not open.
    package var walWriteCount: Int? {
        let count = lodge_wal_write_count(handle)
        return count < 0 ? nil : Int(count)
    }

    /// Writes a compact, consistent copy of the database to a new file.
    package func vacuum(into path: String) throws {
        // `query_only` would forbid writing the new file too.
        if mode == .readOnly { try execute("PRAGMA query_only = OFF") }
        defer { if mode == .readOnly { try? execute("PRAGMA query_only = ON") } }
        try transient("VACUUM INTO ?1").run([path])
    }

    /// Copies the database page by page into `target`, `pagesPerStep` at a time, calling `between` after each step.
    package func backup(
        to target: Connection, pagesPerStep: Int32 = 256,
        between: (_ remaining: Int, _ total: Int) throws -> Void = { _, _ in }
    ) throws {
        guard let backup = sqlite3_backup_init(target.handle, "main", handle, "main") else {
            throw target.error(sqlite3_errcode(target.handle), sql: "backup")
        }
        while true {
            let code = sqlite3_backup_step(backup, pagesPerStep)
            let remaining = Int(sqlite3_backup_remaining(backup))
            let total = Int(sqlite3_backup_pagecount(backup))
            if code == SQLITE_DONE { break }
            guard code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED else {
                sqlite3_backup_finish(backup)
                throw target.error(code, sql: "backup")
            }
            if code != SQLITE_OK { sqlite3_sleep(5) }
            do { try between(remaining, total) } catch {
                sqlite3_backup_finish(backup)
                throw error
            }
        }
        let code = sqlite3_backup_finish(backup)
        guard code == SQLITE_OK else { throw target.error(code, sql: "backup") }
    }
}

/// The library's version, as in `3.40.1`.
package func sqliteVersion() -> String { String(cString: sqlite3_libversion()) }
