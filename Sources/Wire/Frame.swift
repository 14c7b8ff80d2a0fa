/// One message on a link between nodes.
///
///     u32            length of the body in bytes
///     u8             kind, see `FrameKind`
///     u24            flags, 0
///     u32            CRC-32 of the eight bytes above and the body
///     body
///
/// Numbers are low byte first.
package enum Frame {
    package static let headLength = 12
    /// The most a body may hold: the largest message of consensus and what goes around it.
    package static let bodyLimit = 4 << 20 + 64 << 10
    /// What is written to a link in one go and carries tenants' data is a multiple of so many bytes long.
    package static let paddingStep = 128

    /// Bytes that are no frame of ours. The link they came by cannot be used any more: where the next frame begins is unknown.
    package enum Fault: Error, Equatable, Sendable {
        case tooLong(Int)
        case flags(UInt32)
        case checksum
        /// A kind that this build neither knows nor may ignore.
        case unknownKind(UInt8)
    }

    /// A whole frame, for where speed does not matter.
    package static func encoded(_ kind: FrameKind, _ body: [UInt8]) -> [UInt8] {
        body.withUnsafeBytes { raw in
            let head = Head(kind: kind, body: raw)
            var writer = ByteWriter()
            writer.reserve(head.frameLength)
            writer.write(fixed: head.word)
            for shift in stride(from: 0, to: 32, by: 8) {
                writer.write(UInt8(truncatingIfNeeded: head.checksum >> UInt32(shift)))
            }
            writer.write(raw: raw)
            return writer.bytes
        }
    }

    /// A frame that says nothing and brings `count` bytes to a multiple of `paddingStep`; empty when they are one.
    package static func padding(after count: Int) -> [UInt8] {
        let used = count % paddingStep
        if used == 0 { return [] }
        var length = paddingStep - used
        if length < headLength { length += paddingStep }
        return encoded(.padding, Array(repeating: 0, count: length - headLength))
    }

    /// The twelve bytes before a body.
    package struct Head: Equatable, Sendable {
        /// The first eight bytes, low byte first: length, kind and flags.
        package let word: UInt64
        package let checksum: UInt32

        package init(kind: FrameKind, body: UnsafeRawBufferPointer) {
            precondition(body.count <= Frame.bodyLimit, "a frame's body is over the limit")
            word = UInt64(body.count) | UInt64(kind.rawValue) << 32
            checksum = Self.checksum(word, body)
        }

        /// A head that was received. Nothing may be allocated for a body before this has said that its length is allowed.
        package init(word: UInt64, checksum: UInt32, limit: Int = Frame.bodyLimit) throws(Fault) {
            self.word = word
            self.checksum = checksum
            guard bodyLength <= limit else { throw .tooLong(bodyLength) }
            guard flags == 0 else { throw .flags(flags) }
        }

        package var bodyLength: Int { Int(word & 0xffff_ffff) }
        package var kindNumber: UInt8 { UInt8(truncatingIfNeeded: word >> 32) }
        package var flags: UInt32 { UInt32(word >> 40) }
        package var frameLength: Int { Frame.headLength + bodyLength }

        /// Whether a received body is the one the checksum was made of.
        package func matches(body: UnsafeRawBufferPointer) -> Bool {
            Self.checksum(word, body) == checksum
        }

        private static func checksum(_ word: UInt64, _ body: UnsafeRawBufferPointer) -> UInt32 {
            let head = withUnsafeBytes(of: word.littleEndian) { Checksum.crc32($0) }
            return Checksum.crc32(body, seed: head)
        }
    }
}
