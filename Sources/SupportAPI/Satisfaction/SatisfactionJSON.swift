import ServiceDesk

extension JSONWriter {
    /// A survey about a ticket in the dialect's shape; the solve is ours.
    mutating func rating(_ rating: SatisfactionRating, _ call: APICall) {
        object { json in
            json.member("url", call.url("/api/v2/satisfaction_ratings/\(rating.id).json"))
            json.member("id", rating.id)
            json.member("assignee_id", rating.assigneeID)
            json.member("group_id", rating.groupID)
            json.member("requester_id", rating.requesterID)
            json.member("ticket_id", rating.ticketID)
            json.member("score", rating.state.score)
            json.member("created_at", rating.createdAt)
            json.member("updated_at", rating.updatedAt)
            json.member("comment", rating.comment)
            json.member("reason", rating.reason)
            json.member("reason_id", rating.reasonCode == 0 ? nil : rating.reasonCode)
            json.member("reason_code", rating.reasonCode)
            json.member("solve", rating.solve)
        }
    }

    /// What a ticket says of its newest survey.
    mutating func satisfaction(_ satisfaction: TicketSatisfaction) {
        object("satisfaction_rating") { json in
            if let id = satisfaction.ratingID, satisfaction.state != .unoffered {
                json.member("id", id)
            }
            json.member("score", satisfaction.state.score)
            guard satisfaction.state.isRating else { return }
            json.member("comment", satisfaction.comment)
            json.member("reason", satisfaction.reason)
            let code = satisfaction.reasonCode
            json.member("reason_id", code == 0 ? nil : code)
        }
    }

    mutating func reason(_ reason: SatisfactionReason, _ call: APICall) {
        object { json in
            json.member("url", call.url("/api/v2/satisfaction_reasons/\(reason.code).json"))
            json.member("id", reason.code)
            json.member("reason_code", reason.code)
            json.member("value", reason.value)
            json.member("raw_value", reason.value)
            json.member("created_at", reason.createdAt)
            json.member("updated_at", reason.updatedAt)
            json.member("deleted_at", reason.deletedAt)
        }
    }

    mutating func npsResponse(_ response: NPSSurvey, _ call: APICall) {
        object { json in
            json.member("url", call.url("/api/v2/lodge/nps/responses/\(response.id).json"))
            json.member("id", response.id)
            json.member("user_id", response.userID)
            json.member("score", response.score)
            json.member("category", response.score.map { NPSSurvey.Category(score: $0).rawValue })
            json.member("comment", response.comment)
            json.member("offered_at", response.offeredAt)
            json.member("answered_at", response.answeredAt)
            json.member("updated_at", response.updatedAt)
        }
    }

    /// Members of the event that a rating leaves on its ticket.
    mutating func ratingEvent(_ parts: [JSONValue]) {
        func text(_ place: Int) -> String? { parts.count > place ? parts[place].text : nil }
        member("score", text(1))
        member("body", text(2))
        member("assignee_id", text(3).flatMap { Int64($0) })
        member("reason_code", text(4).flatMap { Int64($0) })
        member("reason", text(5))
    }
}
