import ShardStore
import Wire

/// The calendars of a desk's schedules, made once for each state of them.
struct DeskCalendars: Sendable {
    /// The first schedule's, which is the desk's own; nil when every minute is worked.
    let usual: WorkingHours?
    private let bySchedule: [Int64: WorkingHours]
    /// When a schedule was edited last; 0 when never.
    let editedAt: Timestamp

    static let none = DeskCalendars(schedules: [], editedAt: Timestamp(milliseconds: 0))
    static let known = DefinitionCache<DeskCalendars>(weightLimit: 20_000)

    /// - Parameter schedules: oldest first.
    init(schedules: [(id: Int64, calendar: WorkingHours)], editedAt: Timestamp) {
        usual = schedules.first?.calendar
        bySchedule = Dictionary(uniqueKeysWithValues: schedules.map { ($0.id, $0.calendar) })
        self.editedAt = editedAt
    }

    func hasSchedule(_ id: Int64) -> Bool { bySchedule[id] != nil }

    /// By which a ticket's working time is counted: its own schedule's, or the desk's when it has none or that is gone.
    func calendar(of ticket: Ticket) -> WorkingHours? {
        ticket.scheduleID.flatMap { bySchedule[$0] } ?? usual
    }
}

extension ShardReader {
    /// A desk that never had a schedule pays one look at a counter.
    func calendars() throws -> DeskCalendars { try once { try readCalendars() } }

    private func readCalendars() throws -> DeskCalendars {
        let stamp = try count(.scheduleStamp)
        guard stamp != 0 else { return .none }
        if let calendars = DeskCalendars.known.find(tenant, stamp) { return calendars }
        let schedules = try schedules()
        let calendars = DeskCalendars(
            schedules: try schedules.compactMap { schedule in
                try workingHours(schedule, Zones.lookup).map { (schedule.id, $0) }
            }, editedAt: Timestamp(milliseconds: try count(.scheduleEditedAt)))
        DeskCalendars.known.keep(calendars, tenant, stamp, weight: 1 + schedules.count)
        return calendars
    }
}

extension ShardTransaction {
    /// A schedule was made, edited or deleted: calendars made before are not used again, and open clocks are looked at by the new one.
    ///
    /// What was due by the old calendar has to breach first; `Desk.editSchedules` sees to it.
    func restampSchedules() throws {
        var hasher = CellHasher(seed: UInt64(bitPattern: try count(.scheduleStamp)))
        hasher.add(UInt64(bitPattern: now.milliseconds))
        hasher.add(UInt64(bitPattern: makeIdentifier()))
        for schedule in try schedules() {
            for text in [schedule.timeZone, Schedule.text(schedule.stretches)] {
                var text = "\(schedule.id) \(text)"
                text.withUTF8 { hasher.add(UnsafeRawBufferPointer($0)) }
            }
            for holiday in try findHolidays(schedule.id) {
                hasher.add(UInt64(bitPattern: holiday.firstDay.rawValue))
                hasher.add(UInt64(bitPattern: holiday.lastDay.rawValue))
            }
        }
        try set(
            .scheduleStamp, to: Int64(bitPattern: hasher.value == 0 ? 1 : hasher.value))
        try set(.scheduleEditedAt, to: now.milliseconds)
        _ = try recheckTimers(anew: true)
    }
}
