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
    let words: (any WordCandidates)?
    private var made: [ObjectIdentifier: any Sendable] = [:]

    init(
        tenant: TenantID, now: Timestamp, connection: Connection,
        words: (any WordCandidates)? = nil
    ) {
        self.tenant = tenant
        self.now = now
        self.connection = connection
        self.words = words
    }

    /// Makes something of the rows once in this request, one of each type: what a desk defines is asked for many times in one write.
    ///
    /// Whoever changes what it is made of says so (`forgetWhatWasMade`).
    package final func once<Value: Sendable>(_ make: () throws -> Value) rethrows -> Value {
        let key = ObjectIdentifier(Value.self)
        if let known = made[key] as? Value { return known }
        let value = try make()
        made[key] = value
        return value
    }

    package final func forgetWhatWasMade() { made.removeAll() }

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

    package final func forEach(
        _ sql: String, values: [any Bindable], body: (Row) throws -> Bool
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
        if !statement.isVetted {
            precondition(
                statement.parameterName(1) == "?1", "SQL must name its tenant as ?1: \(sql)")
            if !statement.isReadOnly { vetWrite(statement) }
            statement.isVetted = true
        }
        return statement
    }

    /// A write must change rows one by one before the hook's eyes, and undo all of them when it fails.
    private func vetWrite(_ statement: Statement) {
        let words = statement.sql.uppercased().split { $0 == " " || $0 == "\n" }
        precondition(self is ShardTransaction, "a write in a read: \(statement.sql)")
        precondition(statement.columnCount == 0, "a write that returns rows: \(statement.sql)")
        precondition(
            !words.contains("REPLACE")
                && !zip(words, words.dropFirst()).contains {
                    $0 == "OR" && ["FAIL", "ROLLBACK"].contains($1)
                }, "a write with REPLACE, OR FAIL or OR ROLLBACK: \(statement.sql)")
    }
}
