/// Throughput and p99 of several results against one parameter that differs between them.
///
/// A system that scales draws flat lines, so the parameter's axis is logarithmic and throughput starts at zero.
package struct ScaleCurve: Sendable {
    /// One phase's figures at one value of the parameter; several results of one value are their median.
    package struct Point: Equatable, Sendable {
        package var phase: String
        package var x: Double
        package var runs: Int
        package var writesPerSecond: Double?
        package var readsPerSecond: Double?
        /// Microseconds.
        package var writesP99: Double?
        package var readsP99: Double?
    }

    package let parameter: String
    /// By phase in the order of the results, then by `x`.
    package let points: [Point]

    /// - Parameter parameter: an option's name, or `tenants` or `nodes`, which every phase has.
    /// - Throws: `ResultFileError` if a result does not have it as a number above zero, or none has phases.
    package init(
        parameter: String, _ results: [(name: String, result: BenchmarkResult)]
    ) throws {
        var groups: [(phase: String, x: Double, phases: [PhaseResult])] = []
        for (name, result) in results {
            guard !result.phases.isEmpty else {
                throw ResultFileError("\(name) has no phase to draw a curve of")
            }
            for phase in result.phases {
                let x = try Self.value(of: parameter, in: result, phase, name)
                if let place = groups.firstIndex(where: { $0.phase == phase.name && $0.x == x }) {
                    groups[place].phases.append(phase)
                } else {
                    groups.append((phase.name, x, [phase]))
                }
            }
        }
        guard !groups.isEmpty else { throw ResultFileError("a curve needs at least one result") }
        var order: [String] = []
        for group in groups where !order.contains(group.phase) { order.append(group.phase) }
        self.parameter = parameter
        points = order.flatMap { name in
            groups.filter { $0.phase == name }.sorted { $0.x < $1.x }.map {
                Point($0.phase, $0.x, $0.phases)
            }
        }
    }

    private static func value(
        of parameter: String, in result: BenchmarkResult, _ phase: PhaseResult, _ name: String
    ) throws -> Double {
        let text: String
        if let option = result.configuration[parameter] {
            text = option
        } else if parameter == "tenants" {
            text = String(phase.tenants)
        } else if parameter == "nodes" {
            text = String(phase.nodes)
        } else {
            throw ResultFileError(
                """
                \(name) has no option "\(parameter)"; it has \
                \((Set(result.configuration.keys).union(["nodes", "tenants"])).sorted().joined(separator: ", "))
                """)
        }
        let digits = text.filter { $0 != "," && $0 != "_" }
        guard let value = Double(digits), value.isFinite else {
            throw ResultFileError("\(name): \(parameter) is \"\(text)\", which is not a number")
        }
        guard value > 0 else {
            throw ResultFileError(
                "\(name): \(parameter) is \(text), which has no place on a logarithmic axis")
        }
        return value
    }

    private func chart(
        _ title: String, _ unit: String, _ scale: Axis.Scale, _ text: @escaping (Double) -> String,
        _ figures: [(String, KeyPath<Point, Double?>)]
    ) -> LineChart {
        var names: [String] = []
        for point in points where !names.contains(point.phase) { names.append(point.phase) }
        let lines = names.enumerated().flatMap { place, phase in
            figures.enumerated().compactMap { kind, figure -> LineChart.Line? in
                let own = points.filter { $0.phase == phase && $0[keyPath: figure.1] != nil }
                guard !own.isEmpty else { return nil }
                return LineChart.Line(
                    name: names.count > 1 ? "\(phase): \(figure.0)" : figure.0,
                    // Writes vermilion and reads blue where there is one phase, else a colour each phase.
                    color: names.count > 1 ? place : 1 - kind,
                    points: own.map { ($0.x, $0[keyPath: figure.1] ?? .nan) },
                    dash: kind == 0 ? .solid : .dashed)
            }
        }
        return LineChart(
            title: title, xTitle: parameter, yTitle: unit, lines: lines, xScale: .logarithmic,
            yScale: scale, hasDots: true, yText: text)
    }

    /// A document of its own, with its own ground, for light and dark pages.
    package func svg() -> String {
        let charts = [
            chart(
                "Throughput", "requests/s", .linear, Numbers.short,
                [("writes", \.writesPerSecond), ("reads", \.readsPerSecond)]),
            chart(
                "p99", "p99 latency", .logarithmic, { Numbers.time(microseconds: $0) },
                [("writes", \.writesP99), ("reads", \.readsP99)]),
        ]
        let legend = legend(charts[0].lines.count >= charts[1].lines.count ? charts[0] : charts[1])
        let top = 44 + legend.height
        let width = LineChart.width + 24
        let height = top + 2 * LineChart.height + 20
        let parts =
            [
                Markup.element("title", [], Markup.escape(title)),
                """
                <style>svg{color-scheme:light dark;\(ReportStyle.lightColors)}
                @media(prefers-color-scheme:dark){svg{\(ReportStyle.darkColors)}}
                .paper{fill:var(--paper);stroke:var(--rule)}
                \(ReportStyle.chart)
                .chart text.heading{font-size:16px;font-weight:700}
                </style>
                """,
                Markup.element(
                    "rect",
                    [
                        ("class", "paper"), ("x", "0.5"), ("y", "0.5"),
                        ("width", Markup.number(width - 1)), ("height", Markup.number(height - 1)),
                        ("rx", "8"),
                    ]),
                Markup.element(
                    "text", [("class", "heading"), ("x", "16"), ("y", "28")], Markup.escape(title)),
                legend.svg,
            ]
            + charts.enumerated().map { place, chart in
                chart.svg(x: 8, y: top + Double(place) * (LineChart.height + 8))
            }
        return Markup.element(
            "svg",
            [
                ("xmlns", "http://www.w3.org/2000/svg"), ("class", "chart"), ("role", "img"),
                ("aria-label", title),
                ("viewBox", "0 0 \(Markup.number(width)) \(Markup.number(height))"),
                ("width", Markup.number(width)), ("height", Markup.number(height)),
            ], parts.joined(separator: "\n")) + "\n"
    }

    private var title: String { "Throughput and p99 against \(parameter)" }

    /// Names beside samples, in as many rows as they need. Widths are guessed: nothing here knows the reader's fonts.
    private func legend(_ chart: LineChart) -> (svg: String, height: Double) {
        var (x, y) = (16.0, 48.0)
        var parts: [String] = []
        for line in chart.lines {
            let wide = 34 + Double(line.name.count) * 7.6 + 16
            if x + wide > LineChart.width && x > 16 { (x, y) = (16, y + 20) }
            parts.append(
                Markup.element(
                    "g",
                    [("transform", "translate(\(Markup.number(x)) \(Markup.number(y - 9)))")],
                    LineChart.swatch(line, isArea: false))
                    + Markup.element(
                        "text", [("x", Markup.number(x + 30)), ("y", Markup.number(y))],
                        Markup.escape(line.name)))
            x += wide
        }
        return (parts.joined(separator: "\n"), y - 48 + 20)
    }

    /// The same figures as a table in Markdown, for beside the plot.
    package func markdown() -> String {
        func cell(_ value: Double?, _ text: (Double) -> String) -> String {
            value.map(text) ?? Numbers.missing
        }
        let rows = points.map { point in
            [
                point.phase.replacing("|", with: "\\|"), Numbers.short(point.x), String(point.runs),
                cell(point.writesPerSecond, Numbers.plain),
                cell(point.readsPerSecond, Numbers.plain),
                cell(point.writesP99, { Numbers.time(microseconds: $0) }),
                cell(point.readsP99, { Numbers.time(microseconds: $0) }),
            ]
        }
        let heading = [
            "phase", parameter, "runs", "writes/s", "reads/s", "p99 of writes", "p99 of reads",
        ]
        return ([heading, heading.map { _ in "---" }] + rows).map {
            "| " + $0.joined(separator: " | ") + " |\n"
        }.joined()
    }
}

extension ScaleCurve.Point {
    fileprivate init(_ name: String, _ x: Double, _ phases: [PhaseResult]) {
        func median(_ values: [Double?]) -> Double? { Statistics.median(values.compactMap { $0 }) }
        let writes = phases.map { LatencySummary.merged($0.writes.map(\.latency)) }
        let reads = phases.map { LatencySummary.merged($0.reads.map(\.latency)) }
        self.init(
            phase: name, x: x, runs: phases.count,
            writesPerSecond: median(phases.map { $0.writeCount > 0 ? $0.writesPerSecond : nil }),
            readsPerSecond: median(phases.map { $0.readCount > 0 ? $0.readsPerSecond : nil }),
            writesP99: median(writes.map { $0.count > 0 ? $0.p99 : nil }),
            readsP99: median(reads.map { $0.count > 0 ? $0.p99 : nil }))
    }
}
