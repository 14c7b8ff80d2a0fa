import Foundation

/// A figure of a phase with what each second contributed to it: the figure is `sum(numerators) / sum(denominators)`, or its
/// exponential for geometric means.
struct Series {
    var numerators: [Double]
    var denominators: [Double]
    var isGeometric = false

    var count: Int { numerators.count }

    /// Logarithm of the figure; nil if there is none above zero.
    var logarithm: Double? { logarithm(numerators.reduce(0, +), denominators.reduce(0, +)) }

    func logarithm(_ numerator: Double, _ denominator: Double) -> Double? {
        guard denominator > 0 else { return nil }
        let value = numerator / denominator
        if isGeometric { return value.isFinite ? value : nil }
        return value > 0 && value.isFinite ? log(value) : nil
    }
}

/// How far a figure would be off if the same load ran on, estimated from its own seconds.
///
/// Neighbouring seconds are alike (a checkpoint, a neighbour on the machine), so blocks of several are drawn, not seconds
/// (Künsch 1989, the moving-block bootstrap). The spread of the drawn figures gives a standard error; a run has only so many
/// blocks, hence Student's t with one degree of freedom less than blocks.
struct BlockBootstrap {
    /// Of the figure's logarithm, so that it is a relative one.
    let logarithm: Double
    let standardError: Double
    let degrees: Double
    let block: Int

    /// Seconds below which nothing is estimated: three blocks of three.
    static let leastCount = 9

    init?(_ series: Series, seed: UInt64 = 1, resamples: Int = 1000) {
        let count = series.count
        guard count >= Self.leastCount, resamples > 1, let logarithm = series.logarithm else {
            return nil
        }
        let block = Self.block(count)
        var sums: [(Double, Double)] = []
        for start in 0...(count - block) {
            let range = start..<(start + block)
            sums.append(
                (
                    series.numerators[range].reduce(0, +), series.denominators[range].reduce(0, +)
                ))
        }
        let drawn = (count + block - 1) / block
        var draws = SeededDraws(seed: seed)
        var logarithms: [Double] = []
        for _ in 0..<resamples {
            var (numerator, denominator) = (0.0, 0.0)
            for _ in 0..<drawn {
                let pick = sums[Int(draws.next() % UInt64(sums.count))]
                numerator += pick.0
                denominator += pick.1
            }
            if let value = series.logarithm(numerator, denominator) { logarithms.append(value) }
        }
        guard logarithms.count > resamples / 2 else { return nil }
        self.logarithm = logarithm
        self.block = block
        degrees = max(Double(count) / Double(block) - 1, 1)
        // A drawn series is a little longer than the measured one, and blocks of one series vary less around its own mean than
        // around the true one.
        let length = Double(drawn * block) / Double(count)
        let own = Double(count) / Double(count - block)
        standardError = sqrt(
            Statistics.variance(logarithms) * length * own * Self.acrossBlocks(series, block))
    }

    /// What the ends of blocks cut off: the second before a block still tells of its first. Blocks of a length b find
    /// 1 - 2r / (1 - r²) / b of the variance of a series whose neighbours correlate by r (Künsch 1989, section 3, for an
    /// autoregression of first order).
    private static func acrossBlocks(_ series: Series, _ block: Int) -> Double {
        let count = Double(series.count)
        let denominator = series.denominators.reduce(0, +)
        let mean = series.numerators.reduce(0, +) / denominator
        let rest = zip(series.numerators, series.denominators).map { $0 - mean * $1 }
        let squares = rest.reduce(0) { $0 + $1 * $1 }
        guard squares > 0, squares.isFinite else { return 1 }
        let products = zip(rest, rest.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
        // Short series show less correlation than there is (Kendall 1954).
        let correlation = min(max((products / squares * count + 1) / (count - 3), 0), 0.7)
        let cut = 2 * correlation / (1 - correlation * correlation) / Double(block)
        return 1 / max(1 - cut, 0.4)
    }

    /// A sixth of the series, of 3 to 10 seconds.
    static func block(_ count: Int) -> Int { min(max(count / 6, 3), 10) }
}

/// B ÷ A with a 95 % confidence interval.
struct RatioEstimate {
    let ratio: Double
    let low: Double
    let high: Double

    /// - Parameters:
    ///   - a: logarithm of A's figure, its standard error and the degrees of freedom of that.
    init(
        a: (logarithm: Double, standardError: Double, degrees: Double),
        b: (logarithm: Double, standardError: Double, degrees: Double)
    ) {
        let (va, vb) = (a.standardError * a.standardError, b.standardError * b.standardError)
        let sum = va + vb
        let lower = va * va / a.degrees + vb * vb / b.degrees
        // Welch and Satterthwaite's degrees of freedom of a difference.
        let degrees = lower > 0 ? sum * sum / lower : 1000
        let half = Statistics.t975(degrees: degrees) * sqrt(sum)
        let difference = b.logarithm - a.logarithm
        ratio = exp(difference)
        low = exp(difference - half)
        high = exp(difference + half)
    }
}
