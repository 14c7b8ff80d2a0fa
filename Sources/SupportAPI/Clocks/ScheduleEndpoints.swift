import HTTPTypes
import ServiceDesk

/// When the desk works: schedules, their weeks and their holidays.
enum ScheduleEndpoints {
    static let all = schedules + holidays

    private static let base = "/api/v2/business_hours/schedules"
    private static let tag = "Schedules"

    private static let schedules: [Endpoint] = [
        Endpoint(
            .get, base, "listSchedules", tag: tag, summary: "All schedules",
            answers: [200: "SchedulesAnswer"]
        ) { call in
            try await call.read { desk in
                let schedules = try desk.schedules()
                return .json {
                    $0.object { json in
                        json.array("schedules") { json in
                            for schedule in schedules { json.schedule(schedule, call) }
                        }
                    }
                }
            }
        },
        Endpoint(
            .get, "\(base)/{id}", "showSchedule", tag: tag, summary: "One schedule",
            answers: [200: "ScheduleAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in one(try desk.schedule(id), call) }
        },
        Endpoint(
            .post, base, "createSchedule", tag: tag,
            summary: "Makes a schedule that works Monday to Friday, 9 to 17", body: "ScheduleBody",
            answers: [201: "ScheduleAnswer"]
        ) { call in
            let fields = try call.bodyObject("schedule")
            let (name, zone) = try (fields.string("name") ?? nil, fields.string("time_zone") ?? nil)
            return try await call.write { desk in
                one(
                    try desk.createSchedule(name: name, timeZone: zone, Zones.lookup), isNew: true,
                    call)
            }
        },
        Endpoint(
            .put, "\(base)/{id}", "updateSchedule", tag: tag,
            summary: "Changes a schedule's name or time zone", body: "ScheduleBody",
            answers: [200: "ScheduleAnswer"]
        ) { call in
            let (id, fields) = (try call.id(), try call.bodyObject("schedule"))
            let (name, zone) = try (fields.string("name"), fields.string("time_zone"))
            return try await call.write { desk in
                try call.requireVersion(desk.schedule(id).version)
                return one(
                    try desk.updateSchedule(
                        id, name: name.map { $0 ?? "" }, timeZone: zone.map { $0 ?? "" },
                        Zones.lookup), call)
            }
        },
        Endpoint(
            .put, "\(base)/{id}/workweek", "updateWorkweek", tag: tag,
            summary: "Says anew when in the week the desk works", body: "WorkweekBody",
            answers: [200: "WorkweekAnswer"]
        ) { call in
            let id = try call.id()
            let stretches = try ClockDecoder.stretches(call.bodyObject("workweek"))
            return try await call.write { desk in
                try call.requireVersion(desk.schedule(id).version)
                let schedule = try desk.setWorkweek(of: id, stretches)
                return .json(version: schedule.version) {
                    $0.object { json in
                        json.object("workweek") { $0.intervals(schedule) }
                    }
                }
            }
        },
        Endpoint(
            .delete, "\(base)/{id}", "deleteSchedule", tag: tag,
            summary: "Deletes a schedule and its holidays", answers: [204: nil]
        ) { call in
            let id = try call.id()
            return try await call.write { desk in
                try call.requireVersion(desk.schedule(id).version)
                try desk.deleteSchedule(id)
                return .noContent
            }
        },
    ]

    private static let holidays: [Endpoint] = [
        Endpoint(
            .get, "\(base)/{id}/holidays", "listHolidays", tag: tag,
            summary: "A schedule's holidays, in order", answers: [200: "HolidaysAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in
                let holidays = try desk.holidays(of: id)
                return .json {
                    $0.object { json in
                        json.array("holidays") { json in
                            for holiday in holidays { json.holiday(holiday) }
                        }
                    }
                }
            }
        },
        Endpoint(
            .get, "\(base)/{id}/holidays/{holiday_id}", "showHoliday", tag: tag,
            summary: "One holiday", answers: [200: "HolidayAnswer"]
        ) { call in
            let (id, schedule) = (try call.id("holiday_id"), try call.id())
            return try await call.read { desk in
                one(try desk.holiday(id, of: schedule), call)
            }
        },
        Endpoint(
            .post, "\(base)/{id}/holidays", "createHoliday", tag: tag, summary: "Makes a holiday",
            body: "HolidayBody", answers: [201: "HolidayAnswer"]
        ) { call in
            let schedule = try call.id()
            let fields = try ClockDecoder.holiday(call.bodyObject("holiday"))
            return try await call.write { desk in
                one(
                    try desk.createHoliday(
                        of: schedule, name: fields.name, first: fields.first, last: fields.last),
                    isNew: true, call)
            }
        },
        Endpoint(
            .put, "\(base)/{id}/holidays/{holiday_id}", "updateHoliday", tag: tag,
            summary: "Changes a holiday", body: "HolidayBody", answers: [200: "HolidayAnswer"]
        ) { call in
            let (id, schedule) = (try call.id("holiday_id"), try call.id())
            let fields = try ClockDecoder.holiday(call.bodyObject("holiday"))
            return try await call.write { desk in
                one(
                    try desk.updateHoliday(
                        id, of: schedule, name: fields.name, first: fields.first, last: fields.last),
                    call)
            }
        },
        Endpoint(
            .delete, "\(base)/{id}/holidays/{holiday_id}", "deleteHoliday", tag: tag,
            summary: "Deletes a holiday", answers: [204: nil]
        ) { call in
            let (id, schedule) = (try call.id("holiday_id"), try call.id())
            return try await call.write { desk in
                try desk.deleteHoliday(id, of: schedule)
                return .noContent
            }
        },
    ]

    private static func one(_ schedule: Schedule, isNew: Bool = false, _ call: APICall) -> APIAnswer
    {
        .json(
            isNew ? .created : .ok, version: schedule.version,
            location: isNew ? call.url("\(base)/\(schedule.id).json") : nil
        ) {
            $0.object { json in
                json.key("schedule")
                json.schedule(schedule, call)
            }
        }
    }

    private static func one(_ holiday: Holiday, isNew: Bool = false, _ call: APICall) -> APIAnswer {
        .json(
            isNew ? .created : .ok,
            location: isNew
                ? call.url("\(base)/\(holiday.scheduleID)/holidays/\(holiday.id).json") : nil
        ) {
            $0.object { json in
                json.key("holiday")
                json.holiday(holiday)
            }
        }
    }
}

/// Bodies of schedules.
enum ClockDecoder {
    static func stretches(_ fields: FieldReader) throws -> [WorkingHours.Stretch] {
        guard let intervals = fields.value["intervals"] else {
            throw DeskRefusal.invalid("intervals", .blank, "Intervals: cannot be blank")
        }
        guard case .array(let items) = intervals else {
            throw fields.wrongType("intervals", "a list of intervals")
        }
        guard items.count <= 1000 else {
            throw DeskRefusal.tooMany(what: "intervals", limit: 1000)
        }
        return try items.map { item in
            guard case .object = item else {
                throw fields.wrongType("intervals", "a list of intervals")
            }
            let interval = FieldReader(item)
            func minutes(_ name: String) throws -> Int {
                guard let value = try interval.int64(name) ?? nil, let minutes = Int(exactly: value)
                else { throw interval.wrongType(name, "minutes since Sunday, 00:00") }
                return minutes
            }
            return WorkingHours.Stretch(
                start: try minutes("start_time"), end: try minutes("end_time"))
        }
    }

