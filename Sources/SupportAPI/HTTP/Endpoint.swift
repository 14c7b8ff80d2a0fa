package import HTTPTypes

/// One method on one path: the row from which the router and the OpenAPI document are both made.
package struct Endpoint: Sendable {
    package let method: HTTPRequest.Method
    /// With parameters in braces and without `.json`: `/api/v2/tickets/{ticket_id}/comments`. Every path also answers
    /// with `.json` at its end.
    package let path: String
    /// OpenAPI's `operationId`, unique.
    package let operation: String
    package let summary: String
    /// The area in the OpenAPI document: `Tickets`.
    package let tag: String
    package let query: [QueryParameter]
    /// The schema of the request's body in the OpenAPI document, by name, or nil when it takes none.
    package let body: String?
    /// The answers beyond those every endpoint can give (400, 401, 403, 404, 413, 422, 429, 503): status to schema name,
    /// nil for an empty answer.
    package let answers: [Int: String?]
    /// Bytes of a request's body. An endpoint that takes more than usual takes raw bytes, not JSON.
    package let bodyLimit: Int
    /// Whether it answers people, in HTML, and takes what a page's form sends; who asks needs not be known.
    package let isPage: Bool
    package let handle: @Sendable (APICall) async throws -> APIAnswer

    /// Bytes of a JSON body.
    package static let usualBodyLimit = 1 << 20
    package var takesBytes: Bool { bodyLimit > Self.usualBodyLimit }

    package init(
        _ method: HTTPRequest.Method, _ path: String, _ operation: String, tag: String,
        summary: String, query: [QueryParameter] = [], body: String? = nil,
        answers: [Int: String?], bodyLimit: Int = Endpoint.usualBodyLimit, isPage: Bool = false,
        handle: @escaping @Sendable (APICall) async throws -> APIAnswer
    ) {
        self.method = method
        self.path = path
        self.operation = operation
        self.tag = tag
        self.summary = summary
        self.query = query
        self.body = body
        self.answers = answers
        self.bodyLimit = bodyLimit
        self.isPage = isPage
        self.handle = handle
    }
}

/// A documented query key.
package struct QueryParameter: Sendable {
    package enum Kind: String, Sendable { case string, integer, boolean }
    package let name: String
    package let kind: Kind
    package let description: String
    package let isRequired: Bool
    package init(_ name: String, _ kind: Kind, _ description: String, isRequired: Bool = false) {
        self.name = name
        self.kind = kind
        self.description = description
        self.isRequired = isRequired
    }
}
