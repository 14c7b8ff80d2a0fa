import Cluster
import Consensus
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceDesk
import SupportAPI
import Wire

/// The cluster as operators see it and change it: nodes, shards, certificates.
extension OperatorAPI {
    static let standingTarget = "/standing"
    static let transferTarget = "/transfer"
    static let checkTarget = "/check"

    // MARK: Looking

    func addClusterViewRoutes(to admin: RouterGroup<OperatorContext>) {
        admin.get("cluster") { _, _ in
            let cluster = await clusterView()
            return Response.json { $0.cluster(cluster) }
        }
        admin.get("nodes") { _, _ in
            let cluster = await clusterView()
            return Response.json { json in
                json.object { json in
                    json.array("nodes") { json in
                        for node in cluster.nodes { json.node(node, cluster) }
                    }
                }
            }
        }
        admin.get("shards") { _, _ in
            let cluster = await clusterView()
            return Response.json { json in
                json.object { json in
                    json.array("shards") { json in
                        for shard in cluster.shards { json.shard(shard) }
                    }
                }
            }
        }
        admin.get("shards/:shard") { _, context in
            let cluster = await clusterView()
            let number = Int(try context.parameters.require("shard"))
            guard let shard = cluster.shards.first(where: { Int($0.shard.rawValue) == number })
            else { throw OperatorRefusal(.notFound, "NoSuchShard", "There is no such shard") }
            return Response.json { json in
                json.object { json in
                    json.key("shard")
                    json.shard(shard)
                }
            }
        }
        admin.post("certificates/renew") { _, _ in
            do { try renewCertificates() } catch {
                throw OperatorRefusal(
                    .unprocessableContent, "InvalidCertificate",
                    "The certificate files cannot be used: \(error)")
            }
            return Response(status: .noContent)
        }
        admin.post("shards/:shard/transfer") { request, context in
            let fields = try await Self.fields(request, under: "transfer")
            let name = (try fields.string("node", max: 64) ?? nil) ?? ""
            guard let number = UInt16(try context.parameters.require("shard")),
                Int(number) <= node.shardCount
            else { throw OperatorRefusal(.notFound, "NoSuchShard", "There is no such shard") }
            guard let target = node.directory.node(named: name) else {
                throw DirectoryRefusal.noSuchNode(String(name.prefix(80)))
            }
            try await transfer(ShardID(rawValue: number), to: target.id)
            return Response(status: .noContent)
        }
    }

    /// What every node that can be reached says of itself.
    private func clusterView() async -> ClusterView {
        let nodes = node.directory.nodes
        let connected = node.connectedNodes
        var standings: [NodeStanding] = []
        await withTaskGroup(of: NodeStanding?.self) { group in
            for record in nodes where record.state != .removed {
                if record.id == node.identity.node {
                    group.addTask { try? NodeStanding(json: standingHere()) }
                    continue
                }
                guard connected.contains(record.id) else { continue }
                group.addTask {
                    let call = PeerRequest(
                        service: .node, shard: .directory, deadline: .seconds(2),
                        method: "GET", target: Self.standingTarget)
                    guard case .replied(let reply) = await node.call(record.id, call),
                        reply.outcome == .answered, reply.status == 200
                    else { return nil }
                    return try? NodeStanding(json: reply.body)
                }
            }
            for await standing in group { if let standing { standings.append(standing) } }
        }
        return ClusterView(
            cluster: node.identity.cluster, nodes: nodes, shardCount: node.shardCount,
            replicationFactor: node.directory.settings.replicationFactor,
            standings: standings.sorted { $0.node < $1.node })
    }

    /// This node's replicas, as JSON for the node that asks.
    func standingHere() -> ByteBuffer {
        JSONWriter.write { json in
            json.object { json in
                json.member("node", Int(node.identity.node.rawValue))
                json.array("replicas") { json in
                    for view in node.shardViews where view.replica != nil || view.fault != nil {
                        json.object { json in
                            json.member("shard", Int(view.shard.rawValue))
                            json.member("replica", view.replica.map { "\($0)" })
                            json.member("is_leader", view.role == .leader && view.isServing)
                            json.member("role", "\(view.role)")
                            json.member("term", Int64(view.term.rawValue))
                            json.member("applied", Int64(view.appliedIndex.rawValue))
                            json.member("commit", Int64(view.commitIndex.rawValue))
                            json.member("state_hash", String(view.stateHash, radix: 16))
                            json.member("fault", view.fault ?? view.damage)
                            json.array("voters") { json in
                                for id in view.configuration.voters {
                                    json.value("\(id)")
                                }
                            }
                            json.array("learners") { json in
                                for id in view.configuration.learners {
                                    json.value("\(id)")
                                }
                            }
                            json.member("is_joint", view.configuration.isJoint)
                        }
                    }
                }
            }
        }
    }

