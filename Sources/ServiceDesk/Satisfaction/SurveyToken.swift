import Crypto
import Wire

/// What a survey's link says, signed: whoever holds it may answer this one survey, and do nothing else.
///
/// The text is unpadded base64 for addresses (RFC 4648, section 5) of
/// ```
/// | version 1 | kind 1 | subject 8 | solve 4 | expiry 8 | HMAC-SHA-256 32 |
/// ```
/// with numbers in network order, the expiry in seconds since 1970 and the MAC over all before it, under the desk's own key. So a link of
/// another desk does not open here.
struct SurveyToken: Equatable {
    enum Kind: UInt8 {
        /// About a ticket; the subject is its number.
        case satisfaction = 1
        /// The subject is the survey's number.
        case nps = 2
    }

    let kind: Kind
    let subject: Int64
    /// Of a ticket's survey: which of its solves it is about; else 0.
    let solve: Int64
    let expiresAt: Timestamp

    static let keyLength = 32
    /// Longer than a ticket stays solved and may be rated once it is closed.
    static let lifetimeMilliseconds: Int64 = 60 * 86_400_000

    private static let version: UInt8 = 1
    private static let contentLength = 22
    private static let length = contentLength + SHA256.byteCount

    init(_ kind: Kind, _ subject: Int64, solve: Int64 = 0, expiresAt: Timestamp) {
        self.kind = kind
        self.subject = subject
        self.solve = solve
        self.expiresAt = Timestamp(seconds: expiresAt.seconds)
    }

    func text(key: [UInt8]) -> String {
        var bytes: [UInt8] = [Self.version, kind.rawValue]
        func append(_ number: Int64, _ count: Int) {
            for place in (0..<count).reversed() {
                bytes.append(UInt8(truncatingIfNeeded: number >> (8 * Int64(place))))
            }
        }
        append(subject, 8)
        append(solve, 4)
        append(expiresAt.seconds, 8)
        let code = HMAC<SHA256>.authenticationCode(for: bytes, using: SymmetricKey(data: key))
        return AddressText.encode(bytes + Array(code))
    }

    /// Nil for whatever this key has not signed. The MAC is compared in constant time.
    init?(_ text: String, key: [UInt8]) {
        guard let bytes = AddressText.decode(text), bytes.count == Self.length else { return nil }
        let content = Array(bytes[..<Self.contentLength])
        let isSigned = HMAC<SHA256>.isValidAuthenticationCode(
            Array(bytes[Self.contentLength...]), authenticating: content,
            using: SymmetricKey(data: key))
        guard isSigned, content[0] == Self.version, let kind = Kind(rawValue: content[1]) else {
            return nil
        }
        func number(_ range: Range<Int>) -> Int64 {
            content[range].reduce(0) { $0 << 8 | Int64($1) }
        }
        self.init(
            kind, number(2..<10), solve: number(10..<14),
            expiresAt: Timestamp(seconds: number(14..<22)))
    }
}

/// Unpadded base64 for addresses: one text for the same bytes, and no other.
package enum AddressText {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    package static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var accumulator: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            accumulator = accumulator << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(alphabet[Int(accumulator >> bits & 63)])
            }
        }
        if bits > 0 { text.append(alphabet[Int(accumulator << (6 - bits) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }

    static func decode(_ text: String) -> [UInt8]? {
        guard text.utf8.count <= 256 else { return nil }
        var bytes: [UInt8] = []
        var accumulator: UInt32 = 0
        var bits: UInt32 = 0
        for character in text.utf8 {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            accumulator = accumulator << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(accumulator >> bits & 255))
            }
        }
        guard bits < 6, accumulator & ((1 << bits) - 1) == 0 else { return nil }
        return bytes
    }
}
