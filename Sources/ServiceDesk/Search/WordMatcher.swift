/// What a term looks for in a text.
package enum WordPattern: Sendable, Equatable {
    /// Folded words, as `WordMatcher` lays a text out; without the blank at the end when the last word need only begin so.
    case words([UInt8])
    /// A text without a letter or digit.
    case empty
    /// A text with one.
    case anything
    /// A term without a letter or digit: found nowhere.
    case nothing

    /// Words as a person types them: in their order, next to each other; the last one whole or as a beginning.
    package init(_ text: String, lastIsPrefix: Bool) {
        var matcher = WordMatcher()
        matcher.load(text)
        guard matcher.folded.count > 2 else {
            self = .nothing
            return
        }
        self = .words(lastIsPrefix ? matcher.folded.dropLast() : Array(matcher.folded))
    }

    init(_ term: SearchTerm) {
        self =
            if term.isAnything {
                .anything
            } else if term.isNone {
                .empty
            } else {
                // A bare word finds the words that begin so, as the dialect does.
                WordPattern(term.value, lastIsPrefix: !term.isQuoted || term.hasWildcard)
            }
    }
}

/// Finds words in texts whatever their case, in any script.
///
/// A text is laid out once as ` word word word `: letters, digits and marks in lower case, everything else one blank, and
/// each sign of the scripts that write without blanks (Chinese, Japanese, Thai) a word of its own. Finding a phrase is then
/// finding bytes. There is one buffer, so a scan over many rows allocates nothing.
package struct WordMatcher {
    private var buffer: [UInt8] = []
    private var count = 0

    package init() {}

    /// The text that was loaded last, laid out.
    package var folded: ArraySlice<UInt8> { buffer[..<count] }

    package mutating func load(_ text: String) {
        var text = text
        text.withUTF8 { load($0) }
    }

    /// Lays out UTF-8. Bytes that are none count as blanks.
    package mutating func load(_ text: UnsafeBufferPointer<UInt8>) {
        // No scalar grows beyond four times its bytes: two become at most three, three at most three with a blank on
        // both sides, four at most four and two blanks, one stays one; and a blank at both ends.
        let room = text.count * 4 + 2
        if buffer.count < room { buffer = [UInt8](repeating: 0, count: max(room, 4096)) }
        count = buffer.withUnsafeMutableBufferPointer { out in
            Self.table.withUnsafeBufferPointer { table in Self.fold(text, into: out, table) }
        }
    }

    /// Whether the loaded text has it.
    package func contains(_ pattern: WordPattern) -> Bool {
        switch pattern {
        case .nothing: false
        case .empty: count <= 2
        case .anything: count > 2
        case .words(let words): contains(words)
        }
    }

    private func contains(_ words: [UInt8]) -> Bool {
        guard words.count >= 2, words.count <= count else { return false }
        return buffer.withUnsafeBufferPointer { text in
            words.withUnsafeBufferPointer { words in
                let (blank, first) = (UInt8(0x20), words[1])
                var place = 0
                let last = count - words.count
                while place <= last {
                    if text[place] == blank && text[place + 1] == first {
                        var length = 2
                        while length < words.count && text[place + length] == words[length] {
                            length += 1
                        }
                        if length == words.count { return true }
                    }
                    place += 1
                }
                return false
            }
        }
    }

    private static func fold(
        _ text: UnsafeBufferPointer<UInt8>, into out: UnsafeMutableBufferPointer<UInt8>,
        _ table: UnsafeBufferPointer<UInt32>
    ) -> Int {
        out[0] = 0x20
        var count = 1
        var place = 0
        func blank() {
            if out[count - 1] != 0x20 {
                out[count] = 0x20
                count += 1
            }
        }
        while place < text.count {
            let byte = text[place]
            if byte < 0x80 {
                place += 1
                let folded = UInt8(truncatingIfNeeded: table[Int(byte)])
                if folded == 0 {
                    blank()
                } else {
                    out[count] = folded
                    count += 1
                }
                continue
            }
            let scalar = decode(text, &place)
            let entry = scalar < 0x1_0000 ? table[Int(scalar)] : entry(for: scalar)
            guard entry != 0 else {
                blank()
                continue
            }
            let standsAlone = entry & standalone != 0
            if standsAlone { blank() }
            encode(entry & ~standalone, into: out, &count)
            if standsAlone { blank() }
        }
        blank()
        return count
    }

    /// The scalar at `place`, which moves behind it; 0, a blank, where the bytes are no UTF-8.
    private static func decode(_ text: UnsafeBufferPointer<UInt8>, _ place: inout Int) -> UInt32 {
        let lead = text[place]
        place += 1
        let (length, bits): (Int, UInt32) =
            switch lead {
            case 0xc2...0xdf: (1, UInt32(lead & 0x1f))
            case 0xe0...0xef: (2, UInt32(lead & 0x0f))
            case 0xf0...0xf4: (3, UInt32(lead & 0x07))
            default: (0, 0)
            }
        guard length > 0, place + length <= text.count else { return 0 }
        var value = bits
        for index in place..<(place + length) {
            guard text[index] & 0xc0 == 0x80 else { return 0 }
            value = value << 6 | UInt32(text[index] & 0x3f)
        }
        place += length
        return value
    }

    private static func encode(
        _ scalar: UInt32, into out: UnsafeMutableBufferPointer<UInt8>, _ count: inout Int
    ) {
        func put(_ value: UInt32) {
            out[count] = UInt8(truncatingIfNeeded: value)
            count += 1
        }
        switch scalar {
        case ..<0x80: put(scalar)
        case ..<0x800:
            put(0xc0 | scalar >> 6)
            put(0x80 | scalar & 0x3f)
        case ..<0x1_0000:
            put(0xe0 | scalar >> 12)
            put(0x80 | scalar >> 6 & 0x3f)
            put(0x80 | scalar & 0x3f)
        default:
            put(0xf0 | scalar >> 18)
            put(0x80 | scalar >> 12 & 0x3f)
            put(0x80 | scalar >> 6 & 0x3f)
            put(0x80 | scalar & 0x3f)
        }
    }

    // MARK: What becomes of a scalar

    /// Set in an entry whose scalar is a word by itself.
    private static let standalone: UInt32 = 1 << 31

    /// The entries of the basic plane: asking for a scalar's properties takes a hundred times as long as this.
    private static let table: [UInt32] = (0..<0x1_0000).map { entry(for: UInt32($0)) }

    /// A number that says what becomes of every scalar: an index of words is of no use once letters are folded otherwise, as
    /// another version of Unicode may have it.
    static let fingerprint: UInt32 = {
        // FNV-1a, of four bytes at a time.
        var hash: UInt32 = 0x811c_9dc5
        for entry in table { hash = (hash ^ entry) &* 0x0100_0193 }
        for value in UInt32(0x1_0000)..<0x2_0000 {
            hash = (hash ^ Self.entry(for: value)) &* 0x0100_0193
        }
        return hash
    }()

    /// The folded scalar, with `standalone` where it applies; 0 for what separates words.
    private static func entry(for value: UInt32) -> UInt32 {
        guard let scalar = Unicode.Scalar(value) else { return 0 }
        let properties = scalar.properties
        let isMark =
            properties.generalCategory == .nonspacingMark
            || properties.generalCategory == .spacingMark
        guard properties.isAlphabetic || properties.numericType != nil || isMark else { return 0 }
        switch value {
        case 0x0e00...0x0eff, 0x3040...0x30ff, 0x3400...0x4dbf, 0x4e00...0x9fff, 0xf900...0xfaff,
            0x2_0000...0x3_ffff:
            return value | standalone
        // The two lower-case sigmas are one letter.
        case 0x03c2: return 0x03c3
        default:
            // Only the dotted capital I has a lower case of two scalars; its first is the letter.
            return properties.lowercaseMapping.unicodeScalars.first?.value ?? value
        }
    }
}
