package import Consensus

/// A customer of ours, as the cluster numbers them. 0 is the system tenant, which owns the directory's rows.
package struct TenantID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package static let system = TenantID(rawValue: 0)
    package static func < (a: TenantID, b: TenantID) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
}

/// A replica group and the SQLite file each of its replicas holds. 0 is the directory.
package struct ShardID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }
    package static let directory = ShardID(rawValue: 0)
    package static func < (a: ShardID, b: ShardID) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
}

/// A moment in UTC, in milliseconds since 1970-01-01. Everything stored uses this; seconds are for the API's texts.
package struct Timestamp: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible
{
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(milliseconds: Int64) { self.rawValue = milliseconds }
    package init(seconds: Int64) { self.rawValue = seconds * 1000 }
    package var milliseconds: Int64 { rawValue }
    /// Whole seconds, rounded down.
    package var seconds: Int64 { rawValue / 1000 - (rawValue % 1000 < 0 ? 1 : 0) }
    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.rawValue < b.rawValue }
    package func advanced(byMilliseconds count: Int64) -> Timestamp {
        Timestamp(rawValue: rawValue + count)
    }
    package var description: String { "\(rawValue) ms" }
}

/// What a write's answer carries: a read that names it sees the write. Printed as `shard.index`.
package struct Position: Hashable, Sendable, CustomStringConvertible {
    package let shard: ShardID
    package let index: LogIndex
    package init(shard: ShardID, index: LogIndex) {
        self.shard = shard
        self.index = index
    }
    /// Reads `shard.index`; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.allSatisfy { 0x30...0x39 ~= $0 } }),
            let shard = UInt16(parts[0]), let index = UInt64(parts[1])
        else { return nil }
        self.init(shard: ShardID(rawValue: shard), index: LogIndex(rawValue: index))
    }
    package var description: String { "\(shard).\(index)" }
}
