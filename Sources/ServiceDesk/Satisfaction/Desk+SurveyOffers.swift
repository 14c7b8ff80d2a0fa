import SQLite
import ShardStore
import Wire

/// What a mail in the outbox offers.
enum SurveyOffer: Sendable, Equatable {
    case satisfaction
    case nps(person: Int64, survey: Int64)
}

extension ShardReader {
    /// The key of the desk's survey links; nil while no rule offers surveys.
    func surveyKey() throws -> [UInt8]? {
        try first("SELECT key FROM survey_keys WHERE tenant = ?1 AND number = 1") { $0.blob(0) }
    }
}

extension Desk where Rows == WritableRows {
    /// Keeps the key that came with a rule that offers surveys, when it is the first one. It stays: links in mails must go on to open.
    func keepSurveyKey(of draft: RuleDraft) throws {
        guard let key = draft.surveyKey, let actions = draft.actions,
            actions.contains(where: { ["satisfaction_score", "nps_survey"].contains($0.field) }),
            try rows.surveyKey() == nil
        else { return }
        precondition(key.count == SurveyToken.keyLength, "a key of 32 bytes signs survey links")
        try rows.run(
            "INSERT INTO survey_keys VALUES (?1, 1, ?2, ?3)", key, now.milliseconds)
    }

    /// Offers a survey to a ticket's requester, unless they are not to be asked now, which is no failure of the rule.
    /// - Returns: the mail, with links that need no signing in.
    func offer(
        _ action: RuleAction, _ source: TriggerRun.Source, on ticket: inout Ticket,
        _ comment: RuleSubject.Comment?
    ) throws -> Notice? {
        // Who does not know of the ticket is not asked about it.
        guard ticket.isPublic || comment?.isPublic == true,
            let person = try findUser(ticket.requesterID), person.isActive, !person.isSuspended,
            person.role == .endUser, person.email != nil
        else { return nil }
        switch action {
        case .offerSatisfaction(let text):
            return try offerSatisfaction(text, source, on: &ticket, comment)
        case .offerNPS(let text, let days):
            return try offerNPS(text, days: days, source, ticket, comment)
        default: return nil
        }
    }

    private func offerSatisfaction(
        _ text: SurveyText, _ source: TriggerRun.Source, on ticket: inout Ticket,
        _ comment: RuleSubject.Comment?
    ) throws -> Notice? {
        // What is in the rows says which solve this is: within the update nothing is opened again for good.
        let kept = try findTicket(ticket.id)
        let solve = kept?.solve ?? 1
        guard ticket.status == .solved, ticket.satisfaction.solve != solve,
            kept?.satisfaction.solve != solve
        else { return nil }
        let link = try link(.satisfaction, ticket.id, solve: solve)
        let (good, bad) = (link + "?score=good", link + "?score=bad")
        let notice = try mail(
            text.linked([
                "satisfaction.rating_url": link, "satisfaction.positive_rating_url": good,
                "satisfaction.negative_rating_url": bad,
                "satisfaction.rating_section":
                    "Good, I am satisfied:\n\(good)\n\nBad, I am not satisfied:\n\(bad)",
            ]), source, ticket, comment, offers: .satisfaction)
        var offered = TicketSatisfaction()
        offered.state = .offered
        offered.solve = solve
        offered.ratingID = rows.makeIdentifier()
        offered.noticeID = notice.id
        ticket.satisfaction = offered
        return notice
    }

    private func offerNPS(
        _ text: SurveyText, days: Int64, _ source: TriggerRun.Source, _ ticket: Ticket,
        _ comment: RuleSubject.Comment?
    ) throws -> Notice? {
        let person = ticket.requesterID
        let asked = try rows.first(
            "SELECT max(offered_at) FROM nps_surveys WHERE tenant = ?1 AND user_id = ?2", person
        ) { $0.optionalInt64(0) }
        if let last = asked ?? nil, now.milliseconds - last < days * 86_400_000 { return nil }
        let survey = rows.makeIdentifier()
        let link = try link(.nps, survey)
        return try mail(
            text.linked([
                "nps.rating_url": link, "nps.rating_section": "From 0 to 10:\n\(link)",
            ]), source, ticket, comment, offers: .nps(person: person, survey: survey))
    }

    /// Where a survey is answered: a path of the desk's, as all addresses in rules' texts are.
    private func link(_ kind: SurveyToken.Kind, _ subject: Int64, solve: Int64 = 0) throws
        -> String
    {
        guard let key = try rows.surveyKey() else {
            throw DeskRefusal.invalid(
                "base", .invalid, "The desk has no key for survey links yet; save the rule again")
        }
        let end = now.advanced(byMilliseconds: SurveyToken.lifetimeMilliseconds)
        return "/surveys/"
            + SurveyToken(kind, subject, solve: solve, expiresAt: end).text(key: key)
    }

    private func mail(
        _ text: SurveyText, _ source: TriggerRun.Source, _ ticket: Ticket,
        _ comment: RuleSubject.Comment?, offers survey: SurveyOffer
    ) throws -> Notice {
        var notice = Notice(
            id: rows.makeIdentifier(), ticketID: ticket.id, kind: .mail, ruleID: source.id,
            recipientIDs: [ticket.requesterID], target: nil,
            subject: Self.oneLine(try filled(text.subject, ticket, comment)),
            body: try filled(text.body, ticket, comment), now: now)
        notice.survey = survey
        return notice
    }

    /// What a mail's offer leaves besides it; a ticket's survey is kept with the ticket.
    func keepOffer(of notice: Notice) throws {
        guard case .nps(let person, let survey)? = notice.survey else { return }
        try rows.run(
            """
            INSERT INTO nps_surveys (tenant, id, updated_at, user_id, offered_at)
            VALUES (?1, ?2, ?3, ?4, ?3)
            """, survey, now.milliseconds, person)
    }
}

extension Desk {
    /// A notice as it is shown. A survey's link is the right to answer it, which whoever worked on the ticket must not have; an admin
    /// can act for anybody as it is.
    func shown(_ notice: Notice) -> Notice {
        guard principal.role != .admin else { return notice }
        let mark = "/surveys/"
        var parts = notice.body.split(separator: mark, omittingEmptySubsequences: false)
        guard parts.count > 1 else { return notice }
        for place in parts.indices.dropFirst() {
            parts[place] =
                "…"
                + parts[place].drop {
                    $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_")
                }
        }
        var shown = notice
        shown.body = parts.joined(separator: mark)
        return shown
    }

    /// A place in a rule's text about the ticket's newest survey. What was said with a rating is for the desk's own people.
    func satisfactionPlaceholder(
        _ name: Substring?, _ ticket: Ticket, _ publicOnly: Bool
    ) -> String? {
        switch name {
        case "current_rating": ticket.satisfaction.state.score
        case "current_comment": publicOnly ? nil : ticket.satisfaction.comment
        case "current_reason": publicOnly ? nil : ticket.satisfaction.reason
        default: nil
        }
    }
}
