import SQLite
import ShardStore
package import Wire

/// A calendar of working hours: the API's "schedule".
package struct Schedule: Sendable, Equatable {
    package let id: Int64
    package var name: String
    /// An IANA name, such as `Europe/Berlin`.
    package var timeZone: String
    /// In order, apart from each other.
    package var stretches: [WorkingHours.Stretch]
    package let createdAt: Timestamp
    package var updatedAt: Timestamp
    package var version: Int64

    static let columns = "id, name, time_zone, intervals, created_at, updated_at, version"

    init(_ row: Row) {
        id = row.int64(0)
        name = row.text(1)
        timeZone = row.text(2)
        stretches = Self.stretches(row.text(3))
        createdAt = Timestamp(rawValue: row.int64(4))
        updatedAt = Timestamp(rawValue: row.int64(5))
        version = row.int64(6)
    }

    /// Monday to Friday, 9 to 17.
    static let usualStretches = (1...5).map {
        WorkingHours.Stretch(start: $0 * 1440 + 9 * 60, end: $0 * 1440 + 17 * 60)
    }

    /// `540-1020,1980-2460`.
    static func text(_ stretches: [WorkingHours.Stretch]) -> String {
        stretches.map { "\($0.start)-\($0.end)" }.joined(separator: ",")
    }

    private static func stretches(_ text: String) -> [WorkingHours.Stretch] {
        text.split(separator: ",").compactMap { part in
            let ends = part.split(separator: "-").compactMap { Int($0) }
            return ends.count == 2 ? WorkingHours.Stretch(start: ends[0], end: ends[1]) : nil
        }
    }
}

/// Days on which a schedule's desk does not work.
package struct Holiday: Sendable, Equatable {
    package let id: Int64
    package let scheduleID: Int64
    package var name: String
    package var firstDay: CalendarDay
    package var lastDay: CalendarDay

    static let columns = "id, schedule_id, name, first_day, last_day"

    init(_ row: Row) {
        id = row.int64(0)
        scheduleID = row.int64(1)
        name = row.text(2)
        firstDay = CalendarDay(rawValue: row.int64(3))
        lastDay = CalendarDay(rawValue: row.int64(4))
    }
}

extension Desk {
    /// All of them, oldest first.
    package func schedules() throws -> [Schedule] {
        try require(.list, .schedule)
        return try rows.schedules()
    }

    package func schedule(_ id: Int64) throws -> Schedule {
        try require(.read, .schedule)
        guard let schedule = try rows.findSchedule(id) else { throw DeskRefusal.notFound }
        return schedule
    }

    /// A schedule's, in the order of their days.
    package func holidays(of schedule: Int64) throws -> [Holiday] {
        _ = try self.schedule(schedule)
        return try rows.findHolidays(schedule)
    }

    package func holiday(_ id: Int64, of schedule: Int64) throws -> Holiday {
        _ = try self.schedule(schedule)
        guard let holiday = try rows.findHoliday(id, schedule) else { throw DeskRefusal.notFound }
        return holiday
    }
}

extension ShardReader {
    /// Oldest first.
    func schedules() throws -> [Schedule] {
        try all(
            "SELECT \(Schedule.columns) FROM schedules WHERE tenant = ?1 ORDER BY id",
            read: Schedule.init)
    }

    /// The calendar itself, for clocks that run by it; nil when its zone is not known any more.
    func workingHours(_ schedule: Schedule, _ zones: ZoneLookup) throws -> WorkingHours? {
        guard let zone = zones(schedule.timeZone) else { return nil }
        return WorkingHours(
            zone: zone, stretches: schedule.stretches,
            holidays: try findHolidays(schedule.id).map {
                $0.firstDay.rawValue...$0.lastDay.rawValue
            })
    }

    fileprivate func findSchedule(_ id: Int64) throws -> Schedule? {
        try first(
            "SELECT \(Schedule.columns) FROM schedules WHERE tenant = ?1 AND id = ?2", id,
            read: Schedule.init)
    }

    func findHolidays(_ schedule: Int64) throws -> [Holiday] {
        try all(
            """
            SELECT \(Holiday.columns) FROM holidays WHERE tenant = ?1 AND schedule_id = ?2
            ORDER BY first_day, id
            """, schedule, read: Holiday.init)
    }

