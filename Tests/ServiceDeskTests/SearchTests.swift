import Foundation
import ShardStore
import Testing
import Wire

@testable import ServiceDesk

@Suite("Search over a desk")
struct SearchTests {
    static let fields: [(String, Set<String>)] = [
        // Kinds.
        ("type:ticket", ["#1", "#2", "#3", "#4"]),
        ("type:group", ["Support", "Level Two"]),
        ("type:group type:organization", ["Support", "Level Two", "Acme Corp", "Globex"]),
        ("type:article", []),
        ("-type:ticket -type:user -type:group", ["Acme Corp", "Globex"]),
        // Tickets.
        ("status:open", ["#1"]),
        ("status:open status:new", ["#1", "#2"]),
        ("status<solved", ["#1", "#2", "#3"]),
        ("status>=pending", ["#3", "#4"]),
        ("-status:open type:ticket", ["#2", "#3", "#4"]),
        ("status:nonsense", []),
        ("-status:nonsense", ["#1", "#2", "#3", "#4"]),
        ("priority:urgent", ["#1"]),
        ("priority>low", ["#1"]),
        ("priority<urgent", ["#2"]),
        ("priority:none", ["#3", "#4"]),
        ("priority:*", ["#1", "#2"]),
        ("ticket_type:incident", ["#1"]),
        ("ticket_type:none", ["#3", "#4"]),
        ("type:ticket tags:vip", ["#1", "#4"]),
        ("type:ticket tags:VIP", ["#1", "#4"]),
        ("type:ticket tags:vip*", ["#1", "#4"]),
        ("tags:vip_*", ["#4"]),
        ("tags:vi", []),
        ("tags:\"hardware vip\"", ["#1"]),
        ("tags:hardware tags:billing", ["#1", "#2"]),
        ("type:ticket -tags:vip", ["#2", "#3"]),
        ("type:ticket tags:none", ["#3"]),
        ("subject:printer", ["#1", "#4"]),
        ("subject:\"on fire\"", ["#1"]),
        ("subject:print", ["#1", "#4"]),
        ("subject:\"print\"", []),
        ("subject:\"print\"*", ["#1", "#4"]),
        ("subject:rinter", []),
        ("description:toner", ["#4"]),
        ("description:escalate", []),
        ("comment:escalate", ["#3"]),
        ("comment:toner", ["#4"]),
        ("requester:jane", ["#1", "#3"]),
        ("requester:\"jane doe\"", ["#1", "#3"]),
        ("requester:jane@acme.test", ["#1", "#3"]),
        ("requester:jane@*", ["#1", "#3"]),
        ("requester:MÜLLER", ["#2", "#4"]),
        ("requester:nobody@acme.test", []),
        ("-requester:jane", ["#2", "#4"]),
        ("submitter:ada", ["#1", "#2", "#3"]),
        ("submitter:ben", ["#4"]),
        ("assignee:ben", ["#1"]),
        ("assignee:none", ["#2"]),
        ("assignee:*", ["#1", "#3", "#4"]),
        ("assignee:me", ["#4"]),
        ("assignee:cleo assignee:ben", ["#1", "#3"]),
        ("type:ticket group:support", ["#1", "#4"]),
        ("type:ticket group:\"level two\"", ["#3"]),
        ("type:ticket group:none", ["#2"]),
        ("type:ticket organization:acme", ["#1", "#3"]),
        ("type:ticket organization:none", []),
        ("type:ticket created:2026-03-11", ["#2"]),
        ("type:ticket created>2026-03-11", ["#3", "#4"]),
        ("type:ticket created>=2026-03-11", ["#2", "#3", "#4"]),
        ("type:ticket created<2026-03-11", ["#1"]),
        ("type:ticket created<=2026-03-11", ["#1", "#2"]),
        ("type:ticket created>=2026-03-11 created<2026-03-13", ["#2", "#3"]),
        ("type:ticket created:2026-03-11T12:00:00Z", ["#2"]),
        ("type:ticket created>3days", ["#4"]),
        ("type:ticket created<3days", ["#1", "#2"]),
        ("type:ticket updated>2days", ["#3"]),
        ("type:ticket updated_at:2026-03-14", ["#3"]),
        ("solved:2026-03-13", ["#4"]),
        ("solved:none", ["#1", "#2", "#3"]),
        ("due_date:2026-04-01", ["#2"]),
        ("due_date<2026-04-01", []),
        ("due_date:none", ["#1", "#3", "#4"]),
        ("type:ticket external_id:ext-1", ["#1"]),
        ("type:ticket external_id:ext*", ["#1"]),
        ("type:ticket external_id:EXT-1", []),
        ("via:api", ["#1", "#2", "#3"]),
        ("via:mail", ["#4"]),
        ("#3", ["#3"]),
        ("type:ticket -#3", ["#1", "#2", "#4"]),
        ("3", ["#3"]),
        ("type:ticket 4", ["#1", "#4"]),
        ("id:2 type:ticket", ["#2"]),
        // Users.
        ("type:user name:jane", ["Jane Doe"]),
        ("role:admin", ["Ada"]),
        ("role:agent", ["Ben", "Cleo"]),
        ("role:end-user -name:jane", ["Jürgen Müller"]),
        ("email:jane@acme.test", ["Jane Doe"]),
        ("email:acme.test", ["Jane Doe"]),
        ("email:jane", ["Jane Doe"]),
        ("email:jan", []),
        ("email:jan*", ["Jane Doe"]),
        ("type:user tags:vip", ["Jürgen Müller"]),
        ("type:user organization:globex", ["Jürgen Müller"]),
        ("type:user organization:none role:end-user", []),
        ("type:user group:\"level two\"", ["Cleo"]),
        ("phone:555", ["Jane Doe"]),
        ("phone:none", ["Ada", "Ben", "Cleo", "Jürgen Müller"]),
        ("type:user external_id:u-7", ["Jürgen Müller"]),
        ("type:user notes:allergic", ["Jane Doe"]),
        ("type:user details:regular", ["Jürgen Müller"]),
        ("type:user created:2026-03-09", ["Ada", "Ben", "Cleo", "Jane Doe", "Jürgen Müller"]),
        ("is_verified:true", ["Ada", "Jane Doe"]),
        ("is_suspended:true", ["Jürgen Müller"]),
        ("is_suspended:maybe", []),
        // Organizations and groups.
        ("type:organization name:acme", ["Acme Corp"]),
        ("type:organization tags:gold", ["Acme Corp"]),
        ("type:organization details:paper", ["Acme Corp"]),
        ("type:organization notes:slow", ["Globex"]),
        ("type:organization external_id:acme-1", ["Acme Corp"]),
        ("type:group name:level", ["Level Two"]),
        ("type:group created>2026-03-09", []),
        // Words.
        ("printer", ["#1", "#4"]),
        ("PRINTER", ["#1", "#4"]),
        ("printer -fire", ["#4"]),
        ("printer smokes", ["#1"]),
        ("printer escalate", []),
        ("ärger", ["#1"]),
        ("ÄRGER", ["#1"]),
        ("пароль", ["#3"]),
        ("\"the invoice again\"", ["#2"]),
        ("\"invoice the again\"", []),
        ("login escalate", ["#3"]),
        ("jane", ["Jane Doe"]),
        ("allergic", ["Jane Doe"]),
        ("paper", ["Acme Corp"]),
        ("slow", []),
        ("toner type:user", []),
        ("!!!", []),
        ("type:ticket -\"!!!\"", ["#1", "#2", "#3", "#4"]),
        ("type:ticket *", ["#1", "#2", "#3", "#4"]),
        ("deleted", []),
        ("gone", []),
        // Fields nobody has.
        ("color:red", []),
        ("-color:red", []),
        ("printer color:red", []),
        ("subject>a", []),
    ]

