/// When requests are due in an open loop: a Poisson process, whose arrivals do not wait for one another, as people do not.
package struct Arrivals: Sendable {
    /// A rate that is `factor` times the stated one for the last `seconds` of each `every` seconds.
    package struct Bursts: Equatable, Sendable {
        package var factor: Double
        package var seconds: Double
        package var every: Double

        package init(factor: Double, seconds: Double, every: Double) {
            precondition(factor > 0 && seconds > 0 && every > seconds)
            self.factor = factor
            self.seconds = seconds
            self.every = every
        }

        package static let usual = Bursts(factor: 4, seconds: 2, every: 10)
    }

    private var random: SeededRandom
    private let perSecond: Double
    private let bursts: Bursts?
    /// Seconds from the beginning.
    private var time = 0.0

    package init(perSecond: Double, bursts: Bursts? = nil, seed: UInt64, phase: Int) {
        precondition(perSecond > 0)
        self.perSecond = perSecond
        self.bursts = bursts
        random = SeededRandom(seed: seed ^ 0x6172_7269, stream: UInt64(phase))
    }

    /// Seconds from the beginning to the next arrival.
    package mutating func next() -> Double {
        guard let bursts else {
            time += random.exponential() / perSecond
            return time
        }
        while true {
            let within = time.truncatingRemainder(dividingBy: bursts.every)
            let quiet = bursts.every - bursts.seconds
            let isBurst = within >= quiet
            let end = time - within + (isBurst ? bursts.every : quiet)
            let next = time + random.exponential() / (perSecond * (isBurst ? bursts.factor : 1))
            if next < end {
                time = next
                return time
            }
            // The process forgets: where the rate changes, the wait begins anew. One more step past the edge, against rounding.
            time = max(end, time.nextUp)
        }
    }
}
