import SQLite
import ShardStore
import Wire

/// What somebody says of how their ticket was solved.
package struct RatingDraft: Sendable, Equatable {
    package var isGood: Bool
    /// Nil leaves the comment that there is; `.some(nil)` takes it away.
    package var comment: String??
    /// Of a bad rating; nil leaves the reason that there is, 0 is none.
    package var reasonCode: Int64?
    package init(isGood: Bool, comment: String?? = nil, reasonCode: Int64? = nil) {
        self.isGood = isGood
        self.comment = comment
        self.reasonCode = reasonCode
    }
}

extension Desk {
    /// Surveys about solved tickets with their ratings, in the order in which they were offered.
    package func ratings(
        _ filter: RatingFilter, descending: Bool = false, _ page: PageRequest
    ) throws -> Page<SatisfactionRating> {
        try require(.list, .ratings)
        let (condition, values) = ratingCondition(filter)
        return try rows.page(
            PagedQuery(
                columns: SatisfactionRating.columns, source: "satisfaction_ratings",
                condition: condition, values: values,
                order: PageOrder("rating", ["satisfaction_ratings.id"], descending: descending)),
            page, count: { try ratingCount(filter) }, read: SatisfactionRating.init)
    }

    /// How many there are: kept numbers where the asker sees all tickets and asks for no time; else what they may see is counted.
    package func ratingCount(_ filter: RatingFilter) throws -> Int64 {
        try require(.list, .ratings)
        if Authorization.ticketScope(principal) == .all, filter.start == nil, filter.end == nil {
            let states = filter.states.map(Array.init) ?? SatisfactionState.allCases
            return try states.reduce(0) { try $0 + rows.count(.ratings($1)) }
        }
        let (condition, values) = ratingCondition(filter)
        return try rows.first(
            "SELECT count(*) FROM satisfaction_ratings WHERE tenant = ?1 AND \(condition)",
            values: values
        ) { $0.int64(0) } ?? 0
    }

    private func ratingCondition(_ filter: RatingFilter) -> (String, [any Bindable]) {
        var ticket =
            "tickets.deleted_at IS NULL AND \(Authorization.ticketScope(principal).condition)"
        // What was never shown to a requester is not shown to them by its rating.
        if !principal.role.isStaff { ticket += " AND tickets.is_public = 1" }
        var conditions = [
            "EXISTS (SELECT 1 FROM tickets WHERE tickets.tenant = ?1 AND tickets.id = satisfaction_ratings.ticket_id AND \(ticket))"
        ]
        var values: [any Bindable] = []
        if let states = filter.states {
            let numbers = states.map(\.rawValue).sorted().map(String.init)
            conditions.append("satisfaction_ratings.state IN (\(numbers.joined(separator: ",")))")
        }
        if let start = filter.start {
            values.append(start.milliseconds)
            conditions.append("satisfaction_ratings.updated_at >= ?\(values.count + 1)")
        }
        if let end = filter.end {
            // Times are said in whole seconds.
            values.append(end.milliseconds + 999)
            conditions.append("satisfaction_ratings.updated_at <= ?\(values.count + 1)")
        }
        return (conditions.joined(separator: " AND "), values)
    }

    package func rating(_ id: Int64) throws -> SatisfactionRating {
        let rating = try rows.first(
            "SELECT \(SatisfactionRating.columns) FROM satisfaction_ratings WHERE tenant = ?1 AND id = ?2",
            id, read: SatisfactionRating.init)
        guard let rating, let ticket = try findTicket(rating.ticketID), ticket.deletedAt == nil
        else { throw DeskRefusal.notFound }
        try require(.read, .rating(ticket.facts))
        guard ticket.isPublic || principal.role.isStaff else { throw DeskRefusal.notFound }
        return rating
    }
}

extension Desk where Rows == WritableRows {
    /// Rates the solve that a ticket is in, or changes its rating. Only the end user who asked can, while the ticket is solved or not
    /// long closed.
    package func rate(_ ticketID: Int64, _ draft: RatingDraft) throws -> SatisfactionRating {
        guard let old = try findTicket(ticketID), old.deletedAt == nil else {
            throw DeskRefusal.notFound
        }
        try require(.create, .rating(old.facts))
        guard old.requesterID == principal.userID, !principal.role.isStaff else {
            throw DeskRefusal.forbidden("Only the end user who asked may rate a ticket")
        }
        guard old.isPublic else { throw DeskRefusal.notFound }
        if let refusal = old.refusalToBeRated(at: now) {
            throw DeskRefusal.invalid("base", .notAllowed, refusal)
        }
        let rating = try satisfaction(draft, of: old)
        if rating != old.satisfaction {
            if old.status == .closed {
                // What is closed changes no more, and no rule looks at it; only what was said of it may be said better.
                var closed = old
                closed.satisfaction = rating
                var events = EventList()
                recordChanges(from: old, to: closed, by: [:], in: &events)
                try note(events, on: old, closed)
            } else {
                var changes = TicketChanges()
                changes.satisfaction = rating
                _ = try apply(changes, to: old)
            }
        }
        return try rows.rating(ofTicket: ticketID, solve: old.solve)!
    }

    private func satisfaction(_ draft: RatingDraft, of ticket: Ticket) throws -> TicketSatisfaction
    {
        let isSameSurvey = ticket.satisfaction.solve == ticket.solve
        let known = isSameSurvey ? ticket.satisfaction : TicketSatisfaction()
        var rating = TicketSatisfaction()
        rating.solve = ticket.solve
        rating.ratingID = known.ratingID ?? rows.makeIdentifier()
        rating.comment = known.comment
        if let comment = draft.comment {
            let text = comment.map(Validation.trim) ?? ""
            rating.comment = try Optional(text).boundedOrNil(
                "comment", "Comment", max: SatisfactionRating.commentLimit)
        }
        rating.state = SatisfactionState(
            isGood: draft.isGood, hasComment: rating.comment != nil)
        guard !draft.isGood else {
            guard draft.reasonCode ?? 0 == 0 else {
                throw DeskRefusal.invalid(
                    "reason_code", .notAllowed, "Reason: only a bad rating has a reason")
            }
            return rating
        }
        let code = draft.reasonCode ?? known.reasonCode ?? 0
        rating.reasonCode = code
        if code == known.reasonCode {
            rating.reason = known.reason
        } else if code != 0 {
            guard let reason = try rows.satisfactionReason(code), reason.deletedAt == nil else {
                throw DeskRefusal.invalid("reason_code", .invalid, "Reason: does not exist")
            }
            rating.reason = reason.value
        }
        return rating
    }
}

extension Ticket {
    /// Why it cannot be rated now; nil when it can.
    func refusalToBeRated(at now: Timestamp) -> String? {
        guard status >= .solved else { return "Ticket: can be rated once it is solved" }
        let closedFor = now.milliseconds - statusUpdatedAt.milliseconds
        guard status == .solved || closedFor <= SatisfactionRating.closedMilliseconds else {
            return
                "Ticket: has been closed for more than \(SatisfactionRating.closedMilliseconds / 86_400_000) days and can be rated no more"
        }
        return nil
    }
}
