import SQLite
package import Wire

/// What a customer wants, and how far the desk has come with it.
package struct Ticket: Sendable, Equatable {
    /// The number people see: consecutive in the tenant, from 1.
    package let id: Int64
    package var status: TicketStatus
    package var updatedAt: Timestamp
    package var version: Int64
    package var statusUpdatedAt: Timestamp
    package var assigneeID: Int64?
    package var groupID: Int64?
    package var priority: TicketPriority?
    package var type: TicketType?
    package var tags: [String]
    package var customFields = CustomValues()
    /// The custom status, nil for the status's own.
    package var chosenStatusID: Int64?
    /// Nil for the desk's default form.
    package var formID: Int64?
    /// What whoever gets it must be able to do, sorted.
    package var skillIDs: [String] = []
    package var commentCount: Int64
    package var publicCommentCount: Int64
    package var latestCommentAt: Timestamp?
    package var requesterID: Int64
    package var submitterID: Int64
    package var organizationID: Int64?
    package var deletedAt: Timestamp?
    package var deletedBy: Int64?
    /// Whether it has a public comment, so that the requester sees it.
    package var isPublic: Bool
    package var subject: String
    /// The first comment's text; never changes.
    package var description: String
    package var externalID: String?
    package var dueAt: Timestamp?
    package var problemID: Int64?
    /// Whether incidents hang on it.
    package var hasIncidents = false
    package var followupSourceID: Int64?
    package var followupIDs: [Int64]
    package var followerIDs: [Int64]
    package var emailCCIDs: [Int64]
    package var channel: Via.Channel
    package let createdAt: Timestamp
    package var metrics: TicketMetrics
    /// Its `TicketClocks`, as bytes.
    var clockState: [UInt8] = []
    /// When the next promise is broken if nothing is done before.
    package var nextBreachAt: Timestamp?
    /// When one was broken last.
    package var breachedAt: Timestamp?
    /// When time alone does something to it next: a breach, an automation, closing.
    package internal(set) var timerAt: Timestamp?
    /// Which automations have fired on it.
    package var firings = Firings()
    /// By whose working time it is measured; nil for the desk's own.
    package var scheduleID: Int64?
    package var satisfaction = TicketSatisfaction()

    package var customStatusID: Int64 { chosenStatusID ?? CustomStatus.systemID(status) }

    package var facts: TicketFacts {
        TicketFacts(
            requesterID: requesterID, submitterID: submitterID, assigneeID: assigneeID,
            groupID: groupID, organizationID: organizationID, watcherIDs: emailCCIDs)
    }
}

/// What is measured of a ticket, kept at each write so that no report recounts.
package struct TicketMetrics: Sendable, Equatable {
    package var reopens: Int64 = 0
    /// Public comments of agents.
    package var replies: Int64 = 0
    /// How many agents, and groups, it has been assigned to.
    package var assigneeStations: Int64 = 0
    package var groupStations: Int64 = 0
    package var assigneeUpdatedAt: Timestamp?
    package var requesterUpdatedAt: Timestamp?
    package var initiallyAssignedAt: Timestamp?
    package var assignedAt: Timestamp?
    package var solvedAt: Timestamp?
    package var firstSolvedAt: Timestamp?
    package var firstReplyAt: Timestamp?
}

extension Ticket {
    static let columnNames = [
        "id", "status", "updated_at", "version", "status_updated_at", "assignee_id", "group_id",
        "priority", "type", "tags", "comment_count", "public_comment_count", "latest_comment_at",
        "requester_id", "submitter_id", "organization_id", "deleted_at", "deleted_by", "is_public",
        "subject", "description", "external_id", "due_at", "problem_id", "followup_source_id",
        "followup_ids", "follower_ids", "email_cc_ids", "channel", "created_at", "reopens",
        "replies", "assignee_stations", "group_stations", "assignee_updated_at",
        "requester_updated_at", "initially_assigned_at", "assigned_at", "solved_at",
        "first_solved_at", "first_reply_at", "clocks", "next_breach_at", "breached_at",
        "custom_fields", "custom_status_id", "form_id", "timer_at", "firings", "schedule_id",
        "satisfaction", "satisfaction_solve", "satisfaction_reason", "skills", "has_incidents",
    ]
    static let columns = (columnNames.map { "tickets." + $0 } + TicketSatisfaction.ratingColumns)
        .joined(separator: ", ")
    static let insertion: String = {
        let names = columnNames.joined(separator: ", ")
        let places = (2...columnNames.count + 1).map { "?\($0)" }.joined(separator: ", ")
        return "INSERT INTO tickets (tenant, \(names)) VALUES (?1, \(places))"
    }()

