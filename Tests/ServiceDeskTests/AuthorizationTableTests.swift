import Testing

@testable import ServiceDesk

/// Who may do what, written out: every role and restriction against every resource, action and relation.
///
/// The expectation of a row is one letter per action in the order list, read, create, update, delete, administer:
/// `+` allow, `-` deny (403), `?` hide (404).
struct AuthorizationTableTests {
    /// A way to stand towards a ticket.
    enum Relation: String, CaseIterable {
        case none, requester, assignee, group, organization, watcher
    }

    static let me: Int64 = 7
    static let myGroup: Int64 = 70
    static let myOrganization: Int64 = 700

    static func facts(_ relation: Relation) -> TicketFacts {
        var facts = TicketFacts(requesterID: 1, submitterID: 1)
        switch relation {
        case .none: break
        case .requester: facts.requesterID = me
        case .assignee: facts.assigneeID = me
        case .group: facts.groupID = myGroup
        case .organization: facts.organizationID = myOrganization
        case .watcher: facts.watcherIDs = [me]
        }
        return facts
    }

    static func principal(_ role: Role, _ restriction: TicketRestriction = .none) -> Principal {
        Principal(
            userID: me, role: role, organizationIDs: [myOrganization], groupIDs: [myGroup],
            restriction: restriction)
    }

    private func row(_ principal: Principal, _ resource: Resource) -> String {
        Action.allCases.map { action in
            switch Authorization.decide(principal, action, resource) {
            case .allow: "+"
            case .deny: "-"
            case .hide: "?"
            }
        }.joined()
    }

