import Logging
import SQLite
import ShardStore
import Wire

/// Keeps the directory's copy in memory at what its shard's rows say. Lives on the shard's lane.
final class DirectoryWatch {
    private let directory: Directory
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger
    private var touched = Directory.Touched()

    init(directory: Directory, clock: @escaping @Sendable () -> Timestamp, logger: Logger) {
        self.directory = directory
        self.clock = clock
        self.logger = logger
    }

    /// Notes a changed row. Of a transaction that is rolled back too much is read again, which does no harm.
    func note(_ change: RowChange) {
        func integer(_ column: Int) -> Int64 {
            change.operation == .delete ? change.old(column).integer : change.new(column).integer
        }
        switch String(cString: change.tableName) {
        case "tenants": touched.tenants.insert(integer(1))
        case "hostnames": touched.tenants.insert(integer(2))
        case "operator_tokens": touched.tokens.insert(integer(1))
        default: touched.isClusterTouched = true
        }
    }

    /// A transaction has committed.
    func committed(_ store: ShardStore) {
        do {
            try store.read(tenant: .system, now: clock()) { rows in
                try directory.follow(touched, rows, appliedIndex: store.appliedIndex)
            }
            touched = Directory.Touched()
        } catch {
            logger.error("directory cannot be followed", metadata: ["error": "\(error)"])
        }
    }

    /// The rows are others altogether.
    func replaced(_ store: ShardStore) {
        do {
            try store.read(tenant: .system, now: clock()) { rows in
                try directory.reload(rows, appliedIndex: store.appliedIndex)
            }
            touched = Directory.Touched()
        } catch {
            logger.error("directory cannot be read", metadata: ["error": "\(error)"])
        }
    }
}
