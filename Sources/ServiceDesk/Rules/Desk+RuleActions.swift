import SQLite
import ShardStore
import Wire

extension Desk where Rows == WritableRows {
    /// Does one thing that a rule says. What it changes on the ticket is written later, with the rest of the update.
    func perform(
        _ action: RuleAction, _ source: TriggerRun.Source, on ticket: inout Ticket,
        _ comment: RuleSubject.Comment?, _ notices: inout [Notice]
    ) throws {
        var changes = TicketChanges()
        switch action {
        case .setStatus(let status):
            if let refusal = ticket.status.refusal(toBecome: status) {
                throw DeskRefusal.invalid("status", .invalid, refusal)
            }
            changes.status = status
        case .setCustomStatus(let id): changes.customStatusID = id
        case .setPriority(let priority): changes.priority = .some(priority)
        case .setType(let type): changes.type = .some(type)
        case .setGroup(let group): changes.groupID = .some(group)
        case .setAssignee(let person):
            let ids = try people(person, ticket)
            if person != .nobody && ids.isEmpty { return }
            changes.assigneeID = .some(ids.first)
        case .setForm(let form): changes.formID = .some(form)
        case .setSchedule(let schedule):
            guard try rows.calendars().hasSchedule(schedule) else {
                throw DeskRefusal.invalid("schedule_id", .invalid, "Schedule: does not exist")
            }
            ticket.scheduleID = schedule
            return
        case .setSubject(let template):
            let text = Validation.trim(try filled(template, ticket, comment))
            if !text.isEmpty { ticket.subject = String(text.prefix(512)) }
            return
        case .setCustom(let id, let value):
            changes.fields = [FieldChange(.id(id), FieldInput(value))]
        case .setTags(let tags): changes.tags = tags
        case .addTags(let tags): changes.additionalTags = tags
        case .removeTags(let tags): changes.removedTags = tags
        case .setSkills(let ids): changes.skillIDs = ids
        case .addFollower(let person):
            changes.followerIDs = ticket.followerIDs + (try people(person, ticket))
        case .addCopy(let person):
            changes.emailCCIDs = ticket.emailCCIDs + (try people(person, ticket))
        case .comment, .commentIsPublic: return
        case .offerSatisfaction, .offerNPS:
            if let notice = try offer(action, source, on: &ticket, comment) {
                notices.append(notice)
            }
            return
        case .notifyUser, .notifyGroup, .notifyWebhook:
            if let notice = try notice(action, source, ticket, comment) { notices.append(notice) }
            return
        }
        try assignByRule(changes, to: &ticket)
    }

    /// What a rule sets on a ticket, by the same checks as what people set.
    private func assignByRule(_ changes: TicketChanges, to ticket: inout Ticket) throws {
        let catalog = try rows.catalog()
        let before = ticket.status
        try assign(changes, to: &ticket, catalog)
        let asked = try catalog.wantedStatus(changes, of: ticket)
        if let status = asked.status { ticket.status = status }
        if ticket.status == .new && ticket.assigneeID != nil { ticket.status = .open }
        catalog.settleStatus(asked.custom, of: &ticket, before: before)
    }

    private func notice(
        _ action: RuleAction, _ source: TriggerRun.Source, _ ticket: Ticket,
        _ comment: RuleSubject.Comment?
    ) throws -> Notice? {
        func notice(
            _ kind: Notice.Kind, to people: [Int64], _ target: String?, _ subject: RuleTemplate?,
            _ body: RuleTemplate
        ) throws -> Notice {
            // What customers get says nothing of what agents tell each other.
            let publicOnly = try people.contains { try findUser($0)?.role.isStaff != true }
            func text(_ template: RuleTemplate) throws -> String {
                try filled(template, ticket, comment, publicOnly: publicOnly)
            }
            return Notice(
                id: rows.makeIdentifier(), ticketID: ticket.id, kind: kind, ruleID: source.id,
                recipientIDs: people, target: target,
                subject: try subject.map { Self.oneLine(try text($0)) } ?? "",
                body: try text(body), now: now)
        }
        switch action {
        case .notifyUser(let person, let subject, let body):
            let ids = try people(person, ticket)
            return ids.isEmpty ? nil : try notice(.mail, to: ids, nil, subject, body)
        case .notifyGroup(let group, let subject, let body):
            guard let group = group ?? ticket.groupID else { return nil }
            let ids = try rows.all(
                """
                SELECT user_id FROM team_memberships WHERE tenant = ?1 AND team_id = ?2
                ORDER BY user_id LIMIT 1000
                """, group
            ) { $0.int64(0) }
            return ids.isEmpty ? nil : try notice(.mail, to: ids, nil, subject, body)
        case .notifyWebhook(let target, let body):
            return try notice(.webhook, to: [], target, nil, body)
        default: return nil
        }
    }

    /// A subject goes into a header, where a line's end would begin another.
    static func oneLine(_ text: String) -> String {
        String(text.prefix(512).map { $0.isNewline ? " " : $0 })
    }
}

