import Consensus
import LogStore
import Logging
import ShardStore
import Synchronization
import Wire

/// The node's log as it was found.
struct OpenedLog {
    let log: NodeLog
    let replicas: [ShardID: RecoveredReplica]
    let floors: [ShardID: ReplicaID]

    init(_ folder: DataDirectory, identity: NodeIdentity, logMegabytes: Int, logger: Logger) throws
    {
        // Several segments, so that the oldest can go while the newest is written.
        let segmentSize = min(64, max(1, logMegabytes / 4)) << 20
        var bytes = identity.cluster.bytes
        bytes.append(UInt8(truncatingIfNeeded: identity.node.rawValue))
        bytes.append(UInt8(truncatingIfNeeded: identity.node.rawValue >> 8))
        if !folder.hasLog && folder.isBorn {
            throw DataDirectoryFault(
                description:
                    "\(folder.path) has rows and no log: the log folder was removed. What this node promised the others is forgotten, so it must not go on; remove the folder and join the cluster as a new node"
            )
        }
        log = try Self.open(
            folder, bytes, LogOptions(segmentBytes: segmentSize), mayBeginAnew: folder.hasPeers,
            logger: logger)
        floors = log.floors
        replicas = log.takeRecovered()
    }

    private static func open(
        _ folder: DataDirectory, _ identity: [UInt8], _ options: LogOptions, mayBeginAnew: Bool,
        logger: Logger
    ) throws -> NodeLog {
        let files = DiskFiles()
        let reason: LogFault
        do {
            return try NodeLog(
                folder: folder.logPath, files: files, identity: identity, options: options)
        } catch let fault as LogFault {
            guard fault.meansReplicasAreLost, mayBeginAnew else { throw fault }
            reason = fault
        }
        // The others have everything. This node's replicas begin anew, under ids that never promised anything.
        logger.error(
            "the log is damaged or its disk failed; this node's replicas begin anew",
            metadata: ["reason": "\(reason)"])
        try NodeLog.discard(
            folder: folder.logPath, files: files, identity: identity, options: options)
        return try NodeLog(
            folder: folder.logPath, files: files, identity: identity, options: options)
    }
}

extension LogFault {
    /// Whether what the node's replicas promised can no longer be known, so that they must begin anew under other ids.
    fileprivate var meansReplicasAreLost: Bool {
        switch self {
        case .damaged, .poisoned: true
        case .full, .failed, .unsupportedVersion, .foreign, .notHeld, .replicaWasHeld: false
        }
    }
}

/// Makes the hosts of a node's shards from what its disk holds. Used by the lanes at start, each on its own thread.
final class ReplicaBirth: Sendable {
    private let configuration: NodeConfiguration
    private let folder: DataDirectory
    private let opened: OpenedLog
    private let deskSchema: ShardSchema
    private let services: ShardServices
    private let births = Mutex<[LogChange]>([])
    private let directory = Mutex<Directory?>(nil)

    init(
        configuration: NodeConfiguration, folder: DataDirectory, opened: OpenedLog,
        deskSchema: ShardSchema, services: ShardServices
    ) {
        self.configuration = configuration
        self.folder = folder
        self.opened = opened
        self.deskSchema = deskSchema
        self.services = services
    }

    func watch(_ directory: Directory) { self.directory.withLock { $0 = directory } }

    func host(of shard: ShardID) throws -> ShardHost {
        let recovered = opened.replicas[shard]
        let floor = opened.floors[shard] ?? ReplicaID(0)
        let isFounding =
            recovered == nil && floor == ReplicaID(0) && configuration.identity.isFounder
            && !folder.isBorn
        var files = ShardFiles(folder: folder.shardsPath, shard: shard)
        if recovered == nil && !isFounding {
            // Left by a replica that let go and a process that ended before its files did.
            if files.exists { files.removeAll() }
        }
        let machine: StoreMachine
        do {
            machine = try StoreMachine(
                files: files, schema: shard == .directory ? DirectorySchema.schema : deskSchema,
                cacheKilobytes: max(
                    256, configuration.cacheMegabytes * 1024 / (configuration.shardCount + 1)),
                isNew: isFounding, clock: services.clock, watch: makeWatch(shard))
        } catch {
            guard let recovered, isReplaceable(recovered) else { throw error }
            services.logger.error(
                "the rows of a shard cannot be opened",
                metadata: ["shard": "\(shard)", "error": "\(error)"])
            return try host(of: shard, without: files, recovered, fault: "\(error)")
        }
        if isFounding { return found(shard, machine) }
        guard let recovered else {
            return ShardHost(
                shard: shard, machine: machine, recovered: nil, floor: floor, fault: nil,
                services: services)
        }
        return try host(of: shard, machine, recovered, floor)
    }

