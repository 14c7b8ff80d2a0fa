import SQLite
import ShardStore
package import Wire

/// How likely somebody would recommend the company: asked of a person, not about a ticket.
package struct NPSSurvey: Sendable, Equatable {
    package let id: Int64
    package let userID: Int64
    package let offeredAt: Timestamp
    /// 0 to 10; nil until it is answered.
    package let score: Int64?
    /// When it was answered first; the day it counts for.
    package let answeredAt: Timestamp?
    package let updatedAt: Timestamp
    package let comment: String?

    static let columns = """
        nps_surveys.id, nps_surveys.user_id, nps_surveys.offered_at, nps_surveys.score,
        nps_surveys.answered_at, nps_surveys.updated_at, nps_surveys.comment
        """

    init(_ row: Row) {
        id = row.int64(0)
        userID = row.int64(1)
        offeredAt = Timestamp(rawValue: row.int64(2))
        score = row.optionalInt64(3)
        answeredAt = row.optionalInt64(4).map(Timestamp.init(rawValue:))
        updatedAt = Timestamp(rawValue: row.int64(5))
        comment = row.optionalText(6)
    }

    package static let scores: ClosedRange<Int64> = 0...10
    /// Bytes.
    package static let commentLimit = 4096
    /// Days that must pass before a person is asked again, and what a rule may say instead.
    static let usualDays: Int64 = 90
    static let days: ClosedRange<Int64> = 1...3650
    /// Days that a score may be asked for at once.
    package static let spanLimit: Int64 = 3660

    /// What the score makes of somebody.
    package enum Category: String, Sendable, CaseIterable {
        case promoter, passive, detractor
        package var scores: ClosedRange<Int64> {
            switch self {
            case .promoter: 9...10
            case .passive: 7...8
            case .detractor: 0...6
            }
        }
        package init(score: Int64) {
            self = Category.allCases.first { $0.scores.contains(score) } ?? .detractor
        }
    }
}

/// Which answers a list shows.
package struct NPSFilter: Sendable, Equatable {
    package var scores: ClosedRange<Int64>?
    package var userID: Int64?
    /// Answered first in this time, both ends included.
    package var start: Timestamp?
    package var end: Timestamp?
    package init() {}
}

/// What people answered in a time.
package struct NPSScore: Sendable, Equatable {
    package var promoters: Int64 = 0
    package var passives: Int64 = 0
    package var detractors: Int64 = 0
    package var responses: Int64 { promoters + passives + detractors }
    /// Percent of promoters less percent of detractors, from -100 to 100, rounded to the nearest whole number, halves away from 0;
    /// nil when nobody answered.
    package var score: Int64? {
        guard responses > 0 else { return nil }
        let scaled = (promoters - detractors) * 200
        let half = scaled < 0 ? -responses : responses
        return (scaled + half) / (2 * responses)
    }
}

extension Desk {
    /// What people have answered, newest first.
    package func npsResponses(_ filter: NPSFilter, _ page: PageRequest) throws -> Page<NPSSurvey> {
        try require(.list, .surveyResponses)
        var conditions = ["nps_surveys.answered_at IS NOT NULL"]
        var values: [any Bindable] = []
        func bind(_ condition: String, _ value: Int64) {
            values.append(value)
            conditions.append("\(condition) ?\(values.count + 1)")
        }
        if let scores = filter.scores {
            conditions.append(
                "nps_surveys.score BETWEEN \(scores.lowerBound) AND \(scores.upperBound)")
        }
        if let user = filter.userID { bind("nps_surveys.user_id =", user) }
        if let start = filter.start { bind("nps_surveys.answered_at >=", start.milliseconds) }
        if let end = filter.end { bind("nps_surveys.answered_at <=", end.milliseconds + 999) }
        let condition = conditions.joined(separator: " AND ")
        let isKept = filter.userID == nil && filter.start == nil && filter.end == nil
        return try rows.page(
            PagedQuery(
                columns: NPSSurvey.columns, source: "nps_surveys", condition: condition,
                values: values,
                order: PageOrder(
                    "answered", ["nps_surveys.answered_at", "nps_surveys.id"], descending: true)),
            page,
            count: {
                if isKept {
                    return try (filter.scores ?? NPSSurvey.scores).reduce(0) {
                        try $0 + rows.count(.npsAnswers(score: $1))
                    }
                }
                // As far as offset pages reach.
                return try rows.first(
                    "SELECT count(*) FROM (SELECT 1 FROM nps_surveys WHERE tenant = ?1 AND \(condition) LIMIT 10001)",
                    values: values
                ) { $0.int64(0) } ?? 0
            }, read: NPSSurvey.init)
    }

