import Foundation
import Measurement
import NIOCore
import NIOHTTP1

/// Kills the leader of the largest tenant's shard again and again, and takes how long writes wait.
///
/// Asked once an interval, by the thread that measures; it never keeps that waiting.
struct Failover {
    private enum State {
        /// Healthy since a while; the next kill comes at the time.
        case resting(until: Double)
        case dead(node: Int, shards: [Int], at: Double, restartAt: Double)
        case restarting(LocalCluster.Restart, node: Int, shards: [Int], at: Double)
        case done
    }

    private let engine: LoadEngine
    private let load: PhaseLoad
    private let operators: Dialer
    private let script: ClusterScript
    private let usedShards: [Int]
    private(set) var cluster: LocalCluster
    private var state = State.resting(until: 2)
    private var left: Int
    private(set) var events: [Event] = []

    /// Seconds that a killed node stays away, and that the whole cluster rests before the next kill.
    private static let away = 2.0
    private static let rest = 3.0

    init(
        engine: LoadEngine, load: PhaseLoad, cluster: LocalCluster, operators: Dialer,
        script: ClusterScript, desks: [Desk], kills: Int
    ) {
        self.engine = engine
        self.load = load
        self.cluster = cluster
        self.operators = operators
        self.script = script
        // The largest tenant's first.
        var seen: Set<Int> = []
        usedShards = desks.map(\.shard).filter { seen.insert($0).inserted }
        left = kills
    }

    var isDone: Bool { if case .done = state { true } else { false } }

    /// Does what is due. True when nodes were started anew.
    mutating func step(at now: Double) throws -> Bool {
        switch state {
        case .resting(let until):
            if now >= until { try kill(at: now) }
        case .dead(let node, let shards, let at, let restartAt):
            guard now >= restartAt else { break }
            let restart = try cluster.beginRestart(of: cluster.nodes[node], script: script)
            state = .restarting(restart, node: node, shards: shards, at: at)
        case .restarting(let restart, let node, let shards, let at):
            guard restart.isDone else { break }
            guard restart.succeeded else {
                throw LoadFailure("\(cluster.nodes[node].name) did not start again after its kill")
            }
            guard try status()?.healthy == true else { break }
            cluster = try LocalCluster(directory: cluster.directory)
            try settle(node: node, shards: shards, at: at, now: now)
            return true
        case .done: break
        }
        return false
    }

    private mutating func kill(at now: Double) throws {
        guard let status = try status(), status.healthy else { return }
        let leaders = Dictionary(
            status.shards.compactMap { shard in shard.leader.map { (shard.shard, $0) } },
            uniquingKeysWith: { first, _ in first })
        guard let first = usedShards.first, let leader = leaders[first],
            let node = cluster.nodes.firstIndex(where: { $0.id == leader })
        else { return }
        let shards = usedShards.filter { leaders[$0] == leader }
        // Writes sent before the kill may be answered after it: only those sent later count.
        let since = MonotonicClock.nanoseconds
        try cluster.kill(cluster.nodes[node])
        try engine.wait(load.watchShards(Set(shards), since: since))
        left -= 1
        state = .dead(node: node, shards: shards, at: now, restartAt: now + Self.away)
    }

    private mutating func settle(node: Int, shards: [Int], at: Double, now: Double) throws {
        let gaps = try engine.wait(load.shardGaps())
        for shard in shards {
            let text = "\(cluster.nodes[node].name) killed, leader of shard \(shard)"
            events.append(
                Event(
                    at: at,
                    text: gaps[shard] == nil
                        ? text + "; no write to it was acknowledged until it was back" : text,
                    gap: gaps[shard]))
        }
        events.append(Event(at: now, text: "\(cluster.nodes[node].name) is back"))
        try engine.wait(load.goHome())
        state = left > 0 ? .resting(until: now + Self.rest) : .done
    }

    private struct Status: Decodable {
        struct Shard: Decodable {
            let shard: Int
            let leader: Int?
        }
        let healthy: Bool
        let shards: [Shard]
    }

    /// The cluster as its first node that answers sees it.
    private func status() throws -> Status? {
        for node in operators.addresses.indices {
            let future = engine.ask(
                operators, node: node, path: "/admin/v1/cluster",
                headers: [
                    "Host": "localhost", "Authorization": "Bearer \(cluster.operatorToken)",
                ])
            guard let answer = try? engine.wait(future) else { continue }
            guard answer.status == 200 else { continue }
            return try JSONDecoder().decode(
                Status.self, from: Data(answer.body.readableBytesView))
        }
        return nil
    }
}
