package import SQLite
package import Wire

/// An error that is part of the answer: the request was understood and refused. What it wrote is undone and the others of
/// its batch go on. Any other error thrown by a request is a fault.
package protocol Refusal: Error {}

/// One request's reads and writes, inside the shard's open transaction.
package final class ShardTransaction: ShardReader {
    private let identifiers: IdentifierAllocator
    private let capture: ChangeCapture
    /// When the tenant wants to be looked at by time alone, if the earliest such moment has come up in this transaction.
    package private(set) var wakeAt: Timestamp?

    init(
        tenant: TenantID, now: Timestamp, connection: Connection, identifiers: IdentifierAllocator,
        capture: ChangeCapture
    ) {
        self.identifiers = identifiers
        self.capture = capture
        super.init(tenant: tenant, now: now, connection: connection)
    }

    /// The same transaction at another time, for what is lived through again.
    package func at(_ time: Timestamp) -> ShardTransaction {
        ShardTransaction(
            tenant: tenant, now: time, connection: connection, identifiers: identifiers,
            capture: capture)
    }

    /// Runs an `INSERT`, `UPDATE` or `DELETE` and says how many rows it changed. `?1` is the tenant, as in reads.
    @discardableResult
    package func run(_ sql: String, _ values: any Bindable...) throws -> Int {
        try run(sql, values: values)
    }

    @discardableResult
    package func run(_ sql: String, values: [any Bindable]) throws -> Int {
        let statement = try statement(sql)
        let mark = capture.mark
        do { return try statement.run(bound(values)) } catch {
            // SQLite undid the rows that a failed statement had changed; a request may catch the error and go on.
            capture.rewind(to: mark)
            throw error
        }
    }

    /// Says that something of the tenant is due at a moment; see `TimerBoard`.
    package func wake(at moment: Timestamp) { wakeAt = min(wakeAt ?? moment, moment) }

    /// A new identifier: unique in the shard, greater than every earlier one, below 2^53 so that JavaScript clients keep
    /// it exact. `count` reserves that many consecutive ones and gives the first.
    package func makeIdentifier(count: Int = 1) -> Int64 { identifiers.take(count) }

    /// Runs `body` so that a refusal inside it leaves no trace while the request goes on: one item of a bulk job.
    package func savepoint<Result>(_ body: () throws -> Result) throws -> Result {
        let mark = capture.mark
        do { return try connection.savepoint(body) } catch {
            // What SQLite undid must not reach the log or the hash either, nor what comes next.
            capture.rewind(to: mark)
            forgetWhatWasMade()
            throw error
        }
    }

    /// Deletes rows of this tenant, at most `limit` in all tables together, and says how many. For the last step of
    /// erasing a tenant, again and again until it answers 0.
    package func eraseRows(limit: Int) throws -> Int {
        var rest = limit
        for table in try TableCatalog.names(connection) where rest > 0 {
            if table.key.isEmpty {
                rest -= try run("DELETE FROM \"\(table.name)\" WHERE tenant = ?1")
                continue
            }
            let key = table.key.map { "\"\($0)\"" }.joined(separator: ", ")
            rest -= try run(
                """
                DELETE FROM "\(table.name)" WHERE tenant = ?1 AND (\(key)) IN
                (SELECT \(key) FROM "\(table.name)" WHERE tenant = ?1 LIMIT ?2)
                """, rest)
        }
        return limit - rest
    }
}
