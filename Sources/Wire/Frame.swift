/// One message on a link between nodes.
///
///     u32            length of the body in bytes, padding included
///     u8             kind, see `FrameKind`
///     u8             flags, 0
///     u16            how many bytes at the end of the body are padding (zeros)
///     u32            CRC-32 of the eight bytes above and the body
///     body
///
/// Numbers are low byte first. A frame of a padded kind is, head included, a multiple of 128 bytes long.
package enum Frame {
    package static let headLength = 12
    /// The most a body may hold without its padding: the largest message of consensus and what goes around it.
    package static let bodyLimit = 4 << 20 + 64 << 10
    package static let paddingStep = 128

    /// Bytes that are no frame of ours. The link they came by cannot be used any more: where the next frame begins is unknown.
    package enum Fault: Error, Equatable, Sendable {
        case tooLong(Int)
        case flags(UInt8)
        case padding(Int)
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
            writer.write(raw: repeatElement(0, count: head.padding))
            return writer.bytes
        }
    }

    /// The twelve bytes before a body.
    package struct Head: Equatable, Sendable {
        /// The first eight bytes, low byte first: length, kind, flags and padding.
        package let word: UInt64
        package let checksum: UInt32

        /// The head of `body`, whose padding comes from its kind.
        package init(kind: FrameKind, body: UnsafeRawBufferPointer) {
            precondition(body.count <= Frame.bodyLimit, "a frame's body is over the limit")
            var padding = 0
            if kind.isPadded {
                let used = (Frame.headLength + body.count) % Frame.paddingStep
                padding = used == 0 ? 0 : Frame.paddingStep - used
            }
            let word =
                UInt64(body.count + padding) | UInt64(kind.rawValue) << 32 | UInt64(padding) << 48
            self.word = word
            var sum = Self.checksum(word, body)
            if padding > 0 {
                // At most 127 zeros.
                let zeros: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
                sum = withUnsafeBytes(of: (zeros, zeros, zeros, zeros)) { raw in
                    Checksum.crc32(UnsafeRawBufferPointer(rebasing: raw[..<padding]), seed: sum)
                }
            }
            checksum = sum
        }

        /// A head that was received. Nothing may be allocated for a body before this has said that its length is allowed.
        package init(word: UInt64, checksum: UInt32, limit: Int = Frame.bodyLimit) throws(Fault) {
            self.word = word
            self.checksum = checksum
            // A newer node may pad in another step, so padding is only held to the body.
            guard bodyLength <= limit + Frame.paddingStep else { throw .tooLong(bodyLength) }
            guard padding <= bodyLength else { throw .padding(padding) }
            guard bodyLength - padding <= limit else { throw .tooLong(bodyLength - padding) }
            guard flags == 0 else { throw .flags(flags) }
        }

        /// The body's length with its padding.
        package var bodyLength: Int { Int(word & 0xffff_ffff) }
        package var kindNumber: UInt8 { UInt8(truncatingIfNeeded: word >> 32) }
        package var flags: UInt8 { UInt8(truncatingIfNeeded: word >> 40) }
        package var padding: Int { Int(word >> 48) }
        package var frameLength: Int { Frame.headLength + bodyLength }

        /// Whether a received body, padding included, is the one the checksum was made of.
        package func matches(body: UnsafeRawBufferPointer) -> Bool {
            Self.checksum(word, body) == checksum
        }

        private static func checksum(_ word: UInt64, _ body: UnsafeRawBufferPointer) -> UInt32 {
            let head = withUnsafeBytes(of: word.littleEndian) { Checksum.crc32($0) }
            return Checksum.crc32(body, seed: head)
        }
    }
}
