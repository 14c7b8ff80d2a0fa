package import Wire

/// The API's times: RFC 3339 in UTC, whole seconds, always `Z`.
package enum ISOTime {
    package static func write(_ time: Timestamp, to bytes: inout [UInt8]) {
        let seconds = time.seconds
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let second = seconds - day * 86_400
        let (year, month, dayOfMonth) = civil(fromDays: day)
        func two(_ value: Int64) {
            bytes.append(UInt8(48 + value / 10))
            bytes.append(UInt8(48 + value % 10))
        }
        two(year / 100)
        two(year % 100)
        bytes.append(UInt8(ascii: "-"))
        two(month)
        bytes.append(UInt8(ascii: "-"))
        two(dayOfMonth)
        bytes.append(UInt8(ascii: "T"))
        two(second / 3600)
        bytes.append(UInt8(ascii: ":"))
        two(second / 60 % 60)
        bytes.append(UInt8(ascii: ":"))
        two(second % 60)
        bytes.append(UInt8(ascii: "Z"))
    }

    package static func text(_ time: Timestamp) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20)
        write(time, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Days since 1970-01-01 to year, month, day (Howard Hinnant's `civil_from_days`).
    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

extension ISOTime {
    /// Reads RFC 3339 (`2026-01-31T12:00:00Z`, fractions and offsets too) or a bare date, which is its first moment in UTC.
    package static func parse(_ text: some StringProtocol) -> Timestamp? {
        var digits = Array(text.utf8)[...]
        guard digits.count >= 10, digits.count <= 40 else { return nil }
        func number(_ count: Int) -> Int64? {
            guard digits.count >= count else { return nil }
            var value: Int64 = 0
            for byte in digits.prefix(count) {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            digits = digits.dropFirst(count)
            return value
        }
        func take(_ characters: String) -> UInt8? {
            guard let first = digits.first, characters.utf8.contains(first) else { return nil }
            digits = digits.dropFirst()
            return first
        }
        guard let year = number(4), take("-") != nil, let month = number(2), take("-") != nil,
            let day = number(2), (1...12).contains(month), day >= 1, day <= days(in: month, year)
        else { return nil }
        var seconds = days(year, month, day) * 86_400
        var milliseconds: Int64 = 0
        if !digits.isEmpty {
            guard take("Tt ") != nil, let hour = number(2), take(":") != nil,
                let minute = number(2), hour < 24, minute < 60
            else { return nil }
            var second: Int64 = 0
            if take(":") != nil {
                guard let value = number(2), value <= 60 else { return nil }
                second = min(value, 59)
                if take(".") != nil {
                    var scale: Int64 = 100
                    var count = 0
                    while let digit = number(1) {
                        milliseconds += digit * scale
                        scale /= 10
                        count += 1
                    }
                    guard count > 0 else { return nil }
                }
            }
            seconds += hour * 3600 + minute * 60 + second
            if take("Zz") == nil {
                guard let sign = take("+- ") else { return nil }
                guard let hours = number(2) else { return nil }
                _ = take(":")
                guard let minutes = number(2), hours < 24, minutes < 60 else { return nil }
                let offset = hours * 3600 + minutes * 60
                seconds += sign == UInt8(ascii: "-") ? offset : -offset
            }
            guard digits.isEmpty else { return nil }
        }
        return Timestamp(rawValue: seconds * 1000 + milliseconds)
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
