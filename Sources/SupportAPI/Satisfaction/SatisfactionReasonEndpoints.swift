import HTTPTypes
import ServiceDesk

/// Reasons for bad ratings: read in the dialect's way, and changed beside it.
enum SatisfactionReasonEndpoints {
    private static let tag = "Satisfaction"
    private static let own = "/api/v2/lodge/satisfaction_reasons"

    static let all: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/satisfaction_reasons", "listSatisfactionReasons", tag: tag,
            summary: "Reasons to choose from for a bad rating",
            answers: [200: "SatisfactionReasonsAnswer"]
        ) { call in try await list(call, withDeleted: false) },
        Endpoint(
            .get, "/api/v2/satisfaction_reasons/{id}", "showSatisfactionReason", tag: tag,
            summary: "One reason, also a deleted one",
            answers: [200: "SatisfactionReasonAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                one(try desk.satisfactionReason(id), .ok, call)
            }
        },
        Endpoint(
            .get, own, "listAllSatisfactionReasons", tag: tag,
            summary: "All reasons, deleted ones too", answers: [200: "SatisfactionReasonsAnswer"]
        ) { call in try await list(call, withDeleted: true) },
        Endpoint(
            .post, own, "createSatisfactionReason", tag: tag,
            summary: "Makes a reason with the next code", body: "SatisfactionReasonBody",
            answers: [201: "SatisfactionReasonAnswer"]
        ) { call in
            let value = try call.bodyObject("reason").string("value") ?? nil
            return try await call.write { desk in
                one(try desk.createSatisfactionReason(value), .created, call)
            }
        },
        Endpoint(
            .put, "\(own)/{id}", "updateSatisfactionReason", tag: tag,
            summary: "Changes a reason's text, and brings it back if it was deleted",
            body: "SatisfactionReasonBody", answers: [200: "SatisfactionReasonAnswer"]
        ) { call in
            let id = try call.id()
            let value = try call.bodyObject("reason").string("value")
            return try await call.write { desk in
                try call.requireVersion(desk.satisfactionReason(id).version)
                return one(
                    try desk.updateSatisfactionReason(id, value.map { $0 ?? "" }), .ok, call)
            }
        },
        Endpoint(
            .delete, "\(own)/{id}", "deleteSatisfactionReason", tag: tag,
            summary: "Takes a reason out of the choice; ratings keep it", answers: [204: nil]
        ) { call in
            let id = try call.id()
            return try await call.write { desk in
                try call.requireVersion(desk.satisfactionReason(id).version)
                try desk.deleteSatisfactionReason(id)
                return .noContent
            }
        },
    ]

    private static func list(_ call: APICall, withDeleted: Bool) async throws -> APIAnswer {
        try await call.read { desk in
            let reasons = try desk.satisfactionReasons(withDeleted: withDeleted)
            return .json {
                $0.object { json in
                    json.array("reasons") { json in
                        for reason in reasons { json.reason(reason, call) }
                    }
                }
            }
        }
    }

    private static func one(
        _ reason: SatisfactionReason, _ status: HTTPResponse.Status, _ call: APICall
    ) -> APIAnswer {
        .json(
            status, version: reason.version,
            location: status == .created
                ? call.url("/api/v2/satisfaction_reasons/\(reason.code).json") : nil
        ) {
            $0.object { json in
                json.key("reason")
                json.reason(reason, call)
            }
        }
    }
}
