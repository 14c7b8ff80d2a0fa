/// A throughput beside what the machine can do at all.
struct LimitRatio {
    let limit: Limit
    /// What the limit allows each second.
    let perSecond: Double
    /// Measured throughput ÷ `perSecond`.
    let ratio: Double

    /// Writes stand against what makes one durable: a sync of a small block, and one SQLite that syncs as well.
    static func ofWrites(_ rate: Double, _ limits: [Limit]) -> [LimitRatio] {
        ratios(rate, limits, ["fdatasync-4k-append", "sqlite-full-plain", "sqlite-full-desk"])
    }

    /// Reads stand against what carries one: a kilobyte there and back, for many at once.
    static func ofReads(_ rate: Double, _ limits: [Limit]) -> [LimitRatio] {
        ratios(rate, limits, ["loopback-1024-64"])
    }

    private static func ratios(
        _ rate: Double, _ limits: [Limit], _ names: Set<String>
    ) -> [LimitRatio] {
        limits.compactMap { limit in
            guard names.contains(limit.name), limit.value > 0, limit.value.isFinite
            else { return nil }
            let perSecond: Double
            switch limit.unit {
            case "/s": perSecond = limit.value
            case "us", "µs": perSecond = 1e6 / limit.value
            default: return nil
            }
            let ratio = rate / perSecond
            guard ratio.isFinite else { return nil }
            return LimitRatio(limit: limit, perSecond: perSecond, ratio: ratio)
        }
    }

    /// `0.42 × fdatasync-4k (1,234/s)`.
    var text: String {
        "\(Numbers.plain(ratio)) × \(limit.name) (\(Numbers.plain(perSecond))/s)"
    }
}
