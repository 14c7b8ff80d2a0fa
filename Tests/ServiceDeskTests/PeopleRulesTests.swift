import ShardStore
import Testing

@testable import ServiceDesk

@Suite("Rules about people and their passwords")
struct PeopleRulesTests {
    @Test("the last admin stays one")
    func lastAdmin() throws {
        let desk = try TestDesk()
        let refused = DeskRefusal.invalid(
            "role", .notAllowed, "Role: a desk needs at least one admin")
        var demoted = UserChanges()
        demoted.role = .agent
        var suspended = UserChanges()
        suspended.isSuspended = true
        for changes in [demoted, suspended] {
            #expect(
                try desk.refusal { try $0.updateUser(desk.admin, changes, agentLimit: 9) }
                    == refused)
        }
        _ = try desk.user("Eve", .admin)
        let changes = demoted
        #expect(
            try desk.run { try $0.updateUser(desk.admin, changes, agentLimit: 9) }.role == .agent)
    }

    @Test("agents are limited, end users are not, and an address belongs to one user")
    func limits() throws {
        let desk = try TestDesk()
        #expect(throws: DeskRefusal.self) { try desk.user("Ben", .agent, agentLimit: 1) }
        _ = try desk.user("Ben", .agent, agentLimit: 2)
        let jane = try desk.user("Jane", .endUser, agentLimit: 2)
        var promoted = UserChanges()
        promoted.role = .agent
        let changes = promoted
        #expect(
            try desk.refusal { try $0.updateUser(jane, changes, agentLimit: 2) }
                == .limitReached(
                    "The plan allows 2 agents; remove one or ask the operator for more"))
        #expect(throws: DeskRefusal.self) { try desk.user("JANE", .endUser) }
    }

    @Test("a password is verified, another or a malformed hash is not")
    func passwords() throws {
        let hash = try PasswordHash.make("correct horse", salt: [UInt8](0..<16))
        #expect(PasswordHash.verify("correct horse", against: hash))
        for other in ["correct horsf", "", "correct horse "] {
            #expect(!PasswordHash.verify(other, against: hash))
        }
        for malformed in [
            "", "scrypt", "scrypt$14$8$1$00$", "scrypt$99$8$1$00$00", "scrypt$14$0$1$00$00",
            String(hash.dropLast()), "md5" + hash.dropFirst(6),
            hash.replacing("$8$", with: "$x$"),
        ] {
            #expect(!PasswordHash.verify("correct horse", against: malformed), "\(malformed)")
        }
    }
}
