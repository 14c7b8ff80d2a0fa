import SQLite
import ShardStore
import Wire

extension Desk where Rows == WritableRows {
    // MARK: Creating

    /// Makes a ticket with its first comment.
    package func createTicket(_ changes: TicketChanges) throws -> TicketWrite {
        try require(.create, .tickets)
        return try insertTicket(changes)
    }

    /// Makes a ticket for the end user who asks.
    package func createRequest(_ changes: TicketChanges) throws -> TicketWrite {
        try require(.create, .requests)
        var own = TicketChanges()
        own.subject = changes.subject
        own.comment = changes.comment
        own.comment?.isPublic = true
        own.comment?.authorID = nil
        own.priority = changes.priority
        own.type = changes.type
        own.dueAt = changes.dueAt
        own.followupSourceID = changes.followupSourceID
        own.fields = changes.fields
        own.formID = changes.formID
        if principal.role.isStaff {
            own.requester = changes.requester
        } else {
            try requireInPortal(changes)
        }
        return try insertTicket(own)
    }

    /// What end users may set: fields and forms that the portal shows them.
    private func requireInPortal(_ changes: TicketChanges) throws {
        guard !changes.fields.isEmpty || changes.formID != nil else { return }
        let catalog = try rows.catalog()
        for case .id(let id) in changes.fields.map(\.field) {
            guard let field = catalog.field(id, of: .ticket) else { continue }
            guard field.isActive, field.isVisibleInPortal, field.isEditableInPortal else {
                throw DeskRefusal.invalid(
                    String(id), .notAllowed,
                    "\(field.portalTitle ?? field.title): cannot be set in a request")
            }
        }
        if let id = changes.formID ?? nil, catalog.form(id)?.isEndUserVisible != true {
            throw DeskRefusal.invalid("ticket_form_id", .invalid, "Ticket form: does not exist")
        }
    }

    /// - Parameter asksForFields: whether fields that must be filled are asked for.
    func insertTicket(_ changes: TicketChanges, asksForFields: Bool = true) throws -> TicketWrite {
        guard let comment = changes.comment, !Validation.trim(comment.body).isEmpty else {
            throw DeskRefusal.invalid("base", .blank, "Description: cannot be blank")
        }
        let body = try Validation.bounded(comment.body, "comment", "Comment", max: 65_536)
        let source = try followupSource(changes.followupSourceID)
        let requester = try resolveRequester(
            changes.requester ?? requesterOfFollowUp(source))
        let submitter =
            principal.role.isStaff
            ? try changes.submitterID.map {
                try requireUser($0, field: "submitter_id", label: "Submitter").id
            } ?? principal.userID : principal.userID
        let subject = try subjectText(changes.subject ?? source?.subject, or: body)
        var ticket = Ticket(
            id: try rows.add(1, to: .nextTicket), status: .new, updatedAt: now, version: 1,
            statusUpdatedAt: now, assigneeID: nil, groupID: nil, priority: nil, type: nil, tags: [],
            commentCount: 0, publicCommentCount: 0, latestCommentAt: nil,
            requesterID: requester.id, submitterID: submitter,
            organizationID: requester.organizationID, deletedAt: nil, deletedBy: nil,
            isPublic: false, subject: subject, description: body, externalID: nil, dueAt: nil,
            problemID: nil, followupSourceID: source?.id, followupIDs: [], followerIDs: [],
            emailCCIDs: [], channel: via.channel, createdAt: now, metrics: TicketMetrics())
        if let source { try inherit(source, into: &ticket) }
        var events = EventList()
        let blank = ticket
        let catalog = try rows.catalog()
        try assign(changes, to: &ticket, catalog)
        let asked = try catalog.wantedStatus(changes, of: nil)
        ticket.status = try initialStatus(asked.status, of: ticket)
        catalog.settleStatus(asked.custom, of: &ticket, before: nil)
        if asksForFields { try askForFields(ticket, before: nil, catalog) }
        ticket.metrics.update(from: blank, to: ticket, now: now)
        var run = TriggerRun(ticket: ticket)
        if asksForFields {
            try runTriggers(
                try rows.ruleBook().triggers, from: nil, &run,
                comment: RuleSubject.Comment(body: body, isPublic: isCommentPublic(comment)))
        }
        try assignAutomatically(&run, changes, isLive: asksForFields)
        ticket = run.ticket
        ticket.metrics = blank.metrics
        ticket.metrics.update(from: blank, to: ticket, now: now)
        recordCreate(ticket, by: run.setters, in: &events)
        record(run, in: &events)
        events.add(changes.marks)
        let author = comment.authorID ?? submitter
        let clockEvents = try startClocks(
            of: &ticket,
            comment: isCommentPublic(comment) ? try isStaff(author) ? .agent : .endUser : nil)
        let audit = try write(
            comment, body: body, on: &ticket, events: events, metadata: changes.metadata,
            author: author, clockEvents: clockEvents)
        ticket = try insert(ticket)
        try finish(run)
        if let source {
            var changed = source
            changed.followupIDs.append(ticket.id)
            changed.version += 1
            try update(from: source, to: changed)
        }
        try count(ticket, by: 1)
        try countTags(added: ticket.tags, removed: [])
        return TicketWrite(ticket: ticket, audit: audit, catalog: catalog)
    }

