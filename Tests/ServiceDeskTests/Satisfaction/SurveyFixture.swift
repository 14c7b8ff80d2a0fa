import SQLite
import ShardStore
import Wire

@testable import ServiceDesk

/// A desk whose triggers offer surveys, and what tests ask of it.
extension TestDesk {
    static let surveyKey = [UInt8](repeating: 7, count: SurveyToken.keyLength)

    static func all(_ tests: (String, String, String)...) -> ConditionTexts {
        ConditionTexts(
            all: tests.map {
                ConditionText(field: $0.0, test: $0.1, value: $0.2.isEmpty ? .none : .text($0.2))
            })
    }

    @discardableResult
    func rule(
        _ title: String, _ conditions: ConditionTexts, _ field: String, _ value: RuleValue
    ) throws -> Int64 {
        var draft = Self.rule(title, conditions, [ActionText(field: field, value: value)])
        draft.surveyKey = Self.surveyKey
        let wanted = draft
        return try run { try $0.createRule(.trigger, wanted) }.id
    }

    @discardableResult
    func offersSurveys(_ value: RuleValue = .text("offered")) throws -> Int64 {
        try rule("ask", Self.all(("status", "is", "solved")), "satisfaction_score", value)
    }

    @discardableResult
    func asksForNPS(_ value: RuleValue = .text("offered")) throws -> Int64 {
        try rule("nps", Self.all(("status", "is", "solved")), "nps_survey", value)
    }

    /// A ticket of an end user, with whom it is assigned.
    func asked(by user: Int64, tags: [String] = []) throws -> Int64 {
        let admin = admin
        return try ticket {
            $0.requester = .id(user)
            $0.assigneeID = admin
            $0.tags = tags
        }.id
    }

    @discardableResult
    func solve(_ id: Int64) throws -> Ticket { try update(id) { $0.status = .solved }.ticket }
    @discardableResult
    func reopen(_ id: Int64) throws -> Ticket { try update(id) { $0.status = .open }.ticket }

    func ticket(_ id: Int64) throws -> Ticket {
        try run { try $0.findTicket(id) }!
    }

    @discardableResult
    func rate(
        _ id: Int64, as user: Int64, _ isGood: Bool, _ comment: String?? = nil,
        reason: Int64? = nil
    ) throws -> SatisfactionRating {
        try run(as: user) {
            try $0.rate(id, RatingDraft(isGood: isGood, comment: comment, reasonCode: reason))
        }
    }

    /// All mails about a ticket, oldest first.
    func mails(_ ticket: Int64? = nil) throws -> [Notice] {
        try run {
            try $0.notices(
                ofTicket: ticket, state: nil, .cursor(size: 100, after: nil, before: nil))
        }.items.reversed()
    }

    func ratings(as user: Int64? = nil, _ filter: RatingFilter = RatingFilter()) throws
        -> [SatisfactionRating]
    {
        try run(as: user) {
            try $0.ratings(filter, .cursor(size: 1000, after: nil, before: nil))
        }.items
    }

    func count(as user: Int64? = nil, _ filter: RatingFilter = RatingFilter()) throws -> Int64 {
        try run(as: user) { try $0.ratingCount(filter) }
    }

    func survey(_ token: String) throws -> OpenSurvey? { try transact { try $0.survey(token) } }

    func answer(_ token: String, _ answer: SurveyAnswer) throws -> SurveyOutcome? {
        try transact { try $0.answerSurvey(token, answer, via: Via(channel: .web)) }
    }

    /// The audits' events of a ticket, oldest first.
    func history(of ticket: Int64) throws -> [[StoredJSON]] {
        try transact {
            try $0.all(
                "SELECT events FROM audits WHERE tenant = ?1 AND ticket_id = ?2 ORDER BY id", ticket
            ) { StoredJSON($0.text(0))?.items ?? [] }
        }
    }
}

extension Notice {
    /// The token in its first link.
    var token: String? {
        guard let start = body.firstRange(of: "/surveys/") else { return nil }
        return String(
            body[start.upperBound...].prefix { !$0.isWhitespace && $0 != "?" })
    }
}
