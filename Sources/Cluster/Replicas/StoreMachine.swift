import Consensus
import Replication
import SQLite
import ShardStore
import Wire

/// A request as a shard's replica runs it.
enum ShardCommand {
    case rows(TenantID, @Sendable (ShardTransaction) throws -> Void)
    /// The first schema step of this build that the rows lack.
    case schemaStep
}

/// How a request ended inside the transaction: part of the answer, whatever it is.
enum ShardEnd {
    case completed
    case thrown(any Error)
}

/// The rows of one replica: a `ShardStore` behind the replicated log.
///
/// A replica that joins has no file until its first snapshot.
final class StoreMachine: StateMachine {
    /// Follows the rows; of the directory's shard only.
    private let watch: DirectoryWatch?

    private(set) var store: ShardStore?
    private(set) var files: ShardFiles
    private(set) var durableIndex: LogIndex = .zero
    private var fold: Fold?
    var isFolding: Bool { fold != nil }
    private let schema: ShardSchema
    private let cacheKilobytes: Int
    private let clock: @Sendable () -> Timestamp
    private let compressor = Compressor()
    private let decompressor = Decompressor()

    /// Opens the shard's file where there is one.
    /// - Parameter isNew: make the file, with this build's schema, for a group that begins with it.
    init(
        files: ShardFiles, schema: ShardSchema, cacheKilobytes: Int, isNew: Bool,
        clock: @escaping @Sendable () -> Timestamp, watch: DirectoryWatch? = nil
    ) throws {
        self.files = files
        self.schema = schema
        self.cacheKilobytes = cacheKilobytes
        self.clock = clock
        self.watch = watch
        if isNew || files.exists { try open(migrates: isNew) }
        files.removeOld()
    }

    private func open(migrates: Bool) throws {
        let store = try ShardStore(
            path: files.path, shard: files.shard, schema: schema, now: clock(),
            options: ShardStoreOptions(
                cacheKilobytes: cacheKilobytes, syncsCommits: false, migrates: migrates))
        if let watch {
            store.observer = { watch.note($0) }
            watch.replaced(store)
        }
        self.store = store
        try checkpoint()
    }

    var appliedIndex: LogIndex { store?.appliedIndex ?? .zero }
    /// Since when the leaders' blocks say another state hash than the rows here.
    var divergedAt: LogIndex? { store?.divergedAt }
    var stateHash: UInt64 { store?.stateHash.sum ?? 0 }

    // MARK: Requests

    func prepare(_ requests: [ShardCommand], now: Timestamp) throws -> PreparedRequests<ShardEnd> {
        guard let store else { preconditionFailure("a leader has rows") }
        return try reportingFull {
            if requests.contains(where: { if case .schemaStep = $0 { true } else { false } }) {
                return try prepareAlone(requests, store, now: now)
            }
            let batch = try store.prepare(
                requests.map { request in
                    guard case .rows(let tenant, let body) = request else {
                        preconditionFailure("looked at above")
                    }
                    return ShardRequest(tenant: tenant, body: body)
                }, now: now)
            return PreparedRequests(
                answers: batch.outcomes.map(Self.end), entries: batch.block?.entries.count ?? 0,
                payload: batch.block?.packed(compressor) ?? [])
        }
    }

    /// A schema step is a block of its own: whoever came with it is asked to come again.
    private func prepareAlone(_ requests: [ShardCommand], _ store: ShardStore, now: Timestamp)
        throws -> PreparedRequests<ShardEnd>
    {
        guard let step = try store.missingSchemaStep() else {
            let batch = try store.prepare([], now: now)
            precondition(batch.block == nil, "nothing was run")
            return PreparedRequests(
                answers: requests.map { request in
                    if case .schemaStep = request { return .completed }
                    return .thrown(Unavailable(reason: .busy, retryAfterSeconds: 1))
                }, entries: 0, payload: [])
        }
        let batch = try store.prepare(step, now: now)
        return PreparedRequests(
            answers: requests.map { request in
                if case .schemaStep = request { return .completed }
                return .thrown(Unavailable(reason: .busy, retryAfterSeconds: 1))
            }, entries: 1, payload: batch.block?.packed(compressor) ?? [])
    }

    private static func end(_ outcome: RequestOutcome) -> ShardEnd {
        switch outcome {
        case .completed: .completed
        case .thrown(let error): .thrown(error)
        }
    }

    func commit() throws {
        guard let store else { preconditionFailure("a leader has rows") }
        try reportingFull { try store.commit() }
        watch?.committed(store)
    }

    func rollback() throws { try store?.rollback() }

    func apply(_ blocks: [CommittedBlock]) throws {
        guard let store else {
            preconditionFailure("nothing is committed before the rows are here")
        }
        try reportingFull {
            var run: [Block] = []
            for block in blocks {
                if block.head.content == .entries {
                    run.append(try Block(unpacking: block.payload, decompressor))
                } else {
                    if !run.isEmpty { try store.replay(run, isStrict: false) }
                    run = []
                    try store.skip(through: block.head.last)
                }
            }
            if !run.isEmpty { try store.replay(run, isStrict: false) }
        }
        watch?.committed(store)
    }

    // MARK: The file

    /// Whether the SQLite WAL has grown longer than so many pages, or somebody waits for a fold, and none is under way.
    func needsFold(isDue: Bool, walPages: Int) -> Bool {
        guard fold == nil, let store else { return false }
        return isDue || store.needsMaintenance(walPages: walPages)
    }

    /// Folds the SQLite WAL into the file if it needs it. Until `endFold` nothing here may touch the rows.
    func beginFold(isDue: Bool, walPages: Int) -> Fold? {
        guard needsFold(isDue: isDue, walPages: walPages), let store else { return nil }
        fold = Fold(store, walPages: isDue ? 0 : walPages)
        return fold
    }

    /// Waits for the fold that is under way, if any.
    func endFold() throws {
        guard let fold else { return }
        self.fold = nil
        if let index = try fold.wait() { durableIndex = max(durableIndex, index) }
    }

    /// Folds everything into the file now.
    private func checkpoint() throws {
        guard let store else { return }
        let index = store.appliedIndex
        if try store.maintain(walPages: 0) { durableIndex = index }
    }

    /// Puts a snapshot's rows in place of the present ones.
    /// - Parameter received: a whole, checked file on the same file system; it is moved.
    func install(_ received: String, head: SnapshotHead) throws {
        try? endFold()
        store = nil
        try files.adopt(received, head: head)
        try open(migrates: false)
        guard let store, store.appliedIndex == head.position.index else {
            throw DataDirectoryFault(description: "a snapshot of another entry than it says")
        }
        durableIndex = head.position.index
        files.removeOld()
    }

    /// Forgets all rows, for a replica that begins anew.
    func discard() {
        try? endFold()
        store = nil
        files.removeAll()
        durableIndex = .zero
    }

    /// Closes the file in order.
    func close() throws {
        defer { store = nil }
        try endFold()
        try store?.checkpoint()
    }

    private func reportingFull<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as SQLiteError where error.code.primary == .full {
            throw MachineIsFull()
        }
    }
}
