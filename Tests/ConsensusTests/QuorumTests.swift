import Consensus
import Testing

@Suite struct QuorumTests {
    private func ids(_ numbers: [UInt64]) -> [ReplicaID] { numbers.map { ReplicaID($0) } }

    @Test(arguments: [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
    func `A majority is more than half`(_ count: Int, _ majority: Int) {
        #expect(Quorum.majority(of: count) == majority)
    }

    /// Voters, outgoing voters, who says yes, who says no, what is decided.
    static let decisions: [([UInt64], [UInt64], [UInt64], [UInt64], Decision)] = [
        ([1], [], [1], [], .won), ([1], [], [], [], .open), ([1], [], [], [1], .lost),
        ([1, 2], [], [1], [], .open), ([1, 2], [], [1], [2], .lost),
        ([1, 2], [], [1, 2], [], .won),
        ([1, 2, 3], [], [1], [2], .open), ([1, 2, 3], [], [1, 3], [2], .won),
        ([1, 2, 3], [], [1], [2, 3], .lost), ([1, 2, 3, 4], [], [1, 2], [], .open),
        ([1, 2, 3, 4], [], [1, 2], [3, 4], .lost), ([1, 2, 3, 4], [], [1, 2, 3], [], .won),
        // Answers of strangers count for nothing.
        ([1, 2, 3], [], [1, 4, 5], [], .open),
        // Both sets must agree, and either can refuse.
        ([1, 2, 3], [4, 5, 6], [1, 2], [], .open),
        ([1, 2, 3], [4, 5, 6], [1, 2, 4, 5], [], .won),
        ([1, 2, 3], [4, 5, 6], [1, 2, 3], [4, 5], .lost),
        ([1, 2, 3], [4, 5, 6], [4, 5, 6], [1, 2], .lost),
        ([1, 2, 3], [1, 2, 4], [1, 2], [], .won), ([1, 2, 3], [1, 2, 4], [1, 3], [], .open),
        ([1], [1, 2, 3], [1], [], .open), ([1], [1, 2, 3], [1, 3], [], .won),
    ]

    @Test(arguments: decisions.indices) func `Votes are counted in every set`(_ place: Int) {
        let (voters, outgoing, yes, no, expected) = Self.decisions[place]
        let configuration = Configuration(voters: ids(voters), outgoing: ids(outgoing))
        let decision = Quorum.decision(configuration) { replica in
            yes.contains(replica.rawValue) ? true : no.contains(replica.rawValue) ? false : nil
        }
        #expect(decision == expected)
    }

    /// Voters, outgoing voters, what each has, what a quorum has.
    static let marks: [([UInt64], [UInt64], [UInt64: UInt64], UInt64)] = [
        ([], [], [:], 0), ([1], [], [1: 7], 7), ([1, 2], [], [1: 7, 2: 3], 3),
        ([1, 2, 3], [], [1: 7, 2: 3], 3), ([1, 2, 3], [], [1: 7, 2: 3, 3: 5], 5),
        ([1, 2, 3], [], [1: 7], 0), ([1, 2, 3, 4], [], [1: 9, 2: 8, 3: 7, 4: 6], 7),
        ([1, 2, 3, 4, 5], [], [1: 9, 2: 8, 3: 7, 4: 6, 5: 5], 7),
        ([1, 2, 3], [], [1: 5, 2: 5, 3: 5], 5),
        ([1, 2, 3], [3, 4, 5], [1: 9, 2: 9, 3: 4, 4: 6, 5: 2], 4),
        ([1, 2, 3], [1, 2, 3], [1: 9, 2: 5, 3: 1], 5),
        ([4], [1, 2, 3], [4: 9, 1: 3, 2: 2, 3: 1], 2),
        // A learner is not asked, however much it has.
        ([1, 2, 3], [], [1: 3, 9: 100, 8: 100], 0),
    ]

    @Test(arguments: marks.indices) func `What a quorum has is the median, in every set`(
        _ place: Int
    ) {
        let (voters, outgoing, values, expected) = Self.marks[place]
        let configuration = Configuration(voters: ids(voters), outgoing: ids(outgoing))
        #expect(Quorum.reached(configuration) { values[$0.rawValue] ?? 0 } == expected)
    }

    @Test func `What is reached is what a decision about it would say`() {
        // Every configuration of up to 3 of 4 replicas in either set, with every mark from 0 to 2.
        let sets: [[UInt64]] = [[1], [1, 2], [2, 3], [1, 2, 3], [2, 3, 4]]
        for voters in sets {
            for outgoing in [[]] + sets {
                let configuration = Configuration(voters: ids(voters), outgoing: ids(outgoing))
                for code in 0..<81 {
                    func mark(_ replica: ReplicaID) -> UInt64 {
                        [1, 3, 9, 27][Int(replica.rawValue) - 1] == 0
                            ? 0 : UInt64(code / [1, 3, 9, 27][Int(replica.rawValue) - 1] % 3)
                    }
                    let reached = Quorum.reached(configuration, value: mark)
                    for level in UInt64(1)...2 {
                        let isReached = Quorum.contains(configuration) { mark($0) >= level }
                        #expect(isReached == (reached >= level))
                    }
                }
            }
        }
    }
}

@Suite struct ConfigurationTests {
    private func ids(_ numbers: UInt64...) -> [ReplicaID] { numbers.map { ReplicaID($0) } }

    @Test func `Members are in order and once`() {
        let configuration = Configuration(
            voters: ids(3, 1, 3, 2), learners: ids(5, 2), outgoing: ids(1, 6))
        #expect(configuration.voters == ids(1, 2, 3))
        #expect(configuration.learners == ids(5))
        #expect(configuration.members == ids(1, 2, 3, 5, 6))
        #expect(configuration.highest == ReplicaID(6))
    }

    @Test func `A voter that becomes a learner votes until the change ends`() {
        let before = Configuration(voters: ids(1, 2, 3))
        let joint = before.joint(voters: ids(1, 2), learners: ids(3))
        #expect(joint.isJoint && joint.isVoter(ReplicaID(3)) && joint.outgoing == ids(1, 2, 3))
        let after = joint.final
        #expect(!after.isJoint && !after.isVoter(ReplicaID(3)) && after.isMember(ReplicaID(3)))
    }

    @Test func `The highest id is remembered when its replica is gone`() {
        let grown = Configuration(voters: ids(1, 2), learners: ids(9))
        let shrunk = grown.joint(voters: ids(1, 2), learners: []).final
        #expect(shrunk.highest == ReplicaID(9))
    }
}
