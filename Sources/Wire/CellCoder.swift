/// What numbers in a block are written relative to: most integers in a fresh row are the block's time or one of its new
/// identifiers, and then cost one to three bytes.
package struct CellContext: Equatable, Sendable {
    package var time: Timestamp
    package var identifierBase: Int64
    package init(time: Timestamp, identifierBase: Int64) {
        self.time = time
        self.identifierBase = identifierBase
    }
}

/// One column's value as it is stored in a row change. Texts and blobs are the bytes of whoever made the cell.
///
///     tag            value
///     00             NULL
///     01 z           integer, zigzag varint
///     02 8 bytes     real, IEEE 754, low byte first
///     03 n bytes     text of n bytes (varint), UTF-8
///     04 n bytes     blob of n bytes (varint)
///     05             the integer that is the block's time in milliseconds
///     06 n           the integer identifierBase + n (varint, below 65,536)
///     07 z           the integer block time + z (zigzag, within ±2^31 ms)
///     40…7f          text of 0…63 bytes, which follow
///     80…ff          the integer 0…127
package enum Cell {
    case null
    case integer(Int64)
    case real(Double)
    case text(UnsafeRawBufferPointer)
    case blob(UnsafeRawBufferPointer)
}

extension ByteWriter {
    package mutating func write(_ cell: Cell, _ context: CellContext) {
        switch cell {
        case .null: writeNullCell()
        case .integer(let value): writeCell(integer: value, context)
        case .real(let value): writeCell(real: value)
        case .text(let bytes): writeCell(text: bytes)
        case .blob(let bytes): writeCell(blob: bytes)
        }
    }

    package mutating func writeNullCell() { write(0x00) }

    package mutating func writeCell(integer value: Int64, _ context: CellContext) {
        if value >= 0 && value < 128 {
            write(0x80 | UInt8(value))
        } else if value == context.time.milliseconds {
            write(0x05)
        } else if value > context.identifierBase
            && distance(value, context.identifierBase) < 65_536
        {
            write(0x06)
            write(varint: UInt64(value - context.identifierBase))
        } else if distance(value, context.time.milliseconds) < 1 << 31 {
            write(0x07)
            write(zigzag: value - context.time.milliseconds)
        } else {
            write(0x01)
            write(zigzag: value)
        }
    }

    package mutating func writeCell(real value: Double) {
        write(0x02)
        write(fixed: value.bitPattern)
    }

    package mutating func writeCell(text bytes: UnsafeRawBufferPointer) {
        if bytes.count < 64 {
            write(0x40 | UInt8(bytes.count))
        } else {
            write(0x03)
            write(varint: UInt64(bytes.count))
        }
        write(raw: bytes)
    }

    package mutating func writeCell(blob bytes: UnsafeRawBufferPointer) {
        write(0x04)
        write(varint: UInt64(bytes.count))
        write(raw: bytes)
    }

    /// The distance of two numbers, `UInt64.max` where it does not fit.
    private func distance(_ a: Int64, _ b: Int64) -> UInt64 {
        let (difference, overflow) = a.subtractingReportingOverflow(b)
        return overflow ? .max : difference.magnitude
    }
}

extension ByteReader {
    package mutating func cell(_ context: CellContext) throws(DecodingFault) -> Cell {
        let tag = try byte()
        switch tag {
        case 0x00: return .null
        case 0x01: return .integer(try zigzag())
        case 0x02: return .real(Double(bitPattern: try fixed()))
        case 0x03: return .text(try raw(try varint()))
        case 0x04: return .blob(try raw(try varint()))
        case 0x05: return .integer(context.time.milliseconds)
        case 0x06:
            let offset = try varint()
            guard offset < 65_536 else { throw .invalid("identifier offset") }
            return .integer(context.identifierBase &+ Int64(offset))
        case 0x07: return .integer(context.time.milliseconds &+ (try zigzag()))
        case 0x40...0x7f: return .text(try raw(UInt64(tag & 0x3f)))
        case 0x80...0xff: return .integer(Int64(tag & 0x7f))
        default: throw .invalid("cell tag \(tag)")
        }
    }
}
