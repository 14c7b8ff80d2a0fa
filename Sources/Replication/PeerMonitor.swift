/// Which of the other nodes are under suspicion: one for a node, however many groups it holds.
///
/// A node is suspected when it has been silent for a while, or at once when its connection closed; it is trusted again when it
/// is heard. Times are microseconds of a clock that only goes forward, as a parameter.
package struct PeerMonitor: Equatable, Sendable {
    package enum Change: Equatable, Sendable {
        case suspected(Int)
        case trusted(Int)
    }

    /// How often `tick` is called, in microseconds.
    private let interval: Int64
    /// How long a node may be silent, in microseconds.
    private let patience: Int64
    private var peers: [Peer]
    private var lastTick: Int64

    private struct Peer: Equatable {
        let node: Int
        var lastHeard: Int64
        var isSuspected = false
    }

    /// Begins with trust in everyone.
    package init(peers: [Int], interval: Int64, patience: Int64, now: Int64) {
        self.interval = interval
        self.patience = patience
        self.peers = peers.sorted().map { Peer(node: $0, lastHeard: now) }
        lastTick = now
    }

    /// Watches these from now on; who was not watched before begins with trust.
    package mutating func setPeers(_ nodes: [Int], now: Int64) {
        peers = nodes.sorted().map { node in
            peers.first { $0.node == node } ?? Peer(node: node, lastHeard: now)
        }
    }

    package func isSuspected(_ node: Int) -> Bool {
        peers.first { $0.node == node }?.isSuspected ?? false
    }

    package mutating func heard(from node: Int, now: Int64) -> Change? {
        guard let place = peers.firstIndex(where: { $0.node == node }) else { return nil }
        peers[place].lastHeard = now
        guard peers[place].isSuspected else { return nil }
        peers[place].isSuspected = false
        return .trusted(node)
    }

    package mutating func disconnected(from node: Int) -> Change? {
        guard let place = peers.firstIndex(where: { $0.node == node }),
            !peers[place].isSuspected
        else { return nil }
        peers[place].isSuspected = true
        return .suspected(node)
    }

    package mutating func tick(now: Int64) -> [Change] {
        // Whoever was asleep itself cannot say that others were silent: what they sent waits to be read.
        let late = now - lastTick - interval
        if late > interval {
            for place in peers.indices { peers[place].lastHeard += late }
        }
        lastTick = now
        var changes: [Change] = []
        for place in peers.indices
        where !peers[place].isSuspected && now - peers[place].lastHeard > patience {
            peers[place].isSuspected = true
            changes.append(.suspected(peers[place].node))
        }
        return changes
    }
}
