import Testing
import TestSupport
import Wire

private let context = CellContext(
    time: Timestamp(milliseconds: 1_790_000_000_123), identifierBase: 7_000_000_000_000_000)

/// A cell with bytes of its own.
private enum OwnedCell: Equatable {
    case null, integer(Int64), real(UInt64), text([UInt8]), blob([UInt8])

    init(_ cell: Cell) {
        switch cell {
        case .null: self = .null
        case .integer(let value): self = .integer(value)
        case .real(let value): self = .real(value.bitPattern)
        case .text(let bytes): self = .text(Array(bytes))
        case .blob(let bytes): self = .blob(Array(bytes))
        }
    }

    /// Reads `integer 5`, `text 6162`, `blob -`.
    init(golden: String) {
        let parts = golden.split(separator: " ").map(String.init)
        let bytes = parts.count > 1 && parts[1] != "-" ? parts[1] : ""
        switch parts[0] {
        case "null": self = .null
        case "integer": self = .integer(Int64(parts[1])!)
        case "real": self = .real(Double(parts[1])!.bitPattern)
        case "text": self = .text(Golden.hex(bytes))
        default: self = .blob(Golden.hex(bytes))
        }
    }

    init(_ random: inout SeededRandom) {
        let bits = random.next() >> UInt64(random.number(0..<64))
        let count = random.pick([0, 1, 62, 63, 64, 65, 127, 128, 300])
        switch random.number(0..<8) {
        case 0: self = .null
        case 1: self = .real(random.next())
        case 2: self = .text((0..<count).map { UInt8(32 + $0 % 90) })
        case 3: self = .blob((0..<count).map { _ in UInt8(random.number(0..<256)) })
        case 4: self = .integer(context.time.milliseconds &+ Int64(bitPattern: bits))
        case 5: self = .integer(context.identifierBase &+ Int64(bitPattern: bits))
        case 6: self = .integer(-Int64(bits >> 1))
        default: self = .integer(Int64(bitPattern: bits))
        }
    }

    func encoded(_ context: CellContext) -> [UInt8] {
        var writer = ByteWriter()
        switch self {
        case .null: writer.write(Cell.null, context)
        case .integer(let value): writer.write(.integer(value), context)
        case .real(let bits): writer.write(.real(Double(bitPattern: bits)), context)
        case .text(let bytes): bytes.withUnsafeBytes { writer.write(.text($0), context) }
        case .blob(let bytes): bytes.withUnsafeBytes { writer.write(.blob($0), context) }
        }
        return writer.bytes
    }

    /// Reads one cell and says how many bytes it took.
    static func decode(_ bytes: [UInt8], _ context: CellContext) throws -> (OwnedCell, Int) {
        try bytes.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            let cell = OwnedCell(try reader.cell(context))
            return (cell, reader.position)
        }
    }
}

@Suite struct CellTests {
    @Test func everyFormHasItsGoldenBytes() throws {
        let lines = try Golden.lines("cells.v1.txt")
        #expect(lines.count == 43)
        for line in lines {
            let parts = line.split(separator: " ", maxSplits: 1)
            let bytes = Golden.hex(String(parts[0]))
            let cell = OwnedCell(golden: String(parts[1]))
            #expect(cell.encoded(context) == bytes, "\(line)")
            #expect(try OwnedCell.decode(bytes, context) == (cell, bytes.count), "\(line)")
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func randomCellsComeBackAlsoInAStrangeContext(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<3000 {
            let cell = OwnedCell(&random)
            let context = CellContext(
                time: Timestamp(rawValue: random.pick([context.time.milliseconds, .min, .max, 0])),
                identifierBase: random.pick([context.identifierBase, .min, .max, 0, -1]))
            let bytes = cell.encoded(context)
            #expect(try OwnedCell.decode(bytes, context) == (cell, bytes.count), "seed \(seed)")
        }
    }

    @Test func everyCutAndEveryFlippedBitIsAnErrorOrAnotherValue() throws {
        for line in try Golden.lines("cells.v1.txt") {
            let bytes = Golden.hex(String(line.split(separator: " ")[0]))
            for count in 0..<bytes.count {
                #expect(throws: DecodingFault.truncated, "\(line)") {
                    try OwnedCell.decode(Array(bytes.prefix(count)), context)
                }
            }
            for bit in 0..<bytes.count * 8 {
                var damaged = bytes
                damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                if let (_, used) = try? OwnedCell.decode(damaged, context) {
                    #expect(used <= bytes.count)
                }
            }
        }
    }

    @Test func tagsOfNoVersionAreRefused() {
        for tag in 0x08...0x3f as ClosedRange<UInt8> {
            #expect(throws: DecodingFault.invalid("cell tag \(tag)")) {
                try OwnedCell.decode([tag, 0, 0, 0, 0, 0, 0, 0, 0], context)
            }
        }
    }

