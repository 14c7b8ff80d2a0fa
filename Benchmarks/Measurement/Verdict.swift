/// What a comparison of B with A comes to.
package enum Verdict: String, Codable, Sendable {
    case better
    case worse
    case withinNoise = "within noise"
    /// Too little was measured, or it is missing on a side.
    case undecided = "not decided"

    /// A ratio nearer to 1 than this is noise whatever its interval says: nothing here is steadier than that from one day to the next.
    package static let leastChange = 0.01

    /// - Parameter low: the 95 % confidence interval of the ratio B ÷ A, with `high`.
    package init(
        ratio: Double, low: Double, high: Double, higherIsBetter: Bool,
        leastChange: Double = Verdict.leastChange
    ) {
        guard ratio.isFinite, low.isFinite, high.isFinite else {
            self = .undecided
            return
        }
        if low <= 1 && high >= 1 || abs(ratio - 1) < leastChange {
            self = .withinNoise
        } else {
            self = (ratio > 1) == higherIsBetter ? .better : .worse
        }
    }
}
