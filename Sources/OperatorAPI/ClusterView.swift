import Cluster
import Consensus
import NIOCore
import SupportAPI
import Wire

/// One node's replicas, as it said.
struct NodeStanding: Sendable {
    struct Replica: Sendable {
        let shard: ShardID
        let id: ReplicaID?
        let isLeader: Bool
        let role: String
        let term: Int64
        let applied: Int64
        let commit: Int64
        let stateHash: String
        let fault: String?
        let voters: [ReplicaID]
        let learners: [ReplicaID]
        let isJoint: Bool
    }

    let node: NodeID
    let replicas: [Replica]

    init(json: ByteBuffer) throws {
        let value = try JSONParser.parse(json)
        func int(_ value: JSONValue?) -> Int64 {
            if case .integer(let number)? = value { return number }
            return 0
        }
        func text(_ value: JSONValue?) -> String? {
            if case .string(let text)? = value { return text }
            return nil
        }
        func flag(_ value: JSONValue?) -> Bool {
            if case .bool(let flag)? = value { return flag }
            return false
        }
        func ids(_ value: JSONValue?) -> [ReplicaID] {
            guard case .array(let items)? = value else { return [] }
            return items.compactMap { text($0).flatMap { UInt64($0) }.map { ReplicaID($0) } }
        }
        node = NodeID(rawValue: UInt16(clamping: int(value["node"])))
        guard case .array(let items)? = value["replicas"] else {
            replicas = []
            return
        }
        replicas = items.map { item in
            Replica(
                shard: ShardID(rawValue: UInt16(clamping: int(item["shard"]))),
                id: text(item["replica"]).flatMap { UInt64($0) }.map { ReplicaID($0) },
                isLeader: flag(item["is_leader"]), role: text(item["role"]) ?? "",
                term: int(item["term"]), applied: int(item["applied"]),
                commit: int(item["commit"]), stateHash: text(item["state_hash"]) ?? "",
                fault: text(item["fault"]), voters: ids(item["voters"]),
                learners: ids(item["learners"]), isJoint: flag(item["is_joint"]))
        }
    }
}

/// The cluster, put together from what its nodes said.
struct ClusterView: Sendable {
    struct Shard: Sendable {
        let shard: ShardID
        let leader: NodeID?
        let term: Int64
        let voters: [ReplicaID]
        let learners: [ReplicaID]
        let replicas: [(node: NodeID, replica: NodeStanding.Replica)]
        let problem: String?
    }

    let cluster: ClusterID
    let nodes: [NodeRecord]
    let standings: [NodeStanding]
    let shards: [Shard]

    init(
        cluster: ClusterID, nodes: [NodeRecord], shardCount: Int, replicationFactor: Int,
        standings: [NodeStanding]
    ) {
        self.cluster = cluster
        self.nodes = nodes
        self.standings = standings
        let active = nodes.count { $0.state == .active }
        shards = (0...shardCount).map { number in
            let shard = ShardID(rawValue: UInt16(number))
            let replicas = standings.flatMap { standing in
                standing.replicas.filter { $0.shard == shard }.map { (standing.node, $0) }
            }
            let leader = replicas.filter { $0.1.isLeader }.max { $0.1.term < $1.1.term }
            let factor = number == 0 ? (active >= 5 ? 5 : 3) : replicationFactor
            let most = min(factor, active)
            let wanted = most % 2 == 1 ? most : max(1, most - 1)
            var problem: String?
            if let leader = leader?.1 {
                let reached = Set(replicas.compactMap(\.1.id))
                let unreached = leader.voters.filter { !reached.contains($0) }
                let behind = replicas.filter { leader.commit - $0.1.applied > 2000 }
                let members = leader.voters.count + leader.learners.count
                if leader.isJoint {
                    problem = "members are changing"
                } else if leader.voters.count != wanted {
                    problem = "\(leader.voters.count) of \(wanted) voters"
                } else if number == 0 && members < active {
                    problem = "\(members) of \(active) nodes follow"
                } else if !unreached.isEmpty {
                    problem =
                        "no word from node \(unreached.map(\.node).sorted().map { "\($0)" }.joined(separator: ", "))"
                } else if let stopped = replicas.first(where: { $0.1.fault != nil }) {
                    problem = "node \(stopped.0): \(stopped.1.fault ?? "")"
                } else if let slow = behind.first {
                    problem = "node \(slow.0) is \(leader.commit - slow.1.applied) entries behind"
                }
            } else {
                problem = "no leader"
            }
            return Shard(
                shard: shard, leader: leader?.0, term: leader?.1.term ?? 0,
                voters: leader?.1.voters ?? [], learners: leader?.1.learners ?? [],
                replicas: replicas, problem: problem)
        }
    }

    var isHealthy: Bool {
        shards.allSatisfy { $0.problem == nil }
            && nodes.allSatisfy { record in
                record.state == .removed || standings.contains { $0.node == record.id }
            }
    }
}

extension JSONWriter {
    mutating func cluster(_ view: ClusterView) {
        object { json in
            json.member("healthy", view.isHealthy)
            json.member("cluster", view.cluster.description)
            json.array("nodes") { json in
                for node in view.nodes where node.state != .removed { json.node(node, view) }
            }
            json.array("shards") { json in for shard in view.shards { json.shard(shard) } }
        }
    }

    mutating func node(_ node: NodeRecord, _ view: ClusterView) {
        let standing = view.standings.first { $0.node == node.id }
        object { json in
            json.members(of: node)
            json.member("is_connected", standing != nil)
            json.member("leads", standing?.replicas.count { $0.isLeader } ?? 0)
            json.member("replicas", standing?.replicas.count ?? 0)
        }
    }

    mutating func shard(_ shard: ClusterView.Shard) {
        object { json in
            json.member("shard", Int(shard.shard.rawValue))
            json.member("leader", shard.leader.map { Int($0.rawValue) })
            json.member("term", shard.term)
            json.array("voters") { json in
                for id in shard.voters { json.value(Int64(id.node.rawValue)) }
            }
            json.array("learners") { json in
                for id in shard.learners { json.value(Int64(id.node.rawValue)) }
            }
            json.member("problem", shard.problem)
            json.array("replicas") { json in
                for (node, replica) in shard.replicas {
                    json.object { json in
                        json.member("node", Int(node.rawValue))
                        json.member("replica", replica.id.map { "\($0)" })
                        json.member("role", replica.role)
                        json.member("is_voter", replica.id.map(shard.voters.contains) ?? false)
                        json.member("applied", replica.applied)
                        json.member("commit", replica.commit)
                        json.member("state_hash", replica.stateHash)
                        json.member("fault", replica.fault)
                    }
                }
            }
        }
    }
}
