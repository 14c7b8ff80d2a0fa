import Cluster
import Consensus
import HTTPTypes
import Hummingbird
import NIOCore
import ShardStore
import SupportAPI
import Wire

/// What happened in a shard, as its log tells it.
extension OperatorAPI {
    /// `GET shards/:shard/changes?after=INDEX&tenant=NAME`: committed entries after one, oldest first, of one tenant or of all. Without
    /// `after` there are none, and `through` says where the log ends now.
    func addHistoryRoute(to admin: RouterGroup<OperatorContext>) {
        admin.get("shards/:shard/changes") { request, context in
            guard let number = UInt16(try context.parameters.require("shard")),
                Int(number) <= node.shardCount
            else { throw OperatorRefusal(.notFound, "NoSuchShard", "There is no such shard") }
            let shard = ShardID(rawValue: number)
            let query = request.uri.queryParameters
            var after: LogIndex?
            if let text = query["after"] {
                guard let index = UInt64(text), index <= UInt64(Int64.max) else {
                    throw OperatorRefusal(
                        .badRequest, "InvalidIndex", "after must be the index of an entry")
                }
                after = LogIndex(rawValue: index)
            }
            let tenant = try query["tenant"].map { try record(named: String($0)).id }
            guard node.holds(shard) else {
                if context.isHandedOn { throw NotLeader(leader: nil) }
                return try await askLeader(request, of: shard)
            }
            let end = LogIndex(rawValue: UInt64(Int64.max))
            return changes(
                in: try await node.history(of: shard, after: after ?? end), shard, tenant)
        }
    }

    /// A node that has no replica of the shard asks the one that leads it.
    private func askLeader(_ request: Request, of shard: ShardID) async throws -> Response {
        guard case .node(let leader) = await node.destination(of: shard, within: .seconds(3)) else {
            throw Unavailable(reason: .noLeader, retryAfterSeconds: 1)
        }
        let call = PeerRequest(
            service: .operator, shard: shard, deadline: .seconds(5),
            method: request.method.rawValue, target: request.head.path ?? "/")
        guard case .replied(let reply) = await node.call(leader, call), reply.outcome == .answered
        else { throw Unavailable(reason: .noLeader, retryAfterSeconds: 1) }
        return APIAnswer(reply).response
    }

    private func changes(in history: ShardHistory, _ shard: ShardID, _ tenant: TenantID?)
        -> Response
    {
        Response.json { json in
            json.object { json in
                json.member("shard", Int(shard.rawValue))
                json.array("entries") { json in
                    for entry in history.entries where tenant == nil || entry.tenant == tenant {
                        json.entry(entry, tenant: node.directory.name(of: entry.tenant))
                    }
                }
                json.member("through", Int64(clamping: history.through.rawValue))
                json.member("oldest", Int64(clamping: history.oldest.rawValue))
                json.member("committed", Int64(clamping: history.committed.rawValue))
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func entry(_ entry: EntryText, tenant: String?) {
        object { json in
            json.member("index", Int64(clamping: entry.index.rawValue))
            json.member("time", entry.time)
            json.member("tenant_id", entry.tenant.rawValue)
            json.member("tenant", tenant)
            json.member("schema_step", entry.schemaStep)
            json.array("changes") { json in
                for change in entry.changes {
                    json.object { json in
                        json.member("operation", "\(change.operation)")
                        json.member("table", change.table)
                        json.key("key")
                        json.value(Self.members(change.key))
                        json.key("columns")
                        json.value(Self.members(change.columns))
                    }
                }
            }
        }
    }

    private static func members(_ columns: [RowChangeText.Column]) -> JSONValue {
        .object(
            columns.map { column in
                let value: JSONValue =
                    switch column.value {
                    case .null: .null
                    case .integer(let value): .integer(value)
                    case .real(let value): .number(value)
                    case .text(let value): .string(value)
                    case .bytes(let count): .string("(\(count) bytes)")
                    }
                return (column.name, value)
            })
    }
}
