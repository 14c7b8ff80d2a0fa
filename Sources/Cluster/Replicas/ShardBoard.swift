package import Consensus
import Synchronization
package import Wire

/// How one shard stands on this node, for whoever asks, at any time and from any thread.
///
/// It is posted before anything that follows from the same step leaves the shard's lane: see `Standing`.
package struct ShardView: Sendable, Equatable {
    package var shard: ShardID
    /// The replica this node holds; nil when it holds none.
    package var replica: ReplicaID?
    package var role: Role = .follower
    package var term: Term = .zero
    /// The node that leads, as far as this one knows.
    package var leader: NodeID?
    /// Whether this node leads and knows what is committed.
    package var isServing = false
    /// Whether this node is the only voter: what it has committed is all there is.
    package var leadsAlone = false
    /// Whether the rows have caught up with a leader since this replica was started: one that has just started may be any time behind.
    package var isFresh = false
    /// Whether the rows hold all that was committed before the present term.
    package var holdsTerm = false
    /// Whether the rows may be read at all: they are here, and nobody doubts them.
    package var isReadable = false
    package var appliedIndex: LogIndex = .zero
    package var commitIndex: LogIndex = .zero
    package var stateHash: UInt64 = 0
    package var configuration = Configuration(voters: [])
    /// Raised whenever the rows' file is another one.
    package var generation = 0
    package var path = ""
    /// Why the replica has stopped; nil while it works.
    package var fault: String?
    /// Why the rows of a working replica are not to be trusted: the group cannot go on without it.
    package var damage: String?

    package var standing: Standing? {
        guard let replica, fault == nil else { return nil }
        return Standing(
            id: replica, term: term, isLeader: role == .leader, isEstablishedLeader: isServing,
            commit: commitIndex, configuration: configuration)
    }
}

/// The views of all shards. Lanes write, everybody reads.
final class ShardBoard: Sendable {
    private let views: [Slot]

    private final class Slot: Sendable {
        let view: Mutex<ShardView>
        init(_ view: ShardView) { self.view = Mutex(view) }
    }

    init(shardCount: Int) {
        views = (0...shardCount).map {
            Slot(ShardView(shard: ShardID(rawValue: UInt16($0))))
        }
    }

    subscript(shard: ShardID) -> ShardView {
        views[Int(shard.rawValue)].view.withLock { $0 }
    }

    var all: [ShardView] { views.map { $0.view.withLock { $0 } } }

    func contains(_ shard: ShardID) -> Bool { Int(shard.rawValue) < views.count }

    func post(_ view: ShardView) {
        views[Int(view.shard.rawValue)].view.withLock { $0 = view }
    }

    /// The last entry a stale read here would see; nil when it could be any time behind since before this process began.
    func freshIndex(of shard: ShardID) -> LogIndex? {
        views[Int(shard.rawValue)].view.withLock { $0.isFresh ? $0.appliedIndex : nil }
    }

    /// Whether the rows here are at most moments behind: they have caught up, also with this term, and their leader is heard.
    func isCurrent(_ shard: ShardID) -> Bool {
        views[Int(shard.rawValue)].view.withLock { $0.isFresh && $0.holdsTerm && $0.leader != nil }
    }

    /// Who serves a shard: the only question asked by every request, without copying a view.
    func destination(of shard: ShardID) -> (node: NodeID?, isServing: Bool, leadsAlone: Bool) {
        views[Int(shard.rawValue)].view.withLock { ($0.leader, $0.isServing, $0.leadsAlone) }
    }

    func appliedIndex(of shard: ShardID) -> LogIndex {
        views[Int(shard.rawValue)].view.withLock { $0.appliedIndex }
    }

    /// How the replica here stands in its group; nil when there is none.
    func standing(of shard: ShardID) -> Standing? {
        views[Int(shard.rawValue)].view.withLock { $0.standing }
    }

    /// The same, with who leads, for a shard whose rows may be read here.
    func readable(_ shard: ShardID) -> (standing: Standing, leader: NodeID?)? {
        views[Int(shard.rawValue)].view.withLock { view in
            guard view.isReadable, let standing = view.standing else { return nil }
            return (standing, view.leader)
        }
    }

    /// The shards this node leads.
    var led: ShardSet {
        var set = ShardSet()
        for slot in views {
            let (shard, leads) = slot.view.withLock { ($0.shard, $0.role == .leader) }
            if leads { set.insert(shard) }
        }
        return set
    }
}
