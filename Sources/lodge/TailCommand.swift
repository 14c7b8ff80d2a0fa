import ArgumentParser
import Foundation

struct TailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Prints what changed in a shard or a tenant, newest last.",
        discussion: """
            Reads the replicated log through a running node: committed entries only, one for each request that changed rows, with the \
            rows' keys and new values. Values hold customers' data; bytes, such as digests of tokens, are counted, not shown. The log \
            goes back as far as the node keeps it. With --json, one entry a line. Exit status 0; 1 when the node refuses; 69 when none \
            answers.
            """)
    @Option(help: "The shard's number; 0 is the directory.") var shard: Int?
    @Option(help: "Only this tenant's entries; its shard is looked up.") var tenant: String?
    @Option(
        name: [.customShort("n"), .long], help: "How many of the log's last entries to look at.")
    var last = 20
    @Option(help: "Begin after this entry instead.") var after: Int64?
    @Flag(name: .shortAndLong, help: "Go on with what happens from now on, until interrupted.")
    var follow = false
    @OptionGroup var node: NodeOptions

    func validate() throws {
        if shard == nil && tenant == nil {
            throw ValidationError("name what to watch: --shard NUMBER or --tenant NAME")
        }
        if last < 0 || (after ?? 0) < 0 { throw ValidationError("entries are counted from 0") }
    }

    func run() async throws {
        try await reportingFailures {
            let client = try AdminClient(node)
            let shard = try await wantedShard(client)
            let end = try await page(client, shard, after: nil).committed
            var next = after ?? max(0, end - Int64(last))
            while true {
                let page = try await page(client, shard, after: next)
                if page.oldest > next + 1 {
                    report("entries before \(page.oldest) are not in this node's log any more")
                }
                for entry in page.entries { try show(entry) }
                fflush(nil)
                let isNews = page.through > next
                next = max(next, page.through)
                if next >= end && !follow { return }
                if !isNews { try await Task.sleep(for: .milliseconds(500)) }
            }
        }
    }

    private func report(_ text: String) {
        FileHandle.standardError.write(Data("lodge: \(text)\n".utf8))
    }

    private func wantedShard(_ client: AdminClient) async throws -> Int {
        guard let tenant else { return shard! }
        struct Answer: Decodable { let shard: Int }
        let name = tenant.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let data = try await client.call(.get, "/admin/v1/tenants/\(name)")
        let home = try JSONDecoder().decode(Answer.self, from: data).shard
        if let shard, shard != home {
            throw CommandFailure(description: "\(tenant) is on shard \(home)", status: 64)
        }
        return home
    }

    // MARK: Pages

    private struct Page {
        let entries: [[String: Any]]
        let through: Int64
        let oldest: Int64
        let committed: Int64
    }

    private func page(_ client: AdminClient, _ shard: Int, after: Int64?) async throws -> Page {
        var query: [String] = []
        if let after { query.append("after=\(after)") }
        if let tenant {
            let name = tenant.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            query.append("tenant=\(name)")
        }
        let data = try await client.call(
            .get, "/admin/v1/shards/\(shard)/changes?\(query.joined(separator: "&"))")
        guard let page = try JSONSerialization.jsonObject(with: data) as? [String: Any],
            let entries = page["entries"] as? [[String: Any]],
            let through = page["through"] as? NSNumber, let oldest = page["oldest"] as? NSNumber,
            let committed = page["committed"] as? NSNumber
        else { throw CommandFailure(description: "the node's answer is not understood") }
        return Page(
            entries: entries, through: min(through.int64Value, committed.int64Value),
            oldest: oldest.int64Value, committed: committed.int64Value)
    }

    // MARK: Printing

    private func show(_ entry: [String: Any]) throws {
        if node.json {
            let data = try JSONSerialization.data(
                withJSONObject: entry, options: [.sortedKeys, .withoutEscapingSlashes])
            print(String(decoding: data, as: UTF8.self))
            return
        }
        let tenant = entry["tenant"] as? String ?? "tenant \(entry["tenant_id"] ?? "?")"
        let head = "\(entry["index"] ?? "?")  \(entry["time"] ?? "?")  \(tenant)"
        if let step = entry["schema_step"] as? Int { print("\(head)  schema step \(step)") }
        for change in entry["changes"] as? [[String: Any]] ?? [] {
            var words = [head, "\(change["operation"] ?? "?")", "\(change["table"] ?? "?")"]
            words.append(text(change["key"]))
            words.append(text(change["columns"]))
            print(words.filter { !$0.isEmpty }.joined(separator: "  "))
        }
    }

    private func text(_ columns: Any?) -> String {
        guard let columns = columns as? [String: Any] else { return "" }
        return columns.sorted { $0.key < $1.key }.map { name, value in
            switch value {
            case is NSNull: "\(name)=null"
            case let text as String: "\(name)=\(Self.quoted(text))"
            default: "\(name)=\(value)"
            }
        }.joined(separator: " ")
    }

    /// Short, on one line, and without anything that a terminal would obey.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars.prefix(120) {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            default:
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
                    result += "\\u{\(String(scalar.value, radix: 16))}"
                default: result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + (text.unicodeScalars.count > 120 ? "…\"" : "\"")
    }
}
