package import SQLite
package import Wire

/// One request, to be run inside a shard's next transaction.
package struct ShardRequest {
    package let tenant: TenantID
    /// Runs the request. May run more than once (after another request of the batch failed), each time from the same
    /// state, so it must not have effects outside the transaction.
    package let body: (ShardTransaction) throws -> Void
    package init(tenant: TenantID, body: @escaping (ShardTransaction) throws -> Void) {
        self.tenant = tenant
        self.body = body
    }
}

/// What became of one request of a batch, valid once the batch is committed.
package enum RequestOutcome {
    /// It ran. `index` is its entry, or the last entry before it when it changed nothing.
    case completed(LogIndex)
    /// It threw; nothing of it is in the batch.
    case thrown(any Error)
}

/// The requests that ran inside the shard's open transaction, waiting for `commit` or `rollback`.
package struct PreparedBatch {
    package let outcomes: [RequestOutcome]
    package let lastIndex: LogIndex
}

/// One shard in one SQLite file, through its one writing connection.
///
/// Not `Sendable`: it lives on its shard's lane. `prepare` leaves the transaction open so that a replicated shard can wait
/// for a majority before `commit`; a single node commits at once.
package final class ShardStore {
    package let shard: ShardID
    package let path: String
    package private(set) var appliedIndex: LogIndex = .zero
    let connection: Connection
    private let identifiers = IdentifierAllocator(last: 0)

    package init(path: String, shard: ShardID, schema: ShardSchema) throws {
        self.shard = shard
        self.path = path
        connection = try Connection(path: path, mode: .create)
        try connection.execute("PRAGMA journal_mode = WAL")
        for step in schema.steps { try connection.execute(step.sql) }
    }

    package func prepare(_ requests: [ShardRequest], now: Timestamp) throws -> PreparedBatch {
        try connection.begin(.immediate)
        var outcomes: [RequestOutcome] = []
        for request in requests {
            let transaction = ShardTransaction(
                tenant: request.tenant, now: now, connection: connection, identifiers: identifiers)
            do {
                try connection.savepoint { try request.body(transaction) }
                appliedIndex = appliedIndex.next
                outcomes.append(.completed(appliedIndex))
            } catch { outcomes.append(.thrown(error)) }
        }
        return PreparedBatch(outcomes: outcomes, lastIndex: appliedIndex)
    }

    package func commit(_ batch: PreparedBatch) throws { try connection.commit() }
    package func rollback(_ batch: PreparedBatch) throws { try connection.rollback() }
}

/// A reading connection to a shard's file, for one reader lane. Not `Sendable`.
package final class ShardReaderConnection {
    private let connection: Connection

    package init(path: String) throws {
        connection = try Connection(path: path, mode: .readOnly)
    }

    /// Runs `body` on one consistent snapshot of the committed rows.
    package func read<Result>(
        tenant: TenantID, now: Timestamp, _ body: (ShardReader) throws -> Result
    ) throws -> Result {
        try connection.begin(.deferred)
        defer { try? connection.rollback() }
        return try body(ShardReader(tenant: tenant, now: now, connection: connection))
    }
}
