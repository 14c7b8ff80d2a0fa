import Foundation
import Testing

/// The scripts in `Scripts/`: commands, and under each `----` what the replicas did. `UPDATE_SCRIPTS=1` records anew; what it
/// records is to be read before it is committed.
@Suite struct ScriptTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Scripts")

    static var names: [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix(".txt") }.sorted()
    }

    @Test func `There are scripts`() { #expect(Self.names.count >= 25) }

    @Test(arguments: names) func `Replicas do what the script records`(_ name: String) throws {
        let file = Self.folder.appendingPathComponent(name)
        let text = try String(contentsOf: file, encoding: .utf8)
        let group = ScriptedGroup()
        var result: [String] = []
        for paragraph in text.components(separatedBy: "\n\n") {
            let lines = paragraph.split(separator: "\n").map(String.init)
            let commands = lines.prefix { $0 != "----" }
            result.append(
                try commands.map { line in line }.joined(separator: "\n")
                    + run(commands.filter { !$0.hasPrefix("#") }, group))
        }
        let now = result.joined(separator: "\n\n") + "\n"
        if ProcessInfo.processInfo.environment["UPDATE_SCRIPTS"] == "1" {
            try now.write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(now == text, "\(name): if this is meant, record it with UPDATE_SCRIPTS=1")
        }
    }

    private func run(_ commands: [String], _ group: ScriptedGroup) throws -> String {
        guard !commands.isEmpty else { return "" }
        var lines: [String] = []
        for command in commands { lines += try group.run(command) }
        return "\n----\n" + lines.joined(separator: "\n")
    }
}
