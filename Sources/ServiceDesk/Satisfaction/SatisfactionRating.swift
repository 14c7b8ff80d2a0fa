import SQLite
import ShardStore
package import Wire

/// One survey about one solve of a ticket, and its answer once there is one.
package struct SatisfactionRating: Sendable, Equatable {
    package let id: Int64
    package let ticketID: Int64
    /// Which of the ticket's solves, from 1.
    package let solve: Int64
    /// `unoffered`: the offer was taken back.
    package let state: SatisfactionState
    /// When it was offered, or rated without an offer.
    package let createdAt: Timestamp
    package let updatedAt: Timestamp
    package let requesterID: Int64
    /// Who the ticket was assigned to when it was rated, or else offered.
    package let assigneeID: Int64?
    package let groupID: Int64?
    package let reasonCode: Int64?
    /// The reason's text as it read then.
    package let reason: String?
    package let comment: String?
    /// The mail that offered it.
    let noticeID: Int64?

    static let columns = """
        satisfaction_ratings.id, satisfaction_ratings.ticket_id, satisfaction_ratings.solve,
        satisfaction_ratings.state, satisfaction_ratings.created_at,
        satisfaction_ratings.updated_at, satisfaction_ratings.requester_id,
        satisfaction_ratings.assignee_id, satisfaction_ratings.group_id,
        satisfaction_ratings.reason_code, satisfaction_ratings.reason,
        satisfaction_ratings.comment, satisfaction_ratings.notice_id
        """

    init(_ row: Row) {
        id = row.int64(0)
        ticketID = row.int64(1)
        solve = row.int64(2)
        state = SatisfactionState(rawValue: row.int64(3)) ?? .unoffered
        createdAt = Timestamp(rawValue: row.int64(4))
        updatedAt = Timestamp(rawValue: row.int64(5))
        requesterID = row.int64(6)
        assigneeID = row.optionalInt64(7)
        groupID = row.optionalInt64(8)
        reasonCode = row.optionalInt64(9)
        reason = row.optionalText(10)
        comment = row.optionalText(11)
        noticeID = row.optionalInt64(12)
    }

    /// Bytes of a comment.
    package static let commentLimit = 4096
    /// A rating may be given and changed until this long after its ticket was closed. The ticket itself closes by time.
    package static let closedMilliseconds: Int64 = 14 * 86_400_000
}

/// Which ratings a list shows, beyond what the asker may see.
package struct RatingFilter: Sendable, Equatable {
    /// Nil for all.
    package var states: Set<SatisfactionState>?
    /// Given, changed, offered or taken back in this time, both ends included.
    package var start: Timestamp?
    package var end: Timestamp?
    package init() {}

    /// The states that a score of the dialect stands for; nil when there is no such score.
    package static func states(_ score: String) -> Set<SatisfactionState>? {
        switch score {
        case "offered": [.offered]
        case "unoffered": [.unoffered]
        case "received": [.good, .goodWithComment, .bad, .badWithComment]
        case "received_with_comment": [.goodWithComment, .badWithComment]
        case "received_without_comment": [.good, .bad]
        case "good": [.good, .goodWithComment]
        case "good_with_comment": [.goodWithComment]
        case "good_without_comment": [.good]
        case "bad": [.bad, .badWithComment]
        case "bad_with_comment": [.badWithComment]
        case "bad_without_comment": [.bad]
        default: nil
        }
    }
}

extension ShardReader {
    func rating(ofTicket ticket: Int64, solve: Int64) throws -> SatisfactionRating? {
        try first(
            """
            SELECT \(SatisfactionRating.columns) FROM satisfaction_ratings
            WHERE tenant = ?1 AND ticket_id = ?2 AND solve = ?3
            """, ticket, solve, read: SatisfactionRating.init)
    }
}

extension Desk where Rows == WritableRows {
    /// Follows what an update makes of a ticket's survey into the survey's own row and the counts. Called with every change of a
    /// ticket's row.
    func keepSatisfaction(from old: Ticket?, to new: Ticket) throws {
        if (old?.satisfaction ?? TicketSatisfaction()) != new.satisfaction { try keepRating(new) }
        guard let old, (old.deletedAt == nil) != (new.deletedAt == nil) else { return }
        guard new.satisfaction.solve > 0 else { return }
        let states = try rows.all(
            "SELECT state FROM satisfaction_ratings WHERE tenant = ?1 AND ticket_id = ?2", new.id
        ) { SatisfactionState(rawValue: $0.int64(0)) ?? .unoffered }
        for state in states { try rows.add(new.deletedAt == nil ? 1 : -1, to: .ratings(state)) }
    }

    private func keepRating(_ ticket: Ticket) throws {
        let satisfaction = ticket.satisfaction
        guard let known = try rows.rating(ofTicket: ticket.id, solve: satisfaction.solve) else {
            try rows.run(
                """
                INSERT INTO satisfaction_ratings (tenant, ticket_id, solve, state, updated_at, id,
                created_at, requester_id, assignee_id, group_id, reason_code, reason, comment,
                notice_id)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?5, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
                """, ticket.id, satisfaction.solve, satisfaction.state.rawValue, now.milliseconds,
                satisfaction.ratingID ?? rows.makeIdentifier(), ticket.requesterID,
                ticket.assigneeID, ticket.groupID, satisfaction.reasonCode, satisfaction.reason,
                satisfaction.comment, satisfaction.noticeID)
            try rows.add(1, to: .ratings(satisfaction.state))
            return
        }
        try rows.run(
            """
            UPDATE satisfaction_ratings SET state = ?4, updated_at = ?5, requester_id = ?6,
            assignee_id = ?7, group_id = ?8, reason_code = ?9, reason = ?10, comment = ?11
            WHERE tenant = ?1 AND ticket_id = ?2 AND solve = ?3
            """, ticket.id, satisfaction.solve, satisfaction.state.rawValue, now.milliseconds,
            ticket.requesterID, ticket.assigneeID, ticket.groupID, satisfaction.reasonCode,
            satisfaction.reason, satisfaction.comment)
        if known.state != satisfaction.state {
            try rows.add(-1, to: .ratings(known.state))
            try rows.add(1, to: .ratings(satisfaction.state))
        }
        // A mail that has not left would ask what was answered, or may not be answered any more.
        if let notice = known.noticeID {
            try rows.run(
                """
                UPDATE notices SET state = \(Notice.State.cancelled.rawValue), updated_at = ?3
                WHERE tenant = ?1 AND id = ?2 AND state = \(Notice.State.queued.rawValue)
                """, notice, now.milliseconds)
        }
    }
}
