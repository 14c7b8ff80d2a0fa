/// A day of the Gregorian calendar, without a time zone: the days since 1970-01-01.
package struct CalendarDay: RawRepresentable, Hashable, Comparable, Sendable,
    CustomStringConvertible
{
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// Reads `2026-12-24`, of the years 1970 to 2100; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard text.utf8.count == 10, parts.count == 3, parts[0].utf8.count == 4,
            parts[1].utf8.count == 2, text.utf8.allSatisfy({ $0 == 0x2d || 0x30...0x39 ~= $0 }),
            let year = Int64(parts[0]), let month = Int64(parts[1]), let day = Int64(parts[2]),
            (1970...2100).contains(year)
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    /// Nil when the year has no such month or the month no such day. Years are 0 to 9999.
    ///
    /// "Days from civil", Howard Hinnant, chrono-compatible low-level date algorithms.
    package init?(year: Int64, month: Int64, day: Int64) {
        guard (0...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else {
            return nil
        }
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let ofEra = shifted - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        rawValue = era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
        // A day that the month does not have comes out as one of the next.
        guard parts.day == day else { return nil }
    }

    package static func < (a: CalendarDay, b: CalendarDay) -> Bool { a.rawValue < b.rawValue }

    /// Year, month from 1 and day from 1.
    package var parts: (year: Int64, month: Int64, day: Int64) {
        let shifted = rawValue + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * ofYear + 2) / 153
        let day = ofYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    /// `2026-12-24`.
    package var description: String {
        let (year, month, day) = parts
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)-\(two(month))-\(two(day))"
    }
}
