import ArgumentParser
import Foundation
import Measurement
import MicroBenchmarks

/// `lodge-bench limits`: what the machine can do at all.
struct LimitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limits", abstract: "Measure what this machine can do at all.",
        discussion: """
            Syncs of the disk, round trips over loopback, wake-ups, one SQLite on the rows of a ticket, TLS, zlib and \
            memory, with nothing of Lodge in the way. Run it on a machine that does nothing else.
            """)

    @Option(help: "Seconds for each limit.")
    var seconds = 1.0
    @Option(
        help:
            "Folder on the disk that is to be measured. The system's temporary folder when left out."
    )
    var folder: String?
    @Option(help: "Write the result to this file as JSON.")
    var json: String?

    func validate() throws {
        guard seconds >= 0.01, seconds <= 3600 else {
            throw ValidationError("--seconds: 0.01 to 3,600")
        }
    }

    func run() throws {
        let folder = folder ?? NSTemporaryDirectory()
        let machine = MachineFacts.read(folder: folder)
        var result = BenchmarkResult(
            command: "limits", startedAt: ISO8601DateFormatter().string(from: Date()),
            build: .ofThisHarness, machine: machine,
            configuration: ["seconds": "\(seconds)", "folder": folder], seed: 1)
        print(
            """
            \(machine.processor), \(machine.cores) cores, \(machine.memoryBytes >> 20) MiB, \
            \(machine.kernel), \(machine.fileSystem)
            """)
        if machine.fileSystem == "tmpfs" || machine.fileSystem == "ramfs" {
            print("\(folder) is in memory: its syncs are no disk's; give another --folder")
        }
        for group in MachineLimits.groups {
            for limit in try group.measure(seconds: seconds, folder: folder) {
                result.limits.append(limit)
                print(Self.line(limit))
            }
        }
        try result.write(to: json)
    }

    private static func line(_ limit: Limit) -> String {
        let name = limit.name.padding(toLength: 26, withPad: " ", startingAt: 0)
        let unit = limit.unit.padding(toLength: 5, withPad: " ", startingAt: 0)
        let value = String(format: limit.value < 100 ? "%10.2f" : "%10.0f", limit.value)
        let times =
            limit.latency.map { String(format: "p50 %7.1f µs, p99 %8.1f µs", $0.p50, $0.p99) }
            ?? String(repeating: " ", count: 31)
        return "\(name)\(value) \(unit) \(times)  \(limit.title)"
    }
}
