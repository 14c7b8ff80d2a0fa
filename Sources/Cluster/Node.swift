package import Consensus
package import Logging
package import ShardStore
import Synchronization
package import Wire

/// A request's answer with the position that makes it visible.
package struct Committed<Answer: Sendable>: Sendable {
    package let answer: Answer
    package let position: Position
}

/// How fresh a read must be (engine.md, section 6).
package enum ReadLevel: Sendable, Equatable {
    /// Sees every write that was answered before the read began.
    case linearizable
    /// Sees at least the write at this position.
    case session(Position)
    /// Sees some committed state.
    case stale
}

/// The node cannot answer now; the API says 503 with `Retry-After`.
package struct Unavailable: Error, Sendable, Equatable {
    package enum Reason: String, Sendable {
        case overloaded, shuttingDown, behind
    }
    package let reason: Reason
    package let retryAfterSeconds: Int
    package init(reason: Reason, retryAfterSeconds: Int) {
        self.reason = reason
        self.retryAfterSeconds = retryAfterSeconds
    }
}

/// Where a shard stands, for metrics.
package struct ShardStatus: Sendable, Equatable {
    package let shard: ShardID
    package let appliedIndex: LogIndex
    /// Requests that wait for the shard's lane.
    package let queued: Int
}

/// A node's shards and directory: what everything above the cluster talks to.
///
/// One writer lane per shard, a few reader lanes, the directory on shard 0. Requests hop onto a lane once and back once.
package final class Node: Sendable {
    package let directory: Directory
    package let clock: @Sendable () -> Timestamp
    private let folder: DataDirectory
    /// By shard number; the directory's first.
    private let writers: [WriterLane]
    private let readers: ReaderLanes
    private let logger: Logger
    private let isStopped = Mutex(false)

    /// Opens the data directory, or makes it, with every shard in it. Blocks while files are opened.
    package init(
        configuration: NodeConfiguration, deskSchema: ShardSchema, logger: Logger,
        clock: @escaping @Sendable () -> Timestamp
    ) throws {
        let folder = try DataDirectory(configuration.dataDirectory)
        let existing = folder.existingShardCount()
        // The directory's file is made last: without it an earlier start stopped half-way, and this one goes on.
        if folder.hasDirectory && existing != configuration.shardCount {
            throw DataDirectoryFault(
                description:
                    "shards: \(configuration.dataDirectory) was made with \(existing) shards, not \(configuration.shardCount); the number is fixed when the data directory is made"
            )
        }
        let cache = configuration.cacheMegabytes * 1024 / (configuration.shardCount + 1)
        func openLane(_ shard: ShardID, _ schema: ShardSchema) throws -> WriterLane {
            try WriterLane(
                shard: shard, queueLimit: configuration.queueLimit,
                shedsLateRequests: configuration.shedsLateRequests, clock: clock, logger: logger
            ) {
                try ShardStore(
                    path: folder.shardPath(shard), shard: shard, schema: schema, now: clock(),
                    options: ShardStoreOptions(cacheKilobytes: max(256, cache)))
            }
        }
        var lanes: [WriterLane] = []
        do {
            for number in 1...configuration.shardCount {
                lanes.append(try openLane(ShardID(rawValue: UInt16(number)), deskSchema))
            }
            lanes.insert(try openLane(.directory, DirectorySchema.schema), at: 0)
        } catch {
            // A start that failed must not hold threads and files.
            for lane in lanes { lane.stop() }
            throw error
        }
        writers = lanes
        let readers = ReaderLanes(
            count: configuration.readerLanes, queueLimit: configuration.queueLimit
        ) { try ShardReaderConnection(path: folder.shardPath($0)) }
        self.readers = readers
        self.folder = folder
        self.clock = clock
        self.logger = logger
        let lane = writers[0]
        directory = try Directory(
            shardCount: configuration.shardCount,
            write: { body, committed in
                _ = try await Self.submit(
                    body, tenant: .system, lane: lane, committed: committed)
            },
            read: { body in
                try ShardReaderConnection(path: folder.shardPath(.directory))
                    .read(tenant: .system, now: clock(), body)
            })
    }

    // MARK: Requests

    /// Runs `body` as one request of the tenant's shard and answers when it is durable.
    ///
    /// A `Refusal` or a fault thrown by `body` comes out of here and leaves no trace in the shard. `body` may run more than
    /// once, on the shard's lane, and must be quick: it holds up the shard.
    /// - Throws: what `body` threw, or `Unavailable` when the node cannot take the request.
    package func write<Answer: Sendable>(
        _ tenant: TenantRoute, _ body: @escaping @Sendable (ShardTransaction) throws -> Answer
    ) async throws -> Committed<Answer> {
        try await Self.submit(body, tenant: tenant.id, lane: writers[Int(tenant.shard.rawValue)])
    }

    private static func submit<Answer: Sendable>(
        _ body: @escaping @Sendable (ShardTransaction) throws -> Answer, tenant: TenantID,
        lane: WriterLane, committed: @escaping @Sendable () -> Void = {}
    ) async throws -> Committed<Answer> {
        // The lane runs `body` and then `finish` one after the other; the box carries the answer between them.
        let box = AnswerBox<Answer>()
        let index: LogIndex = try await withCheckedThrowingContinuation { continuation in
            lane.submit(
                WriterLane.Work(
                    tenant: tenant, enqueued: monotonicNanoseconds(),
                    body: { rows in box.answer = try body(rows) },
                    finish: { result in
                        if case .success = result { committed() }
                        continuation.resume(with: result)
                    }))
        }
        return Committed(
            answer: box.answer!, position: Position(shard: lane.shard, index: index))
    }

    /// Runs `body` on one snapshot of the tenant's committed rows, on a reader lane.
    ///
    /// On a single node every committed row is visible at once, so each level is met by reading now; a position the shard
    /// has not reached is refused as `behind`.
    package func read<Answer: Sendable>(
        _ tenant: TenantRoute, level: ReadLevel = .linearizable,
        _ body: @escaping @Sendable (ShardReader) throws -> Answer
    ) async throws -> Committed<Answer> {
        let lane = writers[Int(tenant.shard.rawValue)]
        let applied = lane.appliedIndex
        if case .session(let position) = level {
            guard position.shard == tenant.shard, position.index <= applied else {
                throw Unavailable(reason: .behind, retryAfterSeconds: 1)
            }
        }
        let clock = clock
        let answer: Answer = try await withCheckedThrowingContinuation { continuation in
            let accepted = readers.submit(
                ReaderLanes.Work(shard: tenant.shard) { connection in
                    continuation.resume(
                        with: Result {
                            try connection.get().read(tenant: tenant.id, now: clock(), body)
                        })
                }, tenant: tenant.id)
            if !accepted {
                continuation.resume(
                    throwing: Unavailable(reason: .overloaded, retryAfterSeconds: 1))
            }
        }
        return Committed(answer: answer, position: Position(shard: tenant.shard, index: applied))
    }

    // MARK: Tenants

    /// Erases a tenant that was marked with `.deleting`: its desk in bounded steps, then its name. After a crash the same
    /// call goes on where it stopped.
    package func eraseTenant(_ name: String) async throws {
        guard let record = directory.tenant(named: name) else {
            throw DirectoryRefusal.noSuchTenant(name)
        }
        guard record.state == .deleting else {
            throw DirectoryRefusal.notMarkedForDeletion(record.name)
        }
        while try await write(record.route, { try $0.eraseRows(limit: 500) }).answer > 0 {
            // Resumed in the middle: what is left stays.
            guard directory.tenant(named: record.name)?.state == .deleting else {
                throw DirectoryRefusal.notMarkedForDeletion(record.name)
            }
        }
        try await directory.forget(record.name)
        logger.info("tenant erased", metadata: ["tenant": "\(record.name)"])
    }

    // MARK: Life

    /// Whether every shard is open and takes requests.
    package var isReady: Bool { !isStopped.withLock { $0 } }

    package var shardCount: Int { writers.count - 1 }

    /// Every shard's standing now, the directory's first.
    package var shardStatuses: [ShardStatus] {
        writers.map {
            ShardStatus(shard: $0.shard, appliedIndex: $0.appliedIndex, queued: $0.queueCount)
        }
    }

    /// Finishes what waits, folds every SQLite WAL into its file and ends the lanes. Blocks; call it once, at the end.
    package func stop() {
        let first = isStopped.withLock { stopped in
            defer { stopped = true }
            return !stopped
        }
        guard first else { return }
        readers.stop()
        for lane in writers { lane.stop() }
        folder.close()
    }
}

/// `@unchecked Sendable`: written by `body` and read after `finish`, which the lane calls later on the same thread; the
/// continuation orders the two.
private final class AnswerBox<Answer>: @unchecked Sendable {
    var answer: Answer?
}
