import Certificates
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing
import Transport
import Wire

@Suite struct PeerTransportTests {
    /// Two nodes that know each other.
    private func pair(
        options: TransportOptions = TestNode.quick, oneRecorder: Recorder = Recorder(),
        oneGroup: MultiThreadedEventLoopGroup = .singleton
    ) async throws -> (TestNode, TestNode) {
        let authority = try ClusterAuthority.forTests()
        let first = try await TestNode(
            one, authority.credentials(one), options: options, recorder: oneRecorder,
            group: oneGroup)
        let second = try await TestNode(two, authority.credentials(two), options: options)
        first.know(second)
        second.know(first)
        return (first, second)
    }

    @Test func threeNodesExchangeFramesInOrder() async throws {
        let authority = try ClusterAuthority.forTests()
        var nodes: [TestNode] = []
        for id in [one, two, three] {
            nodes.append(
                try await TestNode(id, authority.credentials(id), life: UInt64(id.rawValue)))
        }
        for node in nodes {
            node.transport.setPeers(
                Dictionary(uniqueKeysWithValues: nodes.map { ($0.id, $0.address) }))
        }
        for node in nodes {
            for peer in nodes where peer.id != node.id {
                try await node.waitUp(peer.id, .log, .requests)
            }
        }
        for node in nodes {
            for peer in nodes where peer.id != node.id {
                for step in 0..<500 {
                    let body = [UInt8(node.id.rawValue), UInt8(step / 256), UInt8(step % 256)]
                    #expect(node.send(body, to: peer.id))
                    #expect(node.send(body, to: peer.id, over: .requests))
                }
            }
        }
        for node in nodes {
            let told = try await node.recorder.wait("2,000 frames") { told in
                told.count { if case .frame = $0 { true } else { false } } == 2000
            }
            for peer in nodes where peer.id != node.id {
                for kind in [LinkKind.log, .requests] {
                    let bodies = told.compactMap { event -> [UInt8]? in
                        if case .frame(.replica, let body, peer.id, kind) = event {
                            body
                        } else {
                            nil
                        }
                    }
                    let sender = UInt8(peer.id.rawValue)
                    let expected: [[UInt8]] = (0..<500).map { step in
                        [sender, UInt8(step / 256), UInt8(step % 256)]
                    }
                    #expect(bodies == expected)
                    #expect(told.contains(.up(peer.id, kind, life: UInt64(peer.id.rawValue))))
                }
            }
        }
        let statistics = nodes[0].transport.statistics
        #expect(statistics.establishedLinks == 4)
        #expect((statistics.traffic[.log]?.framesOut ?? 0) >= 1000)
        #expect((statistics.traffic[.log]?.bytesIn ?? 0) >= 15_000)
        for node in nodes { await node.stop() }
        #expect(nodes[0].recorder.told.downs(two, .log).count == 1)
    }

    @Test func largestFramesAndManySizesArriveWhole() async throws {
        let (first, second) = try await pair()
        try await first.waitUp(two, .log)
        let sizes = [0, 1, 115, 116, 117, 16_384, 65_535, 65_536, 65_537, 1 << 20, Frame.bodyLimit]
        let bodies = sizes.map { size in (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) } }
        for body in bodies { #expect(first.send(body, to: two)) }
        try await second.recorder.wait("all frames") { told in told.count >= sizes.count + 2 }
        #expect(second.recorder.frames == bodies)
        await first.stop()
        await second.stop()
    }

    @Test func peerThatDoesNotReadFillsTheBoundAndNoMore() async throws {
        let gate = Gate()
        let recorder = Recorder { _, _, _, _ in
            gate.pass()
            return true
        }
        var options = TestNode.quick
        options.logBound = 1 << 20
        options.silence = 60_000_000
        let (first, second) = try await pair(
            options: options, oneRecorder: recorder, oneGroup: gate.group)
        try await second.waitUp(one, .log)
        gate.close()
        let body = [UInt8](repeating: 1, count: 50_000)
        var accepted = 0
        while second.send(body, to: one) {
            accepted += 1
            // The operating system's buffers take a few megabytes on top.
            try #require(accepted < 2000)
            if accepted % 16 == 0 { await Task.yield() }
        }
        // Refused frames may find room again as the sockets' buffers fill; in the end there is none.
        try await eventually("the bound is reached for good") {
            var wasRefused = true
            for _ in 0..<20 where second.send(body, to: one) { wasRefused = false }
            return wasRefused
        }
        #expect(second.transport.statistics.unsentBytes <= 1 << 20)
        #expect(second.transport.statistics.unsentBytes > 900_000)
        gate.open()
        try await eventually("all is sent") { second.transport.statistics.unsentBytes == 0 }
        #expect(second.send(body, to: one))
        await first.stop()
        await second.stop()
        try await gate.group.shutdownGracefully()
    }

