import Foundation
package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Opens connections to the nodes' listeners of one kind.
///
/// `@unchecked Sendable`: the sums are touched by the one event loop alone, or when it has nothing to do.
package final class Dialer: @unchecked Sendable {
    package let loop: any EventLoop
    /// One for each node, `host:port`.
    package let addresses: [String]
    private let targets: [(host: String, port: Int)]
    private let tls: NIOSSLContext?
    /// Bytes of HTTP, without those of TLS and TCP.
    package fileprivate(set) var sentBytes: UInt64 = 0
    package fileprivate(set) var receivedBytes: UInt64 = 0

    /// - Parameter authority: file of the certificate authority to trust; without it connections are not encrypted.
    package init(loop: any EventLoop, addresses: [String], authority: String? = nil) throws {
        precondition(!addresses.isEmpty)
        self.loop = loop
        self.addresses = addresses
        targets = try addresses.map { address in
            guard let colon = address.lastIndex(of: ":"),
                let port = Int(address[address.index(after: colon)...])
            else { throw LoadFailure("\"\(address)\" is not HOST:PORT") }
            return (String(address[..<colon]), port)
        }
        tls = try authority.map { file in
            var configuration = TLSConfiguration.makeClientConfiguration()
            do {
                configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
                return try NIOSSLContext(configuration: configuration)
            } catch {
                throw LoadFailure("the certificate authority \(file) cannot be used: \(error)")
            }
        }
    }

    /// Connects to one node; `handler` speaks HTTP at the end of the channel.
    func connect(to place: Int, handler: AnswerReader) -> EventLoopFuture<any Channel> {
        let target = targets[place]
        let isAddress = (try? SocketAddress(ipAddress: target.host, port: 0)) != nil
        return ClientBootstrap(group: loop)
            .connectTimeout(.seconds(5))
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { [tls] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        // Where a node is named by its address, its certificate must name that.
                        try pipeline.addHandler(
                            NIOSSLClientHandler(
                                context: tls, serverHostname: isAddress ? nil : target.host))
                    }
                    try pipeline.addHandler(ByteCounter(dialer: self))
                    try pipeline.addHTTPClientHandlers(
                        leftOverBytesStrategy: .dropBytes, enableOutboundHeaderValidation: false,
                        encoderConfiguration: .init(), withClientUpgrade: nil)
                    try pipeline.addHandler(handler)
                }
            }
            .connect(host: target.host, port: target.port)
    }

    /// Counts what passes.
    private final class ByteCounter: ChannelDuplexHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer
        typealias OutboundIn = IOData
        typealias OutboundOut = IOData

        private let dialer: Dialer

        init(dialer: Dialer) { self.dialer = dialer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            dialer.receivedBytes += UInt64(unwrapInboundIn(data).readableBytes)
            context.fireChannelRead(data)
        }

        func write(
            context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
        ) {
            dialer.sentBytes += UInt64(unwrapOutboundIn(data).readableBytes)
            context.write(data, promise: promise)
        }
    }
}
