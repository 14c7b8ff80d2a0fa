import ArgumentParser
import Foundation
import MicroBenchmarks
import SQLite

/// `lodge-bench store`: what the store costs, through the desk's own verbs.
struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Ticket creates and status updates in one shard, with and without row capture.",
        discussion: """
            Fills two shards alike, one that captures row changes and keeps the state hash and one that does neither, \
            and runs the same requests on both in turn, so that their ratio is of one run. CPU is of the whole \
            process and the least of the rounds, which is what the code needs when nothing disturbs it.
            """)

    @Option(help: "Tenants in the shard.")
    var tenants = 100
    @Option(help: "Tickets in the shard before anything is measured.")
    var tickets = 5_000
    @Option(help: "Requests in one round of one batch size.")
    var requests = 2_048
    @Option(help: "Rounds; each measures every batch size on both shards.")
    var rounds = 5
    @Option(help: "Seed of texts and of the order of tenants.")
    var seed: UInt64 = 1
    @Option(
        help:
            "Folder for the shards' files; made new and removed. The system's temporary folder when left out."
    )
    var folder: String?
    @Flag(help: "Let every COMMIT wait for the disk, as a single node does.")
    var sync = false
    @Flag(help: "Print which B-trees and pages a create and an update write, instead of measuring.")
    var explain = false
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1...100_000).contains(tenants) else {
            throw ValidationError("tenants: 1 to 100,000")
        }
        guard (1...10_000_000).contains(tickets), tickets >= tenants else {
            throw ValidationError("tickets: at least one for each tenant, at most 10,000,000")
        }
        guard (256...1_000_000).contains(requests) else {
            throw ValidationError("requests: 256 to 1,000,000")
        }
        guard (1...1000).contains(rounds) else { throw ValidationError("rounds: 1 to 1,000") }
    }

    func run() throws {
        let parent = folder ?? NSTemporaryDirectory()
        let path = parent + "/lodge-bench-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        if explain {
            let shard = try BenchShard(
                path: path + "/explained.sqlite", shardOptions(captures: true))
            try show(StoreExplanation(shard))
        } else {
            try show(StoreMeasurement(folder: path, self))
        }
    }

    /// What the measured shards are made of.
    func shardOptions(captures: Bool) -> BenchShard.Options {
        var options = BenchShard.Options(tenants: tenants, tickets: tickets, seed: seed)
        options.capturesChanges = captures
        options.syncsCommits = sync
        return options
    }

    private func show(_ report: some Encodable & CustomStringConvertible) throws {
        guard json else { return print(report.description) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
    }
}
