import ArgumentParser
import Foundation

/// A tenant as the node describes it.
struct Tenant: Decodable {
    struct Limits: Decodable {
        let requestsPerMinute: Int
        let agents: Int
        let storageBytes: Int64
    }
    struct Admin: Decodable {
        let email: String
        let token: String
    }
    let tenant: String
    let id: Int64
    let hosts: [String]
    let state: String
    let plan: String
    let limits: Limits
    let shard: Int
    let createdAt: String
    let admin: Admin?

    static func decode(_ data: Data) throws -> Tenant {
        try decoder.decode(Tenant.self, from: data)
    }

    static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    func printForPeople() {
        print("tenant   \(tenant) (\(state))")
        print("id       \(id), shard \(shard), since \(createdAt)")
        print("hosts    \(hosts.joined(separator: " "))")
        print(
            "plan     \(plan): \(limits.requestsPerMinute) requests/min, \(limits.agents) agents, \(limits.storageBytes) bytes of files"
        )
        if let admin {
            print("admin    \(admin.email)")
            print("token    \(admin.token)   (shown this once)")
        }
    }
}

struct TenantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenant", abstract: "Makes, lists and changes tenants.",
        subcommands: [
            TenantCreate.self, TenantList.self, TenantShow.self, TenantSuspend.self,
            TenantResume.self, TenantDelete.self, TenantLimitsCommand.self, TenantHostname.self,
            TenantToken.self,
        ])
}

/// The name of the tenant a command is about.
struct TenantName: ParsableArguments {
    @Argument(help: "The tenant's name: the first label of its host.") var name: String
    var path: String { "/admin/v1/tenants/\(pathSegment(name))" }
}

struct TenantCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes a tenant with its first admin.",
        discussion: "The admin's API token is printed once and cannot be shown again.")

    @OptionGroup var tenant: TenantName
    @Option(help: "Mail address of the first admin.") var adminEmail: String
    @Option(help: "Name of the first admin.") var adminName: String?
    @Option(help: "Name of the plan. Default standard.") var plan: String?
    @OptionGroup var limits: LimitOptions
    @OptionGroup var node: NodeOptions

    func run() async throws {
        try await reportingFailures {
            let data = try await AdminClient(node).call(
                .post, "/admin/v1/tenants",
                body: JSONBody(
                    "tenant",
                    [
                        "name": tenant.name, "admin_email": adminEmail, "admin_name": adminName,
                        "admin_token": newToken(), "plan": plan, "limits": limits.members,
                    ]), mayRepeat: true)
            node.json ? printJSON(data) : try Tenant.decode(data).printForPeople()
        }
    }
}

/// A token made here, so that a request whose answer was lost may be sent again: the node knows it by the token.
private func newToken() -> String {
    var generator = SystemRandomNumberGenerator()
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    return String((0..<40).map { _ in letters.randomElement(using: &generator)! })
}

struct LimitOptions: ParsableArguments {
    @Option(help: "Requests a minute, all users together.") var requestsPerMinute: Int?
    @Option(help: "Agents and admins.") var agents: Int?
    @Option(help: "Bytes of attachments.") var storageBytes: Int?

    var members: [String: Int]? {
        let all = [
            "requests_per_minute": requestsPerMinute, "agents": agents,
            "storage_bytes": storageBytes,
        ].compactMapValues { $0 }
        return all.isEmpty ? nil : all
    }
}

struct TenantList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists tenants by name.")
    @Option(help: "At most this many, 1-1000.") var limit = 100
    @Option(help: "Begin after this name.") var after: String?
    @OptionGroup var node: NodeOptions

    func run() async throws {
        struct Answer: Decodable {
            let tenants: [Tenant]
            let count: Int
            let nextAfter: String?
        }
        try await reportingFailures {
            let start = after.map { "&after=\(pathSegment($0))" } ?? ""
            let data = try await AdminClient(node).call(
                .get, "/admin/v1/tenants?limit=\(limit)\(start)")
            if node.json { return printJSON(data) }
            let answer = try Tenant.decoder.decode(Answer.self, from: data)
            for tenant in answer.tenants {
                print("\(tenant.tenant)\t\(tenant.state)\t\(tenant.plan)\t\(tenant.hosts[0])")
            }
            if let next = answer.nextAfter {
                print("\(answer.count) in all; go on with --after \(next)")
            }
        }
    }
}

