import Consensus
import Testing
import TestSupport
import Wire

private let golden = Block(
    shard: ShardID(rawValue: 300), firstIndex: LogIndex(rawValue: 70_000),
    time: Timestamp(milliseconds: 1_790_000_000_123), identifierBase: 7_000_000_000_000_000,
    identifierCount: 3,
    entries: [
        Block.Entry(
            tenant: TenantID(rawValue: 5), kind: .rows,
            payload: Golden.hex("400601426162050080060142616228ff0709")),
        Block.Entry(
            tenant: TenantID(rawValue: -7), kind: .rows, payload: Golden.hex("c00601426162")),
        Block.Entry(
            tenant: .system, kind: .schemaStep,
            payload: Golden.hex("02435245415445205441424c452074286129")),
    ], stateHash: 0x0123_4567_89ab_cdef)

private let smallest = Block(
    shard: .directory, firstIndex: LogIndex(rawValue: 1), time: Timestamp(rawValue: 0),
    identifierBase: 0, identifierCount: 0,
    entries: [Block.Entry(tenant: TenantID(rawValue: 1), kind: .rows, payload: [])], stateHash: 0)

private func randomBlock(_ random: inout SeededRandom) -> Block {
    Block(
        shard: ShardID(rawValue: UInt16(random.number(0..<65_536))),
        firstIndex: LogIndex(rawValue: random.next() >> UInt64(random.number(3..<60)) + 1),
        time: Timestamp(rawValue: Int64(random.next() >> UInt64(random.number(14..<60)))),
        identifierBase: Int64(random.next() >> UInt64(random.number(2..<60))),
        identifierCount: Int64(random.next() >> UInt64(random.number(32..<60))),
        entries: (0..<random.pick([1, 2, 3, 200])).map { _ in
            Block.Entry(
                tenant: TenantID(rawValue: Int64(bitPattern: random.next())),
                kind: random.chance(90) ? .rows : .schemaStep,
                payload: (0..<random.pick([0, 1, 20, 130])).map { _ in
                    UInt8(random.number(0..<256))
                })
        }, stateHash: random.next())
}

@Suite struct BlockTests {
    @Test func versionOneHasItsGoldenBytes() throws {
        for (name, block) in [("block.v1.hex", golden), ("block-smallest.v1.hex", smallest)] {
            let bytes = try Golden.bytes(name)
            #expect(block.encoded() == bytes, "\(name)")
            #expect(try Block(decoding: bytes) == block, "\(name)")
        }
        #expect(golden.lastIndex == LogIndex(rawValue: 70_002))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func randomBlocksComeBack(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            let block = randomBlock(&random)
            #expect(try Block(decoding: block.encoded()) == block, "seed \(seed)")
        }
    }

    @Test func everyCutSaysTruncated() throws {
        for block in [golden, smallest] {
            let bytes = block.encoded()
            for count in 0..<bytes.count {
                #expect(throws: DecodingFault.self, "\(count) of \(bytes.count)") {
                    try Block(decoding: Array(bytes.prefix(count)))
                }
            }
        }
    }

    @Test func everyFlippedBitIsAnErrorOrAnotherBlockThatIsWrittenTheSame() throws {
        for block in [golden, smallest] {
            let bytes = block.encoded()
            for bit in 0..<bytes.count * 8 {
                var damaged = bytes
                damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                guard let other = try? Block(decoding: damaged) else { continue }
                #expect(other != block)
                // Equal content has equal bytes: nothing in a block can be written in two ways.
                #expect(other.encoded() == damaged, "bit \(bit)")
                // And nothing in it overflows what is computed from it.
                #expect(other.lastIndex.next > other.firstIndex)
                #expect(other.identifierBase + other.identifierCount >= other.identifierBase)
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func randomBytesNeverStopTheDecoder(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<5000 {
            var bytes = (0..<random.number(0..<60)).map { _ in UInt8(random.number(0..<256)) }
            if random.chance(80) { bytes = [Block.version] + bytes.map { $0 & 0x83 } }
            if let block = try? Block(decoding: bytes) { #expect(block.encoded() == bytes) }
        }
    }

    @Test func versionFromTheFutureSaysUnsupportedNotCorrupt() {
        for version in [0, 2, 3, 255] as [UInt8] {
            #expect(throws: DecodingFault.unsupportedVersion(version)) {
                try Block(decoding: [version, 1, 2, 3])
            }
        }
    }

    @Test(arguments: [
        // shard 65,536; index 0; index 2^62; negative time; time 2^50; negative base; base 2^62; count 2^32; no entries;
        // too many entries; entry of no kind; entry shorter than its head.
        ("80800400000000000102020100", "shard"), ("000000000000000102020100", "index"),
        ("00808080808080808040", "index"), ("000101", "time"),
        ("000180808080808080" + "04", "time"),
        ("00010001", "identifier base"), ("0001008080808080808080" + "8001", "identifier base"),
        ("000100008080808010", "identifier count"), ("0001000000" + "00", "entry count"),
        ("0001000000" + "818004", "entry count"), ("00010000000103" + "020300", "entry kind"),
    ])
    func fieldOutOfRangeIsNamed(hex: String, field: String) {
        #expect(throws: DecodingFault.invalid(field)) {
            try Block(decoding: [Block.version] + Golden.hex(hex))
        }
    }

    @Test func bytesAfterTheBlockAreRefused() {
        #expect(throws: DecodingFault.invalid("bytes after the block")) {
            try Block(decoding: golden.encoded() + [0])
        }
    }
}

@Suite struct PositionTests {
    @Test func positionIsPrintedAndReadBack() {
        let position = Position(shard: ShardID(rawValue: 7), index: LogIndex(rawValue: 123))
        #expect(position.description == "7.123")
        #expect(Position("7.123") == position)
    }

    @Test(arguments: [
        "", ".", "7", "7.", ".1", "7.1.2", "a.1", "7.-1", "65536.1", "7.18446744073709551616",
        " 7.1", "+7.1", "7.+1",
    ])
    func anythingElseIsNotAPosition(text: String) { #expect(Position(text) == nil) }

    @Test func secondsAreRoundedDown() {
        let cases: [(Int64, Int64)] = [
            (0, 0), (999, 0), (1000, 1), (-1, -1), (-1000, -1), (-1001, -2),
            (.min, -9_223_372_036_854_776), (.max, 9_223_372_036_854_775),
        ]
        for (milliseconds, seconds) in cases {
            #expect(Timestamp(milliseconds: milliseconds).seconds == seconds)
        }
    }
}