    static func holiday(_ fields: FieldReader) throws -> (
        name: String?, first: CalendarDay?, last: CalendarDay?
    ) {
        func day(_ name: String) throws -> CalendarDay? {
            guard let text = try fields.string(name, max: 64) ?? nil else { return nil }
            guard let day = CalendarDay(text) else {
                throw fields.wrongType(name, "a date like 2026-12-24")
            }
            return day
        }
        return (
            try fields.string("name").map { $0 ?? "" }, try day("start_date"), try day("end_date")
        )
    }
}

extension JSONWriter {
    mutating func schedule(_ schedule: Schedule, _ call: APICall) {
        object { json in
            json.member("id", schedule.id)
            json.member(
                "url", call.url("/api/v2/business_hours/schedules/\(schedule.id).json"))
            json.member("name", schedule.name)
            json.member("time_zone", schedule.timeZone)
            json.intervals(schedule)
            json.member("created_at", schedule.createdAt)
            json.member("updated_at", schedule.updatedAt)
        }
    }

    /// A member of an object.
    mutating func intervals(_ schedule: Schedule) {
        array("intervals") { json in
            for stretch in schedule.stretches {
                json.object { json in
                    json.member("start_time", stretch.start)
                    json.member("end_time", stretch.end)
                }
            }
        }
    }

    mutating func holiday(_ holiday: Holiday) {
        object { json in
            json.member("id", holiday.id)
            json.member("name", holiday.name)
            json.member("start_date", "\(holiday.firstDay)")
            json.member("end_date", "\(holiday.lastDay)")
        }
    }
}
