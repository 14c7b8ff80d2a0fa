package import NIOCore
package import Wire

/// Where a peer listens for its peers.
package struct PeerAddress: Hashable, Sendable {
    package let host: String
    package let port: Int
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}

/// Whoever gets what the peers send. Called on event loops: it must be quick and must not block.
///
/// `linkUp` says that we accept the peer. The lower node of the pair says so first; should the higher one refuse it,
/// `linkDown` follows. For one peer and kind, `linkUp` and `linkDown` take turns, and frames come between them in the
/// order they were sent. They are called one at a time for the whole transport; calling back into the transport is
/// allowed. Links of different kinds have no order among each other. When a link is superseded, one frame of the old link
/// may still be on its way into `received`.
package protocol PeerHandler: Sendable {
    /// `body` may be a slice of what was read from the socket: copy it to keep it for long.
    func received(_ kind: FrameKind, _ body: ByteBuffer, from node: NodeID, over link: LinkKind)
    func linkUp(_ node: NodeID, _ link: LinkKind, hello: Hello)
    func linkDown(_ node: NodeID, _ link: LinkKind, reason: LinkFault)
}
