import Measurement
import Wire

/// Blocks of 1, 16 and 256 entries of the mix, as they are logged and shipped.
enum BlockParts {
    static let all: [HotPart] = [(1, 14_000, 66_000), (16, 600, 6000), (256, 50, 240)].flatMap {
        (entries, packings, unpackings) in
        let what = entries == 1 ? "a block of one entry" : "a block of \(entries) entries"
        return [
            HotPart("pack-\(entries)", "compress \(what)", iterations: packings) {
                try pack($0, entries)
            },
            HotPart("unpack-\(entries)", "decompress \(what)", iterations: unpackings) {
                try unpack($0, entries)
            },
        ]
    }

    private static func blocks(_ run: PartRun, _ entries: Int) throws -> [Block] {
        let shard = try run.shard()
        return try (0..<(run.scale == .full ? 8 : 2)).map { _ in
            guard let block = try shard.run(shard.mixed(entries)), block.entries.count == entries
            else {
                throw WrongOutcome(part: run.name, what: "not every request made an entry")
            }
            return block
        }
    }

    private static func pack(_ run: PartRun, _ entries: Int) throws -> PartResult {
        let blocks = try blocks(run, entries)
        let compressor = Compressor()
        var bytes = 0
        var last: [UInt8] = []
        var result = run.measure { turn in
            last = blocks[turn % blocks.count].packed(compressor)
            bytes += last.count
        }
        try run.expect(
            try Block(unpacking: last, Decompressor()) == blocks[(run.turns - 1) % blocks.count],
            "what was packed is not what comes out")
        let raw = blocks[(run.turns - 1) % blocks.count].encoded().count
        // One short entry may be as long as before; many are not.
        try run.expect(
            entries == 1 || last.count < raw, "\(raw) bytes became \(last.count)")
        result.bytesEach = Double(bytes) / Double(run.turns)
        return result
    }

    private static func unpack(_ run: PartRun, _ entries: Int) throws -> PartResult {
        let blocks = try blocks(run, entries)
        let compressor = Compressor()
        let packed = blocks.map { $0.packed(compressor) }
        let decompressor = Decompressor()
        var last: Block?
        var result = try run.measure { turn in
            last = try Block(unpacking: packed[turn % packed.count], decompressor)
        }
        try run.expect(
            last == blocks[(run.turns - 1) % blocks.count],
            "what came out is not what was packed")
        result.bytesEach =
            Double(packed.reduce(0) { $0 + $1.count }) / Double(packed.count)
        return result
    }
}
