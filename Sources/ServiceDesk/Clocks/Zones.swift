import TimeZones

/// Where desks find time zones: the tz database.
package enum Zones {
    package static let lookup: ZoneLookup = { name in
        TimeZones.changes(of: name).map { changes in
            ZoneOffsets(changes.map { ZoneOffsets.Change(from: $0.from, offset: $0.offset) })
        }
    }
}
