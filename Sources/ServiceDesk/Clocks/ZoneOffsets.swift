/// How far a time zone's clocks are from UTC, at any moment.
package struct ZoneOffsets: Sendable, Equatable {
    /// From a moment on, in milliseconds since 1970, the clocks are so many milliseconds ahead.
    package struct Change: Sendable, Equatable {
        package let from: Int64
        package let offset: Int64
        package init(from: Int64, offset: Int64) {
            self.from = from
            self.offset = offset
        }
    }

    private let changes: [Change]

    /// - Parameter changes: in order, at least one; the first holds from the beginning of time.
    package init(_ changes: [Change]) {
        precondition(!changes.isEmpty, "a zone has an offset")
        self.changes = changes
    }

    /// The offset at a moment, and the moment from which on it is another one.
    func offset(at time: Int64) -> (offset: Int64, until: Int64) {
        var low = 0
        var high = changes.count
        // The last change at or before the moment.
        while high - low > 1 {
            let middle = (low + high) / 2
            if changes[middle].from <= time { low = middle } else { high = middle }
        }
        return (changes[low].offset, high < changes.count ? changes[high].from : .max)
    }
}

/// Finds a zone by its IANA name; nil when there is none.
package typealias ZoneLookup = @Sendable (String) -> ZoneOffsets?
