internal import Foundation
internal import Synchronization

/// The tz database's zones, by their IANA names. Foundation brings the database along, so that a bare machine needs none.
package enum TimeZones {
    /// From a moment on, in milliseconds since 1970, a zone's clocks are so many milliseconds ahead of UTC.
    package struct Change: Sendable, Equatable {
        package let from: Int64
        package let offset: Int64
    }

    /// Rules that go on without an end are written out to the end of this year.
    package static let lastYear = 2100
    private static let end = Double(lastYear - 1969) * 365.2425 * 86_400
    private static let known = Mutex<[String: [Change]]>([:])

    /// Every change of a zone's clocks, in order; the first holds from the beginning of time. Nil when there is no such zone.
    /// - Parameter name: such as `Europe/Berlin`, as the database writes it, or `UTC`.
    package static func changes(of name: String) -> [Change]? {
        if let changes = known.withLock({ $0[name] }) { return changes }
        // Without a slash, the database has only old abbreviations, and Foundation offsets of its own making.
        guard (1...64).contains(name.utf8.count), name == "UTC" || name.contains("/"),
            let zone = name == "UTC" ? TimeZone(secondsFromGMT: 0) : TimeZone(identifier: name),
            name == "UTC" || zone.identifier == name
        else { return nil }
        let changes = changes(of: zone)
        known.withLock { $0[name] = changes }
        return changes
    }

    private static func changes(of zone: TimeZone) -> [Change] {
        var time = Date(timeIntervalSince1970: 0)
        var changes = [
            Change(from: .min, offset: Int64(zone.secondsFromGMT(for: time)) * 1000)
        ]
        while let next = zone.nextDaylightSavingTimeTransition(after: time), next > time,
            next.timeIntervalSince1970 < end
        {
            let offset = Int64(zone.secondsFromGMT(for: next)) * 1000
            if offset != changes[changes.count - 1].offset {
                changes.append(
                    Change(from: Int64(next.timeIntervalSince1970) * 1000, offset: offset))
            }
            time = next
        }
        return changes
    }
}
