/// A node of the cluster: one process and its disk. From 1.
package struct NodeID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt16
    package init(rawValue: UInt16) {
        precondition(rawValue > 0, "nodes are numbered from 1")
        self.rawValue = rawValue
    }
    /// Reads a decimal number without sign or leading zeros; nil for anything else.
    package init?(_ text: some StringProtocol) {
        guard let first = text.utf8.first, 0x31...0x39 ~= first, let number = UInt16(text) else {
            return nil
        }
        self.init(rawValue: number)
    }
    package static func < (a: NodeID, b: NodeID) -> Bool { a.rawValue < b.rawValue }
    package var description: String { String(rawValue) }
}

/// A cluster, by 16 bytes drawn when it was made. Printed as 32 lower-case hexadecimal digits.
package struct ClusterID: Hashable, Sendable, CustomStringConvertible {
    /// Bytes 0-7 and 8-15, the first byte highest.
    private let high: UInt64
    private let low: UInt64

    package init(bytes: some Sequence<UInt8>) {
        var words: [UInt64] = [0, 0]
        var count = 0
        for byte in bytes {
            precondition(count < 16, "a cluster id has 16 bytes")
            words[count / 8] = words[count / 8] << 8 | UInt64(byte)
            count += 1
        }
        precondition(count == 16, "a cluster id has 16 bytes")
        high = words[0]
        low = words[1]
    }

    /// Reads 32 lower-case hexadecimal digits; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let digits = text.utf8
        guard digits.count == 32,
            digits.allSatisfy({ 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }),
            let high = UInt64(text.prefix(16), radix: 16),
            let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.high = high
        self.low = low
    }

    package var bytes: [UInt8] {
        [high, low].flatMap { word in
            stride(from: 56, through: 0, by: -8).map {
                UInt8(truncatingIfNeeded: word >> UInt64($0))
            }
        }
    }

    package var description: String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