    private func initialStatus(_ wanted: TicketStatus?, of ticket: Ticket) throws -> TicketStatus {
        let status = wanted ?? (ticket.assigneeID == nil ? .new : .open)
        if status == .new && ticket.assigneeID != nil { return .open }
        return status
    }

    private func subjectText(_ subject: String?, or body: String) throws -> String {
        let text = Validation.trim(subject ?? "")
        if text.isEmpty { return String(body.prefix(80)) }
        return try Validation.bounded(text, "subject", "Subject", max: 512)
    }

    private func resolveRequester(_ reference: RequesterReference?) throws -> User {
        switch reference {
        case nil: return try requireUser(principal.userID, field: "requester", label: "Requester")
        case .id(let id): return try requireUser(id, field: "requester", label: "Requester")
        case .address(let name, let email):
            let address = try Validation.email(email, "requester")
            if let id = try Authenticator.userID(email: address, in: rows) {
                return try requireUser(id, field: "requester", label: "Requester")
            }
            var user = UserChanges()
            let local = address.split(separator: "@").first.map(String.init) ?? address
            user.name = name.map(Validation.trim).flatMap { $0.isEmpty ? nil : $0 } ?? local
            user.email = address
            return try insertUser(user, role: .endUser, agentLimit: 0)
        }
    }

    private func followupSource(_ id: Int64?) throws -> Ticket? {
        guard let id else { return nil }
        guard let source = try findTicket(id), source.deletedAt == nil,
            Authorization.decide(
                principal, .read,
                principal.role.isStaff ? .ticket(source.facts) : .request(source.facts)) == .allow
        else {
            throw DeskRefusal.invalid(
                "via_followup_source_id", .invalid, "Followup source: does not exist")
        }
        guard source.status == .closed else {
            throw DeskRefusal.invalid(
                "via_followup_source_id", .invalid,
                "Followup source: only a closed ticket can have a follow-up")
        }
        return source
    }

    // MARK: Updating

    package func updateTicket(_ id: Int64, _ changes: TicketChanges) throws -> TicketWrite {
        guard let old = try findTicket(id), old.deletedAt == nil else { throw DeskRefusal.notFound }
        try require(.update, .ticket(old.facts))
        return try apply(changes, to: old)
    }

    /// What an end user may do to their own ticket: comment, and say that it is solved.
    package func updateRequest(_ id: Int64, comment: CommentDraft?, solved: Bool) throws
        -> TicketWrite
    {
        guard let old = try findTicket(id), old.deletedAt == nil else { throw DeskRefusal.notFound }
        try require(.update, .request(old.facts))
        var changes = TicketChanges()
        changes.comment = comment
        changes.comment?.isPublic = true
        changes.comment?.authorID = nil
        if solved && old.requesterID != principal.userID && !principal.role.isStaff {
            throw DeskRefusal.forbidden("Only who asked may say that it is solved")
        }
        if solved && old.status != .solved {
            guard old.assigneeID != nil else {
                throw DeskRefusal.invalid(
                    "solved", .notAllowed, "Solved: a request nobody has taken up cannot be solved")
            }
            changes.status = .solved
        }
        return try apply(changes, to: old)
    }

