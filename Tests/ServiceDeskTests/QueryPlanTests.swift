import SQLite
import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// That the indexes which a desk has are the ones its queries take: one that walks over all of a tenant's tickets is quick in every other test.
struct QueryPlanTests {
    static let queries: [(sql: String, index: String)] = [
        ("SELECT id FROM tickets WHERE tenant = ?1 AND external_id = ?2", "tickets_by_external_id"),
        (
            "SELECT id FROM tickets WHERE tenant = ?1 AND assignee_id = ?2 AND status < 4",
            "tickets_by_assignee"
        ),
        ("SELECT * FROM tickets WHERE tenant = ?1 AND group_id = ?2", "tickets_by_group"),
        (
            "SELECT * FROM tickets WHERE tenant = ?1 AND (assignee_id = ?2 AND deleted_at IS NULL) ORDER BY tickets.updated_at DESC, tickets.id DESC LIMIT 101",
            "tickets_by_assignee"
        ),
        (
            "SELECT * FROM tickets WHERE tenant = ?1 AND (organization_id = ?2 AND deleted_at IS NULL AND is_public = 1) ORDER BY tickets.id DESC LIMIT 101",
            "tickets_by_organization"
        ),
        (
            "SELECT count(*) FROM tickets WHERE tenant = ?1 AND organization_id = ?2 AND deleted_at IS NULL",
            "tickets_by_organization"
        ),
        (
            "SELECT * FROM tickets WHERE tenant = ?1 AND (problem_id = ?2 AND deleted_at IS NULL) ORDER BY tickets.id LIMIT 101",
            "tickets_by_problem"
        ),
        (
            "SELECT * FROM tickets WHERE tenant = ?1 AND (type = 2 AND deleted_at IS NULL) ORDER BY tickets.id LIMIT 101",
            "tickets_problems"
        ),
        (
            "SELECT * FROM tickets WHERE tenant = ?1 AND requester_id = ?2 ORDER BY id LIMIT 10",
            "tickets_by_requester"
        ),
        (
            "SELECT id FROM tickets WHERE tenant = ?1 AND timer_at <= ?2 ORDER BY timer_at, id LIMIT 9",
            "tickets_by_timer"
        ),
        (
            "SELECT * FROM notices WHERE tenant = ?1 AND ticket_id = ?2 ORDER BY id DESC",
            "notices_by_ticket"
        ),
        ("SELECT * FROM audits WHERE tenant = ?1 AND id > ?2 ORDER BY id", "audits_by_id"),
        (
            "SELECT id FROM users WHERE tenant = ?1 AND role = ?2 AND role > 0 AND active = 1",
            "users_staff"
        ),
    ]

    @Test(arguments: queries)
    func takesItsIndex(sql: String, index: String) throws {
        let desk = try TestDesk()
        let plan = try desk.transact { rows in
            try rows.all(
                "EXPLAIN QUERY PLAN " + sql, values: sql.contains("?2") ? [1] : []
            ) { $0.text(3) }
        }
        #expect(plan.contains { $0.contains(" \(index) ") }, "\(plan)")
    }

    /// As `ShardReader.page` asks where rows have to be sorted: their numbers are, and the page's rows are found by them.
    @Test func sortedPageIsFoundByItsNumbers() throws {
        let desk = try TestDesk()
        let plan = try desk.transact { rows in
            try rows.all(
                """
                EXPLAIN QUERY PLAN SELECT * FROM tickets WHERE tickets.tenant = ?1 AND tickets.id IN (
                SELECT tickets.id FROM tickets WHERE tickets.tenant = ?1 AND (deleted_at IS NULL)
                ORDER BY tickets.updated_at DESC, tickets.id DESC LIMIT 26)
                ORDER BY tickets.updated_at DESC, tickets.id DESC
                """
            ) { $0.text(3) }
        }
        #expect(
            plan.contains { $0.hasSuffix("USING PRIMARY KEY (tenant=? AND id=?)") }, "\(plan)")
    }

    /// As `Desk.recentTickets` asks: the newest audits are read from their index alone, and tickets are looked up by what it says.
    @Test func recentTicketsAreFoundByTheNewestAudits() throws {
        let desk = try TestDesk()
        let query = PagedQuery(
            columns: "tickets.id", source: "tickets", condition: "deleted_at IS NULL",
            order: TicketSort.updatedAt.order(descending: true)
        ).narrowed(toAuditsFrom: 1)
        let plan = try desk.transact { rows in
            try rows.all(
                """
                EXPLAIN QUERY PLAN SELECT tickets.id FROM tickets WHERE tickets.tenant = ?1
                AND (\(query.condition)) ORDER BY tickets.updated_at DESC, tickets.id DESC LIMIT 26
                """, values: query.values
            ) { $0.text(3) }
        }
        #expect(
            plan.contains { $0.hasSuffix("USING PRIMARY KEY (tenant=? AND id=?)") }, "\(plan)")
        #expect(
            plan.contains { $0.contains("COVERING INDEX audits_by_id (tenant=? AND id>?)") },
            "\(plan)")
    }
}
