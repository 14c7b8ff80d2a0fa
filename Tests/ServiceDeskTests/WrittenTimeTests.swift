import Foundation
import Testing
import Wire

@testable import ServiceDesk

@Suite("Times as they are written")
struct WrittenTimeTests {
    /// 2026-03-15T00:00:00Z.
    static let midnight: Int64 = 1_773_532_800_000

    static let times: [(text: String, offset: Int64, milliseconds: Int64, hasZone: Bool)] = [
        ("2026-03-15", 0, 86_400_000, false),
        ("2026-03-15T13:45", 49_500_000, 60_000, false),
        ("2026-03-15T13:45Z", 49_500_000, 60_000, true),
        ("2026-03-15t13:45:30", 49_530_000, 1000, false),
        ("2026-03-15 13:45:30z", 49_530_000, 1000, true),
        ("2026-03-15T13:45:30.25Z", 49_530_250, 1, true),
        ("2026-03-15T13:45:30.123456789Z", 49_530_123, 1, true),
        ("2026-03-15T15:45:30+02:00", 49_530_000, 1000, true),
        ("2026-03-15T15:45:30 02:00", 49_530_000, 1000, true),
        ("2026-03-15T08:15:30-0530", 49_530_000, 1000, true),
        ("2026-03-15T23:59:60Z", 86_399_000, 1000, true),
    ]

    @Test("what they mean", arguments: times)
    func read(_ text: String, _ offset: Int64, _ milliseconds: Int64, _ hasZone: Bool) throws {
        let time = try #require(WrittenTime(text))
        #expect(time.start.milliseconds == Self.midnight + offset)
        #expect(time.milliseconds == milliseconds && time.hasZone == hasZone)
    }

    @Test(
        "anything else is none",
        arguments: [
            "", "2026", "2026-1-1", "2026-02-30", "2026-13-01", "2026-00-10", "2026-01-00",
            "2026-01-32", "2026-01-31T", "2026-01-31T24:00", "2026-01-31T10:60",
            "2026-01-31T10:00:61Z",
            "2026-01-31T10:00:00X", "2026-01-31T10:00:00.Z", "2026-01-31T10:00:00+2",
            "2026-01-31T10:00:00+24:00", "2026-01-31T10:00:00Z1", "2026-01-31Z", "20260131T100000Z",
            "２０２６-01-31", "2026-01-31T10:00:00." + String(repeating: "1", count: 40),
        ])
    func refuse(_ text: String) { #expect(WrittenTime(text) == nil) }

    @Test("days of ten thousand years are numbered one after the other, as Foundation numbers them")
    func calendar() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        // Foundation's calendar is the Julian one before 1582.
        let first = try #require(CalendarDay(year: 1600, month: 1, day: 1))
        let last = try #require(CalendarDay(year: 9999, month: 12, day: 31))
        for number in stride(from: first.rawValue, through: last.rawValue, by: 997) {
            let (year, month, day) = CalendarDay(rawValue: number).parts
            let date = Date(timeIntervalSince1970: Double(number) * 86_400)
            let parts = calendar.dateComponents([.year, .month, .day], from: date)
            let found = [Int64(parts.year ?? -1), Int64(parts.month ?? -1), Int64(parts.day ?? -1)]
            #expect(found == [year, month, day])
            #expect(CalendarDay(year: year, month: month, day: day)?.rawValue == number)
        }
        let old = try #require(CalendarDay(year: 0, month: 1, day: 1))
        for number in stride(from: old.rawValue, to: first.rawValue, by: 61) {
            let (year, month, day) = CalendarDay(rawValue: number).parts
            #expect(CalendarDay(year: year, month: month, day: day)?.rawValue == number)
        }
        #expect(CalendarDay(year: 0, month: 2, day: 29) != nil)
        for (year, month, day) in [
            (1900, 2, 29), (2026, 2, 29), (2026, 4, 31), (2026, 0, 1), (2026, 13, 1), (2026, 1, 0),
            (2026, 1, 32), (-1, 1, 1), (10_000, 1, 1),
        ] as [(Int64, Int64, Int64)] {
            #expect(CalendarDay(year: year, month: month, day: day) == nil)
        }
    }
}
