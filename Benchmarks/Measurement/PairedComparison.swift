/// Two builds measured in turn: one ratio B ÷ A for each round.
///
/// What makes a shared machine fast or slow for minutes at a time does so to both halves of a round and leaves their ratio alone,
/// so this sees differences that two runs one after the other cannot. The test is the sign test, which supposes nothing of
/// how ratios are distributed; the interval of the median is the one that belongs to it.
package struct PairedComparison: Sendable {
    /// Finite ratios above zero; others cannot be compared and are left out.
    package let ratios: [Double]
    package let higherIsBetter: Bool
    /// 1 of no ratios, as the quartiles are.
    package let median: Double
    package let lowerQuartile: Double
    package let upperQuartile: Double
    /// At least 95 % sure to hold the median between them; nil below six rounds, which cannot be so sure.
    package let confidence: ClosedRange<Double>?
    /// Chance of signs as unequal as these if neither were faster, two-sided; equal halves count for neither.
    package let pValue: Double

    package init(ratios: [Double], higherIsBetter: Bool = true) {
        let sorted = ratios.filter { $0.isFinite && $0 > 0 }.sorted()
        self.ratios = sorted
        self.higherIsBetter = higherIsBetter
        median = Statistics.median(sorted) ?? 1
        lowerQuartile = Statistics.quantile(sorted, 0.25) ?? 1
        upperQuartile = Statistics.quantile(sorted, 0.75) ?? 1
        let below = sorted.count { $0 < 1 }
        let above = sorted.count { $0 > 1 }
        pValue = min(1, 2 * Statistics.coin(atMost: min(below, above), of: below + above))
        // The deepest order statistic that is beyond the median with a chance of at most 2.5 % on each side.
        let depth = (0..<sorted.count).last {
            Statistics.coin(atMost: $0, of: sorted.count) <= 0.025
        }
        confidence = depth.flatMap { depth in
            let (low, high) = (depth, sorted.count - 1 - depth)
            return low <= high ? sorted[low]...sorted[high] : nil
        }
    }

    package var verdict: Verdict {
        guard ratios.count >= 6 else { return .undecided }
        guard pValue < 0.05, abs(median - 1) >= Verdict.leastChange else { return .withinNoise }
        return (median > 1) == higherIsBetter ? .better : .worse
    }
}
