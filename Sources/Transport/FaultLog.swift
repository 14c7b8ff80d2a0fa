/// Which faults are worth a line in the log: a misconfigured peer that dials for ever must not fill it.
package struct FaultLog: Sendable {
    private struct Line {
        var fault: LinkFault
        var writtenAt: Int64
        var suppressed: Int
    }

    private let interval: Int64
    /// At most so many sources are remembered; who makes up new ones to be logged again is not told apart beyond it.
    private let limit: Int
    private var lines: [String: Line] = [:]

    package init(interval: Int64, limit: Int = 256) {
        self.interval = interval
        self.limit = limit
    }

    /// How many equal faults of this source were kept back before this one; nil to keep this one back too.
    package mutating func admit(_ fault: LinkFault, from source: String, now: Int64) -> Int? {
        var source = source
        if lines[source] == nil, lines.count >= limit {
            lines = lines.filter { now - $0.value.writtenAt < interval }
            if lines.count >= limit { source = "" }
        }
        if let line = lines[source] {
            // Another fault is news, but not ten times a second either.
            let isNews = !source.isEmpty && line.fault != fault
            if now - line.writtenAt < (isNews ? interval / 10 : interval) {
                lines[source]?.suppressed += 1
                return nil
            }
        }
        let suppressed = lines[source]?.suppressed ?? 0
        lines[source] = Line(fault: fault, writtenAt: now, suppressed: 0)
        return suppressed
    }
}
