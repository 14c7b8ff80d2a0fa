import Foundation
import MicroBenchmarks
import SQLite
import ShardStore

/// Speed and bytes of creates and updates at each batch size.
struct StoreMeasurement: Encodable, CustomStringConvertible {
    struct Line: Encodable {
        let operation: String
        let batch: Int
        let perSecond: Double
        let cpuMicroseconds: Double
        let cpuMicrosecondsWithoutCapture: Double
        /// What capture and hash add, of the cost without them.
        let captureShare: Double
        let rawBytes: Double
    }

    let sqlite: String
    let tenants: Int
    let tickets: Int
    let requestsPerRound: Int
    let rounds: Int
    let commitsWaitForDisk: Bool
    private(set) var lines: [Line] = []

    private struct Sample {
        var seconds = Double.infinity
        var cpu = Double.infinity
        var bytes = 0.0
    }

    init(folder: String, _ options: StoreCommand) throws {
        sqlite = sqliteVersion()
        tenants = options.tenants
        tickets = options.tickets
        requestsPerRound = options.requests
        rounds = options.rounds
        commitsWaitForDisk = options.sync
        let shards = [
            try BenchShard(
                path: folder + "/captured.sqlite", options.shardOptions(captures: true)),
            try BenchShard(
                path: folder + "/plain.sqlite", options.shardOptions(captures: false)),
        ]
        let batches = [1, 16, 64, 256]
        let operations = ["create", "update"]
        var best: [String: Sample] = [:]
        for round in 0..<rounds {
            for batch in batches {
                for operation in operations {
                    // The one that goes first changes from round to round.
                    for place in [round % 2, 1 - round % 2] {
                        let sample = try Self.measure(
                            shards[place], operation, batch: batch, options.requests)
                        let key = "\(operation) \(batch) \(place)"
                        let known = best[key] ?? Sample()
                        best[key] = Sample(
                            seconds: min(known.seconds, sample.seconds),
                            cpu: min(known.cpu, sample.cpu), bytes: sample.bytes)
                    }
                }
            }
        }
        for operation in operations {
            for batch in batches {
                let captured = best["\(operation) \(batch) 0"]!
                let plain = best["\(operation) \(batch) 1"]!
                lines.append(
                    Line(
                        operation: operation, batch: batch, perSecond: 1 / captured.seconds,
                        cpuMicroseconds: captured.cpu * 1e6,
                        cpuMicrosecondsWithoutCapture: plain.cpu * 1e6,
                        captureShare: captured.cpu / plain.cpu - 1, rawBytes: captured.bytes))
            }
        }
    }

    private static func measure(
        _ shard: BenchShard, _ operation: String, batch: Int, _ count: Int
    ) throws -> Sample {
        shard.resetBytes()
        let batches = (0..<count / batch).map { _ in
            operation == "create" ? shard.creates(batch) : shard.updates(batch)
        }
        let startCPU = SystemClock.processCPU
        let start = SystemClock.monotonic
        for requests in batches { try shard.run(requests) }
        let done = Double(count / batch * batch)
        return Sample(
            seconds: (SystemClock.monotonic - start) / done,
            cpu: (SystemClock.processCPU - startCPU) / done,
            bytes: Double(shard.payloadBytes) / done)
    }

    var description: String {
        var text = """
            SQLite \(sqlite), \(tenants) tenants, \(tickets) tickets at first, \(rounds) rounds of \
            \(requestsPerRound) requests, COMMIT \(commitsWaitForDisk ? "waits" : "does not wait") for the disk

            operation  batch        /s   CPU µs   without   capture   raw bytes

            """
        for line in lines {
            text += String(
                format: "%@ %5d %9.0f %8.1f %9.1f %8.1f%% %11.1f\n",
                line.operation.padding(toLength: 10, withPad: " ", startingAt: 0), line.batch,
                line.perSecond, line.cpuMicroseconds, line.cpuMicrosecondsWithoutCapture,
                line.captureShare * 100, line.rawBytes)
        }
        return text
    }
}