    @Test("each field, operator and kind of word finds what it names", arguments: fields)
    func finds(_ query: String, _ expected: Set<String>) throws {
        let desk = try SearchDesk.small()
        #expect(Set(try desk.names(query)) == expected, "\(query)")
        let count = try desk.read { try $0.searchCount(SearchQuery(query)) }
        #expect(count == Int64(expected.count), "count of \(query)")
    }

    @Test(
        "a time that is none is refused with its name",
        arguments: [
            "created:soon", "updated>4parsecs", "due_date<", "solved:4hours", "created>2026*",
        ])
    func badTimes(_ query: String) throws {
        let desk = try SearchDesk.small()
        // `due_date<` alone is a word.
        guard query != "due_date<" else { return #expect(try desk.names(query).isEmpty) }
        #expect(throws: DeskRefusal.self) { try desk.names(query) }
    }

    @Test("results come newest change first, or in the order that is asked for")
    func order() throws {
        let desk = try SearchDesk.small()
        #expect(try desk.names("type:ticket") == ["#3", "#4", "#2", "#1"])
        func sorted(_ sort: SearchSort, _ descending: Bool) throws -> [String] {
            try desk.names("type:ticket", sort: sort, descending: descending)
        }
        #expect(try sorted(.createdAt, true) == ["#4", "#3", "#2", "#1"])
        #expect(try sorted(.createdAt, false) == ["#1", "#2", "#3", "#4"])
        #expect(try sorted(.updatedAt, false) == ["#1", "#2", "#4", "#3"])
        #expect(try sorted(.priority, true) == ["#1", "#2", "#4", "#3"])
        #expect(try sorted(.status, false) == ["#2", "#1", "#3", "#4"])
        #expect(try sorted(.ticketType, true) == ["#1", "#2", "#4", "#3"])
        #expect(
            try desk.names("type:ticket order_by:created sort:asc") == ["#1", "#2", "#3", "#4"])
        #expect(
            try desk.names("type:ticket order_by:nonsense sort:asc") == ["#3", "#4", "#2", "#1"])
    }

    @Test("a restricted agent finds and counts only what they may see, by any word or field")
    func restrictions() throws {
        let desk = try SearchDesk.small()
        func agent(
            _ restriction: TicketRestriction, groups: Set<Int64> = [],
            organizations: Set<Int64> = []
        )
            -> Principal
        {
            Principal(
                userID: desk.users["Ben"]!, role: .agent, organizationIDs: organizations,
                groupIDs: groups, restriction: restriction)
        }
        let cases: [(Principal, Set<String>)] = [
            (agent(.none), ["#1", "#2", "#3", "#4"]),
            (agent(.groups, groups: [desk.levelTwo]), ["#1", "#3"]),
            (agent(.groups), ["#1"]),
            (agent(.organization, organizations: [desk.globex]), ["#1", "#2", "#4"]),
            (agent(.assigned), ["#1"]),
            (agent(.requested), []),
        ]
        for (principal, visible) in cases {
            for query in ["type:ticket", "type:ticket *", "-nosuchword type:ticket"] {
                #expect(Set(try desk.names(query, as: principal)) == visible)
                let count = try desk.read(as: principal) {
                    try $0.searchCount(SearchQuery(query))
                }
                #expect(count == Int64(visible.count))
            }
            // The words of a private comment on #3 and of its subject do not give it away.
            for query in ["escalate", "login", "#3", "status:pending", "assignee:cleo"] {
                let expected = visible.intersection(["#3"])
                #expect(Set(try desk.names(query + " type:ticket", as: principal)) == expected)
                let exported = try desk.read(as: principal) {
                    try $0.searchExport(SearchQuery(query), .ticket, size: 10).items.map(\.id)
                }
                #expect(exported == (expected.isEmpty ? [] : [3]))
            }
        }
    }

    @Test("end users may not search, count or export")
    func endUsers() throws {
        let desk = try SearchDesk.small()
        let jane = Principal(userID: desk.users["Jane Doe"]!, role: .endUser)
        let query = try SearchQuery("printer")
        func isForbidden(_ body: @escaping (ReadingDesk) throws -> Void) -> Bool {
            do {
                try desk.read(as: jane) { try body($0) }
                return false
            } catch DeskRefusal.forbidden { return true } catch { return false }
        }
        #expect(isForbidden { _ = try $0.search(query) })
        #expect(isForbidden { _ = try $0.searchCount(query) })
        #expect(isForbidden { _ = try $0.searchExport(query, .ticket, size: 10) })
    }

    @Test("another tenant's rows are not found")
    func tenants() throws {
        let desk = try SearchDesk.small()
        for query in ["*", "type:ticket", "printer", "jane", "requester:jane", "email:acme.test"] {
            let count = try desk.read(tenant: 2) { try $0.searchCount(SearchQuery(query)) }
            #expect(count == 0, "\(query)")
        }
    }

    @Test("a ticket is found in the same moment as it is written, and not once it is deleted")
    func atOnce() throws {
        let desk = try SearchDesk.small()
        let id = try desk.write { try $0.createTicket(SearchDesk.ticket("Kettle", "whistles")) }
            .ticket.id
        #expect(try desk.names("whistles") == ["#\(id)"])
        try desk.write { try $0.deleteTicket(id) }
        #expect(try desk.names("whistles").isEmpty)
        try desk.write { try $0.restoreTicket(id) }
        #expect(try desk.names("whistles") == ["#\(id)"])
    }

    // MARK: Pages and limits

    @Test("pages by number cover the first 1,000 results; behind them the request is refused")
    func offsetPages() throws {
        let desk = try SearchDesk.random(seed: 1, tickets: 1030)
        let query = try SearchQuery("type:ticket")
        var seen: [Int64] = []
        for page in 1...10 {
            let found = try desk.read { try $0.search(query, page: page, size: 100) }
            #expect(found.count == 1030 && found.hasMore)
            seen += found.items.map(\.id)
        }
        #expect(seen.count == 1000 && Set(seen).count == 1000)
        let refusal = DeskRefusal.beyondSearchLimit(
            "Search results by page end at 1000; narrow the search or use search/export")
        #expect(throws: refusal) { try desk.read { try $0.search(query, page: 11, size: 100) } }
        let last = try desk.read { try $0.search(query, page: 34, size: 30) }
        #expect(last.items.count == 10 && last.hasMore)
        let exported = try desk.export("type:ticket", size: 300)
        #expect(exported == Array(1...1030))
    }

    @Test("a walk by cursor sees each lasting record once, whatever is made or deleted meanwhile")
    func exportUnderChange() throws {
        let desk = try SearchDesk.random(seed: 2, tickets: 90)
        for query in ["type:ticket", "type:ticket -nosuchword"] {
            let before = Set(try desk.export(query, size: 1000))
            var (seen, after): ([Int64], Cursor?) = ([], nil)
            var deleted: Set<Int64> = []
            repeat {
                let page = try desk.read {
                    try $0.searchExport(SearchQuery(query), .ticket, size: 7, after: after)
                }
                seen += page.items.map(\.id)
                after = page.last
                if !page.hasMore { break }
                let gone = before.subtracting(deleted).randomElement(using: &desk.dice)!
                try desk.write { try $0.deleteTicket(gone) }
                deleted.insert(gone)
                _ = try desk.write { try $0.createTicket(SearchDesk.ticket("New", "one")) }
            } while true
            #expect(Set(seen).count == seen.count && seen == seen.sorted())
            #expect(before.subtracting(deleted).isSubset(of: seen))
        }
    }

    @Test("a cursor of another type is refused")
    func foreignCursor() throws {
        let desk = try SearchDesk.small()
        let query = try SearchQuery("")
        let cursor = try desk.read { try $0.searchExport(query, .ticket, size: 1).last }
        #expect(cursor != nil)
        #expect(throws: DeskRefusal.self) {
            try desk.read { try $0.searchExport(query, .user, size: 1, after: cursor) }
        }
    }

    @Test("a search that would read too much is refused; an export of it goes on page by page")
    func workLimit() throws {
        let desk = try SearchDesk.random(seed: 3, tickets: 200)
        var limits = SearchWork.Limits()
        limits.textBytes = 2000
        let words = try SearchQuery("type:ticket -nosuchword")
        for query in [words, try SearchQuery("type:ticket printer")] {
            #expect(throws: SearchWork.tooMuch) {
                try desk.read { try $0.search(query, limits: limits) }
            }
            #expect(throws: SearchWork.tooMuch) {
                try desk.read { try $0.searchCount(query, limits: limits) }
            }
            let (whole, pages) = (
                try desk.export(query, size: 1000),
                try desk.export(query, size: 1000, limits: limits)
            )
            #expect(whole == pages && !whole.isEmpty)
        }
        // Without words there is nothing to read.
        let open = try SearchQuery("type:ticket status:open")
        #expect(try desk.read { try $0.searchCount(open, limits: limits) } > 0)
        // A number decides before any text does.
        let one = try SearchQuery("#7 -nosuchword")
        #expect(try desk.read { try $0.searchCount(one, limits: limits) } == 1)
    }

    @Test("a name that means too many people is refused")
    func nameLimit() throws {
        let desk = try SearchDesk.random(seed: 4, tickets: 5)
        var limits = SearchWork.Limits()
        limits.names = 2
        let query = try SearchQuery("requester:user")
        #expect(throws: DeskRefusal.self) {
            try desk.read { try $0.searchCount(query, limits: limits) }
        }
        let address = try SearchQuery("requester:user*@*")
        #expect(throws: Never.self) {
            try desk.read { try $0.searchCount(address, limits: limits) }
        }
    }

    // MARK: A model

    @Test("finds what a plain walk over all tickets finds", arguments: [UInt64(21), 22, 23, 24])
    func model(_ seed: UInt64) throws {
        let desk = try SearchDesk.random(seed: seed, tickets: 120)
        let model = try SearchModel(desk)
        for _ in 0..<250 {
            let (text, terms) = model.query(&desk.dice)
            for principal in model.principals {
                let expected = model.find(terms, principal)
                let page = try desk.read(as: principal) { try $0.search(SearchQuery(text)) }
                let note = Comment(rawValue: "seed \(seed): \(text)")
                #expect(page.items.map(\.id) == Array(expected.prefix(100)), note)
                #expect(page.count == Int64(expected.count), note)
                let exported = try desk.export(text, size: 17, as: principal)
                #expect(exported == expected.sorted(), note)
            }
        }
    }
}

