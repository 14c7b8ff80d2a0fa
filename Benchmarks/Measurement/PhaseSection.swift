/// One phase on the page.
struct PhaseSection {
    private let phase: PhaseResult
    private let limits: [Limit]
    private let number: Int
    private let isOpen: Bool

    init(_ phase: PhaseResult, limits: [Limit], number: Int, isOpen: Bool) {
        self.phase = phase
        self.limits = limits
        self.number = number
        self.isOpen = isOpen
    }

    var html: String {
        let about =
            "\(phase.setup); \(Numbers.plain(phase.seconds)) s after "
            + "\(Numbers.plain(phase.warmUpSeconds)) s of warm-up"
        var parts = [
            Markup.element("h2", [("id", "phase-\(number)")], Markup.escape(phase.name)),
            Markup.element("p", [("class", "faint")], Markup.escape(about)),
        ]
        var inner = [cards, ResultTable.operations(phase).html("By operation")]
        if !phase.processes.isEmpty {
            inner.append(ResultTable.processes(phase.processes).html("By process"))
        }
        let costs = ResultTable.costs(phase)
        if !costs.isEmpty {
            inner.append(Markup.element("p", [], Markup.escape(costs.joined(separator: "; "))))
        }
        inner.append(Markup.element("p", [], Markup.escape(phase.checks.text)))
        if !phase.events.isEmpty {
            let items = phase.events.map { Markup.element("li", [], Markup.escape($0.line)) }
            inner.append(
                "<h3>Events</h3>" + Markup.element("ol", [("class", "events")], items.joined()))
        }
        inner.append(plots)
        if isOpen {
            parts += inner
        } else {
            parts.append(
                "<details><summary>Figures and plots</summary>"
                    + inner.joined(separator: "\n") + "</details>")
        }
        return Markup.element("section", [], parts.joined(separator: "\n"))
    }

    private var cards: String {
        let writes = LatencySummary.merged(phase.writes.map(\.latency))
        let reads = LatencySummary.merged(phase.reads.map(\.latency))
        func time(_ value: Double, _ latency: LatencySummary) -> String {
            latency.count > 0 ? Numbers.time(microseconds: value) : Numbers.missing
        }
        var cards = [
            card(
                "writes/s", Numbers.plain(phase.writesPerSecond),
                LimitRatio.ofWrites(phase.writesPerSecond, limits).map(\.text)),
            card(
                "reads/s", Numbers.plain(phase.readsPerSecond),
                LimitRatio.ofReads(phase.readsPerSecond, limits).map(\.text)),
            card("p99 of writes", time(writes.p99, writes), ["p50 \(time(writes.p50, writes))"]),
            card("p99 of reads", time(reads.p99, reads), ["p50 \(time(reads.p50, reads))"]),
        ]
        if let value = phase.nodeMicrosecondsPerRequest {
            cards.append(card("CPU a request", Numbers.time(microseconds: value), ["of all nodes"]))
        }
        if let value = phase.logBytesPerWrite {
            cards.append(card("log a write", Numbers.bytes(value), []))
        }
        return Markup.element("div", [("class", "cards")], cards.joined(separator: "\n"))
    }

    private func card(_ name: String, _ value: String, _ notes: [String]) -> String {
        let lines = ([name] + notes).map { Markup.element("span", [], Markup.escape($0)) }
        return Markup.element(
            "div", [("class", "card")],
            lines[0] + Markup.element("b", [], Markup.escape(value)) + lines.dropFirst().joined())
    }

    private var plots: String {
        let charts = PhaseCharts(phase)
        let figures = charts.all.map { chart in
            Markup.element(
                "figure", [],
                Markup.element("h3", [], Markup.escape(chart.title)) + legend(chart) + chart.svg())
        }
        let note =
            charts.intervalsPerPoint > 1
            ? Markup.element(
                "p", [("class", "faint")],
                """
                Each point stands for \(charts.intervalsPerPoint) intervals: the mean of rates and of percentiles, the \
                greatest of maxima.
                """) : ""
        return note
            + Markup.element("div", [("class", "plots")], figures.joined(separator: "\n"))
    }

    private func legend(_ chart: LineChart) -> String {
        guard !chart.lines.isEmpty else { return "" }
        // Stacked areas lie the last on top, and so do their names.
        let lines = chart.isStacked ? chart.lines.reversed() : chart.lines
        let items = lines.map { line in
            Markup.element(
                "li", [],
                Markup.element(
                    "svg", [("viewBox", "0 0 24 10"), ("aria-hidden", "true")],
                    LineChart.swatch(line, isArea: chart.isStacked)) + Markup.escape(line.name))
        }
        return Markup.element("ul", [("class", "legend")], items.joined())
    }
}

extension LineChart {
    /// 24 by 10: how a line looks, for legends.
    static func swatch(_ line: Line, isArea: Bool) -> String {
        guard !isArea else {
            return Markup.element(
                "rect",
                [("class", "f\(line.color % 8)"), ("x", "6"), ("width", "12"), ("height", "10")])
        }
        var attributes = [("class", "line s\(line.color % 8)"), ("d", "M0 5L24 5")]
        if line.dash != .solid { attributes.append(("stroke-dasharray", line.dash.rawValue)) }
        return Markup.element("path", attributes)
    }
}