    /// - Parameter asksForFields: whether an agent's write is refused that leaves fields empty which the ticket needs;
    ///   what the desk does by itself does not ask.
    func apply(_ changes: TicketChanges, to old: Ticket, asksForFields: Bool = true) throws
        -> TicketWrite
    {
        if changes.isSafe, let stamp = changes.updatedStamp, stamp.seconds < old.updatedAt.seconds {
            throw DeskRefusal.conflict(
                "Safe Update prevented the update due to outdated ticket data. Please fetch the latest ticket data and try again."
            )
        }
        guard old.status != .closed else {
            throw DeskRefusal.invalid(
                "status", .invalid, TicketStatus.closed.refusal(toBecome: .open)!)
        }
        var ticket = old
        if let subject = changes.subject {
            ticket.subject = try subjectText(subject, or: old.description)
        }
        if let requester = changes.requester {
            let user = try resolveRequester(requester)
            if user.id != old.requesterID {
                ticket.requesterID = user.id
                ticket.organizationID = user.organizationID
            }
        }
        let catalog = try rows.catalog()
        try assign(changes, to: &ticket, catalog)
        let asked = try catalog.wantedStatus(changes, of: old)
        if let wanted = asked.status {
            if let refusal = old.status.refusal(toBecome: wanted) {
                throw DeskRefusal.invalid("status", .invalid, refusal)
            }
            ticket.status = wanted
        }
        let body = changes.comment.map(\.body) ?? ""
        let hasComment = changes.comment != nil && !Validation.trim(body).isEmpty
        if hasComment { _ = try Validation.bounded(body, "comment", "Comment", max: 65_536) }
        let author = changes.comment?.authorID ?? principal.userID
        let isPublic = hasComment && isCommentPublic(changes.comment!)
        let authorIsStaff = hasComment ? try isStaff(author) : false
        if hasComment && isPublic && !authorIsStaff && asked.status == nil {
            ticket.status = old.status.afterRequesterComment
        }
        if ticket.status == .new && ticket.assigneeID != nil { ticket.status = .open }
        let wasNobodys = old.status == .solved && old.assigneeID == nil
        if ticket.status == .solved && ticket.assigneeID == nil && principal.role.isStaff
            && !wasNobodys
        {
            // Who solves a ticket nobody has answers for it.
            ticket.assigneeID = principal.userID
            if ticket.groupID == nil { ticket.groupID = try groupForAgent(principal.userID) }
        }
        catalog.settleStatus(asked.custom, of: &ticket, before: old.status)
        if asksForFields { try askForFields(ticket, before: old, catalog) }
        guard hasComment || ticket != old else {
            return TicketWrite(ticket: old, audit: nil, catalog: catalog)
        }
        return try settle(
            TriggerRun(ticket: ticket), from: old, changes,
            hasComment ? Reply(body: body, isPublic: isPublic, isStaff: authorIsStaff) : nil,
            author: author, isLive: asksForFields)
    }

    /// The comment of an update.
    private struct Reply {
        let body: String
        let isPublic: Bool
        /// Whether an agent wrote it.
        let isStaff: Bool
        var subject: RuleSubject.Comment { RuleSubject.Comment(body: body, isPublic: isPublic) }
        var forClocks: TicketClocks.PublicComment? {
            isPublic ? isStaff ? .agent : .endUser : nil
        }
    }

    /// What follows from an update, and its rows: triggers, measurements, clocks, the audit, the ticket, notices and counters.
    /// - Parameters:
    ///   - run: the ticket as who updates it leaves it, and what rules have done to it so far.
    ///   - isLive: whether triggers run and others are given what the update frees; not where many tickets are written in one request, or as
    ///     of another time.
    private func settle(
        _ run: TriggerRun, from old: Ticket, _ changes: TicketChanges, _ reply: Reply?,
        author: Int64, isLive: Bool
    ) throws -> TicketWrite {
        let isReply = reply?.isPublic == true && reply?.isStaff == true
        var run = run
        measure(&run.ticket, from: old, isReply: isReply)
        if isLive {
            try runTriggers(
                try rows.ruleBook().triggers, from: old, &run, comment: reply?.subject)
        }
        try assignAutomatically(&run, changes, isLive: isLive)
        var ticket = run.ticket
        measure(&ticket, from: old, isReply: isReply)
        let clockEvents = try moveClocks(of: &ticket, from: old, comment: reply?.forClocks)
        var events = EventList()
        recordChanges(from: old, to: ticket, by: run.setters, in: &events)
        record(run, in: &events)
        events.add(changes.marks)
        ticket.updatedAt = now
        ticket.version += 1
        let audit = try write(
            reply == nil ? nil : changes.comment, body: reply?.body ?? "", on: &ticket,
            events: events, metadata: changes.metadata, author: author, clockEvents: clockEvents)
        ticket = try update(from: old, to: ticket)
        try finish(run)
        try recount(from: old, to: ticket)
        ticket = try giveFreed(from: old, to: ticket, isLive: isLive)
        return try solveIncidents(
            after: TicketWrite(ticket: ticket, audit: audit, catalog: try rows.catalog()),
            from: old)
    }

