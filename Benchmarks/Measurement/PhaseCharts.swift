/// The plots of one phase.
struct PhaseCharts {
    /// More points than this say nothing more on a screen.
    static let mostPoints = 240

    private let phase: PhaseResult
    private let intervals: [Interval]
    private let marks: [LineChart.Mark]
    /// How many seconds one point stands for.
    let intervalsPerPoint: Int

    init(_ phase: PhaseResult) {
        self.phase = phase
        intervalsPerPoint = Self.width(phase.intervals.count)
        intervals = Self.thinned(phase.intervals, by: intervalsPerPoint)
        marks = phase.events.enumerated().map { place, event in
            LineChart.Mark(x: event.at, number: place + 1, text: event.line, gap: event.gap)
        }
    }

    var all: [LineChart] {
        var charts = [throughput]
        if intervals.contains(where: { $0.failures > 0 }) { charts.append(failures) }
        charts += [
            latency("Latency of writes", \.writes), latency("Latency of reads", \.reads),
            percentiles,
        ]
        charts.append(
            process("CPU", "cores", Numbers.short) { sample, _ in sample.cores })
        charts.append(
            process("Resident memory", "bytes", Numbers.bytes) { sample, _ in
                Double(sample.residentBytes)
            })
        charts.append(
            process("Sent to other nodes", "bytes/s", Numbers.bytes) { sample, seconds in
                sample.sentBytes.map { Double($0) / seconds }
            })
        charts.append(
            process("Syncs of the log", "syncs/s", Numbers.short) { sample, seconds in
                sample.syncs.map { Double($0) / seconds }
            })
        return charts
    }

    /// Writes are warm, reads cold.
    static func color(_ operation: Operation) -> Int {
        switch operation {
        case .create: 1
        case .update: 4
        case .comment: 3
        case .get: 0
        case .list: 5
        case .search: 2
        }
    }

    private var throughput: LineChart {
        let lines = Operation.allCases.compactMap { operation -> LineChart.Line? in
            let key = operation.rawValue
            guard intervals.contains(where: { ($0.counts[key] ?? 0) > 0 }) else { return nil }
            return LineChart.Line(
                name: key, color: Self.color(operation),
                points: intervals.map { ($0.at, Self.rate($0.counts[key] ?? 0, $0.seconds)) })
        }
        var chart = overTime("Throughput", "right answers/s", lines)
        chart.isStacked = true
        return chart
    }

    private var failures: LineChart {
        overTime(
            "Failures", "failures/s",
            [
                LineChart.Line(
                    name: "no answer, or \u{201C}not now\u{201D}", color: 1,
                    points: intervals.map { ($0.at, Self.rate($0.failures, $0.seconds)) })
            ])
    }

    private func latency(_ title: String, _ kind: KeyPath<Interval, IntervalLatency?>) -> LineChart
    {
        func line(
            _ name: String, _ color: Int, _ dash: LineChart.Dash,
            _ value: KeyPath<IntervalLatency, Double>
        ) -> LineChart.Line {
            LineChart.Line(
                name: name, color: color,
                points: intervals.map { ($0.at, $0[keyPath: kind]?[keyPath: value] ?? .nan) },
                dash: dash)
        }
        var chart = overTime(
            title, "latency",
            [
                line("max", 1, .dotted, \.max), line("p99", 0, .solid, \.p99),
                line("p50", 2, .dashed, \.p50),
            ])
        chart.yScale = .logarithmic
        chart.yText = { Numbers.time(microseconds: $0) }
        return chart
    }

