import Foundation
import FoundationXML
import Testing

@testable import Measurement

@Suite struct HTMLReportTests {
    @Test func thePageIsWellFormedAndLoadsNothing() throws {
        let page = HTMLReport.page(FakeResult.result(phases: ["canonical", "failover"]))
        try expectWellFormed(page)
        for load in ["<script", "<link", "<img", "@import", "url(", "src="] {
            #expect(!page.contains(load), "\(load) loads something or runs something")
        }
        // Namespaces are names, not addresses that are fetched.
        #expect(page.components(separatedBy: "http").count == 2)
    }

    @Test func everythingAskedForIsPlotted() {
        let page = HTMLReport.page(FakeResult.result(phases: ["failover"]))
        for title in [
            "Throughput", "Failures", "Latency of writes", "Latency of reads",
            "Latency by percentile", "CPU", "Resident memory", "Sent to other nodes",
            "Syncs of the log",
        ] {
            #expect(page.contains("<title>\(title)</title>"), "no plot \(title)")
        }
        #expect(page.contains(">99.9 %</text>"))
        #expect(page.contains("class=\"gap\""))
        #expect(page.contains("n2 killed, leader of shard 3, no writes for 1.62 s"))
        #expect(page.contains("Parts alone") && page.contains("Limits of this machine"))
        #expect(page.contains("All checks passed"))
    }

    @Test func textsAreNotMarkup() throws {
        let bad = "<script>alert('1')</script> & \"q\" \u{0}\u{1B}\u{FFFF}"
        var result = FakeResult.result(phases: ["failover"])
        result.phases[0].name = bad
        result.phases[0].events[0].text = bad
        result.phases[0].processes[0].name = bad
        result.phases[0].checks.wrongAnswers = [bad]
        result.phases[0].checks.wrongAnswerCount = 1
        result.limits[0].name = bad
        result.limits[0].unit = bad
        result.parts[0].title = bad
        result.machine.processor = bad
        result.build.version = bad
        result.command = bad
        result.startedAt = bad
        result.configuration[bad] = bad
        let page = HTMLReport.page(result)
        #expect(!page.contains("<script"))
        try expectWellFormed(page)
        let curve = try ScaleCurve(
            parameter: "tenants", [("a", result), ("b", FakeResult.result())]
        ).svg()
        #expect(!curve.contains("<script"))
        try expectWellFormed(curve)
    }

    @Test func aFailedCheckIsAnAlert() {
        var result = FakeResult.result()
        result.phases[0].checks.writesFound -= 1
        let page = HTMLReport.page(result)
        #expect(!page.contains("All checks passed"))
        #expect(page.contains("role=\"alert\""))
        #expect(page.contains("FAILED: canonical: 1 acknowledged writes were not found."))
    }

    static let extremes: [(String, @Sendable (inout BenchmarkResult) -> Void)] = [
        ("no phases", { $0.phases = [] }),
        (
            "nothing at all",
            {
                $0.phases = []; $0.limits = []; $0.parts = []; $0.configuration = [:]
            }
        ),
        ("no intervals", { $0.phases[0].intervals = [] }),
        ("one interval", { $0.phases[0].intervals = [$0.phases[0].intervals[0]] }),
        ("no processes", { $0.phases[0].processes = [] }),
        ("no samples", { $0.phases[0].processes[0].samples = [] }),
        (
            "no operations",
            {
                $0.phases[0].operations = []; $0.phases[0].seconds = 0
            }
        ),
        (
            "zero counts",
            { result in
                for place in result.phases[0].intervals.indices {
                    result.phases[0].intervals[place].counts = ["create": 0]
                    result.phases[0].intervals[place].writes = nil
                    result.phases[0].intervals[place].seconds = 0
                }
            }
        ),
        (
            "zero latencies",
            { result in
                for place in result.phases[0].intervals.indices {
                    result.phases[0].intervals[place].reads = IntervalLatency(
                        p50: 0, p99: 0, max: 0)
                }
            }
        ),
        (
            "huge numbers",
            { result in
                result.phases[0].intervals[3].counts["get"] = .max / 16
                result.phases[0].intervals[3].reads = IntervalLatency(p50: 1, p99: 1e30, max: 1e300)
                result.phases[0].operations[3].latency.max = 1e300
                result.phases[0].operations[3].count = .max / 16
                result.phases[0].processes[0].samples[1].residentBytes = .max
                result.phases[0].processes[0].samples[1].sentBytes = .max
                result.phases[0].events.append(Event(at: 1e300, text: "late", gap: 1e300))
                result.limits[0].value = 1e300
                result.parts[0].nanosecondsEach = [1e300]
                result.machine.memoryBytes = .max
            }
        ),
        (
            "not numbers",
            { result in
                result.phases[0].intervals[0].at = .nan
                result.phases[0].intervals[1].seconds = .infinity
                result.phases[0].intervals[2].writes = IntervalLatency(
                    p50: .nan, p99: .infinity, max: -1)
                result.phases[0].seconds = .nan
                result.phases[0].processes[0].samples[0].cores = .nan
                result.phases[0].processes[0].samples[1].at = .nan
                result.phases[0].events.append(Event(at: .nan, text: "when", gap: .infinity))
                result.limits[0].value = .nan
                result.limits[1].value = 0
                result.parts[0].nanosecondsEach = [.nan]
                result.parts[1].nanosecondsEach = []
                result.phases[0].operations[0].latency.p50 = .nan
            }
        ),
        (
            "all at one time",
            { result in
                for place in result.phases[0].intervals.indices {
                    result.phases[0].intervals[place].at = 0
                }
                for place in result.phases[0].processes[0].samples.indices {
                    result.phases[0].processes[0].samples[place].at = 0
                }
            }
        ),
    ]