    /// Writes what an automation has done to a ticket.
    func settle(_ run: TriggerRun, from old: Ticket) throws -> Ticket {
        try settle(
            run, from: old, TicketChanges(), nil, author: principal.userID, isLive: true
        ).ticket
    }

    private func isStaff(_ author: Int64) throws -> Bool {
        author == principal.userID
            ? principal.role.isStaff : try findUser(author)?.role.isStaff ?? false
    }

    /// What the update does to the ticket's measurements, which are those of before until then.
    private func measure(_ ticket: inout Ticket, from old: Ticket, isReply: Bool) {
        ticket.metrics = old.metrics
        ticket.metrics.update(from: old, to: ticket, now: now)
        ticket.statusUpdatedAt = ticket.status == old.status ? old.statusUpdatedAt : now
        ticket.withdrawOffer(from: old)
        if isReply {
            ticket.metrics.replies += 1
            if ticket.metrics.firstReplyAt == nil { ticket.metrics.firstReplyAt = now }
        }
        if principal.userID == ticket.requesterID { ticket.metrics.requesterUpdatedAt = now }
        if principal.userID == ticket.assigneeID { ticket.metrics.assigneeUpdatedAt = now }
    }

    private func record(_ run: TriggerRun, in events: inout EventList) {
        for (notice, source) in run.notices { events.notice(notice, by: source) }
        for failure in run.failures { events.failure(failure) }
    }

    /// What a run of triggers leaves besides the ticket.
    private func finish(_ run: TriggerRun) throws {
        if !run.notices.isEmpty { try keep(run.notices.map(\.notice)) }
        if !run.failures.isEmpty { try note(run.failures) }
    }

    private func askForFields(_ ticket: Ticket, before old: Ticket?, _ catalog: FieldCatalog) throws
    {
        if isReplay { return }
        if !principal.role.isStaff {
            if old == nil { try requireFilledInPortal(ticket, catalog) }
        } else if via.channel != .system {
            try requireFilled(ticket, before: old, catalog)
        }
    }

    /// The fields that a new and an old ticket take alike.
    func assign(
        _ changes: TicketChanges, to ticket: inout Ticket, _ catalog: FieldCatalog
    ) throws {
        if let priority = changes.priority { ticket.priority = priority }
        if let type = changes.type { ticket.type = type }
        if let due = changes.dueAt { ticket.dueAt = due }
        if let satisfaction = changes.satisfaction { ticket.satisfaction = satisfaction }
        if let external = changes.externalID {
            ticket.externalID = try external.boundedOrNil("external_id", "External", max: 255)
        }
        if let organization = changes.organizationID {
            if let organization, try findOrganization(organization) == nil {
                throw DeskRefusal.invalid(
                    "organization_id", .invalid, "Organization: does not exist")
            }
            ticket.organizationID = organization
        }
        try assignProblem(changes, to: &ticket)
        try assignOwner(changes, to: &ticket)
        if let skills = changes.skillIDs {
            ticket.skillIDs = try checkedSkills(skills, max: Skill.ticketLimit)
        }
        var tags = try changes.tags.map { try Tags.normalized($0) } ?? ticket.tags
        if !changes.additionalTags.isEmpty || !changes.removedTags.isEmpty {
            let removed = Set(try Tags.normalized(changes.removedTags))
            tags = try Tags.normalized(tags + changes.additionalTags).filter {
                !removed.contains($0)
            }
        }
        ticket.customFields = try fieldValues(
            ticket.customFields, changes.fields, of: .ticket, oldTags: ticket.tags, tags: &tags,
            catalog)
        ticket.tags = tags
        if let form = changes.formID, form != ticket.formID {
            guard form.map({ catalog.form($0)?.isActive == true }) ?? true else {
                throw DeskRefusal.invalid(
                    "ticket_form_id", .invalid, "Ticket form: does not exist, or is not active")
            }
            ticket.formID = form
        }
        try assignWatchers(changes, to: &ticket)
    }

