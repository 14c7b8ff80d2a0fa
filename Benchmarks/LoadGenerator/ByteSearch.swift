import Glibc

/// Finds texts in an answer without parsing it: a full parse takes longer than all else the harness does for a request.
struct ByteSearch {
    let bytes: UnsafeRawBufferPointer

    /// A text to look for, with how far the search may jump (Horspool, Software: Practice and Experience 10, 1980).
    struct Pattern: Sendable {
        fileprivate let bytes: [UInt8]
        /// By the byte under the pattern's end.
        fileprivate let jumps: [UInt8]

        init(_ text: String) {
            bytes = Array(text.utf8)
            precondition((1...255).contains(bytes.count))
            var jumps = [UInt8](repeating: UInt8(bytes.count), count: 256)
            for (place, byte) in bytes.dropLast().enumerated() {
                jumps[Int(byte)] = UInt8(bytes.count - 1 - place)
            }
            self.jumps = jumps
        }

        static let id = Pattern(#""id":"#)
        static let subject = Pattern(#""subject":""#)
        static let status = Pattern(#""status":""#)
        static let audit = Pattern(#""audit":{"id":"#)
        static let body = Pattern(#""body":""#)
        static let updatedAt = Pattern(#""updated_at":""#)
    }

    /// The place after the first `pattern` from `start` on.
    func end(of pattern: Pattern, from start: Int = 0) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let count = pattern.bytes.count
        return pattern.bytes.withUnsafeBytes { text in
            pattern.jumps.withUnsafeBufferPointer { jumps in
                var place = start
                while place + count <= bytes.count {
                    if memcmp(base + place, text.baseAddress!, count) == 0 { return place + count }
                    place += Int(jumps[Int(bytes[place + count - 1])])
                }
                return nil
            }
        }
    }

    func hasPrefix(_ text: [UInt8], at place: Int) -> Bool {
        guard place + text.count <= bytes.count, let base = bytes.baseAddress else { return false }
        return text.withUnsafeBytes { memcmp(base + place, $0.baseAddress!, $0.count) == 0 }
    }

    func hasPrefix(_ text: StaticString, at place: Int) -> Bool {
        guard place + text.utf8CodeUnitCount <= bytes.count, let base = bytes.baseAddress else {
            return false
        }
        return memcmp(base + place, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    /// The whole number that stands at `place`.
    func number(at place: Int?) -> Int64? {
        guard var place else { return nil }
        var value: Int64?
        while place < bytes.count, case let digit = bytes[place], digit &- 48 < 10 {
            let (tens, overflowed) = (value ?? 0).multipliedReportingOverflow(by: 10)
            guard !overflowed, tens < Int64.max - 9 else { return nil }
            value = tens + Int64(digit &- 48)
            place += 1
        }
        return value
    }

    func text(at place: Int, _ count: Int) -> String {
        let end = min(bytes.count, place + count)
        return String(decoding: bytes[min(place, end)..<end], as: UTF8.self)
    }
}
