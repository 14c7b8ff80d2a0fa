import ArgumentParser
import Foundation
import Measurement
import MicroBenchmarks

/// `lodge-bench micro`: the hot parts of a request, each alone.
struct MicroCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "micro", abstract: "Measure the hot parts of a request, each alone.",
        discussion: """
            CPU time of one thread, in rounds, so that the spread is seen: the least is what the code needs when nothing \
            disturbs it. Every part's outcome is checked; one that did something else than it is for fails the run.
            """)

    @Option(help: "Only these parts: names from --list, separated by commas.")
    var only: String?
    @Option(help: "How many times each part is timed.")
    var rounds = 7
    @Option(help: "full, or tiny for as much as shows that it works.")
    var scale: HotPart.Scale = .full
    @Option(
        help: "Folder for what is put on the disk. The system's temporary folder when left out.")
    var folder: String?
    @Option(help: "Write the result to this file as JSON.")
    var json: String?
    @Flag(help: "Print the parts' names instead of measuring.")
    var list = false

    func validate() throws {
        guard (1...1000).contains(rounds) else { throw ValidationError("--rounds: 1 to 1,000") }
        _ = try parts()
    }

    private func parts() throws -> [HotPart] {
        guard let only else { return HotPart.all }
        let names = only.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let known = Set(HotPart.all.map(\.name))
        if let unknown = names.first(where: { !known.contains($0) }) {
            throw ValidationError("--only: there is no part \"\(unknown)\"; --list names them")
        }
        guard !names.isEmpty else { throw ValidationError("--only names no part") }
        return HotPart.all.filter { names.contains($0.name) }
    }

    func run() throws {
        let parts = try parts()
        let width = parts.map(\.name.count).max() ?? 0
        if list {
            for part in parts { print(pad(part.name, width) + "  " + part.title) }
            return
        }
        let parent = folder ?? NSTemporaryDirectory()
        var result = BenchmarkResult(
            command: "micro", startedAt: ISO8601DateFormatter().string(from: Date()),
            build: .ofThisHarness, machine: MachineFacts.read(folder: parent),
            configuration: ["only": only ?? "", "rounds": "\(rounds)", "scale": scale.rawValue],
            seed: 1)
        print("CPU time of one, \(rounds) rounds")
        print(pad("", width) + "      least     median       most  spread    bytes")
        for part in parts {
            let measured = try ScratchFolder.with(parent) {
                try part.measure(rounds: rounds, scale: scale, folder: $0)
            }
            result.parts.append(measured)
            print(pad(part.name, width) + line(measured) + "  " + part.title)
        }
        try result.write(to: json)
    }

    private func line(_ part: PartResult) -> String {
        let sorted = part.nanosecondsEach.sorted()
        let (least, median, most) = (sorted[0], sorted[sorted.count / 2], sorted[sorted.count - 1])
        let bytes = part.bytesEach.map { String(format: "%9.1f", $0) } ?? "         "
        return String(
            format: "%@ %@ %@ %6.0f%%%@", time(least), time(median), time(most),
            (most / least - 1) * 100, bytes)
    }

    private func time(_ nanoseconds: Double) -> String {
        nanoseconds < 10_000
            ? String(format: "%7.0f ns", nanoseconds)
            : String(format: "%7.1f µs", nanoseconds / 1000)
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text.padding(toLength: width, withPad: " ", startingAt: 0)
    }
}

extension HotPart.Scale: ExpressibleByArgument {}

/// A new folder for one measurement, removed after it, whatever became of it.
enum ScratchFolder {
    static func with<Result>(_ parent: String, _ body: (String) throws -> Result) throws -> Result {
        let path = parent + "/lodge-bench-\(UUID().uuidString)"
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false)
        } catch {
            throw ValidationError(
                "--folder: nothing can be put into \(parent): \(error.localizedDescription)")
        }
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }
}

extension BuildIdentity {
    /// Of a measurement without a node. Which commit the harness is of, nobody has told it.
    static var ofThisHarness: BuildIdentity {
        #if DEBUG
            let configuration = "debug"
        #else
            let configuration = "release"
        #endif
        return BuildIdentity(version: "", commit: "", configuration: configuration)
    }
}

extension BenchmarkResult {
    /// Writes the result where it was asked for; nowhere if it was not.
    func write(to path: String?) throws {
        guard let path else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(fileURLWithPath: path))
    }
}