    private func assignOwner(_ changes: TicketChanges, to ticket: inout Ticket) throws {
        var assignee = changes.assigneeID
        if assignee == nil, let email = changes.assigneeEmail {
            guard let id = try Authenticator.userID(email: email, in: rows) else {
                throw DeskRefusal.invalid(
                    "assignee_email", .invalid, "Assignee: is not an agent of this desk")
            }
            assignee = id
        }
        if let group = changes.groupID {
            if let group {
                guard let team = try findTeam(group), !team.isDeleted else {
                    throw DeskRefusal.invalid("group_id", .invalid, "Group: does not exist")
                }
            }
            if group != ticket.groupID, assignee == nil { ticket.assigneeID = nil }
            ticket.groupID = group
        }
        guard let assignee else { return }
        guard let agent = assignee else {
            ticket.assigneeID = nil
            return
        }
        _ = try requireUser(agent, atLeast: .agent, field: "assignee_id", label: "Assignee")
        if let group = ticket.groupID {
            if try !isMember(user: agent, team: group) {
                guard (changes.groupID ?? nil) == nil else {
                    throw DeskRefusal.invalid(
                        "assignee_id", .invalid, "Assignee: is not a member of the group")
                }
                ticket.groupID = try groupForAgent(agent)
            }
        } else {
            ticket.groupID = try groupForAgent(agent)
        }
        ticket.assigneeID = agent
    }

    private func groupForAgent(_ agent: Int64) throws -> Int64? {
        if let team = try findUser(agent)?.defaultGroupID { return team }
        return try rows.first(
            "SELECT team_id FROM team_memberships WHERE tenant = ?1 AND user_id = ?2", agent
        ) { $0.int64(0) }
    }

    private func isCommentPublic(_ comment: CommentDraft) -> Bool {
        if principal.onlyPrivateComments { return false }
        return comment.isPublic ?? true
    }

    // MARK: The audit

    private func write(
        _ comment: CommentDraft?, body: String, on ticket: inout Ticket, events: EventList,
        metadata: String?, author: Int64, clockEvents: [ClockEvent] = []
    ) throws -> Audit {
        var author = author
        if author != principal.userID {
            author =
                principal.role.isStaff
                ? try requireUser(author, field: "comment", label: "Author").id : principal.userID
        }
        // The audit, its comment, its events, and what happened to the clocks.
        let count = events.count + (comment == nil ? 1 : 2)
        let id = rows.makeIdentifier(count: count + clockEvents.count)
        var stored: Comment?
        if let comment {
            let isPublic = isCommentPublic(comment)
            stored = Comment(
                id: id + 1, authorID: author, body: body, html: comment.html, isPublic: isPublic,
                attachments: try attach(
                    comment.uploads, comment.carried, toComment: id + 1, of: ticket.id))
            ticket.commentCount += 1
            ticket.latestCommentAt = now
            if isPublic {
                ticket.publicCommentCount += 1
                ticket.isPublic = true
            }
            if let html = comment.html {
                _ = try Validation.bounded(html, "comment", "Comment", max: 131_072)
            }
        }
        try rows.run(
            "INSERT INTO audits VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            ticket.id, id, principal.userID, now.milliseconds, events.text, via.channel.rawValue,
            via.client.map { String($0.prefix(255)) }, via.address, metadata, stored?.id,
            stored?.authorID, stored?.body, stored?.html, stored?.isPublic, stored?.attachments,
            clockEvents.isEmpty
                ? nil
                : ClockLog.encode(
                    clockEvents, firstID: id + Int64(count), row: id, time: now))
        return try rows.first(
            "SELECT \(Audit.columns) FROM audits WHERE tenant = ?1 AND ticket_id = ?2 AND id = ?3",
            ticket.id, id, read: Audit.init)!
    }

    private func recordCreate(
        _ ticket: Ticket, by setters: [String: TriggerRun.Source], in events: inout EventList
    ) {
        func create(_ field: String, _ value: EventList.Payload) {
            events.create(field, value, by: setters[field])
        }
        create("subject", .text(ticket.subject))
        create("status", .text(ticket.status.name))
        create("requester_id", .init(ticket.requesterID))
        for (field, value) in fields(ticket) where value != .none && value != .list([]) {
            if !["subject", "status", "requester_id"].contains(field) { create(field, value) }
        }
        if ticket.chosenStatusID != nil {
            create("custom_status_id", .init(ticket.customStatusID))
        }
        let values = ticket.customFields.all
        for id in values.keys.sorted() { create(String(id), .init(values[id])) }
        if ticket.satisfaction.state != .unoffered {
            create("satisfaction_score", .text(ticket.satisfaction.state.score))
        }
    }

