import SQLite
import ShardStore
package import Wire

/// What happened to a ticket's clocks at one moment: the log that they can be computed from again, as bytes.
///
/// What an update does to them is kept on its audit, what time alone does in rows of its own (`clock_events`). An event takes two bytes
/// or a few more.
///
/// ```
/// first       varint: number of the first event, less that of its row; they are consecutive
/// events      each
///   head      byte: metric in bits 0-2, kind in bits 3-5, bit 6 when its time is not the row's, bit 7 its kind's flag
///   instance  varint
///   before    varint, milliseconds before the row's time, with bit 6
///   measured  of paused and fulfilled, which are two events, the second of which says how long it had run: calendar as zigzag, less what the
///             row's one before had; the flag says that working time is the same, otherwise business as varint
///   target    of targetApplied (the flag says that there is none) and breached: policy zigzag, minutes * 2 + is business as varint
/// ```
struct ClockLog: Sendable, Equatable {
    /// Number of the first event.
    let firstID: Int64
    let events: [ClockEvent]

    static let schema = """
        CREATE TABLE clock_events(
            tenant INTEGER NOT NULL, ticket_id INTEGER NOT NULL, id INTEGER NOT NULL,
            created_at INTEGER NOT NULL, events BLOB NOT NULL, PRIMARY KEY (tenant, ticket_id, id)
        ) STRICT, WITHOUT ROWID;
        -- incremental/ticket_metric_events.
        CREATE INDEX clock_events_by_id ON clock_events(tenant, id);
        """

    private static let hasTime: UInt8 = 64
    private static let flag: UInt8 = 128

    /// - Parameters:
    ///   - row: the number of the row it is kept on.
    ///   - time: the row's.
    static func encode(
        _ events: [ClockEvent], firstID: Int64, row: Int64, time: Timestamp
    ) -> [UInt8] {
        var writer = ByteWriter()
        writer.reserve(8 + events.count * 4)
        writer.write(varint: UInt64(firstID - row))
        var last: Int64 = 0
        var place = 0
        while place < events.count {
            let event = events[place]
            defer { place += 1 }
            var kind: Kind
            var isShort = false
            var measured: ElapsedTime?
            switch event.kind {
            case .activated: kind = .activated
            case .paused, .fulfilled:
                kind = event.kind == .paused ? .paused : .fulfilled
                // The clocks say both at once, always.
                guard place + 1 < events.count, case .measured(let time) = events[place + 1].kind
                else { preconditionFailure("a pause or fulfilment without its length") }
                measured = time
                isShort = time.business == time.calendar
                place += 1
                // An answer ends one instance and begins the next.
                if place + 1 < events.count, case .activated = events[place + 1].kind,
                    events[place + 1].metric == event.metric,
                    events[place + 1].instance == event.instance + 1, kind == .fulfilled
                {
                    kind = .followed
                    place += 1
                }
            case .measured: preconditionFailure("a length without its pause or fulfilment")
            case .targetApplied(let target):
                kind = .targetApplied
                isShort = target == nil
            case .breached: kind = .breached
            }
            let before = time.milliseconds - event.time.milliseconds
            var head = UInt8(event.metric.rawValue) | kind.rawValue << 3
            if before > 0 { head |= hasTime }
            if isShort { head |= flag }
            writer.write(head)
            writer.write(varint: UInt64(event.instance))
            if before > 0 { writer.write(varint: UInt64(before)) }
            if let measured {
                writer.write(zigzag: measured.calendar - last)
                last = measured.calendar
                if !isShort { writer.write(varint: UInt64(measured.business)) }
            }
            switch event.kind {
            case .targetApplied(let target?), .breached(let target):
                writer.write(zigzag: target.policyID)
                writer.write(varint: UInt64(target.minutes) << 1 | (target.isBusiness ? 1 : 0))
            default: break
            }
        }
        return writer.bytes
    }

