/// What somebody wants to do.
package enum Action: String, Sendable, CaseIterable {
    case list, read, create, update, delete
    /// What only who runs the desk may do: roles, tokens, erasing for good.
    case administer
}

/// What a ticket's relation to its reader depends on.
package struct TicketFacts: Sendable, Equatable {
    package var requesterID: Int64
    package var submitterID: Int64
    package var assigneeID: Int64?
    package var groupID: Int64?
    package var organizationID: Int64?
    package var watcherIDs: [Int64]
    package init(
        requesterID: Int64, submitterID: Int64, assigneeID: Int64? = nil, groupID: Int64? = nil,
        organizationID: Int64? = nil, watcherIDs: [Int64] = []
    ) {
        self.requesterID = requesterID
        self.submitterID = submitterID
        self.assigneeID = assigneeID
        self.groupID = groupID
        self.organizationID = organizationID
        self.watcherIDs = watcherIDs
    }
}

/// What something is done to, with the facts that decide.
package enum Resource: Sendable, Equatable {
    /// A ticket as agents see it.
    case ticket(TicketFacts)
    /// A ticket as its requester sees it.
    case request(TicketFacts)
    case user(id: Int64, role: Role)
    case organization(id: Int64)
    /// The requests of an organization's members.
    case organizationRequests(id: Int64)
    case group
    case groupMembership
    case organizationMembership
    case job(ownerID: Int64)
    /// An agent's availability, capacity and skills.
    case agentWork(agentID: Int64)
    case tags
    case search
    case apiToken
    case schedule
    /// What a desk says of its records: fields, custom statuses, forms.
    case definition
    /// A rule, and whose own it is; nil for the desk's.
    case rule(RuleKind, owner: Int64?)
    /// What leaves the desk.
    case notices
    case attachment
    /// What a ticket's requester says of how it was solved.
    case rating(TicketFacts)
    /// What people answer to surveys that are not about a ticket.
    case surveyResponses
    /// Checks and rehearsals of rules, and why they acted: for who makes rules.
    case rehearsals
    /// All of a kind: lists and counts, and making a new one.
    case tickets, requests, users, organizations, audits, ratings
}

/// What authorisation says.
package enum Decision: Sendable, Equatable {
    case allow
    /// Known to the asker, and not theirs to do: 403.
    case deny
    /// Not for the asker to know of: answered as if it did not exist.
    case hide
}

/// Which tickets a list, a count, a search or a side-load may show.
package enum TicketScope: Sendable, Equatable {
    case all
    case groups(Set<Int64>, agent: Int64)
    case organizations(Set<Int64>, agent: Int64)
    case assigned(Int64)
    case requested(Int64)

    /// The same as an SQL condition on the table `tickets`. Only numbers from the principal go into it.
    package var condition: String {
        func list(_ ids: Set<Int64>) -> String {
            ids.sorted().map(String.init).joined(separator: ",")
        }
        return switch self {
        case .all: "1"
        case .groups(let ids, let agent):
            "(tickets.group_id IN (\(list(ids))) OR tickets.assignee_id = \(agent) OR tickets.requester_id = \(agent))"
        case .organizations(let ids, let agent):
            "(tickets.organization_id IN (\(list(ids))) OR tickets.assignee_id = \(agent) OR tickets.requester_id = \(agent))"
        case .assigned(let agent):
            "(tickets.assignee_id = \(agent) OR tickets.requester_id = \(agent))"
        case .requested(let user): "tickets.requester_id = \(user)"
        }
    }
}