struct TenantShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows one tenant.")
    @OptionGroup var tenant: TenantName
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            let data = try await AdminClient(node).call(.get, tenant.path)
            node.json ? printJSON(data) : try Tenant.decode(data).printForPeople()
        }
    }
}

struct TenantSuspend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suspend", abstract: "Refuses a tenant's requests until it is resumed.")
    @OptionGroup var tenant: TenantName
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            let data = try await AdminClient(node).call(.post, tenant.path + "/suspend")
            node.json ? printJSON(data) : try Tenant.decode(data).printForPeople()
        }
    }
}

struct TenantResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Takes a suspended tenant, or one marked for deletion, back into service.")
    @OptionGroup var tenant: TenantName
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            let data = try await AdminClient(node).call(.post, tenant.path + "/resume")
            node.json ? printJSON(data) : try Tenant.decode(data).printForPeople()
        }
    }
}

struct TenantDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Marks a tenant for deletion; again with --permanently, erases it.",
        discussion: "Marked, a tenant refuses requests and loses nothing; resume brings it back.")
    @OptionGroup var tenant: TenantName
    @Flag(help: "Erase a tenant that is marked. Nothing brings it back.") var permanently = false
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            let client = try AdminClient(node)
            if permanently {
                _ = try await client.call(.delete, tenant.path + "?permanently=true")
                print(
                    node.json
                        ? "{\"tenant\":\"\(tenant.name)\",\"state\":\"erased\"}"
                        : "\(tenant.name) is erased")
                return
            }
            let data = try await client.call(.delete, tenant.path)
            if node.json { return printJSON(data) }
            print("\(tenant.name) is marked for deletion; erase it with --permanently")
        }
    }
}

struct TenantLimitsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limits", abstract: "Shows or changes a tenant's plan and limits.")
    @OptionGroup var tenant: TenantName
    @Option(help: "Name of the plan.") var plan: String?
    @OptionGroup var limits: LimitOptions
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            let client = try AdminClient(node)
            let data =
                plan == nil && limits.members == nil
                ? try await client.call(.get, tenant.path)
                : try await client.call(
                    .put, tenant.path,
                    body: JSONBody("tenant", ["plan": plan, "limits": limits.members]))
            node.json ? printJSON(data) : try Tenant.decode(data).printForPeople()
        }
    }
}

struct TenantHostname: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hostname", abstract: "Adds or removes a tenant's own host name.")
    enum Verb: String, ExpressibleByArgument, CaseIterable { case add, remove }
    @Argument(help: "add or remove.") var verb: Verb
    @OptionGroup var tenant: TenantName
    @Argument(help: "A full host name, such as help.acme.example.") var hostname: String
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            let data = try await AdminClient(node).call(
                verb == .add ? .put : .delete, "\(tenant.path)/hostnames/\(pathSegment(hostname))")
            node.json ? printJSON(data) : try Tenant.decode(data).printForPeople()
        }
    }
}

struct TenantToken: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Issues a new API token for an admin who lost theirs.")
    @OptionGroup var tenant: TenantName
    @Option(help: "The admin's mail address.") var adminEmail: String
    @OptionGroup var node: NodeOptions
    func run() async throws {
        struct Answer: Decodable { let admin: Tenant.Admin }
        try await reportingFailures {
            let data = try await AdminClient(node).call(
                .post, tenant.path + "/tokens",
                body: JSONBody("token", ["email": adminEmail, "token": newToken()]),
                mayRepeat: true)
            if node.json { return printJSON(data) }
            print(try Tenant.decoder.decode(Answer.self, from: data).admin.token)
        }
    }
}