    @Test(arguments: extremes.map(\.0))
    func extremesAreDrawnWithoutNonsense(what: String) throws {
        var result = FakeResult.result(seconds: 20)
        try #require(Self.extremes.first { $0.0 == what }).1(&result)
        let page = HTMLReport.page(result)
        try expectWellFormed(page)
        expectOnlyNumbers(page)
        let text = ResultTable.text(result).lowercased()
        #expect(!text.contains(" nan") && !text.contains(" inf"), "\(text)")
    }

    @Test func aDayOfSecondsIsThinned() throws {
        let result = FakeResult.result(seconds: 86_400)
        let page = HTMLReport.page(result)
        #expect(page.utf8.count < 1_500_000)
        #expect(page.contains("Each point stands for 360 intervals"))
        // The greatest of all stays to be seen.
        let thinned = PhaseCharts.thinned(result.phases[0].intervals, by: 360)
        #expect(thinned.count == 240)
        #expect(
            thinned.compactMap { $0.writes?.max }.max()
                == result.phases[0].intervals.compactMap { $0.writes?.max }.max())
        #expect(
            thinned.reduce(0) { $0 + $1.counts["get"]! }
                == result.phases[0].intervals.reduce(0) { $0 + $1.counts["get"]! })
    }

    @Test func aLineBreaksWhereNothingWasAnswered() throws {
        let chart = try #require(
            PhaseCharts(FakeResult.result(phases: ["failover"]).phases[0]).all.first {
                $0.title == "Latency of writes"
            })
        let paths = chart.svg().matches(of: /class="line s[0-9]" d="([^"]*)"/)
        #expect(paths.count == 3)
        for path in paths { #expect(path.output.1.filter { $0 == "M" }.count == 2) }
    }
}

/// Fails with the line where it is not XML.
func expectWellFormed(_ text: String, _ location: SourceLocation = #_sourceLocation) throws {
    let document = text.replacing("<!DOCTYPE html>\n", with: "")
    let parser = XMLParser(data: Data(document.utf8))
    let isGood = parser.parse()
    let line =
        document.split(separator: "\n", omittingEmptySubsequences: false)
        .dropFirst(max(parser.lineNumber - 1, 0)).first ?? ""
    #expect(
        isGood, "line \(parser.lineNumber): \(String(describing: parser.parserError)): \(line)",
        sourceLocation: location)
}

/// Every number of every plot is one, and lies within reach.
func expectOnlyNumbers(_ text: String, _ location: SourceLocation = #_sourceLocation) {
    let attributes = text.matches(of: /\s(?:x|y|x1|x2|y1|y2|cx|cy|width|height|d)="([^"]*)"/)
    for attribute in attributes {
        let value = String(attribute.output.1)
        let isGood = value.wholeMatch(of: /(?:[MLZ ]|-?[0-9]+(?:\.[0-9])?)*/) != nil
        #expect(isGood, "\(value.prefix(200))", sourceLocation: location)
    }
    #expect(text.firstMatch(of: /(?i)[^a-z](nan|inf)[^a-z]/) == nil, sourceLocation: location)
}
