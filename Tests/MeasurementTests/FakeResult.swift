import Glibc
import Measurement

/// Made-up results that look like measured ones: waves and stalls in the seconds, a failover, processes that grow. The same seed
/// gives the same result.
enum FakeResult {
    static func result(
        seed: UInt64 = 1, seconds: Int = 60, scale: Double = 1, noise: Double = 0.05,
        command: String = "run", phases: [String] = ["canonical"]
    ) -> BenchmarkResult {
        var draws = SeededDraws(seed: seed)
        var result = BenchmarkResult(
            command: command, startedAt: "2026-11-27T18:00:00Z",
            build: BuildIdentity(
                version: "lodged 0.1.0", commit: "1780fe8", configuration: "release"),
            machine: Machine(
                processor: "Some Processor 3000", cores: 2, memoryBytes: 8_240_000_000,
                kernel: "Linux 6.1.0", fileSystem: "ext4"),
            configuration: ["tenants": "1000", "rate": "2000", "seconds": String(seconds)],
            seed: 42)
        result.phases = phases.map {
            phase($0, seconds: seconds, scale: scale, noise: noise, &draws)
        }
        result.limits = [
            Limit(
                name: "fdatasync-4k-append", title: "4 kB appended and synced, one after the other",
                value: 1234, unit: "/s", latency: latency(1000, 810, &draws)),
            Limit(
                name: "loopback-1024-64", title: "One byte there and back over loopback",
                value: 28_000, unit: "/s", latency: latency(1000, 35, &draws)),
            Limit(
                name: "sqlite-full-plain", title: "The same rows into SQLite, synchronous=FULL",
                value: 940, unit: "/s"),
            Limit(
                name: "tls-aes-gcm", title: "Bytes sealed by one core", value: 2100, unit: "MB/s"),
            Limit(name: "zlib-1", title: "Bytes compressed by one core", value: 110, unit: "MB/s"),
        ]
        result.parts = [
            part("row-change-encode", "Row changes of an update, encoded", 2_100, &draws),
            part("consensus-step", "One append through three cores", 900, &draws),
            part("ticket-json", "One ticket as JSON", 5_400, &draws),
        ]
        return result
    }

    static func phase(
        _ name: String, seconds: Int = 60, scale: Double = 1, noise: Double = 0.05,
        loop: Loop = .open(perSecond: 2000, connections: 64), tenants: Int = 1000,
        _ draws: inout SeededDraws
    ) -> PhaseResult {
        let hasFailover = name.contains("failover")
        let shares: [(Operation, Double)] = [
            (.create, 100), (.update, 300), (.comment, 200), (.get, 900), (.list, 400),
            (.search, 100),
        ]
        var intervals: [Interval] = []
        var wave = 0.0
        for second in 0..<seconds {
            // Neighbouring seconds are alike.
            wave = 0.6 * wave + 0.8 * noise * normal(&draws)
            let isDown = hasFailover && second >= seconds / 2 && second < seconds / 2 + 2
            let speed = scale * exp(wave)
            var counts: [String: Int] = [:]
            for (operation, share) in shares where !(isDown && operation.isWrite) {
                counts[operation.rawValue] = Int(share * speed)
            }
            let stall = second % 17 == 16 ? 6.0 : 1
            intervals.append(
                Interval(
                    at: Double(second), seconds: 1, counts: counts, failures: isDown ? 40 : 0,
                    writes: isDown
                        ? nil
                        : IntervalLatency(
                            p50: 1900 / speed, p99: 8000 * stall / speed,
                            max: 20_000 * stall / speed),
                    reads: IntervalLatency(
                        p50: 420 / speed, p99: 2400 * stall / speed, max: 9000 * stall / speed)))
        }
        let operations = shares.map { operation, _ in
            let count = intervals.reduce(0) { $0 + ($1.counts[operation.rawValue] ?? 0) }
            return OperationResult(
                operation: operation, count: count,
                failures: hasFailover && operation.isWrite ? 27 : 0,
                latency: latency(count, (operation.isWrite ? 1900 : 420) / scale, &draws))
        }
        let writes = operations.filter(\.operation.isWrite).reduce(0) { $0 + $1.count }
        var checks = Checks()
        checks.answersChecked = operations.reduce(0) { $0 + $1.count }
        checks.acknowledgedWrites = writes
        checks.writesFound = writes
        checks.ticketsReadBack = operations[0].count
        return PhaseResult(
            name: name, loop: loop, nodes: 3, tenants: tenants, usesTLS: true, warmUpSeconds: 10,
            seconds: Double(seconds), operations: operations, intervals: intervals,
            processes: processes(seconds, scale, &draws),
            wire: WireUse(
                logLinkBytes: UInt64(writes * 1440), allLinkBytes: UInt64(writes * 1700),
                requestBytes: UInt64(writes * 600), answerBytes: UInt64(writes * 4000),
                logBytes: UInt64(writes * 720), syncs: UInt64(writes) / 3),
            checks: checks,
            events: hasFailover
                ? [
                    Event(
                        at: Double(seconds / 2), text: "n2 killed, leader of shard 3", gap: 1.62),
                    Event(at: Double(seconds) * 0.8, text: "n2 started again"),
                ] : [])
    }

