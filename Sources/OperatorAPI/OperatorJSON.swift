import Cluster
import HTTPTypes
import Hummingbird
import NIOCore
import SupportAPI
import Wire

extension Response {
    static func json(
        _ status: HTTPResponse.Status = .ok, _ body: (inout JSONWriter) -> Void
    ) -> Response { APIAnswer.json(status, body).response }

    static func error(_ status: HTTPResponse.Status, _ name: String, _ text: String) -> Response {
        ErrorAnswers.simple(status, name, text).response
    }

    static func text(
        _ status: HTTPResponse.Status, _ text: String, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

extension APIAnswer {
    var response: Response {
        var headers = headers
        headers[.cacheControl] = "no-store"
        return Response(
            status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }
}

extension JSONWriter {
    /// A tenant as operators see it; `more` adds members at the end.
    mutating func tenant(
        _ record: TenantRecord, hosts: [String], more: (inout JSONWriter) -> Void = { _ in }
    ) {
        object { json in
            json.member("tenant", record.name)
            json.member("id", record.id.rawValue)
            json.array("hosts", hosts)
            json.member("state", record.state.name)
            json.member("plan", record.plan)
            json.object("limits") { json in
                json.member("requests_per_minute", record.limits.requestsPerMinute)
                json.member("agents", record.limits.agents)
                json.member("storage_bytes", record.limits.storageBytes)
            }
            json.member("shard", Int(record.shard.rawValue))
            json.array("hostnames", record.hostnames)
            json.member("created_at", record.createdAt)
            more(&json)
        }
    }

    /// An operator's token; its secret only right after it was made.
    mutating func token(_ token: OperatorToken, _ secret: String?) {
        object { json in
            json.member("id", token.id)
            json.member("label", token.label)
            json.member("created_at", token.createdAt)
            if let secret { json.member("token", secret) }
        }
    }
}
