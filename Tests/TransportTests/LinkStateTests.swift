import Certificates
import Testing
import Transport
import Wire

private let cluster = ClusterID(bytes: 0..<16)
private let otherCluster = ClusterID(bytes: 1..<17)
private let low = NodeID(rawValue: 1)
private let mid = NodeID(rawValue: 2)
private let high = NodeID(rawValue: 3)

private func local(_ protocols: ClosedRange<UInt16> = 1...1) -> LocalNode {
    LocalNode(cluster: cluster, node: mid, life: 5, zone: "a", protocols: protocols)
}

private func certificate(
    _ node: NodeID, cluster: ClusterID = cluster, serial: String = "ab"
) -> NodeCertificate {
    NodeCertificate(
        cluster: cluster, node: node, zone: "a", serial: serial,
        notBefore: Timestamp(seconds: 0), notAfter: Timestamp(seconds: 10), subject: "")
}

private func hello(
    _ node: NodeID, cluster: ClusterID = cluster, link: LinkKind = .log,
    protocols: ClosedRange<UInt16> = 1...1, zone: String = "a"
) -> Hello {
    Hello(
        cluster: cluster, node: node, life: 9, link: link, protocols: protocols, features: 0,
        dictionaries: [], zone: zone)
}

private func state(
    _ direction: LinkState.Direction, protocols: ClosedRange<UInt16> = 1...1
) -> LinkState {
    LinkState(
        local: local(protocols), direction: direction, silence: 3_000_000, handshake: 5_000_000,
        now: 0)
}

private func accepted(_ node: NodeID = high, serial: String = "ab") -> LinkState {
    var link = state(.accepting)
    _ = link.apply(.secured(certificate(node, serial: serial), revoked: []))
    _ = link.apply(.hello(hello(node)))
    return link
}

