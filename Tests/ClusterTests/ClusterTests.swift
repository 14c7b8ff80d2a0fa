import Consensus
import Foundation
import ShardStore
import Testing
import Wire

@testable import Cluster

/// Several nodes in one process. What only shows when processes die, disks fill and networks break is in `Tests/Faults`.
@Suite(.serialized) struct ClusterTests {
    @Test func everyNodeReadsWhatWasJustWritten() async throws {
        try await TestCluster.with(3) { cluster in
            let acme = try await cluster.tenant("acme")
            for expected in 1...40 {
                let written = try await cluster.countUp(acme)
                #expect(written.answer == Int64(expected))
                for node in cluster.running {
                    #expect(
                        try await cluster.number(acme, at: node) == Int64(expected),
                        "\(node.identity.name)")
                }
            }
        }
    }

    @Test func leadershipIsHandedOverAndTheOldLeaderSaysWhoLeads() async throws {
        try await TestCluster.with(3) { cluster in
            let acme = try await cluster.tenant("acme")
            _ = try await cluster.countUp(acme)
            let old = try #require(cluster.leader(of: acme.shard))
            let heir = try #require(
                cluster.running.first { $0.identity.node != old.identity.node })
            #expect(await old.transfer(acme.shard, to: heir.identity.node))
            try await cluster.until("\(heir.identity.name) leads") {
                $0.leader(of: acme.shard)?.identity.node == heir.identity.node
            }
            #expect(try await cluster.countUp(acme).answer == 2)
            // The leadership may be moved again at any time, to spread leaders over the nodes.
            try await cluster.until("who does not lead says who does") { cluster in
                guard let leader = cluster.leader(of: acme.shard)?.identity.node,
                    let other = cluster.running.first(where: { $0.identity.node != leader })
                else { return false }
                do { _ = try await other.countUp(acme) } catch {
                    return error as? NotLeader == NotLeader(leader: leader)
                }
                return false
            }
            for node in cluster.running {
                #expect(!(await node.transfer(acme.shard, to: NodeID(rawValue: 9))))
            }
        }
    }

    @Test func twoOfThreeGoOnAndTheThirdCatchesUp() async throws {
        try await TestCluster.with(3) { cluster in
            let acme = try await cluster.tenant("acme")
            for _ in 0..<5 { _ = try await cluster.countUp(acme) }
            let leader = try #require(cluster.leader(of: acme.shard)).identity.node.rawValue
            await cluster.stop(leader)
            for _ in 0..<5 { _ = try await cluster.countUp(acme) }
            try await cluster.restart(leader)
            try await cluster.until("the third has caught up") { $0.isWhole(3) }
            #expect(try await cluster.number(acme, at: cluster[leader]) == 10)
        }
    }

    /// What it held is of no use to anybody: it must not go on as if it belonged, and must not fill the disk.
    @Test func aReplicaThatWasVotedOutWhileAwayIsTakenDown() async throws {
        try await TestCluster.with(4, shards: 1) { cluster in
            let acme = try await cluster.tenant("acme")
            for _ in 0..<5 { _ = try await cluster.countUp(acme) }
            // A node that holds a replica of the shard and leads nothing that the test talks to.
            let leader = try #require(cluster.leader(of: acme.shard))
            let view = try #require(cluster.view(leader.identity.node.rawValue, acme.shard))
            let leaders = [cluster.leader(of: .directory), cluster.leader(of: acme.shard)]
                .compactMap {
                    $0?.identity.node
                }
            let away = try #require(
                view.configuration.voters.map(\.node).first { !leaders.contains($0) })
            let path = try #require(cluster.view(away.rawValue, acme.shard)).path
            await cluster.stop(away.rawValue)
            let directory = try #require(cluster.leader(of: .directory)).directory
            _ = try await directory.setState(ofNode: "n\(away.rawValue)", .draining)
            try await cluster.until("the shard has moved to the fourth node") { $0.isWhole(3) }
            for _ in 0..<5 { _ = try await cluster.countUp(acme) }
            try await cluster.restart(away.rawValue)
            try await cluster.until("it is told that it was voted out") {
                $0.view(away.rawValue, acme.shard)?.replica == nil
            }
            #expect(!FileManager.default.fileExists(atPath: path))
            #expect(try await cluster.countUp(acme).answer == 11)
        }
    }

    /// Any replica has the history, followers too.
    @Test func everyReplicaTellsTheSameHistory() async throws {
        try await TestCluster.with(3) { cluster in
            let acme = try await cluster.tenant("acme")
            var last: Position?
            for _ in 0..<5 { last = try await cluster.countUp(acme).position }
            try await cluster.until("all have applied it") { [last] in
                $0.isWhole(3, with: last)
            }
            var told: [[LogIndex]] = []
            for node in cluster.running {
                let history = try await node.history(of: acme.shard, after: .zero)
                told.append(history.entries.filter { $0.tenant == acme.id }.map(\.index))
            }
            #expect(told[0].count == 5)
            #expect(told.allSatisfy { $0 == told[0] })
        }
    }

    /// Any node serves any tenant, also where more nodes than replicas are.
    @Test func aNodeOutsideAGroupKnowsWhoLeadsIt() async throws {
        try await TestCluster.with(4) { cluster in
            let acme = try await cluster.tenant("acme")
            let count = try await cluster.countUp(acme)
            try await cluster.until("three have it") { $0.isWhole(3, with: count.position) }
            func outsider() -> Node? { cluster.running.first { !$0.holds(acme.shard) } }
            try await cluster.until("the fourth knows") { cluster in
                guard let leader = cluster.leader(of: acme.shard) else { return false }
                return outsider()?.destination(of: acme.shard) == .node(leader.identity.node)
            }
            let old = try #require(cluster.leader(of: acme.shard)).identity.node
            await cluster.stop(old.rawValue)
            try await cluster.until("the fourth knows the next") { cluster in
                guard let leader = cluster.leader(of: acme.shard), leader.identity.node != old
                else { return false }
                return outsider() == nil
                    || outsider()?.destination(of: acme.shard) == .node(leader.identity.node)
            }
        }
    }

    /// Whoever asks it has better use of an early no than of a node that waits for a leader which others elect.
    @Test func aNodeThatHearsNobodySaysSoSoon() async throws {
        try await TestCluster.with(3) { cluster in
            let acme = try await cluster.tenant("acme")
            _ = try await cluster.countUp(acme)
            for number in [1, 2] as [UInt16] { await cluster.stop(number) }
            try await cluster.until("the third is alone") { cluster in
                cluster[3].destination(of: acme.shard) == .nobody
            }
            let start = ContinuousClock.now
            let found = await cluster[3].destination(of: acme.shard, within: .seconds(300))
            #expect(found == .nobody)
            #expect(ContinuousClock.now - start < .seconds(100))
            // What it had heard by then is still to be read.
            #expect(try await cluster[3].number(acme, level: .stale) <= 1)
        }
    }

    /// Its rows may be any time behind, and its directory too.
    @Test func aNodeThatHasHeardNoLeaderSinceItsStartAnswersNothing() async throws {
        try await TestCluster.with(3) { cluster in
            let acme = try await cluster.tenant("acme")
            let count = try await cluster.countUp(acme)
            try await cluster.until("all have applied it") { $0.isWhole(3, with: count.position) }
            #expect(try await cluster.number(acme, at: cluster[3], level: .stale) == 1)
            for number in [1, 2, 3] as [UInt16] { await cluster.stop(number) }
            try await cluster.restart(3)
            #expect(cluster[3].directory.tenant(named: "acme") != nil)
            #expect(!cluster[3].isDirectoryFresh && !cluster[3].isReady)
            await #expect(throws: NotLeader.self) {
                try await cluster[3].number(acme, level: .stale)
            }
            try await cluster.restart(1)
            try await cluster.until("two have elected a leader") { $0[3].isReady }
            #expect(try await cluster.number(acme, at: cluster[3]) == 1)
        }
    }
}
