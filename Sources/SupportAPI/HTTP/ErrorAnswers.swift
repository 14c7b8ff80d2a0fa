package import Cluster
package import HTTPTypes
package import ServiceDesk

/// Every refusal's status and body, in the dialect's words. One place, so that two routes never say the same thing
/// differently.
package enum ErrorAnswers {
    package static func answer(_ refusal: DeskRefusal) -> APIAnswer {
        switch refusal {
        case .notFound: simple(.notFound, "RecordNotFound", "Not found")
        case .forbidden(let text): structured(.forbidden, "Forbidden", text)
        case .unauthenticated: unauthenticated
        case .invalid(let errors): invalid(errors)
        case .conflict(let text): simple(.conflict, "UpdateConflict", text)
        case .versionMismatch:
            simple(
                .preconditionFailed, "PreconditionFailed",
                "The record has another version than If-Match names")
        case .tooMany(let what, let limit):
            tooMany(what, limit)
        case .badRequest(let name, let text): simple(.badRequest, name, text)
        case .limitReached(let text): structured(.forbidden, "LimitReached", text)
        case .tooOften(let seconds, let text): tooOften(seconds, text)
        case .notReady(let seconds, let text): notReady(seconds, text)
        case .beyondSearchLimit(let text): simple(.unprocessableContent, "invalid", text)
        }
    }

    private static func tooMany(_ what: String, _ limit: Int) -> APIAnswer {
        .json(.badRequest) {
            $0.object {
                $0.member("error", "TooManyValues")
                $0.member("description", "Maximum \(limit) \(what) per call")
                $0.member("max_count", limit)
            }
        }
    }

    package static func answer(_ unavailable: Unavailable) -> APIAnswer {
        let text =
            switch unavailable.reason {
            case .behind: "This node has not reached the position yet; try again"
            case .noLeader: "The desk's data cannot be reached by a majority now; try again"
            case .diskFull: "There is no room for more now; try again later"
            case .overloaded, .shuttingDown, .busy:
                "The desk cannot take the request now; try again"
            }
        var answer =
            unavailable.reason == .diskFull
            ? simple(
                .init(code: 507, reasonPhrase: "Insufficient Storage"), "InsufficientStorage", text)
            : simple(.serviceUnavailable, "ServiceUnavailable", text)
        answer.headers[.retryAfter] = String(unavailable.retryAfterSeconds)
        return answer
    }

    /// The request may have had its effect.
    package static let outcomeUnknown: APIAnswer = {
        var answer = simple(
            .serviceUnavailable, "OutcomeUnknown",
            "It is not known whether the request had its effect; repeat it with the same Idempotency-Key, or look"
        )
        answer.headers[.retryAfter] = "1"
        return answer
    }()

    static let unauthenticated: APIAnswer = {
        var answer = APIAnswer.json(.unauthorized) {
            $0.object { $0.member("error", "Couldn't authenticate you") }
        }
        answer.headers[.wwwAuthenticate] = "Basic realm=\"Lodge\", charset=\"UTF-8\""
        return answer
    }()

    static func tooOften(_ seconds: Int, _ text: String) -> APIAnswer {
        var answer = simple(.tooManyRequests, "TooManyRequests", text)
        answer.headers[.retryAfter] = String(seconds)
        return answer
    }

    private static func notReady(_ seconds: Int, _ text: String) -> APIAnswer {
        var answer = simple(.serviceUnavailable, "ServiceUnavailable", text)
        answer.headers[.retryAfter] = String(seconds)
        return answer
    }

    static let invalidEndpoint = simple(.notFound, "InvalidEndpoint", "Not found")
    static let unknownHost = simple(
        .notFound, "RecordNotFound", "No desk answers to this host name")
    static let suspended = structured(
        .forbidden, "AccountSuspended", "This desk is suspended; its operator can resume it")
    static let cutShort = simple(
        .badRequest, "InvalidRequest", "The body ended before its announced length")
    static let tooLarge = simple(
        .contentTooLarge, "PayloadTooLarge", "The body is larger than this endpoint takes")

    static func methodNotAllowed(_ methods: [HTTPRequest.Method]) -> APIAnswer {
        var answer = simple(
            .methodNotAllowed, "MethodNotAllowed", "This path does not take that method")
        answer.headers[.allow] = Set(methods.map(\.rawValue)).sorted().joined(separator: ", ")
        return answer
    }

    static func fault(requestID: String) -> APIAnswer {
        simple(
            .internalServerError, "InternalError",
            "Something went wrong here; the operator finds it under request \(requestID)")
    }

    package static func simple(_ status: HTTPResponse.Status, _ name: String, _ text: String)
        -> APIAnswer
    {
        .json(status) {
            $0.object {
                $0.member("error", name)
                $0.member("description", text)
            }
        }
    }

    private static func structured(_ status: HTTPResponse.Status, _ title: String, _ text: String)
        -> APIAnswer
    {
        .json(status) {
            $0.object {
                $0.object("error") {
                    $0.member("title", title)
                    $0.member("message", text)
                }
            }
        }
    }

    private static func invalid(_ errors: [FieldError]) -> APIAnswer {
        .json(.unprocessableContent) { json in
            json.object { json in
                json.member("error", "RecordInvalid")
                json.member("description", "Record validation errors")
                json.object("details") { json in
                    for field in Set(errors.map(\.field)).sorted() {
                        json.key(dynamic: field)
                        json.array { json in
                            for error in errors where error.field == field {
                                json.object {
                                    $0.member("description", error.description)
                                    $0.member("error", error.problem.rawValue)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
