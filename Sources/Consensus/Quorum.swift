/// What a set of voters has decided so far.
package enum Decision: Equatable, Sendable {
    case won
    case lost
    case open
}

/// The arithmetic of majorities, for plain and joint configurations (Raft, 5.2 and 6).
package enum Quorum {
    /// The least number of `count` voters that is a majority.
    package static func majority(of count: Int) -> Int { count / 2 + 1 }

    /// Whether the voters that `answered` says yes for make a quorum; `lost` when they no longer can.
    /// - Parameter answered: true for yes, false for no, nil for no answer yet.
    package static func decision(
        _ configuration: Configuration, answered: (ReplicaID) -> Bool?
    ) -> Decision {
        let incoming = decision(configuration.voters, answered: answered)
        guard configuration.isJoint else { return incoming }
        let outgoing = decision(configuration.outgoing, answered: answered)
        if incoming == .lost || outgoing == .lost { return .lost }
        return incoming == .won && outgoing == .won ? .won : .open
    }

    private static func decision(
        _ voters: [ReplicaID], answered: (ReplicaID) -> Bool?
    ) -> Decision {
        var yes = 0
        var no = 0
        for voter in voters {
            switch answered(voter) {
            case true?: yes += 1
            case false?: no += 1
            case nil: break
            }
        }
        let needed = majority(of: voters.count)
        if yes >= needed { return .won }
        return voters.count - no < needed ? .lost : .open
    }

    /// Whether these replicas, without anyone else, can decide.
    package static func contains(
        _ configuration: Configuration, where isIn: (ReplicaID) -> Bool
    ) -> Bool {
        decision(configuration) { isIn($0) } == .won
    }

    /// The greatest value that a quorum has reached: with `value` the index each voter has durable, the index that is
    /// stored on a quorum (Raft, 5.3). Of no voters, 0.
    package static func reached(
        _ configuration: Configuration, value: (ReplicaID) -> UInt64
    ) -> UInt64 {
        let incoming = reached(configuration.voters, value: value)
        guard configuration.isJoint else { return incoming }
        return min(incoming, reached(configuration.outgoing, value: value))
    }

    private static func reached(_ voters: [ReplicaID], value: (ReplicaID) -> UInt64) -> UInt64 {
        guard !voters.isEmpty else { return 0 }
        let needed = majority(of: voters.count)
        // Groups are small, so the quadratic way beats a sort: it needs no memory.
        var best: UInt64 = 0
        for candidate in voters {
            let mark = value(candidate)
            guard mark > best else { continue }
            var count = 0
            for voter in voters where value(voter) >= mark { count += 1 }
            if count >= needed { best = mark }
        }
        return best
    }
}
