/// What `lodge-bench run` was called with; nil and false where an option was not given.
package struct LoadOptions: Equatable, Sendable {
    package var nodes: Int?
    package var shards: Int?
    package var cluster: String?
    package var seconds: Double?
    package var warmUp: Double?
    package var seed: UInt64 = 1
    package var tenants: Int?
    package var tickets: Int?
    package var clients: Int?
    package var rate: Double?
    package var connections: Int?
    package var tls = false
    package var mix: String?
    package var readHeavy = false
    package var writesOnly = false
    package var readsOnly = false
    package var oneHotTenant = false
    package var burst = false
    package var manyTenants: Int?
    package var failover = false
    package var kills: Int?
    package var soakMinutes: Double?
    package var against: String?
    package var rounds: Int?
    /// Microseconds.
    package var syncDelay: Int?

    package init() {}

    /// Refuses what contradicts itself or makes no sense, and says what all of it means.
    package func plan() throws -> LoadPlan {
        try checkConflicts()
        try checkRanges()
        let tenants = manyTenants ?? tenants ?? 100
        let (mixName, mix) = try chosenMix()
        if failover, !mix.hasWrites {
            throw LoadFailure("--failover waits for writes, of which the mix has none")
        }
        return LoadPlan(
            nodes: nodes ?? 3, shards: shards, cluster: cluster, seed: seed, tenants: tenants,
            tickets: tickets ?? (manyTenants == nil ? 50 : 1), tls: tls, mixName: mixName, mix: mix,
            mixIsGiven: mixName != "canonical", oneHotTenant: oneHotTenant,
            bursts: burst ? .usual : nil, warmUp: warmUp ?? 3, loads: loads(),
            watchesIdle: manyTenants != nil, kills: failover ? kills ?? 5 : nil,
            against: against, rounds: rounds ?? 10, syncDelay: syncDelay)
    }

    /// The loads one after the other.
    private func loads() -> [LoadPlan.Load] {
        let seconds = soakMinutes.map { $0 * 60 } ?? seconds ?? 15
        let name = soakMinutes == nil ? "" : "soak "
        if let rate {
            return [
                LoadPlan.Load(
                    name: name + "open",
                    loop: .open(perSecond: rate, connections: connections ?? 64),
                    seconds: seconds)
            ]
        }
        let closed = LoadPlan.Load(
            name: "closed", loop: .closed(clients: clients ?? 64),
            // Before a soak it only finds out what the cluster can do.
            seconds: soakMinutes != nil && clients == nil ? 10 : seconds)
        if clients != nil || failover || against != nil {
            return [
                LoadPlan.Load(name: name + closed.name, loop: closed.loop, seconds: closed.seconds)
            ]
        }
        return [
            closed,
            LoadPlan.Load(
                name: name + "open", loop: .openAtHalf(connections: connections ?? 64),
                seconds: seconds),
        ]
    }

    private func chosenMix() throws -> (String, OperationMix) {
        if let mix { return ("mix", try OperationMix(parsing: mix)) }
        if readHeavy { return ("read-heavy", .readHeavy) }
        if writesOnly { return ("writes-only", .writesOnly) }
        if readsOnly { return ("reads-only", .readsOnly) }
        return ("canonical", .canonical)
    }

    private func checkConflicts() throws {
        var given: Set<String> = []
        func note(_ name: String, _ isGiven: Bool) { if isGiven { given.insert(name) } }
        note("--nodes", nodes != nil)
        note("--shards", shards != nil)
        note("--cluster", cluster != nil)
        note("--seconds", seconds != nil)
        note("--tenants", tenants != nil)
        note("--clients", clients != nil)
        note("--rate", rate != nil)
        note("--connections", connections != nil)
        note("--mix", mix != nil)
        note("--read-heavy", readHeavy)
        note("--writes-only", writesOnly)
        note("--reads-only", readsOnly)
        note("--burst", burst)
        note("--many-tenants", manyTenants != nil)
        note("--failover", failover)
        note("--soak", soakMinutes != nil)
        note("--against", against != nil)
        note("--sync-delay", syncDelay != nil)
        for (names, why) in Self.exclusions {
            let together = names.filter(given.contains)
            if together.count > 1 {
                throw LoadFailure(
                    "\(together.joined(separator: " and ")) exclude each other: \(why)")
            }
        }
        if kills != nil, !failover { throw LoadFailure("--kills is for --failover") }
        if rounds != nil, against == nil { throw LoadFailure("--rounds is for --against") }
    }

    private static let exclusions: [([String], String)] = [
        (
            ["--mix", "--read-heavy", "--writes-only", "--reads-only"],
            "each says what is asked for"
        ),
        (["--clients", "--rate"], "one is a closed loop, the other an open one"),
        (["--clients", "--connections"], "the clients of a closed loop are its connections"),
        (["--clients", "--burst"], "a closed loop has no rate to multiply"),
        (["--tenants", "--many-tenants"], "each says how many tenants there are"),
        (["--seconds", "--soak"], "each says how long the load lasts"),
        (["--cluster", "--nodes"], "a cluster that runs has the nodes it has"),
        (["--cluster", "--shards"], "a cluster that runs has the shards it has"),
        (["--cluster", "--failover"], "only nodes that were started here are killed"),
        (["--cluster", "--against"], "both builds are started here"),
        (["--cluster", "--sync-delay"], "only nodes that are started here are slowed down"),
        (["--failover", "--soak"], "a failover's load lasts as long as its kills"),
        (["--failover", "--seconds"], "a failover's load lasts as long as its kills"),
        (["--failover", "--burst"], "a gap would not be told from a burst"),
        (["--failover", "--against"], "builds are compared undisturbed"),
        (["--against", "--rate"], "builds are compared by what they can do, in a closed loop"),
        (["--against", "--burst"], "builds are compared by what they can do, in a closed loop"),
        (["--against", "--soak"], "builds are compared by short loads in turn"),
        (["--against", "--many-tenants"], "builds are compared with few tenants"),
        (["--against", "--connections"], "the clients of a closed loop are its connections"),
        (["--failover", "--connections"], "without --rate it is a closed loop, see --clients"),
    ]

    private func checkRanges() throws {
        func check(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws {
            if let value, !range.contains(value) {
                throw LoadFailure("\(name) must be \(range.lowerBound) to \(range.upperBound)")
            }
        }
        func check(_ name: String, _ value: Double?, _ range: ClosedRange<Double>) throws {
            if let value, !range.contains(value) {
                throw LoadFailure("\(name) must be \(range.lowerBound) to \(range.upperBound)")
            }
        }
        try check("--nodes", nodes, 1...7)
        try check("--shards", shards, 1...64)
        try check("--tenants", tenants, 1...100_000)
        try check("--many-tenants", manyTenants, 1...1_000_000)
        try check("--tickets", tickets, 1...1_000_000)
        try check("--clients", clients, 1...10_000)
        try check("--connections", connections, 1...10_000)
        try check("--kills", kills, 1...1_000)
        try check("--rounds", rounds, 2...1_000)
        try check("--sync-delay", syncDelay, 1...10_000_000)
        try check("--rate", rate, 1...1_000_000)
        try check("--seconds", seconds, 1...86_400)
        try check("--warm-up", warmUp, 0...3_600)
        try check("--soak", soakMinutes, 0.05...10_080)
        if failover, let nodes, nodes < 3 {
            throw LoadFailure(
                "--failover needs at least 3 nodes: fewer have no majority without one")
        }
        if oneHotTenant, (manyTenants ?? tenants ?? 100) < 2 {
            throw LoadFailure("--one-hot-tenant needs at least 2 tenants")
        }
    }
}
