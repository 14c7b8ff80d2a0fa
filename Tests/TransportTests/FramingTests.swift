import Certificates
import Logging
import NIOCore
import NIOEmbedded
import NIOPosix
import NIOTLS
import Synchronization
import Testing
import Transport
import Wire

private func frame(_ kind: FrameKind, _ count: Int, seed: UInt8 = 1) -> (
    bytes: [UInt8], body: [UInt8]
) {
    let body = (0..<count).map { UInt8(truncatingIfNeeded: $0) &* 31 &+ seed }
    return (Frame.encoded(kind, body), body)
}

private func feed(_ decoder: inout FrameDecoder, _ bytes: some Sequence<UInt8>) throws(Frame.Fault)
    -> [[UInt8]]
{
    var input = ByteBuffer(bytes: bytes)
    var bodies: [[UInt8]] = []
    while let frame = try decoder.next(from: &input) {
        bodies.append(Array(frame.body.readableBytesView))
    }
    return bodies
}

@Suite struct FrameDecoderTests {
    private let frames = [
        frame(.replica, 5), frame(.heartbeat, 0), frame(.control, 300), frame(.request, 116),
        frame(.snapshotChunk, 70_000), frame(.heartbeat, 1),
    ]

    @Test(arguments: [1, 2, 3, 11, 12, 13, 127, 128, 129, 1000, 65_536, 1 << 20])
    func framesComeOutWhateverPiecesTheyComeIn(length: Int) throws {
        let stream = frames.flatMap(\.bytes)
        var decoder = FrameDecoder(limit: Frame.bodyLimit)
        var bodies: [[UInt8]] = []
        for start in stride(from: 0, to: stream.count, by: length) {
            bodies += try feed(&decoder, stream[start..<min(start + length, stream.count)])
        }
        #expect(bodies == frames.map(\.body))
        #expect(decoder.waiting == 0)
    }

    @Test func giantFrameIsRefusedByItsHeadBeforeMemoryIsTaken() {
        var decoder = FrameDecoder(limit: Frame.bodyLimit)
        let head: [UInt8] = [0xff, 0xff, 0xff, 0x7f, 3, 0, 0, 0, 1, 2, 3, 4]
        for byte in head.dropLast() {
            #expect(throws: Never.self) { try feed(&decoder, [byte]) }
        }
        #expect(throws: Frame.Fault.tooLong(0x7fff_ffff)) { try feed(&decoder, head.suffix(1)) }
        #expect(decoder.capacity < 1024)
    }

    @Test func limitBeforeHelloIsShort() {
        var decoder = FrameDecoder(limit: Hello.lengthLimit)
        let long = frame(.hello, Hello.lengthLimit + 1)
        #expect(throws: Frame.Fault.tooLong(Hello.lengthLimit + 1)) {
            try feed(&decoder, long.bytes)
        }
    }

    @Test func largestFrameComesThrough() throws {
        let largest = frame(.replica, Frame.bodyLimit)
        var decoder = FrameDecoder(limit: Frame.bodyLimit)
        #expect(try feed(&decoder, largest.bytes.prefix(100)) == [])
        #expect(try feed(&decoder, largest.bytes.dropFirst(100)) == [largest.body])
    }

    @Test func wrongChecksumIsRefusedWholeOrInPieces() throws {
        var damaged = frame(.replica, 500).bytes
        damaged[200] ^= 1
        var whole = FrameDecoder(limit: Frame.bodyLimit)
        #expect(throws: Frame.Fault.checksum) { try feed(&whole, damaged) }
        var pieces = FrameDecoder(limit: Frame.bodyLimit)
        #expect(try feed(&pieces, damaged.prefix(50)) == [])
        #expect(throws: Frame.Fault.checksum) { try feed(&pieces, damaged.dropFirst(50)) }
    }
}

/// A link on a channel in memory, whose clock is the test's.
private final class Bench {
    let channel = EmbeddedChannel()
    let recorder = Recorder()
    let transport: PeerTransport
    let time: Time

    final class Time: Sendable {
        private let value = Atomic<Int64>(0)
        var now: Int64 { value.load(ordering: .relaxed) }
        func set(_ now: Int64) { value.store(now, ordering: .relaxed) }
    }

    init(halfOpenLimit: Int = 64) throws {
        let time = Time()
        var options = TransportOptions()
        options.halfOpenLimit = halfOpenLimit
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        self.time = time
        transport = try PeerTransport(
            local: LocalNode(cluster: testCluster, node: one, life: 1, zone: "zone-1"),
            credentials: try ClusterAuthority.forTests().credentials(one),
            listen: PeerAddress(host: "127.0.0.1", port: 0), options: options,
            group: MultiThreadedEventLoopGroup.singleton, handler: recorder,
            clock: { time.now }, logger: logger)
        try attach(channel)
    }