@Suite struct LinkStateTests {
    @Test func diallerSpeaksFirstAndIsEstablishedByTheAnswer() {
        var link = state(.dialling(low, .requests))
        #expect(link.phase == .connecting)
        #expect(
            link.apply(.secured(certificate(low), revoked: ["other"])) == [.sendHello(.requests)])
        #expect(link.phase == .greeted(certificate(low)))
        #expect(link.received(kind: FrameKind.hello.rawValue) == .readHello)
        let answer = hello(low, link: .requests)
        let peer = LinkState.Peer(certificate: certificate(low), hello: answer, version: 1)
        #expect(link.apply(.hello(answer)) == [.establish(peer)])
        #expect(link.phase == .established(peer))
        #expect(link.received(kind: FrameKind.replica.rawValue) == .deliver(.replica))
    }

    @Test func acceptorAnswersOnlyWhenItKnowsWhoAsks() {
        var link = state(.accepting)
        #expect(link.apply(.secured(certificate(high), revoked: [])) == [])
        #expect(link.phase == .secured(certificate(high)))
        let peer = LinkState.Peer(
            certificate: certificate(high), hello: hello(high, link: .bulk), version: 1)
        #expect(
            link.apply(.hello(hello(high, link: .bulk))) == [.sendHello(.bulk), .establish(peer)])
    }

    @Test(arguments: [
        (
            LinkState.Direction.accepting, certificate(high, cluster: otherCluster),
            LinkFault.otherCluster(otherCluster)
        ),
        (.accepting, certificate(mid), .ourselves),
        (.accepting, certificate(low), .wrongDirection),
        (.accepting, certificate(high, serial: "bad"), .revoked(serial: "bad")),
        (.dialling(low, .log), certificate(low, serial: "bad"), .revoked(serial: "bad")),
        (.dialling(low, .log), certificate(high), .unexpectedNode(expected: low, found: high)),
        (
            .dialling(low, .log), certificate(low, cluster: otherCluster),
            .otherCluster(otherCluster)
        ),
    ])
    func certificateOfAnotherIsRefused(
        direction: LinkState.Direction, certificate: NodeCertificate, fault: LinkFault
    ) {
        var link = state(direction)
        #expect(link.apply(.secured(certificate, revoked: ["bad"])) == [.close(fault)])
        #expect(link.phase == .closed(fault))
    }

    @Test(arguments: [
        (hello(high, cluster: otherCluster), LinkFault.otherCluster(otherCluster)),
        (hello(low), .impostor(certificate: high, hello: low)),
        (hello(high, zone: "b"), .otherZone(certificate: "a", hello: "b")),
        (hello(high, protocols: 2...3), .noCommonProtocol(own: 1...1, peer: 2...3)),
    ])
    func helloMustAgreeWithTheCertificate(hello: Hello, fault: LinkFault) {
        var link = state(.accepting)
        _ = link.apply(.secured(certificate(high), revoked: []))
        #expect(link.apply(.hello(hello)) == [.close(fault)])
        #expect(link.isClosed)
    }

    @Test func answerForAnotherKindOfLinkIsRefused() {
        var link = state(.dialling(low, .log))
        _ = link.apply(.secured(certificate(low), revoked: []))
        #expect(link.apply(.hello(hello(low, link: .bulk))) == [.close(.otherLinkKind(.bulk))])
    }

    @Test(
        arguments: [
            (2...5, 3...9, 5), (2...5, 1...3, 3), (2...5, 5...5, 5), (3...3, 1...9, 3),
        ] as [(ClosedRange<UInt16>, ClosedRange<UInt16>, UInt16)])
    func highestCommonProtocolIsChosen(
        own: ClosedRange<UInt16>, theirs: ClosedRange<UInt16>, version: UInt16
    ) {
        var link = state(.accepting, protocols: own)
        _ = link.apply(.secured(certificate(high), revoked: []))
        _ = link.apply(.hello(hello(high, protocols: theirs)))
        #expect(link.peer?.version == version)
    }

    @Test func secondHelloCloses() {
        var link = accepted()
        #expect(link.received(kind: FrameKind.hello.rawValue) == .close(.secondHello))
        #expect(link.phase == .closed(.secondHello))
        var other = accepted()
        #expect(other.apply(.hello(hello(high))) == [.close(.secondHello)])
    }

    @Test func noFrameComesBeforeHello() {
        for number in [FrameKind.replica.rawValue, FrameKind.keepAlive.rawValue, 200] {
            var link = state(.accepting)
            _ = link.apply(.secured(certificate(high), revoked: []))
            #expect(link.received(kind: number) == .close(.frameBeforeHello))
        }
        // Nor a hello before TLS has said who it is.
        var early = state(.accepting)
        #expect(early.received(kind: FrameKind.hello.rawValue) == .close(.frameBeforeHello))
        var skipped = state(.accepting)
        #expect(skipped.apply(.hello(hello(high))) == [.close(.frameBeforeHello)])
    }

    @Test func unknownKindClosesUnlessItMayBeIgnored() {
        var link = accepted()
        #expect(link.received(kind: 200) == .ignore)
        #expect(link.received(kind: FrameKind.keepAlive.rawValue) == .ignore)
        #expect(link.received(kind: 100) == .close(.badFrame(.unknownKind(100))))
        #expect(link.received(kind: FrameKind.replica.rawValue) == .ignore)
    }

    @Test func revocationReachesAStandingLink() {
        var link = accepted(serial: "c0ffee")
        #expect(link.apply(.revoked(["other"])) == [])
        #expect(link.apply(.revoked(["other", "c0ffee"])) == [.close(.revoked(serial: "c0ffee"))])
        var halfOpen = state(.accepting)
        _ = halfOpen.apply(.secured(certificate(high), revoked: []))
        #expect(halfOpen.apply(.revoked(["ab"])) == [.close(.revoked(serial: "ab"))])
    }

    @Test func silenceClosesAnEstablishedLink() {
        var link = accepted()
        link.heard(now: 1_000_000)
        #expect(link.apply(.ticked(now: 4_000_000, late: 0)) == [])
        #expect(link.apply(.ticked(now: 4_000_001, late: 0)) == [.close(.silent)])
    }

    @Test func ourOwnSleepIsNotThePeersSilence() {
        var link = accepted()
        #expect(link.apply(.ticked(now: 10_000_000, late: 9_000_000)) == [])
        #expect(link.apply(.ticked(now: 12_000_001, late: 0)) == [.close(.silent)])
    }

    @Test func slowHandshakeCloses() {
        for (node, direction) in [
            (high, LinkState.Direction.accepting), (low, .dialling(low, .log)),
        ] {
            var link = state(direction)
            #expect(link.apply(.ticked(now: 5_000_000, late: 0)) == [])
            _ = link.apply(.secured(certificate(node), revoked: []))
            // What is heard does not help: drops of bytes must not keep a connection half-open.
            link.heard(now: 5_000_000)
            #expect(link.apply(.ticked(now: 5_000_001, late: 0)) == [.close(.slowHandshake)])
        }
    }

    @Test func newerLinkTakesItsPlace() {
        var link = accepted()
        #expect(link.apply(.failed(.superseded)) == [.close(.superseded)])
    }

    @Test func firstReasonStaysAndNothingFollows() {
        var link = accepted()
        _ = link.apply(.failed(.badFrame(.checksum)))
        #expect(link.apply(.failed(.disconnected("late"))) == [])
        #expect(link.apply(.secured(certificate(high), revoked: [])) == [])
        #expect(link.apply(.ticked(now: 99_000_000, late: 0)) == [])
        #expect(link.phase == .closed(.badFrame(.checksum)))
    }

    @Test func secondHandshakeCloses() {
        var link = accepted()
        let actions = link.apply(.secured(certificate(high), revoked: []))
        #expect(actions == [.close(.handshake("a second handshake on one connection"))])
    }
}

