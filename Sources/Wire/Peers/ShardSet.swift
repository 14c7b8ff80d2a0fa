/// The shards that a node leads: one bit each.
package struct ShardSet: Equatable, Sendable {
    /// Shards 0 to 63.
    private var low: UInt64 = 0
    /// Shard 64.
    private var high: UInt8 = 0
    package static let limit = 64

    package init() {}
    package init(low: UInt64, high: UInt8) {
        self.low = low
        self.high = high & 1
    }
    package var bits: (low: UInt64, high: UInt8) { (low, high) }

    package func contains(_ shard: ShardID) -> Bool {
        shard.rawValue < 64 ? low >> UInt64(shard.rawValue) & 1 == 1 : high == 1
    }

    package mutating func insert(_ shard: ShardID) {
        if shard.rawValue < 64 { low |= 1 << UInt64(shard.rawValue) } else { high = 1 }
    }
}
