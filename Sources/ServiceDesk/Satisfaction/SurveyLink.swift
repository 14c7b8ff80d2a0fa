import ShardStore
import Wire

/// What a survey's link opens.
package enum OpenSurvey: Sendable, Equatable {
    /// A ticket that can be rated, with what was said so far and the reasons to choose from.
    case satisfaction(Ticket, [SatisfactionReason])
    case nps(NPSSurvey)
    /// The ticket has been opened again since: it is being worked on.
    case reopened(ticketID: Int64)
}

/// What became of an answer by a link.
package enum SurveyOutcome: Sendable, Equatable {
    case recorded
    /// Nothing was recorded: the ticket has been opened again since it was asked.
    case reopened(ticketID: Int64)
}

/// What somebody answers by a link. Nil leaves what there is.
package struct SurveyAnswer: Sendable, Equatable {
    /// `good` or `bad`, or a number: by the survey's kind.
    package var score: String
    package var comment: String??
    package var reasonCode: Int64?
    package init(score: String, comment: String?? = nil, reasonCode: Int64? = nil) {
        self.score = score
        self.comment = comment
        self.reasonCode = reasonCode
    }
}

extension ShardReader {
    /// What a link opens, which its token alone decides: nobody signs in.
    /// - Returns: nil for a token that is none of this desk's, whose time is over, or whose ticket or person is gone: who asks with
    ///   a made-up token learns nothing.
    package func survey(_ text: String) throws -> OpenSurvey? { try opened(text)?.survey }

    fileprivate func opened(_ text: String) throws -> (survey: OpenSurvey, person: Principal)? {
        guard let key = try surveyKey(), let token = SurveyToken(text, key: key),
            token.expiresAt > now
        else { return nil }
        switch token.kind {
        case .satisfaction:
            guard
                let ticket = try first(
                    "SELECT \(Ticket.columns) FROM tickets WHERE tenant = ?1 AND id = ?2",
                    token.subject, read: Ticket.init), ticket.deletedAt == nil, ticket.isPublic,
                let rating = try rating(ofTicket: ticket.id, solve: token.solve),
                // It was sent to who asked then.
                rating.requesterID == ticket.requesterID,
                let person = try answering(ticket.requesterID)
            else { return nil }
            guard ticket.status >= .solved, ticket.solve == token.solve else {
                return (.reopened(ticketID: ticket.id), person)
            }
            guard ticket.refusalToBeRated(at: now) == nil else { return nil }
            let reasons = try satisfactionReasons().filter { $0.deletedAt == nil }
            return (.satisfaction(ticket, reasons), person)
        case .nps:
            guard let survey = try npsSurvey(token.subject),
                let person = try answering(survey.userID)
            else { return nil }
            return (.nps(survey), person)
        }
    }

    /// Who answers, with the rights of theirs that they need; nil when they may not any more, or have joined those who are judged.
    private func answering(_ user: Int64) throws -> Principal? {
        do {
            let person = try Authenticator.principal(userID: user, in: self)
            return person.role.isStaff ? nil : person
        } catch DeskRefusal.unauthenticated { return nil }
    }
}

extension ShardTransaction {
    /// Records an answer by a link, as the person it was sent to.
    /// - Returns: nil as for `survey`.
    package func answerSurvey(_ text: String, _ answer: SurveyAnswer, via: Via) throws
        -> SurveyOutcome?
    {
        guard let (survey, person) = try opened(text) else { return nil }
        let desk = Desk(rows: self, principal: person, via: via)
        switch survey {
        case .reopened(let id): return .reopened(ticketID: id)
        case .satisfaction(let ticket, _):
            guard answer.score == "good" || answer.score == "bad" else {
                throw DeskRefusal.invalid("score", .invalid, "Score: must be good or bad")
            }
            let isGood = answer.score == "good"
            let draft = RatingDraft(
                isGood: isGood, comment: answer.comment,
                reasonCode: isGood ? nil : answer.reasonCode)
            _ = try desk.rate(ticket.id, draft)
        case .nps(let known):
            guard let score = Int64(answer.score) else {
                throw DeskRefusal.invalid("score", .invalid, "Score: must be 0 to 10")
            }
            try desk.answerNPS(known.id, score: score, comment: answer.comment)
        }
        return .recorded
    }
}
