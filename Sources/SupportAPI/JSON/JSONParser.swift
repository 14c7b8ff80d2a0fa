package import NIOCore

/// Why a body is not JSON this API takes.
package struct JSONFault: Error, Equatable, Sendable {
    /// Bytes from the start.
    package let offset: Int
    package let problem: String
}

/// A strict RFC 8259 parser for request bodies: no comments, no trailing commas, valid UTF-8 only, bounded depth.
///
/// Our own because what is refused, and with which words, is part of the API; Foundation's decoder accepts more, reads
/// numbers as doubles and says less.
package struct JSONParser {
    /// Arrays and objects inside each other.
    package static let depthLimit = 64

    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0

    package static func parse(_ buffer: ByteBuffer) throws(JSONFault) -> JSONValue {
        let result: Result<JSONValue, JSONFault> = buffer.withUnsafeReadableBytes { raw in
            raw.withMemoryRebound(to: UInt8.self) { bytes in
                do throws(JSONFault) {
                    guard String(validating: bytes, as: UTF8.self) != nil else {
                        throw JSONFault(offset: 0, problem: "the body is not valid UTF-8")
                    }
                    var parser = JSONParser(bytes: bytes)
                    let value = try parser.value(depth: 0)
                    parser.skipSpace()
                    guard parser.position == bytes.count else {
                        throw parser.fault("text after the JSON value")
                    }
                    return .success(value)
                } catch { return .failure(error) }
            }
        }
        return try result.get()
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private mutating func value(depth: Int) throws(JSONFault) -> JSONValue {
        skipSpace()
        guard position < bytes.count else { throw fault("unexpected end") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"):
            try literal("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try literal("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try literal("null")
            return .null
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(JSONFault) -> JSONValue {
        guard depth <= Self.depthLimit else { throw fault("nested deeper than \(Self.depthLimit)") }
        position += 1
        var members: [(name: String, value: JSONValue)] = []
        skipSpace()
        if take("}") { return .object(members) }
        while true {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw fault("a member's name is expected")
            }
            let name = try string()
            skipSpace()
            guard take(":") else { throw fault("a colon is expected") }
            members.append((name, try value(depth: depth)))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw fault("a comma or } is expected") }
        }
    }

    private mutating func array(depth: Int) throws(JSONFault) -> JSONValue {
        guard depth <= Self.depthLimit else { throw fault("nested deeper than \(Self.depthLimit)") }
        position += 1
        var items: [JSONValue] = []
        skipSpace()
        if take("]") { return .array(items) }
        while true {
            items.append(try value(depth: depth))
            skipSpace()
            if take("]") { return .array(items) }
            guard take(",") else { throw fault("a comma or ] is expected") }
        }
    }

    private mutating func string() throws(JSONFault) -> String {
        position += 1
        var plainStart = position
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                text.append(contentsOf: bytes[plainStart..<position])
                position += 1
                return String(decoding: text, as: UTF8.self)
            }
            if byte < 0x20 { throw fault("a control character in a text") }
            if byte != UInt8(ascii: "\\") {
                position += 1
                continue
            }
            text.append(contentsOf: bytes[plainStart..<position])
            position += 1
            text.append(contentsOf: try escape())
            plainStart = position
        }
        throw fault("a text without end")
    }

    private mutating func escape() throws(JSONFault) -> [UInt8] {
        guard position < bytes.count else { throw fault("unexpected end") }
        defer { position += 1 }
        switch bytes[position] {
        case UInt8(ascii: "\""): return [0x22]
        case UInt8(ascii: "\\"): return [0x5c]
        case UInt8(ascii: "/"): return [0x2f]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            var unit = try hex()
            if (0xd800..<0xdc00).contains(unit) {
                guard position + 2 < bytes.count, bytes[position + 1] == UInt8(ascii: "\\"),
                    bytes[position + 2] == UInt8(ascii: "u")
                else { throw fault("half a surrogate pair") }
                position += 2
                let low = try hex()
                guard (0xdc00..<0xe000).contains(low) else { throw fault("half a surrogate pair") }
                unit = 0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(unit) else { throw fault("half a surrogate pair") }
            return Array(String(Character(scalar)).utf8)
        default: throw fault("an unknown escape")
        }
    }

    /// Four digits after the `u`; leaves the position on the last.
    private mutating func hex() throws(JSONFault) -> UInt32 {
        guard position + 4 < bytes.count else { throw fault("unexpected end") }
        var value: UInt32 = 0
        for _ in 0..<4 {
            position += 1
            switch bytes[position] {
            case let digit where (0x30...0x39).contains(digit):
                value = value << 4 | UInt32(digit - 0x30)
            case let digit where (0x41...0x46).contains(digit):
                value = value << 4 | UInt32(digit - 0x37)
            case let digit where (0x61...0x66).contains(digit):
                value = value << 4 | UInt32(digit - 0x57)
            default: throw fault("a hexadecimal digit is expected")
            }
        }
        return value
    }

    private mutating func number() throws(JSONFault) -> JSONValue {
        let start = position
        _ = take("-")
        let firstDigit = position
        try digits()
        if bytes[firstDigit] == UInt8(ascii: "0") && position - firstDigit > 1 {
            throw fault("a number with a leading zero")
        }
        var isInteger = true
        if take(".") {
            isInteger = false
            try digits()
        }
        if take("e") || take("E") {
            isInteger = false
            if !take("+") { _ = take("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw fault("a number out of range") }
        return .number(value)
    }

    private mutating func digits() throws(JSONFault) {
        let start = position
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
        guard position > start else { throw fault("a value is expected") }
    }

    private mutating func literal(_ word: StaticString) throws(JSONFault) {
        let end = position + word.utf8CodeUnitCount
        let matches = word.withUTF8Buffer { text in
            end <= bytes.count && bytes[position..<end].elementsEqual(text)
        }
        guard matches else { throw fault("a value is expected") }
        position = end
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else {
            return false
        }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0a, 0x0d: position += 1
            default: return
            }
        }
    }

    private func fault(_ problem: String) -> JSONFault {
        JSONFault(offset: position, problem: problem)
    }
}
