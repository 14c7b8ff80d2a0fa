import HTTPTypes
import Testing
import TestSupport
import Wire

@testable import SupportAPI

/// Who is at a ticket: said by heartbeats, kept in memory, seen by those who may read the ticket.
struct PresenceTests {
    // MARK: The board

    private static let tenant = TenantID(rawValue: 7)
    private static func at(_ seconds: Int64) -> Timestamp {
        Timestamp(rawValue: 1_780_000_000_000 + seconds * 1000)
    }

    @Test func somebodyIsGoneTwentySecondsAfterTheLastHeartbeat() {
        let board = PresenceBoard()
        func say(_ user: Int64, _ state: PresenceBoard.State, _ seconds: Int64) {
            #expect(
                board.announce(
                    Self.tenant, ticket: 1, user: user, name: "U\(user)", state,
                    now: Self.at(seconds)))
        }
        func seen(_ seconds: Int64) -> [PresenceBoard.Person] {
            board.people(Self.tenant, ticket: 1, now: Self.at(seconds))
        }
        say(2, .viewing, 0)
        say(1, .viewing, 5)
        say(2, .viewing, 15)
        #expect(seen(19).map(\.userID) == [1, 2])
        // What goes on began when it began.
        #expect(seen(19).map(\.since) == [Self.at(5), Self.at(0)])
        #expect(seen(25).map(\.userID) == [2])
        say(2, .typing, 30)
        #expect(seen(30) == [.init(userID: 2, name: "U2", state: .typing, since: Self.at(30))])
        #expect(seen(50) == [])
        // Who comes back begins anew.
        say(2, .typing, 60)
        #expect(seen(60).map(\.since) == [Self.at(60)])
        board.leave(Self.tenant, ticket: 1, user: 2)
        #expect(seen(60) == [])
        #expect(board.people(TenantID(rawValue: 8), ticket: 1, now: Self.at(60)) == [])
    }

    @Test func aBoardHasBoundsAndForgets() {
        let limits = PresenceBoard.Limits(ticketsPerPerson: 3, perTenant: 5, perNode: 8)
        let board = PresenceBoard(limits: limits)
        func say(_ tenant: Int64, _ user: Int64, _ ticket: Int64, _ seconds: Int64 = 0) -> Bool {
            board.announce(
                TenantID(rawValue: tenant), ticket: ticket, user: user, name: "", .viewing,
                now: Self.at(seconds))
        }
        #expect((1...4).map { say(1, 1, $0) } == [true, true, true, false])
        #expect((1...3).map { say(1, 2, $0) } == [true, true, false])
        #expect((1...3).map { say(2, 1, $0) } == [true, true, true])
        #expect(!say(2, 2, 1))
        // Who is there already is heard, and who leaves makes room.
        #expect(say(1, 1, 1, 10))
        board.leave(TenantID(rawValue: 1), ticket: 2, user: 1)
        #expect(say(2, 2, 1, 10))
        #expect(board.count == 8)
        // All but two are over, and nobody had to ask.
        #expect(say(1, 3, 9, 25))
        #expect(say(1, 3, 8, 25))
        #expect(board.count <= 5)
        #expect(say(1, 3, 7, 60))
        #expect(board.count == 1)
    }

    /// Coming and going any number of times leaves nothing behind.
    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func theBoardIsWhatAListOfHeartbeatsSays(seed: UInt64) {
        var dice = SeededRandom(seed: seed)
        let board = PresenceBoard()
        var last: [Int64: [Int64: Int64]] = [:]
        var seconds: Int64 = 0
        for _ in 0..<4000 {
            seconds += Int64(dice.number(0..<3))
            let (ticket, user) = (Int64(dice.number(0..<4)), Int64(dice.number(0..<5)))
            if dice.number(0..<4) == 0 {
                board.leave(Self.tenant, ticket: ticket, user: user)
                last[ticket]?[user] = nil
            } else {
                #expect(
                    board.announce(
                        Self.tenant, ticket: ticket, user: user, name: "", .viewing,
                        now: Self.at(seconds)))
                last[ticket, default: [:]][user] = seconds
            }
            let known = (last[ticket] ?? [:]).filter { seconds - $0.value < 20 }.keys.sorted()
            let seen = board.people(Self.tenant, ticket: ticket, now: Self.at(seconds))
            #expect(seen.map(\.userID) == known)
        }
        for user in 90..<100 as Range<Int64> {
            _ = board.announce(
                Self.tenant, ticket: 99, user: user, name: "", .viewing,
                now: Self.at(seconds + 100))
        }
        #expect(board.count == 10)
    }

    // MARK: The API

    private static func path(_ ticket: Int64) -> String {
        "/api/v2/lodge/tickets/\(ticket)/presence"
    }

    private static func people(_ answer: Harness.Answer) -> [Int64] {
        answer.body["presence"]?["people"]?.items.compactMap { $0["user_id"]?.number } ?? []
    }

    @Test func aHeartbeatAnswersWithTheOthersAndTheTicketsVersion() async throws {
        try await Harness.run { desk in
            let id = try await desk.ticket()
            let path = Self.path(id)
            let alone = try await desk.call(.admin, .put, path, #"{"state":"typing"}"#)
            #expect(alone.status == 200 && Self.people(alone) == [])
            #expect(alone.body["presence"]?["version"]?.number == 1)
            #expect(alone.body["presence"]?["expires_in"]?.number == 20)
            desk.clock.advance(seconds: 3)
            _ = try await desk.call(
                .admin, .put, "/api/v2/tickets/\(id)", #"{"ticket":{"priority":"high"}}"#)
            let other = try await desk.call(.agent, .put, path, #"{"state":"viewing"}"#)
            let person = other.body["presence"]?["people"]?.items.first
            #expect(person?["user_id"]?.number == desk.id(.admin))
            #expect(person?["state"]?.text == "typing" && person?["name"]?.text == "Ann")
            #expect(other.body["presence"]?["version"]?.number == 2)
            let ticket = try await desk.call(.agent, .get, "/api/v2/tickets/\(id)")
            #expect(
                other.body["presence"]?["updated_at"] == ticket.body["ticket"]?["updated_at"])
            let both = try await desk.call(.agent, .get, path)
            #expect(Self.people(both) == [desk.id(.admin), desk.id(.agent)].sorted())
            desk.clock.advance(seconds: 17)
            #expect(Self.people(try await desk.call(.agent, .get, path)) == [desk.id(.agent)])
            #expect(try await desk.call(.agent, .delete, path).status == 204)
            #expect(Self.people(try await desk.call(.agent, .get, path)) == [])
            for body in ["{}", #"{"state":"sleeping"}"#, #"{"state":7}"#] {
                #expect(try await desk.call(.agent, .put, path, body).status == 422, "\(body)")
            }
        }
    }

    @Test func outsidersNeitherSeeNorAreSeen() async throws {
        try await Harness.run { desk in
            let mine = try await desk.ticket()
            let theirs = try await desk.make(
                "tickets", "ticket",
                #""comment":{"body":"b"},"requester_id":\#(desk.id(.endUser))"#)
            _ = try await desk.call(.admin, .put, Self.path(mine), #"{"state":"viewing"}"#)
            _ = try await desk.call(.admin, .put, Self.path(theirs), #"{"state":"viewing"}"#)
            _ = try await desk.call(
                .admin, .put, "/api/v2/users/\(desk.id(.agent))",
                #"{"user":{"ticket_restriction":"assigned"}}"#)
            _ = try await desk.call(
                .admin, .put, "/api/v2/tickets/\(mine)",
                #"{"ticket":{"assignee_id":\#(desk.id(.agent))}}"#)
            let list = "/api/v2/lodge/presence?ticket_ids=\(mine),\(theirs),99"
            let seen = try await desk.call(.agent, .get, list)
            #expect(
                seen.body["presences"]?.items.map { $0["ticket_id"]?.number } == [mine])
            #expect(
                try await desk.call(.admin, .get, list).body["presences"]?.items.count == 2)
            for method in [HTTPRequest.Method.get, .put, .delete] {
                let hidden = try await desk.call(
                    .agent, method, Self.path(theirs), #"{"state":"viewing"}"#)
                #expect(hidden.status == 404)
                // A ticket of theirs, as agents see it, is not an end user's.
                let outside = try await desk.call(
                    .endUser, method, Self.path(theirs), #"{"state":"viewing"}"#)
                #expect(outside.status == 403)
            }
            #expect(try await desk.call(.endUser, .get, list).status == 403)
            let after = try await desk.call(.admin, .get, Self.path(theirs))
            #expect(Self.people(after) == [desk.id(.admin)])
            let elsewhere = try await desk.call(
                .stranger, .get, Self.path(mine), host: "globex.desk.example")
            #expect(elsewhere.status == 404)
            _ = try await desk.call(.admin, .delete, "/api/v2/tickets/\(mine)")
            #expect(try await desk.call(.admin, .get, Self.path(mine)).status == 404)
            let many = (1...101).map(String.init).joined(separator: ",")
            #expect(
                try await desk.call(.admin, .get, "/api/v2/lodge/presence?ticket_ids=\(many)")
                    .status == 400)
            #expect(try await desk.call(.admin, .get, "/api/v2/lodge/presence").status == 400)
        }
    }

    @Test func heartbeatsWriteNothing() async throws {
        try await Harness.run { desk in
            func position(_ tag: String) async throws -> Int64? {
                let answer = try await desk.call(
                    .admin, .put, "/api/v2/tickets/\(1)", #"{"ticket":{"tags":["\#(tag)"]}}"#)
                return answer.header("X-Lodge-Position")?.split(separator: ".").last.flatMap {
                    Int64($0)
                }
            }
            _ = try await desk.ticket()
            let before = try #require(try await position("a"))
            for _ in 0..<20 {
                let answer = try await desk.call(
                    .agent, .put, Self.path(1), #"{"state":"viewing"}"#)
                #expect(answer.status == 200 && answer.header("X-Lodge-Position") == nil)
            }
            #expect(try await position("b") == before + 1)
        }
    }

    @Test func ofTwoAnswersAtOnceTheSecondIsAConflictAndPresenceSaysWhose() async throws {
        try await Harness.run { desk in
            let id = try await desk.ticket()
            var stamps: [Asker: String] = [:]
            for asker in [Asker.admin, .agent] {
                desk.clock.advance(seconds: 1)
                let answer = try await desk.call(
                    asker, .put, Self.path(id), #"{"state":"typing"}"#)
                stamps[asker] = answer.body["presence"]?["updated_at"]?.text
            }
            func reply(_ asker: Asker) async throws -> Harness.Answer {
                desk.clock.advance(seconds: 1)
                let stamp = try #require(stamps[asker])
                return try await desk.call(
                    asker, .put, "/api/v2/tickets/\(id)",
                    "{\"ticket\":{\"comment\":{\"body\":\"Answer\"},\"safe_update\":true,\"updated_stamp\":\"\(stamp)\"}}"
                )
            }
            #expect(try await reply(.admin).status == 200)
            let late = try await reply(.agent)
            #expect(late.status == 409)
            let there = try await desk.call(.agent, .put, Self.path(id), #"{"state":"viewing"}"#)
            #expect(Self.people(there) == [desk.id(.admin)])
            stamps[.agent] = there.body["presence"]?["updated_at"]?.text
            // Whoever is there, nothing holds up who has seen what was said.
            #expect(try await reply(.agent).status == 200)
        }
    }
}