    // MARK: Handing over

    private func transfer(_ shard: ShardID, to target: NodeID) async throws {
        switch await node.destination(of: shard, within: .seconds(3)) {
        case .nobody: throw Unavailable(reason: .noLeader, retryAfterSeconds: 1)
        case .here:
            guard await node.transfer(shard, to: target) || target == node.identity.node else {
                throw Self.notAVoter
            }
        case .node(let leader):
            if leader == target { return }
            let call = PeerRequest(
                service: .node, shard: shard, deadline: .seconds(5), method: "POST",
                target: Self.transferTarget,
                body: ByteBuffer(integer: target.rawValue, endianness: .little))
            guard case .replied(let reply) = await node.call(leader, call),
                reply.outcome == .answered
            else { throw OutcomeUnknown() }
            guard reply.status == 204 else { throw Self.notAVoter }
        }
        for _ in 0..<300 {
            if node.destination(of: shard) == .node(target)
                || target == node.identity.node && node.destination(of: shard) == .here
            {
                return
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw OperatorRefusal(
            .conflict, "NotTransferred",
            "The other node has not taken over within 3 s; see lodge shard show")
    }

    private static var notAVoter: OperatorRefusal {
        OperatorRefusal(
            .conflict, "NotAVoter", "That node has no voting replica of the shard to hand over to")
    }

    func answerTransfer(_ call: PeerRequest) async -> PeerReply {
        var body = call.body
        guard let target = body.readInteger(endianness: .little, as: UInt16.self) else {
            return PeerReply(.answered, status: 400)
        }
        let isDone = await node.transfer(call.shard, to: NodeID(rawValue: target))
        return PeerReply(.answered, status: isDone ? 204 : 409)
    }

    // MARK: Changing

    func addClusterChangeRoutes(to admin: RouterGroup<OperatorContext>) {
        admin.post("nodes") { request, _ in
            let fields = try await Self.fields(request, under: "node")
            let record = try await node.directory.addNode(
                name: (try fields.string("name", max: 64) ?? nil) ?? "",
                zone: (try fields.string("zone", max: 64) ?? nil) ?? "default",
                address: (try fields.string("address", max: 300) ?? nil) ?? "")
            logger.info(
                "node added", metadata: ["node": "\(record.id)", "name": "\(record.name)"])
            let others = node.directory.nodes.filter { $0.state != .removed }
            return Response.json(.created) { json in
                json.object { json in
                    json.object("node") { $0.members(of: record) }
                    json.member("cluster", node.identity.cluster.description)
                    json.member("shards", node.shardCount)
                    json.array("nodes") { json in
                        for other in others where other.id != record.id {
                            json.object { $0.members(of: other) }
                        }
                    }
                }
            }
        }
        for (verb, state) in [
            ("remove", NodeRecord.State.removed), ("drain", .draining), ("activate", .active),
        ] {
            admin.post("nodes/:name/\(verb)") { _, context in
                let name = try context.parameters.require("name")
                let record = try await node.directory.setState(ofNode: name, state)
                logger.info(
                    "node \(verb)", metadata: ["node": "\(record.id)", "name": "\(record.name)"])
                return Response.json { json in
                    json.object { json in json.object("node") { $0.members(of: record) } }
                }
            }
        }
        admin.get("certificates/revocations") { _, _ in
            let serials = node.directory.revokedSerials.sorted()
            return Response.json { json in
                json.object { $0.array("revocations", serials) }
            }
        }
        admin.post("certificates/revocations") { request, _ in
            let fields = try await Self.fields(request, under: "revocation")
            let serial = (try fields.string("serial", max: 80) ?? nil) ?? ""
            try await node.directory.revoke(
                serial: serial, reason: (try fields.string("reason", max: 255) ?? nil) ?? "")
            return Response(status: .noContent)
        }
        admin.put("settings") { request, _ in
            let fields = try await Self.fields(request, under: "settings")
            var settings = node.directory.settings
            if let factor = try fields.int64("replication_factor") ?? nil {
                settings.replicationFactor = Int(clamping: factor)
            }
            if let zones = try fields.string("leader_zones", max: 600) ?? nil {
                settings.leaderZones = zones.split(separator: ",").map(String.init)
            }
            try await node.directory.set(settings)
            return Response.json { json in
                json.object { json in
                    json.object("settings") { json in
                        json.member("replication_factor", settings.replicationFactor)
                        json.array("leader_zones", settings.leaderZones)
                    }
                }
            }
        }
    }
}

extension JSONWriter {
    mutating func members(of record: NodeRecord) {
        member("id", Int(record.id.rawValue))
        member("name", record.name)
        member("zone", record.zone)
        member("address", record.address)
        member("state", record.state.name)
    }
}
