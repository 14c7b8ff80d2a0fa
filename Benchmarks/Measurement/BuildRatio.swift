/// How one build compares with another, from short loads of both in turn.
package struct BuildRatio: Codable, Equatable, Sendable {
    /// What was asked for, such as `writes-only`.
    package var name: String
    /// Right answers a second of each round, of the build that is judged and of the one it is held against.
    package var perSecond: [Double]
    package var against: [Double]

    package init(name: String, perSecond: [Double], against: [Double]) {
        precondition(perSecond.count == against.count)
        self.name = name
        self.perSecond = perSecond
        self.against = against
    }

    /// Ratios of the rounds, in order of size.
    private var ratios: [Double] { zip(perSecond, against).map { $0 / $1 }.sorted() }

    /// Of the rounds' ratios; above 1 the judged build is faster.
    package var median: Double { Self.quantile(ratios, 0.5) }
    package var quartiles: (lower: Double, upper: Double) {
        (Self.quantile(ratios, 0.25), Self.quantile(ratios, 0.75))
    }

    private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        guard !sorted.isEmpty else { return .nan }
        let place = share * Double(sorted.count - 1)
        let below = Int(place)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
    }
}
