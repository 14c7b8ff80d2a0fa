package import Wire

/// Hands out a shard's identifiers: milliseconds since 2020 in the high bits, a counter in the low 12.
///
/// They sort by time and stay below 2^53 until 2089. The last one is stored with the applied index, so a leader whose
/// clock is behind continues above it instead of repeating. One block's identifiers are consecutive.
package final class IdentifierAllocator {
    /// 2020-01-01T00:00:00Z in milliseconds since 1970.
    package static let epoch: Int64 = 1_577_836_800_000

    /// The number before the block's first identifier.
    package let base: Int64
    package private(set) var last: Int64

    /// For one block at `time`, in a shard whose identifiers so far go up to `last`.
    package init(after last: Int64, time: Timestamp) {
        base = max(last, (max(0, time.milliseconds - Self.epoch) << 12) - 1)
        self.last = base
    }

    /// The lowest identifier that is made at a moment or later.
    package static func first(at time: Timestamp) -> Int64 {
        let since = min(max(0, time.milliseconds - epoch), Int64.max >> 12)
        return since << 12
    }

    package func take(_ count: Int) -> Int64 {
        precondition(count > 0)
        defer { last += Int64(count) }
        return last + 1
    }
}
