import ArgumentParser
import Consensus
import Foundation
import Simulation

/// Runs simulated clusters from seeds: `lodge-sim run --seeds 1000`.
@main
struct LodgeSim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lodge-sim",
        abstract: "Run whole clusters, with faults, in virtual time, each from one seed.",
        discussion: """
            A run is decided by its seed alone: what fails once fails again. Exit status 1 means that at least one seed \
            failed; each is printed as one line with the command that repeats it.
            """,
        subcommands: [Run.self, Clocks.self], defaultSubcommand: Run.self)
}

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run one seed, or a range of them.")

    @Option(help: "How many seeds to run.")
    var seeds: Int = 100
    @Option(name: .customLong("from"), help: "The first seed of the range.")
    var first: UInt64 = 1
    @Option(help: "Run this seed alone.")
    var seed: UInt64?
    @Flag(
        help: "With --seed: print everything that happens, with its virtual time in microseconds.")
    var trace = false
    @Option(help: "With --seed: write what the clients saw to this file, as JSON Lines.")
    var history: String?
    @Option(help: "How long clients and faults go on, in virtual seconds.")
    var duration: Int = 60
    @Option(help: "How many seeds in a hundred run on real SQLite files.")
    var shardStore: Int = 5
    @Option(help: "How many threads run seeds; all cores by default.")
    var threads: Int?
    @Flag(help: "Print one JSON object at the end instead of text.")
    var json = false
    @Option(help: "Plant a mistake and see whether it is found. Debug builds only.")
    var plant: String?

    @Flag(help: "List the mistakes that can be planted.")
    var listPlanted = false

    func validate() throws {
        guard seeds > 0 else { throw ValidationError("--seeds must be at least 1.") }
        guard duration > 0, duration <= 86_400 else {
            throw ValidationError("--duration must be 1 to 86400 seconds.")
        }
        guard (0...100).contains(shardStore) else {
            throw ValidationError("--shard-store must be 0 to 100.")
        }
        if trace || history != nil, seed == nil {
            throw ValidationError("--trace and --history need --seed.")
        }
        if threads.map({ $0 < 1 }) == true {
            throw ValidationError("--threads must be at least 1.")
        }
        if let plant, plantedBug == nil {
            let names = PlantedBugs.all.map(\.name).joined(separator: ", ")
            throw ValidationError("--plant \(plant) is not known. Known: \(names).")
        }
        #if !PLANTED_BUGS
            if plant != nil {
                throw ValidationError(
                    "--plant needs a build that can plant mistakes: a debug build.")
            }
        #endif
    }

    private var plantedBug: PlantedBugs? { PlantedBugs.all.first { $0.name == plant }?.bug }

    func run() throws {
        if listPlanted {
            for (name, _) in PlantedBugs.all { print(name) }
            return
        }
        if let seed { try runOne(seed) } else { try runRange() }
    }

    private func runOne(_ seed: UInt64) throws {
        let result = try simulate(seed, trace: trace ? { print($0) } : nil)
        if let history {
            let lines = result.history.map { $0.json + "\n" }.joined()
            try Data(lines.utf8).write(to: URL(fileURLWithPath: history))
        }
        var summary = Summary()
        summary.add(result)
        report(summary, seconds: nil)
        if result.failure != nil { throw ExitCode(1) }
    }

    private func runRange() throws {
        let started = ContinuousClock.now
        let seeds = (0..<UInt64(self.seeds)).map { first + $0 }
        let summary = SharedSummary()
        let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            for place in stride(from: thread, to: seeds.count, by: threads) {
                if plant != nil, summary.hasFailure(before: seeds[place]) { return }
                let result: RunResult
                do { result = try simulate(seeds[place]) } catch {
                    result = RunResult(fault: error, seed: seeds[place])
                }
                summary.add(result)
                if let failure = result.failure, !json {
                    print("seed \(result.seed) failed: \(failure) (\(command(result.seed)))")
                }
            }
        }
        let elapsed = ContinuousClock.now - started
        let seconds =
            Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        report(summary.value, seconds: seconds)
        if !summary.value.failures.isEmpty { throw ExitCode(1) }
    }

    private func simulate(_ seed: UInt64, trace: ((String) -> Void)? = nil) throws -> RunResult {
        try Simulation.run(
            seed: seed, duration: Int64(duration) * 1_000_000, shardStorePercent: shardStore,
            bugs: plantedBug ?? [], trace: trace)
    }

    private func command(_ seed: UInt64) -> String {
        var words = ["lodge-sim run --seed \(seed)"]
        if duration != 60 { words.append("--duration \(duration)") }
        if shardStore != 5 { words.append("--shard-store \(shardStore)") }
        if let plant { words.append("--plant \(plant)") }
        return words.joined(separator: " ")
    }

    private func report(_ summary: Summary, seconds: Double?) {
        let statistics = summary.statistics
        if json {
            var object: [String: Any] = [
                "seeds": summary.seeds,
                "failures": summary.failures.map {
                    ["seed": $0.seed, "failure": $0.failure, "command": command($0.seed)]
                },
            ]
            for field in statistics.fields { object[field.name] = field.value }
            if let seconds { object["seconds"] = seconds }
            if let data = try? JSONSerialization.data(
                withJSONObject: object, options: [.sortedKeys, .prettyPrinted])
            {
                print(String(decoding: data, as: UTF8.self))
            }
            return
        }
        for failure in summary.failures where seed != nil {
            print("seed \(failure.seed) failed: \(failure.failure)")
        }
        print("\(summary.seeds) seeds, \(summary.failures.count) failed")
        for field in statistics.fields { print("  \(field.name) \(field.value)") }
        if let seconds {
            let rate = Double(summary.seeds) / seconds * 60
            print("  \(Int(rate)) seeds a minute, \(Int(seconds)) s")
        }
    }
}

/// What a range of runs came to.
struct Summary {
    var seeds = 0
    var statistics = Statistics()
    var failures: [(seed: UInt64, failure: String)] = []

    mutating func add(_ result: RunResult) {
        seeds += 1
        statistics.add(result.statistics)
        if let failure = result.failure { failures.append((result.seed, failure)) }
    }
}

/// A summary that several threads add to. Every access holds the lock.
final class SharedSummary: @unchecked Sendable {
    private let lock = NSLock()
    private var summary = Summary()

    var value: Summary { lock.withLock { summary } }
    func add(_ result: RunResult) { lock.withLock { summary.add(result) } }
    func hasFailure(before seed: UInt64) -> Bool {
        lock.withLock { summary.failures.contains { $0.seed < seed } }
    }
}