    func recordChanges(
        from old: Ticket, to new: Ticket, by setters: [String: TriggerRun.Source],
        in events: inout EventList
    ) {
        forEachDifference(from: old, to: new) { field, before, after in
            events.change(field, after, from: before, by: setters[field])
        }
        if old.satisfaction != new.satisfaction { events.rating(of: new) }
    }

    /// The audited fields whose values differ.
    func auditedDifferences(from old: Ticket, to new: Ticket) -> [String] {
        var names: [String] = []
        forEachDifference(from: old, to: new) { field, _, _ in names.append(field) }
        return names
    }

    func forEachDifference(
        from old: Ticket, to new: Ticket,
        _ body: (String, EventList.Payload, EventList.Payload) -> Void
    ) {
        for ((field, before), (_, after)) in zip(fields(old), fields(new)) where before != after {
            body(field, before, after)
        }
        if old.chosenStatusID != new.chosenStatusID {
            body("custom_status_id", .init(old.customStatusID), .init(new.customStatusID))
        }
        forEachSatisfactionDifference(from: old, to: new, body)
        guard old.customFields != new.customFields else { return }
        let (before, after) = (old.customFields.all, new.customFields.all)
        for id in Set(before.keys).union(after.keys).sorted() where before[id] != after[id] {
            body(String(id), .init(before[id]), .init(after[id]))
        }
    }

    /// The audited fields in the order in which events show them.
    private func fields(_ ticket: Ticket) -> [(String, EventList.Payload)] {
        [
            ("subject", .text(ticket.subject)), ("status", .text(ticket.status.name)),
            ("requester_id", .init(ticket.requesterID)),
            ("type", .init(ticket.type?.name)), ("priority", .init(ticket.priority?.name)),
            ("group_id", .init(ticket.groupID)), ("assignee_id", .init(ticket.assigneeID)),
            ("organization_id", .init(ticket.organizationID)), ("tags", .list(ticket.tags)),
            ("external_id", .init(ticket.externalID)), ("problem_id", .init(ticket.problemID)),
            ("due_at", .init(ticket.dueAt.map { String($0.seconds) })),
            ("follower_ids", .list(ticket.followerIDs.map(String.init))),
            ("email_cc_ids", .list(ticket.emailCCIDs.map(String.init))),
            ("ticket_form_id", .init(ticket.formID)), ("schedule_id", .init(ticket.scheduleID)),
            ("attribute_value_ids", .list(ticket.skillIDs)),
        ]
    }

    // MARK: Deleting

    /// Deletes softly: gone from every list, restorable.
    package func deleteTicket(_ id: Int64) throws {
        guard let old = try findTicket(id), old.deletedAt == nil else { throw DeskRefusal.notFound }
        try require(.delete, .ticket(old.facts))
        var ticket = old
        ticket.deletedAt = now
        ticket.deletedBy = principal.userID
        ticket.updatedAt = now
        ticket.version += 1
        try update(from: old, to: ticket)
        try count(old, by: -1)
        try countTags(added: [], removed: old.tags)
        try rows.add(1, to: .deletedTickets)
        try giveFreed(from: old, to: ticket)
    }

    package func restoreTicket(_ id: Int64) throws {
        guard let old = try findTicket(id), old.deletedAt != nil else { throw DeskRefusal.notFound }
        try require(.delete, .ticket(old.facts))
        var ticket = old
        ticket.deletedAt = nil
        ticket.deletedBy = nil
        if ticket.status < .solved { try leaveToThoseWhoAreThere(&ticket) }
        var events = EventList()
        events.note("Restore", "")
        recordChanges(from: old, to: ticket, by: [:], in: &events)
        try note(events, on: old, ticket)
        try rows.add(-1, to: .deletedTickets)
        try count(ticket, by: 1)
        try countTags(added: ticket.tags, removed: [])
        try offer(ticket)
    }

    /// Takes a group or agent off a ticket who left while it was deleted.
    func leaveToThoseWhoAreThere(_ ticket: inout Ticket) throws {
        if let group = ticket.groupID, try findTeam(group)?.isDeleted ?? true {
            ticket.groupID = nil
            ticket.assigneeID = nil
        }
        guard let agent = ticket.assigneeID else { return }
        let user = try findUser(agent)
        var isThere = user?.isActive == true && user?.role.isStaff == true
        if isThere, let group = ticket.groupID {
            isThere = try isMember(user: agent, team: group)
        }
        if !isThere { ticket.assigneeID = nil }
    }

