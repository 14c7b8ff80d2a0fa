package import Wire

/// ```
/// version     1
/// head        byte: a bit a metric, set when its instance is `usual`; 64 when something is folded, 128 with `changed`
/// changed     varint, since the last span's start, with bit 128, not 0
/// folded      what lies before the first span: working, pending, hold as lengths, with bit 64
/// spans       varint, how many; then each: varint, (since the start of the one before) * 4 + phase; the first since the creation and all
///             that is folded, which is when it began unless the ticket was solved before
/// instances   those that are not usual, in the order of the metrics, each
///   number    varint
///   flags     byte, when the number is not 0: 1 is begun, 2 has a target, 4 is breached, 8 has run in folded spans, 16 is of the
///             same policy as the target before, 32 is in working time, 64 begun with the ticket, 128 begun with the last change
///   since     varint, since the creation, with flag 1 and without 64 and 128
///   policy    zigzag, with flag 2 and without 16
///   minutes   varint, with flag 2
///   folded    length, with flag 8
/// length      varint, calendar * 2, and 1 more when all of it is working time; otherwise that as varint behind it
/// ```
/// The moment of the creation is the ticket's. One value has one form. It stands in each change of a ticket's status, in the log and on each
/// copy, hence the care: a new ticket takes 4 bytes, one that nobody has promised anything about 15 where the desk has no schedule, and some 5
/// a change of phase where it has one; the longest life takes less than 700.
extension TicketClocks {
    private static let version: UInt8 = 1
    private static let hasFolded: UInt8 = 64
    private static let hasChanged: UInt8 = 128
    /// Moments and lengths beyond this, some 35,000 years, are not of this world, and sums of them do not overflow.
    private static let horizon: Int64 = 1 << 50

    private struct Flags: OptionSet {
        let rawValue: UInt8
        static let isBegun = Flags(rawValue: 1)
        static let hasTarget = Flags(rawValue: 2)
        static let isBreached = Flags(rawValue: 4)
        static let hasFolded = Flags(rawValue: 8)
        static let isOfSamePolicy = Flags(rawValue: 16)
        static let isBusiness = Flags(rawValue: 32)
        static let isOfCreation = Flags(rawValue: 64)
        static let isOfLastChange = Flags(rawValue: 128)
    }

    /// What most instances of a metric are: begun with the ticket, without a target; of updates there has been none.
    private static func usual(_ metric: ClockMetric, _ createdAt: Timestamp) -> Instance {
        metric.isOfUpdates ? Instance() : Instance(number: 1, since: createdAt)
    }

