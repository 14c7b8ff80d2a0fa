import SQLite
package import ShardStore
package import Wire

/// What is due by time alone.
package struct ChorePlan: Sendable {
    package let closeBefore: Timestamp
    package let expireJobsBefore: Timestamp
    package init(closeBefore: Timestamp, expireJobsBefore: Timestamp) {
        self.closeBefore = closeBefore
        self.expireJobsBefore = expireJobsBefore
    }
}

extension ShardReader {
    /// Whether anything is due: a look at the head of an index each, so that idle tenants cost no write.
    package func hasChores(_ plan: ChorePlan) throws -> Bool {
        let solved = try first(
            "SELECT 1 FROM tickets WHERE tenant = ?1 AND status = 4 AND status_updated_at < ?2",
            plan.closeBefore.milliseconds
        ) { _ in true }
        let answers = try first(
            "SELECT 1 FROM idempotency WHERE tenant = ?1 AND created_at <= ?2",
            now.milliseconds - Idempotency.lifetimeMilliseconds
        ) { _ in true }
        let jobs = try first(
            "SELECT 1 FROM jobs WHERE tenant = ?1 AND status >= 2 AND updated_at < ?2",
            plan.expireJobsBefore.milliseconds
        ) { _ in true }
        let uploads = try first(
            "SELECT 1 FROM uploads WHERE tenant = ?1 AND expires_at <= ?2", now.milliseconds
        ) { _ in true }
        return solved != nil || answers != nil || jobs != nil || uploads != nil
    }
}