    /// Erases a deleted ticket with everything on it. Cannot be undone.
    package func eraseTicket(_ id: Int64) throws {
        guard let old = try findTicket(id), old.deletedAt != nil else { throw DeskRefusal.notFound }
        try require(.administer, .ticket(old.facts))
        try rows.removeAttachments(ofTicket: id)
        try rows.run("DELETE FROM audits WHERE tenant = ?1 AND ticket_id = ?2", id)
        try rows.run("DELETE FROM notices WHERE tenant = ?1 AND ticket_id = ?2", id)
        try rows.run("DELETE FROM clock_events WHERE tenant = ?1 AND ticket_id = ?2", id)
        try rows.run(
            "DELETE FROM satisfaction_ratings WHERE tenant = ?1 AND ticket_id = ?2", id)
        try rows.forgetRelations(ofErased: old)
        try rows.run("DELETE FROM tickets WHERE tenant = ?1 AND id = ?2", id)
        try rows.add(-1, to: .deletedTickets)
    }

    // MARK: Tags and comments

    package func changeTags(_ id: Int64, _ change: TagChange, _ tags: [String]) throws -> Ticket {
        var changes = TicketChanges()
        switch change {
        case .set: changes.tags = tags
        case .add: changes.additionalTags = tags
        case .remove: changes.removedTags = tags
        }
        return try updateTicket(id, changes).ticket
    }

    /// Makes a public comment private. There is no way back: what was private was never shown.
    package func makeCommentPrivate(_ ticketID: Int64, _ commentID: Int64) throws {
        guard let ticket = try findTicket(ticketID), ticket.deletedAt == nil else {
            throw DeskRefusal.notFound
        }
        try require(.update, .ticket(ticket.facts))
        guard let audit = try comment(commentID, of: ticketID) else { throw DeskRefusal.notFound }
        guard audit.comment?.isPublic == true else { return }
        try rows.run(
            "UPDATE audits SET comment_public = 0 WHERE tenant = ?1 AND ticket_id = ?2 AND id = ?3",
            ticketID, audit.id)
        var changed = ticket
        changed.publicCommentCount -= 1
        changed.isPublic = changed.publicCommentCount > 0
        var events = EventList()
        events.note("CommentPrivacyChange", String(commentID))
        try note(events, on: ticket, changed)
    }

    /// Adds an audit of events that are not about a field. `changed` is what else they changed on the ticket.
    func note(
        _ events: EventList, on ticket: Ticket, _ changed: Ticket? = nil,
        clockEvents: [ClockEvent] = []
    ) throws {
        var changed = changed ?? ticket
        changed.updatedAt = now
        changed.version += 1
        _ = try write(
            nil, body: "", on: &changed, events: events, metadata: nil, author: principal.userID,
            clockEvents: clockEvents)
        try update(from: ticket, to: changed)
    }

    // MARK: Agents who leave

    /// Tickets that one request hands back. More would hold up the shard: the refusal says to hand them over first.
    private static var unassignLimit: Int { 5000 }

    func unassignTickets(ofAgent agent: Int64, inTeam team: Int64?) throws {
        let ids = try rows.all(
            """
            SELECT id FROM tickets WHERE tenant = ?1 AND assignee_id = ?2 AND status < 4
            AND deleted_at IS NULL AND (?3 IS NULL OR group_id = ?3) LIMIT ?4
            """, agent, team, Self.unassignLimit + 1
        ) { $0.int64(0) }
        try unassign(ids, of: "The agent") { $0.assigneeID = .some(nil) }
    }

    func unassignTickets(ofTeam team: Int64) throws {
        let ids = try rows.all(
            """
            SELECT id FROM tickets WHERE tenant = ?1 AND group_id = ?2 AND status < 4
            AND deleted_at IS NULL LIMIT ?3
            """, team, Self.unassignLimit + 1
        ) { $0.int64(0) }
        try unassign(ids, of: "The group") { $0.groupID = .some(nil) }
    }

    private func unassign(
        _ ids: [Int64], of owner: String, _ change: (inout TicketChanges) -> Void
    ) throws {
        guard ids.count <= Self.unassignLimit else {
            throw DeskRefusal.invalid(
                "base", .notAllowed,
                "\(owner) has more than \(Self.unassignLimit) unsolved tickets; assign them to others first"
            )
        }
        var changes = TicketChanges()
        change(&changes)
        for id in ids {
            guard let ticket = try findTicket(id) else { continue }
            _ = try apply(changes, to: ticket, asksForFields: false)
        }
    }

