import ArgumentParser
import AsyncHTTPClient
import DemoDesk
import Foundation
import NIOCore
import NIOHTTP1

/// Fills a tenant with a made-up company's desk, over the API that everybody uses.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Fills a tenant with a small company's desk, to have something to look at.",
        discussion: """
            Makes the tenant when there is none. One that has tickets already is left alone. The same seed makes the same \
            desk.
            """)

    @Argument(help: "The tenant's name.") var name = "demo"
    @Option(help: "Seed of persons and conversations.") var seed: UInt64 = 1
    @Option(help: "Tickets, 1-5000.") var tickets = 500
    @OptionGroup var node: NodeOptions

    func validate() throws {
        guard (1...5000).contains(tickets) else {
            throw ValidationError("--tickets: \(tickets) is not allowed; use 1 to 5000")
        }
    }

    func run() async throws {
        try await reportingFailures {
            let admin = try AdminClient(node)
            let (tenant, email, token) = try await tenant(admin)
            let desk = try DeskClient(
                address: DeskClient.address(node), host: tenant.hosts[0], user: email, token: token)
            guard try await desk.get("/api/v2/tickets/count.json").count("value") == 0 else {
                throw CommandFailure(
                    description:
                        "\(name) has tickets already; name another tenant, or erase this one first")
            }
            let demo = DemoDesk(
                seed: seed, now: Int64(Date().timeIntervalSince1970), ticketCount: tickets)
            try await DemoFiller(desk: desk, demo: demo, isQuiet: node.json).fill()
            if node.json {
                let answer = [
                    "tenant": name, "host": tenant.hosts[0], "email": email, "token": token,
                ]
                printJSON(
                    try JSONSerialization.data(withJSONObject: answer, options: [.sortedKeys]))
            } else {
                print("desk     http://\(tenant.hosts[0])/api/v2/tickets.json")
                print("admin    \(email)")
                print("token    \(token)")
            }
        }
    }

    private func tenant(_ admin: AdminClient) async throws -> (Tenant, String, String) {
        let email = "admin@brightwater.example"
        do {
            let data = try await admin.call(
                .post, "/admin/v1/tenants",
                body: JSONBody("tenant", ["name": name, "admin_email": email, "plan": "demo"]))
            let tenant = try Tenant.decode(data)
            return (tenant, email, tenant.admin?.token ?? "")
        } catch let failure as CommandFailure where failure.description.contains("NameTaken") {
            struct Answer: Decodable { let admin: Tenant.Admin }
            let path = "/admin/v1/tenants/\(pathSegment(name))"
            let tenant = try Tenant.decode(try await admin.call(.get, path))
            let data = try await admin.call(
                .post, path + "/tokens", body: JSONBody("token", ["email": email]))
            return (
                tenant, email, try Tenant.decoder.decode(Answer.self, from: data).admin.token
            )
        }
    }
}

/// Speaks to one desk's API as its admin.
struct DeskClient {
    let address: String
    let host: String
    let user: String
    let token: String

    /// An answer's body.
    struct Answer {
        let json: [String: Any]

        func object(_ key: String) -> [String: Any] { json[key] as? [String: Any] ?? [:] }
        func list(_ key: String) -> [[String: Any]] { json[key] as? [[String: Any]] ?? [] }
        func count(_ key: String) -> Int { object("count")[key] as? Int ?? 0 }
    }

    /// Where the node listens for desks: in its data folder.
    static func address(_ options: NodeOptions) throws -> String {
        struct Addresses: Decodable { let http: String }
        let path = (options.data ?? "./lodge-data") + "/node.json"
        guard let data = FileManager.default.contents(atPath: path),
            let addresses = try? JSONDecoder().decode(Addresses.self, from: data)
        else {
            throw CommandFailure(
                description: "the demo needs the node's data folder; name it with --data",
                status: 69)
        }
        return "http://" + addresses.http
    }

    func get(_ path: String) async throws -> Answer { try await call(.GET, path, nil) }

    func post(_ path: String, _ body: [String: Any]) async throws -> Answer {
        try await call(.POST, path, body)
    }

    /// Sends a request; waits as long as the desk asks when its limit is reached.
    private func call(_ method: HTTPMethod, _ path: String, _ body: [String: Any]?) async throws
        -> Answer
    {
        var request = HTTPClientRequest(url: address + path)
        request.method = method
        request.headers.add(name: "Host", value: host)
        request.headers.add(name: "Content-Type", value: "application/json")
        let pair = Data("\(user)/token:\(token)".utf8).base64EncodedString()
        request.headers.add(name: "Authorization", value: "Basic \(pair)")
        if let body {
            let data = try JSONSerialization.data(withJSONObject: body)
            request.body = .bytes(ByteBuffer(bytes: data))
        }
        while true {
            let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
            let bytes = Data(try await answer.body.collect(upTo: 16 << 20).readableBytesView)
            if answer.status == .tooManyRequests {
                let seconds = answer.headers.first(name: "Retry-After").flatMap { Int($0) } ?? 1
                try await Task.sleep(for: .seconds(max(1, min(seconds, 60))))
                continue
            }
            guard (200..<300).contains(answer.status.code) else {
                throw CommandFailure(
                    description:
                        "\(method.rawValue) \(path) was answered \(answer.status.code): \(String(decoding: bytes.prefix(300), as: UTF8.self))"
                )
            }
            let json = try? JSONSerialization.jsonObject(with: bytes)
            return Answer(json: json as? [String: Any] ?? [:])
        }
    }

