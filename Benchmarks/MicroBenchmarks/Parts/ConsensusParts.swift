import Measurement

/// The consensus core: a whole group in one thread, with a network and disks that take no time.
enum ConsensusParts {
    static let all: [HotPart] = [1, 8].map { depth in
        HotPart(
            "consensus-\(depth)",
            """
            propose until three voters know it committed, all replicas, \
            \(depth == 1 ? "one" : "\(depth)") at a time
            """, iterations: 60_000 / depth
        ) { try commit($0, depth: depth) }
    }

    private static func commit(_ run: PartRun, depth: Int) throws -> PartResult {
        var group = MemoryGroup(voters: 3)
        group.elect()
        let before = group.committed
        let result = run.measure(itemsEach: depth) { _ in
            for _ in 0..<depth { group.propose(bytes: 300) }
            group.settle()
            group.compact()
        }
        try run.expect(group.isCommitted, "the last proposals are not committed")
        try run.expect(
            group.committed - before == UInt64(run.turns * depth),
            "\(group.committed - before) committed of \(run.turns * depth)")
        return result
    }
}
