/// A result as one page that needs nothing else: style and plots are in it, and it loads nothing.
package enum HTMLReport {
    /// Of more phases than this only a table is unfolded.
    private static let mostOpenPhases = 4

    /// The whole document. It is well-formed XML too, so any XML tool can take it apart.
    package static func page(_ result: BenchmarkResult) -> String {
        let title = "lodge-bench \(result.command): \(result.build.text)"
        var body = [heading(result), verdict(result)]
        if result.phases.count > 1 { body.append(overview(result.phases)) }
        let isOpen = result.phases.count <= mostOpenPhases
        for (number, phase) in result.phases.enumerated() {
            body.append(
                PhaseSection(phase, limits: result.limits, number: number, isOpen: isOpen).html)
        }
        if !result.parts.isEmpty { body.append(BarTables.parts(result.parts)) }
        if !result.limits.isEmpty { body.append(BarTables.limits(result.limits)) }
        body.append(configuration(result))
        return """
            <!DOCTYPE html>
            <html lang="en" xmlns="http://www.w3.org/1999/xhtml">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>\(Markup.escape(title))</title>
            <style>
            \(ReportStyle.page)
            </style>
            </head>
            <body>
            \(body.filter { !$0.isEmpty }.joined(separator: "\n"))
            </body>
            </html>

            """
    }

    private static func heading(_ result: BenchmarkResult) -> String {
        let machine = result.machine
        let lines = [
            "\(result.startedAt), seed \(result.seed)",
            "\(machine.processor), \(machine.cores) cores, "
                + "\(Numbers.bytes(Double(machine.memoryBytes))), \(machine.kernel), \(machine.fileSystem)",
        ]
        return "<h1>lodge-bench \(Markup.escape(result.command))</h1>\n"
            + Markup.element("p", [], Markup.escape(result.build.text)) + "\n"
            + lines.map { Markup.element("p", [("class", "faint")], Markup.escape($0)) }
            .joined(separator: "\n")
    }

    private static func verdict(_ result: BenchmarkResult) -> String {
        guard !result.phases.isEmpty else { return "" }
        let failed = result.phases.filter { !$0.checks.isGood }
        var text = ""
        if result.build.configuration == "debug" {
            text += Markup.element(
                "p", [("class", "bad")],
                "A debug build was measured: its figures say nothing about a release.")
        }
        guard !failed.isEmpty else {
            let checks = result.phases.map(\.checks)
            let answers = checks.reduce(0) { $0 + $1.answersChecked }
            let writes = checks.reduce(0) { $0 + $1.writesFound }
            return text
                + Markup.element(
                    "p", [("class", "good")],
                    "All checks passed: \(Numbers.count(answers)) answers checked, "
                        + "\(Numbers.count(writes)) acknowledged writes found again.")
        }
        let items = failed.map { phase in
            let wrong = phase.checks.wrongAnswers.map {
                Markup.element("li", [], Markup.escape($0))
            }
            let list = wrong.isEmpty ? "" : Markup.element("ul", [], wrong.joined())
            return Markup.escape("FAILED: \(phase.name): \(phase.checks.failure). ")
                + "Its speed counts for nothing." + list
        }
        return text
            + items.map { Markup.element("div", [("class", "bad"), ("role", "alert")], $0) }
            .joined(separator: "\n")
    }

    private static func overview(_ phases: [PhaseResult]) -> String {
        var table = TextTable([
            "phase", "writes/s", "reads/s", "writes p50 ms", "p99", "reads p50 ms", "p99",
            "failures",
            "checks",
        ])
        for phase in phases {
            let writes = LatencySummary.merged(phase.writes.map(\.latency))
            let reads = LatencySummary.merged(phase.reads.map(\.latency))
            table.add(
                [
                    phase.name, Numbers.plain(phase.writesPerSecond),
                    Numbers.plain(phase.readsPerSecond),
                ]
                    + [
                        (writes, writes.p50), (writes, writes.p99), (reads, reads.p50),
                        (reads, reads.p99),
                    ]
                    .map { $0.count > 0 ? Numbers.milliseconds($1) : Numbers.missing }
                    + [
                        Numbers.count(phase.operations.reduce(0) { $0 + $1.failures }),
                        phase.checks.isGood ? "passed" : "FAILED",
                    ])
        }
        return table.html("All phases")
    }

    private static func configuration(_ result: BenchmarkResult) -> String {
        guard !result.configuration.isEmpty else { return "" }
        var table = TextTable(["option", "value"])
        for (key, value) in result.configuration.sorted(by: { $0.key < $1.key }) {
            table.add(["--" + key, value])
        }
        return "<details><summary>Configuration</summary>"
            + table.html("Every option that was in force") + "</details>"
    }
}
