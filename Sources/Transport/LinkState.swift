package import Certificates
package import Wire

/// One link's life as a value: what happened in, what to do out. No sockets, no clock; times are microseconds of a clock that
/// only goes forward.
///
///     connecting ──secured──▶ secured ──(dialler says hello)──▶ greeted ──hello──▶ established
///                                └──────(acceptor) hello, answered by ours──────────────▲
///     any ──▶ closed(reason), which is final
///
/// The dialler speaks first and an acceptor tells nothing about itself before it knows who asks. Both check that the
/// certificate, which TLS has proved, and the hello name the same node of the same cluster.
package struct LinkState: Sendable {
    package enum Direction: Equatable, Sendable {
        case dialling(NodeID, LinkKind)
        case accepting
    }

    /// The peer as certificate and hello agree on it.
    package struct Peer: Equatable, Sendable {
        package let certificate: NodeCertificate
        package let hello: Hello
        /// The highest version that both speak.
        package let version: UInt16

        package init(certificate: NodeCertificate, hello: Hello, version: UInt16) {
            self.certificate = certificate
            self.hello = hello
            self.version = version
        }
    }

    package enum Phase: Equatable, Sendable {
        case connecting
        case secured(NodeCertificate)
        case greeted(NodeCertificate)
        case established(Peer)
        case closed(LinkFault)
    }

    package enum Event: Equatable, Sendable {
        /// TLS is done and the peer's chain is trusted.
        case secured(NodeCertificate, revoked: Set<String>)
        case hello(Hello)
        /// The serials that are revoked now.
        case revoked(Set<String>)
        /// What was found outside of this value: a broken connection, bytes that are no frame, another link in its place.
        case failed(LinkFault)
        /// Time goes on. `late` is how much later than due the tick came: we cannot blame the peer for our own sleep.
        case ticked(now: Int64, late: Int64)
    }

    package enum Action: Equatable, Sendable {
        case sendHello(LinkKind)
        case establish(Peer)
        case close(LinkFault)
    }

    /// What to do with a frame.
    package enum Verdict: Equatable, Sendable {
        case readHello
        case deliver(FrameKind)
        case ignore
        case close(LinkFault)
    }

    package let local: LocalNode
    package let direction: Direction
    package private(set) var phase = Phase.connecting
    private let silence: Int64
    private let handshake: Int64
    private var openedAt: Int64
    private var heardAt: Int64
    /// Beside the phase, because it is asked for each frame.
    private var isEstablished = false

    package init(
        local: LocalNode, direction: Direction, silence: Int64, handshake: Int64, now: Int64
    ) {
        self.local = local
        self.direction = direction
        self.silence = silence
        self.handshake = handshake
        openedAt = now
        heardAt = now
    }

    package var isClosed: Bool {
        if case .closed = phase { true } else { false }
    }

    package var peer: Peer? {
        if case .established(let peer) = phase { peer } else { nil }
    }

    /// Bytes came, whatever they are.
    package mutating func heard(now: Int64) { heardAt = max(heardAt, now) }

    package mutating func received(kind number: UInt8) -> Verdict {
        if isEstablished {
            guard let kind = FrameKind(rawValue: number) else {
                return FrameKind.mayBeIgnored(number)
                    ? .ignore : verdict(.badFrame(.unknownKind(number)))
            }
            switch kind {
            case .hello: return verdict(.secondHello)
            case .keepAlive, .padding: return .ignore
            default: return .deliver(kind)
            }
        }
        if case .closed = phase { return .ignore }
        if case .connecting = phase { return verdict(.frameBeforeHello) }
        return number == FrameKind.hello.rawValue ? .readHello : verdict(.frameBeforeHello)
    }

    package mutating func apply(_ event: Event) -> [Action] {
        if isClosed { return [] }
        do throws(LinkFault) {
            switch event {
            case .secured(let certificate, let revoked): return try secured(certificate, revoked)
            case .hello(let hello): return try greeted(hello)
            case .revoked(let serials):
                if let certificate, serials.contains(certificate.serial) {
                    throw .revoked(serial: certificate.serial)
                }
            case .failed(let fault): throw fault
            case .ticked(let now, let late):
                openedAt += late
                heardAt += late
                if isEstablished {
                    if now - heardAt > silence { throw .silent }
                } else if now - openedAt > handshake {
                    throw .slowHandshake
                }
            }
            return []
        } catch {
            close(error)
            return [.close(error)]
        }
    }

    private var certificate: NodeCertificate? {
        switch phase {
        case .secured(let certificate), .greeted(let certificate): certificate
        case .established(let peer): peer.certificate
        case .connecting, .closed: nil
        }
    }

    private mutating func secured(_ certificate: NodeCertificate, _ revoked: Set<String>)
        throws(LinkFault) -> [Action]
    {
        guard case .connecting = phase else {
            throw .handshake("a second handshake on one connection")
        }
        guard certificate.cluster == local.cluster else {
            throw .otherCluster(certificate.cluster)
        }
        guard !revoked.contains(certificate.serial) else {
            throw .revoked(serial: certificate.serial)
        }
        switch direction {
        case .dialling(let expected, let kind):
            guard certificate.node == expected else {
                throw .unexpectedNode(expected: expected, found: certificate.node)
            }
            phase = .greeted(certificate)
            return [.sendHello(kind)]
        case .accepting:
            guard certificate.node != local.node else { throw .ourselves }
            guard certificate.node > local.node else { throw .wrongDirection }
            phase = .secured(certificate)
            return []
        }
    }

    private mutating func greeted(_ hello: Hello) throws(LinkFault) -> [Action] {
        let certificate: NodeCertificate
        switch phase {
        case .secured(let proved), .greeted(let proved): certificate = proved
        case .established: throw .secondHello
        case .connecting, .closed: throw .frameBeforeHello
        }
        guard hello.cluster == certificate.cluster else { throw .otherCluster(hello.cluster) }
        guard hello.node == certificate.node else {
            throw .impostor(certificate: certificate.node, hello: hello.node)
        }
        guard hello.zone == certificate.zone else {
            throw .otherZone(certificate: certificate.zone, hello: hello.zone)
        }
        let low = max(hello.protocols.lowerBound, local.protocols.lowerBound)
        let high = min(hello.protocols.upperBound, local.protocols.upperBound)
        guard low <= high else {
            throw .noCommonProtocol(own: local.protocols, peer: hello.protocols)
        }
        let peer = Peer(certificate: certificate, hello: hello, version: high)
        var actions: [Action] = []
        switch direction {
        case .dialling(_, let kind):
            guard hello.link == kind else { throw .otherLinkKind(hello.link) }
        case .accepting: actions.append(.sendHello(hello.link))
        }
        phase = .established(peer)
        isEstablished = true
        return actions + [.establish(peer)]
    }

    private mutating func close(_ fault: LinkFault) {
        phase = .closed(fault)
        isEstablished = false
    }

    private mutating func verdict(_ fault: LinkFault) -> Verdict {
        close(fault)
        return .close(fault)
    }
}
