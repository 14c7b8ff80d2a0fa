import Consensus
import Logging
import NIOCore
import Replication
import Synchronization
import Threads
import Transport
import Wire

/// Where everything between this node and the others goes through: frames in to lanes, calls and snapshots, frames out to links, and
/// who of the others is there.
final class PeerHub: PeerSender, PeerHandler {
    private struct State {
        var monitor: PeerMonitor
        var connected: Set<NodeID> = []
        var lives: [NodeID: UInt64] = [:]
        var leads: [NodeID: ShardSet] = [:]
        var ailing: Set<NodeID> = []
        var stopping: Set<NodeID> = []
        /// What an unreadable frame was last complained of, so that a broken peer does not fill the log.
        var lastComplaint: UInt64 = 0
    }

    private let state: Mutex<State>
    private let transport = Mutex<PeerTransport?>(nil)
    private let lanes = Mutex<LaneTable?>(nil)
    private let calls = Mutex<PeerCalls?>(nil)
    private let reads = Mutex<ReadDesk?>(nil)
    private let snapshots: SnapshotDesk
    private let logger: Logger
    private let now: @Sendable () -> Int64

    /// How often nodes say that they are there, in microseconds.
    static let interval: Int64 = 100_000

    /// - Parameters:
    ///   - patience: how long a node may be silent, in microseconds.
    ///   - now: microseconds of a clock that only goes forward.
    init(
        snapshots: SnapshotDesk, patience: Int64, logger: Logger,
        now: @escaping @Sendable () -> Int64
    ) {
        self.snapshots = snapshots
        self.logger = logger
        self.now = now
        state = Mutex(
            State(
                monitor: PeerMonitor(
                    peers: [], interval: Self.interval, patience: patience, now: now())))
    }

    func attach(_ lanes: LaneTable, _ calls: PeerCalls, _ reads: ReadDesk) {
        self.lanes.withLock { $0 = lanes }
        self.calls.withLock { $0 = calls }
        self.reads.withLock { $0 = reads }
    }

    func attach(_ transport: PeerTransport) { self.transport.withLock { $0 = transport } }

    // MARK: Out

    func send(_ kind: FrameKind, _ body: ByteBuffer, to node: NodeID, over link: LinkKind) -> Bool {
        guard let transport = transport.withLock({ $0 }) else { return false }
        return transport.send(kind, body, to: node, over: link)
    }

    func sendBulk(_ kind: FrameKind, _ body: ByteBuffer, to node: NodeID) async throws {
        guard let transport = transport.withLock({ $0 }) else {
            throw Unavailable(reason: .noLeader, retryAfterSeconds: 1)
        }
        try await transport.sendBulk(kind, body, to: node)
    }

    var connected: Set<NodeID> {
        state.withLock { state in
            state.connected.filter {
                !state.monitor.isSuspected(Int($0.rawValue)) && !state.stopping.contains($0)
            }
        }
    }

    var ailing: Set<NodeID> { state.withLock { $0.ailing } }

    /// Ten times a second: says that this node is there, and notices who is not.
    func tick(_ heartbeat: Heartbeat) {
        let (changes, connected, leads) = state.withLock { state in
            (
                state.monitor.tick(now: now()), state.connected,
                state.leads.filter { !state.monitor.isSuspected(Int($0.key.rawValue)) }
            )
        }
        for change in changes { tell(change) }
        transport.withLock { $0 }?.tick()
        let body = heartbeat.encoded()
        for node in connected.sorted() { _ = send(.heartbeat, body, to: node, over: .log) }
        lanes.withLock { $0 }?.postToAll(.tick(leads))
    }

    /// Which nodes there are to watch and to speak to.
    func setPeers(_ peers: [NodeID: PeerAddress], removed: Set<NodeID>) {
        state.withLock { state in
            state.monitor.setPeers(peers.keys.map { Int($0.rawValue) }, now: now())
        }
        transport.withLock { $0 }?.setPeers(peers, removed: removed)
    }

    func setRevoked(_ serials: Set<String>) { transport.withLock { $0 }?.setRevoked(serials) }

    private func tell(_ change: PeerMonitor.Change) {
        switch change {
        case .suspected(let number):
            logger.warning("a node is silent or gone", metadata: ["node": "\(number)"])
            lanes.withLock { $0 }?.postToAll(.suspected(NodeID(rawValue: UInt16(number))))
        case .trusted(let number):
            logger.info("a node is heard again", metadata: ["node": "\(number)"])
            lanes.withLock { $0 }?.postToAll(.trusted(NodeID(rawValue: UInt16(number))))
        }
    }