    /// Nil for bytes that no log is written as.
    init?(_ bytes: [UInt8], row: Int64, time: Timestamp) {
        let read = bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return try? Self.read(&reader, time)
        }
        guard let read else { return nil }
        firstID = row + read.first
        events = read.events
    }

    private static func read(
        _ reader: inout ByteReader, _ time: Timestamp
    ) throws(DecodingFault) -> (first: Int64, events: [ClockEvent]) {
        let first = Int64(clamping: try reader.varint())
        var events: [ClockEvent] = []
        var last: Int64 = 0
        while reader.remaining > 0 {
            let head = try reader.byte()
            guard let metric = ClockMetric(rawValue: Int(head & 7)),
                let kind = Kind(rawValue: head >> 3 & 7)
            else { throw .invalid("head") }
            let isShort = head & flag != 0
            let instance = Int(clamping: try reader.varint())
            let before = head & hasTime == 0 ? 0 : Int64(clamping: try reader.varint())
            func add(_ kind: ClockEvent.Kind, number: Int? = nil) {
                events.append(
                    ClockEvent(
                        time: time.advanced(byMilliseconds: -before), metric: metric,
                        instance: number ?? instance, kind: kind))
            }
            switch kind {
            case .activated: add(.activated)
            case .paused, .fulfilled, .followed:
                last = last &+ (try reader.zigzag())
                let business = isShort ? last : Int64(clamping: try reader.varint())
                add(kind == .paused ? .paused : .fulfilled)
                add(.measured(ElapsedTime(calendar: last, business: business)))
                if kind == .followed { add(.activated, number: instance &+ 1) }
            case .targetApplied: add(.targetApplied(isShort ? nil : try target(&reader)))
            case .breached: add(.breached(try target(&reader)))
            }
        }
        return (first, events)
    }

    private static func target(
        _ reader: inout ByteReader
    ) throws(DecodingFault) -> ClockTarget {
        let policy = try reader.zigzag()
        let minutes = try reader.varint()
        guard minutes >> 1 <= UInt64(ClockTarget.longestMinutes) else {
            throw .invalid("minutes")
        }
        return ClockTarget(
            policyID: policy, minutes: Int64(minutes >> 1), isBusiness: minutes & 1 == 1)
    }

    private enum Kind: UInt8 {
        case activated = 0
        case paused = 1
        case fulfilled = 2
        case targetApplied = 3
        case breached = 4
        /// Fulfilled, and the next instance activated at once.
        case followed = 5
    }
}

/// One event of a ticket's clocks with its number: the API's "ticket metric event".
package struct MetricEvent: Sendable, Equatable {
    package let id: Int64
    package let ticketID: Int64
    package let event: ClockEvent
}

extension Desk {
    /// A ticket's, in the order in which they were written.
    package func metricEvents(ofTicket id: Int64) throws -> [MetricEvent] {
        _ = try ticket(id)
        let logs = try rows.all(
            """
            SELECT id, ticket_id, created_at, clock_events FROM audits
            WHERE tenant = ?1 AND ticket_id = ?2 AND clock_events IS NOT NULL
            UNION ALL SELECT id, ticket_id, created_at, events FROM clock_events
            WHERE tenant = ?1 AND ticket_id = ?2 ORDER BY 1
            """, id, read: Self.events)
        return logs.flatMap { $0 }
    }

    /// What happened to the clocks of all tickets from a moment on, or after an event, in the order in which it was written down.
    /// - Parameters:
    ///   - after: number of the last event that is known.
    ///   - limit: rows that are looked at; each has one event or several, which stay together.
    package func metricEvents(
        since start: Timestamp, after: Int64?, limit: Int
    ) throws -> (events: [MetricEvent], isAll: Bool) {
        try require(.administer, .tickets)
        let first = max(
            after.map { $0 + 1 } ?? 0, IdentifierAllocator.first(at: start))
        // Rows of tickets that were erased are gone with them.
        let logs = try rows.all(
            """
            SELECT id, ticket_id, created_at, clock_events FROM audits
            WHERE tenant = ?1 AND id >= ?2 AND clock_events IS NOT NULL
            UNION ALL SELECT id, ticket_id, created_at, events FROM clock_events
            WHERE tenant = ?1 AND id >= ?2 ORDER BY 1 LIMIT ?3
            """, first, limit, read: Self.events)
        return (logs.flatMap { $0 }, logs.count < limit)
    }

    private static func events(_ row: Row) -> [MetricEvent] {
        let ticket = row.int64(1)
        guard
            let log = ClockLog(
                row.blob(3), row: row.int64(0), time: Timestamp(rawValue: row.int64(2)))
        else { return [] }
        return log.events.enumerated().map { place, event in
            MetricEvent(id: log.firstID + Int64(place), ticketID: ticket, event: event)
        }
    }
}
