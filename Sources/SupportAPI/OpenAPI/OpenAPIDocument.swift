import HTTPTypes
package import NIOCore

/// The API's description, made from the endpoints themselves.
package enum OpenAPIDocument {
    static let endpoint = Endpoint(
        .get, "/api/v2/openapi", "showOpenAPI", tag: "Description",
        summary: "This document (OpenAPI 3.1)", answers: [200: "OpenAPI"]
    ) { _ in .json { $0.raw(text.readableBytesView) } }

    /// Made once: the endpoints do not change while a node runs.
    package static let text: ByteBuffer = JSONWriter.write { $0.value(document(Endpoints.all)) }

    private static func document(_ endpoints: [Endpoint]) -> JSONValue {
        var paths: [(name: String, value: JSONValue)] = []
        var seen: Set<String> = []
        for path in endpoints.map(\.path) where seen.insert(path).inserted {
            let operations = endpoints.filter { $0.path == path }
            paths.append(
                (
                    path + ".json",
                    .object(operations.map { ($0.method.rawValue.lowercased(), operation($0)) })
                ))
        }
        return .object([
            ("openapi", .string("3.1.0")),
            (
                "info",
                .object([
                    ("title", .string("Lodge Support API")), ("version", .string("2")),
                    (
                        "description",
                        .string("Every path answers with and without .json at its end.")
                    ),
                ])
            ),
            (
                "security",
                .array([.object([("basic", .array([]))]), .object([("bearer", .array([]))])])
            ),
            ("paths", .object(paths)),
            (
                "components",
                .object([
                    (
                        "securitySchemes",
                        .object([
                            ("basic", securityScheme("basic")),
                            ("bearer", securityScheme("bearer")),
                        ])
                    ),
                    ("schemas", .object(Schemas.all)),
                ])
            ),
        ])
    }

    private static func securityScheme(_ scheme: String) -> JSONValue {
        .object([("type", .string("http")), ("scheme", .string(scheme))])
    }

    private static func operation(_ endpoint: Endpoint) -> JSONValue {
        var parameters = endpoint.path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
            let name = String($0.dropFirst().dropLast())
            let isJob =
                endpoint.path.contains("job_statuses") || name == "token"
                || name.hasPrefix("attribute_")
            return JSONValue.object([
                ("name", .string(name)), ("in", .string("path")), ("required", .bool(true)),
                (
                    "schema",
                    isJob
                        ? .object([("type", .string("string"))])
                        : .object([("type", .string("integer")), ("format", .string("int64"))])
                ),
            ])
        }
        parameters += endpoint.query.map {
            .object([
                ("name", .string($0.name)), ("in", .string("query")),
                ("required", .bool($0.isRequired)), ("description", .string($0.description)),
                ("schema", .object([("type", .string($0.kind.rawValue))])),
            ])
        }
        var members: [(name: String, value: JSONValue)] = [
            ("operationId", .string(endpoint.operation)), ("summary", .string(endpoint.summary)),
            ("tags", .array([.string(endpoint.tag)])), ("parameters", .array(parameters)),
        ]
        if let body = endpoint.body {
            members.append(
                (
                    "requestBody",
                    .object([
                        ("required", .bool(true)), ("content", content(schema: body)),
                    ])
                ))
        }
        if endpoint.takesBytes {
            members.append(
                (
                    "requestBody",
                    .object([
                        ("required", .bool(false)),
                        (
                            "content",
                            .object([("application/octet-stream", .object([("schema", bytes)]))])
                        ),
                    ])
                ))
        }
        if endpoint.isPage, endpoint.method == .post {
            members.append(
                ("requestBody", .object([("required", .bool(false)), ("content", form)])))
        }
        var answers = endpoint.answers.map { status, schema in
            answer(String(status), "Done", schema, isPage: endpoint.isPage)
        }.sorted { $0.name < $1.name }
        answers += Schemas.commonErrors.filter { endpoint.answers[Int($0.0) ?? 0] == nil }
            .map { answer($0.0, $0.1, "Error") }
        members.append(("responses", .object(answers)))
        return .object(members)
    }

    private static let bytes = JSONValue.object([
        ("type", .string("string")), ("format", .string("binary")),
    ])

    private static let page = JSONValue.object([
        (
            "text/html; charset=utf-8",
            .object([("schema", .object([("type", .string("string"))]))])
        )
    ])

    private static let form = JSONValue.object([
        (
            "application/x-www-form-urlencoded",
            .object([
                ("schema", .object([("$ref", .string("#/components/schemas/SurveyForm"))]))
            ])
        )
    ])

    private static func answer(
        _ status: String, _ text: String, _ schema: String?, isPage: Bool = false
    ) -> (name: String, value: JSONValue) {
        var members: [(name: String, value: JSONValue)] = [("description", .string(text))]
        if isPage { members.append(("content", page)) }
        if let schema { members.append(("content", content(schema: schema))) }
        return (status, .object(members))
    }

    private static func content(schema: String) -> JSONValue {
        .object([
            (
                "application/json",
                .object([
                    ("schema", .object([("$ref", .string("#/components/schemas/\(schema)"))]))
                ])
            )
        ])
    }
}
