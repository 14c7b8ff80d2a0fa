import Cluster
import Consensus
import HTTPTypes
import Hummingbird
import NIOCore
import SupportAPI
import Wire

/// Reading a shard's rows against their state hashes, on every node that has them.
extension OperatorAPI {
    /// How long every node may take.
    private static let checkTime = Duration.seconds(50)

    /// `POST shards/:shard/check`: each replica reads all its rows. What is found unsound is dealt with as if it had been found by
    /// itself.
    func addCheckRoute(to admin: RouterGroup<OperatorContext>) {
        admin.post("shards/:shard/check") { _, context in
            guard let number = UInt16(try context.parameters.require("shard")),
                Int(number) <= node.shardCount
            else { throw OperatorRefusal(.notFound, "NoSuchShard", "There is no such shard") }
            let findings = await check(ShardID(rawValue: number))
            return Response.json { json in
                json.object { json in
                    json.member("shard", Int(number))
                    json.array("replicas") { json in
                        for finding in findings {
                            json.object { json in
                                json.member("node", Int(finding.node.rawValue))
                                json.member("finding", finding.text)
                            }
                        }
                    }
                }
            }
        }
    }

    private typealias NodeFinding = (node: NodeID, text: String)

    private func check(_ shard: ShardID) async -> [NodeFinding] {
        let own = node.identity.node
        var findings: [NodeFinding] = []
        await withTaskGroup(of: NodeFinding?.self) { group in
            if node.holds(shard) {
                group.addTask { (own, Self.text(await node.checkRows(of: shard))) }
            }
            for other in node.connectedNodes where other != own {
                group.addTask {
                    let call = PeerRequest(
                        service: .node, shard: shard, deadline: Self.checkTime, method: "POST",
                        target: Self.checkTarget)
                    guard case .replied(let reply) = await node.call(other, call),
                        reply.outcome == .answered
                    else { return (other, "no answer in time") }
                    return reply.status == 200 ? (other, String(buffer: reply.body)) : nil
                }
            }
            for await finding in group { if let finding { findings.append(finding) } }
        }
        return findings.sorted { $0.node < $1.node }
    }

    private static func text(_ finding: RowFinding) -> String {
        switch finding {
        case .sound: "sound"
        case .unsound(let what): what
        case .notMade: "not checked"
        }
    }

    func answerCheck(_ call: PeerRequest) async -> PeerReply {
        guard node.holds(call.shard) else { return PeerReply(.answered, status: 404) }
        let finding = await node.checkRows(of: call.shard)
        return PeerReply(
            .answered, status: 200, body: ByteBuffer(string: Self.text(finding)))
    }
}
