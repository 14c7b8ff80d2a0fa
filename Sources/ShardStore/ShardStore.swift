package import Consensus
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
    /// It ran. The index is its entry, or the last entry before it when it changed nothing.
    case completed(LogIndex)
    /// It threw; nothing of it is in the batch.
    case thrown(any Error)
}

/// The requests that ran inside the shard's open transaction, waiting for `commit` or `rollback`.
package struct PreparedBatch {
    package let outcomes: [RequestOutcome]
    /// What the requests did, to be logged and shipped; nil when nothing changed.
    package let block: Block?
}

/// A file that cannot be opened as this shard.
package enum ShardFileFault: Error, Equatable, CustomStringConvertible {
    case newerSchema(found: Int, known: Int)
    case otherShard(found: ShardID)
    case otherSchema(found: String)
    package var description: String {
        switch self {
        case .newerSchema(let found, let known):
            "the file has schema step \(found), this build knows \(known): upgrade the node"
        case .otherShard(let found): "the file belongs to shard \(found)"
        case .otherSchema(let found): "the file holds the tables of a \(found) shard"
        }
    }
}

/// How a shard's file is opened.
package struct ShardStoreOptions: Sendable {
    /// The page cache of the writing connection, in KiB.
    package var cacheKilobytes: Int
    /// Whether COMMIT waits for the disk. True until a replicated log makes entries durable before they are committed.
    package var syncsCommits: Bool
    /// False leaves out row capture and the state hash. For measuring what they cost, never in a node.
    package var capturesChanges: Bool
    /// Whether opening an older file brings it to this build's schema. False in a replica, whose every entry is the log's.
    package var migrates: Bool
    package init(
        cacheKilobytes: Int = 8192, syncsCommits: Bool = true, capturesChanges: Bool = true,
        migrates: Bool = true
    ) {
        self.cacheKilobytes = cacheKilobytes
        self.syncsCommits = syncsCommits
        self.capturesChanges = capturesChanges
        self.migrates = migrates
    }
}

