import ArgumentParser
import Consensus
import Foundation

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
        let started = clock()
        var proposed = 0
        while proposed < proposals {
            for _ in 0..<min(depth, proposals - proposed) {
                group.propose(bytes: 300)
                proposed += 1
            }
            group.settle()
            group.compact()
        }
        let seconds = Double(clock() - started) / Double(CLOCKS_PER_SEC)
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

/// Replicas that reach each other and their disks at once.
private struct MemoryGroup {
    private var replicas: [Raft] = []
    private var timers: [Set<Consensus.Timer>]
    private var network: [Message] = []
    private var effects: [Effect] = []
    private var persisting: [(replica: Int, sequence: UInt64)] = []
    var steps = 0

    init(voters: Int) {
        let ids = (1...voters).map { ReplicaID(UInt64($0)) }
        let birth = SnapshotHead(position: .zero, configuration: Configuration(voters: ids))
        replicas = ids.map {
            Raft(
                id: $0, hardState: HardState(term: .zero, vote: nil), snapshot: birth,
                applied: .zero)
        }
        timers = replicas.map { _ in [] }
    }

    var runningTimers: Int { timers.reduce(0) { $0 + $1.count } }
    var isCommitted: Bool { replicas[0].commit == replicas[0].last.index }

    mutating func elect() {
        for place in replicas.indices { step(place, .started) }
        step(0, .timerFired(.election))
        settle()
        while let timer = timers[0].first {
            timers[0].remove(timer)
            step(0, .timerFired(timer))
            settle()
        }
    }

    mutating func propose(bytes: Int) { step(0, .propose(entries: 1, bytes: bytes)) }

    mutating func compact() {
        for place in replicas.indices { step(place, .compact(through: replicas[place].ready)) }
    }

    mutating func settle() {
        while !network.isEmpty || !persisting.isEmpty {
            let messages = network
            network.removeAll(keepingCapacity: true)
            for message in messages {
                step(Int(message.to.rawValue) - 1, .received(message))
            }
            let writes = persisting
            persisting.removeAll(keepingCapacity: true)
            for write in writes { step(write.replica, .persisted(sequence: write.sequence)) }
        }
    }

    private mutating func step(_ place: Int, _ event: Event) {
        steps += 1
        effects.removeAll(keepingCapacity: true)
        replicas[place].step(event, &effects)
        for effect in effects {
            switch effect {
            case .send(let message): network.append(message)
            case .write(let write): persisting.append((place, write.sequence))
            case .setTimer(let timer): timers[place].insert(timer)
            case .cancelTimer(let timer): timers[place].remove(timer)
            default: break
            }
        }
    }
}