    private var percentiles: LineChart {
        let lines = phase.operations.filter { $0.count > 0 }.map { result in
            // Beyond the last answer but one there is nothing to tell percentiles apart.
            let last = 100 - 100 / Double(result.count)
            return LineChart.Line(
                name: result.operation.rawValue, color: Self.color(result.operation),
                points: result.latency.percentiles.filter { $0.percentile <= last }.map {
                    ($0.percentile, $0.microseconds)
                }, dash: result.operation.isWrite ? .solid : .dashed)
        }
        return LineChart(
            title: "Latency by percentile", xTitle: "percentile", yTitle: "latency", lines: lines,
            xScale: .percentile, yScale: .logarithmic,
            xText: { "\(Numbers.percentile($0)) %" }, yText: { Numbers.time(microseconds: $0) })
    }

    /// - Parameter value: of a sample and the seconds it covers.
    private func process(
        _ title: String, _ unit: String, _ text: @escaping (Double) -> String,
        _ value: (ProcessUse.Sample, Double) -> Double?
    ) -> LineChart {
        let lines = phase.processes.enumerated().compactMap { place, use -> LineChart.Line? in
            let width = Self.width(use.samples.count)
            let points = Self.thinned(use, by: width).stretches.compactMap { sample, seconds in
                seconds > 0 ? value(sample, seconds).map { (sample.at, $0) } : nil
            }
            guard !points.isEmpty else { return nil }
            let isHarness = use.name == PhaseResult.harness
            return LineChart.Line(
                name: use.name, color: isHarness ? 7 : place % 7, points: points,
                dash: isHarness ? .dashed : .solid)
        }
        var chart = overTime(title, unit, lines)
        chart.yText = text
        return chart
    }

    private func overTime(
        _ title: String, _ unit: String, _ lines: [LineChart.Line]
    ) -> LineChart {
        LineChart(title: title, xTitle: "seconds", yTitle: unit, lines: lines, marks: marks)
    }

    private static func rate(_ count: Int, _ seconds: Double) -> Double {
        seconds > 0 ? Double(count) / seconds : .nan
    }

    private static func width(_ count: Int) -> Int { max(1, (count + mostPoints - 1) / mostPoints) }

    /// Several intervals as one: percentiles are means, the greatest stays the greatest.
    static func thinned(_ intervals: [Interval], by width: Int) -> [Interval] {
        guard width > 1 else { return intervals }
        func merged(_ parts: [IntervalLatency]) -> IntervalLatency? {
            guard !parts.isEmpty else { return nil }
            return IntervalLatency(
                p50: Statistics.mean(parts.map(\.p50)), p99: Statistics.mean(parts.map(\.p99)),
                max: parts.map(\.max).max() ?? 0)
        }
        return groups(intervals, width).map { group in
            Interval(
                at: group[0].at, seconds: group.reduce(0) { $0 + $1.seconds },
                counts: group.reduce(into: [:]) { $0.merge($1.counts, uniquingKeysWith: &+) },
                failures: group.reduce(0) { $0 &+ $1.failures },
                writes: merged(group.compactMap(\.writes)), reads: merged(group.compactMap(\.reads))
            )
        }
    }

    static func thinned(_ use: ProcessUse, by width: Int) -> ProcessUse {
        guard width > 1 else { return use }
        func sum(_ values: [UInt64?]) -> UInt64? {
            values.contains { $0 == nil } ? nil : values.reduce(0) { $0 &+ ($1 ?? 0) }
        }
        return ProcessUse(
            name: use.name,
            samples: groups(use.stretches, width).map { group in
                let time = group.reduce(0) { $0 + $1.seconds }
                let busy = group.reduce(0) { $0 + $1.sample.cores * $1.seconds }
                return ProcessUse.Sample(
                    at: group[group.count - 1].sample.at, cores: time > 0 ? busy / time : 0,
                    residentBytes: group.map(\.sample.residentBytes).max() ?? 0,
                    sentBytes: sum(group.map(\.sample.sentBytes)),
                    syncs: sum(group.map(\.sample.syncs)))
            })
    }

    private static func groups<Element>(_ all: [Element], _ width: Int) -> [[Element]] {
        stride(from: 0, to: all.count, by: width).map {
            Array(all[$0..<min($0 + width, all.count)])
        }
    }
}