    init(_ row: Row) {
        func time(_ column: Int) -> Timestamp? {
            row.optionalInt64(column).map(Timestamp.init(rawValue:))
        }
        id = row.int64(0)
        status = TicketStatus(rawValue: row.int64(1)) ?? .new
        updatedAt = Timestamp(rawValue: row.int64(2))
        version = row.int64(3)
        statusUpdatedAt = Timestamp(rawValue: row.int64(4))
        assigneeID = row.optionalInt64(5)
        groupID = row.optionalInt64(6)
        priority = row.optionalInt64(7).flatMap(TicketPriority.init(rawValue:))
        type = row.optionalInt64(8).flatMap(TicketType.init(rawValue:))
        tags = Tags.split(row.text(9))
        commentCount = row.int64(10)
        publicCommentCount = row.int64(11)
        latestCommentAt = time(12)
        requesterID = row.int64(13)
        submitterID = row.int64(14)
        organizationID = row.optionalInt64(15)
        deletedAt = time(16)
        deletedBy = row.optionalInt64(17)
        isPublic = row.bool(18)
        subject = row.text(19)
        description = row.text(20)
        externalID = row.optionalText(21)
        dueAt = time(22)
        problemID = row.optionalInt64(23)
        followupSourceID = row.optionalInt64(24)
        followupIDs = IDList.split(row.text(25))
        followerIDs = IDList.split(row.text(26))
        emailCCIDs = IDList.split(row.text(27))
        channel = Via.Channel(rawValue: row.int64(28)) ?? .api
        createdAt = Timestamp(rawValue: row.int64(29))
        metrics = TicketMetrics(
            reopens: row.int64(30), replies: row.int64(31), assigneeStations: row.int64(32),
            groupStations: row.int64(33), assigneeUpdatedAt: time(34), requesterUpdatedAt: time(35),
            initiallyAssignedAt: time(36), assignedAt: time(37), solvedAt: time(38),
            firstSolvedAt: time(39), firstReplyAt: time(40))
        clockState = row.blob(41)
        nextBreachAt = time(42)
        breachedAt = time(43)
        customFields = CustomValues(stored: row.optionalText(44))
        chosenStatusID = row.optionalInt64(45)
        formID = row.optionalInt64(46)
        timerAt = time(47)
        firings = Firings(stored: row.optionalText(48))
        scheduleID = row.optionalInt64(49)
        satisfaction = TicketSatisfaction(row, from: 50)
        skillIDs = Skill.split(row.text(53))
        hasIncidents = row.bool(54)
    }

    /// The row's values in the order of `columnNames`.
    var columnValues: [Value] {
        func integer(_ value: Int64?) -> Value { value.map(Value.integer) ?? .null }
        func time(_ value: Timestamp?) -> Value { integer(value?.milliseconds) }
        return [
            .integer(id), .integer(status.rawValue), time(updatedAt), .integer(version),
            time(statusUpdatedAt), integer(assigneeID), integer(groupID),
            integer(priority?.rawValue), integer(type?.rawValue), .text(Tags.join(tags)),
            .integer(commentCount), .integer(publicCommentCount), time(latestCommentAt),
            .integer(requesterID), .integer(submitterID), integer(organizationID),
            time(deletedAt), integer(deletedBy), .integer(isPublic ? 1 : 0), .text(subject),
            .text(description), externalID.map(Value.text) ?? .null, time(dueAt),
            integer(problemID), integer(followupSourceID), .text(IDList.join(followupIDs)),
            .text(IDList.join(followerIDs)), .text(IDList.join(emailCCIDs)),
            .integer(channel.rawValue), time(createdAt), .integer(metrics.reopens),
            .integer(metrics.replies), .integer(metrics.assigneeStations),
            .integer(metrics.groupStations), time(metrics.assigneeUpdatedAt),
            time(metrics.requesterUpdatedAt), time(metrics.initiallyAssignedAt),
            time(metrics.assignedAt), time(metrics.solvedAt), time(metrics.firstSolvedAt),
            time(metrics.firstReplyAt), .blob(clockState), time(nextBreachAt), time(breachedAt),
            customFields.stored.map(Value.text) ?? .null, integer(chosenStatusID), integer(formID),
            time(timerAt), firings.stored.map(Value.text) ?? .null, integer(scheduleID),
            .integer(satisfaction.state.rawValue), .integer(satisfaction.solve),
            integer(satisfaction.reasonCode), .text(Skill.join(skillIDs)),
            .integer(hasIncidents ? 1 : 0),
        ]
    }
}

/// Short lists of numbers, stored as text with commas.
enum IDList {
    static func split(_ text: String) -> [Int64] {
        text.isEmpty ? [] : text.split(separator: ",").compactMap { Int64($0) }
    }
    static func join(_ ids: [Int64]) -> String { ids.map(String.init).joined(separator: ",") }
}
