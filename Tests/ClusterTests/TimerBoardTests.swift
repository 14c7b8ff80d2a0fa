import Testing
import Wire

@testable import Cluster

struct TimerBoardTests {
    private static func tenant(_ number: Int) -> TenantRoute {
        TenantRoute(
            name: "t\(number)", state: .active, limits: TenantLimits(),
            shard: ShardID(rawValue: 1), id: TenantID(rawValue: numericCast(number)), epoch: 1)
    }
    private static func at(_ time: Int64) -> Timestamp { Timestamp(milliseconds: time) }

    @Test func aTenantIsDueAtTheEarliestOfItsTimesAndOnce() {
        let board = TimerBoard()
        let (one, two) = (Self.tenant(1), Self.tenant(2))
        board.note(one, at: Self.at(50))
        board.note(two, at: Self.at(20))
        board.note(one, at: Self.at(10))
        board.note(one, at: Self.at(70))
        #expect(board.count == 2)
        #expect(board.takeDue(by: Self.at(9)) == [])
        #expect(board.takeDue(by: Self.at(10)) == [one])
        #expect(board.takeDue(by: Self.at(60)) == [two])
        #expect(board.takeDue(by: Self.at(1000)) == [])
        board.note(one, at: Self.at(1001))
        #expect(board.takeDue(by: Self.at(1001)) == [one])
        #expect(board.count == 0)
    }

    @Test func manyComeInTheOrderOfTheirTimes() {
        let board = TimerBoard()
        var numbers = Array(1...500)
        // A fixed shuffle.
        for place in numbers.indices { numbers.swapAt(place, place * 7919 % numbers.count) }
        for number in numbers { board.note(Self.tenant(number), at: Self.at(Int64(number) * 10)) }
        #expect(board.takeDue(by: Self.at(2500)).map(\.name) == (1...250).map { "t\($0)" })
        #expect(board.takeDue(by: Self.at(5000)).map(\.name) == (251...500).map { "t\($0)" })
    }

    /// A tenant with something due every minute and something else in weeks leaves nothing behind each minute.
    @Test func whatDoesNotCountAnyMoreIsThrownOut() {
        let board = TimerBoard()
        let tenants = (1...10).map(Self.tenant)
        let late = Self.at(1_000_000)
        for minute in 0..<1000 {
            for tenant in tenants {
                board.note(tenant, at: late)
                board.note(tenant, at: Self.at(Int64(minute)))
            }
            #expect(board.takeDue(by: Self.at(Int64(minute))).count == tenants.count)
        }
        #expect(board.entryCount <= 100)
        for tenant in tenants { board.note(tenant, at: late) }
        #expect(board.takeDue(by: late).map(\.name).sorted() == tenants.map(\.name).sorted())
        #expect(board.takeDue(by: late) == [])
    }
}
