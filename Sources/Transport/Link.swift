package import Certificates
package import NIOCore
internal import NIOSSL
internal import NIOTLS
internal import Synchronization
internal import Wire

/// One connection to a peer: feeds what happens on it to its `LinkState`, frames to the handler, and the outbox to the
/// socket.
///
/// `@unchecked Sendable`: what is not a constant, an atomic or under the mutex is touched on the event loop only.
package final class Link: ChannelInboundHandler, @unchecked Sendable {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// A bulk frame that waits for room, and its sender.
    private struct Waiter {
        let number: UInt64
        let kind: FrameKind
        let head: Frame.Head
        let body: ByteBuffer
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct Shared {
        var outbox = Outbox()
        var pacer: BulkPacer
        var waiters: [Waiter] = []
        var nextWaiter: UInt64 = 0
        var isPumpScheduled = false
        var fault: LinkFault?
    }

    let number: UInt64
    let direction: LinkState.Direction
    /// Where it comes from or goes to, for the log.
    let address: String
    private let eventLoop: any EventLoop
    private let transport: PeerTransport
    private let options: TransportOptions
    private let clock: @Sendable () -> Int64
    private let identify: (ChannelHandlerContext) throws -> NodeCertificate
    private let shared: Mutex<Shared>
    /// Whether it delivers nothing more: another link is in its place, or its peer is not welcome.
    private let isSilenced = Atomic<Bool>(false)

    // On the event loop.
    private var state: LinkState
    private var decoder = FrameDecoder(limit: Hello.lengthLimit)
    private var context: ChannelHandlerContext?
    /// Known from `established` on. On the event loop.
    private(set) var peerNode: NodeID?
    private(set) var kind = LinkKind.log
    private(set) var establishedAt: Int64?
    private var quietSince: Int64
    private var appendedThen: UInt64 = 0

    package init(
        number: UInt64, direction: LinkState.Direction, address: String,
        eventLoop: any EventLoop, transport: PeerTransport,
        identify: @escaping (ChannelHandlerContext) throws -> NodeCertificate = Link.certificate
    ) {
        self.number = number
        self.direction = direction
        self.address = address
        self.eventLoop = eventLoop
        self.transport = transport
        self.identify = identify
        options = transport.options
        clock = transport.clock
        if case .dialling(_, let dialled) = direction { kind = dialled }
        let now = transport.clock()
        quietSince = now
        state = LinkState(
            local: transport.local, direction: direction, silence: options.silence,
            handshake: options.handshake, now: now)
        shared = Mutex(
            Shared(pacer: BulkPacer(bytesPerSecond: options.bulkBytesPerSecond, now: now)))
    }

    /// What TLS has proved about the peer.
    package static func certificate(_ context: ChannelHandlerContext) throws -> NodeCertificate {
        guard let peer = try context.pipeline.syncOperations.nioSSL_peerCertificate() else {
            throw LinkFault.handshake("the peer has no certificate")
        }
        return try NodeCertificate(der: peer.toDERBytes())
    }

    // MARK: Sending, from any thread

    /// Queues a frame unless the link is closed or would then hold more than `bound` unsent bytes.
    func send(_ frameKind: FrameKind, _ body: ByteBuffer, bound: Int) -> Bool {
        let head = body.withUnsafeReadableBytes { Frame.Head(kind: frameKind, body: $0) }
        let (isQueued, mustDrain) = shared.withLock { shared in
            guard shared.outbox.isOpen, shared.outbox.unsent + head.frameLength <= bound else {
                return (false, false)
            }
            return (true, shared.outbox.append(frameKind, head, body))
        }
        if mustDrain { eventLoop.execute { self.drain() } }
        return isQueued
    }

    /// Queues a frame of a stream; returns when it is queued, which waits for room and for the link's rate. Throws the
    /// link's fault when it closes first, and `CancellationError`.
    func stream(_ frameKind: FrameKind, _ body: ByteBuffer) async throws {
        let head = body.withUnsafeReadableBytes { Frame.Head(kind: frameKind, body: $0) }
        let waiter = shared.withLock { shared in
            shared.nextWaiter += 1
            return shared.nextWaiter
        }
        try await withTaskCancellationHandler {
            try Task.checkCancellation()
            try await withCheckedThrowingContinuation { continuation in
                let fault: LinkFault? = shared.withLock { shared in
                    if !shared.outbox.isOpen { return shared.fault ?? .notConnected }
                    shared.waiters.append(
                        Waiter(
                            number: waiter, kind: frameKind, head: head, body: body,
                            continuation: continuation))
                    return nil
                }
                if let fault { continuation.resume(throwing: fault) } else { pump() }
            }
        } onCancel: {
            let found = shared.withLock { shared in
                shared.waiters.firstIndex { $0.number == waiter }.map {
                    shared.waiters.remove(at: $0)
                }
            }
            found?.continuation.resume(throwing: CancellationError())
        }
    }

    var unsentBytes: Int { shared.withLock { $0.outbox.unsent } }
    var waitingFrames: Int { shared.withLock { $0.waiters.count } }

    /// Lets frames that wait into the outbox, first come first served, as far as window and rate allow.
    private func pump() {
        let now = clock()
        var admitted: [CheckedContinuation<Void, any Error>] = []
        let (mustDrain, wait) = shared.withLock { shared in
            var mustDrain = false
            while let first = shared.waiters.first {
                let unsent = shared.outbox.unsent
                // A frame longer than the window goes when nothing else is on its way.
                guard unsent == 0 || unsent + first.head.frameLength <= options.bulkWindow else {
                    break
                }
                let wait = shared.pacer.wait(now: now)
                if wait > 0 {
                    defer { shared.isPumpScheduled = true }
                    return (mustDrain, shared.isPumpScheduled ? 0 : wait)
                }
                shared.pacer.spend(first.head.frameLength)
                mustDrain = shared.outbox.append(first.kind, first.head, first.body) || mustDrain
                admitted.append(shared.waiters.removeFirst().continuation)
            }
            return (mustDrain, 0 as Int64)
        }
        if mustDrain { eventLoop.execute { self.drain() } }
        if wait > 0 {
            eventLoop.scheduleTask(in: .microseconds(wait)) {
                self.shared.withLock { $0.isPumpScheduled = false }
                self.pump()
            }
        }
        for continuation in admitted { continuation.resume() }
    }

    // MARK: What others tell it, from any thread

    func tick(now: Int64, late: Int64) {
        eventLoop.execute {
            self.perform(self.state.apply(.ticked(now: now, late: late)))
            self.sayStillHere(now: now)
        }
    }

    func revoke(_ serials: Set<String>) {
        eventLoop.execute { self.perform(self.state.apply(.revoked(serials))) }
    }

    func close(_ fault: LinkFault) {
        eventLoop.execute { self.perform(self.state.apply(.failed(fault))) }
    }

    /// Returns when the connection is gone.
    func closeAndWait(_ fault: LinkFault) async {
        let channel = try? await eventLoop.submit {
            defer { self.perform(self.state.apply(.failed(fault))) }
            return self.context?.channel
        }.get()
        try? await channel?.closeFuture.get()
    }

    /// Closes, and delivers nothing from now on.
    func silence(_ fault: LinkFault) {
        isSilenced.store(true, ordering: .releasing)
        close(fault)
    }

    // MARK: The channel

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if state.isClosed { context.close(promise: nil) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        // A connection that never came up ends without `channelInactive`; whoever dialled hears of it from the attempt itself.
        if direction == .accepting { fail(.disconnected("the connection ended")) }
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            do {
                let certificate = try identify(context)
                perform(state.apply(.secured(certificate, revoked: transport.revokedSerials)))
            } catch let fault as LinkFault {
                fail(fault)
            } catch {
                fail(.badCertificate("\(error)"))
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = unwrapInboundIn(data)
        let length = input.readableBytes
        var frames = 0
        state.heard(now: clock())
        reading: while !state.isClosed {
            let frame: FrameDecoder.Received
            do throws(Frame.Fault) {
                guard let next = try decoder.next(from: &input) else { break }
                frame = next
            } catch {
                fail(.badFrame(error))
                break
            }
            frames += 1
            switch state.received(kind: frame.kindNumber) {
            case .deliver(let frameKind): deliver(frameKind, frame.body)
            case .ignore: break
            case .readHello: readHello(frame.body)
            case .close(let fault):
                closed(fault)
                break reading
            }
        }
        transport.traffic(kind).received(bytes: length, frames: frames)
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { drain() }
        context.fireChannelWritabilityChanged()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        fail(.disconnected("the connection ended"))
        context.fireChannelInactive()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case NIOSSLError.uncleanShutdown = error {
            fail(.disconnected("the peer closed; if it refused us, its log says why"))
        } else if state.peer == nil, error is NIOSSLError || error is BoringSSLError {
            // Also the peer's refusal of our certificate, which comes when for us the handshake is over (RFC 8446, 4.4.2.4).
            fail(.handshake("\(error)"))
        } else {
            fail(.disconnected("\(error)"))
        }
    }

    // MARK: On the event loop

    private func readHello(_ body: ByteBuffer) {
        do throws(DecodingFault) {
            perform(state.apply(.hello(try Hello(decoding: Array(body.readableBytesView)))))
        } catch {
            fail(.badHello(error))
        }
    }

    private func deliver(_ frameKind: FrameKind, _ body: ByteBuffer) {
        guard let peerNode, !isSilenced.load(ordering: .acquiring) else { return }
        if frameKind == .dial {
            let wanted = body.getInteger(at: body.readerIndex, as: UInt8.self)
            if wanted == LinkKind.bulk.rawValue { transport.dialBulk(peerNode) }
            return
        }
        transport.handler.received(frameKind, body, from: peerNode, over: kind)
    }

    private func perform(_ actions: [LinkState.Action]) {
        for action in actions {
            switch action {
            case .sendHello(let kind):
                let hello = ByteBuffer(bytes: transport.local.hello(kind).encoded())
                _ = send(.hello, hello, bound: .max)
            case .establish(let peer):
                decoder.limit = Frame.bodyLimit
                peerNode = peer.hello.node
                kind = peer.hello.link
                establishedAt = clock()
                transport.established(self, peer)
            case .close(let fault): closed(fault)
            }
        }
    }

    private func fail(_ fault: LinkFault) { perform(state.apply(.failed(fault))) }

    private func closed(_ fault: LinkFault) {
        let waiters = shared.withLock { shared in
            shared.outbox.close()
            shared.fault = fault
            defer { shared.waiters = [] }
            return shared.waiters
        }
        for waiter in waiters { waiter.continuation.resume(throwing: fault) }
        transport.closed(self, fault)
        guard let context else { return }
        // Without TLS's farewell, which would wait seconds for the answer of a peer that may be dead. Frames carry their own ends.
        let operations = context.pipeline.syncOperations
        if let tls = try? operations.context(handlerType: NIOSSLHandler.self) {
            tls.close(promise: nil)
        } else {
            context.close(promise: nil)
        }
    }

    /// Moves what waits into the socket, as long as that takes it; else `channelWritabilityChanged` goes on.
    private func drain() {
        guard let context else { return }
        while context.channel.isWritable {
            guard let chunk = shared.withLock({ $0.outbox.take() }) else { return }
            let length = chunk.bytes.readableBytes
            transport.traffic(kind).sent(bytes: length, frames: chunk.frames)
            let promise = eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenComplete { _ in
                let isAwaited = self.shared.withLock { shared in
                    shared.outbox.wrote(length)
                    return !shared.waiters.isEmpty
                }
                if isAwaited { self.pump() }
            }
            context.writeAndFlush(wrapOutboundOut(chunk.bytes), promise: promise)
        }
    }

    private func sayStillHere(now: Int64) {
        guard state.peer != nil else { return }
        let (appended, unsent) = shared.withLock { ($0.outbox.appended, $0.outbox.unsent) }
        if appended != appendedThen {
            appendedThen = appended
            quietSince = now
        } else if now - quietSince >= options.keepAlive, unsent == 0 {
            quietSince = now
            _ = send(.keepAlive, ByteBuffer(), bound: .max)
            appendedThen += 1
        }
    }
}
