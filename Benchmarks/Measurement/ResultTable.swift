/// A result as text for a terminal.
package enum ResultTable {
    /// Several lines, the last one ended too. Failed checks come first and last, since one end of a long text is always seen.
    package static func text(_ result: BenchmarkResult) -> String {
        let alarm = alarm(result)
        var lines = alarm + heading(result)
        for phase in result.phases { lines += [""] + self.phase(phase, result.limits) }
        if !result.parts.isEmpty { lines += [""] + parts(result.parts).lines }
        if !result.limits.isEmpty { lines += [""] + limits(result.limits).lines }
        if !alarm.isEmpty { lines += [""] + alarm }
        return lines.map(printable).joined(separator: "\n") + "\n"
    }

    /// Texts of answers and events may come from a server; a terminal must not obey them.
    private static func printable(_ line: String) -> String {
        String(
            String.UnicodeScalarView(
                line.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }

    private static func alarm(_ result: BenchmarkResult) -> [String] {
        let failed = result.phases.filter { !$0.checks.isGood }
        guard !failed.isEmpty else { return [] }
        let rule = String(repeating: "!", count: 78)
        return [rule]
            + failed.map { phase in
                "!!! FAILED: \(phase.name): \(phase.checks.failure). Its speed counts for nothing."
            } + [rule]
    }

    private static func heading(_ result: BenchmarkResult) -> [String] {
        let machine = result.machine
        var lines = [
            "lodge-bench \(result.command), \(result.startedAt)",
            "build    \(result.build.text)",
            "machine  \(machine.processor), \(machine.cores) cores, "
                + "\(Numbers.bytes(Double(machine.memoryBytes))), \(machine.kernel), \(machine.fileSystem)",
            "seed     \(result.seed)",
        ]
        if !result.configuration.isEmpty {
            let options = result.configuration.sorted { $0.key < $1.key }.map {
                "\($0.key)=\($0.value)"
            }
            lines.append("options  " + options.joined(separator: " "))
        }
        if result.build.configuration == "debug" {
            lines.append("         A debug build: its figures say nothing about a release.")
        }
        return lines
    }

    private static func phase(_ phase: PhaseResult, _ limits: [Limit]) -> [String] {
        var lines = [
            "== \(phase.name): \(phase.setup); \(Numbers.plain(phase.seconds)) s after "
                + "\(Numbers.plain(phase.warmUpSeconds)) s of warm-up"
        ]
        lines += operations(phase).lines
        for (name, ratios) in [
            ("writes", LimitRatio.ofWrites(phase.writesPerSecond, limits)),
            ("reads", LimitRatio.ofReads(phase.readsPerSecond, limits)),
        ] where !ratios.isEmpty {
            lines.append("\(name)/s are " + ratios.map(\.text).joined(separator: ", "))
        }
        if !phase.processes.isEmpty { lines += [""] + processes(phase.processes).lines }
        let costs = costs(phase)
        if !costs.isEmpty { lines.append(costs.joined(separator: "; ")) }
        lines.append(phase.checks.text)
        lines += phase.checks.wrongAnswers.map { "  WRONG: \($0)" }
        return lines + phase.events.map(\.line)
    }

    static func operations(_ phase: PhaseResult) -> TextTable {
        var table = TextTable([
            "operation", "count", "/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms",
            "failures",
        ])
        func add(_ name: String, _ operations: [OperationResult]) {
            let count = operations.reduce(0) { $0 + $1.count }
            let latency = LatencySummary.merged(operations.map(\.latency))
            let times = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max]
            table.add(
                [name, Numbers.count(count), Numbers.plain(phase.rate(count))]
                    + times.map { latency.count > 0 ? Numbers.milliseconds($0) : Numbers.missing }
                    + [Numbers.count(operations.reduce(0) { $0 + $1.failures })])
        }
        for operation in phase.operations { add(operation.operation.rawValue, [operation]) }
        add("all writes", phase.writes)
        add("all reads", phase.reads)
        add("in total", phase.operations)
        return table
    }

    static func processes(_ uses: [ProcessUse]) -> TextTable {
        var table = TextTable(["process", "cores", "memory at end", "most"])
        for use in uses {
            table.add([
                use.name, use.samples.isEmpty ? Numbers.missing : Numbers.fixed(use.meanCores, 2),
                use.samples.last.map { Numbers.bytes(Double($0.residentBytes)) } ?? Numbers.missing,
                use.samples.isEmpty ? Numbers.missing : Numbers.bytes(use.maxResidentBytes),
            ])
        }
        return table
    }

    /// What one write or request cost, as far as it was measured.
    static func costs(_ phase: PhaseResult) -> [String] {
        let costs: [(String, Double?)] = [
            ("bytes of log a write", phase.logBytesPerWrite),
            ("bytes of log on links a write", phase.linkBytesPerWrite),
            ("syncs per 1,000 writes", phase.syncsPerThousandWrites),
            ("CPU µs of the nodes a request", phase.nodeMicrosecondsPerRequest),
            ("CPU µs of the harness a request", phase.harnessMicrosecondsPerRequest),
        ]
        return costs.compactMap { name, value in value.map { "\(Numbers.plain($0)) \(name)" } }
    }

    private static func parts(_ parts: [PartResult]) -> TextTable {
        var table = TextTable(["part", "ns median", "least", "most", "/s", "bytes", "iterations"])
        for part in parts {
            let each = part.nanosecondsEach.sorted()
            let median = Statistics.median(each)
            table.add([
                "\(part.name): \(part.title)", median.map(Numbers.plain) ?? Numbers.missing,
                each.first.map(Numbers.plain) ?? Numbers.missing,
                each.last.map(Numbers.plain) ?? Numbers.missing,
                median.map { Numbers.plain(1e9 / $0) } ?? Numbers.missing,
                part.bytesEach.map(Numbers.plain) ?? Numbers.missing,
                Numbers.count(part.iterations),
            ])
        }
        return table
    }

    private static func limits(_ limits: [Limit]) -> TextTable {
        var table = TextTable(["limit of this machine", "value", "p50 µs", "p99 µs"])
        for limit in limits {
            table.add([
                "\(limit.name): \(limit.title)", "\(Numbers.plain(limit.value)) \(limit.unit)",
                limit.latency.map { Numbers.plain($0.p50) } ?? Numbers.missing,
                limit.latency.map { Numbers.plain($0.p99) } ?? Numbers.missing,
            ])
        }
        return table
    }
}

extension BuildIdentity {
    /// `lodge 0.1.0, commit 1780fe8, release`.
    var text: String {
        let name = version.isEmpty ? "version not known" : version
        return "\(name), commit \(commit.isEmpty ? "not known" : commit), \(configuration)"
    }
}

extension Event {
    /// `at 12 s: n2 killed, no writes for 1.4 s`.
    var line: String {
        let gap = gap.map { ", no writes for \(Numbers.plain($0)) s" } ?? ""
        return "at \(Numbers.plain(at)) s: \(text)\(gap)"
    }
}

extension Checks {
    /// What is wrong, empty if nothing is.
    var failure: String {
        var texts: [String] = []
        if wrongAnswerCount > 0 { texts.append("\(Numbers.count(wrongAnswerCount)) wrong answers") }
        let missing = acknowledgedWrites - writesFound
        if missing > 0 {
            texts.append("\(Numbers.count(missing)) acknowledged writes were not found")
        } else if missing < 0 {
            texts.append("\(Numbers.count(-missing)) more writes were found than acknowledged")
        }
        return texts.joined(separator: ", ")
    }

    var text: String {
        """
        checks \(isGood ? "passed" : "FAILED"): \(Numbers.count(answersChecked)) answers checked, \
        \(Numbers.count(wrongAnswerCount)) wrong; \(Numbers.count(acknowledgedWrites)) writes acknowledged, \
        \(Numbers.count(writesFound)) found\(readBack)
        """
    }

    /// Tickets are of all phases of a run, and told of with the first.
    private var readBack: String {
        ticketsReadBack > 0 ? " in \(Numbers.count(ticketsReadBack)) tickets read back" : ""
    }
}