// MARK: - Fixture

/// One shard in a temporary folder with one desk in it.
final class SearchDesk {
    /// 2026-03-15T12:00:00Z, when searches run.
    static let now = Timestamp(milliseconds: 1_773_576_000_000)
    static func day(_ day: Int64) -> Timestamp {
        now.advanced(byMilliseconds: (day - 15) * 86_400_000)
    }

    private let folder = NSTemporaryDirectory() + "lodge-search-" + UUID().uuidString
    let store: ShardStore
    private let textRule: TextRule
    private(set) var admin = Principal(userID: 0, role: .admin)
    var users: [String: Int64] = [:]
    var levelTwo: Int64 = 0
    var globex: Int64 = 0
    var dice = SearchRandom(seed: 0)

    private init() throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        store = try ShardStore(
            path: folder + "/shard.sqlite", shard: ShardID(rawValue: 1), schema: DeskSchema.schema,
            now: Self.day(9), options: ShardStoreOptions(syncsCommits: false))
        textRule = TextRule(store)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func write<Answer>(
        at time: Timestamp = SearchDesk.now, via: Via = Via(),
        _ body: @escaping (WritingDesk) throws -> Answer
    ) throws -> Answer {
        let principal = admin
        return try run(tenant: 1, at: time) {
            try body(Desk(rows: $0, principal: principal, via: via))
        }
    }

