import ArgumentParser
import Foundation
import MicroBenchmarks

/// What the consensus core costs: a whole group in one thread, with a network and disks that take no time.
struct ConsensusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "consensus", abstract: "Measure steps of the consensus core.",
        discussion: """
            For allocations a proposal, run Benchmarks/allocations/run.
            """)

    @Option(help: "How many proposals to commit.")
    var proposals: Int = 200_000
    @Option(help: "How many voters.")
    var voters: Int = 3
    @Option(help: "How many proposals are under way at once.")
    var depth: Int = 8
    @Option(help: "How many idle groups to hold beside it.")
    var idleGroups: Int = 1000
    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard (1...9).contains(voters) else { throw ValidationError("--voters must be 1 to 9.") }
        guard proposals > 0, depth > 0, idleGroups >= 0 else {
            throw ValidationError("--proposals and --depth must be positive.")
        }
    }

    func run() throws {
        var group = MemoryGroup(voters: voters)
        group.elect()
        let idle = (0..<idleGroups).map { _ in
            var group = MemoryGroup(voters: 3)
            group.elect()
            return group
        }
        group.steps = 0
        let started = SystemClock.processCPU
        var proposed = 0
        while proposed < proposals {
            for _ in 0..<min(depth, proposals - proposed) {
                group.propose(bytes: 300)
                proposed += 1
            }
            group.settle()
            group.compact()
        }
        let seconds = SystemClock.processCPU - started
        precondition(group.isCommitted, "everything proposed is committed")
        let idleTimers = idle.reduce(0) { $0 + $1.runningTimers }
        if json {
            print(
                """
                {"voters":\(voters),"proposals":\(proposals),"steps":\(group.steps),\
                "steps_per_second":\(Int(Double(group.steps) / seconds)),\
                "proposals_per_second":\(Int(Double(proposals) / seconds)),\
                "microseconds_per_proposal":\(seconds / Double(proposals) * 1e6),\
                "timers_running_in_idle_groups":\(idleTimers)}
                """)
        } else {
            print("\(voters) voters, \(proposals) proposals, \(depth) at a time")
            print("  steps a second        \(Int(Double(group.steps) / seconds))")
            print("  proposals a second    \(Int(Double(proposals) / seconds))")
            print(
                "  CPU a proposal        \(String(format: "%.2f", seconds / Double(proposals) * 1e6)) µs, all replicas"
            )
            print("  \(idleGroups) idle groups have \(idleTimers) timers running")
        }
    }
}
