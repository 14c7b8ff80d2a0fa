import ShardStore

/// Why a request was refused, in the desk's own words. The API gives each its status and error name.
package enum DeskRefusal: Refusal, Equatable, Sendable {
    /// There is no such record in this tenant, or the asker may not know of it.
    case notFound
    /// The asker is known and may not do this.
    case forbidden(String)
    /// Who asks is not known (401).
    case unauthenticated
    /// Fields that cannot be taken as they are (422).
    case invalid([FieldError])
    /// The record changed since the asker read it (409).
    case conflict(String)
    /// `If-Match` named another version (412).
    case versionMismatch
    /// More values than one call may carry (400).
    case tooMany(what: String, limit: Int)
    /// The request as a whole makes no sense (400). `name` is the error's name in the answer.
    case badRequest(name: String, String)
    /// The tenant's plan has no room (422 `RecordInvalid` would hide the cause): 403 with the limit named.
    case limitReached(String)
    /// Too many unfinished jobs, updates of one ticket, … (429).
    case tooOften(retryAfterSeconds: Int, String)
    /// What is needed for it is being made (503).
    case notReady(retryAfterSeconds: Int, String)
    /// Too many results for offset pages (422 `invalid`).
    case beyondSearchLimit(String)

    package static func invalid(_ field: String, _ problem: FieldProblem, _ text: String)
        -> DeskRefusal
    {
        .invalid([FieldError(field: field, problem: problem, description: text)])
    }
}

/// One field that was refused.
package struct FieldError: Equatable, Sendable {
    /// The field's name in the API, `base` for the record as a whole.
    package let field: String
    package let problem: FieldProblem
    /// A sentence for people: which field, which limit, what to do.
    package let description: String
    package init(field: String, problem: FieldProblem, description: String) {
        self.field = field
        self.problem = problem
        self.description = description
    }
}

/// The dialect's names for what is wrong with a field.
package enum FieldProblem: String, Sendable {
    case blank = "BlankValue"
    case invalid = "InvalidValue"
    case tooLong = "TooLong"
    case tooShort = "TooShort"
    case duplicate = "DuplicateValue"
    case notAllowed = "NotAllowed"
    case wrongType = "InvalidFormat"
    case outOfRange = "OutOfRange"
}