    func read<Answer>(
        tenant: Int64 = 1, as principal: Principal? = nil,
        _ body: @escaping (ReadingDesk) throws -> Answer
    ) throws -> Answer {
        let principal = principal ?? admin
        return try run(tenant: tenant, at: Self.now) {
            try body(Desk(rows: $0, principal: principal))
        }
    }

    private func run<Answer>(
        tenant: Int64, at time: Timestamp, _ body: @escaping (ShardTransaction) throws -> Answer
    ) throws -> Answer {
        var answer: Answer?
        let batch = try store.prepare(
            [ShardRequest(tenant: TenantID(rawValue: tenant)) { answer = try body($0) }], now: time)
        if case .thrown(let error) = batch.outcomes[0] {
            try store.rollback()
            textRule.rolledBack()
            throw error
        }
        try store.commit()
        try textRule.committed()
        return answer!
    }

    func names(
        _ query: String, sort: SearchSort? = nil, descending: Bool = true,
        as principal: Principal? = nil
    ) throws -> [String] {
        try read(as: principal) {
            try $0.search(SearchQuery(query), sort: sort, descending: descending).items
        }.map {
            switch $0 {
            case .ticket(let ticket): "#\(ticket.id)"
            case .user(let user): user.name
            case .organization(let one): one.name
            case .group(let team): team.name
            }
        }
    }

