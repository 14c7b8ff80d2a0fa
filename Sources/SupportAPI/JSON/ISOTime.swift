package import NIOCore
package import Wire

/// The API's times: RFC 3339 in UTC, whole seconds, always `Z`.
package enum ISOTime {
    package static func write(_ time: Timestamp, to buffer: inout ByteBuffer) {
        let seconds = time.seconds
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let second = seconds - day * 86_400
        let (year, month, dayOfMonth) = civil(fromDays: day)
        func two(_ value: Int64) {
            buffer.writeInteger(UInt8(48 + value / 10))
            buffer.writeInteger(UInt8(48 + value % 10))
        }
        two(year / 100)
        two(year % 100)
        buffer.writeInteger(UInt8(ascii: "-"))
        two(month)
        buffer.writeInteger(UInt8(ascii: "-"))
        two(dayOfMonth)
        buffer.writeInteger(UInt8(ascii: "T"))
        two(second / 3600)
        buffer.writeInteger(UInt8(ascii: ":"))
        two(second / 60 % 60)
        buffer.writeInteger(UInt8(ascii: ":"))
        two(second % 60)
        buffer.writeInteger(UInt8(ascii: "Z"))
    }

    package static func text(_ time: Timestamp) -> String {
        var buffer = ByteBuffer()
        write(time, to: &buffer)
        return String(buffer: buffer)
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
