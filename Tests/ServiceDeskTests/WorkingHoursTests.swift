import Foundation
import ShardStore
import Testing
import TimeZones
import Wire

@testable import ServiceDesk

private func at(_ text: String) throws -> Timestamp {
    let date = try Date(text, strategy: .iso8601)
    return Timestamp(milliseconds: Int64(date.timeIntervalSince1970 * 1000))
}

private let zones: ZoneLookup = { name in
    TimeZones.changes(of: name).map { changes in
        ZoneOffsets(changes.map { ZoneOffsets.Change(from: $0.from, offset: $0.offset) })
    }
}

private let hour: Int64 = 3_600_000

struct WorkingHoursTests {
    private static let officeWeek = (1...5).map {
        WorkingHours.Stretch(start: $0 * 1440 + 9 * 60, end: $0 * 1440 + 17 * 60)
    }
    private static let wholeWeek = [WorkingHours.Stretch(start: 0, end: 10_080)]

    private func hours(
        _ zone: String, _ stretches: [WorkingHours.Stretch] = officeWeek,
        holidays: [(String, String)] = []
    ) throws -> WorkingHours {
        WorkingHours(
            zone: try #require(zones(zone)), stretches: stretches,
            holidays: try holidays.map { first, last in
                let first = try #require(CalendarDay(first))
                return first.rawValue...(try #require(CalendarDay(last))).rawValue
            })
    }

    @Test func aWeekendIsLeftOutAndSoIsTheNight() throws {
        let berlin = try hours("Europe/Berlin")
        // Friday 16:00 to Monday 10:00, local.
        let (friday, monday) = (try at("2026-01-16T15:00:00Z"), try at("2026-01-19T09:00:00Z"))
        #expect(berlin.time(from: friday, to: monday) == 2 * hour)
        #expect(berlin.moment(hour, after: friday) == (try at("2026-01-16T16:00:00Z")))
        #expect(berlin.moment(hour + 1, after: friday) == (try at("2026-01-19T08:00:00.001Z")))
        #expect(berlin.moment(2 * hour, after: friday) == monday)
        #expect(berlin.moment(0, after: friday) == friday)
        #expect(berlin.time(from: monday, to: friday) == 0)
        #expect(berlin.contains(friday))
        #expect(!berlin.contains(try at("2026-01-16T16:00:00Z")))
    }

    /// 40 hours a week, whatever the clocks do.
    @Test func theOfficeDayKeepsItsLengthWhenTheClocksChange() throws {
        for zone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"] {
            let office = try hours(zone)
            var week = try at("2026-01-04T12:00:00Z")
            for _ in 0..<52 {
                let next = week.advanced(byMilliseconds: 7 * 24 * hour)
                // A week from noon to noon, UTC, is off by at most the hour that the clocks move.
                #expect(abs(office.time(from: week, to: next) - 40 * hour) <= hour, "\(zone)")
                week = next
            }
            let year = office.time(
                from: try at("2026-01-01T00:00:00Z"), to: try at("2027-01-01T00:00:00Z"))
            #expect(abs(year - 261 * 8 * hour) <= 8 * hour, "\(zone)")
        }
    }

    @Test func anHourThatTheClocksShowTwiceCountsTwiceAndOneTheyLeaveOutNot() throws {
        let always = try hours("Europe/Berlin", Self.wholeWeek)
        let spring = (try at("2026-03-28T23:00:00Z"), try at("2026-03-29T22:00:00Z"))
        let autumn = (try at("2026-10-24T22:00:00Z"), try at("2026-10-25T23:00:00Z"))
        #expect(always.time(from: spring.0, to: spring.1) == 23 * hour)
        #expect(always.time(from: autumn.0, to: autumn.1) == 25 * hour)
        // Sundays from two to three.
        let night = try hours(
            "Europe/Berlin", [WorkingHours.Stretch(start: 120, end: 180)])
        #expect(night.time(from: spring.0, to: spring.1) == 0)
        #expect(night.time(from: autumn.0, to: autumn.1) == 2 * hour)
    }

    @Test func holidaysAreDaysOfTheZone() throws {
        let auckland = try hours(
            "Pacific/Auckland",
            holidays: [("2026-12-24", "2026-12-25"), ("2026-12-25", "2026-12-28")])
        let (start, end) = (try at("2026-12-22T11:00:00Z"), try at("2026-12-29T11:00:00Z"))
        // Wednesday 23rd and Tuesday 29th are left of the seven days that begin at 00:00 of the 23rd.
        #expect(auckland.time(from: start, to: end) == 16 * hour)
        #expect(auckland.moment(9 * hour, after: start) == (try at("2026-12-28T21:00:00Z")))
    }

