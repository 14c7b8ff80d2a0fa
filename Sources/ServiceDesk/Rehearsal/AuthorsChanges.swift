import Wire

extension TicketChanges {
    /// What the author of an audit asked for, as far as the audit tells: all but what triggers set.
    ///
    /// Lists are changed, not set: what else is on them by now stays.
    /// - Parameters:
    ///   - current: the ticket that it is asked for now; nil for a new one.
    ///   - ruleTags: tags that rules may have added.
    init(
        byAuthorOf audit: Audit, _ events: AuditEvents, current: Ticket?, present: Ticket,
        ruleTags: Set<String>
    ) {
        self.init()
        for change in events.changes {
            if change.field == "tags" {
                take(tags: change, ruleTags, isNew: current == nil)
            } else if change.source?.kind != .trigger {
                take(change, current)
            }
        }
        if current == nil { submitterID = present.submitterID }
        // Who solves a ticket that nobody has, has it; with the group that it had.
        if status == .solved, assigneeID == .some(audit.authorID), let current,
            current.assigneeID == nil
        {
            assigneeID = nil
        }
        guard let said = audit.comment else { return }
        comment = CommentDraft(
            body: said.body, html: said.html, isPublic: said.isPublic, authorID: said.authorID)
    }

    private mutating func take(
        tags change: AuditEvents.Change, _ ruleTags: Set<String>, isNew: Bool
    ) {
        let before = change.previous.items
        let isByRule = change.source?.kind == .trigger
        let after =
            isByRule
            ? PastTicket.authorsTags(change, ruleTags: ruleTags) : change.value.items
        if isNew {
            tags = after
        } else {
            additionalTags = after.filter { !before.contains($0) }
            removedTags = before.filter { !after.contains($0) }
        }
    }

    private mutating func take(_ change: AuditEvents.Change, _ current: Ticket?) {
        let value = change.value
        func list(_ list: [Int64]) -> [Int64] {
            let before = change.previous.items.compactMap { Int64($0) }
            let after = value.items.compactMap { Int64($0) }
            return list.filter { !before.contains($0) || after.contains($0) }
                + after.filter { !before.contains($0) && !list.contains($0) }
        }
        switch change.field {
        case "subject": subject = value.text
        case "status": status = value.text.flatMap(TicketStatus.init(name:))
        case "requester_id": requester = value.number.map(RequesterReference.id)
        case "type": type = .some(value.text.flatMap(TicketType.init(name:)))
        case "priority": priority = .some(value.text.flatMap(TicketPriority.init(name:)))
        case "group_id": groupID = .some(value.number)
        case "assignee_id": assigneeID = .some(value.number)
        case "organization_id": organizationID = .some(value.number)
        case "external_id": externalID = .some(value.text)
        case "problem_id": problemID = .some(value.number)
        case "due_at": dueAt = .some(value.number.map(Timestamp.init(seconds:)))
        case "follower_ids": followerIDs = list(current?.followerIDs ?? [])
        case "email_cc_ids": emailCCIDs = list(current?.emailCCIDs ?? [])
        case "ticket_form_id": formID = .some(value.number)
        case "custom_status_id": customStatusID = value.number
        default:
            guard let id = Int64(change.field) else { return }
            let input: FieldInput =
                switch value {
                case .none: .none
                case .text(let text): .text(text)
                case .list(let items): .list(items)
                }
            fields.append(FieldChange(.id(id), input))
        }
    }
}