    fileprivate func findHoliday(_ id: Int64, _ schedule: Int64) throws -> Holiday? {
        try first(
            """
            SELECT \(Holiday.columns) FROM holidays
            WHERE tenant = ?1 AND schedule_id = ?2 AND id = ?3
            """, schedule, id, read: Holiday.init)
    }
}

extension Desk where Rows == WritableRows {
    private static var scheduleLimit: Int { 100 }
    private static var stretchLimit: Int { 100 }
    private static var holidayLimit: Int { 500 }
    /// Days that one holiday may take.
    private static var longestHoliday: Int64 { 366 }

    /// Makes a schedule that works Monday to Friday, 9 to 17.
    package func createSchedule(name: String?, timeZone: String?, _ zones: ZoneLookup) throws
        -> Schedule
    {
        try require(.create, .schedule)
        let known = try schedules()
        guard known.count < Self.scheduleLimit else {
            throw DeskRefusal.invalid(
                "base", .outOfRange, "A desk may have at most \(Self.scheduleLimit) schedules")
        }
        try settleDue()
        let id = rows.makeIdentifier()
        try rows.run(
            "INSERT INTO schedules VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1)", id,
            try scheduleName(name, among: known), try zoneName(timeZone, zones),
            Schedule.text(Schedule.usualStretches), now.milliseconds)
        try rows.restampSchedules()
        return try rows.findSchedule(id)!
    }

    package func updateSchedule(
        _ id: Int64, name: String?, timeZone: String?, _ zones: ZoneLookup
    ) throws -> Schedule {
        try require(.update, .schedule)
        guard let old = try rows.findSchedule(id) else { throw DeskRefusal.notFound }
        let others = try schedules().filter { $0.id != id }
        try settleDue()
        try rows.run(
            """
            UPDATE schedules SET name = ?3, time_zone = ?4, updated_at = ?5, version = version + 1
            WHERE tenant = ?1 AND id = ?2
            """, id, try name.map { try scheduleName($0, among: others) } ?? old.name,
            try timeZone.map { try zoneName($0, zones) } ?? old.timeZone, now.milliseconds)
        try rows.restampSchedules()
        return try rows.findSchedule(id)!
    }

    /// Says anew when in the week the schedule's desk works.
    package func setWorkweek(of id: Int64, _ stretches: [WorkingHours.Stretch]) throws -> Schedule {
        try require(.update, .schedule)
        guard try rows.findSchedule(id) != nil else { throw DeskRefusal.notFound }
        guard stretches.count <= Self.stretchLimit else {
            throw DeskRefusal.tooMany(what: "intervals", limit: Self.stretchLimit)
        }
        let week = 0...WorkingHours.minutesPerWeek
        for stretch in stretches {
            guard week.contains(stretch.start), week.contains(stretch.end) else {
                throw DeskRefusal.invalid(
                    "intervals", .outOfRange,
                    "Intervals: \(stretch.start) to \(stretch.end) is not within the \(week.upperBound) minutes of a week"
                )
            }
            guard stretch.start < stretch.end else {
                throw DeskRefusal.invalid(
                    "intervals", .invalid,
                    "Intervals: \(stretch.start) to \(stretch.end) ends before it begins")
            }
        }
        let ordered = stretches.sorted { $0.start < $1.start }
        for (one, next) in zip(ordered, ordered.dropFirst()) where next.start < one.end {
            throw DeskRefusal.invalid(
                "intervals", .invalid,
                "Intervals: \(one.start) to \(one.end) and \(next.start) to \(next.end) overlap")
        }
        try settleDue()
        try rows.run(
            """
            UPDATE schedules SET intervals = ?3, updated_at = ?4, version = version + 1
            WHERE tenant = ?1 AND id = ?2
            """, id, Schedule.text(ordered), now.milliseconds)
        try rows.restampSchedules()
        return try rows.findSchedule(id)!
    }

    package func deleteSchedule(_ id: Int64) throws {
        try require(.delete, .schedule)
        guard try rows.findSchedule(id) != nil else { throw DeskRefusal.notFound }
        try settleDue()
        try rows.run("DELETE FROM holidays WHERE tenant = ?1 AND schedule_id = ?2", id)
        try rows.run("DELETE FROM schedules WHERE tenant = ?1 AND id = ?2", id)
        try rows.restampSchedules()
    }

