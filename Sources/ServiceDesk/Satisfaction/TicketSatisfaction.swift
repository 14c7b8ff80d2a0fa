import SQLite

/// How far a survey has come, and what was answered. The order is the one conditions compare by.
package enum SatisfactionState: Int64, Sendable, Equatable, Comparable, CaseIterable {
    case unoffered = 0
    case offered = 1
    case bad = 2
    case badWithComment = 3
    case good = 4
    case goodWithComment = 5

    package static func < (a: SatisfactionState, b: SatisfactionState) -> Bool {
        a.rawValue < b.rawValue
    }

    init(isGood: Bool, hasComment: Bool) {
        self =
            switch (isGood, hasComment) {
            case (true, false): .good
            case (true, true): .goodWithComment
            case (false, false): .bad
            case (false, true): .badWithComment
            }
    }

    /// The API's word, which is the same with and without a comment.
    package var score: String {
        switch self {
        case .unoffered: "unoffered"
        case .offered: "offered"
        case .bad, .badWithComment: "bad"
        case .good, .goodWithComment: "good"
        }
    }

    package var isRating: Bool { self >= .bad }
    package var isGood: Bool { self >= .good }

    /// What a condition's word means: `good` is also a good rating with a comment, as in lists and searches.
    static func numbers(_ word: String) -> ClosedRange<Int64>? {
        switch word {
        case "unoffered": 0...0
        case "offered": 1...1
        case "bad": 2...3
        case "bad_with_comment": 3...3
        case "good": 4...5
        case "good_with_comment": 5...5
        default: nil
        }
    }
}

/// What a ticket carries of the newest survey about it. A rating stays when the ticket is opened again, until its next solve is
/// offered or rated; ratings of all solves are in the table `satisfaction_ratings`.
package struct TicketSatisfaction: Sendable, Equatable {
    package var state = SatisfactionState.unoffered
    /// The solve that the survey is about, from 1; 0 while there was none.
    package var solve: Int64 = 0
    /// Of a bad rating: the reason's code, 0 when none was given.
    package var reasonCode: Int64?
    /// The survey's row in `satisfaction_ratings`, and what it holds.
    package var ratingID: Int64?
    package var comment: String?
    package var reason: String?
    /// The mail by which the update that is being written offers it.
    var noticeID: Int64?

    package init() {}

    /// What else is selected of a ticket. Most tickets have no survey, and pay nothing for it.
    static let ratingColumns = ["id", "comment", "reason"].map { column in
        """
        CASE WHEN tickets.satisfaction > 0 THEN (SELECT r.\(column) FROM satisfaction_ratings r
        WHERE r.tenant = ?1 AND r.ticket_id = tickets.id AND r.solve = tickets.satisfaction_solve) END
        """
    }

    /// - Parameter first: the place of the first of a ticket's three columns about satisfaction.
    init(_ row: Row, from first: Int) {
        state = SatisfactionState(rawValue: row.int64(first)) ?? .unoffered
        solve = row.int64(first + 1)
        reasonCode = row.optionalInt64(first + 2)
        guard state != .unoffered else { return }
        let rating = Ticket.columnNames.count
        ratingID = row.optionalInt64(rating)
        comment = row.optionalText(rating + 1)
        reason = row.optionalText(rating + 2)
    }
}

extension Ticket {
    /// Which of its solves it is in, or comes to next: each reopening ends one.
    package var solve: Int64 { metrics.reopens + 1 }

    /// Opening a ticket again takes back an offer that nobody has answered. What comes back to solved within one update was never opened.
    mutating func withdrawOffer(from old: Ticket) {
        if status < .solved {
            guard satisfaction.state == .offered else { return }
            satisfaction.state = .unoffered
            satisfaction.noticeID = nil
        } else if old.satisfaction.state == .offered, satisfaction.state == .unoffered,
            satisfaction.solve == old.satisfaction.solve
        {
            satisfaction = old.satisfaction
        }
    }
}

extension TriggerRun {
    /// Whatever rules offered in their turn, only what the ticket is in the end counts: an offer stands while the ticket is solved,
    /// and a person is asked once.
    mutating func settleSurveys(from old: Ticket?) {
        if ticket.satisfaction.noticeID != nil, ticket.status != .solved {
            ticket.satisfaction = old?.satisfaction ?? TicketSatisfaction()
            setters["satisfaction_score"] = nil
        }
        guard notices.contains(where: { $0.notice.survey != nil }) else { return }
        var asked: Set<Int64> = []
        let offer = ticket.satisfaction.noticeID
        notices.removeAll { entry in
            switch entry.notice.survey {
            case nil: false
            case .satisfaction: entry.notice.id != offer
            case .nps(let person, _): !asked.insert(person).inserted
            }
        }
    }
}

extension EventList {
    /// What the requester said: `["SatisfactionRating", score, comment, assignee, reason's code, reason]`.
    mutating func rating(of ticket: Ticket) {
        let satisfaction = ticket.satisfaction
        guard satisfaction.state.isRating else { return }
        note(
            "SatisfactionRating", satisfaction.state.score,
            [
                .init(satisfaction.comment), .init(ticket.assigneeID),
                .init(satisfaction.reasonCode), .init(satisfaction.reason),
            ])
    }
}

extension Desk where Rows == WritableRows {
    func forEachSatisfactionDifference(
        from old: Ticket, to new: Ticket,
        _ body: (String, EventList.Payload, EventList.Payload) -> Void
    ) {
        let (before, after) = (old.satisfaction, new.satisfaction)
        if before.state.score != after.state.score {
            body("satisfaction_score", .text(before.state.score), .text(after.state.score))
        }
        if before.reasonCode != after.reasonCode {
            body("satisfaction_reason_code", .init(before.reasonCode), .init(after.reasonCode))
        }
    }
}