    /// The value as bytes for a column.
    package var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.reserve(128)
        writer.write(Self.version)
        let totals = statusTime.folded
        let changed =
            changedAt.milliseconds
            - (statusTime.spans.last?.start ?? createdAt).milliseconds
        var head: UInt8 = 0
        for metric in ClockMetric.allCases
        where instances[metric.rawValue] == Self.usual(metric, createdAt) {
            head |= 1 << UInt8(metric.rawValue)
        }
        if totals != StatusTime.Totals() { head |= Self.hasFolded }
        if changed != 0 { head |= Self.hasChanged }
        writer.write(head)
        if changed != 0 { writer.write(varint: UInt64(bitPattern: changed)) }
        if totals != StatusTime.Totals() {
            for time in [totals.working, totals.pending, totals.hold] { write(time, &writer) }
        }
        writer.write(varint: UInt64(statusTime.spans.count))
        var last = createdAt.advanced(byMilliseconds: totals.calendar)
        for span in statusTime.spans {
            let length = UInt64(span.start.milliseconds - last.milliseconds)
            writer.write(varint: length << 2 | UInt64(span.phase.rawValue))
            last = span.start
        }
        var policyID: Int64?
        for (place, instance) in instances.enumerated() where head & 1 << UInt8(place) == 0 {
            write(instance, &policyID, &writer)
        }
        return writer.bytes
    }

    private func write(_ time: ElapsedTime, _ writer: inout ByteWriter) {
        let isAllWorked = time.business == time.calendar
        writer.write(varint: UInt64(bitPattern: time.calendar) << 1 | (isAllWorked ? 1 : 0))
        if !isAllWorked { writer.write(varint: UInt64(bitPattern: time.business)) }
    }

    private func write(
        _ instance: Instance, _ policyID: inout Int64?, _ writer: inout ByteWriter
    ) {
        writer.write(varint: UInt64(instance.number))
        if instance.number == 0 { return }
        var flags: Flags = []
        if let since = instance.since {
            flags.insert(.isBegun)
            if since == createdAt {
                flags.insert(.isOfCreation)
            } else if since == changedAt {
                flags.insert(.isOfLastChange)
            }
        }
        if let target = instance.target {
            flags.insert(.hasTarget)
            if target.policyID == policyID { flags.insert(.isOfSamePolicy) }
            if target.isBusiness { flags.insert(.isBusiness) }
        }
        if instance.isBreached { flags.insert(.isBreached) }
        if instance.folded != ElapsedTime() { flags.insert(.hasFolded) }
        writer.write(flags.rawValue)
        if let since = instance.since, flags.isDisjoint(with: [.isOfCreation, .isOfLastChange]) {
            writer.write(
                varint: UInt64(bitPattern: since.milliseconds - createdAt.milliseconds))
        }
        if let target = instance.target {
            if target.policyID != policyID { writer.write(zigzag: target.policyID) }
            policyID = target.policyID
            writer.write(varint: UInt64(target.minutes))
        }
        if flags.contains(.hasFolded) { write(instance.folded, &writer) }
    }

    // MARK: Reading

    /// Reads what `encoded` gave; nil for bytes that no value is written as.
    /// - Parameter createdAt: the ticket's creation.
    package init?(_ bytes: [UInt8], createdAt: Timestamp) {
        let clocks = bytes.withUnsafeBytes { bytes -> TicketClocks? in
            var reader = ByteReader(bytes)
            guard let clocks = try? Self.read(&reader, createdAt), reader.remaining == 0 else {
                return nil
            }
            return clocks
        }
        guard let clocks else { return nil }
        self = clocks
    }

    private static func read(
        _ reader: inout ByteReader, _ createdAt: Timestamp
    ) throws(DecodingFault) -> TicketClocks {
        let version = try reader.byte()
        guard version == Self.version else { throw .unsupportedVersion(version) }
        let head = try reader.byte()
        let changed = head & hasChanged == 0 ? 0 : try length(&reader)
        guard changed != 0 || head & hasChanged == 0 else { throw .invalid("changed") }
        let statusTime = try statusTime(
            &reader, isFolded: head & hasFolded != 0, createdAt: createdAt)
        let changedAt = statusTime.spans[statusTime.spans.count - 1].start
            .advanced(byMilliseconds: changed)
        var instances: [Instance] = []
        instances.reserveCapacity(ClockMetric.allCases.count)
        var policyID: Int64?
        for metric in ClockMetric.allCases {
            let usual = usual(metric, createdAt)
            let isUsual = head & 1 << UInt8(metric.rawValue) != 0
            let instance =
                isUsual ? usual : try self.instance(&reader, createdAt, changedAt, &policyID)
            guard isUsual || instance != usual, instance.since.map({ $0 <= changedAt }) ?? true,
                instance.since != createdAt || instance.folded == ElapsedTime(),
                metric.isLifelong
                    ? instance.number == 1 && instance.since == createdAt
                    : instance.since == nil || statusTime.phase != .solved
            else { throw .invalid("instance") }
            instances.append(instance)
        }
        return TicketClocks(
            createdAt: createdAt, statusTime: statusTime, instances: instances,
            changedAt: changedAt)
    }

    private static func statusTime(
        _ reader: inout ByteReader, isFolded: Bool, createdAt: Timestamp
    ) throws(DecodingFault) -> StatusTime {
        var folded = StatusTime.Totals()
        if isFolded {
            folded.working = try elapsed(&reader)
            folded.pending = try elapsed(&reader)
            folded.hold = try elapsed(&reader)
            guard folded != StatusTime.Totals() else { throw .invalid("folded") }
        }
        let count = try reader.varint()
        guard (1...UInt64(StatusTime.spanLimit)).contains(count) else { throw .invalid("spans") }
        var spans: [StatusTime.Span] = []
        spans.reserveCapacity(Int(count))
        var last = createdAt.advanced(byMilliseconds: folded.calendar)
        for place in 0..<count {
            let value = try reader.varint()
            guard let phase = TicketPhase(rawValue: UInt8(value & 3)), value >> 2 <= horizon
            else { throw .invalid("span") }
            let start = last.advanced(byMilliseconds: Int64(value >> 2))
            guard place == 0 || (start > last && phase != spans.last?.phase) else {
                throw .invalid("span")
            }
            spans.append(StatusTime.Span(phase: phase, start: start))
            last = start
        }
        return StatusTime(spans: spans, folded: folded)
    }

    private static func instance(
        _ reader: inout ByteReader, _ createdAt: Timestamp, _ changedAt: Timestamp,
        _ policyID: inout Int64?
    ) throws(DecodingFault) -> Instance {
        let number = try reader.varint()
        guard number <= UInt64(horizon) else { throw .invalid("number") }
        if number == 0 { return Instance() }
        let flags = Flags(rawValue: try reader.byte())
        guard flags.contains(.isBegun) || flags.isEmpty,
            !flags.isSuperset(of: [.isOfCreation, .isOfLastChange]),
            flags.contains(.hasTarget)
                || flags.isDisjoint(with: [.isBreached, .isOfSamePolicy, .isBusiness])
        else { throw .invalid("flags") }
        var instance = Instance(number: Int(number))
        if flags.contains(.isOfCreation) {
            instance.since = createdAt
        } else if flags.contains(.isOfLastChange) {
            guard changedAt != createdAt else { throw .invalid("since") }
            instance.since = changedAt
        } else if flags.contains(.isBegun) {
            let since = createdAt.advanced(byMilliseconds: try length(&reader))
            guard since != createdAt, since != changedAt else { throw .invalid("since") }
            instance.since = since
        }
        if flags.contains(.hasTarget) {
            var policy = policyID
            if !flags.contains(.isOfSamePolicy) { policy = try reader.zigzag() }
            let minutes = try reader.varint()
            guard let policy, flags.contains(.isOfSamePolicy) == (policy == policyID),
                minutes <= UInt64(ClockTarget.longestMinutes)
            else { throw .invalid("target") }
            policyID = policy
            instance.target = ClockTarget(
                policyID: policy, minutes: Int64(minutes), isBusiness: flags.contains(.isBusiness))
        }
        instance.isBreached = flags.contains(.isBreached)
        if flags.contains(.hasFolded) {
            instance.folded = try elapsed(&reader)
            guard instance.folded != ElapsedTime() else { throw .invalid("folded") }
        }
        return instance
    }

    private static func length(_ reader: inout ByteReader) throws(DecodingFault) -> Int64 {
        let length = try reader.varint()
        guard length <= UInt64(horizon) else { throw .invalid("length") }
        return Int64(length)
    }

    private static func elapsed(_ reader: inout ByteReader) throws(DecodingFault) -> ElapsedTime {
        let head = try reader.varint()
        guard head >> 1 <= UInt64(horizon) else { throw .invalid("length") }
        let calendar = Int64(head >> 1)
        guard head & 1 == 0 else { return ElapsedTime(calendar: calendar, business: calendar) }
        let business = try length(&reader)
        guard business < calendar else { throw .invalid("elapsed") }
        return ElapsedTime(calendar: calendar, business: business)
    }
}