    @Test func aCalendarWithoutWorkHasNoMoment() throws {
        let none = try hours("UTC", [])
        #expect(none.moment(1, after: try at("2026-01-01T00:00:00Z")) == nil)
        let holidays = try hours("UTC", holidays: [("2020-01-01", "2040-01-01")])
        #expect(holidays.moment(1, after: try at("2026-01-01T00:00:00Z")) == nil)
    }

    @Test func stretchesThatTouchOrOverlapAreOne() throws {
        let one = try hours("UTC", [WorkingHours.Stretch(start: 600, end: 900)])
        let several = try hours(
            "UTC",
            [
                WorkingHours.Stretch(start: 700, end: 800),
                WorkingHours.Stretch(start: 800, end: 900),
                WorkingHours.Stretch(start: 600, end: 750),
            ])
        #expect(one == several)
    }

    /// Against a calendar of somebody else, minute by minute: every stretch's ends in local time, over the days on which clocks change.
    @Test(arguments: [
        ("Europe/Berlin", "2026-03-28T00:00:00Z"), ("Europe/Berlin", "2026-10-24T00:00:00Z"),
        ("America/St_Johns", "2026-03-07T00:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T00:00:00Z"),
        ("Pacific/Apia", "2011-12-28T00:00:00Z"), ("Asia/Kathmandu", "2026-05-01T00:00:00Z"),
        ("America/Sao_Paulo", "2018-11-03T00:00:00Z"),
    ])
    func everyMinuteIsWhatTheWallClockSays(zone: String, start: String) throws {
        let stretches = [
            WorkingHours.Stretch(start: 90, end: 170), WorkingHours.Stretch(start: 1430, end: 1500),
            WorkingHours.Stretch(start: 3000, end: 6000),
            WorkingHours.Stretch(start: 8700, end: 10_080),
        ]
        let ours = try hours(zone, stretches)
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: zone))
        let begin = try at(start)
        var expected: Int64 = 0
        for minute in 0..<Int64(4 * 1440) {
            let moment = begin.advanced(byMilliseconds: minute * 60_000)
            let parts = calendar.dateComponents(
                [.weekday, .hour, .minute],
                from: Date(timeIntervalSince1970: Double(moment.seconds)))
            let local = (parts.weekday! - 1) * 1440 + parts.hour! * 60 + parts.minute!
            let isWorking = stretches.contains { $0.start <= local && local < $0.end }
            #expect(ours.contains(moment) == isWorking, "\(zone) \(moment.seconds) \(local)")
            if isWorking { expected += 60_000 }
            let so = ours.time(from: begin, to: moment.advanced(byMilliseconds: 60_000))
            #expect(so == expected)
            if isWorking, so > 0 {
                #expect(
                    ours.moment(so, after: begin) == moment.advanced(byMilliseconds: 60_000))
            }
        }
    }

    @Test func zonesHaveTheNamesOfTheDatabase() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata"] {
            #expect(zones(name) != nil, "\(name)")
        }
        for name in ["", "CET", "Mars/Olympus", "europe/berlin", "../etc/passwd", "GMT+2", "/"] {
            #expect(zones(name) == nil, "\(name)")
        }
    }

    @Test func daysAreReadAndWrittenAsTheCalendarHasThem() {
        for text in [
            "1970-01-01", "1999-12-31", "2000-02-29", "2026-11-27", "2100-12-31", "2096-02-29",
        ] {
            #expect(CalendarDay(text)?.description == text)
        }
        #expect(CalendarDay("1970-01-01")?.rawValue == 0)
        #expect(CalendarDay("2026-11-27")?.rawValue == 20_784)
        for text in [
            "2026-02-29", "2100-02-29", "2026-13-01", "2026-00-10", "2026-1-01", "26-01-01",
            "2026-04-31", "2026/01/01", "2026-01-01T", "", "1969-12-31", "2101-01-01", "２026-01-01",
        ] {
            #expect(CalendarDay(text) == nil, "\(text)")
        }
    }
}