    func export(_ query: String, size: Int, as principal: Principal? = nil) throws -> [Int64] {
        try export(SearchQuery(query), size: size, as: principal)
    }

    func export(
        _ query: SearchQuery, size: Int, as principal: Principal? = nil,
        limits: SearchWork.Limits = .init()
    ) throws -> [Int64] {
        var (ids, after): ([Int64], Cursor?) = ([], nil)
        while true {
            let from = after
            let page = try read(as: principal) {
                try $0.searchExport(query, .ticket, size: size, after: from, limits: limits)
            }
            #expect(page.items.count <= size)
            ids += page.items.map(\.id)
            if !page.hasMore { return ids }
            try #require(page.last != after, "a page that gets nowhere")
            after = page.last
        }
    }

    static func ticket(_ subject: String, _ body: String) -> TicketChanges {
        var changes = TicketChanges()
        changes.subject = subject
        changes.comment = CommentDraft(body: body)
        return changes
    }

    private func addUser(
        _ name: String, _ email: String, _ role: Role, at time: Timestamp = day(9),
        _ change: (inout UserChanges) -> Void = { _ in }
    ) throws {
        var changes = UserChanges()
        changes.name = name
        changes.email = email
        changes.role = role
        change(&changes)
        let wanted = changes
        users[name] = try write(at: time) { try $0.createUser(wanted, agentLimit: 100) }.id
    }

    private func addOrganization(_ name: String, _ change: (inout OrganizationChanges) -> Void)
        throws -> Int64
    {
        var changes = OrganizationChanges()
        changes.name = name
        change(&changes)
        let wanted = changes
        return try write(at: Self.day(9)) { try $0.createOrganization(wanted) }.id
    }

    private func bootstrap() throws -> (support: Int64, levelTwo: Int64) {
        let ada = try run(tenant: 1, at: Self.day(9)) {
            try Desk<ShardTransaction>.bootstrap(
                rows: $0, adminEmail: "ada@desk.test", adminName: "Ada",
                secret: TokenSecret(text: "secret", digest: [1]))
        }
        users["Ada"] = ada.id
        admin = Principal(userID: ada.id, role: .admin)
        let two = try write(at: Self.day(9)) {
            try $0.createTeam(name: "Level Two", description: "", isPublic: true)
        }
        levelTwo = two.id
        let teams = try read { try $0.teams(.offset(page: 1, size: 10)).items }
        return (teams.first { $0.name == "Support" }!.id, two.id)
    }

