/// The name of a phase that is one round of one build, when two are measured in turn: `A/canonical, round 3`.
package struct RoundName: Equatable, Sendable {
    /// What stands before the slash: which build.
    package var side: String
    package var phase: String
    package var round: Int

    package init(side: String, phase: String, round: Int) {
        self.side = side
        self.phase = phase
        self.round = round
    }

    /// Nil of any other name.
    package init?(_ name: String) {
        guard let match = name.wholeMatch(of: /([^\/]+)\/(.*?)[ ,:(]*\bround ?(\d+)\)?/),
            let round = Int(match.output.3)
        else { return nil }
        self.init(side: String(match.output.1), phase: String(match.output.2), round: round)
    }

    package var text: String { "\(side)/\(phase), round \(round)" }
}

extension Comparison {
    static let inTurn = """
        Method: both builds were measured in turn, so each round gives one ratio B ÷ A and what the machine does for minutes at a time \
        is in both halves. Shown is the median of the rounds' ratios with its 95 % confidence interval from order statistics; the \
        verdict is the sign test's (p < 0.05, at least six rounds). A change below 1 % is called noise.
        """

    /// Whether `result` holds rounds of two builds, so that it can be compared with itself.
    package static func hasRounds(_ result: BenchmarkResult) -> Bool {
        Set(result.phases.compactMap { RoundName($0.name)?.side }).count == 2
    }

    /// - Throws: `ResultFileError` if `result` does not hold rounds of exactly two builds.
    package init(rounds result: BenchmarkResult, name: String) throws {
        let rounds = result.phases.compactMap { phase in
            RoundName(phase.name).map { (name: $0, phase: phase) }
        }
        var sides: [String] = []
        for round in rounds where !sides.contains(round.name.side) { sides.append(round.name.side) }
        guard sides.count == 2 else {
            throw ResultFileError(
                """
                \(name) does not hold rounds of two builds (phases named "A/…, round 1"), so it needs a second result to be \
                compared with
                """)
        }
        // By name, not by who went first: the first of a round changes, and A is the build that B is held against.
        sides.sort()
        aNames = [name]
        bNames = [name]
        aBuild = sides[0]
        bBuild = sides[1]
        differences = []
        hasFailedChecks = result.phases.contains { !$0.checks.isGood }
        warnings = result.phases.filter { !$0.checks.isGood }.map {
            "\($0.name): checks FAILED: \($0.checks.failure)"
        }
        method = Self.inTurn
        var names: [String] = []
        for round in rounds where !names.contains(round.name.phase) {
            names.append(round.name.phase)
        }
        phases = names.map { phase in
            let own = rounds.filter { $0.name.phase == phase }
            let pairs = own.filter { $0.name.side == sides[0] }.compactMap { a in
                own.first { $0.name.side == sides[1] && $0.name.round == a.name.round }
                    .map { (a: a.phase, b: $0.phase) }
            }
            return Phase(
                name: phase, loop: own.first.map(\.phase.setup) ?? "",
                lines: Metric.all.compactMap { Line($0, pairs: pairs) })
        }
    }
}

extension Comparison.Line {
    /// Nil if no pair has the figure on both sides.
    init?(_ metric: Metric, pairs: [(a: PhaseResult, b: PhaseResult)]) {
        let values = pairs.compactMap { pair -> (a: Double, b: Double)? in
            guard let a = metric.value(pair.a), let b = metric.value(pair.b), a > 0, b > 0 else {
                return nil
            }
            return (a, b)
        }
        guard !values.isEmpty else { return nil }
        let paired = PairedComparison(
            ratios: values.map { $0.b / $0.a }, higherIsBetter: metric.higherIsBetter)
        self.metric = metric.name
        unit = metric.unit
        higherIsBetter = metric.higherIsBetter
        a = Statistics.median(values.map(\.a))
        b = Statistics.median(values.map(\.b))
        ratio = paired.median
        low = paired.confidence?.lowerBound
        high = paired.confidence?.upperBound
        rounds = paired.ratios.count
        lowerQuartile = paired.lowerQuartile
        upperQuartile = paired.upperQuartile
        pValue = paired.pValue
        verdict = paired.verdict
    }
}
