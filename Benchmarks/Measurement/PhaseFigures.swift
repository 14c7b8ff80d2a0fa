/// What tables, the page and comparisons derive from a phase, in one place so that they agree.
extension PhaseResult {
    /// What the harness calls itself among the processes.
    static let harness = "lodge-bench"

    var writeCount: Int { count { $0.isWrite } }
    var readCount: Int { count { !$0.isWrite } }
    var requestCount: Int { writeCount + readCount }
    var writesPerSecond: Double { rate(writeCount) }
    var readsPerSecond: Double { rate(readCount) }

    func rate(_ count: Int) -> Double { seconds > 0 ? Double(count) / seconds : 0 }

    var writes: [OperationResult] { operations.filter(\.operation.isWrite) }
    var reads: [OperationResult] { operations.filter { !$0.operation.isWrite } }

    var nodeUses: [ProcessUse] { processes.filter { $0.name != Self.harness } }
    var harnessUse: ProcessUse? { processes.first { $0.name == Self.harness } }

    /// Log bytes and log bytes on links that one acknowledged write cost.
    var logBytesPerWrite: Double? { perWrite(wire?.logBytes) }
    var linkBytesPerWrite: Double? { perWrite(wire?.logLinkBytes) }
    var syncsPerThousandWrites: Double? { perWrite(wire?.syncs).map { $0 * 1000 } }

    /// CPU of all nodes for one right answer, microseconds.
    var nodeMicrosecondsPerRequest: Double? { microsecondsPerRequest(nodeUses) }
    var harnessMicrosecondsPerRequest: Double? {
        harnessUse.flatMap { microsecondsPerRequest([$0]) }
    }

    /// Memory of all nodes at the end.
    var residentBytes: Double? {
        let last = nodeUses.compactMap { $0.samples.last.map { Double($0.residentBytes) } }
        return last.isEmpty ? nil : last.reduce(0, +)
    }

    /// `open loop, 2,000/s due over 64 connections; 1,000 tenants, 3 nodes, TLS`.
    var setup: String {
        let loopText =
            switch loop {
            case .closed(let clients): "closed loop, \(Numbers.count(clients)) clients"
            case .open(let perSecond, let connections):
                "open loop, \(Numbers.plain(perSecond))/s due over "
                    + "\(Numbers.count(connections)) connections"
            }
        let people = tenants == 1 ? "1 tenant" : "\(Numbers.count(tenants)) tenants"
        let cluster = nodes == 1 ? "1 node" : "\(Numbers.count(nodes)) nodes"
        return "\(loopText); \(people), \(cluster), \(usesTLS ? "TLS" : "no TLS")"
    }

    private func count(_ isWanted: (Operation) -> Bool) -> Int {
        operations.reduce(0) { isWanted($1.operation) ? $0 + $1.count : $0 }
    }

    private func perWrite(_ bytes: UInt64?) -> Double? {
        guard let bytes, writeCount > 0 else { return nil }
        return Double(bytes) / Double(writeCount)
    }

    private func microsecondsPerRequest(_ uses: [ProcessUse]) -> Double? {
        let sampled = uses.filter { !$0.samples.isEmpty }
        guard requestCount > 0, !sampled.isEmpty else { return nil }
        return sampled.reduce(0) { $0 + $1.meanCores } * seconds * 1e6 / Double(requestCount)
    }
}

extension ProcessUse {
    /// Cores kept busy, on average of the sampled time.
    var meanCores: Double {
        let parts = stretches
        let time = parts.reduce(0) { $0 + $1.seconds }
        guard time > 0 else { return 0 }
        return parts.reduce(0) { $0 + $1.sample.cores * $1.seconds } / time
    }

    var maxResidentBytes: Double { Double(samples.map(\.residentBytes).max() ?? 0) }

    /// Each sample with the time that it covers; the first is taken to cover as much as lies before it.
    var stretches: [(sample: Sample, seconds: Double)] {
        var before = 0.0
        return samples.map { sample in
            defer { before = sample.at }
            return (sample, max(sample.at - before, 0))
        }
    }
}

extension LatencySummary {
    /// One distribution of several, each with its weight.
    ///
    /// Histograms are not in a result, only their percentiles; between two of those values are taken to lie evenly. That is
    /// exact where one summary is given, and within the distance of two percentiles otherwise.
    static func merged(_ parts: [LatencySummary]) -> LatencySummary {
        let parts = parts.filter { $0.count > 0 }
        guard parts.count > 1 else {
            return parts.first
                ?? LatencySummary(
                    count: 0, mean: 0, min: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0)
        }
        let curves = parts.map { (curve: $0.curve, weight: Double($0.count)) }
        let count = parts.reduce(0) { $0 + $1.count }
        let values = Set(curves.flatMap { $0.curve.map(\.microseconds) }).sorted()
        let shares = values.map { value in
            curves.reduce(0) { $0 + $1.weight * Self.share(of: $1.curve, upTo: value) }
                / Double(count)
        }
        func value(at share: Double) -> Double {
            guard let place = shares.firstIndex(where: { $0 >= share - 1e-9 }) else {
                return values.last ?? 0
            }
            guard place > 0, shares[place] > shares[place - 1] else { return values[place] }
            let part = (share - shares[place - 1]) / (shares[place] - shares[place - 1])
            let width = values[place] - values[place - 1]
            return values[place - 1] + width * Swift.min(Swift.max(part, 0), 1)
        }
        let points = Set(parts.flatMap { $0.percentiles.map(\.percentile) }).sorted().map {
            PercentilePoint(percentile: $0, microseconds: value(at: $0 / 100))
        }
        return LatencySummary(
            count: count,
            mean: parts.reduce(0) { $0 + $1.mean * Double($1.count) } / Double(count),
            min: parts.map(\.min).min() ?? 0, p50: value(at: 0.5), p90: value(at: 0.9),
            p99: value(at: 0.99), p999: value(at: 0.999), max: parts.map(\.max).max() ?? 0,
            percentiles: points)
    }

    /// Percentile and value, both rising; made of the few known ones where the distribution is missing.
    private var curve: [PercentilePoint] {
        let known = [(0.0, min), (50, p50), (90, p90), (99, p99), (99.9, p999), (100, max)].map {
            PercentilePoint(percentile: $0.0, microseconds: $0.1)
        }
        guard percentiles.count > 2 else { return known }
        return [known[0]] + percentiles.filter { $0.percentile > 0 }
    }

    /// Which share (0...1) of a distribution is at most `value`.
    private static func share(of curve: [PercentilePoint], upTo value: Double) -> Double {
        guard let after = curve.firstIndex(where: { $0.microseconds > value }) else { return 1 }
        guard after > 0 else { return 0 }
        let (low, high) = (curve[after - 1], curve[after])
        let part = (value - low.microseconds) / (high.microseconds - low.microseconds)
        return (low.percentile + (high.percentile - low.percentile) * part) / 100
    }
}
