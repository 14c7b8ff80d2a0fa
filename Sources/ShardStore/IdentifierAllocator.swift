package import Wire

/// Hands out a shard's identifiers: milliseconds since 2020 in the high bits, a counter in the low 12.
///
/// They sort by time and stay below 2^53 until 2089. The last one is stored with the applied index, so a leader whose
/// clock is behind continues above it instead of repeating.
package final class IdentifierAllocator {
    /// 2020-01-01T00:00:00Z in milliseconds since 1970.
    package static let epoch: Int64 = 1_577_836_800_000

    package private(set) var last: Int64

    package init(last: Int64) { self.last = last }

    package func take(_ count: Int, now: Timestamp) -> Int64 {
        precondition(count > 0)
        let first = max(last + 1, (now.milliseconds - Self.epoch) << 12)
        last = first + Int64(count) - 1
        return first
    }
}