    @Test func theActionsAreTheColumns() {
        #expect(
            Action.allCases.map(\.rawValue) == [
                "list", "read", "create", "update", "delete", "administer",
            ])
    }

    // MARK: Tickets by relation

    static let agentTickets: [(TicketRestriction, [Relation: String])] = {
        let open = "+++++-"
        let hidden = "??????"
        func only(_ seen: Set<Relation>) -> [Relation: String] {
            Dictionary(
                uniqueKeysWithValues: Relation.allCases.map {
                    ($0, seen.contains($0) ? open : hidden)
                })
        }
        return [
            (.none, only(Set(Relation.allCases))),
            (.groups, only([.requester, .assignee, .group])),
            (.organization, only([.requester, .assignee, .organization])),
            (.assigned, only([.requester, .assignee])),
            (.requested, only([.requester])),
        ]
    }()

    @Test(arguments: agentTickets)
    func anAgentReachesTheTicketsOfTheirRestriction(
        restriction: TicketRestriction, expected: [Relation: String]
    ) {
        let agent = Self.principal(.agent, restriction)
        for relation in Relation.allCases {
            let facts = Self.facts(relation)
            #expect(row(agent, .ticket(facts)) == expected[relation], "\(restriction) \(relation)")
            #expect(row(agent, .request(facts)) == expected[relation], "\(restriction) \(relation)")
        }
    }

    static let endUserRequests: [(Relation, String)] = [
        (.none, "??????"), (.requester, "++-+--"), (.assignee, "??????"), (.group, "??????"),
        (.organization, "??????"), (.watcher, "++-+--"),
    ]

    @Test(arguments: endUserRequests)
    func anEndUserReachesOwnRequestsAndThoseTheyAreCopiedOn(relation: Relation, expected: String) {
        let user = Self.principal(.endUser, .requested)
        #expect(row(user, .request(Self.facts(relation))) == expected)
        // A ticket as agents see it is never theirs, whatever the relation.
        #expect(row(user, .ticket(Self.facts(relation))) == "------")
    }

    /// Ratings are seen with their tickets, and given by nobody but the requester.
    @Test func ratingsAreReadWithTheirTicketsAndGivenByRequesters() {
        for (restriction, tickets) in Self.agentTickets {
            let agent = Self.principal(.agent, restriction)
            for (relation, expected) in tickets {
                let rating = Resource.rating(Self.facts(relation))
                #expect(row(agent, rating) == (expected == "??????" ? expected : "++----"))
                #expect(row(Self.principal(.admin, restriction), rating) == "++++++")
            }
        }
        let user = Self.principal(.endUser, .requested)
        for relation in Relation.allCases {
            let expected = relation == .requester ? "++++--" : "??????"
            #expect(row(user, .rating(Self.facts(relation))) == expected)
        }
    }

    @Test func colleaguesShareRequestsAsTheirOrganizationAllows() {
        func member(shared: Bool, withComments: Bool) -> Principal {
            Principal(
                userID: Self.me, role: .endUser, organizationIDs: [Self.myOrganization],
                sharedOrganizationIDs: shared ? [Self.myOrganization] : [],
                commentableOrganizationIDs: withComments ? [Self.myOrganization] : [])
        }
        let facts = Self.facts(.organization)
        let list = Resource.organizationRequests(id: Self.myOrganization)
        #expect(row(member(shared: false, withComments: false), .request(facts)) == "??????")
        #expect(row(member(shared: false, withComments: false), list) == "------")
        #expect(row(member(shared: true, withComments: false), .request(facts)) == "++----")
        #expect(row(member(shared: true, withComments: true), .request(facts)) == "++-+--")
        #expect(row(member(shared: true, withComments: false), list) == "+-----")
        #expect(row(member(shared: true, withComments: true), .ticket(facts)) == "------")
        #expect(
            row(member(shared: true, withComments: true), .organizationRequests(id: 1)) == "------")
    }

    @Test(arguments: Relation.allCases)
    func anAdminReachesEveryTicket(relation: Relation) {
        let facts = Self.facts(relation)
        for restriction in [TicketRestriction.none, .groups, .organization, .assigned, .requested] {
            #expect(row(Self.principal(.admin, restriction), .ticket(facts)) == "++++++")
        }
    }

    // MARK: Everything else

    static let others: [(name: String, resource: Resource, agent: String, endUser: String)] = [
        ("tickets", .tickets, "+++++-", "------"),
        ("requests", .requests, "+++++-", "+-+---"),
        ("users", .users, "+++++-", "------"),
        ("organizations", .organizations, "++++--", "------"),
        ("audits", .audits, "+++++-", "------"),
        ("tags", .tags, "+++++-", "------"),
        ("search", .search, "+++++-", "------"),
        ("attachment", .attachment, "+++++-", "--+-+-"),
        ("API token", .apiToken, "------", "------"),
        ("group", .group, "++----", "------"),
        ("schedule", .schedule, "++----", "------"),
        ("definition", .definition, "++----", "------"),
        ("the desk's trigger", .rule(.trigger, owner: nil), "++----", "------"),
        ("the desk's automation", .rule(.automation, owner: nil), "++----", "------"),
        ("the desk's macro", .rule(.macro, owner: nil), "++----", "------"),
        ("the desk's view", .rule(.view, owner: nil), "++----", "------"),
        ("own macro", .rule(.macro, owner: me), "+++++-", "------"),
        ("own view", .rule(.view, owner: me), "+++++-", "------"),
        ("own trigger", .rule(.trigger, owner: me), "++----", "------"),
        ("another's macro", .rule(.macro, owner: 99), "??????", "------"),
        ("another's view", .rule(.view, owner: 99), "??????", "------"),
        ("notices", .notices, "++----", "------"),
        ("survey responses", .surveyResponses, "++----", "------"),
        ("ratings", .ratings, "++----", "+-----"),
        ("rehearsals", .rehearsals, "------", "------"),
        ("group membership", .groupMembership, "++----", "------"),
        ("organization membership", .organizationMembership, "++++--", "------"),
        ("organization", .organization(id: 1), "++++--", "------"),
        ("own organization", .organization(id: myOrganization), "++++--", "------"),
        ("own availability", .agentWork(agentID: me), "++-+--", "------"),
        ("another's availability", .agentWork(agentID: 1), "++----", "------"),
        ("own job", .job(ownerID: me), "++++++", "------"),
        ("another's job", .job(ownerID: 1), "??????", "------"),
        ("oneself as end user", .user(id: me, role: .endUser), "++++--", "-+-+--"),
        ("oneself as agent", .user(id: me, role: .agent), "++-+--", "-+-+--"),
        ("an end user", .user(id: 1, role: .endUser), "++++--", "-?----"),
        ("an agent", .user(id: 1, role: .agent), "++----", "-?----"),
        ("an admin", .user(id: 1, role: .admin), "++----", "-?----"),
    ]

    @Test(arguments: others.indices)
    func everyOtherResourceIsAsWritten(index: Int) {
        let (name, resource, agent, endUser) = Self.others[index]
        #expect(row(Self.principal(.admin), resource) == "++++++", "\(name)")
        for restriction in [TicketRestriction.none, .groups, .organization, .assigned, .requested] {
            #expect(row(Self.principal(.agent, restriction), resource) == agent, "\(name)")
        }
        #expect(row(Self.principal(.endUser, .requested), resource) == endUser, "\(name)")
    }
}
