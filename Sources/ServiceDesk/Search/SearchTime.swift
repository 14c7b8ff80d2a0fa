package import Wire

/// A time in a search: a span such as a day or a second, or a moment so long ago.
///
/// A date means its day in UTC, a time to the second that second: `created:2026-01-31` is all of that day and
/// `created>2026-01-31` begins after it. `4hours` is the moment four hours before now, so `created>4hours` is "in the last
/// four hours". Months are 30 days here and years 365.
package enum SearchTime: Sendable, Equatable {
    /// From the first moment up to, not including, the second.
    case span(Timestamp, Timestamp)
    case moment(Timestamp)

    /// Nil when the text is no time.
    package init?(_ text: String, now: Timestamp) {
        if let relative = Self.relative(text, now: now) {
            self = relative
        } else if let absolute = Self.absolute(Array(text.utf8)) {
            self = absolute
        } else {
            return nil
        }
    }

    private static let day: Int64 = 86_400_000
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("minute", 60_000), ("hour", 3_600_000), ("day", day), ("week", 7 * day),
        ("month", 30 * day), ("year", 365 * day),
    ]

    private static func relative(_ text: String, now: Timestamp) -> SearchTime? {
        let text = text.lowercased()
        let today = now.milliseconds - (now.milliseconds % day + day) % day
        func whole(_ offset: Int64) -> SearchTime {
            .span(
                Timestamp(milliseconds: today + offset * day),
                Timestamp(milliseconds: today + (offset + 1) * day))
        }
        switch text {
        case "today": return whole(0)
        case "yesterday": return whole(-1)
        case "tomorrow": return whole(1)
        default: break
        }
        let digits = text.prefix { ("0"..."9").contains($0) }
        guard (1...6).contains(digits.utf8.count), let count = Int64(digits) else { return nil }
        var name = text.dropFirst(digits.count)
        if name.hasSuffix("s") { name = name.dropLast() }
        guard let unit = units.first(where: { $0.name == name }) else { return nil }
        return .moment(now.advanced(byMilliseconds: -count * unit.milliseconds))
    }

    /// `2026-01-31`, `2026-01-31T12:00`, `…:30`, `…:30.250`, each with `Z`, an offset or nothing (UTC).
    private static func absolute(_ bytes: [UInt8]) -> SearchTime? {
        var rest = bytes[...]
        func number(_ count: Int) -> Int64? {
            guard rest.count >= count else { return nil }
            var value: Int64 = 0
            for byte in rest.prefix(count) {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            rest = rest.dropFirst(count)
            return value
        }
        func take(_ characters: String) -> UInt8? {
            guard let first = rest.first, characters.utf8.contains(first) else { return nil }
            rest = rest.dropFirst()
            return first
        }
        guard let year = number(4), take("-") != nil, let month = number(2), take("-") != nil,
            let dayOfMonth = number(2), (1...12).contains(month), dayOfMonth >= 1,
            dayOfMonth <= days(in: month, year)
        else { return nil }
        var start = days(year, month, dayOfMonth) * day
        if rest.isEmpty { return span(start, day) }
        guard take("Tt ") != nil, let hour = number(2), take(":") != nil, let minute = number(2),
            hour < 24, minute < 60
        else { return nil }
        start += hour * 3_600_000 + minute * 60_000
        var length: Int64 = 60_000
        if take(":") != nil {
            guard let second = number(2), second <= 60 else { return nil }
            start += min(second, 59) * 1000
            length = 1000
            if take(".") != nil {
                var scale: Int64 = 100
                var count = 0
                while let digit = number(1) {
                    start += digit * scale
                    scale /= 10
                    count += 1
                }
                guard (1...9).contains(count) else { return nil }
                length = 1
            }
        }
        if !rest.isEmpty, take("Zz") == nil {
            guard let sign = take("+-"), let hours = number(2) else { return nil }
            _ = take(":")
            guard let minutes = number(2), hours < 24, minutes < 60 else { return nil }
            let offset = hours * 3_600_000 + minutes * 60_000
            start += sign == UInt8(ascii: "-") ? offset : -offset
        }
        return rest.isEmpty ? span(start, length) : nil
    }

    private static func span(_ start: Int64, _ length: Int64) -> SearchTime {
        .span(Timestamp(milliseconds: start), Timestamp(milliseconds: start + length))
    }

    private static func days(in month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01 (Howard Hinnant's `days_from_civil`).
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