/// Who may do what. This one function stands in front of every read and write; lists use `ticketScope`, which says the
/// same of many tickets at once (a test compares the two).
package enum Authorization {
    package static func decide(_ principal: Principal, _ action: Action, _ resource: Resource)
        -> Decision
    {
        switch principal.role {
        case .admin: return .allow
        case .agent: return agent(principal, action, resource)
        case .endUser: return endUser(principal, action, resource)
        }
    }

    /// The tickets a principal may see.
    package static func ticketScope(_ principal: Principal) -> TicketScope {
        switch (principal.role, principal.restriction) {
        case (.endUser, _): .requested(principal.userID)
        case (.admin, _), (.agent, .none): .all
        case (.agent, .groups): .groups(principal.groupIDs, agent: principal.userID)
        case (.agent, .organization):
            .organizations(principal.organizationIDs, agent: principal.userID)
        case (.agent, .assigned): .assigned(principal.userID)
        case (.agent, .requested): .requested(principal.userID)
        }
    }

    private static func agent(_ principal: Principal, _ action: Action, _ resource: Resource)
        -> Decision
    {
        switch resource {
        case .ticket(let facts), .request(let facts):
            guard contains(ticketScope(principal), facts) else { return .hide }
            return action == .administer ? .deny : .allow
        case .tickets, .requests, .organizationRequests, .audits, .tags, .search, .attachment:
            return action == .administer ? .deny : .allow
        case .users:
            return action == .administer ? .deny : .allow
        case .user(let id, let role):
            switch action {
            case .list, .read: return .allow
            case .create: return role == .endUser ? .allow : .deny
            case .update: return role == .endUser || id == principal.userID ? .allow : .deny
            case .delete, .administer: return .deny
            }
        case .organizations, .organization, .organizationMembership:
            return action == .delete || action == .administer ? .deny : .allow
        case .group, .groupMembership, .schedule, .definition:
            return action == .list || action == .read ? .allow : .deny
        case .rule(let kind, let owner):
            if let owner, owner != principal.userID { return .hide }
            if action == .list || action == .read { return .allow }
            // Their own macros and views are theirs to keep.
            let isOwn = owner != nil && (kind == .macro || kind == .view)
            return isOwn && action != .administer ? .allow : .deny
        case .notices, .surveyResponses, .ratings:
            return action == .list || action == .read ? .allow : .deny
        case .rating(let facts):
            guard contains(ticketScope(principal), facts) else { return .hide }
            return action == .list || action == .read ? .allow : .deny
        case .agentWork(let agent):
            if action == .list || action == .read { return .allow }
            return action == .update && agent == principal.userID ? .allow : .deny
        case .job(let owner):
            return owner == principal.userID ? .allow : .hide
        case .apiToken, .rehearsals: return .deny
        }
    }

    private static func endUser(_ principal: Principal, _ action: Action, _ resource: Resource)
        -> Decision
    {
        switch resource {
        case .request(let facts):
            let isOwn =
                facts.requesterID == principal.userID
                || facts.watcherIDs.contains(principal.userID)
            let organization = facts.organizationID
            let isShared = organization.map(principal.sharedOrganizationIDs.contains) ?? false
            guard isOwn || isShared else { return .hide }
            switch action {
            case .list, .read: return .allow
            case .update:
                let mayComment =
                    organization.map(principal.commentableOrganizationIDs.contains) ?? false
                return isOwn || mayComment ? .allow : .deny
            case .create, .delete, .administer: return .deny
            }
        case .rating(let facts):
            guard facts.requesterID == principal.userID else { return .hide }
            return action == .delete || action == .administer ? .deny : .allow
        case .ratings: return action == .list ? .allow : .deny
        case .organizationRequests(let id):
            guard principal.sharedOrganizationIDs.contains(id) else { return .deny }
            return action == .list ? .allow : .deny
        case .requests:
            return action == .list || action == .create ? .allow : .deny
        case .user(let id, _):
            guard id == principal.userID else { return action == .read ? .hide : .deny }
            return action == .read || action == .update ? .allow : .deny
        case .attachment: return action == .create || action == .delete ? .allow : .deny
        default: return .deny
        }
    }

    private static func contains(_ scope: TicketScope, _ facts: TicketFacts) -> Bool {
        func isOwn(_ agent: Int64) -> Bool {
            facts.assigneeID == agent || facts.requesterID == agent
        }
        return switch scope {
        case .all: true
        case .groups(let ids, let agent):
            facts.groupID.map(ids.contains) ?? false || isOwn(agent)
        case .organizations(let ids, let agent):
            facts.organizationID.map(ids.contains) ?? false || isOwn(agent)
        case .assigned(let agent): isOwn(agent)
        case .requested(let user): facts.requesterID == user
        }
    }
}

extension Desk {
    /// Refuses unless the principal may do this.
    package func require(_ action: Action, _ resource: Resource) throws(DeskRefusal) {
        switch Authorization.decide(principal, action, resource) {
        case .allow: return
        case .deny: throw .forbidden("You do not have access to this page")
        case .hide: throw .notFound
        }
    }
}
