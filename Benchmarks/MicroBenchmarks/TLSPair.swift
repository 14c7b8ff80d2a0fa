import Certificates
import Glibc
import NIOCore
import NIOEmbedded
import NIOSSL
import NIOTLS
import Wire

/// Contexts of a server with a P-256 certificate and of a client that trusts its authority, as a node's HTTPS has them.
struct TLSIdentity {
    fileprivate let server: NIOSSLContext
    fileprivate let client: NIOSSLContext

    init() throws {
        // Certificates are checked by the machine's clock.
        let now = Timestamp(milliseconds: Int64(time(nil)) * 1000)
        let authority = try ClusterAuthority.make(
            cluster: ClusterID(bytes: Array(repeating: 7, count: 16)), now: now)
        let issued = try authority.issueNode(
            NodeID(rawValue: 1), zone: "here", hosts: [TLSPair.host], now: now)
        var serverSide = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(issued.certificatePEM.utf8))
                .map { .certificate($0) },
            privateKey: .privateKey(
                try NIOSSLPrivateKey(bytes: Array(issued.keyPEM.utf8), format: .pem)))
        serverSide.minimumTLSVersion = .tlsv13
        var clientSide = TLSConfiguration.makeClientConfiguration()
        clientSide.minimumTLSVersion = .tlsv13
        clientSide.trustRoots = .certificates(
            try NIOSSLCertificate.fromPEMBytes(Array(authority.certificatePEM.utf8)))
        server = try NIOSSLContext(configuration: serverSide)
        client = try NIOSSLContext(configuration: clientSide)
    }
}

/// Both ends of a TLS connection in this thread, with a wire of memory between them.
final class TLSPair {
    static let host = "node.example.org"

    private let server = EmbeddedChannel()
    private let client = EmbeddedChannel()
    private let ends = (server: Handshake(), client: Handshake())
    /// Bytes that went from the client to the server since the handshake.
    private(set) var sentBytes = 0

    init(_ identity: TLSIdentity) throws {
        try server.pipeline.syncOperations.addHandlers([
            NIOSSLServerHandler(context: identity.server), ends.server,
        ])
        try client.pipeline.syncOperations.addHandlers([
            try NIOSSLClientHandler(context: identity.client, serverHostname: Self.host),
            ends.client,
        ])
    }

    var isOpen: Bool { ends.server.isDone && ends.client.isDone }

    func shakeHands() throws {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        server.connect(to: address, promise: nil)
        client.connect(to: address, promise: nil)
        try passAll()
        sentBytes = 0
    }

    /// Sends a message from the client to the server and gives what came out there.
    func send(_ message: ByteBuffer) throws -> ByteBuffer {
        client.writeAndFlush(message, promise: nil)
        sentBytes += try pass(from: client, to: server)
        guard var received = try server.readInbound(as: ByteBuffer.self) else {
            return ByteBuffer()
        }
        // A message of several records comes in pieces.
        while var more = try server.readInbound(as: ByteBuffer.self) {
            received.writeBuffer(&more)
        }
        return received
    }

    /// Each end says that it closes, and hears that the other does; only then is it closed.
    func close() {
        client.close(promise: nil)
        server.close(promise: nil)
        try? passAll()
    }

    /// Carries over what both ends write, until neither has anything to say.
    private func passAll() throws {
        var moved = 0
        repeat {
            moved = try pass(from: client, to: server)
            moved += try pass(from: server, to: client)
        } while moved > 0
    }

    /// Carries over what an end has written; its bytes.
    private func pass(from sender: EmbeddedChannel, to receiver: EmbeddedChannel) throws -> Int {
        var bytes = 0
        while let part = try sender.readOutbound(as: ByteBuffer.self) {
            bytes += part.readableBytes
            try receiver.writeInbound(part)
        }
        return bytes
    }
}

/// Hears that the handshake is over.
private final class Handshake: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private(set) var isDone = false

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(_)? = event as? TLSUserEvent { isDone = true }
        context.fireUserInboundEventTriggered(event)
    }
}
