import HTTPTypes
import ServiceDesk

/// A desk's own names for where tickets stand.
enum CustomStatusEndpoints {
    private static let base = "/api/v2/custom_statuses"
    private static let tag = "Custom statuses"

    static let all: [Endpoint] = [
        Endpoint(
            .get, base, "listCustomStatuses", tag: tag, summary: "Custom statuses, by category",
            query: [
                QueryParameter("active", .boolean, "Only active ones, or only others"),
                QueryParameter("default", .boolean, "Only defaults of categories, or only others"),
                QueryParameter(
                    "status_categories", .string, "Only of these, such as open,pending"),
            ], answers: [200: "CustomStatussAnswer"]
        ) { call in
            var filter = CustomStatusFilter()
            filter.isActive = try call.flag("active")
            filter.isDefault = try call.flag("default")
            filter.categories = try call.query["status_categories"]?.split(separator: ",").map {
                guard let category = TicketStatus(name: $0.filter { $0 != " " }) else {
                    throw DeskRefusal.badRequest(
                        name: "InvalidRequest",
                        "status_categories must be new, open, pending, hold or solved, with commas")
                }
                return category
            }
            let wanted = filter
            return try await call.read { desk in
                let found = try desk.customStatuses(wanted)
                return .json {
                    $0.object { json in
                        json.array("custom_statuses") { json in
                            for status in found { json.customStatus(status, call) }
                        }
                    }
                }
            }
        },
        Endpoint(
            .get, "\(base)/{id}", "showCustomStatus", tag: tag, summary: "One custom status",
            answers: [200: "CustomStatusAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in one(try desk.customStatus(id), call) }
        },
        Endpoint(
            .post, base, "createCustomStatus", tag: tag,
            summary: "Makes a custom status in a category", body: "CustomStatusBody",
            answers: [201: "CustomStatusAnswer"]
        ) { call in
            let body = try call.bodyObject("custom_status")
            let changes = try FieldDecoder.customStatus(body, isNew: true).changes
            return try await call.write { desk in
                one(try desk.createCustomStatus(changes), isNew: true, call)
            }
        },
        Endpoint(
            .put, "\(base)/{id}", "updateCustomStatus", tag: tag,
            summary: "Changes a custom status, but not its category", body: "CustomStatusBody",
            answers: [200: "CustomStatusAnswer"]
        ) { call in
            let id = try call.id()
            let body = try call.bodyObject("custom_status")
            let (changes, ignored) = try FieldDecoder.customStatus(body, isNew: false)
            return try await call.write { desk in
                try call.requireVersion(desk.customStatus(id).version)
                return one(try desk.updateCustomStatus(id, changes), call)
                    .warning(ofIgnored: ignored)
            }
        },
        Endpoint(
            .put, "/api/v2/custom_status/default", "setDefaultCustomStatuses", tag: tag,
            summary: "Says which custom statuses are the defaults of their categories",
            body: "DefaultCustomStatusesBody", answers: [200: "EmptyAnswer"]
        ) { call in
            let fields = FieldReader(try call.json())
            let texts = try fields.strings("ids", max: 100)?.flatMap { $0.split(separator: ",") }
            guard let texts else {
                throw DeskRefusal.badRequest(name: "InvalidRequest", "ids is missing")
            }
            let ids = try texts.map {
                guard let id = Int64($0.filter { $0 != " " }) else {
                    throw fields.wrongType("ids", "numbers separated by commas")
                }
                return id
            }
            return try await call.write { desk in
                try desk.setDefaultStatuses(ids)
                return .json { $0.object { _ in } }
            }
        },
    ]

    private static func one(_ status: CustomStatus, isNew: Bool = false, _ call: APICall)
        -> APIAnswer
    {
        .json(
            isNew ? .created : .ok, version: status.version,
            location: isNew ? call.url("\(base)/\(status.id).json") : nil
        ) {
            $0.object { json in
                json.key("custom_status")
                json.customStatus(status, call)
            }
        }
    }
}

extension APICall {
    /// `true` or `false` in the query; nil when it is not there.
    func flag(_ key: String) throws -> Bool? {
        switch query[key] {
        case nil, "": return nil
        case "true", "1": return true
        case "false", "0": return false
        default:
            throw DeskRefusal.badRequest(
                name: "InvalidRequest", "\(key) must be true or false")
        }
    }
}
