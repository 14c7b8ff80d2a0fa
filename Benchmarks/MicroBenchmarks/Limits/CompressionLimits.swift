import Measurement
import Wire

/// zlib at the level at which Lodge compresses blocks, on tickets' texts.
enum CompressionLimits {
    static func measure(seconds: Double) throws -> [Limit] {
        var limits: [Limit] = []
        for kibibytes in [4, 32] {
            var texts = TicketTexts()
            let blocks = (0..<8).map { _ in texts.block(bytes: kibibytes << 10) }
            let compressor = Compressor()
            var compressed = 0
            let packing = try Repetition.run(seconds: seconds) { turn in
                guard let bytes = compressor.compress(blocks[turn % blocks.count]) else {
                    throw LimitFault(description: "a ticket's text cannot be compressed")
                }
                compressed += bytes.count
            }
            let packed = blocks.compactMap { compressor.compress($0) }
            let decompressor = Decompressor()
            let unpacking = try Repetition.run(seconds: seconds) { turn in
                let place = turn % packed.count
                let bytes = try packed[place].withUnsafeBytes { raw throws in
                    try decompressor.decompress(raw, length: kibibytes << 10)
                }
                guard bytes.count == blocks[place].count else {
                    throw LimitFault(description: "zlib gave other bytes back")
                }
            }
            limits += [
                packing.limit(
                    "zlib-compress-\(kibibytes)k", "zlib level 1, blocks of \(kibibytes) KiB",
                    bytesEach: kibibytes << 10),
                Limit(
                    name: "zlib-ratio-\(kibibytes)k",
                    title: "tickets' texts through zlib, before to after, \(kibibytes) KiB",
                    value: Double(packing.count * (kibibytes << 10)) / Double(compressed),
                    unit: "x"),
                unpacking.limit(
                    "zlib-decompress-\(kibibytes)k",
                    "zlib the way back, blocks of \(kibibytes) KiB", bytesEach: kibibytes << 10),
            ]
        }
        return limits
    }
}

/// Made-up JSON of tickets: sentences of few words, so ratios flatter; use the speeds.
private struct TicketTexts {
    private var random = SplitMix64(state: 1)
    private var number = 0

    mutating func block(bytes: Int) -> [UInt8] {
        var text: [UInt8] = []
        while text.count < bytes {
            number += 1
            text += Array(
                """
                {"id":\(number),"subject":"\(words(7))","status":"open","priority":"normal",\
                "requester_id":\(random.number(below: 100_000)),"description":"\(words(60))"}

                """.utf8)
        }
        return Array(text[..<bytes])
    }

    private mutating func words(_ count: Int) -> String {
        (0..<count).map { _ in Self.list[random.number(below: Self.list.count)] }
            .joined(separator: " ")
    }

    private static let list = [
        "the", "printer", "in", "room", "four", "does", "not", "answer", "since", "this",
        "morning", "and", "we", "have", "tried", "to", "restart", "it", "twice", "could",
        "somebody", "please", "look", "at", "our", "invoice", "again", "thanks", "login",
        "password", "order", "delivery",
    ]
}
