import ServiceDesk
import ShardStore
import Testing
import TestSupport
import Wire

/// engine.md, section 13: a create writes at most six B-trees, a change of status three, whatever is added to the desk.
@Suite struct WriteBudgetTests {
    private let folder = TemporaryFolder()
    private let store: ShardStore
    private var admin = Principal(userID: 0, role: .admin)
    private var person: Int64 = 0

    init() throws {
        store = try openStore(folder.file("a"), DeskSchema.schema)
        var admin = admin
        var person = person
        try store.write { rows in
            let user = try WritingDesk.bootstrap(
                rows: rows, adminEmail: "admin@example.com", adminName: "Admin",
                secret: TokenSecret(text: "", digest: [UInt8](repeating: 1, count: 32)))
            admin = Principal(userID: user.id, role: .admin)
            let desk = WritingDesk(rows: rows, principal: admin)
            var organization = OrganizationChanges()
            organization.name = "Customers"
            var changes = UserChanges()
            changes.name = "Person"
            changes.email = "person@example.com"
            changes.organizationID = try desk.createOrganization(organization).id
            person = try desk.createUser(changes, agentLimit: 0).id
        }
        self.admin = admin
        self.person = person
        // Enough tickets that no B-tree is a single page or about to split.
        let request = create()
        for _ in 0..<5 {
            _ = try store.prepare(Array(repeating: request, count: 41), now: testTime)
            try store.commit()
        }
    }

    private func create() -> ShardRequest {
        let (admin, person) = (admin, person)
        return ShardRequest(tenant: TenantID(rawValue: 1)) { rows in
            var changes = TicketChanges()
            changes.subject = "The printer does not answer"
            changes.comment = CommentDraft(body: String(repeating: "It is silent. ", count: 36))
            changes.requester = .id(person)
            _ = try WritingDesk(rows: rows, principal: admin).createTicket(changes)
        }
    }

    private func update(_ id: Int64, _ status: TicketStatus) -> ShardRequest {
        let admin = admin
        return ShardRequest(tenant: TenantID(rawValue: 1)) { rows in
            var changes = TicketChanges()
            changes.status = status
            _ = try WritingDesk(rows: rows, principal: admin).updateTicket(id, changes)
        }
    }

    @Test func createWritesAtMostSixBTrees() throws {
        let touched = try store.touchedPages(by: [create()], now: testTime)
        #expect(touched.pages.keys.contains("tickets") && touched.pages.keys.contains("audits"))
        #expect(touched.pages.count <= 6, "\(touched.pages)")
        // A page for each, and room for one split.
        #expect(touched.pages.values.reduce(0, +) <= 9, "\(touched.pages)")
    }

    @Test func changeOfStatusWritesAtMostThreeBTrees() throws {
        for status in [TicketStatus.pending, .open, .pending] {
            let touched = try store.touchedPages(by: [update(7, status)], now: testTime)
            #expect(touched.pages.keys.contains("tickets"))
            #expect(touched.pages.count <= 3, "\(touched.pages)")
        }
    }
}
