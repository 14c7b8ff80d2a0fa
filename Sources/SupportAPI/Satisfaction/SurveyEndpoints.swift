import Cluster
import HTTPTypes
import NIOCore
import ServiceDesk
import Wire

/// Pages behind the links of surveys. The link's token is all that is asked for: people answer from their mail, and have no password
/// at hand.
enum SurveyEndpoints {
    static let all: [Endpoint] = [
        Endpoint(
            .get, "/surveys/{token}", "showSurvey", tag: "Satisfaction",
            summary: "A page to answer a survey on; looking at it changes nothing",
            query: [score], answers: [200: nil, 404: nil], isPage: true
        ) { call in try await show(call) },
        Endpoint(
            .post, "/surveys/{token}", "answerSurvey", tag: "Satisfaction",
            summary: "Answers a survey, in one step also without the page's form",
            query: [score], answers: [200: nil, 404: nil, 409: nil, 422: nil], isPage: true
        ) { call in try await answer(call) },
    ]

    private static let score = QueryParameter(
        "score", .string, "good or bad, or 0 to 10: chosen already")

    // What scans mail opens every link in it, some before anybody has read it. So GET, and HEAD, only show: nothing is counted, nothing is
    // marked as seen, and the score in the link is a choice that waits for the button.
    private static func show(_ call: APICall) async throws -> APIAnswer {
        let (token, chosen) = (call.parameters["token"] ?? "", call.query["score"])
        let survey = try await call.node.read(call.tenant) { try $0.survey(token) }.answer
        guard let survey else { return notFound(call) }
        return page(.ok, SurveyPage.open(survey, token: token, chosen: chosen, problem: nil), call)
    }

    private static func answer(_ call: APICall) async throws -> APIAnswer {
        let token = call.parameters["token"] ?? ""
        let form = SurveyForm(call)
        guard let given = form?.answer else {
            return try await showAgain(token, form, "Please choose an answer.", call)
        }
        let via = Via(channel: .web, client: call.via.client, address: call.via.address)
        do {
            let written = try await call.node.write(call.tenant) { rows in
                try rows.answerSurvey(token, given, via: via)
            }
            guard let outcome = written.answer else { return notFound(call) }
            var answer =
                switch outcome {
                case .recorded: page(.ok, SurveyPage.thanks, call)
                case .reopened(let id): page(.conflict, SurveyPage.reopened(id), call)
                }
            answer.headers[.lodgePosition] = written.position.description
            return answer
        } catch let refusal as DeskRefusal {
            guard case .invalid(let errors) = refusal else { return notFound(call) }
            let problem = errors.map(\.description).joined(separator: " ")
            return try await showAgain(token, form, problem, call)
        }
    }

    /// The page once more, with what was wrong and what was written.
    private static func showAgain(
        _ token: String, _ form: SurveyForm?, _ problem: String, _ call: APICall
    ) async throws -> APIAnswer {
        let survey = try await call.node.read(call.tenant) { try $0.survey(token) }.answer
        guard let survey else { return notFound(call) }
        let html = SurveyPage.open(
            survey, token: token, chosen: form?.score, problem: problem, comment: form?.comment)
        return page(.unprocessableContent, html, call)
    }

    /// One page for whatever does not open: it does not say whether there was such a survey, here or elsewhere.
    private static func notFound(_ call: APICall) -> APIAnswer {
        page(.notFound, SurveyPage.notFound, call)
    }

    private static func page(_ status: HTTPResponse.Status, _ html: String, _ call: APICall)
        -> APIAnswer
    {
        // There is no principal: what is asked here is charged to where it comes from.
        var answer = APIAnswer(status: status, body: ByteBuffer(string: html))
        answer.headers[.contentType] = "text/html; charset=utf-8"
        answer.headers[.contentSecurityPolicy] = SurveyPage.policy
        answer.headers[.cacheControl] = "no-store"
        // The address is a secret.
        answer.headers[HTTPField.Name("Referrer-Policy")!] = "no-referrer"
        answer.headers[HTTPField.Name("X-Frame-Options")!] = "DENY"
        answer.headers[HTTPField.Name("X-Robots-Tag")!] = "noindex"
        return answer
    }
}

/// What a page's form sends. A client that answers in one step may send no form at all: then the link has the score.
struct SurveyForm {
    let score: String?
    /// Nil when the form has no such field.
    let comment: String?
    let reasonCode: Int64?

    /// Nil when it cannot be read.
    init?(_ call: APICall) {
        guard let text = String(validating: call.body.readableBytesView, as: UTF8.self),
            let form = try? Query(text[...])
        else { return nil }
        func field(_ name: String) -> String? { form.items.last { $0.name == name }?.value }
        score = field("score") ?? call.query["score"]
        comment = field("comment")?.split(separator: "\r\n", omittingEmptySubsequences: false)
            .joined(separator: "\n")
        reasonCode = field("reason").flatMap { Int64($0) }
    }

    var answer: SurveyAnswer? {
        guard let score, !score.isEmpty else { return nil }
        return SurveyAnswer(
            score: score, comment: comment.map(Optional.some), reasonCode: reasonCode)
    }
}
