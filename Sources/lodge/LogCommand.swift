import ArgumentParser
import Foundation
import LogStore
import Wire

struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Looks into a node's log.", subcommands: [LogInspect.self])
}

struct LogInspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Prints the records of a node's log.",
        discussion: """
            Reads the files and changes nothing; of a running node the newest records may be missing. Exit status 1 when the log is \
            damaged.
            """)
    @Option(help: "The node's data folder. Default ./lodge-data.") var data = "./lodge-data"
    @Option(help: "Only this shard's records.") var shard: Int?
    @Flag(help: "Print a JSON object a line.") var json = false

    func run() async throws {
        try await reportingFailures {
            var isDamaged = false
            do {
                try LogInspection.inspect(folder: data + "/log", files: DiskFiles()) { item in
                    if item.kind.contains("damage") { isDamaged = true }
                    if let shard, let found = item.shard, Int(found.rawValue) != shard { return }
                    print(json ? try line(item) : item.description)
                }
            } catch let failure as CommandFailure { throw failure } catch {
                throw CommandFailure(description: "\(data)/log: \(error)", status: 66)
            }
            if isDamaged { throw ExitCode(1) }
        }
    }

    private func line(_ item: LogInspection.Item) throws -> String {
        var members: [String: Any] = [
            "segment": item.segment, "offset": item.offset, "kind": item.kind,
        ]
        members["batch"] = item.batch
        members["shard"] = item.shard.map { Int($0.rawValue) }
        members["replica"] = item.replica.map { String($0) }
        members["term"] = item.term
        members["vote"] = item.vote.map { String($0) }
        members["first_index"] = item.firstIndex
        members["last_index"] = item.lastIndex
        members["bytes"] = item.bytes
        members["content"] = item.content
        members["configuration"] = item.configuration
        members["note"] = item.note
        let data = try JSONSerialization.data(withJSONObject: members, options: [.sortedKeys])
        return String(decoding: data, as: UTF8.self)
    }
}