/// One shard in one SQLite file, through its one writing connection.
///
/// Not `Sendable`: it lives on its shard's lane. `prepare` leaves the transaction open so that a replicated shard can wait
/// for a majority before `commit`; a single node commits at once. What commits is the requests' rows and, in the same
/// transaction, the applied index, the last identifier and the state hashes: after any crash they agree.
package final class ShardStore {
    package let shard: ShardID
    package let path: String
    /// The last committed entry.
    package private(set) var appliedIndex: LogIndex
    /// The leader's time of the last committed entry; the next block's time is never before it.
    package private(set) var appliedTime: Timestamp
    /// The sum over all tenants, at `appliedIndex`.
    package private(set) var stateHash: StateHash
    /// The first block whose state hash was another than this file's, if no later one has agreed again.
    package private(set) var divergedAt: LogIndex?
    /// What opening the file had to do to bring it to this build's schema, for the log.
    package private(set) var migrationBlocks: [Block] = []
    /// Sees every changed row of a captured table, also of rows that are rolled back later.
    package var observer: ((RowChange) -> Void)?

    let connection: Connection
    private let schema: ShardSchema
    private let options: ShardStoreOptions
    var capturesChanges: Bool { options.capturesChanges }
    private let capture: ChangeCapture
    private(set) var catalog: TableCatalog
    private var lastIdentifier: Int64
    /// The length of the SQLite WAL at which the next checkpoint is tried.
    private var nextCheckpoint = 0
    /// The length that was folded as a whole, until SQLite begins the WAL again.
    private var foldedPages = 0
    private var applier: ChangeApplier
    private var open: OpenBatch?
    /// Whether the open transaction takes a schema step.
    private var holdsSchemaStep = false

    /// What is true once the open transaction commits.
    private struct OpenBatch {
        let index: LogIndex
        let time: Timestamp
        let hash: StateHash
        let lastIdentifier: Int64
    }

    /// How many pages of 4 KiB a transaction keeps in memory, whatever the cache's size, before it writes some that it changed early.
    ///
    /// In SQLite 3.40.1 (newer ones reset `iReCksum` in `sqlite3WalSavepointUndo`) a savepoint's undo in which a page was written early
    /// twice breaks the WAL's chain of checksums: this process goes on, but the next one reads the WAL only up to there, and takes all that
    /// was committed since from the log once more.
    private static let spillPages = 16_384

    /// Opens or makes the file, brings it to the schema's last step and checks the rules every table must keep.
    package init(
        path: String, shard: ShardID, schema: ShardSchema, now: Timestamp,
        options: ShardStoreOptions = ShardStoreOptions()
    ) throws {
        precondition(
            schema.steps.enumerated().allSatisfy { $0.element.number == $0.offset + 1 },
            "schema steps are numbered from 1 without gaps")
        self.shard = shard
        self.path = path
        self.schema = schema
        self.options = options
        connection = try Connection(path: path, mode: .create)
        try connection.execute(
            """
            PRAGMA page_size = 4096;
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = \(options.syncsCommits ? "FULL" : "NORMAL");
            PRAGMA wal_autocheckpoint = 0;
            PRAGMA secure_delete = OFF;
            PRAGMA cache_size = -\(options.cacheKilobytes);
            PRAGMA cache_spill = \(Self.spillPages);
            PRAGMA temp_store = MEMORY;
            PRAGMA foreign_keys = OFF;
            """)
        connection.countWALPages()
        try connection.execute(ShardMeta.sql)
        let meta = try ShardMeta.load(connection, shard: shard, schema: schema)
        appliedIndex = meta.appliedIndex
        appliedTime = meta.appliedTime
        stateHash = StateHash(sum: meta.stateHash)
        lastIdentifier = meta.lastIdentifier
        catalog = try TableCatalog(connection)
        capture = ChangeCapture(catalog: catalog)
        applier = ChangeApplier(connection: connection, catalog: catalog)
        if options.capturesChanges {
            connection.onPreupdate { [unowned self] in
                capture.record($0)
                observer?($0)
            }
        }
        guard options.migrates else { return }
        for step in schema.steps where step.number > meta.schemaStep {
            try migrate(step, now: max(now, appliedTime))
        }
    }

    deinit { connection.onPreupdate(nil) }

    // MARK: Requests

    /// Runs the requests, in order, in one transaction that stays open until `commit` or `rollback`.
    ///
    /// A request that throws leaves no trace and does not stop the others. Where it had already written, the transaction is
    /// rolled back and the batch runs again with a savepoint around each request: dear, and rare, since requests check
    /// before they write.
    /// - Throws: a fault of the file as a whole; then nothing is open and nothing happened.
    package func prepare(_ requests: [ShardRequest], now: Timestamp) throws -> PreparedBatch {
        precondition(open == nil, "a batch is open already")
        precondition(requests.count <= Block.entryLimit)
        let time = max(now, appliedTime)
        do {
            try connection.begin(.immediate)
            if let batch = try run(requests, time: time, isolated: false) { return batch }
            try connection.rollback()
            try connection.begin(.immediate)
            guard let batch = try run(requests, time: time, isolated: true) else {
                preconditionFailure("an isolated batch cannot ask to be isolated")
            }
            return batch
        } catch {
            try? connection.rollback()
            open = nil
            throw error
        }
    }

    /// One pass over the requests; nil when one failed after writing outside a savepoint.
    private func run(_ requests: [ShardRequest], time: Timestamp, isolated: Bool) throws
        -> PreparedBatch?
    {
        let identifiers = IdentifierAllocator(after: lastIdentifier, time: time)
        capture.startBlock(CellContext(time: time, identifierBase: identifiers.base))
        var outcomes: [RequestOutcome] = []
        outcomes.reserveCapacity(requests.count)
        var entries: [Block.Entry] = []
        var deltas: [TenantID: UInt64] = [:]
        var index = appliedIndex
        for request in requests {
            let transaction = ShardTransaction(
                tenant: request.tenant, now: time, connection: connection, identifiers: identifiers,
                capture: capture)
            capture.begin(tenant: request.tenant)
            let before = connection.totalChangeCount
            do {
                if isolated {
                    try connection.savepoint { try request.body(transaction) }
                } else {
                    try request.body(transaction)
                }
            } catch {
                capture.end()
                if !connection.isInTransaction { throw error }
                if !isolated && connection.totalChangeCount != before { return nil }
                outcomes.append(.thrown(error))
                continue
            }
            let payload = capture.end()
            if capture.changeCount > 0 {
                index = index.next
                entries.append(
                    Block.Entry(tenant: request.tenant, kind: .rows, payload: payload))
                deltas[request.tenant, default: 0] &+= capture.hashDelta
            } else if !options.capturesChanges && connection.totalChangeCount != before {
                index = index.next
            }
            outcomes.append(.completed(index))
        }
        let block = try seal(
            entries: entries, deltas: deltas, index: index, time: time,
            identifierBase: identifiers.base, lastIdentifier: identifiers.last)
        return PreparedBatch(outcomes: outcomes, block: block)
    }

    /// Writes the shard's own rows for the batch and describes it as a block.
    private func seal(
        entries: [Block.Entry], deltas: [TenantID: UInt64], index: LogIndex, time: Timestamp,
        identifierBase: Int64, lastIdentifier: Int64
    ) throws -> Block? {
        var hash = stateHash
        for (tenant, delta) in deltas where delta != 0 {
            hash.sum &+= delta
            try ShardMeta.add(delta, to: tenant, connection)
        }
        let changed = index > appliedIndex
        if changed {
            try ShardMeta.store(
                connection, index: index, time: time, lastIdentifier: lastIdentifier,
                stateHash: hash.sum)
        }
        open = OpenBatch(
            index: index, time: changed ? time : appliedTime, hash: hash,
            lastIdentifier: changed ? lastIdentifier : self.lastIdentifier)
        guard !entries.isEmpty else { return nil }
        return Block(
            shard: shard, firstIndex: appliedIndex.next, time: time,
            identifierBase: identifierBase, identifierCount: lastIdentifier - identifierBase,
            entries: entries, stateHash: hash.sum)
    }

    /// Makes the open batch durable and visible.
    package func commit() throws {
        guard let open else { preconditionFailure("no batch to commit") }
        self.open = nil
        holdsSchemaStep = false
        do { try connection.commit() } catch {
            try? connection.rollback()
            throw error
        }
        appliedIndex = open.index
        appliedTime = open.time
        stateHash = open.hash
        lastIdentifier = open.lastIdentifier
    }

    /// Undoes the open batch, identifiers and hashes included.
    package func rollback() throws {
        precondition(open != nil, "no batch to roll back")
        open = nil
        try connection.rollback()
        if holdsSchemaStep {
            holdsSchemaStep = false
            use(try TableCatalog(connection))
        }
    }

    /// Runs `body` on the committed rows, between batches.
    package func read<Result>(
        tenant: TenantID, now: Timestamp, _ body: (ShardReader) throws -> Result
    )
        throws -> Result
    {
        precondition(open == nil, "a batch is open")
        return try body(ShardReader(tenant: tenant, now: now, connection: connection))
    }

    // MARK: Replay

    /// Applies blocks that another replica prepared, in one transaction. Entries at or below the applied index are skipped,
    /// so who does not know how far a file came replays from any earlier block.
    /// - Parameters:
    ///   - limit: the last entry to apply; the rest of its block may follow later.
    ///   - isStrict: whether another state hash than a block's is refused. If not, `divergedAt` says so, and this file keeps its own
    ///     sums: which of the two is wrong is not known here.
    /// - Throws: `ReplayFault` when entries are missing, do not fit the rows, or, if strict, end in another state hash.
    package func replay(_ blocks: [Block], upTo limit: LogIndex? = nil, isStrict: Bool = true)
        throws
    {
        precondition(open == nil, "a batch is open")
        try connection.begin(.immediate)
        capture.isEncoding = false
        defer { capture.isEncoding = true }
        do {
            for block in blocks { try replay(block, upTo: limit, isStrict: isStrict) }
        } catch {
            capture.end()
            open = nil
            try? connection.rollback()
            // A schema step among the entries has been undone with them.
            if let catalog = try? TableCatalog(connection) { use(catalog) }
            throw error
        }
        if open != nil { try commit() } else { try connection.rollback() }
    }

    private func replay(_ block: Block, upTo limit: LogIndex?, isStrict: Bool) throws {
        guard block.shard == shard else { throw ReplayFault.otherShard(block.shard) }
        let applied = open?.index ?? appliedIndex
        if let limit, block.firstIndex > limit { return }
        guard block.firstIndex <= applied.next else {
            throw ReplayFault.gap(expected: applied.next, found: block.firstIndex)
        }
        capture.startBlock(block.context)
        var hash = open?.hash ?? stateHash
        var index = applied
        for (offset, entry) in block.entries.enumerated() {
            let entryIndex = LogIndex(rawValue: block.firstIndex.rawValue + UInt64(offset))
            if entryIndex <= index { continue }
            if let limit, entryIndex > limit { break }
            switch entry.kind {
            case .rows:
                capture.begin(tenant: entry.tenant)
                try applier.apply(entry, block.context)
                capture.end()
                let delta = capture.hashDelta
                if delta != 0 {
                    hash.sum &+= delta
                    try ShardMeta.add(delta, to: entry.tenant, connection)
                }
            case .schemaStep: try applySchemaStep(entry.payload)
            }
            index = entryIndex
        }
        guard index > applied else { return }
        if index == block.lastIndex {
            if hash.sum == block.stateHash {
                divergedAt = nil
            } else {
                guard !isStrict else { throw ReplayFault.diverged(at: index) }
                divergedAt = divergedAt ?? index
            }
        }
        // A block cut short has not used all its identifiers; the rest of it will say so again.
        let last = block.identifierBase + block.identifierCount
        try ShardMeta.store(
            connection, index: index, time: block.time, lastIdentifier: last, stateHash: hash.sum)
        open = OpenBatch(index: index, time: block.time, hash: hash, lastIdentifier: last)
    }

    /// Passes over entries that change no rows: those of consensus itself.
    package func skip(through index: LogIndex) throws {
        precondition(open == nil, "a batch is open")
        precondition(index > appliedIndex, "entries are passed in order")
        try connection.begin(.immediate)
        do {
            try ShardMeta.store(
                connection, index: index, time: appliedTime, lastIdentifier: lastIdentifier,
                stateHash: stateHash.sum)
        } catch {
            try? connection.rollback()
            throw error
        }
        open = OpenBatch(
            index: index, time: appliedTime, hash: stateHash, lastIdentifier: lastIdentifier)
        try commit()
    }

    // MARK: Schema

    /// The first step of this build's schema that the file lacks.
    package func missingSchemaStep() throws -> SchemaStep? {
        let done = try connection.first("SELECT schema_step FROM lodge_shard") { $0.int(0) } ?? 0
        return schema.steps.first { $0.number > done }
    }

    /// Takes one schema step inside the open transaction, like `prepare`.
    package func prepare(_ step: SchemaStep, now: Timestamp) throws -> PreparedBatch {
        precondition(open == nil, "a batch is open already")
        let block = try run(step, now: max(now, appliedTime))
        return PreparedBatch(outcomes: [.completed(appliedIndex.next)], block: block)
    }

    private func migrate(_ step: SchemaStep, now: Timestamp) throws {
        if let block = try run(step, now: now) { migrationBlocks.append(block) }
        try commit()
    }

    private func run(_ step: SchemaStep, now: Timestamp) throws -> Block? {
        let index = appliedIndex.next
        var payload = ByteWriter()
        payload.write(varint: UInt64(step.number))
        payload.write(raw: step.sql.utf8)
        try connection.begin(.immediate)
        do {
            try applySchemaStep(payload.bytes)
            return try seal(
                entries: [
                    Block.Entry(tenant: .system, kind: .schemaStep, payload: payload.bytes)
                ], deltas: [:], index: index, time: now, identifierBase: lastIdentifier,
                lastIdentifier: lastIdentifier)
        } catch {
            open = nil
            try? connection.rollback()
            throw error
        }
    }

    private func applySchemaStep(_ payload: [UInt8]) throws {
        let step: (number: Int, sql: String)
        do {
            step = try payload.withUnsafeBytes { raw in
                var reader = ByteReader(raw)
                let number = try reader.varint()
                let bytes = try reader.raw(UInt64(reader.remaining))
                guard let sql = String(validating: bytes, as: UTF8.self), number < 1 << 31 else {
                    throw DecodingFault.invalid("schema step")
                }
                return (Int(number), sql)
            }
        } catch let fault as DecodingFault { throw ReplayFault.malformed(fault) }
        let before = try connection.first("SELECT schema_step FROM lodge_shard") { $0.int(0) }
        guard step.number == (before ?? 0) + 1 else {
            throw ReplayFault.unexpectedSchemaStep(step.number)
        }
        connection.discardStatements()
        try connection.execute(step.sql)
        guard connection.isInTransaction else {
            preconditionFailure("schema step \(step.number) ended its transaction")
        }
        try PlannerStatistics.write(connection)
        try connection.run("UPDATE lodge_shard SET schema_step = ?1", step.number)
        let catalog = try TableCatalog(connection)
        if let violation = catalog.violation(since: self.catalog) { throw violation }
        use(catalog)
        holdsSchemaStep = true
    }

    private func use(_ catalog: TableCatalog) {
        self.catalog = catalog
        capture.schemaChanged(catalog)
        applier = ChangeApplier(connection: connection, catalog: catalog)
    }

    // MARK: Upkeep

    /// Whether the SQLite WAL has grown past so many pages (8 MB of 4 KiB pages by default), and a reader has not just held it back.
    package func needsMaintenance(walPages pages: Int = 2048) -> Bool {
        let count = connection.walPageCount
        // Fewer than there were: SQLite has begun at the WAL's beginning again.
        if count < foldedPages {
            foldedPages = 0
            nextCheckpoint = 0
        }
        return count != foldedPages && count >= max(pages, nextCheckpoint)
    }

    /// Folds the SQLite WAL into the file when it has grown past `pages` (8 MB of 4 KiB pages by default; 0: in any case).
    /// Called between batches; waits for nobody.
    ///
    /// - Returns: whether the file itself, on disk, now holds every entry that is applied.
    @discardableResult
    package func maintain(walPages pages: Int = 2048) throws -> Bool {
        guard pages == 0 || needsMaintenance(walPages: pages) else { return false }
        let result = try connection.checkpoint(.passive)
        // A reader may hold the WAL's end back. Then it grows on, and another try for every batch would only cost syncs.
        nextCheckpoint = result.walPageCount + pages / 4
        let isWhole = result.checkpointedPageCount == result.walPageCount
        if isWhole { foldedPages = connection.walPageCount }
        return isWhole
    }

    /// Folds everything into the file, for a clean shutdown.
    package func checkpoint() throws { try connection.checkpoint(.truncate) }

    /// The state hash of one tenant at the applied index.
    package func stateHash(of tenant: TenantID) throws -> StateHash {
        StateHash(sum: try ShardMeta.hash(of: tenant, connection))
    }

    /// Recomputes every tenant's hash from the tables and compares it with the running sums.
    /// - Returns: the tenants whose sums differ; empty when all is well.
    package func scrub() throws -> [TenantID] {
        precondition(open == nil, "a batch is open")
        let scrub = ShardScrub(connection: connection, catalog: catalog)
        let kept = try ShardMeta.hashes(connection)
        var wrong: [TenantID] = []
        var total: UInt64 = 0
        var last: Int64?
        while let tenant = try scrub.tenant(after: last) {
            let found = try scrub.hash(of: tenant)
            if found != kept[tenant] ?? 0 { wrong.append(tenant) }
            total &+= found
            last = tenant.rawValue
        }
        return wrong.isEmpty && total != stateHash.sum ? [.system] : wrong
    }
}
