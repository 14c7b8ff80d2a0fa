import Consensus
import Testing
import Wire

@testable import Cluster

struct PlacementTests {
    private static func nodes(_ count: Int, zones: [String] = ["a", "b", "c"]) -> [NodeRecord] {
        (1...count).map { number in
            NodeRecord(
                id: NodeID(rawValue: UInt16(number)), name: "n\(number)",
                zone: zones[(number - 1) % zones.count], address: "h:\(number)", state: .active)
        }
    }

    private static func id(_ number: UInt64, _ node: UInt16) -> ReplicaID {
        ReplicaID(number: number, on: NodeID(rawValue: node))
    }

    private static func placement(
        shard: UInt16 = 1, _ configuration: Configuration, nodes: [NodeRecord],
        caughtUp: [ReplicaID] = [], assigned: [ReplicaID] = [], lost: [ReplicaID] = [],
        factor: Int = 3
    ) -> Placement {
        Placement(
            shard: ShardID(rawValue: shard), configuration: configuration, lost: Set(lost),
            caughtUp: Set(caughtUp), assigned: Set(assigned), nodes: nodes,
            connected: Set(nodes.map(\.id)), replicationFactor: factor)
    }

    /// Plays the steps until nothing is left to do, as nodes that do what they are asked would.
    private static func settle(
        shard: UInt16 = 1, _ start: Configuration, nodes: [NodeRecord], lost: [ReplicaID] = [],
        factor: Int = 3
    ) -> (Configuration, steps: Int) {
        var configuration = start
        var assigned: [ReplicaID] = []
        var steps = 0
        while steps < 100 {
            let step = placement(
                shard: shard, configuration, nodes: nodes, caughtUp: configuration.members,
                assigned: assigned, lost: lost, factor: factor
            ).next
            switch step {
            case .none: return (configuration, steps)
            case .assign(let id): assigned.append(id)
            case .change(let voters, let learners):
                #expect(voters.allSatisfy(configuration.isMember), "a voter was a member before")
                configuration = configuration.joint(voters: voters, learners: learners).final
            }
            steps += 1
        }
        return (configuration, steps)
    }

    @Test func aNodeAloneStaysAlone() {
        let alone = Configuration(voters: [Self.id(1, 1)])
        #expect(Self.placement(alone, nodes: Self.nodes(1)).next == .none)
    }

    @Test func aSecondNodeDoesNotMakeAnEvenNumberOfVoters() {
        let alone = Configuration(voters: [Self.id(1, 1)])
        let (end, _) = Self.settle(alone, nodes: Self.nodes(2))
        #expect(end.voters == [Self.id(1, 1)])
    }

    @Test func threeNodesGetAVoterEachInOneChange() {
        let alone = Configuration(voters: [Self.id(1, 1)])
        let (end, steps) = Self.settle(alone, nodes: Self.nodes(3))
        #expect(Set(end.voters.map(\.node.rawValue)) == [1, 2, 3])
        #expect(end.learners.isEmpty)
        // Two assignments, two learners, one change.
        #expect(steps == 5)
    }

    @Test func theDirectoryIsFollowedByEveryNode() {
        let alone = Configuration(voters: [Self.id(1, 1)])
        let (end, _) = Self.settle(shard: 0, alone, nodes: Self.nodes(4))
        #expect(end.voters.count == 3)
        #expect(Set(end.members.map(\.node.rawValue)) == [1, 2, 3, 4])
    }

    @Test func aLostReplicaIsReplacedOnItsOwnNodeUnderANewId() {
        let three = Configuration(voters: [Self.id(1, 1), Self.id(2, 2), Self.id(3, 3)])
        let (end, _) = Self.settle(three, nodes: Self.nodes(3), lost: [Self.id(2, 2)])
        #expect(end.voters.count == 3)
        #expect(!end.isMember(Self.id(2, 2)))
        let successor = end.voters.first { $0.node.rawValue == 2 }
        #expect(successor == Self.id(4, 2))
    }

    @Test func aRemovedNodesReplicaGoesToANodeThatHasNone() {
        let three = Configuration(voters: [Self.id(1, 1), Self.id(2, 2), Self.id(3, 3)])
        var nodes = Self.nodes(4)
        nodes[2] = NodeRecord(
            id: nodes[2].id, name: "n3", zone: "c", address: "h:3", state: .removed)
        let (end, _) = Self.settle(three, nodes: nodes)
        #expect(Set(end.voters.map(\.node.rawValue)) == [1, 2, 4])
    }

    @Test func replicasSpreadOverZones() {
        let alone = Configuration(voters: [Self.id(1, 1)])
        // Four nodes in zone a, one each in b and c.
        let zones = ["a", "a", "a", "a", "b", "c"]
        let (end, _) = Self.settle(alone, nodes: Self.nodes(6, zones: zones))
        #expect(Set(end.voters.map { zones[Int($0.node.rawValue) - 1] }) == ["a", "b", "c"])
    }

    @Test func aLearnerThatLagsIsNotPromoted() {
        let learning = Configuration(
            voters: [Self.id(1, 1)], learners: [Self.id(2, 2), Self.id(3, 3)])
        let step = Self.placement(
            learning, nodes: Self.nodes(3), caughtUp: [Self.id(1, 1), Self.id(2, 2)]
        ).next
        #expect(step == .none)
    }

    @Test func leadersSpreadOverNodesAndPreferTheirZone() {
        let voters = [Self.id(1, 1), Self.id(2, 2), Self.id(3, 3)]
        var sight = ClusterSight(nodes: Self.nodes(3), isKnown: true)
        let leaders = (0..<9).map { number in
            Placement.preferredLeader(
                of: ShardID(rawValue: UInt16(number)), Configuration(voters: voters), sight: sight)?
                .node.rawValue
        }
        for node in 1...3 { #expect(leaders.count { $0 == UInt16(node) } == 3) }
        sight.leaderZones = ["b"]
        #expect(
            (0..<9).allSatisfy {
                Placement.preferredLeader(
                    of: ShardID(rawValue: UInt16($0)), Configuration(voters: voters), sight: sight
                )?.node.rawValue == 2
            })
        sight.ailing = [NodeID(rawValue: 2)]
        #expect(
            Placement.preferredLeader(
                of: ShardID(rawValue: 1), Configuration(voters: voters), sight: sight)?.node
                .rawValue
                != 2)
    }
}