    // MARK: In, on the links' event loops

    func received(_ kind: FrameKind, _ body: ByteBuffer, from node: NodeID, over link: LinkKind) {
        do {
            switch kind {
            case .heartbeat: heard(try Heartbeat(decoding: body), from: node)
            case .replica, .consensus:
                let message = try body.withUnsafeReadableBytes { try ReplicaMessage(decoding: $0) }
                lanes.withLock { $0 }?.post(.message(message, from: node), to: message.shard)
            case .control:
                let message = try ControlMessage(decoding: body)
                if reads.withLock({ $0 })?.take(message, from: node) == true { return }
                lanes.withLock { $0 }?.post(.control(message, from: node), to: message.shard)
            case .request, .requestBody, .response, .responseBody:
                try calls.withLock { $0 }?.received(kind, body, from: node)
            case .snapshotBegin, .snapshotChunk, .snapshotEnd, .snapshotAnswer:
                try snapshots.received(kind, body, from: node)
            case .hello, .dial, .keepAlive, .padding: break
            }
        } catch {
            let isNews = state.withLock { state in
                let time = monotonicNanoseconds()
                guard time &- state.lastComplaint > 1_000_000_000 else { return false }
                state.lastComplaint = time
                return true
            }
            if isNews {
                logger.error(
                    "a frame cannot be read",
                    metadata: ["from": "\(node)", "kind": "\(kind)", "error": "\(error)"])
            }
        }
    }

    private func heard(_ heartbeat: Heartbeat, from node: NodeID) {
        let (change, isNews) = state.withLock { state in
            let change = state.monitor.heard(from: Int(node.rawValue), now: now())
            let isNews = state.leads[node] != heartbeat.leads
            state.leads[node] = heartbeat.leads
            if heartbeat.isAiling { state.ailing.insert(node) } else { state.ailing.remove(node) }
            if heartbeat.isStopping {
                state.stopping.insert(node)
            } else {
                state.stopping.remove(node)
            }
            return (change, isNews)
        }
        if let change { tell(change) }
        if isNews { lanes.withLock { $0 }?.postToAll(.heard(node, leads: heartbeat.leads)) }
    }

    func linkUp(_ node: NodeID, _ link: LinkKind, hello: Hello) {
        guard link == .log else { return }
        let (isOther, change) = state.withLock { state in
            let isOther = state.lives[node].map { $0 != hello.life } ?? false
            state.lives[node] = hello.life
            state.connected.insert(node)
            state.stopping.remove(node)
            if isOther { state.leads[node] = ShardSet() }
            return (isOther, state.monitor.heard(from: Int(node.rawValue), now: now()))
        }
        logger.info("linked", metadata: ["node": "\(node)"])
        if isOther && change == nil {
            // Another process: whatever the old one led, it leads no more.
            lanes.withLock { $0 }?.postToAll(.suspected(node))
            lanes.withLock { $0 }?.postToAll(.trusted(node))
        }
        if let change { tell(change) }
    }

    func linkDown(_ node: NodeID, _ link: LinkKind, reason: LinkFault) {
        switch link {
        case .log:
            let change = state.withLock { state in
                state.connected.remove(node)
                return state.monitor.disconnected(from: Int(node.rawValue))
            }
            if let change { tell(change) }
            reads.withLock { $0 }?.disconnected(node)
        case .requests: calls.withLock { $0 }?.disconnected(node)
        case .bulk: break
        }
    }
}

/// The lanes by shard.
final class LaneTable: Sendable {
    let lanes: [Lane]
    private let byShard: [Lane]

    init(_ lanes: [Lane], shardCount: Int) {
        self.lanes = lanes
        byShard = (0...shardCount).map { lanes[$0 % lanes.count] }
    }

    subscript(shard: ShardID) -> Lane { byShard[Int(shard.rawValue)] }

    /// What a peer says of a shard that this cluster does not have goes nowhere.
    func post(_ event: LaneEvent, to shard: ShardID) {
        guard Int(shard.rawValue) < byShard.count else { return }
        byShard[Int(shard.rawValue)].post(event)
    }

    func postToAll(_ event: LaneEvent) { for lane in lanes { lane.post(event) } }
}