extension Desk {
    /// Whom a rule's word means now; empty when it is nobody.
    func people(_ person: RuleAction.Person, _ ticket: Ticket) throws -> [Int64] {
        switch person {
        case .user(let id): [id]
        case .nobody: []
        // The system itself is nobody to give a ticket to.
        case .currentUser: principal.userID > 0 ? [principal.userID] : []
        case .requester: [ticket.requesterID]
        case .assignee: ticket.assigneeID.map { [$0] } ?? []
        case .requesterAndCopies: Set([ticket.requesterID] + ticket.emailCCIDs).sorted()
        case .allAgents:
            try rows.all(
                """
                SELECT id FROM users WHERE tenant = ?1 AND role > 0 AND active = 1
                ORDER BY id LIMIT 1000
                """
            ) { $0.int64(0) }
        }
    }

    // MARK: Texts

    /// - Parameters:
    ///   - comment: of the update that is being written; it is not in the rows yet.
    ///   - publicOnly: whether somebody reads it who must not see private comments.
    func filled(
        _ template: RuleTemplate, _ ticket: Ticket, _ comment: RuleSubject.Comment?,
        publicOnly: Bool = true
    ) throws -> String {
        // A private comment is as good as none for them.
        let comment = publicOnly && comment?.isPublic == false ? nil : comment
        return try template.filled { try placeholder($0, ticket, comment, publicOnly) }
    }

    /// The value of a place in a rule's text; nil when there is none of this name.
    private func placeholder(
        _ name: Substring, _ ticket: Ticket, _ comment: RuleSubject.Comment?, _ publicOnly: Bool
    ) throws -> String? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        switch parts.first {
        case "ticket": return try ticketPlaceholder(parts.dropFirst(), ticket, comment, publicOnly)
        case "current_user": return try userPlaceholder(principal.userID, parts.dropFirst())
        case "satisfaction":
            return satisfactionPlaceholder(parts.dropFirst().first, ticket, publicOnly)
        default: return nil
        }
    }

    private func ticketPlaceholder(
        _ parts: ArraySlice<Substring>, _ ticket: Ticket, _ comment: RuleSubject.Comment?,
        _ publicOnly: Bool
    ) throws -> String? {
        let rest = parts.dropFirst()
        switch parts.first {
        case "id": return String(ticket.id)
        case "title": return ticket.subject
        case "description": return ticket.description
        case "status": return ticket.status.nameForRequester
        case "priority": return ticket.priority?.name
        case "ticket_type", "type": return ticket.type?.name
        case "external_id": return ticket.externalID
        case "tags": return Tags.join(ticket.tags)
        case "via": return ticket.channel.name
        case "url", "link": return "/agent/tickets/\(ticket.id)"
        case "due_date": return ticket.dueAt.map { CalendarDay($0).description }
        case "created_at": return CalendarDay(ticket.createdAt).description
        case "updated_at": return CalendarDay(ticket.updatedAt).description
        case "requester": return try userPlaceholder(ticket.requesterID, rest)
        case "assignee": return try ticket.assigneeID.flatMap { try userPlaceholder($0, rest) }
        case "submitter": return try userPlaceholder(ticket.submitterID, rest)
        case "group" where rest.first == "name":
            return try ticket.groupID.flatMap { try findTeam($0)?.name }
        case "organization" where rest.first == "name":
            return try ticket.organizationID.flatMap { try findOrganization($0)?.name }
        case "latest_comment":
            return try comment?.body ?? latestComment(of: ticket.id, publicOnly: publicOnly)
        case "latest_public_comment":
            if let comment, comment.isPublic { return comment.body }
            return try latestComment(of: ticket.id, publicOnly: true)
        case let part? where part.hasPrefix("ticket_field_"):
            return Int64(part.dropFirst("ticket_field_".count)).map {
                ticket.customFields.texts($0).joined(separator: " ")
            }
        default: return nil
        }
    }

    private func userPlaceholder(
        _ id: Int64, _ parts: ArraySlice<Substring>
    ) throws -> String? {
        guard let user = try findUser(id) else { return nil }
        let names = user.name.split(separator: " ")
        switch parts.first {
        case "name", nil: return user.name
        case "first_name": return names.first.map(String.init)
        case "last_name": return names.count > 1 ? names.last.map(String.init) : ""
        case "email": return user.email
        case "id": return String(user.id)
        case "phone": return user.phone
        case "signature": return user.signature
        default: return nil
        }
    }

    private func latestComment(of ticket: Int64, publicOnly: Bool) throws -> String? {
        try rows.first(
            """
            SELECT comment_body FROM audits WHERE tenant = ?1 AND ticket_id = ?2
            AND comment_id IS NOT NULL AND (?3 = 0 OR comment_public = 1)
            ORDER BY id DESC LIMIT 1
            """, ticket, publicOnly
        ) { $0.text(0) }
    }
}

extension CalendarDay {
    /// The day in UTC.
    init(_ time: Timestamp) { self.init(rawValue: time.milliseconds / 86_400_000) }
}

extension FieldInput {
    /// What a rule says of a field.
    init(_ value: RuleValue) {
        switch value {
        case .none: self = .none
        case .text(let text): self = text.isEmpty ? .none : .text(text)
        case .list(let items): self = items.isEmpty ? .none : .list(items)
        }
    }
}
