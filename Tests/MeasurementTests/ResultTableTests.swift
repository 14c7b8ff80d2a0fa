import Measurement
import Testing

@Suite struct ResultTableTests {
    @Test func saysWhatWasMeasuredWithWhatAndWhere() {
        let text = ResultTable.text(FakeResult.result())
        for part in [
            "lodged 0.1.0, commit 1780fe8, release", "Some Processor 3000, 2 cores, 8.24 GB",
            "seed     42", "rate=2000 seconds=60 tenants=1000",
            "== canonical: open loop, 2,000/s due over 64 connections; 1,000 tenants, 3 nodes, TLS",
        ] {
            #expect(text.contains(part), "\(part) is not in\n\(text)")
        }
    }

    @Test func everyOperationHasARowAndKindsAreSummed() throws {
        let result = FakeResult.result()
        let lines = ResultTable.text(result).split(separator: "\n").map(String.init)
        func count(_ name: String) throws -> Int {
            let line = try #require(lines.first { $0.hasPrefix(name + " ") })
            let cells = line.dropFirst(name.count).split(separator: " ")
            #expect(cells.count == 8)
            return try #require(Int(cells[0].filter { $0 != "," }))
        }
        let writes = try count("create") + count("update") + count("comment")
        let reads = try count("get") + count("list") + count("search")
        #expect(try count("all writes") == writes)
        #expect(try count("all reads") == reads)
        #expect(try count("in total") == writes + reads)
    }

    @Test func throughputStandsBesideTheLimitsThatMatter() throws {
        var result = FakeResult.result(seconds: 10, noise: 0)
        result.limits[0].value = 1200
        let text = ResultTable.text(result)
        // 600 writes and 1,400 reads each second.
        #expect(
            text.contains(
                "writes/s are 0.500 × fdatasync-4k-append (1,200/s), 0.638 × sqlite-full-plain"))
        #expect(text.contains("reads/s are 0.050 × loopback-1024-64 (28,000/s)"))
        // A limit given as a time is turned into a rate.
        result.limits[1].value = 100
        result.limits[1].unit = "us"
        #expect(
            ResultTable.text(result).contains("reads/s are 0.140 × loopback-1024-64 (10,000/s)"))
    }

    @Test func costsAreThoseOfTheNodesAndOfTheHarnessApart() {
        var result = FakeResult.result(seconds: 10, noise: 0)
        for (place, cores) in [0.5, 0.25, 0.25, 0.125].enumerated() {
            for sample in result.phases[0].processes[place].samples.indices {
                result.phases[0].processes[place].samples[sample].cores = cores
            }
        }
        let text = ResultTable.text(result)
        // One core of nodes and an eighth of the harness for 2,000 requests a second.
        #expect(text.contains("500 CPU µs of the nodes a request"), "\(text)")
        #expect(text.contains("62.5 CPU µs of the harness a request"), "\(text)")
        #expect(text.contains("720 bytes of log a write; 1,440 bytes of log on links a write"))
        #expect(text.contains("333 syncs per 1,000 writes"))
    }

    @Test func aFailedCheckStandsFirstAndLast() throws {
        var result = FakeResult.result(phases: ["canonical", "failover"])
        #expect(!ResultTable.text(result).contains("FAILED"))
        result.phases[1].checks.writesFound -= 3
        result.phases[1].checks.wrongAnswerCount = 1
        result.phases[1].checks.wrongAnswers = ["get of ticket 7: subject is not what was written"]
        let lines = ResultTable.text(result).split(separator: "\n").map(String.init)
        let alarm =
            "!!! FAILED: failover: 1 wrong answers, 3 acknowledged writes were not found. Its speed counts for nothing."
        #expect(lines[1] == alarm)
        #expect(lines[lines.count - 2] == alarm)
        #expect(lines.contains("  WRONG: get of ticket 7: subject is not what was written"))
    }

    @Test func eventsHaveTheirGaps() {
        let text = ResultTable.text(FakeResult.result(phases: ["failover"]))
        #expect(
            text.contains("at 30.0 s: n2 killed, leader of shard 3, no writes for 1.62 s"),
            "\(text)")
    }

    @Test func textsOfAServerCannotDriveTheTerminal() {
        var result = FakeResult.result(phases: ["failover"])
        result.phases[0].events[0].text = "\u{1B}[2J all is well\r"
        #expect(!ResultTable.text(result).unicodeScalars.contains("\u{1B}"))
        #expect(!ResultTable.text(result).unicodeScalars.contains("\r"))
    }

    @Test func nothingMeasuredIsNothingSaid() {
        let text = ResultTable.text(FakeResult.result(seconds: 0))
        #expect(!text.contains(" nan") && !text.contains(" inf"))
    }
}