    @Test func lengthsAreCheckedBeforeAnythingIsCopied() {
        for tag in [3, 4] as [UInt8] {
            #expect(throws: DecodingFault.truncated) {
                try OwnedCell.decode(
                    [tag] + Golden.hex("ffffffffffffffffff01") + [1, 2, 3], context)
            }
        }
        #expect(throws: DecodingFault.invalid("identifier offset")) {
            try OwnedCell.decode(Golden.hex("0680808004"), context)
        }
    }
}

@Suite struct ChangeHeadTests {
    private func decode(_ bytes: [UInt8]) throws -> ChangeHead {
        try bytes.withUnsafeBytes {
            var reader = ByteReader($0)
            let head = try reader.changeHead()
            #expect(reader.remaining == 0)
            return head
        }
    }

    @Test func everyFormHasItsGoldenBytes() throws {
        let operations: [Substring: ChangeOperation] = [
            "insert": .insert, "update": .update, "delete": .delete,
        ]
        for line in try Golden.lines("heads.v1.txt") {
            let parts = line.split(separator: " ")
            let head = ChangeHead(operation: operations[parts[1]]!, table: Int(parts[2])!)
            var writer = ByteWriter()
            writer.write(head)
            #expect(writer.bytes == Golden.hex(String(parts[0])), "\(line)")
            #expect(try decode(writer.bytes) == head, "\(line)")
        }
    }

    @Test func numbersNoWriterWritesAreRefused() {
        for bytes in [[0x00], [0x05], [0x3f, 0x40]] as [[UInt8]] {
            #expect(throws: DecodingFault.invalid("operation")) { try decode(bytes) }
        }
        // A table below 63 in the long form, one above every limit, and a number cut short.
        #expect(throws: DecodingFault.invalid("table number")) { try decode([0x7f, 0x3e]) }
        #expect(throws: DecodingFault.invalid("table number")) { try decode([0x7f, 0x90, 0x4e]) }
        #expect(throws: DecodingFault.truncated) { try decode([0x7f]) }
    }
}

@Suite struct NumberTests {
    private func reading<Result>(
        _ hex: String, _ body: (inout ByteReader) throws -> Result
    ) rethrows -> Result {
        try Golden.hex(hex).withUnsafeBytes {
            var reader = ByteReader($0)
            return try body(&reader)
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func numbersComeBack(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var values: [UInt64] = [0, 1, 127, 128, 1 << 32, .max, .max - 1, 1 << 63]
        values += (0..<2000).map { _ in random.next() >> UInt64(random.number(0..<64)) }
        for value in values {
            var writer = ByteWriter()
            writer.write(varint: value)
            writer.write(zigzag: Int64(bitPattern: value))
            writer.write(fixed: value)
            try writer.bytes.withUnsafeBytes { raw throws in
                var reader = ByteReader(raw)
                #expect(try reader.varint() == value)
                #expect(try reader.zigzag() == Int64(bitPattern: value))
                #expect(try reader.fixed() == value)
                #expect(reader.remaining == 0)
            }
        }
    }

    @Test func aNumberHasOneForm() {
        for longer in ["8000", "ff00", "808000", "80808080808080808000"] {
            #expect(throws: DecodingFault.invalid("varint"), "\(longer)") {
                try reading(longer) { try $0.varint() }
            }
        }
        // More than 64 bits.
        for wide in ["ffffffffffffffffff02", "ffffffffffffffffff81", "ffffffffffffffffffff01"] {
            #expect(throws: DecodingFault.invalid("varint"), "\(wide)") {
                try reading(wide) { try $0.varint() }
            }
        }
    }

    @Test func numbersCutShortSayTruncated() {
        #expect(throws: DecodingFault.truncated) { try reading("") { try $0.byte() } }
        #expect(throws: DecodingFault.truncated) { try reading("ff") { try $0.varint() } }
        #expect(throws: DecodingFault.truncated) {
            try reading("01020304050607") { try $0.fixed() }
        }
        #expect(throws: DecodingFault.truncated) {
            try reading("0102") { try $0.raw(.max).count }
        }
    }
}