struct ScheduleTests {
    @Test func aScheduleIsMadeChangedAndDeleted() throws {
        let desk = try TestDesk()
        let made = try desk.run {
            try $0.createSchedule(name: " Support ", timeZone: "Europe/Berlin", zones)
        }
        #expect(made.name == "Support" && made.stretches == Schedule.usualStretches)
        let holiday = try desk.run {
            try $0.createHoliday(
                of: made.id, name: "Christmas", first: CalendarDay("2026-12-24"),
                last: CalendarDay("2026-12-26"))
        }
        desk.pass(days: 1)
        let week = [WorkingHours.Stretch(start: 600, end: 700), .init(start: 60, end: 600)]
        let changed = try desk.run { try $0.setWorkweek(of: made.id, week) }
        #expect(changed.stretches == [week[1], week[0]])
        #expect(changed.version == 3 && changed.updatedAt == desk.now)
        #expect(try desk.run { try $0.holidays(of: made.id) } == [holiday])
        let hours = try #require(try desk.run { try $0.rows.calendars().usual })
        #expect(
            hours.time(from: try at("2026-12-27T00:00:00Z"), to: try at("2026-12-27T23:00:00Z"))
                == 640 * 60_000)
        try desk.run { try $0.deleteSchedule(made.id) }
        #expect(try desk.run { try $0.schedules() } == [])
        #expect(try desk.refusal { try $0.holidays(of: made.id) } == .notFound)
        #expect(try desk.run { try $0.rows.calendars().usual } == nil)
        #expect(try desk.store.scrub() == [])
    }

    @Test func whatMakesNoSenseIsRefusedByItsField() throws {
        let desk = try TestDesk()
        let id = try desk.run { try $0.createSchedule(name: "A", timeZone: "UTC", zones) }.id
        func fields(_ body: @escaping (WritingDesk) throws -> Void) throws -> [String] {
            guard case .invalid(let errors)? = try desk.refusal(body) else { return [] }
            return errors.map { "\($0.field) \($0.problem.rawValue)" }
        }
        func week(_ pairs: (Int, Int)...) throws -> [String] {
            let week = pairs.map { WorkingHours.Stretch(start: $0.0, end: $0.1) }
            return try fields { _ = try $0.setWorkweek(of: id, week) }
        }
        func holiday(_ first: String, _ last: String) throws -> [String] {
            try fields {
                _ = try $0.createHoliday(
                    of: id, name: "x", first: CalendarDay(first), last: CalendarDay(last))
            }
        }
        #expect(
            try fields { _ = try $0.createSchedule(name: "A", timeZone: "UTC", zones) } == [
                "name DuplicateValue"
            ])
        #expect(
            try fields { _ = try $0.createSchedule(name: "", timeZone: "UTC", zones) } == [
                "name BlankValue"
            ])
        #expect(
            try fields { _ = try $0.createSchedule(name: "B", timeZone: nil, zones) } == [
                "time_zone BlankValue"
            ])
        #expect(
            try fields { _ = try $0.createSchedule(name: "B", timeZone: "Berlin", zones) } == [
                "time_zone InvalidValue"
            ])
        #expect(try week((10, 10)) == ["intervals InvalidValue"])
        #expect(try week((0, 10_081)) == ["intervals OutOfRange"])
        #expect(try week((-1, 10)) == ["intervals OutOfRange"])
        #expect(try week((0, 100), (99, 200)) == ["intervals InvalidValue"])
        #expect(try week((0, 100), (100, 10_080)) == [])
        #expect(try holiday("2026-12-26", "2026-12-24") == ["end_date InvalidValue"])
        #expect(try holiday("2026-01-01", "2027-01-02") == ["end_date OutOfRange"])
        #expect(try holiday("", "2027-01-02") == ["start_date BlankValue"])
        #expect(try holiday("2026-01-01", "2027-01-01") == [])
    }

    @Test func agentsReadSchedulesAndAdminsChangeThem() throws {
        let desk = try TestDesk()
        let (agent, customer) = (try desk.agent(), try desk.endUser())
        let id = try desk.run { try $0.createSchedule(name: "A", timeZone: "UTC", zones) }.id
        #expect(try desk.run(as: agent) { try $0.schedule(id) }.name == "A")
        for (user, body) in [
            (agent, { _ = try $0.createSchedule(name: "B", timeZone: "UTC", zones) }),
            (agent, { _ = try $0.setWorkweek(of: id, []) }), (agent, { try $0.deleteSchedule(id) }),
            (customer, { _ = try $0.schedules() }),
        ] as [(Int64, (WritingDesk) throws -> Void)] {
            guard case .forbidden? = try desk.refusal(as: user, body) else {
                Issue.record("not refused")
                continue
            }
        }
    }
}