    /// Four tickets and a deleted one, five people and a deleted one, two organizations, two groups.
    static func small() throws -> SearchDesk {
        let desk = try SearchDesk()
        let (support, levelTwo) = try desk.bootstrap()
        let acme = try desk.addOrganization("Acme Corp") {
            $0.tags = ["gold"]
            $0.details = "Paper supplier"
            $0.externalID = "acme-1"
        }
        desk.globex = try desk.addOrganization("Globex") { $0.notes = "Slow payer" }
        try desk.addUser("Ben", "ben@desk.test", .agent)
        try desk.addUser("Cleo", "cleo@desk.test", .agent)
        let cleo = desk.users["Cleo"]!
        _ = try desk.write(at: day(9)) {
            try $0.createMembership(.team, user: cleo, owner: levelTwo, isDefault: false)
        }
        try desk.addUser("Jane Doe", "jane@acme.test", .endUser) {
            $0.organizationID = acme
            $0.phone = "+1 555 0100"
            $0.notes = "Allergic to phone calls"
            $0.isVerified = true
        }
        let globex = desk.globex
        try desk.addUser("Jürgen Müller", "jm@globex.test", .endUser) {
            $0.organizationID = globex
            $0.tags = ["vip"]
            $0.externalID = "u-7"
            $0.details = "A regular"
            $0.isSuspended = true
        }
        try desk.addUser("Gone Person", "gone@acme.test", .endUser)
        let gone = desk.users["Gone Person"]!
        _ = try desk.write(at: day(9)) { try $0.deleteUser(gone) }
        let (ada, ben) = (desk.admin.userID, desk.users["Ben"]!)
        let (jane, juergen) = (desk.users["Jane Doe"]!, desk.users["Jürgen Müller"]!)

        var one = ticket("Printer is on fire", "The HP printer in room 4 smokes. Ärger!")
        one.requester = .id(jane)
        one.priority = .urgent
        one.type = .incident
        one.tags = ["vip", "hardware"]
        one.groupID = support
        one.assigneeID = ben
        one.externalID = "ext-1"
        var two = ticket("Invoice question", "Please send the invoice again")
        two.requester = .id(juergen)
        two.priority = .low
        two.type = .question
        two.tags = ["billing"]
        two.dueAt = day(32)
        var three = ticket("Login broken", "Пароль не работает")
        three.requester = .id(jane)
        three.groupID = levelTwo
        three.assigneeID = cleo
        three.status = .pending
        var four = ticket("Old printer", "Toner for printers")
        four.requester = .id(juergen)
        four.submitterID = ben
        four.groupID = support
        four.assigneeID = ada
        four.status = .solved
        four.tags = ["vip", "vip_gold"]
        for (number, changes) in [one, two, three, four].enumerated() {
            _ = try desk.write(
                at: day(10 + Int64(number)), via: Via(channel: number == 3 ? .email : .api)
            ) { try $0.createTicket(changes) }
        }
        let gonePrinter = ticket("Deleted printer", "It is gone")
        _ = try desk.write(at: day(13)) {
            try $0.deleteTicket($0.createTicket(gonePrinter).ticket.id)
        }
        var note = TicketChanges()
        note.comment = CommentDraft(body: "Customer sounds angry: escalate", isPublic: false)
        let noteChanges = note
        _ = try desk.write(at: day(14)) { try $0.updateTicket(3, noteChanges) }
        return desk
    }

    static let subjects = [
        "printer", "Printer jam", "invoice", "Rechnung über Öl", "ÖL", "мир", "打印机坏了", "top",
        "Topology",
        "desktop", "x-ray 12",
    ]
    static let bodies = [
        "jam in the printer", "öl", "nothing works", "Мир труд", "the top shelf", "12 times",
        "invoice",
        "don't panic",
    ]
    static let tags = ["vip", "vip_gold", "red", "öl"]

