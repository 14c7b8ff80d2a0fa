package import HTTPTypes
package import NIOCore

/// What an endpoint answers, before the headers that all answers carry.
package struct APIAnswer: Sendable, Equatable {
    package var status: HTTPResponse.Status
    package var headers: HTTPFields
    package var body: ByteBuffer
    /// Of a single record: its version, for `ETag` and `If-Match`.
    package var version: Int64?
    /// Instead of `body`: a body that is read while it is sent.
    package var stream: ChunkedBody?
    /// What a repeated request gets in place of `body`, when the body holds a secret that is shown once and kept nowhere.
    package var repeatedBody: ByteBuffer?
    /// Whether the write has begun a job, of which the runner is to be told.
    package var startsJob = false

    package init(
        status: HTTPResponse.Status, headers: HTTPFields = [:], body: ByteBuffer = ByteBuffer(),
        version: Int64? = nil
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.version = version
    }

    /// A JSON answer written by `body`.
    package static func json(
        _ status: HTTPResponse.Status = .ok, version: Int64? = nil, location: String? = nil,
        _ body: (inout JSONWriter) throws -> Void
    ) rethrows -> APIAnswer {
        var headers: HTTPFields = [.contentType: "application/json; charset=utf-8"]
        if let location { headers[.location] = location }
        return APIAnswer(
            status: status, headers: headers, body: try JSONWriter.write(body), version: version)
    }

    package static let noContent = APIAnswer(status: .noContent)
}
