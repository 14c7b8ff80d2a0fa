import ArgumentParser
import Foundation
import Glibc
import LoadGenerator
import Measurement
import MicroBenchmarks

/// `lodge-bench run`: a cluster under load, over its public HTTP interface.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Load a cluster over HTTP, check every answer, read every write back.",
        discussion: """
            Without options it is the canonical workload: three nodes started on free ports, 100 tenants whose sizes fall \
            as 1/rank (5,000 tickets in all), create : update : comment : get : list : search = 1 : 3 : 2 : 10 : 3 : 1, \
            seed 1; first a closed loop of 64 clients for 15 s, then an open loop of Poisson arrivals for 15 s at half \
            of the rate that the closed loop reached, each after 3 s of warm-up. Latency of the open loop counts from when a \
            request was due.

            Presets: --read-heavy is 1 : 2 : 2 : 75 : 15 : 5, --writes-only 1 : 3 : 2, --reads-only gets of single \
            tickets. Lists are pages of 25 by time of change, searches pages of 10 by a word. All reads are linearizable.

            A wrong answer, a write that is not found at the end, and a node that ended by itself or did not end when it \
            was told to make the status 1.
            """)

    @Option(help: "Folder of lodged and lodge; that of lodge-bench when left out.")
    var bin: String?
    @Option(help: "Nodes to start, 3 when left out.")
    var nodes: Int?
    @Option(help: "Shards of the new cluster; its own default when left out.")
    var shards: Int?
    @Option(
        help:
            "Directory of a cluster that deploy/local-cluster started; it is used and left running."
    )
    var cluster: String?
    @Option(help: "Seconds of each load, 15 when left out.")
    var seconds: Double?
    @Option(help: "Seconds of load before each that count nowhere, 3 when left out.")
    var warmUp: Double?
    @Option(help: "What all that is asked for follows from.")
    var seed: UInt64 = 1
    @Option(help: "Tenants, 100 when left out.")
    var tenants: Int?
    @Option(help: "Tickets of a tenant before the load, on average; 50 when left out.")
    var tickets: Int?
    @Option(help: "A closed loop with so many clients, and nothing else.")
    var clients: Int?
    @Option(help: "An open loop with so many requests a second, and nothing else.")
    var rate: Double?
    @Option(help: "Connections of the open loop, 64 when left out.")
    var connections: Int?
    @Flag(help: "Speak HTTPS.")
    var tls = false
    @Option(help: "Ratio of operations, such as create=1,update=3,get=10.")
    var mix: String?
    @Flag(help: "19 of 20 requests are reads.")
    var readHeavy = false
    @Flag(help: "Creates, updates and comments, 1 : 3 : 2.")
    var writesOnly = false
    @Flag(help: "Gets of single tickets.")
    var readsOnly = false
    @Flag(help: "Nine of ten requests are for one tenant.")
    var oneHotTenant = false
    @Flag(help: "Four times the open loop's rate in the last 2 of each 10 s.")
    var burst = false
    @Option(help: "Make so many tenants, watch the nodes doing nothing, then load them all.")
    var manyTenants: Int?
    @Flag(help: "Kill -9 the leader of a shard again and again, and take how long writes wait.")
    var failover = false
    @Option(help: "How often --failover kills, 5 when left out.")
    var kills: Int?
    @Option(help: "Load for so many minutes.")
    var soak: Double?
    @Option(
        help: "Folder of another build's programs: both are loaded in turn, and their ratio told.")
    var against: String?
    @Option(help: "Pairs of loads of --against, 10 when left out.")
    var rounds: Int?
    @Option(help: "Microseconds that every sync of the nodes takes longer, as on a slower disk.")
    var syncDelay: Int?
    @Option(help: "Write the result to this file as JSON.")
    var json: String?
    @Option(help: "Write a report to this file, one page of HTML that opens without network.")
    var html: String?
    @Flag(
        inversion: .prefixedNo,
        help:
            """
            Measure first what the machine can do at all, 8 s, so that rates are also ratios to that. On for the \
            canonical workload.
            """)
    var limits: Bool?
    @Flag(
        help:
            "Keep the data of the clusters that were started; it is kept in any case when a node did not end well."
    )
    var keep = false

    private var options: LoadOptions {
        var options = LoadOptions()
        options.nodes = nodes
        options.shards = shards
        options.cluster = cluster
        options.seconds = seconds
        options.warmUp = warmUp
        options.seed = seed
        options.tenants = tenants
        options.tickets = tickets
        options.clients = clients
        options.rate = rate
        options.connections = connections
        options.tls = tls
        options.mix = mix
        options.readHeavy = readHeavy
        options.writesOnly = writesOnly
        options.readsOnly = readsOnly
        options.oneHotTenant = oneHotTenant
        options.burst = burst
        options.manyTenants = manyTenants
        options.failover = failover
        options.kills = kills
        options.soakMinutes = soak
        options.against = against
        options.rounds = rounds
        options.syncDelay = syncDelay
        return options
    }

    func validate() throws {
        do { _ = try options.plan() } catch let failure as LoadFailure {
            throw ValidationError(failure.description)
        }
    }

    func run() throws {
        let plan = try options.plan()
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().path
        let current = FileManager.default.currentDirectoryPath
        let script =
            plan.cluster == nil ? try ClusterScript(near: [own, current]) : nil
        let folder = NSTemporaryDirectory() + "/lodge-bench-\(getpid())"
        endOnSignals()
        // A node that goes away must not end the harness.
        signal(SIGPIPE, SIG_IGN)
        let progress = ProgressLine()
        let load = LoadRun(
            plan, programs: URL(fileURLWithPath: bin ?? own).path, folder: folder, script: script
        ) { progress.show($0) }
        defer {
            progress.end()
            if keep || !load.complaints.isEmpty, cluster == nil {
                FileHandle.standardError.write(Data("Data is in \(folder)\n".utf8))
            } else {
                try? FileManager.default.removeItem(atPath: folder)
            }
        }
        var result: BenchmarkResult
        let limits = try machineLimits(progress)
        do { result = try load.run() } catch let failure as LoadFailure {
            progress.end()
            Self.complain([failure.description] + load.complaints)
            throw ExitCode(LoadEngine.wasInterrupted ? 130 : 1)
        }
        progress.end()
        result.limits = limits
        result.configuration["limits"] = limits.isEmpty ? "no" : "yes"
        try write(result)
        print(ResultTable.text(result), terminator: "")
        if Comparison.hasRounds(result) {
            print(try Comparison(rounds: result, name: "this run").text, terminator: "")
        }
        Self.complain(load.complaints)
        if !result.phases.allSatisfy(\.checks.isGood) || !load.complaints.isEmpty {
            throw ExitCode(1)
        }
    }

    private static func complain(_ texts: [String]) {
        for text in texts {
            FileHandle.standardError.write(Data("lodge-bench: \(text)\n".utf8))
        }
    }

    /// The machine's limits on the disk that the nodes' data will be on; none where they were not asked for.
    private func machineLimits(_ progress: ProgressLine) throws -> [Limit] {
        guard limits ?? (options == LoadOptions()) else { return [] }
        var found: [Limit] = []
        for group in MachineLimits.groups {
            progress.show(.stage("what the machine can do at all: \(found.count) limits measured"))
            found += try group.measure(seconds: 0.3, folder: NSTemporaryDirectory())
        }
        return found
    }

    private func write(_ result: BenchmarkResult) throws {
        if let json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let text = String(decoding: try encoder.encode(result), as: UTF8.self)
            try StoredResult.write(text + "\n", to: json)
        }
        if let html { try StoredResult.write(HTMLReport.page(result), to: html) }
    }

    /// Clusters that were started must not outlive a Ctrl-C.
    private func endOnSignals() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in
                LoadEngine.interrupt()
            }
        }
    }
}
