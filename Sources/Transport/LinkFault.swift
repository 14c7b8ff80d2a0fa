package import Wire

/// Why a link closed, or never came to be. For the log, for diagnostics and for whoever decides what to do about the peer.
package enum LinkFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nobody answers at the peer's address.
    case unreachable(String)
    /// TLS was not agreed on: a CA we do not trust, an expired certificate, no certificate, or no TLS at all.
    case handshake(String)
    /// The chain is trusted, but the certificate is not a node's.
    case badCertificate(String)
    case otherCluster(ClusterID)
    case revoked(serial: String)
    case unexpectedNode(expected: NodeID, found: NodeID)
    /// A peer with our own number: a copied disk or certificate.
    case ourselves
    /// The hello claims another node or cluster than the certificate proves.
    case impostor(certificate: NodeID, hello: NodeID)
    case otherZone(certificate: String, hello: String)
    case badHello(DecodingFault)
    case secondHello
    case frameBeforeHello
    case otherLinkKind(LinkKind)
    /// The lower node of a pair must not dial: two links of one kind would compete.
    case wrongDirection
    case noCommonProtocol(own: ClosedRange<UInt16>, peer: ClosedRange<UInt16>)
    case badFrame(Frame.Fault)
    /// TLS and hello took too long.
    case slowHandshake
    case tooManyHandshakes
    /// Nothing was heard for too long.
    case silent
    /// A newer link of the same peer and kind took its place.
    case superseded
    /// The peer closed, or the connection broke.
    case disconnected(String)
    /// The node was taken off the list of peers.
    case removed
    /// We are shutting down.
    case shutdown
    /// There is no such link, and none could be had in time.
    case notConnected

    /// Whether it is part of ordinary life, such as a peer's restart.
    package var isOrdinary: Bool {
        switch self {
        case .superseded, .disconnected, .removed, .shutdown, .unreachable, .notConnected: true
        default: false
        }
    }

    package var description: String {
        switch self {
        case .unreachable(let why): "the peer cannot be reached: \(why)"
        case .handshake(let why): "TLS was not agreed on: \(why)"
        case .badCertificate(let why): "the peer's certificate: \(why)"
        case .otherCluster(let cluster): "the peer belongs to cluster \(cluster)"
        case .revoked(let serial): "the peer's certificate \(serial) is revoked"
        case .unexpectedNode(let expected, let found):
            "node \(found) answers where node \(expected) was expected"
        case .ourselves: "the peer has this node's own number"
        case .impostor(let certificate, let hello):
            "the peer says it is node \(hello), its certificate says node \(certificate)"
        case .otherZone(let certificate, let hello):
            "the peer says it is in zone \(hello), its certificate says \(certificate)"
        case .badHello(let fault): "the peer's hello cannot be read: \(fault)"
        case .secondHello: "the peer sent a second hello"
        case .frameBeforeHello: "the peer sent a frame before its hello"
        case .otherLinkKind(let kind): "the peer answered with a link for \(kind)"
        case .wrongDirection: "the lower node dialled the higher one"
        case .noCommonProtocol(let own, let peer):
            "no common protocol: we speak \(own), the peer \(peer)"
        case .badFrame(let fault): "a frame cannot be read: \(fault)"
        case .slowHandshake: "TLS and hello took too long"
        case .tooManyHandshakes: "too many connections have not finished TLS and hello"
        case .silent: "nothing was heard for too long"
        case .superseded: "a newer link took its place"
        case .disconnected(let why): "the connection closed: \(why)"
        case .removed: "the node is no peer any more"
        case .shutdown: "this node is shutting down"
        case .notConnected: "there is no link"
        }
    }
}