    /// Waits for a job and gives the ids of its results, in order.
    func finished(_ answer: Answer) async throws -> [Int64] {
        guard let id = answer.object("job_status")["id"] as? String else { return [] }
        while true {
            let job = try await get("/api/v2/job_statuses/\(id).json").object("job_status")
            guard let status = job["status"] as? String, status == "completed" || status == "failed"
            else {
                try await Task.sleep(for: .milliseconds(200))
                continue
            }
            let results = job["results"] as? [[String: Any]] ?? []
            let ids = results.compactMap { ($0["id"] as? NSNumber)?.int64Value }
            guard status == "completed", ids.count == results.count,
                !results.contains(where: { $0["error"] != nil })
            else {
                throw CommandFailure(
                    description:
                        "a job did not do all: \(job["message"] ?? "") \(results.first { $0["error"] != nil } ?? [:])"
                )
            }
            return ids
        }
    }
}

/// Puts a demo desk into a tenant.
struct DemoFiller {
    let desk: DeskClient
    let demo: DemoDesk
    let isQuiet: Bool

    func fill() async throws {
        let groups = try await makeGroups()
        let organizations = try await many(
            "organizations", demo.organizations.map { ["name": $0] })
        let agents = try await many(
            "users",
            demo.agents.map {
                ["name": $0.name, "email": $0.email, "role": "agent", "verified": true]
            })
        for (agent, id) in zip(demo.agents, agents) {
            for group in agent.groups where group > 0 {
                _ = try await desk.post(
                    "/api/v2/group_memberships.json",
                    ["group_membership": ["user_id": id, "group_id": groups[group]]])
            }
        }
        let customers = try await many(
            "users",
            demo.customers.map { customer in
                var fields: [String: Any] = [
                    "name": customer.name, "email": customer.email, "verified": true,
                ]
                if let place = customer.organization {
                    fields["organization_id"] = organizations[place]
                }
                return fields
            })
        say("\(DemoDesk.company): \(agents.count) agents, \(customers.count) customers")
        let tickets = demo.tickets.map { json($0, groups, agents, customers) }
        _ = try await many("tickets", tickets, path: "imports/tickets")
    }

    /// The default group is there already.
    private func makeGroups() async throws -> [Int64] {
        let known = try await desk.get("/api/v2/groups.json").list("groups")
        var ids = known.compactMap { ($0["id"] as? NSNumber)?.int64Value }.prefix(1).map { $0 }
        for name in DemoDesk.groups.dropFirst() {
            let made = try await desk.post("/api/v2/groups.json", ["group": ["name": name]])
            ids.append((made.object("group")["id"] as? NSNumber)?.int64Value ?? 0)
        }
        return ids
    }

    /// Makes records by jobs of a hundred and gives their ids in order.
    private func many(_ kind: String, _ items: [[String: Any]], path: String? = nil) async throws
        -> [Int64]
    {
        var ids: [Int64] = []
        for start in stride(from: 0, to: items.count, by: 100) {
            let part = Array(items[start..<min(start + 100, items.count)])
            let job = try await desk.post(
                "/api/v2/\(path ?? kind)/create_many.json", [kind: part])
            ids += try await desk.finished(job)
            if kind == "tickets" { say("\(ids.count) of \(items.count) tickets") }
        }
        return ids
    }

    private func json(
        _ ticket: DemoDesk.Ticket, _ groups: [Int64], _ agents: [Int64], _ customers: [Int64]
    ) -> [String: Any] {
        func time(_ seconds: Int64) -> String {
            Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
        }
        var fields: [String: Any] = [
            "subject": ticket.subject, "requester_id": customers[ticket.requester],
            "status": ticket.status, "type": ticket.type, "tags": ticket.tags,
            "created_at": time(ticket.messages[0].time), "updated_at": time(ticket.updatedAt),
            "comments": ticket.messages.map { message -> [String: Any] in
                let author: Int64 =
                    switch message.author {
                    case .agent(let place): agents[place]
                    case .customer(let place): customers[place]
                    }
                return [
                    "author_id": author, "value": message.text, "public": message.isPublic,
                    "created_at": time(message.time),
                ]
            },
        ]
        if let priority = ticket.priority { fields["priority"] = priority }
        if let solved = ticket.solvedAt { fields["solved_at"] = time(solved) }
        if let assignee = ticket.assignee {
            fields["assignee_id"] = agents[assignee]
            fields["group_id"] = groups[ticket.group]
        }
        return fields
    }

    private func say(_ text: String) {
        if !isQuiet { FileHandle.standardError.write(Data((text + "\n").utf8)) }
    }
}
