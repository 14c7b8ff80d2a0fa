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
        } else if let written = WrittenTime(text) {
            self = .span(
                written.start, written.start.advanced(byMilliseconds: written.milliseconds))
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
}
