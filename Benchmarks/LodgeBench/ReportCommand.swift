import ArgumentParser
import Measurement

/// `lodge-bench report`: pages and plots of stored results.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Make a page, a table or a scale curve of stored results.",
        discussion: """
            `report R.json --html R.html` makes a self-contained page, `report R.json` prints the table for people. \
            `report --curve tenants A.json B.json C.json --svg tenants.svg` draws throughput and p99 against an option \
            that differs between results (or `tenants` or `nodes`) and prints the figures in Markdown.
            """)

    @Argument(help: "Results that `--json` wrote; - reads standard input.")
    var results: [String]
    @Option(help: "File to write the page to; - is standard output.")
    var html: String?
    @Option(help: "Draw a scale curve against this option.")
    var curve: String?
    @Option(help: "File to write the curve to; - is standard output.")
    var svg: String?

    func validate() throws {
        guard (curve == nil) == (svg == nil) else {
            throw ValidationError("--curve and --svg need each other")
        }
        guard curve == nil || html == nil else {
            throw ValidationError("--html makes a page of one result, --curve a plot of several")
        }
        guard curve != nil || results.count == 1 else {
            throw ValidationError("a page or a table is of one result; --curve takes several")
        }
    }

    func run() throws {
        if let curve, let svg {
            let drawn = try ScaleCurve(parameter: curve, StoredResult.read(results))
            try StoredResult.write(drawn.svg(), to: svg)
            if svg != "-" { print(drawn.markdown(), terminator: "") }
            return
        }
        let result = try StoredResult(results[0]).result
        if let html {
            try StoredResult.write(HTMLReport.page(result), to: html)
        } else {
            print(ResultTable.text(result), terminator: "")
        }
    }
}
