import NIOCore
import NIOHTTP1

/// Who asks over a connection.
protocol ConnectionUser: AnyObject {
    /// The connection is open and nothing is under way: once after each dial.
    func isReady(_ connection: Connection)
    /// The answer to what was sent.
    func didAnswer(_ connection: Connection, status: Int, body: ByteBuffer)
    /// The connection broke while an answer was awaited. `isReady` follows when it is open again.
    func didBreak(_ connection: Connection)
}

/// One connection with at most one request under way, dialled again when it breaks, also to another node.
///
/// `@unchecked Sendable`: all but `init` happens on the event loop.
final class Connection: @unchecked Sendable {
    private let dialer: Dialer
    /// The node it is meant for; while that one does not answer, it is at another.
    private let home: Int
    /// Whether what breaks is told, and not dialled again.
    private let dialsOnce: Bool
    private(set) var node: Int
    weak var user: (any ConnectionUser)?
    private var context: ChannelHandlerContext?
    private(set) var isAsking = false
    /// What broke it last, for people.
    fileprivate(set) var lastError = "closed by the node"
    private var isClosed = false
    private var sentAt: UInt64 = 0
    /// Times it was dialled after the first.
    private(set) var redials = -1

    private static let redialDelay = TimeAmount.milliseconds(10)

    init(dialer: Dialer, home: Int, dialsOnce: Bool = false, user: any ConnectionUser) {
        self.dialer = dialer
        self.home = home
        self.dialsOnce = dialsOnce
        self.user = user
        node = home
    }

    var isAway: Bool { node != home }

    /// Dials until a node answers.
    func open() {
        guard !isClosed else { return }
        redials += 1
        let handler = AnswerReader(connection: self)
        dialer.connect(to: node, handler: handler).whenFailure { [self] _ in
            // TLS or HTTP may have begun already; what broke then tells by itself.
            guard context == nil, !isClosed else { return }
            if dialsOnce {
                user?.didBreak(self)
                return
            }
            node = (node + 1) % dialer.addresses.count
            redialSoon()
        }
    }

    private func redialSoon() {
        dialer.loop.scheduleTask(in: Self.redialDelay) { [self] in open() }
    }

    /// Drops the connection for a new one to the node it is meant for.
    func goHome() {
        precondition(!isAsking)
        node = home
        context?.close(promise: nil)
    }

    func send(_ head: HTTPRequestHead, _ body: ByteBuffer?) {
        guard let context else { preconditionFailure("sent before the connection was open") }
        precondition(!isAsking, "one request at a time")
        isAsking = true
        sentAt = MonotonicClock.nanoseconds
        context.write(NIOAny(HTTPClientRequestPart.head(head)), promise: nil)
        if let body {
            context.write(NIOAny(HTTPClientRequestPart.body(.byteBuffer(body))), promise: nil)
        }
        context.writeAndFlush(NIOAny(HTTPClientRequestPart.end(nil)), promise: nil)
    }

    /// Breaks the connection if its answer is awaited for longer than `limit`.
    func giveUp(after limit: UInt64, now: UInt64) {
        if isAsking, now > sentAt, now - sentAt > limit { context?.close(promise: nil) }
    }

    func close() {
        isClosed = true
        context?.close(promise: nil)
    }

    // Told by the channel

    fileprivate func opened(_ context: ChannelHandlerContext) {
        guard !isClosed else { return context.close(promise: nil) }
        self.context = context
        user?.isReady(self)
    }

    fileprivate func answered(status: Int, body: ByteBuffer, keepsAlive: Bool) {
        isAsking = false
        if !keepsAlive {
            // The node says that it closes; the next request goes over a new connection.
            context?.close(promise: nil)
            context = nil
        }
        user?.didAnswer(self, status: status, body: body)
        if !keepsAlive, !dialsOnce { redialSoon() }
    }

    fileprivate func ended(_ ending: ChannelHandlerContext) {
        guard let context, context === ending else { return }
        self.context = nil
        let wasAsking = isAsking
        isAsking = false
        if wasAsking || dialsOnce { user?.didBreak(self) }
        if !isClosed, !dialsOnce { redialSoon() }
    }

    var isOpen: Bool { context != nil }
}

/// Puts answers together at the end of a channel.
///
/// `@unchecked Sendable`: all but `init` happens on the event loop.
final class AnswerReader: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTPClientResponsePart

    private let connection: Connection
    private var status = 0
    private var keepsAlive = true
    private var body = ByteBuffer()

    init(connection: Connection) { self.connection = connection }

    func channelActive(context: ChannelHandlerContext) { connection.opened(context) }

    func channelInactive(context: ChannelHandlerContext) { connection.ended(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            status = Int(head.status.code)
            keepsAlive = head.isKeepAlive
            body = ByteBuffer()
        case .body(var part):
            if body.readableBytes == 0 { body = part } else { body.writeBuffer(&part) }
        case .end:
            let whole = body
            body = ByteBuffer()
            connection.answered(status: status, body: whole, keepsAlive: keepsAlive)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        connection.lastError = "\(error)"
        // Bytes that are no HTTP, or a connection that was reset: either way nothing more comes from it.
        context.close(promise: nil)
    }
}
