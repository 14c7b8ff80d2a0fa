package import Wire

/// When a desk works: stretches of the week in a time zone's local time, without its holidays.
///
/// A moment is working time when what the clocks on the wall show then is in a stretch and not on a holiday. So an hour that the
/// clocks show twice counts twice, and one that they leave out not at all.
package struct WorkingHours: Sendable, Equatable {
    /// In minutes since Sunday 00:00; the end does not belong to it.
    package struct Stretch: Sendable, Hashable {
        package let start: Int
        package let end: Int
        package init(start: Int, end: Int) {
            self.start = start
            self.end = end
        }
    }

    package static let minutesPerWeek = 7 * 24 * 60
    private static let minute: Int64 = 60_000
    private static let day: Int64 = 86_400_000
    /// How far ahead working time is looked for, in days: a calendar that is all holidays has none.
    private static let horizon: Int64 = 3660

    private let zone: ZoneOffsets
    /// Of each weekday from Sunday on, in milliseconds since its 00:00; in order, apart from each other.
    private let days: [[Range<Int64>]]
    /// Days since 1970-01-01; in order, apart from each other.
    private let holidays: [ClosedRange<Int64>]

    /// - Parameters:
    ///   - stretches: any that overlap or touch count as one.
    ///   - holidays: first and last day of each, counted from 1970-01-01.
    package init(
        zone: ZoneOffsets, stretches: some Sequence<Stretch>,
        holidays: some Sequence<ClosedRange<Int64>> = []
    ) {
        self.zone = zone
        var days = [[Range<Int64>]](repeating: [], count: 7)
        for stretch in Self.merged(stretches.map { Int64($0.start)..<Int64($0.end) }) {
            for day in 0..<7 {
                let minutes = Int64(day) * 1440..<Int64(day + 1) * 1440
                let part = stretch.clamped(to: minutes)
                if part.isEmpty { continue }
                days[day].append(
                    (part.lowerBound - minutes.lowerBound)
                        * Self.minute..<(part.upperBound
                        - minutes.lowerBound) * Self.minute)
            }
        }
        self.days = days
        self.holidays = Self.merged(
            holidays.map { $0.lowerBound..<$0.upperBound + 1 }
        ).map { $0.lowerBound...$0.upperBound - 1 }
    }

    private static func merged(_ ranges: [Range<Int64>]) -> [Range<Int64>] {
        var result: [Range<Int64>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
            if let last = result.last, range.lowerBound <= last.upperBound {
                result[result.count - 1] =
                    last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return result
    }

    // MARK: What is asked

    /// Milliseconds of working time from one moment to a later one; 0 when it is not later.
    package func time(from start: Timestamp, to end: Timestamp) -> Int64 {
        var sum: Int64 = 0
        forEachStretch(from: start.milliseconds, to: end.milliseconds) { stretch in
            sum += stretch.upperBound - stretch.lowerBound
            return true
        }
        return sum
    }

    /// The first moment by which so many milliseconds of working time have passed; nil when the calendar has no such moment within
    /// ten years.
    package func moment(_ wanted: Int64, after start: Timestamp) -> Timestamp? {
        if wanted <= 0 { return start }
        // A week without work is no reason to look through ten years.
        if days.allSatisfy(\.isEmpty) { return nil }
        var left = wanted
        var result: Timestamp?
        let end = start.milliseconds + Self.horizon * Self.day
        forEachStretch(from: start.milliseconds, to: end) { stretch in
            let length = stretch.upperBound - stretch.lowerBound
            if length < left {
                left -= length
                return true
            }
            result = Timestamp(milliseconds: stretch.lowerBound + left)
            return false
        }
        return result
    }

    /// Whether a moment is working time.
    package func contains(_ moment: Timestamp) -> Bool {
        time(from: moment, to: moment.advanced(byMilliseconds: 1)) == 1
    }

    /// The first moment, not before another, that is working time, or is not; nil when the calendar has none within ten years.
    package func next(isWorked: Bool, notBefore start: Timestamp) -> Timestamp? {
        var result = isWorked ? nil : start
        forEachStretch(
            from: start.milliseconds, to: start.milliseconds + Self.horizon * Self.day
        ) { stretch in
            if isWorked {
                result = Timestamp(milliseconds: stretch.lowerBound)
                return false
            }
            // A stretch over midnight comes in two parts.
            guard stretch.lowerBound == result?.milliseconds else { return false }
            result = Timestamp(milliseconds: stretch.upperBound)
            return true
        }
        // What is worked without end has no other moment.
        if !isWorked, let found = result, contains(found) { return nil }
        return result
    }

    // MARK: The calendar

    /// Calls `body` with the working stretches of a span, in UTC and in order, until it answers false.
    private func forEachStretch(
        from start: Int64, to end: Int64, _ body: (Range<Int64>) -> Bool
    ) {
        var time = start
        while time < end {
            // Within this, local time and UTC go side by side.
            let (offset, until) = zone.offset(at: time)
            let last = min(end, until)
            let local = time + offset..<last + offset
            var day = Self.floorDivided(local.lowerBound, Self.day)
            while day * Self.day < local.upperBound {
                if let holiday = holiday(at: day) {
                    day = holiday.upperBound + 1
                    continue
                }
                // 1970-01-01 was a Thursday.
                let weekday = Int((day + 4) - 7 * Self.floorDivided(day + 4, 7))
                for part in days[weekday] {
                    let shifted =
                        part.lowerBound + day * Self.day..<part.upperBound + day * Self.day
                    let stretch = shifted.clamped(to: local)
                    if stretch.isEmpty { continue }
                    guard
                        body(stretch.lowerBound - offset..<stretch.upperBound - offset)
                    else { return }
                }
                day += 1
            }
            time = last
        }
    }

    private func holiday(at day: Int64) -> ClosedRange<Int64>? {
        var low = 0
        var high = holidays.count
        while low < high {
            let middle = (low + high) / 2
            if holidays[middle].upperBound < day { low = middle + 1 } else { high = middle }
        }
        return low < holidays.count && holidays[low].contains(day) ? holidays[low] : nil
    }

    private static func floorDivided(_ a: Int64, _ b: Int64) -> Int64 {
        a / b - (a % b < 0 ? 1 : 0)
    }
}
