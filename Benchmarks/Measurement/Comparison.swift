import Foundation

/// What changed from A to B, and what of it is noise.
package struct Comparison: Encodable, Sendable {
    package var aNames: [String]
    package var bNames: [String]
    package var aBuild: String
    package var bBuild: String
    /// In what else than the build they differ: each makes a comparison doubtful.
    package var differences: [Difference]
    /// Failed checks and phases that only one side has.
    package var warnings: [String]
    /// A speed of wrong answers is none, so verdicts on it mean nothing.
    package var hasFailedChecks: Bool
    package var phases: [Phase]
    /// How the intervals were estimated and what they do not see.
    package var method: String

    package struct Difference: Encodable, Equatable, Sendable {
        package var what: String
        package var a: String
        package var b: String
    }

    /// One phase that both sides have.
    package struct Phase: Encodable, Sendable {
        package var name: String
        package var loop: String
        package var lines: [Line]
    }

    /// One figure.
    package struct Line: Encodable, Sendable {
        package var metric: String
        package var unit: String
        package var higherIsBetter: Bool
        package var a: Double?
        package var b: Double?
        package var ratio: Double?
        /// The ratio's 95 % confidence interval; missing where a threshold decides.
        package var low: Double?
        package var high: Double?
        /// Of scalars, how much a difference must be.
        package var threshold: Double?
        /// Of builds measured in turn: how many rounds, the quartiles of their ratios, and the sign test's p.
        package var rounds: Int?
        package var lowerQuartile: Double?
        package var upperQuartile: Double?
        package var pValue: Double?
        package var verdict: Verdict
    }

    /// Which of the verdicts occur; what a script looks at.
    package func has(_ verdict: Verdict) -> Bool {
        phases.contains { $0.lines.contains { $0.verdict == verdict } }
    }

    /// - Parameters:
    ///   - a: runs of one build with their names, at least one; likewise `b`.
    ///   - seed: of the bootstrap's draws, so that the same files give the same text.
    /// - Throws: `ResultFileError` if they cannot be compared.
    package init(
        a: [(name: String, result: BenchmarkResult)], b: [(name: String, result: BenchmarkResult)],
        seed: UInt64 = 1, resamples: Int = 1000
    ) throws {
        guard let firstA = a.first, let firstB = b.first else {
            throw ResultFileError("a comparison needs a result on each side")
        }
        for (name, result) in a + b {
            guard result.command == firstA.result.command else {
                throw ResultFileError(
                    """
                    \(name) is a result of `lodge-bench \(result.command)` and \(firstA.name) one of \
                    `lodge-bench \(firstA.result.command)`: they cannot be compared
                    """)
            }
            guard !result.phases.isEmpty else {
                throw ResultFileError(
                    "\(name) has no phase to compare; `compare` reads results of `lodge-bench run`")
            }
        }
        aNames = a.map(\.name)
        bNames = b.map(\.name)
        aBuild = firstA.result.build.text
        bBuild = firstB.result.build.text
        differences = Self.differences(a.map(\.result), b.map(\.result))
        hasFailedChecks = (a + b).contains { $0.result.phases.contains { !$0.checks.isGood } }
        warnings = (a + b).flatMap { name, result in
            result.phases.filter { !$0.checks.isGood }.map {
                "\(name): \($0.name): checks FAILED: \($0.checks.failure)"
            }
        }
        let phasesA = PhaseGroup.groups(a.map(\.result))
        let phasesB = PhaseGroup.groups(b.map(\.result))
        phases = []
        var fewest = Int.max
        for group in phasesA {
            guard let other = phasesB.first(where: { $0.key == group.key }) else {
                warnings.append("\(group.text) is only in A")
                continue
            }
            let lines = Metric.all.compactMap { metric in
                Line(metric, group.phases, other.phases, seed: seed, resamples: resamples)
            }
            phases.append(Phase(name: group.name, loop: group.loop, lines: lines))
            fewest = min(fewest, group.phases.count, other.phases.count)
        }
        for group in phasesB where !phasesA.contains(where: { $0.key == group.key }) {
            warnings.append("\(group.text) is only in B")
        }
        guard !phases.isEmpty else {
            throw ResultFileError(
                "no phase of A is in B too: " + warnings.joined(separator: "; "))
        }
        method = fewest >= 3 ? Self.betweenRuns : Self.withinRuns
    }

    static let withinRuns = """
        Method: intervals are 95 % confidence intervals of B ÷ A, from the seconds of each run by a moving-block bootstrap \
        (blocks of 3 to 10 seconds, because neighbouring seconds are alike), Student's t. Latencies are geometric \
        means of each second's percentile. A change below 1 % is called noise. These intervals do not see what differs between runs \
        (where files lie, what else the machine does): measure at least 3 runs a side, in turn, and give them all.
        """
    static let betweenRuns = """
        Method: intervals are 95 % confidence intervals of B ÷ A from the spread between the runs of a side (Welch's t on logarithms), \
        so they see what differs from run to run. A change below 1 % is called noise. Of figures that did not change, one in \
        twenty is called better or worse by chance, and those of one run mostly go together: give more runs before you believe \
        a small change.
        """

    private static func differences(
        _ a: [BenchmarkResult], _ b: [BenchmarkResult]
    ) -> [Difference] {
        func texts(_ results: [BenchmarkResult], _ read: (BenchmarkResult) -> String) -> String {
            var seen: [String] = []
            for text in results.map(read) where !seen.contains(text) { seen.append(text) }
            return seen.joined(separator: " | ")
        }
        var rows: [(String, (BenchmarkResult) -> String)] = [
            ("processor", { $0.machine.processor }), ("cores", { String($0.machine.cores) }),
            ("memory", { Numbers.bytes(Double($0.machine.memoryBytes)) }),
            ("kernel", { $0.machine.kernel }), ("file system", { $0.machine.fileSystem }),
            ("seed", { String($0.seed) }), ("build configuration", { $0.build.configuration }),
        ]
        for key in Set((a + b).flatMap(\.configuration.keys)).sorted() {
            rows.append(("--" + key, { $0.configuration[key] ?? "not given" }))
        }
        return rows.compactMap { what, read in
            let (left, right) = (texts(a, read), texts(b, read))
            // Runs of one side that differ among themselves are as doubtful as sides that differ.
            guard left != right || left.contains(" | ") else { return nil }
            return Difference(what: what, a: left, b: right)
        }
    }
}

