/// The only source of chance in a run: xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64.
package struct Randomness: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    package init(seed: UInt64) {
        var mix = seed
        func next(_ mix: inout UInt64) -> UInt64 {
            mix &+= 0x9E37_79B9_7F4A_7C15
            var z = mix
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        state = (next(&mix), next(&mix), next(&mix), next(&mix))
    }

    package mutating func next() -> UInt64 {
        func rotate(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 - k)) }
        let result = rotate(state.1 &* 5, 7) &* 9
        let t = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= t
        state.3 = rotate(state.3, 45)
        return result
    }

    /// A number from 0 up to, not including, `bound`.
    package mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0)
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    package mutating func between(_ low: Int64, _ high: Int64) -> Int64 {
        low + Int64(next().multipliedFullWidth(by: UInt64(high - low + 1)).high)
    }

    package mutating func fraction() -> Double { Double(next() >> 11) / Double(1 << 53) }

    package mutating func chance(_ probability: Double) -> Bool { fraction() < probability }

    package mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[below(choices.count)]
    }

    /// Exponentially spread around a mean; never more than 20 times the mean. Without `log`, whose last bit may differ from
    /// one machine to the next: the first of a run of coin tosses gives the exponent, a fraction the rest.
    package mutating func exponential(mean: Int64) -> Int64 {
        let halvings = min(Int64(next().trailingZeroBitCount), 12)
        let scaled = Double(mean) * 0.693147 * (Double(halvings) + fraction())
        return Int64(scaled)
    }
}
