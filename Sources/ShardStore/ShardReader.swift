package import SQLite
package import Wire

/// One tenant's view of a shard while a request runs: the only way to its rows.
///
/// **Isolation by construction.** Every statement must name its tenant as `?1`, and this type binds it: callers pass the
/// values for `?2` onward and never hold a tenant's number. SQL without `?1` stops the process, so it cannot pass a test.
///
/// Valid only inside the closure it was handed to, on that closure's thread.
package class ShardReader {
    package let tenant: TenantID
    /// The leader's time for this request. Nothing below the API reads a clock.
    package let now: Timestamp
    let connection: Connection

    init(tenant: TenantID, now: Timestamp, connection: Connection) {
        self.tenant = tenant
        self.now = now
        self.connection = connection
    }

    /// The first row of a query, or nil.
    package final func first<Result>(
        _ sql: String, _ values: any Bindable..., read body: (Row) throws -> Result
    ) throws -> Result? {
        try statement(sql).first(bound(values), body)
    }

    /// Every row of a query. Callers bound the count with `LIMIT`.
    package final func all<Result>(
        _ sql: String, _ values: any Bindable..., read body: (Row) throws -> Result
    ) throws -> [Result] {
        try statement(sql).all(bound(values), body)
    }

    /// The same with the values as an array, for SQL that is put together at run time.
    package final func all<Result>(
        _ sql: String, values: [any Bindable], read body: (Row) throws -> Result
    ) throws -> [Result] {
        try statement(sql).all(bound(values), body)
    }

    package final func first<Result>(
        _ sql: String, values: [any Bindable], read body: (Row) throws -> Result
    ) throws -> Result? {
        try statement(sql).first(bound(values), body)
    }

    /// Walks the rows of a query until `body` answers false. The same SQL must not be used again inside `body`.
    package final func forEach(
        _ sql: String, _ values: any Bindable..., body: (Row) throws -> Bool
    ) throws {
        try statement(sql).forEach(bound(values), body)
    }

    final func bound(_ values: [any Bindable]) -> [any Bindable] {
        var all: [any Bindable] = []
        all.reserveCapacity(values.count + 1)
        all.append(tenant.rawValue)
        all.append(contentsOf: values)
        return all
    }

    final func statement(_ sql: String) throws -> Statement {
        let statement = try connection.statement(sql)
        precondition(
            statement.parameterName(1) == "?1", "SQL must name its tenant as ?1: \(sql)")
        return statement
    }
}
