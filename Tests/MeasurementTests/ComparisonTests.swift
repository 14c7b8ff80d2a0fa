import Foundation
import Testing

@testable import Measurement

@Suite struct ComparisonTests {
    private func compare(
        _ a: [BenchmarkResult], _ b: [BenchmarkResult], resamples: Int = 200
    ) throws -> Comparison {
        func named(
            _ side: String, _ results: [BenchmarkResult]
        ) -> [(name: String, result: BenchmarkResult)] {
            results.enumerated().map { (name: "\(side)\($0 + 1).json", result: $1) }
        }
        return try Comparison(a: named("a", a), b: named("b", b), resamples: resamples)
    }

    private func line(_ comparison: Comparison, _ metric: String) throws -> Comparison.Line {
        try #require(comparison.phases.first?.lines.first { $0.metric == metric })
    }

    /// Seconds whose figure is `mean` with noise that neighbours share.
    private func series(
        _ count: Int, mean: Double, noise: Double, shared: Double, _ draws: inout SeededDraws
    ) -> Series {
        var wave = noise * FakeResult.normal(&draws)
        let values = (0..<count).map { _ -> Double in
            wave =
                shared * wave
                + (1 - shared * shared).squareRoot() * noise * FakeResult.normal(&draws)
            return mean * exp(wave)
        }
        return Series(numerators: values, denominators: values.map { _ in 1 })
    }

    private func verdicts(
        _ draws: Int, seconds: Int, ratio: Double, noise: Double, shared: Double
    ) throws -> [Verdict: Int] {
        var random = SeededDraws(seed: 7)
        var counts: [Verdict: Int] = [:]
        for draw in 0..<draws {
            let a = series(seconds, mean: 1000, noise: noise, shared: shared, &random)
            let b = series(seconds, mean: 1000 * ratio, noise: noise, shared: shared, &random)
            let left = try #require(BlockBootstrap(a, seed: UInt64(draw), resamples: 100))
            let right = try #require(BlockBootstrap(b, seed: UInt64(draw) + 1, resamples: 100))
            let estimate = RatioEstimate(
                a: (left.logarithm, left.standardError, left.degrees),
                b: (right.logarithm, right.standardError, right.degrees))
            let verdict = Verdict(
                ratio: estimate.ratio, low: estimate.low, high: estimate.high, higherIsBetter: true)
            counts[verdict, default: 0] += 1
        }
        return counts
    }

    @Test(arguments: [30, 60, 120], [0.0, 0.5])
    func equalMeansAreWithinNoise(seconds: Int, shared: Double) throws {
        let counts = try verdicts(
            1000, seconds: seconds, ratio: 1, noise: 0.08, shared: shared)
        #expect(counts[.withinNoise]! >= 930, "\(counts)")
        // Nor is everything noise: intervals have about the size they say.
        #expect(counts[.withinNoise]! <= 995, "\(counts)")
    }

