import Glibc

/// Numbers that follow from a seed and the number of a stream: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
///
/// Every connection draws from a stream of its own, so that what one asks for does not depend on how fast another is answered.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64, stream: UInt64) {
        // Both are mixed: states that are near one another would give the same numbers, only shifted.
        state = Self.mixed(seed &+ 0x9E37_79B9_7F4A_7C15) ^ Self.mixed(~stream)
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    /// At least 0, below 1.
    package mutating func chance() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// At least 0, below `count`, which is positive.
    package mutating func below(_ count: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(count)).high)
    }

    /// Time to the next of events that are independent of one another, in units of their mean distance.
    package mutating func exponential() -> Double { -log(1 - chance()) }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var bits = value
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
