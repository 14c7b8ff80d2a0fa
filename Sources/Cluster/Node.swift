package import Consensus
import Glibc
import LogStore
package import Logging
package import NIOCore
package import ShardStore
import Synchronization
import Threads
package import Transport
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
    /// Sees what a replica has that has caught up with a leader once since it started: all but the last moments while it hears one, and
    /// what it had by then when it does not, also for long: what there is to read when no majority is left.
    case stale
}

/// Where a request belongs.
package enum Destination: Sendable, Equatable {
    case here
    case node(NodeID)
    /// Nobody leads the shard, as far as this node knows.
    case nobody
}

/// A node: its replicas of the cluster's shards, the directory, and its links to the other nodes. What everything above the cluster
/// talks to.
///
/// A node that is alone is the same code with one voter. Requests hop onto a lane once and back once.
package final class Node: Sendable {
    package let directory: Directory
    package let clock: @Sendable () -> Timestamp
    /// When which tenant's tickets are due by time alone, of the shards that this node leads.
    package let timers = TimerBoard()
    package var now: Timestamp { clock() }
    package let identity: NodeIdentity
    package let shardCount: Int
    let configuration: NodeConfiguration
    let folder: DataDirectory
    let board: ShardBoard
    let lanes: LaneTable
    private let log: NodeLog
    private let logWriter: LogWriter
    let readers: ReaderLanes
    private let hub: PeerHub
    private let calls: PeerCalls
    private let snapshots: SnapshotDesk
    private let services: ShardServices
    private let scrubber: Scrubber
    private let indexer: WordIndexer?
    private let checkpointer = Checkpointer()
    private let ballast: Ballast
    private let logger: Logger
    private let reads: ReadDesk
    private let ticker: Ticker
    private let transport = Mutex<PeerTransport?>(nil)
    private let phase = Mutex(Phase.running)
    private let hasKnownDirectory = Atomic(false)

    private enum Phase { case running, stopping, stopped }

    /// Opens the data directory, or makes it, with every replica in it. Blocks while files are opened.
    /// - Parameters:
    ///   - clock: the time of day, for the requests of shards that this node leads.
    ///   - random: a number from a range, for elections that do not happen at the same time.
    ///   - words: what an index of words reads of the shards' rows; nil for none.
    ///   - logFailed: the log's disk failed; the process must end.
    package init(
        configuration: NodeConfiguration, deskSchema: ShardSchema, logger: Logger,
        clock: @escaping @Sendable () -> Timestamp,
        random: @escaping @Sendable (ClosedRange<Int>) -> Int = { Int.random(in: $0) },
        words: (any WordSource)? = nil,
        logFailed: @escaping @Sendable (any Error) -> Void = { _ in abort() }
    ) throws {
        let folder = try DataDirectory(configuration.dataDirectory)
        do {
            let existing = folder.existingShardCount
            if let existing, existing != configuration.shardCount {
                throw DataDirectoryFault(
                    description:
                        "shards: \(configuration.dataDirectory) was made with \(existing) shards, not \(configuration.shardCount); the number is fixed when the cluster is made"
                )
            }
            if existing == nil { try folder.keepShardCount(configuration.shardCount) }
            self.configuration = configuration
            self.folder = folder
            self.clock = clock
            self.logger = logger
            identity = configuration.identity
            shardCount = configuration.shardCount
            let shardCount = configuration.shardCount
            let opened = try OpenedLog(
                folder, identity: configuration.identity,
                logMegabytes: configuration.logMegabytes, logger: logger)
            log = opened.log
            board = ShardBoard(shardCount: shardCount)
            snapshots = SnapshotDesk(
                firstTransfer: UInt64(random(1...(1 << 40))) << 16, logger: logger)
            hub = PeerHub(
                snapshots: snapshots, patience: Int64(random(450_000...600_000)), logger: logger,
                now: { Int64(monotonicNanoseconds() / 1000) })
            calls = PeerCalls(sender: hub)
            logWriter = LogWriter(log: log, logger: logger, failed: logFailed)
            ballast = Ballast(
                folder: configuration.dataDirectory, megabytes: configuration.ballastMegabytes,
                logger: logger)
            scrubber = Scrubber(intervalMinutes: configuration.scrubMinutes)
            let (board, laneOf) = (board, LaneReference())
            services = ShardServices(
                node: identity.node, board: board, log: logWriter, peers: hub, clock: clock,
                random: random, logger: logger, shedsLateRequests: configuration.shedsLateRequests,
                trailingEntries: 10_000, snapshots: snapshots, scrubber: scrubber,
                checkpointer: checkpointer
            ) { laneOf.lane($0).post(.run($0, $1)) }
            services.walPages.store(
                Self.walPages(configuration, free: folder.freeBytes), ordering: .relaxed)
            checkpointer.start()
            let birth = ReplicaBirth(
                configuration: configuration, folder: folder, opened: opened,
                deskSchema: deskSchema, services: services)
            directory = Directory(shardCount: shardCount) { body in
                _ = try await Self.submit(
                    body, tenant: .system, shard: .directory, lane: laneOf.lane(.directory))
            }
            birth.watch(directory)
            let count = max(1, min(configuration.lanes, shardCount + 1))
            var made: [Lane] = []
            do {
                for number in 0..<count {
                    let shards = stride(from: number, through: shardCount, by: count).map {
                        ShardID(rawValue: UInt16($0))
                    }
                    made.append(
                        try Lane(
                            number: number, shards: shards, queueLimit: configuration.queueLimit
                        ) { try birth.host(of: $0) })
                }
                try birth.finish()
            } catch {
                // A start that failed must not hold threads and files.
                for lane in made { lane.stop() }
                checkpointer.stop()
                throw error
            }
            let lanes = LaneTable(made, shardCount: shardCount)
            self.lanes = lanes
            laneOf.set(lanes)
            reads = ReadDesk(
                board: board, shardCount: shardCount, sender: hub,
                first: UInt64(random(1...(1 << 40))) << 16
            ) { lanes.post(.read($0, $1), to: $0) }
            hub.attach(lanes, calls, reads)
            let indexer = words.map { WordIndexer(source: $0, clock: clock, logger: logger) }
            self.indexer = indexer
            readers = ReaderLanes(
                count: configuration.readerLanes, queueLimit: configuration.queueLimit,
                generation: { board[$0].generation }
            ) { shard in
                let path = board[shard].path
                return try ShardReaderConnection(
                    path: path, words: indexer?.reader(of: shard, rowsPath: path))
            }
            logWriter.start { shard, replica, sequence in
                lanes.post(.persisted(shard, replica, sequence: sequence), to: shard)
            }
            snapshots.start(
                SnapshotDesk.Node(
                    sender: hub,
                    head: { shard, index in
                        Self.onLane(of: shard, lanes) { $0.snapshotHead(at: index) } ?? nil
                    },
                    sent: { order, succeeded in
                        lanes.post(
                            .run(order.shard) { $0.snapshotSent(order, succeeded: succeeded) },
                            to: order.shard)
                    },
                    install: { begin, path in
                        Self.onLane(of: begin.shard, lanes) {
                            $0.receivedSnapshot(begin.message, head: begin.head, path: path)
                        } ?? false
                    }, folder: folder.shardsPath,
                    schema: { $0 == .directory ? DirectorySchema.schema : deskSchema },
                    clock: clock))
            scrubber.start(
                files: {
                    board.all.filter { $0.replica != nil && $0.fault == nil && !$0.path.isEmpty }
                        .map { ($0.shard, $0.path) }
                },
                report: { shard, path, finding in
                    lanes.post(.run(shard) { $0.checked(path, finding) }, to: shard)
                })
            indexer?.start(
                place: { shard in
                    let view = board[shard]
                    guard view.isReadable, !view.path.isEmpty else { return nil }
                    return (view.generation, view.path)
                }, mayWrite: { [services] in !services.isDiskLow.load(ordering: .relaxed) })
            ticker = Ticker()
        } catch {
            folder.close()
            throw error
        }
        directory.onChange { [unowned self] in directoryChanged() }
        directoryChanged()
        ticker.start { [unowned self] in tick($0) }
        waitForOwnShards()
    }

    /// What a shard's host says on its lane, waited for on a thread that may; nil when the lane is stopping, or silent for long.
    private static func onLane<Answer: Sendable>(
        of shard: ShardID, _ lanes: LaneTable, _ body: @escaping @Sendable (ShardHost) -> Answer
    ) -> Answer? {
        let box = Monitor<Answer??>(nil)
        lanes.post(
            .ask(shard) { host in
                let answer = host.map(body)
                box.broadcast { $0 = .some(answer) }
            }, to: shard)
        return box.wait(until: monotonicNanoseconds() + 30_000_000_000) { $0 } ?? nil
    }

    /// A group whose only voter is here leads itself after one sync: whoever has the node may use it at once.
    private func waitForOwnShards() {
        let deadline = monotonicNanoseconds() + 10_000_000_000
        while monotonicNanoseconds() < deadline {
            let isWaiting = board.all.contains { view in
                !view.isServing && view.fault == nil && view.replica != nil
                    && view.configuration.voters == [view.replica]
            }
            if !isWaiting { return }
            usleep(1_000)
        }
    }

    // MARK: Requests

    /// Runs `body` as one request of the tenant's shard and answers when a majority has it on disk.
    ///
    /// A `Refusal` or a fault thrown by `body` comes out of here and leaves no trace in the shard. `body` may run more than
    /// once, on the shard's lane, and must be quick: it holds up the shard.
    /// - Throws: what `body` threw; `NotLeader` and `Unavailable` when nothing was done; `OutcomeUnknown`.
    package func write<Answer: Sendable>(
        _ tenant: TenantRoute, _ body: @escaping @Sendable (ShardTransaction) throws -> Answer
    ) async throws -> Committed<Answer> {
        let wakeUp = WakeUp()
        let committed = try await Self.submit(
            { rows in
                let answer = try body(rows)
                wakeUp.time = rows.wakeAt
                return answer
            }, tenant: tenant.id, shard: tenant.shard, lane: lanes[tenant.shard])
        if let time = wakeUp.time { timers.note(tenant, at: time) }
        return committed
    }

    private static func submit<Answer: Sendable>(
        _ body: @escaping @Sendable (ShardTransaction) throws -> Answer, tenant: TenantID,
        shard: ShardID, lane: Lane
    ) async throws -> Committed<Answer> {
        // The lane runs `body` and then `finish` one after the other; the box carries the answer between them.
        let box = AnswerBox<Answer>()
        let index: LogIndex = try await withCheckedThrowingContinuation { continuation in
            lane.submit(
                ShardWork(
                    tenant: tenant, enqueued: monotonicNanoseconds(),
                    command: .rows { rows in box.answer = try body(rows) },
                    finish: { continuation.resume(with: $0) }), to: shard)
        }
        return Committed(answer: box.answer!, position: Position(shard: shard, index: index))
    }

    /// Runs `body` on one snapshot of the tenant's committed rows, on a reader lane, once that snapshot is as fresh as asked.
    /// - Throws: what `body` threw; `NotLeader` when a linearizable read must be asked elsewhere; `Unavailable`.
    package func read<Answer: Sendable>(
        _ tenant: TenantRoute, level: ReadLevel = .linearizable,
        _ body: @escaping @Sendable (ShardReader) throws -> Answer
    ) async throws -> Committed<Answer> {
        try await withCheckedThrowingContinuation { continuation in
            let (shard, clock) = (tenant.shard, clock)
            // The rows elsewhere are sound: at the leader, or at the next one when this is the leader.
            let damaged: @Sendable () -> any Error = { [self] in
                guard destination(of: shard) == .here else { return NotLeader(leader: nil) }
                return Unavailable(reason: .busy, retryAfterSeconds: 1)
            }
            whenReadable(shard, level) { [readers, lanes] leave in
                let index: LogIndex
                switch leave {
                case .success(let applied): index = applied
                case .failure(let error):
                    continuation.resume(throwing: error)
                    return
                }
                let accepted = readers.submit(
                    ReaderLanes.Work(shard: shard) { connection in
                        do {
                            let answer = try connection.get().read(
                                tenant: tenant.id, now: clock(), body)
                            continuation.resume(
                                returning: Committed(
                                    answer: answer, position: Position(shard: shard, index: index)))
                        } catch  where error.tellsOfDamage {
                            lanes.post(.run(shard) { $0.metDamage(error) }, to: shard)
                            continuation.resume(throwing: damaged())
                        } catch {
                            continuation.resume(throwing: error)
                        }
                    }, tenant: tenant.id)
                if !accepted {
                    continuation.resume(
                        throwing: Unavailable(reason: .overloaded, retryAfterSeconds: 1))
                }
            }
        }
    }

    /// Calls `body` once, with the entry the rows here have applied when they may be read at a level, or why they may not.
    private func whenReadable(
        _ shard: ShardID, _ level: ReadLevel,
        _ body: @escaping @Sendable (Result<LogIndex, any Error>) -> Void
    ) {
        let behind = Unavailable(reason: .behind, retryAfterSeconds: 1)
        let wish: ShardRead.Wish
        switch level {
        case .linearizable:
            if board.destination(of: shard).leadsAlone {
                body(.success(board.appliedIndex(of: shard)))
                return
            }
            wish = .linearizable
        case .session(let position):
            guard position.shard == shard else {
                body(.failure(behind))
                return
            }
            let applied = board.appliedIndex(of: shard)
            if applied >= position.index {
                body(.success(applied))
                return
            }
            let (leader, _, isAlone) = board.destination(of: shard)
            // Nobody has seen such a position: it is not one of ours.
            if isAlone || leader == nil {
                body(.failure(behind))
                return
            }
            wish = .applied(position.index)
        case .stale:
            guard let applied = board.freshIndex(of: shard) else {
                body(.failure(NotLeader(leader: board.destination(of: shard).node)))
                return
            }
            body(.success(applied))
            return
        }
        let read = ShardRead(wish: wish, enqueued: monotonicNanoseconds(), ready: body)
        switch wish {
        case .linearizable: reads.read(shard, read)
        case .applied: lanes.post(.read(shard, read), to: shard)
        }
    }

    // MARK: Other nodes

    /// Who answers for a shard now.
    package func destination(of shard: ShardID) -> Destination {
        guard board.contains(shard) else { return .nobody }
        let (leader, isServing, _) = board.destination(of: shard)
        guard let leader else { return .nobody }
        if leader == identity.node { return isServing ? .here : .nobody }
        return .node(leader)
    }

    /// What a node that hears no majority of the nodes gives a request instead: others find the next leader, and clients another node.
    private static let patienceWithoutMajority = Duration.milliseconds(300)

    /// The same, once somebody leads; waits at most so long.
    package func destination(of shard: ShardID, within patience: Duration) async -> Destination {
        let start = ContinuousClock.now
        while true {
            let found = destination(of: shard)
            let waited = ContinuousClock.now - start
            if found != .nobody || waited >= patience
                || waited >= Self.patienceWithoutMajority && !hearsMajority
            {
                return found
            }
            guard (try? await Task.sleep(for: .milliseconds(10))) != nil else { return found }
        }
    }

    /// Whether this node and those it hears are most of the cluster, as of the last half second.
    package var hearsMajority: Bool {
        services.sight.withLock { sight in
            let nodes = sight.nodes.filter { $0.state != .removed }
            let heard = nodes.count { $0.id == identity.node || sight.connected.contains($0.id) }
            return heard > nodes.count / 2
        }
    }

    /// Waits a little until the directory here shows what another node's did; false when it does not.
    package func knowsDirectory(upTo index: LogIndex) async -> Bool {
        for _ in 0..<100 {
            if directory.appliedIndex >= index { return true }
            guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { return false }
        }
        return false
    }

    /// Whether the shard has a working replica here.
    package func holds(_ shard: ShardID) -> Bool {
        board.contains(shard) && board.appliedIndex(of: shard) > .zero
    }

    package func call(_ node: NodeID, _ request: PeerRequest) async -> PeerOutcome {
        await calls.call(node, request)
    }

    /// Says who carries out what other nodes ask.
    package func answerCalls(_ body: @escaping @Sendable (PeerRequest) async -> PeerReply) {
        calls.setHandler(body)
    }

    /// Opens this node's listener for the others and dials them.
    /// - Returns: the port it listens on.
    package func link(
        listen: PeerAddress, credentials: NodeCredentials, life: UInt64,
        group: any EventLoopGroup
    ) async throws -> Int {
        let transport = try PeerTransport(
            local: LocalNode(
                cluster: identity.cluster, node: identity.node, life: life, zone: identity.zone),
            credentials: credentials, listen: listen, options: TransportOptions(), group: group,
            handler: hub, clock: { Int64(monotonicNanoseconds() / 1000) }, logger: logger)
        let port = try await transport.start()
        self.transport.withLock { $0 = transport }
        hub.attach(transport)
        directoryChanged()
        return port
    }

    /// New certificates for links that are made from now on; those that are up stay.
    package func renew(_ credentials: NodeCredentials) throws {
        try transport.withLock { $0 }?.reloadCredentials(credentials)
    }

    /// Nodes, revocations or wishes have changed.
    private func directoryChanged() {
        let nodes = directory.nodes
        var peers: [NodeID: PeerAddress] = [:]
        for node in identity.seeds + nodes where node.id != identity.node {
            peers[node.id] = node.state == .removed ? nil : PeerAddress(node.address)
        }
        hub.setPeers(
            peers, removed: Set(nodes.lazy.filter { $0.state == .removed }.map(\.id)))
        if nodes.count > 1 {
            do { try folder.markPeers() } catch {
                logger.error("a mark cannot be written", metadata: ["error": "\(error)"])
            }
        }
        hub.setRevoked(directory.revokedSerials)
        refreshSight()
    }

    private func refreshSight() {
        let (nodes, settings) = (directory.nodes, directory.settings)
        let connected = hub.connected
        var ailing = hub.ailing
        if isAiling { ailing.insert(identity.node) }
        services.sight.withLock { sight in
            sight.nodes = nodes
            sight.connected = connected
            sight.ailing = ailing
            sight.replicationFactor = settings.replicationFactor
            sight.leaderZones = settings.leaderZones
            sight.isKnown = nodes.contains { $0.id == identity.node }
        }
    }

    // MARK: Shards

    /// Hands a shard's leadership to another node.
    /// - Returns: false when this node does not lead it or the other one is not a voter.
    package func transfer(_ shard: ShardID, to node: NodeID) async -> Bool {
        (try? await ask(shard) { $0.transfer(to: node) }) ?? false
    }

    /// What a shard's host answers on its lane.
    /// - Throws: what `body` threw; `Unavailable` when this node is stopping.
    func ask<Answer: Sendable>(
        _ shard: ShardID, _ body: @escaping @Sendable (ShardHost) throws -> Answer
    ) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            lanes.post(
                .ask(shard) { host in
                    continuation.resume(
                        with: Result {
                            guard let host else { throw Unavailable.shuttingDown }
                            return try body(host)
                        })
                }, to: shard)
        }
    }

    /// Reads all of a shard's rows here and compares them with their state hashes. Takes as long as that takes.
    package func checkRows(of shard: ShardID) async -> RowFinding {
        guard holds(shard) else { return .notMade }
        return await withCheckedContinuation { continuation in
            lanes.post(
                .ask(shard) { host in
                    guard let host else {
                        continuation.resume(returning: .notMade)
                        return
                    }
                    host.checkRows { continuation.resume(returning: $0) }
                }, to: shard)
        }
    }

    /// Every shard as it stands here, the directory's first.
    package var shardViews: [ShardView] { board.all }

    /// Requests that wait for a shard here.
    package func queueCount(of shard: ShardID) -> Int { lanes[shard].queueCount(of: shard) }

    package var connectedNodes: Set<NodeID> { hub.connected.union([identity.node]) }

    /// What the log and the links have carried.
    package var traffic: NodeTraffic {
        let statistics = log.statistics
        let links = transport.withLock { $0 }?.statistics.traffic ?? [:]
        return NodeTraffic(
            logSyncs: UInt64(statistics.syncs), logBytesWritten: UInt64(statistics.bytesWritten),
            logSegmentBytes: UInt64(statistics.segmentBytes),
            links: LinkKind.allCases.compactMap { kind in
                links[kind].map {
                    NodeTraffic.Link(
                        name: "\(kind)", bytesSent: $0.bytesOut, bytesReceived: $0.bytesIn,
                        framesSent: $0.framesOut, framesReceived: $0.framesIn)
                }
            })
    }

    // MARK: Tenants

    /// Erases a tenant's desk, in bounded steps. Runs where the tenant's shard is led; after a crash the same call goes on where it
    /// stopped.
    package func eraseDesk(of name: String) async throws {
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
    }

    /// Erases a tenant that was marked with `.deleting`: its desk, then its name.
    package func eraseTenant(_ name: String) async throws {
        try await eraseDesk(of: name)
        try await directory.forget(name)
        logger.info("tenant erased", metadata: ["tenant": "\(name)"])
    }

    // MARK: Life

    /// Whether the node takes requests and has known the directory as it is since it started: its rows may have been any time behind.
    package var isReady: Bool {
        if isDirectoryFresh { hasKnownDirectory.store(true, ordering: .relaxed) }
        return phase.withLock { $0 == .running } && hasKnownDirectory.load(ordering: .relaxed)
    }

    /// Whether a name that is not in the directory here is nobody's.
    package var isDirectoryFresh: Bool { board.isCurrent(.directory) }

    /// Makes sure that the node itself is in the directory, and where it is reached. Only where the directory is led.
    package func register() async throws {
        let address = identity.address ?? "127.0.0.1:1"
        if let known = directory.nodes.first(where: { $0.id == identity.node }) {
            if known.address != address { try await directory.setAddress(of: known.id, address) }
        } else if identity.isFounder, directory.nodes.isEmpty {
            _ = try await directory.addNode(
                name: identity.name, zone: identity.zone, address: address)
        }
    }

    private var isAiling: Bool {
        logWriter.isFull || services.isDiskLow.load(ordering: .relaxed)
            || logWriter.outstandingSync(now: monotonicNanoseconds()) > 1_000_000_000
    }

    /// Ten times a second, on a thread of its own.
    private func tick(_ count: UInt64) {
        let now = monotonicNanoseconds()
        let isStopping = phase.withLock { $0 != .running }
        hub.tick(
            Heartbeat(leads: board.led, isAiling: isAiling, isStopping: isStopping))
        calls.tick(now: now)
        reads.tick(now: now)
        if count % 5 == 0 { refreshSight() }
        if count % 10 == 0 {
            watchDisk()
            keepLogShort()
        }
    }

    /// How long WALs may grow, with so many bytes free on the disk.
    private static func walPages(_ configuration: NodeConfiguration, free: UInt64?) -> Int {
        if let pages = configuration.walPages { return pages }
        let reserve = UInt64(configuration.diskReserveMegabytes) << 20
        let spare = free.map { $0 - min($0, reserve) }
        return ShardServices.walPages(free: spare, shards: configuration.shardCount + 1)
    }

    private func watchDisk() {
        let reserve = UInt64(configuration.diskReserveMegabytes) << 20
        let free = folder.freeBytes
        ballast.keep(free: free, reserve: reserve, isFull: logWriter.isFull)
        let isLow = free.map { $0 < reserve } ?? false
        services.walPages.store(Self.walPages(configuration, free: free), ordering: .relaxed)
        if services.isDiskLow.exchange(isLow, ordering: .relaxed) != isLow {
            if isLow {
                logger.error("the disk is nearly full: nothing new is taken")
            } else {
                logger.info("there is room on the disk again")
            }
        }
        let ails = isAiling
        for shard in board.all where shard.role == .leader {
            lanes.post(
                .run(shard.shard) { host in if ails { host.yield() } else { host.stopYielding() } },
                to: shard.shard)
        }
    }

    private func keepLogShort() {
        guard log.statistics.segmentBytes > configuration.logMegabytes << 20 else { return }
        for pin in log.pins {
            lanes.post(.giveUpOldLog(pin.shard, through: pin.through), to: pin.shard)
        }
    }

    /// Hands over what this node leads, finishes what waits, folds every SQLite WAL into its file and ends all threads. Blocks; call it
    /// once, at the end. Hand-overs get 2 s, what is on its way in a lane 1 s; the rest takes as long as the disk does.
    /// - Parameter enter: told of each step before it begins.
    package func stop(_ enter: (String) -> Void = { _ in }) {
        let isFirst = phase.withLock { phase in
            defer { phase = .stopping }
            return phase == .running
        }
        guard isFirst else { return }
        enter("handing over shards")
        handOver()
        enter("reads")
        reads.stop()
        readers.stop()
        enter("words")
        indexer?.stop()
        for (number, lane) in lanes.lanes.enumerated() {
            enter("lane \(number)")
            lane.stop()
        }
        enter("checkpoints")
        checkpointer.stop()
        enter("ticks")
        ticker.stop()
        enter("checks of rows")
        scrubber.stop()
        enter("snapshots")
        snapshots.stop()
        enter("log")
        logWriter.stop()
        phase.withLock { $0 = .stopped }
        folder.close()
    }

    /// Takes the links down; after this nothing is sent. Before `stop`, hand-overs need them; so this comes after.
    package func takeDownLinks() async {
        let transport = transport.withLock { transport in
            defer { transport = nil }
            return transport
        }
        await transport?.shutdown()
    }

    private func handOver() {
        let deadline = monotonicNanoseconds() + 2_000_000_000
        func led() -> [ShardView] {
            board.all.filter { $0.role == .leader && $0.configuration.voters.count > 1 }
        }
        for view in led() { lanes.post(.run(view.shard) { $0.yield() }, to: view.shard) }
        while !led().isEmpty && monotonicNanoseconds() < deadline { usleep(5_000) }
    }
}

/// `@unchecked Sendable`: written by `body` and read after `finish`, which the lane calls later on the same thread; the
/// continuation orders the two.
private final class AnswerBox<Answer>: @unchecked Sendable {
    var answer: Answer?
}

/// What a request says of the time at which it wants to be looked at; as the box of answers.
private final class WakeUp: @unchecked Sendable {
    var time: Timestamp?
}

/// The lanes, for what is made before them.
private final class LaneReference: Sendable {
    private let table = Mutex<LaneTable?>(nil)
    func set(_ lanes: LaneTable) { table.withLock { $0 = lanes } }
    func lane(_ shard: ShardID) -> Lane {
        guard let lanes = table.withLock({ $0 }) else {
            preconditionFailure("asked before the lanes are there")
        }
        return lanes[shard]
    }
}