    @Test func withoutALinkNothingIsAccepted() async throws {
        let authority = try ClusterAuthority.forTests()
        let first = try await TestNode(one, authority.credentials(one))
        #expect(!first.send([1], to: two))
        var options = TestNode.quick
        options.bulkPatience = 50_000
        let second = try await TestNode(two, authority.credentials(two), options: options)
        await #expect(throws: LinkFault.notConnected) {
            try await second.transport.sendBulk(.snapshotChunk, ByteBuffer(), to: one)
        }
        await first.stop()
        await second.stop()
    }

    // MARK: Who is let in

    @Test func wrongAuthorityIsRefusedByBoth() async throws {
        let first = try await TestNode(one, ClusterAuthority.forTests().credentials(one))
        let second = try await TestNode(two, ClusterAuthority.forTests().credentials(two))
        second.know(first)
        try await eventually("a fault") { second.transport.lastFault(of: one) != nil }
        guard case .handshake(let text) = second.transport.lastFault(of: one) else {
            Issue.record("\(String(describing: second.transport.lastFault(of: one)))")
            return
        }
        #expect(text.contains("CERTIFICATE_VERIFY_FAILED"))
        #expect(first.recorder.told + second.recorder.told == [])
        await first.stop()
        await second.stop()
    }

    @Test func acceptorRefusesAnAuthorityItDoesNotTrust() async throws {
        let authority = try ClusterAuthority.forTests()
        let other = try ClusterAuthority.forTests()
        let first = try await TestNode(one, authority.credentials(one))
        let second = try await TestNode(two, other.credentials(two, trusting: [authority]))
        second.know(first)
        try await eventually("a fault") { second.transport.lastFault(of: one) != nil }
        let fault = try #require(second.transport.lastFault(of: one))
        #expect("\(fault)".contains("UNKNOWN_CA"))
        #expect(first.recorder.told + second.recorder.told == [])
        await first.stop()
        await second.stop()
    }

    @Test func expiredCertificateIsRefusedOnEitherSide() async throws {
        let authority = try ClusterAuthority.make(
            cluster: testCluster, now: Timestamp(seconds: wallClock().seconds - 10 * 86_400))
        let past = Timestamp(seconds: wallClock().seconds - 2 * 86_400)
        for expired in [one, two] {
            let first = try await TestNode(
                one,
                expired == one
                    ? authority.credentials(one, now: past) : authority.credentials(one))
            let second = try await TestNode(
                two,
                expired == two
                    ? authority.credentials(two, now: past) : authority.credentials(two))
            second.know(first)
            try await eventually("a fault") { second.transport.lastFault(of: one) != nil }
            let fault = try #require(second.transport.lastFault(of: one))
            #expect("\(fault)".contains(expired == one ? "VERIFY_FAILED" : "CERTIFICATE_EXPIRED"))
            #expect(first.recorder.told + second.recorder.told == [])
            await first.stop()
            await second.stop()
        }
    }

    @Test func nodeOfAnotherClusterIsRefusedEvenUnderATrustedAuthority() async throws {
        let authority = try ClusterAuthority.forTests()
        let elsewhere = ClusterID(bytes: 0xb0..<0xc0)
        let other = try ClusterAuthority.forTests(elsewhere)
        let first = try await TestNode(one, authority.credentials(one, trusting: [other]))
        let second = try await TestNode(
            two, other.credentials(two, trusting: [authority]), cluster: elsewhere)
        second.know(first)
        try await eventually("a fault") { second.transport.lastFault(of: one) != nil }
        #expect(second.transport.lastFault(of: one) == .otherCluster(testCluster))
        #expect(first.recorder.told + second.recorder.told == [])
        await first.stop()
        await second.stop()
    }

    @Test func anotherNodeAtThePeersAddressIsRefused() async throws {
        let authority = try ClusterAuthority.forTests()
        let first = try await TestNode(two, authority.credentials(two))
        let second = try await TestNode(three, authority.credentials(three))
        second.transport.setPeers([one: first.address])
        let expected = LinkFault.unexpectedNode(expected: one, found: two)
        try await eventually("a fault") { second.transport.lastFault(of: one) == expected }
        #expect(first.recorder.told + second.recorder.told == [])
        await first.stop()
        await second.stop()
    }

    @Test func credentialsOfAnotherNodeDoNotStart() async throws {
        let authority = try ClusterAuthority.forTests()
        await #expect(throws: LinkFault.unexpectedNode(expected: two, found: one)) {
            _ = try await TestNode(two, authority.credentials(one))
        }
        let mixed = NodeCredentials(
            caPEM: authority.certificatePEM,
            certificatePEM: try authority.credentials(one).certificatePEM,
            keyPEM: try authority.credentials(one).keyPEM)
        await #expect(throws: CertificateFault.keyDoesNotMatch) {
            _ = try await TestNode(one, mixed)
        }
        let empty = NodeCredentials(
            caPEM: "", certificatePEM: mixed.certificatePEM, keyPEM: mixed.keyPEM)
        await #expect(throws: CertificateFault.self) { _ = try await TestNode(one, empty) }
    }

    @Test func revokedNodeIsCutOffAtOnceAndStaysOut() async throws {
        let authority = try ClusterAuthority.forTests()
        let bad = try authority.credentials(two)
        let first = try await TestNode(one, authority.credentials(one))
        let second = try await TestNode(two, bad)
        second.know(first)
        try await first.waitUp(two, .log, .requests)
        first.transport.setRevoked([try serial(bad)])
        try await first.recorder.wait("links down") { told in
            !told.isUp(two, .log) && !told.isUp(two, .requests)
        }
        let fault = LinkFault.revoked(serial: try serial(bad))
        #expect(first.recorder.told.downs(two, .log) == [fault])
        // It dials again and is refused again; a new certificate lets it back in.
        try await second.recorder.wait("its side") { told in !told.isUp(one, .log) }
        let ups = first.recorder.told.count
        try await eventually("refused anew") {
            second.transport.lastFault(of: one) != nil
                && first.transport.lastFault(of: two) == fault
        }
        #expect(first.recorder.told.count == ups)
        try second.transport.reloadCredentials(authority.credentials(two))
        try await first.waitUp(two, .log, .requests)
        await first.stop()
        await second.stop()
    }

    @Test func silentConnectionDoesNotStayHalfOpen() async throws {
        var options = TestNode.quick
        options.handshake = 200_000
        let first = try await TestNode(
            one, ClusterAuthority.forTests().credentials(one), options: options)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: first.port).get()
        try await channel.closeFuture.get()
        try await eventually("nothing half-open") { first.transport.statistics.halfOpen == 0 }
        await first.stop()
    }

    @Test func strangersGetNoFurtherThanTLS() async throws {
        let authority = try ClusterAuthority.forTests()
        let first = try await TestNode(one, authority.credentials(one))
        let mine = try authority.credentials(two)
        let client = try authority.issueOperator("anna", now: wallClock())
        // Without a certificate; with a node's over TLS 1.2; with an operator's, which is trusted but no node's.
        for (certificate, key, version) in [
            (nil, nil, .tlsv13), (mine.certificatePEM, mine.keyPEM, .tlsv12),
            (client.certificatePEM, client.keyPEM, .tlsv13),
        ] as [(String?, String?, TLSVersion)] {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.certificateVerification = .none
            configuration.maximumTLSVersion = version
            if let certificate, let key {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(
                    Array(certificate.utf8)
                ).map { .certificate($0) }
                configuration.privateKey = .privateKey(
                    try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))
            }
            let context = try NIOSSLContext(configuration: configuration)
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: nil))
                    }
                }.connect(host: "127.0.0.1", port: first.port).get()
            try await channel.closeFuture.get()
        }
        let plain = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: first.port).get()
        try await plain.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
        try await plain.closeFuture.get()
        try await eventually("nothing half-open") { first.transport.statistics.halfOpen == 0 }
        #expect(first.recorder.told == [])
        await first.stop()
    }

    // MARK: Coming and going

    @Test func restartedPeerIsDownThenUpWithItsNewLife() async throws {
        let authority = try ClusterAuthority.forTests()
        for (stays, restarts) in [(one, two), (two, one)] {
            let credentials = try authority.credentials(restarts)
            let first = try await TestNode(stays, authority.credentials(stays))
            let before = try await TestNode(restarts, credentials, life: 10)
            first.know(before)
            before.know(first)
            try await first.waitUp(restarts, .log, .requests)
            await before.stop()
            try await first.recorder.wait("down") { told in
                !told.isUp(restarts, .log) && !told.isUp(restarts, .requests)
            }
            #expect(!first.send([1], to: restarts))
            let after = try await TestNode(restarts, credentials, life: 11)
            first.know(after)
            after.know(first)
            try await first.waitUp(restarts, .log, .requests)
            #expect(first.send([2], to: restarts))
            try await after.recorder.wait("frame") { told in
                told.contains(.frame(.replica, [2], stays, .log))
            }
            let ups = first.recorder.told.filter {
                if case .up(restarts, .log, _) = $0 { true } else { false }
            }
            #expect(
                ups == [.up(restarts, .log, life: 10), .up(restarts, .log, life: 11)])
            await first.stop()
            await after.stop()
        }
    }

    @Test func removedPeerIsLetGoAndComesBackWhenListed() async throws {
        let (first, second) = try await pair()
        try await second.waitUp(one, .log, .requests)
        second.transport.setPeers([:])
        try await second.recorder.wait("down") { told in
            told.downs(one, .log) == [.removed] && told.downs(one, .requests) == [.removed]
        }
        second.know(first)
        try await second.waitUp(one, .log, .requests)
        await first.stop()
        await second.stop()
    }

    @Test func removedNodeThatDialsIsHeardNoMore() async throws {
        let (first, second) = try await pair()
        try await first.waitUp(two, .log, .requests)
        first.transport.setPeers([:], removed: [two])
        try await first.recorder.wait("down") { told in
            told.downs(two, .log) == [.removed] && told.downs(two, .requests) == [.removed]
        }
        // It dials on, with a certificate that is good.
        try await eventually("another try") { first.transport.lastFault(of: two) == .removed }
        let told = first.recorder.told
        try await eventually("more tries") {
            second.recorder.told.downs(one, .log).count >= 3
        }
        #expect(first.recorder.told == told)
        await first.stop()
        await second.stop()
    }

    @Test func certificatesAndAuthorityAreRenewedWithoutLosingALink() async throws {
        let old = try ClusterAuthority.forTests()
        let new = try ClusterAuthority.forTests()
        let first = try await TestNode(one, old.credentials(one))
        let second = try await TestNode(two, old.credentials(two))
        first.know(second)
        second.know(first)
        try await first.waitUp(two, .log, .requests)
        // Trust both, then change the certificates, then trust the new one only.
        try first.transport.reloadCredentials(old.credentials(one, trusting: [new]))
        try second.transport.reloadCredentials(old.credentials(two, trusting: [new]))
        try first.transport.reloadCredentials(new.credentials(one, trusting: [old]))
        try second.transport.reloadCredentials(new.credentials(two, trusting: [old]))
        try first.transport.reloadCredentials(new.credentials(one))
        try second.transport.reloadCredentials(new.credentials(two))
        #expect(first.send([1], to: two))
        try await second.recorder.wait("frame over the old link") { told in
            told.contains(.frame(.replica, [1], one, .log))
        }
        #expect(first.recorder.told.downs(two, .log) == [])
        // The bulk link is opened now, by the new certificates.
        try await first.transport.sendBulk(.snapshotChunk, ByteBuffer(bytes: [2]), to: two)
        try await second.recorder.wait("frame over the new link") { told in
            told.contains(.frame(.snapshotChunk, [2], one, .bulk))
        }
        // Who is still under the old authority is out.
        let third = try await TestNode(three, old.credentials(three, trusting: [new]))
        third.know(first)
        try await eventually("refused") { third.transport.lastFault(of: one) != nil }
        #expect(!third.recorder.told.isUp(one, .log))
        // And what cannot be used changes nothing.
        #expect(throws: (any Error).self) {
            try first.transport.reloadCredentials(new.credentials(two))
        }
        for node in [first, second, third] { await node.stop() }
    }

    // MARK: Bulk

    @Test func eitherSideOpensTheBulkLinkByUsingIt() async throws {
        for (sender, receiver) in [(one, two), (two, one)] {
            let (first, second) = try await pair()
            try await first.waitUp(two, .log)
            try await second.waitUp(one, .log)
            #expect(!first.recorder.told.isUp(two, .bulk))
            let (from, to) = sender == one ? (first, second) : (second, first)
            for step in 0..<50 {
                let body = [UInt8](repeating: UInt8(step), count: 100_000)
                try await from.transport.sendBulk(
                    .snapshotChunk, ByteBuffer(bytes: body), to: receiver)
                #expect(from.transport.statistics.unsentBytes <= 1 << 20 + 100_000)
            }
            try await to.recorder.wait("50 chunks") { told in
                told.count {
                    if case .frame(.snapshotChunk, _, sender, .bulk) = $0 { true } else { false }
                }
                    == 50
            }
            #expect(to.recorder.frames.map(\.first) == (0..<50).map { UInt8($0) })
            await first.stop()
            await second.stop()
        }
    }

    @Test func bulkIsHeldToItsRate() async throws {
        var options = TestNode.quick
        options.bulkBytesPerSecond = 400_000
        let (first, second) = try await pair(options: options)
        try await first.waitUp(two, .log)
        let began = testClock()
        for _ in 0..<5 {
            try await first.transport.sendBulk(
                .snapshotEnd, ByteBuffer(repeating: 1, count: 100_000), to: two)
        }
        // A quarter second's worth goes at once, and one frame may run into debt: three of five wait.
        #expect(testClock() - began > 740_000)
        await first.stop()
        await second.stop()
    }

    @Test func waitingBulkSenderHearsThatTheLinkClosedOrThatItWasCancelled() async throws {
        let gate = Gate()
        let recorder = Recorder { _, _, _, link in
            if link == .bulk { gate.pass() }
            return true
        }
        var options = TestNode.quick
        options.silence = 60_000_000
        let (first, second) = try await pair(
            options: options, oneRecorder: recorder, oneGroup: gate.group)
        try await second.waitUp(one, .log)
        gate.close()
        let floods = (0..<8).map { _ in
            Task<LinkFault?, any Error> {
                do {
                    while true {
                        try await second.transport.sendBulk(
                            .snapshotChunk, ByteBuffer(repeating: 1, count: 250_000), to: one)
                    }
                } catch let fault as LinkFault {
                    return fault
                }
            }
        }
        // The sockets' buffers take some megabytes before everybody waits for good.
        let seen = Mutex((bytes: UInt64(0), times: 0))
        try await eventually("all wait") {
            let statistics = second.transport.statistics
            let bytes = statistics.traffic[.bulk]?.bytesOut ?? 0
            return seen.withLock { seen in
                let isStill = statistics.waitingFrames == 8 && bytes == seen.bytes
                seen = (bytes, isStill ? seen.times + 1 : 0)
                return seen.times == 20
            }
        }
        #expect(second.transport.statistics.unsentBytes <= 1 << 20)
        let cancelled = Task {
            while true {
                try await second.transport.sendBulk(
                    .snapshotChunk, ByteBuffer(repeating: 2, count: 250_000), to: one)
            }
        }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        second.transport.setPeers([:])
        var faults: [LinkFault?] = []
        for flood in floods { faults.append(try await flood.value) }
        #expect(faults == Array(repeating: .removed, count: 8))
        gate.open()
        await first.stop()
        await second.stop()
        try await gate.group.shutdownGracefully()
    }
}

/// Holds the event loop that delivers, as a node would that does not get on. The loop must be the node's own.
private final class Gate: Sendable {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let isOpen = Mutex(true)
    private let condition = NSCondition()

    func close() { isOpen.withLock { $0 = false } }

    func open() {
        isOpen.withLock { $0 = true }
        condition.withLock { condition.broadcast() }
    }

    func pass() {
        condition.withLock {
            while !isOpen.withLock({ $0 }) { condition.wait() }
        }
    }
}