/// The runs of one phase: same name, same loop.
struct PhaseGroup {
    struct Key: Equatable {
        let name: String
        let loop: Loop
    }
    let key: Key
    let loop: String
    var phases: [PhaseResult]

    var name: String { key.name }
    var text: String { "\(name) (\(loop))" }

    static func groups(_ results: [BenchmarkResult]) -> [PhaseGroup] {
        var groups: [PhaseGroup] = []
        for phase in results.flatMap(\.phases) {
            let key = Key(name: phase.name, loop: phase.loop)
            if let place = groups.firstIndex(where: { $0.key == key }) {
                groups[place].phases.append(phase)
            } else {
                groups.append(PhaseGroup(key: key, loop: phase.setup, phases: [phase]))
            }
        }
        return groups
    }
}

extension Comparison.Line {
    /// Nil if neither side has the figure.
    init?(
        _ metric: Metric, _ a: [PhaseResult], _ b: [PhaseResult], seed: UInt64, resamples: Int
    ) {
        func positive(_ phases: [PhaseResult]) -> [Double] {
            phases.compactMap(metric.value).filter { $0 > 0 && $0.isFinite }
        }
        let (valuesA, valuesB) = (positive(a), positive(b))
        guard !valuesA.isEmpty || !valuesB.isEmpty else { return nil }
        self.metric = metric.name
        unit = metric.unit
        higherIsBetter = metric.higherIsBetter
        verdict = .undecided
        func middle(_ values: [Double]) -> Double? {
            values.isEmpty ? nil : exp(Statistics.mean(values.map { log($0) }))
        }
        self.a = middle(valuesA)
        self.b = middle(valuesB)
        guard let left = self.a, let right = self.b else { return }
        ratio = right / left
        if valuesA.count >= 3 && valuesB.count >= 3 {
            settle(
                RatioEstimate(a: Self.spread(valuesA), b: Self.spread(valuesB)),
                leastChange: Verdict.leastChange)
        } else if let series = metric.series {
            guard let left = Self.pooled(a.map(series), seed: seed, resamples: resamples),
                let right = Self.pooled(b.map(series), seed: seed &+ 1, resamples: resamples)
            else { return }
            settle(RatioEstimate(a: left, b: right), leastChange: Verdict.leastChange)
        } else if let threshold = metric.threshold {
            self.threshold = threshold
            let ratio = right / left
            verdict = Verdict(
                ratio: ratio, low: ratio, high: ratio, higherIsBetter: higherIsBetter,
                leastChange: threshold)
        }
    }

    private mutating func settle(_ estimate: RatioEstimate, leastChange: Double) {
        ratio = estimate.ratio
        low = estimate.low
        high = estimate.high
        verdict = Verdict(
            ratio: estimate.ratio, low: estimate.low, high: estimate.high,
            higherIsBetter: higherIsBetter, leastChange: leastChange)
    }

    private static func spread(
        _ values: [Double]
    ) -> (logarithm: Double, standardError: Double, degrees: Double) {
        let logarithms = values.map { log($0) }
        let count = Double(values.count)
        return (
            Statistics.mean(logarithms), sqrt(Statistics.variance(logarithms) / count), count - 1
        )
    }

    /// The mean of the runs' figures, with the error that their seconds show.
    private static func pooled(
        _ runs: [Series], seed: UInt64, resamples: Int
    ) -> (logarithm: Double, standardError: Double, degrees: Double)? {
        let estimates = runs.enumerated().compactMap { place, series in
            BlockBootstrap(series, seed: seed &+ UInt64(place) &* 1000, resamples: resamples)
        }
        guard estimates.count == runs.count, !estimates.isEmpty else { return nil }
        let count = Double(estimates.count)
        let squares = estimates.reduce(0) { $0 + $1.standardError * $1.standardError }
        return (
            Statistics.mean(estimates.map(\.logarithm)), sqrt(squares) / count,
            estimates.reduce(0) { $0 + $1.degrees }
        )
    }
}
