import SQLite
package import ShardStore
import Wire

/// A write's answer, kept under the key the client chose, in the transaction of the write itself: who repeats the request
/// gets the first answer, whatever happened in between.
package struct IdempotentAnswer: Sendable, Equatable {
    /// What the key was first used for: method, path and body.
    package let requestHash: [UInt8]
    package let status: Int
    package let location: String?
    /// The record's version, for the answer's `ETag`.
    package let version: Int64?
    /// What the client was warned of.
    package let warning: String?
    package let body: [UInt8]
    package init(
        requestHash: [UInt8], status: Int, location: String?, version: Int64?, warning: String?,
        body: [UInt8]
    ) {
        self.requestHash = requestHash
        self.status = status
        self.location = location
        self.version = version
        self.warning = warning
        self.body = body
    }
}

/// The table of stored answers and its bounds.
package enum Idempotency {
    /// How long an answer is kept.
    package static let lifetimeMilliseconds: Int64 = 24 * 3_600_000
    /// Bytes of a key.
    package static let keyLimit = 255

    static let sql = """
        CREATE TABLE idempotency(
            tenant INTEGER NOT NULL, user_id INTEGER NOT NULL, key TEXT NOT NULL,
            request_hash BLOB NOT NULL, status INTEGER NOT NULL, location TEXT, version INTEGER,
            warning TEXT, body BLOB NOT NULL, created_at INTEGER NOT NULL,
            PRIMARY KEY (tenant, user_id, key)
        ) STRICT, WITHOUT ROWID;
        -- Expiry.
        CREATE INDEX idempotency_by_age ON idempotency(tenant, created_at);
        """
}

extension ShardReader {
    package func idempotentAnswer(user: Int64, key: String) throws -> IdempotentAnswer? {
        try first(
            """
            SELECT request_hash, status, location, version, warning, body FROM idempotency
            WHERE tenant = ?1 AND user_id = ?2 AND key = ?3 AND created_at > ?4
            """, user, key, now.milliseconds - Idempotency.lifetimeMilliseconds
        ) { row in
            IdempotentAnswer(
                requestHash: row.blob(0), status: row.int(1), location: row.optionalText(2),
                version: row.optionalInt64(3), warning: row.optionalText(4), body: row.blob(5))
        }
    }
}

extension ShardTransaction {
    package func store(_ answer: IdempotentAnswer, user: Int64, key: String) throws {
        try run(
            """
            INSERT INTO idempotency VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
            ON CONFLICT (tenant, user_id, key) DO UPDATE SET request_hash = excluded.request_hash,
            status = excluded.status, location = excluded.location, version = excluded.version,
            warning = excluded.warning, body = excluded.body, created_at = excluded.created_at
            """, user, key, answer.requestHash, answer.status, answer.location, answer.version,
            answer.warning, answer.body, now.milliseconds)
    }

    /// Forgets answers that are too old, at most `limit`; says how many.
    package func expireIdempotentAnswers(limit: Int) throws -> Int {
        try run(
            """
            DELETE FROM idempotency WHERE tenant = ?1 AND (user_id, key) IN
            (SELECT user_id, key FROM idempotency WHERE tenant = ?1 AND created_at <= ?2 LIMIT ?3)
            """, now.milliseconds - Idempotency.lifetimeMilliseconds, limit)
    }
}
