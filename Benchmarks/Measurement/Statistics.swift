import Foundation

/// The little statistics that comparing needs.
enum Statistics {
    static func median(_ values: [Double]) -> Double? { quantile(values, 0.5) }

    /// Between two values by their distance (type 7 of Hyndman and Fan); nil of nothing.
    static func quantile(_ values: [Double], _ share: Double) -> Double? {
        let sorted = values.filter(\.isFinite).sorted()
        guard let last = sorted.last else { return nil }
        let place = share * Double(sorted.count - 1)
        let low = Int(place)
        guard low + 1 < sorted.count else { return last }
        return sorted[low] + (sorted[low + 1] - sorted[low]) * (place - Double(low))
    }

    static func mean(_ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }

    /// Of a sample, so divided by one less than its size.
    static func variance(_ values: [Double]) -> Double {
        guard values.count > 1 else { return 0 }
        let mean = mean(values)
        return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
    }

    /// Student's t that 2.5 % of draws exceed: 1.96 for many degrees of freedom. Within 1 % from two degrees on (Abramowitz and
    /// Stegun, 26.7.5); below two the value for two.
    static func t975(degrees: Double) -> Double {
        let n = max(degrees, 2)
        let z = 1.959964
        func power(_ exponent: Double) -> Double { pow(z, exponent) }
        let g1 = (power(3) + z) / 4
        let g2 = (5 * power(5) + 16 * power(3) + 3 * z) / 96
        let g3 = (3 * power(7) + 19 * power(5) + 17 * power(3) - 15 * z) / 384
        let g4 =
            (79 * power(9) + 776 * power(7) + 1482 * power(5) - 1920 * power(3) - 945 * z) / 92_160
        return z + g1 / n + g2 / (n * n) + g3 / (n * n * n) + g4 / (n * n * n * n)
    }

    /// Chance of at most `successes` heads in `throws` of a fair coin.
    static func coin(atMost successes: Int, of throwCount: Int) -> Double {
        guard successes >= 0 else { return 0 }
        guard successes < throwCount else { return 1 }
        // By logarithms, since the coefficients leave the range of numbers long before the chances do.
        var logarithm = -Double(throwCount) * log(2)
        var sum = exp(logarithm)
        for heads in stride(from: 1, through: successes, by: 1) {
            logarithm += log(Double(throwCount - heads + 1) / Double(heads))
            sum += exp(logarithm)
        }
        return sum
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): the same draws from the same seed on every machine.
package struct SeededDraws: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
