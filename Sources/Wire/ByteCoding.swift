/// Bytes that cannot be what they claim to be: cut short, out of range, or written by a newer version.
package enum DecodingFault: Error, Equatable, Sendable {
    case truncated
    /// A number that no writer of this version writes.
    case invalid(String)
    /// A version this build does not read; upgrade the node.
    case unsupportedVersion(UInt8)
}

/// Appends the primitive forms that all of Lodge's encodings share to a growing array.
package struct ByteWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}
    package var count: Int { bytes.count }

    package mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }
    package mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }
    /// Forgets everything after `count` bytes.
    package mutating func truncate(to count: Int) { bytes.removeLast(bytes.count - count) }

    package mutating func write(_ byte: UInt8) { bytes.append(byte) }
    package mutating func write(raw: some Sequence<UInt8>) { bytes.append(contentsOf: raw) }
    package mutating func write(raw: UnsafeRawBufferPointer) { bytes.append(contentsOf: raw) }

    /// LEB128: seven bits a byte, low first, the high bit says that more follow.
    package mutating func write(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Zigzag then LEB128, so that small negative numbers stay short.
    package mutating func write(zigzag value: Int64) {
        write(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// Eight bytes, low first.
    package mutating func write(fixed value: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }

    /// Four bytes, low first.
    package mutating func write(fixed value: UInt32) {
        for shift in stride(from: 0, to: 32, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(shift)))
        }
    }

    /// Puts bytes in place of as many that were written already: what is known only after what follows it.
    package mutating func overwrite(at position: Int, with newBytes: [UInt8]) {
        precondition(position >= 0 && position + newBytes.count <= bytes.count)
        for (offset, byte) in newBytes.enumerated() { bytes[position + offset] = byte }
    }
}

/// Reads what `ByteWriter` wrote. Every length is checked against the bytes that are there before anything is copied.
package struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    package private(set) var position = 0

    /// `bytes` must outlive the reader.
    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package var remaining: Int { bytes.count - position }

    package mutating func byte() throws(DecodingFault) -> UInt8 {
        guard position < bytes.count else { throw .truncated }
        defer { position += 1 }
        return bytes[position]
    }

    package mutating func varint() throws(DecodingFault) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try byte()
            if shift == 63 && byte > 1 { throw .invalid("varint") }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 {
                // One number has one form, so that equal content has equal bytes.
                if byte == 0 && shift > 0 { throw .invalid("varint") }
                return value
            }
            shift += 7
        }
    }

    package mutating func zigzag() throws(DecodingFault) -> Int64 {
        let value = try varint()
        return Int64(bitPattern: (value >> 1) ^ (0 &- (value & 1)))
    }

    package mutating func fixed() throws(DecodingFault) -> UInt64 {
        guard remaining >= 8 else { throw .truncated }
        var value: UInt64 = 0
        for offset in 0..<8 { value |= UInt64(bytes[position + offset]) << UInt64(offset * 8) }
        position += 8
        return value
    }

    package mutating func fixed32() throws(DecodingFault) -> UInt32 {
        guard remaining >= 4 else { throw .truncated }
        var value: UInt32 = 0
        for offset in 0..<4 { value |= UInt32(bytes[position + offset]) << UInt32(offset * 8) }
        position += 4
        return value
    }

    /// The next `count` bytes, without a copy; valid as long as the reader's bytes.
    package mutating func raw(_ count: UInt64) throws(DecodingFault) -> UnsafeRawBufferPointer {
        guard count <= UInt64(remaining) else { throw .truncated }
        defer { position += Int(count) }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(count)])
    }
}
