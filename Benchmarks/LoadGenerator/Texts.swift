import NIOCore

/// Subjects, bodies and comments. Each follows from the seed and a number alone, so that it can be written again when it is checked.
package struct Texts: Sendable {
    private let seed: UInt64
    /// 4,096 ordinary words, each as often as it is to be taken.
    private let words: [[UInt8]]

    package static let subjectWords = 4
    package static let bodyWords = 60
    package static let commentWords = 40

    package init(seed: UInt64) {
        self.seed = seed
        let known = Vocabulary.words
        // Zipf-like: the n-th word's share falls as 1/n. Compresses about as well as what people write.
        let mix = TenantMix(tenants: known.count, exponent: 1)
        words = (0..<4096).map { known[mix.rank(at: (Double($0) + 0.5) / 4096)] }
    }

    /// The place of a ticket's topic among `Vocabulary.topics`.
    private func topicPlace(of serial: UInt64) -> Int {
        var random = SeededRandom(seed: seed ^ 0x746F_7069, stream: serial)
        return random.below(Vocabulary.topics.count)
    }

    package func topic(of serial: UInt64) -> [UInt8] { Vocabulary.topics[topicPlace(of: serial)] }

    /// Tenant's marker, topic, the serial, and a few words: `d3z kettle n4f the account is slow`.
    package func subject(marker: [UInt8], serial: UInt64) -> [UInt8] {
        var text = marker
        text.reserveCapacity(80)
        text.append(UInt8(ascii: " "))
        text += topic(of: serial)
        text.append(UInt8(ascii: " "))
        text += Self.mark(serial, letter: "n")
        var random = SeededRandom(seed: seed ^ 0x7375_626A, stream: serial)
        for _ in 0..<Self.subjectWords {
            text.append(UInt8(ascii: " "))
            text += words[Int(random.next() >> 52)]
        }
        return text
    }

    /// What tells one write from every other: a letter and the serial in base 36.
    package static func mark(_ serial: UInt64, letter: Character) -> [UInt8] {
        Array(String(letter).utf8) + Array(String(serial, radix: 36).utf8)
    }

    /// The mark, then so many words.
    func write(_ count: Int, serial: UInt64, to buffer: inout ByteBuffer) {
        buffer.writeBytes(Self.mark(serial, letter: "c"))
        var random = SeededRandom(seed: seed ^ 0x626F_6479, stream: serial)
        for _ in 0..<count {
            buffer.writeInteger(UInt8(ascii: " "))
            buffer.writeBytes(words[Int(random.next() >> 52)])
        }
    }
}
