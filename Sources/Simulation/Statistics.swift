/// What happened in a run, for the report.
package struct Statistics: Sendable {
    package var events = 0
    package var virtualTime: Int64 = 0
    package var messages = 0
    package var elections = 0
    package var blocks = 0
    package var snapshots = 0
    package var restarts = 0
    package var configurations = 0
    package var ok = 0
    package var refused = 0
    package var unknown = 0
    package var grantedReads = 0
    /// Of these, a leader's by one voter's word.
    package var vouchedReads = 0
    package var keysChecked = 0
    package var keysUndecided = 0
    package var faults: [String: Int] = [:]

    package init() {}

    mutating func count(_ fault: Profile.Fault) { faults[fault.rawValue, default: 0] += 1 }

    package mutating func add(_ other: Statistics) {
        events += other.events
        virtualTime += other.virtualTime
        messages += other.messages
        elections += other.elections
        blocks += other.blocks
        snapshots += other.snapshots
        restarts += other.restarts
        configurations += other.configurations
        ok += other.ok
        refused += other.refused
        unknown += other.unknown
        grantedReads += other.grantedReads
        vouchedReads += other.vouchedReads
        keysChecked += other.keysChecked
        keysUndecided += other.keysUndecided
        faults.merge(other.faults, uniquingKeysWith: +)
    }

    /// Every number with its name, in a fixed order.
    package var fields: [(name: String, value: Int)] {
        [
            ("events", events), ("virtual_seconds", Int(virtualTime / 1_000_000)),
            ("messages", messages), ("elections", elections), ("blocks", blocks),
            ("snapshots", snapshots), ("restarts", restarts), ("configurations", configurations),
            ("operations_ok", ok), ("operations_refused", refused),
            ("operations_unknown", unknown), ("granted_reads", grantedReads),
            ("vouched_reads", vouchedReads), ("keys_checked", keysChecked),
            ("keys_undecided", keysUndecided),
        ] + faults.keys.sorted().map { ("fault_\($0)", faults[$0] ?? 0) }
    }
}
