import HTTPTypes
import ServiceDesk
import Wire

/// Surveys about solved tickets and what was answered.
enum SatisfactionEndpoints {
    static let all =
        ratings + SatisfactionReasonEndpoints.all + NPSEndpoints.all
        + SurveyEndpoints.all

    private static let base = "/api/v2/satisfaction_ratings"
    private static let tag = "Satisfaction"

    private static let ratings: [Endpoint] = [
        Endpoint(
            .get, base, "listSatisfactionRatings", tag: tag,
            summary:
                "Surveys about tickets that you may see, with their ratings; end users see theirs",
            query: Parameters.paging + filters + [
                QueryParameter("sort_order", .string, "asc or desc, by when it was offered")
            ], answers: [200: "SatisfactionRatingsAnswer"]
        ) { call in
            let (filter, page) = (try filter(call), try call.page)
            let descending = call.query["sort_order"] == "desc"
            return try await call.read { desk in
                let found = try desk.ratings(filter, descending: descending, page)
                return .json {
                    $0.object { json in
                        json.page("satisfaction_ratings", found, call) { $0.rating($1, call) }
                    }
                }
            }
        },
        Endpoint(
            .get, "\(base)/count", "countSatisfactionRatings", tag: tag,
            summary: "How many there are", query: filters, answers: [200: "CountAnswer"]
        ) { call in
            let filter = try filter(call)
            return try await call.read { desk in
                let count = try desk.ratingCount(filter)
                return .json { $0.count(count, at: desk.now) }
            }
        },
        Endpoint(
            .get, "\(base)/{id}", "showSatisfactionRating", tag: tag, summary: "One survey",
            answers: [200: "SatisfactionRatingAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in one(try desk.rating(id), call) }
        },
        Endpoint(
            .post, "/api/v2/tickets/{id}/satisfaction_rating", "createSatisfactionRating",
            tag: tag,
            summary: "Rates how a ticket was solved, or changes the rating; only its requester can",
            body: "SatisfactionRatingBody", answers: [200: "SatisfactionRatingAnswer"]
        ) { call in
            let id = try call.id()
            let draft = try draft(call.bodyObject("satisfaction_rating"))
            return try await call.write { desk in
                one(try desk.rate(id, draft), call)
            }
        },
    ]

    private static let filters = [
        QueryParameter(
            "score", .string,
            "offered, unoffered, or received, good or bad, each also _with_comment or _without_comment"
        ),
        QueryParameter("start_time", .integer, "Changed at this time or later, in Unix seconds"),
        QueryParameter("end_time", .integer, "Changed at this time or earlier, in Unix seconds"),
    ]

    private static func filter(_ call: APICall) throws -> RatingFilter {
        var filter = RatingFilter()
        if let score = call.query["score"], !score.isEmpty {
            guard let states = RatingFilter.states(score) else {
                throw DeskRefusal.badRequest(
                    name: "InvalidRequest", "score is none of those that there are")
            }
            filter.states = states
        }
        filter.start = try call.unixTime("start_time")
        filter.end = try call.unixTime("end_time")
        return filter
    }

    private static func draft(_ fields: FieldReader) throws -> RatingDraft {
        let comment = try fields.string("comment", max: SatisfactionRating.commentLimit)
        // A reason's number is its code.
        let reason = try (fields.int64("reason_code") ?? nil) ?? (fields.int64("reason_id") ?? nil)
        switch try fields.string("score") ?? nil {
        case "good": return RatingDraft(isGood: true, comment: comment, reasonCode: reason)
        case "bad": return RatingDraft(isGood: false, comment: comment, reasonCode: reason)
        default: throw DeskRefusal.invalid("score", .invalid, "Score: must be good or bad")
        }
    }

    /// An object, as the dialect's own examples and its untyped clients have it. (Its typed description says a list of one.)
    private static func one(_ rating: SatisfactionRating, _ call: APICall) -> APIAnswer {
        .json {
            $0.object { json in
                json.key("satisfaction_rating")
                json.rating(rating, call)
            }
        }
    }
}

extension APICall {
    /// A time in a query key, in seconds since 1970; nil when it is not there.
    func unixTime(_ key: String) throws -> Timestamp? {
        guard let text = query[key], !text.isEmpty else { return nil }
        guard let seconds = Int64(text), (0...253_402_300_799).contains(seconds) else {
            throw DeskRefusal.badRequest(
                name: "InvalidRequest", "\(key) must be a time in seconds since 1970")
        }
        return Timestamp(seconds: seconds)
    }
}
