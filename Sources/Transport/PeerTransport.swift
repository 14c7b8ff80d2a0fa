package import Certificates
package import Logging
package import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization
package import Wire

/// This node's links to the other nodes of its cluster: authenticated, framed, redialled for ever.
///
/// Of two nodes the one with the higher id dials; so there is one link for each kind. Links for log and requests are
/// dialled at once, a bulk link when it is first used: the lower node asks for it over the log link. A node that knows us
/// and has a good certificate is let in even when it is not on our list of peers, because a node that joins knows the
/// cluster before the cluster knows it. Nothing here blocks, and every queue has a bound.
package final class PeerTransport: Sendable {
    /// A pair of peer and kind of link.
    private struct Key: Hashable {
        let node: NodeID
        let kind: LinkKind
    }

    /// The dialling of one link.
    private struct Dial {
        var backoff: Backoff
        var next: Int64 = 0
        /// Whether an attempt runs or its link stands.
        var isBusy = false
        var isWanted: Bool
    }

    private struct BulkWaiter {
        let deadline: Int64
        let continuation: CheckedContinuation<Link, any Error>
    }

    private struct State {
        var contexts: TLSContexts
        /// Every link that is not closed, half-open ones too.
        var links: [UInt64: Link] = [:]
        var halfOpen: Set<UInt64> = []
        var nextNumber: UInt64 = 0
        var peers: [NodeID: PeerAddress] = [:]
        var dials: [Key: Dial] = [:]
        var bulkWaiters: [NodeID: [BulkWaiter]] = [:]
        var revoked: Set<String> = []
        /// Nodes that were peers and are none any more, whatever their certificates say.
        var removed: Set<NodeID> = []
        var faults: [NodeID: LinkFault] = [:]
        var faultLog: FaultLog
        var lastTick: Int64?
        var listener: (any Channel)?
        var isShutDown = false
    }

    package let local: LocalNode
    package let options: TransportOptions
    let handler: any PeerHandler
    let clock: @Sendable () -> Int64
    private let listen: PeerAddress
    private let group: any EventLoopGroup
    private let logger: Logger
    private let counters = [TrafficCounter(), TrafficCounter(), TrafficCounter()]
    // Taken in this order, never the other way round.
    private let announcement = Mutex(())
    private let state: Mutex<State>
    /// The links that `send` uses; apart, so that senders wait for nothing else.
    private let established = Mutex<[Key: Link]>([:])

    /// Checks the credentials against `local`; throws `CertificateFault` or `LinkFault`.
    ///
    /// `clock` gives microseconds that only go forward. The group is the caller's to shut down, after the transport.
    package init(
        local: LocalNode, credentials: NodeCredentials, listen: PeerAddress,
        options: TransportOptions = TransportOptions(), group: any EventLoopGroup,
        handler: any PeerHandler, clock: @escaping @Sendable () -> Int64, logger: Logger
    ) throws {
        self.local = local
        self.options = options
        self.listen = listen
        self.group = group
        self.handler = handler
        self.clock = clock
        self.logger = logger
        state = Mutex(
            State(
                contexts: try TLSContexts(credentials, for: local),
                faultLog: FaultLog(interval: options.faultLogInterval)))
    }

    /// Binds, and begins to dial. Returns the port it listens on.
    package func start() async throws -> Int {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 128)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: Self.waterMark)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel) }
            }
        let channel = try await bootstrap.bind(host: listen.host, port: listen.port).get()
        let isLate = state.withLock { state in
            if !state.isShutDown { state.listener = channel }
            return state.isShutDown
        }
        if isLate {
            try await channel.close().get()
            throw LinkFault.shutdown
        }
        dialWhatIsDue(now: clock())
        guard let port = channel.localAddress?.port else { throw LinkFault.notConnected }
        return port
    }

    /// Who the other nodes are and where. Dials the new ones, closes the links of those that are gone. A node that is in neither
    /// is welcome when it dials: it may have joined a moment ago.
    /// - Parameter removed: nodes with which there are no links any more.
    package func setPeers(_ peers: [NodeID: PeerAddress], removed: Set<NodeID> = []) {
        let (gone, dialling) = state.withLock { state in
            let gone = Set(state.peers.keys).subtracting(peers.keys).union(removed)
            state.removed = removed
            let dialling = state.links.values.filter { link in
                if case .dialling(let node, _) = link.direction {
                    gone.contains(node)
                } else {
                    false
                }
            }
            state.peers = peers.filter { $0.key != local.node }
            for key in state.dials.keys where state.peers[key.node] == nil {
                state.dials[key] = nil
            }
            for node in state.peers.keys where node < local.node {
                for kind in LinkKind.allCases where state.dials[Key(node: node, kind: kind)] == nil
                {
                    state.dials[Key(node: node, kind: kind)] = Dial(
                        backoff: backoff, isWanted: kind != .bulk)
                }
            }
            return (gone, dialling)
        }
        let links = established.withLock { table in
            table.filter { gone.contains($0.key.node) }.values
        }
        for link in dialling + links { link.close(.removed) }
        dialWhatIsDue(now: clock())
    }

    /// The serials of certificates that are no good any more. Links that rest on one close at once.
    package func setRevoked(_ serials: Set<String>) {
        let links = state.withLock { state in
            state.revoked = serials
            return Array(state.links.values)
        }
        for link in links { link.revoke(serials) }
    }

    /// New handshakes use these credentials; links that stand are left alone. On a throw the old ones stay.
    package func reloadCredentials(_ credentials: NodeCredentials) throws {
        let contexts = try TLSContexts(credentials, for: local)
        state.withLock { $0.contexts = contexts }
    }

    // MARK: Sending

    /// Queues a frame, from any thread and without waiting. False when there is no such link, or when it holds as many
    /// unsent bytes as the options allow; then nothing was queued.
    package func send(
        _ kind: FrameKind, _ body: ByteBuffer, to node: NodeID, over link: LinkKind
    ) -> Bool {
        guard let found = established.withLock({ $0[Key(node: node, kind: link)] }) else {
            return false
        }
        return found.send(kind, body, bound: bound(link))
    }

    /// Queues a frame of a stream over the bulk link, which it has opened if need be; waits for room and for the rate.
    /// Frames of one caller keep their order. Throws `LinkFault` when there is no link in time or it closes; what was
    /// queued may be lost then.
    package func sendBulk(_ kind: FrameKind, _ body: ByteBuffer, to node: NodeID) async throws {
        try await bulkLink(node).stream(kind, body)
    }

    /// Called by the node every `options.tickInterval`: finds silence and slow handshakes, and dials.
    package func tick() {
        let now = clock()
        let (links, late, waiters) = state.withLock { state in
            let due = (state.lastTick ?? now) + options.tickInterval
            state.lastTick = now
            var expired: [BulkWaiter] = []
            for (node, waiters) in state.bulkWaiters {
                expired += waiters.filter { $0.deadline <= now }
                let rest = waiters.filter { $0.deadline > now }
                state.bulkWaiters[node] = rest.isEmpty ? nil : rest
            }
            let late = now - due > options.tickInterval ? now - due : 0
            return (Array(state.links.values), late, expired)
        }
        for link in links { link.tick(now: now, late: late) }
        for waiter in waiters { waiter.continuation.resume(throwing: LinkFault.notConnected) }
        dialWhatIsDue(now: now)
    }

    /// Why the last link of this peer closed, or could not be opened; nil while one of it has been established since.
    package func lastFault(of node: NodeID) -> LinkFault? { state.withLock { $0.faults[node] } }

    package var statistics: TransportStatistics {
        var result = TransportStatistics()
        for kind in LinkKind.allCases { result.traffic[kind] = traffic(kind).traffic }
        let links = established.withLock { Array($0.values) }
        result.establishedLinks = links.count
        result.unsentBytes = links.reduce(0) { $0 + $1.unsentBytes }
        result.waitingFrames = links.reduce(0) { $0 + $1.waitingFrames }
        result.halfOpen = state.withLock { $0.halfOpen.count }
        return result
    }

    /// Closes everything. The handler hears of every link that goes, before this returns.
    package func shutdown() async {
        let (listener, links, waiters) = state.withLock { state in
            state.isShutDown = true
            state.dials = [:]
            defer {
                state.listener = nil
                state.bulkWaiters = [:]
            }
            return (
                state.listener, Array(state.links.values), state.bulkWaiters.values.flatMap(\.self)
            )
        }
        for waiter in waiters { waiter.continuation.resume(throwing: LinkFault.shutdown) }
        try? await listener?.close().get()
        for link in links { await link.closeAndWait(.shutdown) }
    }

    // MARK: Links coming and going

    var revokedSerials: Set<String> { state.withLock { $0.revoked } }

    func traffic(_ kind: LinkKind) -> TrafficCounter { counters[Int(kind.rawValue) - 1] }

    /// A link's number; inbound ones are refused when too many are not through their handshake.
    private func admit(_ make: (UInt64) -> Link, isInbound: Bool) throws(LinkFault) -> Link {
        let result: Result<Link, LinkFault> = state.withLock { state in
            if state.isShutDown { return .failure(.shutdown) }
            if isInbound {
                guard state.halfOpen.count < options.halfOpenLimit else {
                    return .failure(.tooManyHandshakes)
                }
            }
            state.nextNumber += 1
            let link = make(state.nextNumber)
            state.links[link.number] = link
            if isInbound { state.halfOpen.insert(link.number) }
            return .success(link)
        }
        return try result.get()
    }

    private func accept(_ channel: any Channel) throws {
        let source = channel.remoteAddress?.ipAddress ?? "unknown"
        do throws(LinkFault) {
            let link = try admit(
                { number in
                    Link(
                        number: number, direction: .accepting, address: source,
                        eventLoop: channel.eventLoop, transport: self)
                }, isInbound: true)
            do {
                let context = state.withLock { $0.contexts.server }
                try channel.pipeline.syncOperations.addHandlers([
                    NIOSSLServerHandler(context: context), link,
                ])
            } catch {
                link.close(.disconnected("\(error)"))
                throw LinkFault.disconnected("\(error)")
            }
        } catch {
            report(error, node: nil, source: source)
            throw error
        }
    }

    /// A link on a channel that has no TLS of its own; `certificate` is what the caller says TLS has proved.
    package func attach(
        _ channel: any Channel, direction: LinkState.Direction, certificate: NodeCertificate
    ) throws {
        let link = try admit(
            { number in
                Link(
                    number: number, direction: direction, address: "test",
                    eventLoop: channel.eventLoop, transport: self, identify: { _ in certificate })
            }, isInbound: direction == .accepting)
        try channel.pipeline.syncOperations.addHandler(link)
    }

    func established(_ link: Link, _ peer: LinkState.Peer) {
        let key = Key(node: peer.hello.node, kind: peer.hello.link)
        var waiters: [BulkWaiter] = []
        announcement.withLock { _ in
            let refusal = state.withLock { state -> LinkFault? in
                state.halfOpen.remove(link.number)
                guard !state.isShutDown, state.links[link.number] != nil else {
                    return .superseded
                }
                guard !state.removed.contains(key.node) else { return .removed }
                state.faults[key.node] = nil
                if key.kind == .bulk {
                    waiters = state.bulkWaiters.removeValue(forKey: key.node) ?? []
                }
                return nil
            }
            if let refusal {
                link.silence(refusal)
                return
            }
            let older = established.withLock { table in table.updateValue(link, forKey: key) }
            if let older {
                older.silence(.superseded)
                handler.linkDown(key.node, key.kind, reason: .superseded)
            }
            handler.linkUp(key.node, key.kind, hello: peer.hello)
        }
        for waiter in waiters { waiter.continuation.resume(returning: link) }
        logger.info(
            "link established",
            metadata: [
                "peer": "\(key.node)", "link": "\(key.kind)", "address": "\(link.address)",
                "serial": "\(peer.certificate.serial)",
            ])
    }

    /// Called once for each admitted link, on its event loop, before anything else can happen to it.
    func closed(_ link: Link, _ fault: LinkFault) {
        let peer = link.peerNode.map { Key(node: $0, kind: link.kind) }
        announcement.withLock { _ in
            let chance = UInt64.random(in: .min ... .max)
            let now = clock()
            state.withLock { state in
                state.links[link.number] = nil
                state.halfOpen.remove(link.number)
                if case .dialling(let node, let kind) = link.direction {
                    let key = Key(node: node, kind: kind)
                    // A link that goes as soon as it stands is a failure too, such as one that two copies of a node fight for.
                    if let since = link.establishedAt, now - since >= options.longestBackoff {
                        state.dials[key]?.backoff.succeeded()
                    }
                    finishDial(&state, key, now: now, chance: chance)
                }
            }
            guard let peer else { return }
            let wasCurrent = established.withLock { table in
                guard table[peer] === link else { return false }
                table[peer] = nil
                return true
            }
            if wasCurrent { handler.linkDown(peer.node, peer.kind, reason: fault) }
        }
        var node = peer?.node
        if case .dialling(let expected, _) = link.direction { node = expected }
        report(fault, node: node, source: link.address)
    }

    private func report(_ fault: LinkFault, node: NodeID?, source: String) {
        let now = clock()
        let suppressed = state.withLock { state in
            if let node, fault != .superseded { state.faults[node] = fault }
            return state.faultLog.admit(
                fault, from: node.map { "node \($0)" } ?? source, now: now)
        }
        guard let suppressed else { return }
        var metadata: Logger.Metadata = ["address": "\(source)", "reason": "\(fault)"]
        if let node { metadata["peer"] = "\(node)" }
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        logger.log(
            level: fault.isOrdinary ? .info : .warning, "link closed", metadata: metadata)
    }

    // MARK: Dialling

    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(
        low: 128 << 10, high: 512 << 10)

    private var backoff: Backoff {
        Backoff(shortest: options.shortestBackoff, longest: options.longestBackoff)
    }

    private func bound(_ kind: LinkKind) -> Int {
        switch kind {
        case .log: options.logBound
        case .requests: options.requestsBound
        case .bulk: options.bulkBound
        }
    }

    private func dialWhatIsDue(now: Int64) {
        let due = state.withLock { state in
            // Nobody is dialled before we listen.
            guard state.listener != nil, !state.isShutDown else { return [(Key, PeerAddress)]() }
            var due: [(Key, PeerAddress)] = []
            for (key, dial) in state.dials where dial.isWanted && !dial.isBusy && dial.next <= now {
                guard let address = state.peers[key.node] else { continue }
                state.dials[key]?.isBusy = true
                due.append((key, address))
            }
            return due
        }
        for (key, address) in due { dial(key, address) }
    }

    private func dial(_ key: Key, _ address: PeerAddress) {
        let eventLoop = group.next()
        let made = try? admit(
            { number in
                Link(
                    number: number, direction: .dialling(key.node, key.kind),
                    address: "\(address.host):\(address.port)", eventLoop: eventLoop,
                    transport: self)
            }, isInbound: false)
        guard let link = made else { return }
        let context = state.withLock { $0.contexts.client }
        ClientBootstrap(group: eventLoop)
            .connectTimeout(.seconds(2))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.writeBufferWaterMark, value: Self.waterMark)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        NIOSSLClientHandler(context: context, serverHostname: nil), link,
                    ])
                }
            }
            .connect(host: address.host, port: address.port)
            .whenFailure { link.close(.unreachable("\($0)")) }
    }

    private func finishDial(_ state: inout State, _ key: Key, now: Int64, chance: UInt64) {
        guard var dial = state.dials[key] else { return }
        dial.isBusy = false
        dial.next = now + dial.backoff.failed(chance: chance)
        if key.kind == .bulk { dial.isWanted = state.bulkWaiters[key.node] != nil }
        state.dials[key] = dial
    }

    // MARK: The bulk link

    private func bulkLink(_ node: NodeID) async throws -> Link {
        let key = Key(node: node, kind: .bulk)
        if let link = established.withLock({ $0[key] }) { return link }
        return try await withCheckedThrowingContinuation { continuation in
            let deadline = clock() + options.bulkPatience
            let fault: LinkFault? = state.withLock { state in
                if state.isShutDown { return .shutdown }
                if node < local.node, state.peers[node] == nil { return .notConnected }
                state.bulkWaiters[node, default: []].append(
                    BulkWaiter(deadline: deadline, continuation: continuation))
                return nil
            }
            if let fault {
                continuation.resume(throwing: fault)
                return
            }
            if node < local.node {
                dialBulk(node)
            } else {
                _ = send(
                    .dial, ByteBuffer(integer: LinkKind.bulk.rawValue), to: node, over: .log)
            }
            // It may have come up before we began to wait.
            if let link = established.withLock({ $0[key] }) { wakeBulkWaiters(node, link) }
        }
    }

    private func wakeBulkWaiters(_ node: NodeID, _ link: Link) {
        let waiters = state.withLock { $0.bulkWaiters.removeValue(forKey: node) ?? [] }
        for waiter in waiters { waiter.continuation.resume(returning: link) }
    }

    /// We or the lower node want a bulk link.
    func dialBulk(_ node: NodeID) {
        guard node < local.node else { return }
        state.withLock { $0.dials[Key(node: node, kind: .bulk)]?.isWanted = true }
        dialWhatIsDue(now: clock())
    }
}