    package func npsResponse(_ id: Int64) throws -> NPSSurvey {
        try require(.read, .surveyResponses)
        guard let survey = try rows.npsSurvey(id), survey.answeredAt != nil else {
            throw DeskRefusal.notFound
        }
        return survey
    }

    /// What was answered on days in UTC, from numbers that are kept for each day: eleven a day at most are read.
    package func npsScore(from first: CalendarDay, through last: CalendarDay) throws -> NPSScore {
        try require(.list, .surveyResponses)
        guard first <= last, last.rawValue - first.rawValue < NPSSurvey.spanLimit else {
            throw DeskRefusal.badRequest(
                name: "InvalidRequest",
                "start_date must not be after end_date, and \(NPSSurvey.spanLimit) days may be asked for at once"
            )
        }
        var score = NPSScore()
        try rows.forEach(
            """
            SELECT score, sum(count) FROM nps_days WHERE tenant = ?1 AND day BETWEEN ?2 AND ?3
            GROUP BY score
            """, first.rawValue, last.rawValue
        ) { row in
            switch NPSSurvey.Category(score: row.int64(0)) {
            case .promoter: score.promoters += row.int64(1)
            case .passive: score.passives += row.int64(1)
            case .detractor: score.detractors += row.int64(1)
            }
            return true
        }
        return score
    }
}

extension ShardReader {
    func npsSurvey(_ id: Int64) throws -> NPSSurvey? {
        try first(
            "SELECT \(NPSSurvey.columns) FROM nps_surveys WHERE tenant = ?1 AND id = ?2", id,
            read: NPSSurvey.init)
    }
}

extension Desk where Rows == WritableRows {
    /// Answers a survey, or answers it anew: only who was asked does. The day that the first answer came stays the day it counts for.
    /// - Parameter comment: nil leaves the one that there is.
    func answerNPS(_ id: Int64, score: Int64, comment: String??) throws {
        guard let survey = try rows.npsSurvey(id), survey.userID == principal.userID else {
            throw DeskRefusal.notFound
        }
        guard NPSSurvey.scores.contains(score) else {
            throw DeskRefusal.invalid("score", .outOfRange, "Score: must be 0 to 10")
        }
        var words = survey.comment
        if let comment {
            words = try Optional(comment.map(Validation.trim) ?? "").boundedOrNil(
                "comment", "Comment", max: NPSSurvey.commentLimit)
        }
        guard survey.score != score || survey.comment != words else { return }
        let answered = survey.answeredAt ?? now
        try rows.run(
            """
            UPDATE nps_surveys SET score = ?3, answered_at = ?4, updated_at = ?5, comment = ?6
            WHERE tenant = ?1 AND id = ?2
            """, id, score, answered.milliseconds, now.milliseconds, words)
        let day = CalendarDay(answered)
        if let before = survey.score { try count(before, on: day, by: -1) }
        try count(score, on: day, by: 1)
    }

    private func count(_ score: Int64, on day: CalendarDay, by amount: Int64) throws {
        let changed = try rows.run(
            "UPDATE nps_days SET count = count + ?4 WHERE tenant = ?1 AND day = ?2 AND score = ?3",
            day.rawValue, score, amount)
        if changed == 0 {
            try rows.run(
                "INSERT INTO nps_days VALUES (?1, ?2, ?3, ?4)", day.rawValue, score, amount)
        }
        try rows.add(amount, to: .npsAnswers(score: score))
    }
}
