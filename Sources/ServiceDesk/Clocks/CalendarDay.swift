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
            (1970...2100).contains(year), (1...12).contains(month), day >= 1
        else { return nil }
        self.init(year: year, month: month, day: day)
        // A day that the month does not have comes out as one of the next.
        guard description == text else { return nil }
    }

    /// "Days from civil", Howard Hinnant, chrono-compatible low-level date algorithms.
    private init(year: Int64, month: Int64, day: Int64) {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let ofEra = year - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        rawValue = era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }

    package static func < (a: CalendarDay, b: CalendarDay) -> Bool { a.rawValue < b.rawValue }

    /// `2026-12-24`.
    package var description: String {
        let shifted = rawValue + 719_468
        let era = shifted / 146_097
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * ofYear + 2) / 153
        let day = ofYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)-\(two(month))-\(two(day))"
    }
}
