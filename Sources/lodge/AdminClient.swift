import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// What is wrong, for who typed the command, with the status the process ends with.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
    /// 1 when the node refused, 69 when none answered, 64 when it was asked wrongly (`sysexits.h`).
    var status: Int32 = 1
    /// Whether it may have had its effect.
    var isUncertain = false
}

/// Where the node is; options that all commands share.
struct NodeOptions: ParsableArguments {
    @Option(help: "The node's data folder. Default ./lodge-data.") var data: String?
    @Flag(help: "Print the node's answer as JSON.") var json = false
}

/// Speaks to a node's operator listener.
struct AdminClient {
    enum Method: String { case get = "GET", post = "POST", put = "PUT", delete = "DELETE" }

    let url: String
    private let token: String

    /// `--data` wins over the environment, that over `./lodge-data`.
    init(_ options: NodeOptions) throws {
        let environment = ProcessInfo.processInfo.environment
        let url = environment["LODGE_ADMIN_URL"].flatMap { $0.isEmpty ? nil : $0 }
        let token = environment["LODGE_ADMIN_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
        if options.data == nil, let url, let token {
            self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
            self.token = token
            return
        }
        let folder = options.data ?? "./lodge-data"
        if options.data == nil, let url {
            self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        } else {
            self.url = "http://" + (try Self.address(in: folder))
        }
        self.token = try token.flatMap { options.data == nil ? $0 : nil } ?? Self.token(in: folder)
    }

    /// Options win over the environment.
    init(url: String?, token: String?) throws {
        let environment = ProcessInfo.processInfo.environment
        guard let url = url ?? environment["LODGE_ADMIN_URL"], !url.isEmpty else {
            throw CommandFailure(
                description: "name a running node's operator listener with --url http://HOST:PORT",
                status: 64)
        }
        guard let token = token ?? environment["LODGE_ADMIN_TOKEN"], !token.isEmpty else {
            throw CommandFailure(
                description: "give an operator's token with --token or LODGE_ADMIN_TOKEN",
                status: 64)
        }
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.token = token
    }

    private static func address(in folder: String) throws -> String {
        struct Addresses: Decodable { let admin: String }
        let path = folder + "/node.json"
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw CommandFailure(
                description:
                    "no node runs with the data folder \(folder) (there is no \(path)); start lodged, or name its folder with --data",
                status: 69)
        }
        guard let addresses = try? JSONDecoder().decode(Addresses.self, from: bytes) else {
            throw CommandFailure(description: "\(path) is damaged; restart lodged", status: 69)
        }
        return addresses.admin
    }

    private static func token(in folder: String) throws -> String {
        let path = folder + "/operator-token"
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw CommandFailure(
                description: "cannot read \(path); set LODGE_ADMIN_TOKEN to an operator's token",
                status: 69)
        }
        return String(decoding: bytes, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Sends a request and gives the body of a good answer. What may be sent twice is sent again, for half a minute, while nobody knows
    /// whether it had its effect: a leader was lost just then.
    /// - Throws: `CommandFailure` with the node's own words for a refusal.
    func call(
        _ method: Method, _ path: String, body: JSONBody? = nil, mayRepeat: Bool? = nil
    ) async throws -> Data {
        let mayRepeat = mayRepeat ?? (method == .get || method == .put)
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do { return try await callOnce(method, path, body) } catch let failure as CommandFailure
                where failure.isUncertain && mayRepeat && ContinuousClock.now < deadline
            {
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    private func callOnce(_ method: Method, _ path: String, _ body: JSONBody?) async throws -> Data
    {
        var request = HTTPClientRequest(url: url + path)
        request.method = HTTPMethod(rawValue: method.rawValue)
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: try body.data()))
        }
        let answer: HTTPClientResponse
        let bytes: ByteBuffer
        do {
            answer = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
            bytes = try await answer.body.collect(upTo: 16 << 20)
        } catch {
            throw CommandFailure(
                description: "no node answers at \(url); is lodged running? (\(error))", status: 69)
        }
        let data = Data(bytes.readableBytesView)
        guard (200..<300).contains(answer.status.code) else {
            throw Self.refusal(data, answer.status)
        }
        return data
    }

    /// The words of an error answer: `{"error": "NameTaken", "description": "…"}`, or the fields of a refused record.
    private static func refusal(_ data: Data, _ status: HTTPResponseStatus) -> CommandFailure {
        struct Answer: Decodable {
            struct Detail: Decodable { let description: String }
            let error: String?
            let description: String?
            let details: [String: [Detail]]?
        }
        guard let answer = try? JSONDecoder().decode(Answer.self, from: data) else {
            return CommandFailure(
                description: "the node answered \(status.code) \(status.reasonPhrase)")
        }
        let fields = (answer.details ?? [:]).sorted { $0.key < $1.key }.flatMap {
            $0.value.map(\.description)
        }
        let words = fields.isEmpty ? [answer.description ?? ""] : fields
        return CommandFailure(
            description:
                "\(words.joined(separator: "; ")) (\(answer.error ?? String(status.code)))",
            isUncertain: answer.error == "OutcomeUnknown")
    }
}

/// A request's body: an object under one key.
struct JSONBody {
    let key: String
    let members: [String: any Sendable]

    init(_ key: String, _ members: [String: (any Sendable)?]) {
        self.key = key
        self.members = members.compactMapValues { $0 }
    }

    func data() throws -> Data {
        try JSONSerialization.data(withJSONObject: [key: members], options: [.sortedKeys])
    }
}

/// Runs a command's work, with failures as one line on standard error and a status.
func reportingFailures(_ body: () async throws -> Void) async throws {
    do { try await body() } catch let failure as CommandFailure {
        FileHandle.standardError.write(Data("lodge: \(failure.description)\n".utf8))
        throw ExitCode(failure.status)
    }
}

/// A part of an address, percent-encoded.
func pathSegment(_ text: String) -> String {
    text.addingPercentEncoding(
        withAllowedCharacters: CharacterSet(
            charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"))
        ?? ""
}

/// Prints an answer as it came, on one line.
func printJSON(_ data: Data) { print(String(decoding: data, as: UTF8.self)) }
