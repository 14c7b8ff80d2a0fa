import ArgumentParser
import Foundation

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Says whether the node takes requests and what it holds.")
    @OptionGroup var node: NodeOptions

    func run() async throws {
        struct Answer: Codable {
            let admin: String
            let ready: Bool
            let tenants: Int
        }
        try await reportingFailures {
            let client = try AdminClient(node)
            struct Count: Decodable { let count: Int }
            let list = try await client.call(.get, "/admin/v1/tenants?limit=1")
            let isReady: Bool
            do {
                _ = try await client.call(.get, "/readyz")
                isReady = true
            } catch let failure as CommandFailure where failure.status == 1 { isReady = false }
            let answer = Answer(
                admin: client.url, ready: isReady,
                tenants: try JSONDecoder().decode(Count.self, from: list).count)
            if node.json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                printJSON(try encoder.encode(answer))
            } else {
                print("\(answer.admin) is \(isReady ? "ready" : "not ready")")
                print("tenants: \(answer.tenants)")
            }
            if !isReady { throw ExitCode(1) }
        }
    }
}

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Makes, lists and revokes operators' tokens.",
        subcommands: [TokenCreate.self, TokenList.self, TokenRevoke.self])
}

private struct OperatorToken: Decodable {
    let id: Int64
    let label: String
    let createdAt: String
    let token: String?
}

struct TokenCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes an operator's token and prints it once.")
    @Argument(help: "Who or what it is for.") var label: String
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            let data = try await AdminClient(node).call(
                .post, "/admin/v1/tokens", body: JSONBody("token", ["label": label]))
            if node.json { return printJSON(data) }
            let token = try Tenant.decoder.decode(OperatorToken.self, from: data)
            print("\(token.token ?? "")")
        }
    }
}

struct TokenList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists operators' tokens without their secrets.")
    @OptionGroup var node: NodeOptions
    func run() async throws {
        struct Answer: Decodable { let tokens: [OperatorToken] }
        try await reportingFailures {
            let data = try await AdminClient(node).call(.get, "/admin/v1/tokens")
            if node.json { return printJSON(data) }
            for token in try Tenant.decoder.decode(Answer.self, from: data).tokens {
                print("\(token.id)\t\(token.createdAt)\t\(token.label)")
            }
        }
    }
}

struct TokenRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Revokes an operator's token at once.")
    @Argument(help: "Its number, as list shows it.") var id: Int64
    @OptionGroup var node: NodeOptions
    func run() async throws {
        try await reportingFailures {
            _ = try await AdminClient(node).call(.delete, "/admin/v1/tokens/\(id)")
            print(node.json ? "{\"id\":\(id),\"revoked\":true}" : "token \(id) is revoked")
        }
    }
}
