import Consensus
import Testing
import Wire

@Suite struct PackedBlockTests {
    private let compressor = Compressor()
    private let decompressor = Decompressor()

    private static func block(_ tenants: [Int64], text: String = "The kettle trips the fuse. ")
        -> Block
    {
        Block(
            shard: ShardID(rawValue: 3), firstIndex: LogIndex(40),
            time: Timestamp(milliseconds: 1_780_000_000_000), identifierBase: 77,
            identifierCount: 9,
            entries: tenants.enumerated().map { place, tenant in
                Block.Entry(
                    tenant: TenantID(rawValue: tenant), kind: place == 2 ? .schemaStep : .rows,
                    payload: Array(String(repeating: text, count: place).utf8))
            }, stateHash: 0x0123_4567_89ab_cdef)
    }

    @Test(arguments: [[1], [1, 1, 1], [5, 7, 5, 9, 7, 5], [0]] as [[Int64]])
    func whatIsPackedComesBackInItsOrder(tenants: [Int64]) throws {
        let block = Self.block(tenants)
        #expect(try Block(unpacking: block.packed(compressor), decompressor) == block)
    }

    /// Its bytes fix the dictionary, too: blocks that were stored with it must be read for ever.
    @Test func goldenBlockUnpacks() throws {
        let rows = [
            (
                5,
                Array(
                    String(repeating: "The kettle trips the fuse as soon as it boils. ", count: 3)
                        .utf8)
            ),
            (7, Array(0..<8)), (5, Array("[[\"Change\",\"status\",\"open\",\"new\"]]".utf8)),
        ]
        let expected = Block(
            shard: ShardID(rawValue: 3), firstIndex: LogIndex(40),
            time: Timestamp(milliseconds: 1_780_000_000_000), identifierBase: 77,
            identifierCount: 9,
            entries: rows.map {
                Block.Entry(tenant: TenantID(rawValue: Int64($0)), kind: .rows, payload: $1)
            }, stateHash: 0x0123_4567_89ab_cdef)
        let found = try Block(unpacking: Golden.bytes("packed-block.v2.hex"), decompressor)
        #expect(found == expected)
    }

    @Test func oftenRepeatedTextTakesLessThanAThird() {
        let block = Self.block([1, 1, 1, 1, 1, 1, 1, 1])
        #expect(block.packed(compressor).count * 3 < block.encoded().count)
    }

    /// Whoever can write into one tenant and see lengths must learn nothing of another's words.
    @Test func tenantsShareNoCompression() {
        let secret = "correct horse battery staple, every letter of it, twice over"
        func length(of guess: String) -> Int {
            let entries = [(1, secret), (2, guess)].map { tenant, text in
                Block.Entry(
                    tenant: TenantID(rawValue: Int64(tenant)), kind: .rows,
                    payload: Array(text.utf8))
            }
            return Block(
                shard: ShardID(rawValue: 1), firstIndex: LogIndex(1),
                time: Timestamp(milliseconds: 1), identifierBase: 0, identifierCount: 0,
                entries: entries, stateHash: 0
            ).packed(compressor).count
        }
        let wrong = String(
            secret.map { $0.isLetter ? Character(($0 == "z" ? "y" : "z").description) : $0 })
        let alone = { (text: String) in
            compressor.compress(Array(text.utf8), dictionary: CompressionDictionary.first)?.count
                ?? text.utf8.count
        }
        #expect(length(of: secret) - length(of: wrong) == alone(secret) - alone(wrong))
    }

    /// Compressed bytes have more forms than one, so of those a flip may mean the same; their record's checksum tells.
    @Test(arguments: [("ab", true), ("The kettle trips the fuse. ", false)])
    func everyCutIsRefusedAndNoFlippedBitIsTakenForTheBlock(text: String, isRaw: Bool) {
        let block = Self.block([5, 7, 5], text: text)
        let bytes = block.packed(compressor)
        for count in 0..<bytes.count {
            #expect(throws: DecodingFault.self) {
                try Block(unpacking: Array(bytes.prefix(count)), decompressor)
            }
        }
        for bit in 0..<bytes.count * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            let other = try? Block(unpacking: damaged, decompressor)
            if isRaw { #expect(other != block) }
        }
    }

    @Test func aBlockFromTheFutureSaysUnsupported() {
        var bytes = Self.block([1]).packed(compressor)
        bytes[0] = 9
        #expect(throws: DecodingFault.unsupportedVersion(9)) {
            try Block(unpacking: bytes, decompressor)
        }
    }

    /// A few bytes must not make the receiver take memory for many.
    @Test func aClaimOfMoreThanABlockMayHoldIsRefused() {
        var writer = ByteWriter()
        for byte in [2, 1, 1, 2, 0, 0, 1, 2] as [UInt8] { writer.write(byte) }
        writer.write(varint: 1)
        writer.write(varint: 0)
        writer.write(varint: UInt64(Block.unpackedLimit) + 1)
        writer.write(raw: [UInt8](repeating: 0, count: 64))
        #expect(throws: DecodingFault.invalid("entry length")) {
            try Block(unpacking: writer.bytes, decompressor)
        }
    }
}
