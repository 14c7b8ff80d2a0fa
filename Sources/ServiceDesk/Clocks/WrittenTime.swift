package import Wire

/// A time as people and programs write it (RFC 3339): `2026-01-31`, `2026-01-31T12:00`, `…:30` or `…:30.250`, those with a time of day
/// also with `Z` or an offset. Without one it is in UTC.
package struct WrittenTime: Sendable, Equatable {
    /// The first moment that it means.
    package let start: Timestamp
    /// How long what it means takes: a day, a minute, a second or a millisecond.
    package let milliseconds: Int64
    /// Whether it says how far it is from UTC. A day never does.
    package let hasZone: Bool

    /// The longest text that is looked at, in bytes of UTF-8.
    private static let limit = 40

    /// Nil when the text is no time.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8.prefix(Self.limit + 1))
        guard (10...Self.limit).contains(bytes.count) else { return nil }
        var reader = DigitReader(rest: bytes[...])
        guard let year = reader.number(4), reader.take("-") != nil, let month = reader.number(2),
            reader.take("-") != nil, let dayOfMonth = reader.number(2),
            let day = CalendarDay(year: year, month: month, day: dayOfMonth)
        else { return nil }
        var start = day.rawValue * 86_400_000
        var length: Int64 = 86_400_000
        var hasZone = false
        if !reader.rest.isEmpty {
            guard let time = reader.timeOfDay() else { return nil }
            start += time.milliseconds
            length = time.length
            if !reader.rest.isEmpty {
                guard let offset = reader.offset(), reader.rest.isEmpty else { return nil }
                start -= offset
                hasZone = true
            }
        }
        self.start = Timestamp(milliseconds: start)
        milliseconds = length
        self.hasZone = hasZone
    }
}

/// Takes numbers of so many digits off the front of a text.
private struct DigitReader {
    var rest: ArraySlice<UInt8>

    mutating func number(_ count: Int) -> Int64? {
        guard rest.count >= count else { return nil }
        var value: Int64 = 0
        for byte in rest.prefix(count) {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - 0x30)
        }
        rest = rest.dropFirst(count)
        return value
    }

    mutating func take(_ characters: StaticString) -> UInt8? {
        let isOne = characters.withUTF8Buffer { $0.contains(rest.first ?? 0) }
        return isOne ? rest.popFirst() : nil
    }

    /// `T12:00`, `…:30` or `…:30.250`: milliseconds from midnight, and how many of them it means. A leap second is the one before.
    mutating func timeOfDay() -> (milliseconds: Int64, length: Int64)? {
        guard take("Tt ") != nil, let hour = number(2), take(":") != nil, let minute = number(2),
            hour < 24, minute < 60
        else { return nil }
        let minutes = hour * 3_600_000 + minute * 60_000
        guard take(":") != nil else { return (minutes, 60_000) }
        guard let second = number(2), second <= 60 else { return nil }
        let seconds = minutes + min(second, 59) * 1000
        guard take(".") != nil else { return (seconds, 1000) }
        guard let first = number(1) else { return nil }
        var fraction = first * 100
        var scale: Int64 = 10
        while let digit = number(1) {
            fraction += digit * scale
            scale /= 10
        }
        return (seconds + fraction, 1)
    }

    /// `Z`, `+02:00` or `-0530` in milliseconds. A blank is a `+` that stood in an address without being escaped.
    mutating func offset() -> Int64? {
        if take("Zz") != nil { return 0 }
        guard let sign = take("+- "), let hours = number(2) else { return nil }
        _ = take(":")
        guard let minutes = number(2), hours < 24, minutes < 60 else { return nil }
        let offset = hours * 3_600_000 + minutes * 60_000
        return sign == UInt8(ascii: "-") ? -offset : offset
    }
}