    /// Tickets with values by chance, two comments each at most.
    static func random(seed: UInt64, tickets: Int) throws -> SearchDesk {
        let desk = try SearchDesk()
        desk.dice = SearchRandom(seed: seed)
        let (support, levelTwo) = try desk.bootstrap()
        desk.globex = try desk.addOrganization("Globex") { _ in }
        let globex = desk.globex
        for number in 1...4 {
            try desk.addUser("User \(number)", "user\(number)@example.test", .endUser) {
                if number % 2 == 0 { $0.organizationID = globex }
            }
        }
        try desk.addUser("Ben", "ben@desk.test", .agent)
        let (ada, ben) = (desk.admin.userID, desk.users["Ben"]!)
        let people = (1...4).map { desk.users["User \($0)"]! }
        for number in 0..<tickets {
            var dice = desk.dice
            var changes = ticket(dice.pick(subjects), dice.pick(bodies))
            changes.requester = .id(dice.pick(people))
            changes.tags = tags.filter { _ in dice.chance(30) }
            if dice.chance(70) { changes.priority = dice.pick(TicketPriority.allCases) }
            if dice.chance(70) { changes.type = dice.pick(TicketType.allCases) }
            if dice.chance(70) {
                changes.groupID = support
                if dice.chance(70) { changes.assigneeID = dice.pick([ada, ben]) }
            } else if dice.chance(50) {
                changes.groupID = levelTwo
            }
            if dice.chance(50), changes.assigneeID != nil {
                changes.status = dice.pick([.open, .pending, .hold, .solved])
            }
            if dice.chance(30) { changes.externalID = "ext-\(dice.number(0..<20))" }
            if dice.chance(30) { changes.dueAt = day(Int64(dice.number(1..<40))) }
            var comment: TicketChanges?
            if dice.chance(40) {
                var second = TicketChanges()
                second.comment = CommentDraft(body: dice.pick(bodies), isPublic: dice.chance(50))
                comment = second
            }
            let isDeleted = tickets < 1000 && dice.chance(5)
            desk.dice = dice
            let (first, second) = (changes, comment)
            let time = day(9).advanced(
                byMilliseconds: Int64(number) * 5 * 86_400_000 / Int64(tickets))
            _ = try desk.write(at: time) { desk in
                let id = try desk.createTicket(first).ticket.id
                if let second { _ = try desk.updateTicket(id, second) }
                if isDeleted { try desk.deleteTicket(id) }
            }
        }
        return desk
    }
}

// MARK: - Model

/// The same questions answered by walking over all tickets in memory, with Swift's own notion of words.
struct SearchModel {
    struct Record {
        let ticket: Ticket
        let comments: [String]
    }

    private var records: [Record] = []
    private let people: [User]
    private let teams: [Team]
    private let me: Int64
    let principals: [Principal]

    init(_ desk: SearchDesk) throws {
        let tickets = try desk.export("type:ticket", size: 1000)
        records = try tickets.map { id in
            try desk.read {
                Record(
                    ticket: try $0.ticket(id),
                    comments: try $0.comments(id, .offset(page: 1, size: 100)).items.compactMap {
                        $0.comment?.body
                    })
            }
        }
        people = try desk.read { try $0.users(UserFilter(), .offset(page: 1, size: 100)).items }
        teams = try desk.read { try $0.teams(.offset(page: 1, size: 100)).items }
        me = desk.admin.userID
        principals = [
            desk.admin,
            Principal(
                userID: desk.users["Ben"]!, role: .agent, groupIDs: [desk.levelTwo],
                restriction: .groups),
        ]
    }

    /// A random query over tickets, as text and as its terms.
    func query(_ dice: inout SearchRandom) -> (String, [SearchTerm]) {
        var terms = [SearchTerm("ticket", field: "type")]
        for _ in 0..<dice.number(1..<5) { terms.append(term(&dice)) }
        let text = terms.map { term in
            var text = term.isNegated ? "-" : ""
            if let field = term.field { text += field + term.comparison.rawValue }
            text += term.isQuoted ? "\"\(term.value)\"" : term.value
            return term.hasWildcard ? text + "*" : text
        }.joined(separator: " ")
        return (text, terms)
    }

    private func term(_ dice: inout SearchRandom) -> SearchTerm {
        let (negated, any) = (dice.chance(25), SearchTerm.Comparison.allCases)
        switch dice.number(0..<14) {
        case 0:
            return SearchTerm(
                dice.pick(TicketStatus.allCases).name, field: "status", dice.pick(any),
                isNegated: negated)
        case 1:
            return SearchTerm(
                dice.pick(["low", "normal", "high", "urgent"]), field: "priority", dice.pick(any),
                isNegated: negated)
        case 2: return SearchTerm("none", field: "priority", isNegated: negated)
        case 3:
            return SearchTerm(
                dice.pick(SearchDesk.tags + ["vi", "none"]), field: "tags", isNegated: negated)
        case 4:
            return SearchTerm(
                dice.pick(["printer", "ÖL", "top", "打印机", "МИР"]), field: "subject",
                isNegated: negated, isQuoted: dice.chance(50))
        case 5:
            return SearchTerm(
                dice.pick(["none", "me", "ben", "ada"]), field: "assignee", isNegated: negated)
        case 6:
            return SearchTerm(
                dice.pick(["user", "User 1", "user3@example.test", "nobody"]), field: "requester",
                isNegated: negated, isQuoted: true)
        case 7:
            return SearchTerm(
                dice.pick(["support", "level", "none"]), field: "group", isNegated: negated)
        case 8:
            return SearchTerm(
                "2026-03-\(dice.number(10..<15))", field: "created", dice.pick(any),
                isNegated: negated)
        case 9:
            return SearchTerm(
                "\(dice.number(20..<150))hours", field: "updated",
                dice.pick([.less, .lessOrEqual, .greater, .greaterOrEqual]), isNegated: negated)
        case 10:
            return SearchTerm(
                "ext-\(dice.number(0..<3))", field: "external_id", isNegated: negated,
                hasWildcard: dice.chance(50))
        case 11: return SearchTerm("globex", field: "organization", isNegated: negated)
        default:
            return SearchTerm(
                dice.pick([
                    "printer", "öl", "ÖL", "top", "12", "jam in", "мир", "坏了", "don't", "nosuch",
                    "invoice",
                ]), isNegated: negated, isQuoted: true, hasWildcard: dice.chance(30))
        }
    }