    package func createHoliday(
        of schedule: Int64, name: String?, first: CalendarDay?, last: CalendarDay?
    ) throws -> Holiday {
        try require(.update, .schedule)
        guard try rows.findSchedule(schedule) != nil else { throw DeskRefusal.notFound }
        guard try rows.findHolidays(schedule).count < Self.holidayLimit else {
            throw DeskRefusal.invalid(
                "base", .outOfRange, "A schedule may have at most \(Self.holidayLimit) holidays")
        }
        let days = try holidayDays(first, last)
        try settleDue()
        let id = rows.makeIdentifier()
        try rows.run(
            "INSERT INTO holidays VALUES (?1, ?2, ?3, ?4, ?5, ?6)", schedule, id,
            try Validation.required(name, "name", "Name", max: 255), days.lowerBound.rawValue,
            days.upperBound.rawValue)
        try touch(schedule)
        return try rows.findHoliday(id, schedule)!
    }

    package func updateHoliday(
        _ id: Int64, of schedule: Int64, name: String?, first: CalendarDay?, last: CalendarDay?
    ) throws -> Holiday {
        try require(.update, .schedule)
        guard let old = try rows.findHoliday(id, schedule) else { throw DeskRefusal.notFound }
        let days = try holidayDays(first ?? old.firstDay, last ?? old.lastDay)
        try settleDue()
        try rows.run(
            """
            UPDATE holidays SET name = ?4, first_day = ?5, last_day = ?6
            WHERE tenant = ?1 AND schedule_id = ?2 AND id = ?3
            """, schedule, id,
            try name.map { try Validation.required($0, "name", "Name", max: 255) } ?? old.name,
            days.lowerBound.rawValue, days.upperBound.rawValue)
        try touch(schedule)
        return try rows.findHoliday(id, schedule)!
    }

    package func deleteHoliday(_ id: Int64, of schedule: Int64) throws {
        try require(.update, .schedule)
        guard try rows.findHoliday(id, schedule) != nil else { throw DeskRefusal.notFound }
        try settleDue()
        try rows.run(
            "DELETE FROM holidays WHERE tenant = ?1 AND schedule_id = ?2 AND id = ?3", schedule, id)
        try touch(schedule)
    }

    /// Most tickets that breach in the request that edits a schedule; with more, timers are behind and the edit has to wait for them.
    private static var dueLimit: Int { 500 }

    /// Lets breach what is due by the schedules as they are, before one changes.
    private func settleDue() throws {
        guard try rows.runTimers(limit: Self.dueLimit) < Self.dueLimit else {
            throw DeskRefusal.tooOften(
                retryAfterSeconds: 5,
                "Too many tickets are due at this moment; try again when they are done")
        }
    }

    private func touch(_ schedule: Int64) throws {
        try rows.run(
            "UPDATE schedules SET updated_at = ?3, version = version + 1 WHERE tenant = ?1 AND id = ?2",
            schedule, now.milliseconds)
        try rows.restampSchedules()
    }

    private func scheduleName(_ name: String?, among others: [Schedule]) throws -> String {
        let name = try Validation.required(name, "name", "Name", max: 255)
        guard !others.contains(where: { $0.name == name }) else {
            throw DeskRefusal.invalid("name", .duplicate, "Name: has already been taken")
        }
        return name
    }

    private func zoneName(_ name: String?, _ zones: ZoneLookup) throws -> String {
        let name = try Validation.required(name, "time_zone", "Time zone", max: 64)
        guard zones(name) != nil else {
            throw DeskRefusal.invalid(
                "time_zone", .invalid,
                "Time zone: \(name) is not the name of a zone of the tz database, such as Europe/Berlin or UTC"
            )
        }
        return name
    }

    private func holidayDays(_ first: CalendarDay?, _ last: CalendarDay?) throws
        -> ClosedRange<CalendarDay>
    {
        guard let first else {
            throw DeskRefusal.invalid("start_date", .blank, "Start date: cannot be blank")
        }
        guard let last else {
            throw DeskRefusal.invalid("end_date", .blank, "End date: cannot be blank")
        }
        guard first <= last else {
            throw DeskRefusal.invalid(
                "end_date", .invalid, "End date: \(last) is before the start date \(first)")
        }
        guard last.rawValue - first.rawValue < Self.longestHoliday else {
            throw DeskRefusal.invalid(
                "end_date", .outOfRange,
                "End date: a holiday may take at most \(Self.longestHoliday) days")
        }
        return first...last
    }
}
