/// How long to wait before a peer is dialled again: doubling from a shortest to a longest time, with chance in it so that
/// nodes that lost each other at one moment do not meet again at one.
package struct Backoff: Equatable, Sendable {
    private let shortest: Int64
    private let longest: Int64
    package private(set) var failures = 0

    package init(shortest: Int64, longest: Int64) {
        precondition(shortest > 0 && longest >= shortest, "a backoff grows from a time above zero")
        self.shortest = shortest
        self.longest = longest
    }

    package mutating func succeeded() { failures = 0 }

    /// The wait after one more failure, in microseconds: between half and all of the doubled time, by `chance`.
    package mutating func failed(chance: UInt64) -> Int64 {
        let doubled = failures < 32 ? shortest << Int64(failures) : longest
        let whole = min(longest, doubled <= 0 ? longest : doubled)
        failures += 1
        return whole / 2 + Int64(chance % UInt64(whole / 2 + 1))
    }
}
