import HTTPTypes
import ServiceDesk
import Wire

/// What people answer to "would you recommend us", and the score that it makes.
enum NPSEndpoints {
    private static let base = "/api/v2/lodge/nps"
    private static let tag = "Satisfaction"

    static let all: [Endpoint] = [
        Endpoint(
            .get, "\(base)/responses", "listNPSResponses", tag: tag,
            summary: "What people answered, newest first",
            query: Parameters.paging + [
                QueryParameter("category", .string, "promoter, passive or detractor"),
                QueryParameter("user_id", .integer, "Only those of a person"),
                QueryParameter("start_time", .integer, "Answered then or later, in Unix seconds"),
                QueryParameter("end_time", .integer, "Answered then or earlier, in Unix seconds"),
            ], answers: [200: "NPSResponsesAnswer"]
        ) { call in
            let (filter, page) = (try filter(call), try call.page)
            return try await call.read { desk in
                let found = try desk.npsResponses(filter, page)
                return .json {
                    $0.object { json in
                        json.page("responses", found, call) { $0.npsResponse($1, call) }
                    }
                }
            }
        },
        Endpoint(
            .get, "\(base)/responses/{id}", "showNPSResponse", tag: tag, summary: "One answer",
            answers: [200: "NPSResponseAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                let response = try desk.npsResponse(id)
                return .json {
                    $0.object { json in
                        json.key("response")
                        json.npsResponse(response, call)
                    }
                }
            }
        },
        Endpoint(
            .get, "\(base)/score", "showNPSScore", tag: tag,
            summary:
                "Promoters, passives, detractors and the score of a time; the last 90 days when none is said",
            query: [
                QueryParameter("start_date", .string, "First day in UTC, such as 2026-01-01"),
                QueryParameter("end_date", .string, "Last day in UTC"),
            ], answers: [200: "NPSScoreAnswer"]
        ) { call in
            let (first, last) = (try day(call, "start_date"), try day(call, "end_date"))
            return try await call.read { desk in
                let end = last ?? CalendarDay(rawValue: desk.now.seconds / 86_400)
                let start = first ?? CalendarDay(rawValue: end.rawValue - 89)
                let score = try desk.npsScore(from: start, through: end)
                return .json {
                    $0.object { json in
                        json.object("nps") { json in
                            json.member("start_date", start.description)
                            json.member("end_date", end.description)
                            json.member("promoters", score.promoters)
                            json.member("passives", score.passives)
                            json.member("detractors", score.detractors)
                            json.member("responses", score.responses)
                            json.member("score", score.score)
                        }
                    }
                }
            }
        },
    ]

    private static func filter(_ call: APICall) throws -> NPSFilter {
        var filter = NPSFilter()
        if let text = call.query["category"], !text.isEmpty {
            guard let category = NPSSurvey.Category(rawValue: text) else {
                throw DeskRefusal.badRequest(
                    name: "InvalidRequest", "category must be promoter, passive or detractor")
            }
            filter.scores = category.scores
        }
        filter.userID = try call.query["user_id"].map { text in
            guard let id = Int64(text) else {
                throw DeskRefusal.badRequest(name: "InvalidRequest", "user_id must be a number")
            }
            return id
        }
        filter.start = try call.unixTime("start_time")
        filter.end = try call.unixTime("end_time")
        return filter
    }

    private static func day(_ call: APICall, _ key: String) throws -> CalendarDay? {
        guard let text = call.query[key], !text.isEmpty else { return nil }
        guard let day = CalendarDay(text) else {
            throw DeskRefusal.badRequest(
                name: "InvalidRequest", "\(key) must be a date like 2026-12-24")
        }
        return day
    }
}
