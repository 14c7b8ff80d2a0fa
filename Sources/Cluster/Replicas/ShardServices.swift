import Consensus
import Logging
import NIOCore
import Synchronization
import Wire

/// How frames leave for other nodes. Never blocks.
protocol PeerSender: Sendable {
    /// False when nothing was sent: there is no link, or too much waits for it already.
    func send(_ kind: FrameKind, _ body: ByteBuffer, to node: NodeID, over link: LinkKind) -> Bool
    /// Sends over the bulk link when there is room.
    func sendBulk(_ kind: FrameKind, _ body: ByteBuffer, to node: NodeID) async throws
}

/// What a leader knows of the cluster when it looks after its group's members.
struct ClusterSight: Sendable {
    var nodes: [NodeRecord] = []
    var connected: Set<NodeID> = []
    /// Nodes whose disks are full or slow: nobody hands leadership to them.
    var ailing: Set<NodeID> = []
    /// Voters that a tenant shard should have.
    var replicationFactor = 3
    /// Zones that leaders should be in; empty when it does not matter.
    var leaderZones: [String] = []
    /// Whether the cluster's wishes are known yet.
    var isKnown = false
}

/// What the replicas of a node share.
final class ShardServices: Sendable {
    let node: NodeID
    let board: ShardBoard
    let log: LogWriter
    let peers: any PeerSender
    let clock: @Sendable () -> Timestamp
    let random: @Sendable (ClosedRange<Int>) -> Int
    let logger: Logger
    let shedsLateRequests: Bool
    /// How many entries a leader keeps for followers that are a little behind.
    let trailingEntries: UInt64
    let sight = Mutex(ClusterSight())
    /// Whether the disk is nearly full: nothing new is taken.
    let isDiskLow = Atomic(false)
    /// How long a shard's SQLite WAL grows before it is folded, in pages of 4 KiB. The longer, the more often a page that changes all the
    /// time is written before it is folded once.
    let walPages = Atomic(ShardServices.walPages(free: nil, shards: 1))
    let snapshots: SnapshotDesk
    let scrubber: Scrubber
    let checkpointer: Checkpointer
    /// Runs something on a shard's lane later.
    let onLane: @Sendable (ShardID, @escaping @Sendable (ShardHost) -> Void) -> Void

    init(
        node: NodeID, board: ShardBoard, log: LogWriter, peers: any PeerSender,
        clock: @escaping @Sendable () -> Timestamp,
        random: @escaping @Sendable (ClosedRange<Int>) -> Int, logger: Logger,
        shedsLateRequests: Bool, trailingEntries: UInt64, snapshots: SnapshotDesk,
        scrubber: Scrubber, checkpointer: Checkpointer,
        onLane: @escaping @Sendable (ShardID, @escaping @Sendable (ShardHost) -> Void) -> Void
    ) {
        self.node = node
        self.board = board
        self.log = log
        self.peers = peers
        self.clock = clock
        self.random = random
        self.logger = logger
        self.shedsLateRequests = shedsLateRequests
        self.trailingEntries = trailingEntries
        self.snapshots = snapshots
        self.scrubber = scrubber
        self.checkpointer = checkpointer
        self.onLane = onLane
    }

    /// Long WALs, of 32 MB each, take a quarter of what is free at most; otherwise they are of 8 MB.
    static func walPages(free: UInt64?, shards: Int) -> Int {
        let (long, short) = (8192, 2048)
        guard let free else { return short }
        return free / 4 >= UInt64(shards) * UInt64(long) * 4096 ? long : short
    }

    func tell(_ message: ControlMessage, to node: NodeID) {
        _ = peers.send(.control, message.encoded(), to: node, over: .log)
    }
}
