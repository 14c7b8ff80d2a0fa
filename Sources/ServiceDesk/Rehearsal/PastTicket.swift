import Wire

/// A ticket as it was at any audit of its life, made from the audits alone.
///
/// What audits do not say is as it is today: description and channel, whom a follow-up follows, whether a comment has become private since.
/// Times and counts that a ticket's row keeps are counted again, but for its clocks and timers, which are those of a new ticket.
struct PastTicket {
    /// Nil before its first audit.
    var ticket: Ticket?
    private let blank: Ticket
    /// Kinds of custom fields, those that are gone too.
    private let kinds: [Int64: FieldKind]
    /// Whether somebody is an agent: today.
    private let isStaff: (Int64) throws -> Bool

    /// - Parameter present: the ticket as it is now.
    init(_ present: Ticket, _ catalog: FieldCatalog, isStaff: @escaping (Int64) throws -> Bool) {
        var blank = present
        blank.status = .new
        blank.updatedAt = present.createdAt
        blank.version = 1
        blank.statusUpdatedAt = present.createdAt
        blank.assigneeID = nil
        blank.groupID = nil
        blank.priority = nil
        blank.type = nil
        blank.tags = []
        blank.customFields = CustomValues()
        blank.chosenStatusID = nil
        blank.formID = nil
        blank.commentCount = 0
        blank.publicCommentCount = 0
        blank.latestCommentAt = nil
        blank.organizationID = nil
        blank.deletedAt = nil
        blank.deletedBy = nil
        blank.isPublic = false
        blank.externalID = nil
        blank.dueAt = nil
        blank.problemID = nil
        blank.followupIDs = []
        blank.followerIDs = []
        blank.emailCCIDs = []
        blank.metrics = TicketMetrics()
        blank.clockState = []
        blank.nextBreachAt = nil
        blank.breachedAt = nil
        blank.timerAt = nil
        blank.firings = Firings()
        blank.scheduleID = nil
        self.blank = blank
        kinds = catalog.fields.mapValues(\.kind)
        self.isStaff = isStaff
    }

    /// Goes through one audit, the next in their order.
    /// - Returns: the ticket before it; nil when it was new.
    @discardableResult
    mutating func live(through audit: Audit, _ events: AuditEvents) throws -> Ticket? {
        var before = ticket
        // What changed without an audit is told by the values before.
        if var known = before {
            for change in events.changes where change.previous != .none || !events.isCreation {
                set(change.field, change.previous, on: &known)
            }
            before = known
        }
        ticket = try following(before, audit, events)
        return before
    }

    /// What an audit makes of a ticket, its rules' part included.
    /// - Parameter before: nil for a ticket that is new.
    func following(_ before: Ticket?, _ audit: Audit, _ events: AuditEvents) throws -> Ticket {
        var after = before ?? blank
        for change in events.changes { set(change.field, change.value, on: &after) }
        let now = audit.createdAt
        after.updatedAt = now
        if let before {
            after.version += 1
            if !events.isNote(audit) { try measure(&after, from: before, audit) }
        } else {
            after.metrics.update(from: blank, to: after, now: now)
        }
        if let comment = audit.comment {
            after.commentCount += 1
            after.latestCommentAt = now
            if comment.isPublic {
                after.publicCommentCount += 1
                after.isPublic = true
            }
        }
        return after
    }

    /// The ticket as who made an audit left it, before rules went on: what rules set is as it was before. What of it somebody said themselves, and a rule
    /// then said anew, is not known.
    /// - Parameter ruleTags: tags that rules may have added.
    func authorsPart(
        of audit: Audit, _ events: AuditEvents, from before: Ticket?, ruleTags: Set<String>
    ) throws -> Ticket {
        var after = before ?? blank
        for change in events.changes {
            guard change.source?.kind == .trigger else {
                set(change.field, change.value, on: &after)
                continue
            }
            guard change.field == "tags" else { continue }
            after.tags = Self.authorsTags(change, ruleTags: ruleTags)
        }
        after.updatedAt = before?.updatedAt ?? audit.createdAt
        if let before {
            try measure(&after, from: before, audit)
        } else {
            after.metrics.update(from: blank, to: after, now: audit.createdAt)
        }
        return after
    }

    /// Of tags that a rule wrote last, those that no rule adds are its author's.
    static func authorsTags(_ change: AuditEvents.Change, ruleTags: Set<String>) -> [String] {
        let previous = change.previous.items
        let added = change.value.items.filter { !previous.contains($0) && !ruleTags.contains($0) }
        return Set(previous + added).sorted()
    }

    private func measure(_ ticket: inout Ticket, from old: Ticket, _ audit: Audit) throws {
        let now = audit.createdAt
        ticket.metrics = old.metrics
        ticket.metrics.update(from: old, to: ticket, now: now)
        ticket.statusUpdatedAt = ticket.status == old.status ? old.statusUpdatedAt : now
        if let comment = audit.comment, comment.isPublic, try isStaff(comment.authorID) {
            ticket.metrics.replies += 1
            if ticket.metrics.firstReplyAt == nil { ticket.metrics.firstReplyAt = now }
        }
        if audit.authorID == ticket.requesterID { ticket.metrics.requesterUpdatedAt = now }
        if audit.authorID == ticket.assigneeID { ticket.metrics.assigneeUpdatedAt = now }
    }

    // MARK: Fields by the names that audits have for them

    private func set(_ field: String, _ value: EventList.Payload, on ticket: inout Ticket) {
        switch field {
        case "subject": ticket.subject = value.text ?? ""
        case "status": ticket.status = value.text.flatMap(TicketStatus.init(name:)) ?? ticket.status
        case "requester_id": ticket.requesterID = value.number ?? ticket.requesterID
        case "type": ticket.type = value.text.flatMap(TicketType.init(name:))
        case "priority": ticket.priority = value.text.flatMap(TicketPriority.init(name:))
        case "group_id": ticket.groupID = value.number
        case "assignee_id": ticket.assigneeID = value.number
        case "organization_id": ticket.organizationID = value.number
        case "tags": ticket.tags = value.items
        case "external_id": ticket.externalID = value.text
        case "problem_id": ticket.problemID = value.number
        case "due_at": ticket.dueAt = value.number.map(Timestamp.init(seconds:))
        case "follower_ids": ticket.followerIDs = value.items.compactMap { Int64($0) }
        case "email_cc_ids": ticket.emailCCIDs = value.items.compactMap { Int64($0) }
        case "ticket_form_id": ticket.formID = value.number
        case "schedule_id": ticket.scheduleID = value.number
        case "custom_status_id":
            let isOwn = CustomStatus.system.contains { $0.id == value.number }
            ticket.chosenStatusID = isOwn ? nil : value.number
        default:
            guard let id = Int64(field) else { return }
            var values = ticket.customFields.all
            values[id] = customValue(id, value)
            ticket.customFields = CustomValues(values)
        }
    }

    private func customValue(_ id: Int64, _ value: EventList.Payload) -> CustomValue? {
        switch value {
        case .none: nil
        case .list(let items): .list(items)
        case .text(let text): kinds[id] == .checkbox ? .flag(text == "true") : .text(text)
        }
    }
}
