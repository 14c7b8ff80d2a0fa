import SQLite
package import ShardStore
package import Wire

extension ShardReader {
    /// Whether anything is to be expired: a look at the head of an index each, so that idle tenants cost no write.
    /// - Parameter jobsBefore: until when jobs must have ended.
    package func hasChores(jobsBefore: Timestamp) throws -> Bool {
        let answers = try first(
            "SELECT 1 FROM idempotency WHERE tenant = ?1 AND created_at <= ?2",
            now.milliseconds - Idempotency.lifetimeMilliseconds
        ) { _ in true }
        let jobs = try first(
            "SELECT 1 FROM jobs WHERE tenant = ?1 AND status >= 2 AND updated_at < ?2",
            jobsBefore.milliseconds
        ) { _ in true }
        let uploads = try first(
            "SELECT 1 FROM uploads WHERE tenant = ?1 AND expires_at <= ?2", now.milliseconds
        ) { _ in true }
        return answers != nil || jobs != nil || uploads != nil
    }
}