@Suite struct BackoffTests {
    @Test func waitsDoubleUpToTheLongest() {
        var least = Backoff(shortest: 50_000, longest: 2_000_000)
        var most = least
        #expect(
            (0..<8).map { _ in least.failed(chance: 0) } == [
                25_000, 50_000, 100_000, 200_000, 400_000, 800_000, 1_000_000, 1_000_000,
            ])
        #expect(
            (0..<8).map { failure in most.failed(chance: UInt64(min(25_000 << failure, 1_000_000)))
            }
                == [50_000, 100_000, 200_000, 400_000, 800_000, 1_600_000, 2_000_000, 2_000_000])
        for _ in 0..<100 { #expect((1_000_000...2_000_000).contains(least.failed(chance: .max))) }
        least.succeeded()
        #expect(least.failed(chance: 0) == 25_000)
    }
}

@Suite struct FaultLogTests {
    @Test func aPeerThatFailsForEverIsLoggedOnceAnInterval() {
        var log = FaultLog(interval: 10_000_000)
        let lines = (0..<300).compactMap { step in
            log.admit(.silent, from: "node 1", now: Int64(step) * 100_000)
        }
        #expect(lines == [0, 99, 99])
    }

    @Test func anotherFaultIsNewsButNotTenTimesASecond() {
        var log = FaultLog(interval: 10_000_000)
        #expect(log.admit(.silent, from: "a", now: 0) == 0)
        #expect(log.admit(.secondHello, from: "a", now: 100_000) == nil)
        #expect(log.admit(.secondHello, from: "a", now: 1_000_000) == 1)
        #expect(log.admit(.silent, from: "b", now: 1_000_000) == 0)
    }

    @Test func madeUpSourcesAreOneBeyondTheLimit() {
        var log = FaultLog(interval: 10_000_000, limit: 4)
        let admitted = (0..<1000).filter {
            log.admit(.silent, from: "source \($0)", now: Int64($0)) != nil
        }
        #expect(admitted.count == 5)
    }
}
