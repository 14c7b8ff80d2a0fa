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

    package static func digest(_ text: String) -> [UInt8] {
        Array(SHA256.hash(data: Array(text.utf8)))
    }

    package static func salt() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    package static func jobID() -> String { "V3-" + hex(16) }

    package static func hex(_ count: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: (0..<count * 2).map { _ in digits.randomElement(using: &generator)! },
            as: UTF8.self)
    }
}