    @Test func aShiftOfATenthIsFound() throws {
        #expect(
            try verdicts(200, seconds: 30, ratio: 0.9, noise: 0.05, shared: 0.3)[.worse]! >= 190)
        #expect(
            try verdicts(200, seconds: 30, ratio: 1.1, noise: 0.05, shared: 0.3)[.better]! >= 190)
    }

    @Test func directionsAreThoseOfEachFigure() throws {
        let comparison = try compare(
            [FakeResult.result(seed: 1, noise: 0.03)],
            [FakeResult.result(seed: 2, scale: 1.2, noise: 0.03)])
        #expect(try line(comparison, "writes/s").verdict == .better)
        // Latencies fell with the higher speed.
        #expect(try line(comparison, "p50 of reads").verdict == .better)
        #expect(try line(comparison, "p50 of reads").ratio! < 0.9)
        let back = try compare(
            [FakeResult.result(seed: 2, scale: 1.2, noise: 0.03)],
            [FakeResult.result(seed: 1, noise: 0.03)])
        #expect(try line(back, "writes/s").verdict == .worse)
        #expect(try line(back, "p50 of reads").verdict == .worse)
        #expect(back.has(.worse))
    }

    @Test func theSameTwiceIsNoise() throws {
        let comparison = try compare([FakeResult.result()], [FakeResult.result()])
        #expect(comparison.phases[0].lines.count == 10)
        #expect(comparison.phases[0].lines.allSatisfy { $0.verdict == .withinNoise })
        #expect(comparison.differences.isEmpty && comparison.warnings.isEmpty)
        let again = try compare([FakeResult.result()], [FakeResult.result()])
        #expect(comparison.text == again.text)
    }

    @Test func scalarsAreDecidedByAThreshold() throws {
        var b = FakeResult.result()
        let logged = Double(b.phases[0].wire?.logBytes ?? 0)
        b.phases[0].wire?.logBytes = UInt64(logged * 1.03)
        for place in 0..<3 {
            let last = b.phases[0].processes[place].samples.count - 1
            let bytes = Double(b.phases[0].processes[place].samples[last].residentBytes)
            b.phases[0].processes[place].samples[last].residentBytes = UInt64(bytes * 1.03)
        }
        let comparison = try compare([FakeResult.result()], [b])
        #expect(try line(comparison, "log bytes per write").verdict == .worse)
        #expect(try line(comparison, "resident memory").verdict == .withinNoise)
        #expect(comparison.text.contains("beyond 2.00 %"))
    }

    @Test func tooFewSecondsDecideNothing() throws {
        let comparison = try compare(
            [FakeResult.result(seconds: 8)], [FakeResult.result(seconds: 8, scale: 2)])
        #expect(try line(comparison, "writes/s").verdict == .undecided)
        #expect(try line(comparison, "writes/s").ratio! > 1.8)
    }

    @Test func threeRunsASideAreJudgedByWhatDiffersBetweenThem() throws {
        // Steady within each run, but each run has its own speed: only the spread between runs tells.
        func runs(_ scales: [Double]) -> [BenchmarkResult] {
            scales.enumerated().map {
                FakeResult.result(seed: UInt64($0), scale: $1, noise: 0.001)
            }
        }
        let a = runs([1, 1.1, 0.93])
        let b = runs([1.09, 1.16, 0.98])
        #expect(try line(try compare([a[0]], [b[0]]), "reads/s").verdict == .better)
        let all = try compare(a, b)
        #expect(try line(all, "reads/s").verdict == .withinNoise)
        #expect(all.method == Comparison.betweenRuns)
        let far = try compare(a, runs([1.6, 1.55, 1.7]))
        #expect(try line(far, "reads/s").verdict == .better)
        #expect(try compare(a, Array(b.prefix(2))).method == Comparison.withinRuns)
    }

    @Test func whatDiffersBesideTheBuildIsSaid() throws {
        var b = FakeResult.result()
        b.machine.cores = 64
        b.seed = 43
        b.build.configuration = "debug"
        b.configuration["rate"] = "3000"
        b.configuration["soak"] = "true"
        b.phases[0].checks.writesFound -= 2
        let comparison = try compare([FakeResult.result()], [b])
        #expect(
            comparison.differences.map(\.what) == [
                "cores", "seed", "build configuration", "--rate", "--soak",
            ])
        #expect(comparison.hasFailedChecks)
        #expect(comparison.text.contains("b1.json: canonical: checks FAILED: 2 acknowledged"))
        #expect(comparison.text.contains("not given"))
    }

    @Test func phasesAreMatchedByNameAndLoop() throws {
        var a = FakeResult.result(phases: ["canonical", "failover"])
        let b = FakeResult.result(phases: ["canonical", "burst"])
        let comparison = try compare([a], [b])
        #expect(comparison.phases.map(\.name) == ["canonical"])
        #expect(comparison.warnings.count == 2)
        a.phases[0].loop = .closed(clients: 3)
        let error = #expect(throws: ResultFileError.self) { try compare([a], [b]) }
        #expect(error?.description.hasPrefix("no phase of A is in B too") == true)
    }

    @Test func otherCommandsAreRefused() {
        let run = FakeResult.result()
        var micro = FakeResult.result(command: "micro")
        let error = #expect(throws: ResultFileError.self) { try compare([run], [micro]) }
        #expect(
            error?.description
                == "b1.json is a result of `lodge-bench micro` and a1.json one of `lodge-bench run`: they cannot be compared"
        )
        micro.phases = []
        let other = #expect(throws: ResultFileError.self) { try compare([micro], [micro]) }
        #expect(other?.description.hasPrefix("a1.json has no phase to compare") == true)
    }

    @Test func jsonHoldsWhatTheTextSays() throws {
        struct Shape: Decodable {
            struct Phase: Decodable { let lines: [Line] }
            struct Line: Decodable {
                let metric: String
                let verdict: Verdict
                let low: Double?
            }
            let phases: [Phase]
            let method: String
        }
        let comparison = try compare([FakeResult.result()], [FakeResult.result(seed: 5)])
        let shape = try JSONDecoder().decode(Shape.self, from: Data(comparison.json().utf8))
        #expect(shape.phases[0].lines.map(\.metric) == comparison.phases[0].lines.map(\.metric))
        #expect(shape.phases[0].lines[0].low != nil)
        #expect(comparison.text.contains(shape.method))
    }

    @Test func roundsOfTwoBuildsAreComparedInPairs() throws {
        var draws = SeededDraws(seed: 3)
        var result = FakeResult.result(phases: [])
        for round in 1...12 {
            // The machine halves its speed for a while: both builds of a round see it.
            let machine = round < 6 ? 0.5 : 1.0
            for side in round % 2 == 0 ? ["A", "B"] : ["B", "A"] {
                result.phases.append(
                    FakeResult.phase(
                        RoundName(side: side, phase: "canonical", round: round).text, seconds: 3,
                        scale: machine * (side == "B" ? 1.08 : 1), noise: 0.01, &draws))
            }
        }
        #expect(Comparison.hasRounds(result))
        let comparison = try Comparison(rounds: result, name: "r.json")
        let writes = try line(comparison, "writes/s")
        #expect(writes.verdict == .better && writes.rounds == 12)
        #expect(abs(writes.ratio! - 1.08) < 0.02)
        #expect(writes.pValue! < 0.001)
        #expect(try line(comparison, "log bytes per write").verdict == .withinNoise)
        #expect(comparison.text.contains("12 rounds"))
        let error = #expect(throws: ResultFileError.self) {
            try Comparison(rounds: FakeResult.result(), name: "x.json")
        }
        #expect(error?.description.hasPrefix("x.json does not hold rounds") == true)
    }

    @Test func namesOfRounds() {
        let name = RoundName(side: "A", phase: "canonical", round: 3)
        #expect(RoundName("A/canonical, round 3") == name)
        #expect(RoundName("A/canonical round 3") == name)
        #expect(RoundName("A/canonical (round 3)") == name)
        #expect(RoundName(name.text) == name)
        #expect(RoundName("canonical") == nil)
        #expect(RoundName("A/canonical") == nil)
    }
}
