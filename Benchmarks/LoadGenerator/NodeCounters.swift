/// The counters of one node's `/metrics` that a result tells of.
struct NodeCounters: Equatable {
    var syncs: UInt64 = 0
    var logBytes: UInt64 = 0
    var logLinkBytes: UInt64 = 0
    var allLinkBytes: UInt64 = 0

    init() {}

    /// From a text in Prometheus' form.
    init(metrics: String) {
        for line in metrics.split(separator: "\n") {
            guard line.hasPrefix("lodge_l"), let space = line.lastIndex(of: " "),
                let value = Double(line[line.index(after: space)...]), value >= 0
            else { continue }
            let number = UInt64(value)
            switch line[..<space] {
            case "lodge_log_syncs_total": syncs = number
            case "lodge_log_written_bytes_total": logBytes = number
            case let name where name.hasPrefix("lodge_link_sent_bytes_total{"):
                allLinkBytes += number
                if name.contains("link=\"log\"") { logLinkBytes += number }
            default: break
            }
        }
    }

    /// What was counted since `earlier`; a node that was started again began at zero.
    func since(_ earlier: NodeCounters) -> NodeCounters {
        func difference(_ path: KeyPath<NodeCounters, UInt64>) -> UInt64 {
            let (now, then) = (self[keyPath: path], earlier[keyPath: path])
            return now >= then ? now - then : now
        }
        var result = NodeCounters()
        result.syncs = difference(\.syncs)
        result.logBytes = difference(\.logBytes)
        result.logLinkBytes = difference(\.logLinkBytes)
        result.allLinkBytes = difference(\.allLinkBytes)
        return result
    }

    mutating func add(_ other: NodeCounters) {
        syncs += other.syncs
        logBytes += other.logBytes
        logLinkBytes += other.logLinkBytes
        allLinkBytes += other.allLinkBytes
    }
}