    /// The numbers of the tickets that satisfy the terms, newest change first.
    func find(_ terms: [SearchTerm], _ principal: Principal) -> [Int64] {
        records.filter { record in
            guard
                Authorization.decide(principal, .read, .ticket(record.ticket.facts)) == .allow
            else { return false }
            return terms.allSatisfy { term in
                guard term.field != "type" else { return true }
                // Equals of one field are alternatives; each of them is asked for all of them.
                let same = terms.filter {
                    term.field != nil && $0.field == term.field && $0.comparison == .equal
                        && term.comparison == .equal && $0.isNegated == term.isNegated
                }
                let holds = (same.isEmpty ? [term] : same).contains {
                    satisfies(record, $0, principal)
                }
                return holds != term.isNegated
            }
        }.sorted {
            ($0.ticket.updatedAt, $0.ticket.id) > ($1.ticket.updatedAt, $1.ticket.id)
        }.map(\.ticket.id)
    }

    private func satisfies(_ record: Record, _ term: SearchTerm, _ principal: Principal) -> Bool {
        let ticket = record.ticket
        func compare<Value: Comparable>(_ a: Value?, _ b: Value) -> Bool {
            guard let a else { return false }
            return switch term.comparison {
            case .equal: a == b
            case .less: a < b
            case .lessOrEqual: a <= b
            case .greater: a > b
            case .greaterOrEqual: a >= b
            }
        }
        switch term.field {
        case "status":
            return compare(ticket.status.rawValue, TicketStatus(name: term.value)!.rawValue)
        case "priority":
            if term.value == "none" { return ticket.priority == nil }
            return compare(ticket.priority?.rawValue, TicketPriority(name: term.value)!.rawValue)
        case "tags":
            return term.value == "none" ? ticket.tags.isEmpty : ticket.tags.contains(term.value)
        case "subject": return has(ticket.subject, term)
        case "assignee":
            switch term.value {
            case "none": return ticket.assigneeID == nil
            case "me": return ticket.assigneeID == principal.userID
            default: return people.contains { $0.id == ticket.assigneeID && has($0.name, term) }
            }
        case "requester":
            return people.contains {
                $0.id == ticket.requesterID
                    && (term.value.contains("@")
                        ? $0.email == term.value : has($0.name, term) || has($0.email!, term))
            }
        case "group":
            if term.value == "none" { return ticket.groupID == nil }
            return teams.contains { $0.id == ticket.groupID && has($0.name, term) }
        case "organization": return ticket.organizationID != nil
        case "created":
            let text = ISO8601DateFormatter().string(
                from: Date(timeIntervalSince1970: Double(ticket.createdAt.seconds)))
            return compare(String(text.prefix(10)), term.value)
        case "updated":
            let hours = Int64(term.value.dropLast(5))!
            return compare(
                ticket.updatedAt, SearchDesk.now.advanced(byMilliseconds: -hours * 3_600_000))
        case "external_id":
            guard let external = ticket.externalID else { return false }
            return term.hasWildcard ? external.hasPrefix(term.value) : external == term.value
        default:
            return ([ticket.subject, ticket.description] + record.comments).contains {
                has($0, term)
            }
        }
    }

    private func has(_ text: String, _ term: SearchTerm) -> Bool {
        let (words, wanted) = (words(text), words(term.value))
        guard !wanted.isEmpty, words.count >= wanted.count else { return false }
        return (0...(words.count - wanted.count)).contains { start in
            wanted.indices.allSatisfy { index in
                let isLast = index == wanted.count - 1
                return isLast && (!term.isQuoted || term.hasWildcard)
                    ? words[start + index].hasPrefix(wanted[index])
                    : words[start + index] == wanted[index]
            }
        }
    }

    private func words(_ text: String) -> [String] {
        var words = [""]
        for character in text.lowercased() {
            if ("\u{4e00}"..."\u{9fff}").contains(character) {
                words += [String(character), ""]
            } else if character.isLetter || character.isNumber {
                words[words.count - 1].append(character)
            } else {
                words.append("")
            }
        }
        return words.filter { !$0.isEmpty }
    }
}