    private static func processes(
        _ seconds: Int, _ scale: Double, _ draws: inout SeededDraws
    ) -> [ProcessUse] {
        ["n1", "n2", "n3", "lodge-bench"].enumerated().map { place, name in
            let isNode = name != "lodge-bench"
            let samples = (1...max(seconds, 1)).map { second in
                ProcessUse.Sample(
                    at: Double(second),
                    cores: (isNode ? 0.3 + 0.08 * Double(place) : 0.22)
                        * (1 + 0.06 * normal(&draws)),
                    residentBytes: UInt64(
                        (isNode ? 90e6 + 8e6 * Double(place) : 45e6) + 2e5 * Double(second)),
                    sentBytes: isNode ? UInt64(max(0, 400_000 + 50_000 * normal(&draws))) : nil,
                    syncs: isNode ? UInt64(max(0, 200 + 12 * normal(&draws))) : nil)
            }
            return ProcessUse(name: name, samples: seconds > 0 ? samples : [])
        }
    }

    /// Of values that lie around `middle` with a long tail.
    static func latency(
        _ count: Int, _ middle: Double, _ draws: inout SeededDraws
    ) -> LatencySummary {
        guard count > 0 else {
            return LatencySummary(
                count: 0, mean: 0, min: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0)
        }
        let tail = 0.45 + 0.05 * Double(draws.next() % 100) / 100
        func value(_ nines: Double) -> Double { middle * 0.6 * pow(10, tail * nines) }
        var points: [PercentilePoint] = []
        var nines = 0.0
        while nines < log10(Double(count)) {
            points.append(
                PercentilePoint(percentile: 100 - pow(10, 2 - nines), microseconds: value(nines)))
            nines += 0.06
        }
        points.append(
            PercentilePoint(percentile: 100, microseconds: value(log10(Double(count)))))
        return LatencySummary(
            count: count, mean: middle * 1.2, min: value(0), p50: value(0.30103), p90: value(1),
            p99: value(2), p999: value(3), max: value(log10(Double(count))), percentiles: points)
    }

    private static func part(
        _ name: String, _ title: String, _ middle: Double, _ draws: inout SeededDraws
    ) -> PartResult {
        PartResult(
            name: name, title: title, iterations: 100_000,
            nanosecondsEach: (0..<5).map { _ in middle * (1 + 0.03 * abs(normal(&draws))) },
            bytesEach: 312)
    }

    /// Box and Muller's.
    static func normal(_ draws: inout SeededDraws) -> Double {
        let first = Double(draws.next() >> 11 | 1) / 0x1p53
        let second = Double(draws.next() >> 11) / 0x1p53
        return (-2 * log(first)).squareRoot() * cos(2 * .pi * second)
    }
}
