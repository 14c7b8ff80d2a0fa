import Wire

/// Which automations have fired on a ticket: what keeps each from firing more than once for one reason, and all of them from firing without
/// end. Kept in a column as text: `12 977:1764230400:1 981:1764231000:0`, all firings first, then number, second and whether it is spent.
package struct Firings: Sendable, Equatable {
    /// Firings on one ticket, of all automations together.
    package static let limit = 100
    /// An automation fires on a ticket at most once in so many milliseconds.
    static let pause: Int64 = 3_600_000

    struct Entry: Sendable, Equatable {
        let rule: Int64
        /// To the second.
        var firedAt: Timestamp
        /// Whether its conditions have held ever since: it fires again only when an update has made them false in between.
        var isSpent: Bool
    }

    /// In the ticket's whole life.
    package private(set) var total = 0
    private(set) var entries: [Entry] = []

    init() {}

    init(stored text: String?) {
        guard let text else { return }
        let parts = text.split(separator: " ")
        total = parts.first.flatMap { Int($0) } ?? 0
        entries = parts.dropFirst().compactMap { part in
            let numbers = part.split(separator: ":").compactMap { Int64($0) }
            guard numbers.count == 3 else { return nil }
            return Entry(
                rule: numbers[0], firedAt: Timestamp(milliseconds: numbers[1] * 1000),
                isSpent: numbers[2] == 1)
        }
    }

    /// Nil when none ever fired.
    var stored: String? {
        guard total > 0 else { return nil }
        let parts = entries.map {
            "\($0.rule):\($0.firedAt.milliseconds / 1000):\($0.isSpent ? 1 : 0)"
        }
        return ([String(total)] + parts).joined(separator: " ")
    }

    package var isExhausted: Bool { total >= Self.limit }

    /// From when on an automation may fire; nil while it is spent, and when all is.
    func earliest(_ rule: Int64) -> Timestamp? {
        guard !isExhausted else { return nil }
        guard let entry = entries.first(where: { $0.rule == rule }) else {
            return Timestamp(milliseconds: .min)
        }
        return entry.isSpent ? nil : entry.firedAt.advanced(byMilliseconds: Self.pause)
    }

    mutating func fire(_ rule: Int64, at time: Timestamp) {
        total += 1
        entries.removeAll { $0.rule == rule }
        entries.append(
            Entry(
                rule: rule, firedAt: Timestamp(milliseconds: time.milliseconds / 1000 * 1000),
                isSpent: true))
    }

    /// Lets automations fire again whose conditions do not hold any more, and forgets those whose time is over.
    mutating func rearm(at time: Timestamp, _ holds: (Int64) -> Bool) {
        guard !entries.isEmpty else { return }
        entries = entries.compactMap { entry in
            var entry = entry
            if entry.isSpent { entry.isSpent = holds(entry.rule) }
            let isOver = entry.firedAt.advanced(byMilliseconds: Self.pause) <= time
            return !entry.isSpent && isOver ? nil : entry
        }
    }
}
