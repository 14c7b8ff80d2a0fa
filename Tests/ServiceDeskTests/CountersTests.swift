import ShardStore
import Testing

@testable import ServiceDesk

@Suite("Counters")
struct CountersTests {
    /// A counter's kind with the count it stands for, by subject.
    static let recounts: [(kind: Int, sql: String)] = [
        (2, "SELECT 0, count(*) FROM tickets WHERE tenant = ?1 AND deleted_at IS NULL"),
        (3, "SELECT 0, count(*) FROM tickets WHERE tenant = ?1 AND deleted_at IS NOT NULL"),
        (4, ofTickets("requester_id")), (5, ofTickets("assignee_id")),
        (6, ofTickets("organization_id")),
        (
            41, ofTickets("assignee_id").replacing("GROUP BY", with: "AND status <= 1 GROUP BY")
        ),
        (11, "SELECT 0, count(*) FROM users WHERE tenant = ?1 AND active = 1"),
        (12, "SELECT role, count(*) FROM users WHERE tenant = ?1 AND active = 1 GROUP BY role"),
        (15, "SELECT 0, count(*) FROM teams WHERE tenant = ?1 AND deleted = 0"),
        (16, "SELECT 0, count(*) FROM team_memberships WHERE tenant = ?1"),
        (19, "SELECT 0, count(*) FROM tags WHERE tenant = ?1"), (60, ofTickets("problem_id")),
    ]

    static func ofTickets(_ column: String) -> String {
        """
        SELECT \(column), count(*) FROM tickets WHERE tenant = ?1 AND deleted_at IS NULL
        AND \(column) IS NOT NULL GROUP BY \(column)
        """
    }

    /// How many counters of a kind are not what a recount says.
    static func difference(_ kind: Int, _ sql: String) -> String {
        """
        WITH found(subject, value) AS (\(sql)), kept AS (
        SELECT subject, value FROM counters WHERE tenant = ?1 AND kind = \(kind)
        AND value != 0) SELECT (SELECT count(*) FROM (SELECT * FROM kept EXCEPT
        SELECT * FROM found)) + (SELECT count(*) FROM (SELECT * FROM found
        WHERE value != 0 EXCEPT SELECT * FROM kept))
        """
    }

    @Test("each equals a recount after any sequence of verbs", arguments: [1, 2, 3] as [UInt64])
    func recount(seed: UInt64) throws {
        var dice = SearchRandom(seed: seed)
        let desk = try TestDesk()
        let agents = try ["Ben", "Cleo"].map { try desk.agent($0) }
        let people = try ["Jane", "Joe", "Jim"].map { try desk.endUser($0) }
        let organizations = try ["Acme", "Globex"].map { try desk.organization($0) }
        _ = try desk.group("Level Two")
        for step in 0..<150 {
            desk.pass(milliseconds: 1000)
            let id = Int64.random(in: 1...12, using: &dice)
            var changes = TicketChanges()
            changes.comment = CommentDraft(body: "step \(step)")
            changes.requester = .id(people.randomElement(using: &dice)!)
            changes.assigneeID =
                Bool.random(using: &dice) ? agents.randomElement(using: &dice) : nil
            changes.organizationID = organizations.randomElement(using: &dice)
            changes.tags = ["a", "b", "c"].filter { _ in Bool.random(using: &dice) }
            changes.status = [.open, .pending, .solved, nil].randomElement(using: &dice)!
            let wanted = changes
            let verb = Int.random(in: 0..<10, using: &dice)
            _ = try desk.refusal { writer in
                switch verb {
                case 0..<3: _ = try writer.createTicket(wanted)
                case 3..<7: _ = try writer.updateTicket(id, wanted)
                case 7: try writer.deleteTicket(id)
                case 8: try writer.restoreTicket(id)
                default: try writer.eraseTicket(id)
                }
            }
        }
        _ = try desk.run { try $0.deleteUser(agents[0]) }
        for (kind, sql) in Self.recounts {
            let wrong = try desk.number(Self.difference(kind, sql))
            #expect(wrong == 0, "kind \(kind), seed \(seed)")
        }
        #expect(try desk.store.scrub().isEmpty)
    }
}
