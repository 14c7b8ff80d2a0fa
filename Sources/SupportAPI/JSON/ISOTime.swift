import ServiceDesk
package import Wire

/// The API's times: RFC 3339 in UTC, whole seconds, always `Z`.
package enum ISOTime {
    package static func write(_ time: Timestamp, to bytes: inout [UInt8]) {
        let seconds = time.seconds
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let second = seconds - day * 86_400
        let (year, month, dayOfMonth) = CalendarDay(rawValue: day).parts
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
}

extension ISOTime {
    /// Reads RFC 3339 (`2026-01-31T12:00:00Z`, fractions and offsets too) or a bare date, which is its first moment in UTC. Nil for
    /// anything else, and for a time of day that does not say how far it is from UTC.
    package static func parse(_ text: some StringProtocol) -> Timestamp? {
        guard let written = WrittenTime(text) else { return nil }
        let isDay = written.milliseconds == 86_400_000
        return isDay || written.hasZone ? written.start : nil
    }
}