    // MARK: Rows and counters

    private func insert(_ ticket: Ticket) throws -> Ticket {
        var ticket = ticket
        try setTimer(of: &ticket)
        try rows.run(Ticket.insertion, values: ticket.columnValues)
        try keepSatisfaction(from: nil, to: ticket)
        try rows.countInViews(from: nil, to: ticket)
        try rows.countLoad(from: nil, to: ticket)
        try rows.keepRelations(from: nil, to: ticket)
        return ticket
    }

    /// Writes the columns that differ and no others: SQLite then leaves the indexes over the rest alone.
    /// - Returns: the ticket as it is written, with its timer.
    @discardableResult
    func update(from old: Ticket, to new: Ticket) throws -> Ticket {
        var new = new
        try setTimer(of: &new)
        try keepSatisfaction(from: old, to: new)
        let before = old.columnValues
        let after = new.columnValues
        var sets: [String] = []
        var values: [any Bindable] = [new.id]
        for place in before.indices where before[place] != after[place] {
            values.append(after[place])
            sets.append("\(Ticket.columnNames[place]) = ?\(values.count + 1)")
        }
        guard !sets.isEmpty else { return new }
        try rows.run(
            "UPDATE tickets SET \(sets.joined(separator: ", ")) WHERE tenant = ?1 AND id = ?2",
            values: values)
        try rows.countInViews(from: old, to: new)
        try rows.countLoad(from: old, to: new)
        try rows.keepRelations(from: old, to: new)
        return new
    }

    private func count(_ ticket: Ticket, by amount: Int64) throws {
        try rows.add(amount, to: .tickets)
        try rows.add(amount, to: .ticketsOfRequester(ticket.requesterID))
        if let id = ticket.assigneeID { try rows.add(amount, to: .ticketsOfAssignee(id)) }
        if let id = ticket.organizationID { try rows.add(amount, to: .ticketsOfOrganization(id)) }
    }

    func recount(from old: Ticket, to new: Ticket) throws {
        func move(_ before: Int64?, _ after: Int64?, _ counter: (Int64) -> Counter) throws {
            guard before != after else { return }
            if let before { try rows.add(-1, to: counter(before)) }
            if let after { try rows.add(1, to: counter(after)) }
        }
        try move(old.requesterID, new.requesterID, Counter.ticketsOfRequester)
        try move(old.assigneeID, new.assigneeID, Counter.ticketsOfAssignee)
        try move(old.organizationID, new.organizationID, Counter.ticketsOfOrganization)
        if old.tags != new.tags {
            try countTags(
                added: new.tags.filter { !old.tags.contains($0) },
                removed: old.tags.filter { !new.tags.contains($0) })
        }
    }

    private func countTags(added: [String], removed: [String]) throws {
        for tag in added {
            let changed = try rows.run(
                "UPDATE tags SET count = count + 1 WHERE tenant = ?1 AND name = ?2", tag)
            if changed == 0 {
                try rows.run("INSERT INTO tags VALUES (?1, ?2, 1)", tag)
                try rows.add(1, to: .tags)
            }
        }
        for tag in removed {
            try rows.run(
                "UPDATE tags SET count = count - 1 WHERE tenant = ?1 AND name = ?2", tag)
            let gone = try rows.run(
                "DELETE FROM tags WHERE tenant = ?1 AND name = ?2 AND count <= 0", tag)
            if gone > 0 { try rows.add(-1, to: .tags) }
        }
    }
}

extension TicketMetrics {
    /// Follows a change of status, assignee or group.
    mutating func update(from old: Ticket, to new: Ticket, now: Timestamp) {
        if old.status != new.status {
            if new.status == .solved || (new.status == .closed && old.status != .solved) {
                solvedAt = now
                if firstSolvedAt == nil { firstSolvedAt = now }
            }
            if old.status == .solved && new.status < .solved {
                reopens += 1
                solvedAt = nil
            }
        }
        if old.assigneeID != new.assigneeID, new.assigneeID != nil {
            assigneeStations += 1
            assignedAt = now
            if initiallyAssignedAt == nil { initiallyAssignedAt = now }
        }
        if old.groupID != new.groupID, new.groupID != nil { groupStations += 1 }
    }
}
