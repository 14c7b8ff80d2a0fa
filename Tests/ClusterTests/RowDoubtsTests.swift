import Consensus
import Testing
import Wire

@testable import Cluster

struct RowDoubtsTests {
    private let follower = ReplicaID(number: 2, on: NodeID(rawValue: 2))
    private let second: UInt64 = 1_000_000_000

    @Test func followerLooksAtItselfBeforeItDoubtsTheLeader() {
        var doubts = RowDoubts()
        #expect(doubts.next(hasDiverged: false, isFollower: true, now: 100 * second) == nil)
        #expect(doubts.next(hasDiverged: true, isFollower: true, now: 100 * second) == .check)
        #expect(doubts.isChecking)
        #expect(doubts.next(hasDiverged: true, isFollower: true, now: 101 * second) == nil)
        #expect(doubts.found(.sound, now: 102 * second) == nil)
        #expect(doubts.next(hasDiverged: true, isFollower: true, now: 102 * second) == .doubt)
        #expect(doubts.next(hasDiverged: true, isFollower: true, now: 103 * second) == nil)
        // Nobody answered: once more, from the beginning.
        #expect(doubts.next(hasDiverged: true, isFollower: true, now: 140 * second) == .check)
    }

    @Test func doubtEndsWithBlocksThatAgree() {
        var doubts = RowDoubts()
        _ = doubts.next(hasDiverged: true, isFollower: true, now: 100 * second)
        _ = doubts.found(.sound, now: 100 * second)
        #expect(doubts.next(hasDiverged: true, isFollower: true, now: 100 * second) == .doubt)
        #expect(doubts.next(hasDiverged: false, isFollower: true, now: 101 * second) == nil)
        // The next divergence is asked about at once.
        #expect(doubts.next(hasDiverged: true, isFollower: true, now: 102 * second) == .doubt)
    }

    @Test func leaderDoesNotDoubtItself() {
        var doubts = RowDoubts()
        #expect(doubts.next(hasDiverged: true, isFollower: false, now: 100 * second) == nil)
    }

    @Test func damageIsKeptUntilTheRowsAreSoundAgain() {
        var doubts = RowDoubts()
        let begins = doubts.begin()
        #expect(begins)
        #expect(doubts.found(.unsound("tenant 3"), now: 0) == nil)
        #expect(doubts.damage == "tenant 3")
        #expect(doubts.next(hasDiverged: true, isFollower: true, now: 100 * second) == nil)
        #expect(doubts.doubted(by: follower, now: 0) == nil)
        let beginsAgain = doubts.begin()
        #expect(beginsAgain)
        #expect(doubts.found(.sound, now: second) == nil)
        #expect(doubts.damage == nil)
    }

    @Test func leaderVouchesOnlyForRowsThatItHasRead() {
        var doubts = RowDoubts()
        let other = ReplicaID(number: 3, on: NodeID(rawValue: 3))
        #expect(doubts.doubted(by: follower, now: 100 * second) == .check)
        #expect(doubts.doubted(by: other, now: 100 * second) == nil)
        #expect(doubts.found(.sound, now: 101 * second) == .vouch([follower, other].sorted()))
        #expect(doubts.doubted(by: other, now: 102 * second) == .vouch([other]))
        #expect(doubts.doubted(by: other, now: 120 * second) == .check)
        #expect(doubts.found(.notMade, now: 121 * second) == nil)
        // Whoever was promised a check that was not made asks again.
        #expect(doubts.doubted(by: other, now: 122 * second) == .check)
    }
}
