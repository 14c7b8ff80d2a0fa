/// What `lodge-bench run` is going to do.
package struct LoadPlan: Sendable {
    package enum LoadLoop: Equatable, Sendable {
        case closed(clients: Int)
        case open(perSecond: Double, connections: Int)
        /// At half of what the closed loop before it reached.
        case openAtHalf(connections: Int)
    }

    package struct Load: Equatable, Sendable {
        package var name: String
        package var loop: LoadLoop
        package var seconds: Double
    }

    package var nodes: Int
    package var shards: Int?
    /// The directory of a cluster that runs already.
    package var cluster: String?
    package var seed: UInt64
    package var tenants: Int
    /// Before the load, on average.
    package var tickets: Int
    package var tls: Bool
    package var mixName: String
    package var mix: OperationMix
    package var mixIsGiven: Bool
    package var oneHotTenant: Bool
    package var bursts: Arrivals.Bursts?
    package var warmUp: Double
    package var loads: [Load]
    /// Whether the cluster is looked at while nobody asks for anything, before the load.
    package var watchesIdle: Bool
    package var kills: Int?
    /// The folder of another build's programs.
    package var against: String?
    package var rounds: Int
    /// Microseconds that every sync takes longer.
    package var syncDelay: Int?

    /// Half of what a closed loop reached, with two digits: far enough from full that latencies are those of a cluster that keeps up.
    package static func half(of perSecond: Double) -> Double {
        var unit = 1.0
        while perSecond / 2 / unit >= 100 { unit *= 10 }
        return max(1, (perSecond / 2 / unit).rounded(.down) * unit)
    }

    /// Options as they were in force, for the result.
    package var configuration: [String: String] {
        var texts = [
            "nodes": String(nodes), "seed": String(seed), "tenants": String(tenants),
            "tickets": String(tickets), "tls": String(tls), "mix": mix.description,
            "preset": mixName, "one-hot-tenant": String(oneHotTenant), "warm-up": "\(warmUp)",
            "burst": bursts.map { "\($0.factor)x for \($0.seconds) of \($0.every) s" } ?? "false",
            "failover": String(kills != nil),
            "full-parse": "1 of \(AnswerCheck.fullParseEvery)",
            "tenant-exponent": "\(TenantChooser.exponent)",
        ]
        for load in loads { texts["load \(load.name)"] = "\(load.loop.text) for \(load.seconds) s" }
        if let shards { texts["shards"] = String(shards) }
        if let syncDelay { texts["sync-delay"] = String(syncDelay) }
        if let kills { texts["kills"] = String(kills) }
        if cluster != nil { texts["cluster"] = "true" }
        if against != nil { texts["rounds"] = String(rounds) }
        return texts
    }
}

extension LoadPlan.LoadLoop {
    var text: String {
        switch self {
        case .closed(let clients): "closed, \(clients) clients"
        case .open(let rate, let connections): "open, \(rate)/s over \(connections) connections"
        case .openAtHalf(let connections):
            "open, at half of the closed loop's rate over \(connections) connections"
        }
    }
}
