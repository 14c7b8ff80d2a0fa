import Foundation
import Measurement
import ServiceDesk
import ShardStore
import SupportAPI
import Wire

/// Who asks, and whether they may: what every request pays.
enum AuthorizationParts {
    static let all: [HotPart] = [
        HotPart("sign-in-bearer", "a Bearer header to a credential", iterations: 150_000) { run in
            let token = String(repeating: "t", count: 40)
            return try signIn(
                run, "Bearer " + token, .bearer(digest: Secrets.digest(token)))
        },
        HotPart("sign-in-basic", "a Basic header with a token to a credential", iterations: 30_000)
        { run in
            let token = String(repeating: "t", count: 40)
            let text = "admin@example.com/token:" + token
            return try signIn(
                run, "Basic " + Data(text.utf8).base64EncodedString(),
                .token(email: "admin@example.com", digest: Secrets.digest(token)))
        },
        HotPart("principal", "a token's owner, looked up in the rows", iterations: 15_000) { run in
            try principal(run)
        },
        HotPart("authorise", "may an agent of two groups read this ticket", iterations: 3_000_000) {
            run in try authorise(run)
        },
    ]

    private static func signIn(
        _ run: PartRun, _ header: String, _ expected: Credential
    ) throws -> PartResult {
        var found = AuthorizationHeader.credential(.anonymous)
        let result = try run.measure { _ in found = try AuthorizationHeader(header) }
        try run.expect(found == .credential(expected), "the header was read as something else")
        return result
    }

    private static func principal(_ run: PartRun) throws -> PartResult {
        let shard = try run.shard()
        let admin = shard.admins[0]
        let credential = Credential.bearer(digest: Secrets.digest(admin.token))
        return try shard.store.read(tenant: admin.tenant, now: shard.time) { rows in
            var principal = Principal(userID: 0, role: .endUser)
            let result = try run.measure { _ in
                principal = try Authenticator.principal(for: credential, in: rows)
            }
            try run.expect(
                principal.role == .admin && principal.name == "Admin", "somebody else was found")
            return result
        }
    }

    private static func authorise(_ run: PartRun) throws -> PartResult {
        let shard = try run.shard()
        let agent = Principal(userID: 7, role: .agent, groupIDs: [3, 4], restriction: .groups)
        let facts = (0..<8).map {
            TicketFacts(requesterID: 90, submitterID: 90, assigneeID: 11, groupID: Int64($0))
        }
        return try shard.store.read(tenant: shard.admins[0].tenant, now: shard.time) { rows in
            let desk = ReadingDesk(rows: rows, principal: agent)
            var allowed = 0
            let result = run.measure { turn in
                do throws(DeskRefusal) {
                    try desk.require(.read, .ticket(facts[turn % facts.count]))
                    allowed += 1
                } catch {}
            }
            let expected = (0..<run.turns).count { $0 % 8 == 3 || $0 % 8 == 4 }
            try run.expect(allowed == expected, "\(allowed) were allowed, not \(expected)")
            return result
        }
    }
}
