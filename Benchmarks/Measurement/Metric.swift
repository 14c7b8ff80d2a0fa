import Foundation

/// A figure that two results are compared by.
struct Metric: Sendable {
    let name: String
    let unit: String
    let higherIsBetter: Bool
    /// Of scalars: the ratio from which on a difference is one, since there are no seconds to tell noise by.
    let threshold: Double?
    let value: @Sendable (PhaseResult) -> Double?
    /// What each second contributed; nil of scalars.
    let series: (@Sendable (PhaseResult) -> Series)?

    static let all: [Metric] = [
        rate("writes") { $0.isWrite },
        rate("reads") { !$0.isWrite },
        rate("all requests") { _ in true },
        latency("p50 of writes") { $0.writes?.p50 }, latency("p99 of writes") { $0.writes?.p99 },
        latency("p50 of reads") { $0.reads?.p50 }, latency("p99 of reads") { $0.reads?.p99 },
        Metric(
            name: "CPU per request", unit: "µs", higherIsBetter: false, threshold: nil,
            value: { $0.nodeMicrosecondsPerRequest }, series: cpuPerRequest),
        Metric(
            name: "log bytes per write", unit: "B", higherIsBetter: false, threshold: 0.02,
            value: { $0.logBytesPerWrite }, series: nil),
        Metric(
            name: "resident memory", unit: "B", higherIsBetter: false, threshold: 0.05,
            value: { $0.residentBytes }, series: nil),
    ]

    private static func rate(
        _ name: String, _ isWanted: @escaping @Sendable (Operation) -> Bool
    ) -> Metric {
        let series: @Sendable (PhaseResult) -> Series = { phase in
            Series(
                numerators: phase.intervals.map { Double($0.count(where: isWanted)) },
                denominators: phase.intervals.map(\.seconds))
        }
        return Metric(
            name: "\(name)/s", unit: "/s", higherIsBetter: true, threshold: nil,
            value: { phase in
                let count = phase.operations.reduce(0) {
                    isWanted($1.operation) ? $0 + $1.count : $0
                }
                return count > 0 && phase.seconds > 0 ? phase.rate(count) : nil
            }, series: series)
    }

    /// The geometric mean of the seconds' percentiles: seconds of a run weigh alike, and no single stall outweighs all others.
    private static func latency(
        _ name: String, _ value: @escaping @Sendable (Interval) -> Double?
    ) -> Metric {
        let series: @Sendable (PhaseResult) -> Series = { phase in
            let values = phase.intervals.compactMap(value).filter { $0 > 0 && $0.isFinite }
            return Series(
                numerators: values.map { log($0) }, denominators: values.map { _ in 1 },
                isGeometric: true)
        }
        return Metric(
            name: name, unit: "µs", higherIsBetter: false, threshold: nil,
            value: { series($0).logarithm.map { exp($0) } }, series: series)
    }

    private static let cpuPerRequest: @Sendable (PhaseResult) -> Series = { phase in
        let microseconds = phase.nodeMicroseconds
        var series = Series(numerators: [], denominators: [])
        for (place, interval) in phase.intervals.enumerated() where microseconds[place] > 0 {
            series.numerators.append(microseconds[place])
            series.denominators.append(Double(interval.count { _ in true }))
        }
        return series
    }
}

extension Interval {
    func count(where isWanted: (Operation) -> Bool) -> Int {
        counts.reduce(0) { sum, entry in
            guard let operation = Operation(rawValue: entry.key), isWanted(operation) else {
                return sum
            }
            return sum + entry.value
        }
    }
}

extension PhaseResult {
    /// CPU of the nodes in each interval, microseconds: a sample counts to the interval that holds its middle.
    fileprivate var nodeMicroseconds: [Double] {
        var sums = intervals.map { _ in 0.0 }
        for use in nodeUses {
            var place = 0
            for (sample, seconds) in use.stretches {
                let middle = sample.at - seconds / 2
                while place < intervals.count,
                    middle >= intervals[place].at + intervals[place].seconds
                { place += 1 }
                guard place < intervals.count else { break }
                sums[place] += sample.cores * seconds * 1e6
            }
        }
        return sums
    }
}