    func attach(_ channel: EmbeddedChannel) throws {
        try transport.attach(
            channel, direction: .accepting,
            certificate: NodeCertificate(
                cluster: testCluster, node: two, zone: "zone-2", serial: "2",
                notBefore: Timestamp(seconds: 0), notAfter: Timestamp(seconds: 1), subject: ""))
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    func secure() {
        channel.pipeline.fireUserInboundEventTriggered(
            TLSUserEvent.handshakeCompleted(negotiatedProtocol: nil))
    }

    static let hello = Frame.encoded(
        .hello,
        Hello(
            cluster: testCluster, node: two, life: 7, link: .log, protocols: 1...1, features: 0,
            dictionaries: [], zone: "zone-2"
        ).encoded())

    func feed(_ bytes: some Sequence<UInt8>) throws {
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        channel.embeddedEventLoop.run()
    }

    func establish() throws {
        secure()
        try feed(Self.hello)
    }

    func tick(at now: Int64) {
        time.set(now)
        transport.tick()
        channel.embeddedEventLoop.run()
    }

    func sent() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
            bytes += buffer.readableBytesView
        }
        return bytes
    }
}

@Suite struct LinkFramingTests {
    @Test func streamByteByByteGivesHelloAndFrames() throws {
        let bench = try Bench()
        bench.secure()
        for byte in Bench.hello { try bench.feed([byte]) }
        let first = frame(.replica, 200)
        let second = frame(.heartbeat, 3)
        for byte in first.bytes + second.bytes { try bench.feed([byte]) }
        #expect(
            bench.recorder.told == [
                .up(two, .log, life: 7), .frame(.replica, first.body, two, .log),
                .frame(.heartbeat, second.body, two, .log),
            ])
        let answer = bench.transport.local.hello(.log).encoded()
        #expect(try bench.sent() == Frame.encoded(.hello, answer))
    }

    @Test func whatIsSentInOneTurnGoesInOneWrite() throws {
        let bench = try Bench()
        try bench.establish()
        _ = try bench.sent()
        let bodies = (0..<100).map { frame(.replica, 50 + $0, seed: UInt8($0)) }
        for body in bodies {
            #expect(
                bench.transport.send(.replica, ByteBuffer(bytes: body.body), to: two, over: .log))
        }
        bench.channel.embeddedEventLoop.run()
        let buffer = try #require(try bench.channel.readOutbound(as: ByteBuffer.self))
        let frames = bodies.flatMap(\.bytes)
        #expect(Array(buffer.readableBytesView) == frames + Frame.padding(after: frames.count))
        #expect(try bench.channel.readOutbound(as: ByteBuffer.self) == nil)
        #expect(bench.transport.statistics.unsentBytes == 0)
        #expect(bench.transport.statistics.traffic[.log]?.framesOut == 101)
    }

    @Test func largeBodiesKeepTheirPlace() throws {
        let bench = try Bench()
        try bench.establish()
        _ = try bench.sent()
        let frames = [10, 100_000, 20, 300_000, 300_001, 5].map { frame(.replica, $0) }
        for frame in frames {
            _ = bench.transport.send(.replica, ByteBuffer(bytes: frame.body), to: two, over: .log)
        }
        bench.channel.embeddedEventLoop.run()
        var decoder = FrameDecoder(limit: Frame.bodyLimit)
        let bodies = try feed(&decoder, try bench.sent()).filter { $0.contains { $0 != 0 } }
        #expect(bodies == frames.map(\.body))
        #expect(bench.transport.statistics.unsentBytes == 0)
    }

    /// Where one frame ends and the next begins is not seen on the line, only how much is written in one go.
    @Test func whatIsWrittenInOneGoIsPaddedWhenItCarriesTenantsData() throws {
        let bench = try Bench()
        try bench.establish()
        _ = try bench.sent()
        func written(_ kinds: [(FrameKind, Int)]) throws -> [Int] {
            for (kind, count) in kinds {
                let body = ByteBuffer(repeating: 7, count: count)
                #expect(bench.transport.send(kind, body, to: two, over: .log))
            }
            bench.channel.embeddedEventLoop.run()
            var lengths: [Int] = []
            while let buffer = try bench.channel.readOutbound(as: ByteBuffer.self) {
                lengths.append(buffer.readableBytes)
            }
            return lengths
        }
        #expect(try written([(.heartbeat, 3), (.control, 20)]) == [12 + 3 + 12 + 20])
        #expect(try written([(.replica, 3)]) == [128])
        #expect(try written([(.replica, 3), (.replica, 30), (.heartbeat, 5)]) == [128])
        #expect(try written([(.heartbeat, 5), (.response, 128 - 12 - 12 - 5)]) == [128])
        // No room for the head of the frame that pads.
        #expect(try written([(.replica, 110)]) == [256])
        let long = try written([(.replica, 300_001), (.replica, 70_000), (.heartbeat, 1)])
        #expect(long.count == 2)
        #expect(long.allSatisfy { $0 % 128 == 0 })
    }

    @Test func badFramesCloseWithAFault() throws {
        var damaged = frame(.replica, 100).bytes
        damaged[20] ^= 4
        let giant: [UInt8] = [0, 0, 0x50, 0, 3, 0, 0, 0, 0, 0, 0, 0]
        var unknown = Frame.encoded(.heartbeat, [])
        unknown[4] = 99
        unknown.withUnsafeMutableBytes { raw in
            let sum = Checksum.crc32(UnsafeRawBufferPointer(rebasing: raw[..<8]))
            raw.storeBytes(of: sum.littleEndian, toByteOffset: 8, as: UInt32.self)
        }
        for (bytes, fault) in [
            (damaged, LinkFault.badFrame(.checksum)), (giant, .badFrame(.tooLong(0x50_0000))),
            (unknown, .badFrame(.unknownKind(99))), (Bench.hello, .secondHello),
        ] {
            let bench = try Bench()
            try bench.establish()
            // What follows on the stream is not looked at.
            try bench.feed(bytes + frame(.heartbeat, 1).bytes)
            #expect(bench.recorder.told == [.up(two, .log, life: 7), .down(two, .log, fault)])
            #expect(!bench.channel.isActive)
            #expect(bench.transport.lastFault(of: two) == fault)
            #expect(!bench.transport.send(.heartbeat, ByteBuffer(), to: two, over: .log))
        }
    }

    @Test func frameOrNonsenseBeforeHelloNeverReachesTheHandler() throws {
        for bytes in [
            frame(.replica, 5).bytes, Frame.encoded(.hello, [1, 2, 3]), frame(.hello, 5000).bytes,
        ] {
            let bench = try Bench()
            bench.secure()
            try bench.feed(bytes)
            #expect(bench.recorder.told == [])
            #expect(!bench.channel.isActive)
        }
    }

    @Test func newerLinkOfThePeerClosesTheOlder() throws {
        let bench = try Bench()
        try bench.establish()
        let newer = EmbeddedChannel()
        try bench.attach(newer)
        newer.pipeline.fireUserInboundEventTriggered(
            TLSUserEvent.handshakeCompleted(negotiatedProtocol: nil))
        try newer.writeInbound(ByteBuffer(bytes: Bench.hello))
        // The older one has not heard of it yet, and still nothing of it is delivered.
        try bench.channel.writeInbound(ByteBuffer(bytes: frame(.heartbeat, 1).bytes))
        bench.channel.embeddedEventLoop.run()
        newer.embeddedEventLoop.run()
        #expect(
            bench.recorder.told == [
                .up(two, .log, life: 7), .down(two, .log, .superseded), .up(two, .log, life: 7),
            ])
        #expect(!bench.channel.isActive)
        #expect(newer.isActive)
        #expect(bench.transport.statistics.establishedLinks == 1)
    }

    @Test func quietLinkSaysThatItIsStillHereAndSilentPeerIsLetGo() throws {
        let bench = try Bench()
        try bench.establish()
        bench.tick(at: 0)
        _ = try bench.sent()
        for now in stride(from: 100_000, through: 3_000_000, by: 100_000) {
            bench.tick(at: Int64(now))
        }
        let keepAlive = Frame.encoded(.keepAlive, [])
        #expect(try bench.sent() == keepAlive + keepAlive + keepAlive)
        #expect(bench.channel.isActive)
        bench.tick(at: 3_100_000)
        #expect(!bench.channel.isActive)
        #expect(bench.recorder.told.last == .down(two, .log, .silent))
    }

    @Test func halfOpenConnectionsAreBoundedAndTimedOut() throws {
        let bench = try Bench(halfOpenLimit: 2)
        let second = EmbeddedChannel()
        try bench.attach(second)
        #expect(throws: LinkFault.tooManyHandshakes) { try bench.attach(EmbeddedChannel()) }
        #expect(bench.transport.statistics.halfOpen == 2)
        bench.tick(at: 0)
        for now in stride(from: 100_000, through: 5_000_000, by: 100_000) {
            bench.tick(at: Int64(now))
        }
        #expect(bench.channel.isActive)
        bench.tick(at: 5_100_000)
        second.embeddedEventLoop.run()
        #expect(!bench.channel.isActive)
        #expect(!second.isActive)
        #expect(bench.transport.statistics.halfOpen == 0)
    }
}