    private func makeWatch(_ shard: ShardID) -> DirectoryWatch? {
        guard shard == .directory, let directory = directory.withLock({ $0 }) else { return nil }
        return DirectoryWatch(
            directory: directory, clock: services.clock, logger: services.logger)
    }

    /// Whether others hold what this replica holds.
    private func isReplaceable(_ recovered: RecoveredReplica) -> Bool {
        let last = recovered.blocks.reversed().lazy.compactMap { block -> Configuration? in
            if case .configuration(let configuration) = block.content { return configuration }
            return nil
        }.first
        return (last ?? recovered.start.configuration).voters != [recovered.replica]
    }

    /// A group that begins on this disk, with this build's schema as its first entries.
    private func found(_ shard: ShardID, _ machine: StoreMachine) -> ShardHost {
        let replica = ReplicaID(number: 1, on: configuration.identity.node)
        let head = SnapshotHead(
            position: LogPosition(index: machine.appliedIndex, term: .zero),
            configuration: Configuration(voters: [replica]))
        births.withLock {
            $0.append(LogChange(shard: shard, .born(replica, head)))
        }
        return ShardHost(
            shard: shard, machine: machine,
            recovered: RecoveredReplica(
                replica: replica, hardState: HardState(term: .zero, vote: nil), start: head,
                blocks: []), floor: ReplicaID(0), fault: nil, services: services)
    }

    private func host(
        of shard: ShardID, _ machine: StoreMachine, _ recovered: RecoveredReplica,
        _ floor: ReplicaID
    ) throws -> ShardHost {
        var recovered = recovered
        var fault: String?
        let end = recovered.blocks.last?.last ?? recovered.start.position.index
        if machine.appliedIndex < recovered.start.position.index {
            fault =
                "the rows end at \(machine.appliedIndex), the log begins after \(recovered.start.position)"
        } else if machine.appliedIndex > end {
            // A snapshot was put in place and the process ended before the log knew.
            if let head = try machine.files.installedHead(),
                head.position.index == machine.appliedIndex
            {
                births.withLock {
                    $0.append(
                        LogChange(
                            shard: shard, .write(Write(sequence: 0, snapshot: head), payloads: [])))
                }
                recovered = RecoveredReplica(
                    replica: recovered.replica, hardState: recovered.hardState, start: head,
                    blocks: [])
            } else {
                fault = "the rows are at \(machine.appliedIndex), the log ends at \(end)"
            }
        }
        if let fault, !isReplaceable(recovered) {
            throw DataDirectoryFault(description: "shard \(shard): \(fault)")
        }
        return ShardHost(
            shard: shard, machine: machine, recovered: recovered, floor: floor, fault: fault,
            services: services)
    }

    /// A replica whose rows are worth nothing: it says so, and is replaced.
    private func host(
        of shard: ShardID, without files: ShardFiles, _ recovered: RecoveredReplica, fault: String
    ) throws -> ShardHost {
        var files = files
        files.removeAll()
        let machine = try StoreMachine(
            files: files, schema: shard == .directory ? DirectorySchema.schema : deskSchema,
            cacheKilobytes: 256, isNew: false, clock: services.clock, watch: makeWatch(shard))
        return ShardHost(
            shard: shard, machine: machine, recovered: recovered, floor: ReplicaID(0),
            fault: fault, services: services)
    }

    /// Puts what began on disk, before anything else is stored.
    func finish() throws {
        let changes = births.withLock { $0 }
        if !changes.isEmpty { try opened.log.append(changes) }
        try folder.markBorn()
    }
}
