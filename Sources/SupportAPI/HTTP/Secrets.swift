package import ServiceDesk
import Crypto

/// Randomness for the layers below, which have none of their own.
package enum Secrets {
    /// A token of 40 letters and digits: 238 bits.
    package static func token() -> TokenSecret {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        var generator = SystemRandomNumberGenerator()
        let text = String(
            decoding: (0..<40).map { _ in alphabet.randomElement(using: &generator)! },
            as: UTF8.self)
        return TokenSecret(text: text, digest: digest(text))
    }

    /// Whether a text is of a token's letters.
    package static func isToken(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
    }

    package static func digest(_ text: String) -> [UInt8] {
        Array(SHA256.hash(data: Array(text.utf8)))
    }

    package static func salt() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// 256 bits that sign something.
    package static func key() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).flatMap { _ in
            withUnsafeBytes(of: generator.next()) { Array($0) }
        }
    }

    package static func jobID() -> String { "V3-" + hex(16) }

    /// `count` random bytes as hexadecimal digits.
    package static func hex(_ count: Int) -> String {
        // Eight bytes a call: each one asks the kernel.
        var generator = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(count * 2)
        var word: UInt64 = 0
        for place in 0..<count {
            if place % 8 == 0 { word = generator.next() }
            text.append(digits[Int(word >> 4 & 15)])
            text.append(digits[Int(word & 15)])
            word >>= 8
        }
        return String(decoding: text, as: UTF8.self)
    }
}
