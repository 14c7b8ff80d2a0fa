import ServiceDesk
import Wire

/// The records that go along with tickets when `include` asks for them: each once, and only those the asker may see.
struct SideLoads {
    private let includes: Set<String>
    private var users: Set<Int64> = []
    private var groups: Set<Int64> = []
    private var organizations: Set<Int64> = []
    private var promises: [Int64: [TicketTimes.Promise]] = [:]
    private var metrics: [(Ticket, TicketTimes)] = []

    init(_ call: APICall) { includes = call.includes }

    /// As searches ask for them: `include=tickets(users,groups)`.
    init(ofResults call: APICall) {
        includes = Set(
            call.includes.map { name in
                let name = name.hasPrefix("tickets(") ? String(name.dropFirst(8)) : name
                return name.hasSuffix(")") ? String(name.dropLast()) : name
            })
    }

    mutating func add<Rows>(_ tickets: [Ticket], _ desk: Desk<Rows>) throws {
        for ticket in tickets {
            if includes.contains("slas") { promises[ticket.id] = try desk.promises(of: ticket) }
            if includes.contains("metric_sets") {
                metrics.append((ticket, try desk.times(of: ticket)))
            }
            users.formUnion(
                [ticket.requesterID, ticket.submitterID] + [ticket.assigneeID].compactMap { $0 })
            if let id = ticket.groupID { groups.insert(id) }
            if let id = ticket.organizationID { organizations.insert(id) }
        }
    }

    mutating func add(_ audits: [Audit]) {
        for audit in audits {
            users.formUnion([audit.authorID] + [audit.comment?.authorID].compactMap { $0 })
        }
    }

    /// Members of each ticket.
    func perTicket(_ ticket: Ticket, now: Timestamp, _ json: inout JSONWriter) {
        if includes.contains("comment_count") { json.member("comment_count", ticket.commentCount) }
        if let promises = promises[ticket.id] { json.promises(promises, now: now) }
    }

    /// Arrays beside the list.
    func write<Rows>(_ desk: Desk<Rows>, _ call: APICall, to json: inout JSONWriter) throws {
        if includes.contains("users") {
            let (found, catalog) = (try desk.users(users), try desk.catalog())
            json.array("users") { json in for user in found { json.user(user, call, catalog) } }
        }
        if includes.contains("metric_sets") {
            json.array("metric_sets") { json in
                for (ticket, times) in metrics { json.metrics(ticket, times, call) }
            }
        }
        if includes.contains("groups") {
            let found = try desk.teams(groups)
            json.array("groups") { json in for team in found { json.group(team, call) } }
        }
        if includes.contains("organizations") {
            let found = try desk.organizations(organizations)
            let catalog = try desk.catalog()
            json.array("organizations") { json in
                for one in found { json.organization(one, call, catalog) }
            }
        }
    }
}
