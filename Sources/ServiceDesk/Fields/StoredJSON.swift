/// JSON texts that rows hold, read back. Written by this target only, so whatever else a text may be is damage and reads
/// as nil.
enum StoredJSON: Equatable {
    case null
    case flag(Bool)
    case number(Int64)
    case text(String)
    case list([StoredJSON])
    case object([String: StoredJSON])

    init?(_ text: String) {
        var text = text
        let parsed = text.withUTF8 { bytes -> StoredJSON? in
            var parser = Parser(bytes: bytes)
            guard let value = parser.value(depth: 0), parser.place == bytes.count else {
                return nil
            }
            return value
        }
        guard let parsed else { return nil }
        self = parsed
    }

    subscript(_ name: String) -> StoredJSON? {
        if case .object(let members) = self { members[name] } else { nil }
    }
    var items: [StoredJSON] { if case .list(let items) = self { items } else { [] } }
    var string: String? { if case .text(let text) = self { text } else { nil } }
    var integer: Int64? { if case .number(let number) = self { number } else { nil } }
    var flag: Bool? { if case .flag(let flag) = self { flag } else { nil } }

    /// No white space between tokens, no fractions: as it is written.
    private struct Parser {
        let bytes: UnsafeBufferPointer<UInt8>
        var place = 0

        private static let depthLimit = 8

        init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

        private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

        private mutating func take(_ byte: UInt8) -> Bool {
            guard next == byte else { return false }
            place += 1
            return true
        }

        private mutating func take(word: StaticString) -> Bool {
            guard place + word.utf8CodeUnitCount <= bytes.count else { return false }
            for offset in 0..<word.utf8CodeUnitCount
            where bytes[place + offset] != word.utf8Start[offset] { return false }
            place += word.utf8CodeUnitCount
            return true
        }

        mutating func value(depth: Int) -> StoredJSON? {
            guard depth < Self.depthLimit, let byte = next else { return nil }
            switch byte {
            case UInt8(ascii: "\""): return text().map(StoredJSON.text)
            case UInt8(ascii: "["): return list(depth)
            case UInt8(ascii: "{"): return object(depth)
            case UInt8(ascii: "t"): return take(word: "true") ? .flag(true) : nil
            case UInt8(ascii: "f"): return take(word: "false") ? .flag(false) : nil
            case UInt8(ascii: "n"): return take(word: "null") ? .null : nil
            default: return number()
            }
        }

        private mutating func list(_ depth: Int) -> StoredJSON? {
            place += 1
            var items: [StoredJSON] = []
            if take(UInt8(ascii: "]")) { return .list(items) }
            repeat {
                guard let item = value(depth: depth + 1) else { return nil }
                items.append(item)
            } while take(UInt8(ascii: ","))
            return take(UInt8(ascii: "]")) ? .list(items) : nil
        }

        private mutating func object(_ depth: Int) -> StoredJSON? {
            place += 1
            var members: [String: StoredJSON] = [:]
            if take(UInt8(ascii: "}")) { return .object(members) }
            repeat {
                guard next == UInt8(ascii: "\""), let name = text(), take(UInt8(ascii: ":")),
                    let member = value(depth: depth + 1)
                else { return nil }
                members[name] = member
            } while take(UInt8(ascii: ","))
            return take(UInt8(ascii: "}")) ? .object(members) : nil
        }

        private mutating func number() -> StoredJSON? {
            let start = place
            while let byte = next, byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte) {
                place += 1
            }
            let digits = UnsafeBufferPointer(rebasing: bytes[start..<place])
            return Int64(String(decoding: digits, as: UTF8.self)).map(StoredJSON.number)
        }

        private mutating func text() -> String? {
            place += 1
            let start = place
            while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                place += 1
            }
            let plain = UnsafeBufferPointer(rebasing: bytes[start..<place])
            if take(UInt8(ascii: "\"")) { return String(decoding: plain, as: UTF8.self) }
            var unescaped = Array(plain)
            while let byte = next {
                place += 1
                if byte == UInt8(ascii: "\"") { return String(decoding: unescaped, as: UTF8.self) }
                guard byte == UInt8(ascii: "\\") else {
                    unescaped.append(byte)
                    continue
                }
                guard let escape = next else { return nil }
                place += 1
                switch escape {
                case UInt8(ascii: "n"): unescaped.append(0x0a)
                case UInt8(ascii: "\""), UInt8(ascii: "\\"): unescaped.append(escape)
                case UInt8(ascii: "u"):
                    // Only control characters are written so.
                    guard place + 4 <= bytes.count,
                        let code = UInt8(
                            String(decoding: bytes[place..<place + 4], as: UTF8.self), radix: 16),
                        code < 0x20
                    else { return nil }
                    unescaped.append(code)
                    place += 4
                default: return nil
                }
            }
            return nil
        }
    }
}
