import Foundation
import SQLite
import ShardStore
import Wire

@testable import ServiceDesk

/// A desk of one tenant in a real store, with a clock that the test moves.
final class TestDesk {
    private let folder = NSTemporaryDirectory() + "lodge-desk-" + UUID().uuidString
    let store: ShardStore
    private let textRule: TextRule
    /// 2026-03-15T12:00:00Z at first.
    var now = Timestamp(milliseconds: 1_773_576_000_000)
    private(set) var admin: Int64 = 0

    init() throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        store = try ShardStore(
            path: folder + "/shard.sqlite", shard: ShardID(rawValue: 1), schema: DeskSchema.schema,
            now: now, options: ShardStoreOptions(syncsCommits: false))
        textRule = TextRule(store)
        admin = try transact {
            try WritingDesk.bootstrap(
                rows: $0, adminEmail: "ada@desk.test", adminName: "Ada",
                secret: TokenSecret(text: "first-secret", digest: [1]))
        }.id
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func transact<Answer>(_ body: @escaping (ShardTransaction) throws -> Answer) throws -> Answer {
        var answer: Answer?
        let batch = try store.prepare(
            [ShardRequest(tenant: TenantID(rawValue: 1)) { answer = try body($0) }], now: now)
        if case .thrown(let error) = batch.outcomes[0] {
            try store.rollback()
            textRule.rolledBack()
            throw error
        }
        try store.commit()
        try textRule.committed()
        return answer!
    }

    /// Runs as a user, the admin when none is named, as a request would.
    func run<Answer>(
        as user: Int64? = nil, _ body: @escaping (WritingDesk) throws -> Answer
    ) throws -> Answer {
        let user = user ?? admin
        return try transact {
            try body(Desk(rows: $0, principal: Authenticator.principal(userID: user, in: $0)))
        }
    }

    /// What was refused, or nil.
    func refusal<Answer>(
        as user: Int64? = nil, _ body: @escaping (WritingDesk) throws -> Answer
    ) throws -> DeskRefusal? {
        do {
            _ = try run(as: user, body)
            return nil
        } catch let refusal as DeskRefusal { return refusal }
    }

    func pass(days: Int64 = 0, milliseconds: Int64 = 0) {
        now = now.advanced(byMilliseconds: days * 86_400_000 + milliseconds)
    }

    func user(_ name: String, _ role: Role, agentLimit: Int = 100) throws -> Int64 {
        var changes = UserChanges()
        changes.name = name
        changes.email = "\(name.lowercased())@desk.test"
        changes.role = role
        let wanted = changes
        return try run { try $0.createUser(wanted, agentLimit: agentLimit) }.id
    }
    func agent(_ name: String = "Ben") throws -> Int64 { try user(name, .agent) }
    func endUser(_ name: String = "Jane") throws -> Int64 { try user(name, .endUser) }
    func organization(_ name: String) throws -> Int64 {
        var changes = OrganizationChanges()
        changes.name = name
        let wanted = changes
        return try run { try $0.createOrganization(wanted) }.id
    }
    func group(_ name: String) throws -> Int64 {
        try run { try $0.createTeam(name: name, description: nil, isPublic: nil) }.id
    }

    @discardableResult
    func ticket(
        as user: Int64? = nil, _ change: (inout TicketChanges) -> Void = { _ in }
    ) throws -> Ticket {
        var changes = TicketChanges()
        changes.subject = "Printer"
        changes.comment = CommentDraft(body: "It smokes")
        change(&changes)
        let wanted = changes
        return try run(as: user) { try $0.createTicket(wanted) }.ticket
    }

    @discardableResult
    func update(
        _ id: Int64, as user: Int64? = nil, _ change: (inout TicketChanges) -> Void
    ) throws -> TicketWrite {
        var changes = TicketChanges()
        change(&changes)
        let wanted = changes
        return try run(as: user) { try $0.updateTicket(id, wanted) }
    }

    func number(_ sql: String) throws -> Int64 {
        try transact { try $0.first(sql) { $0.int64(0) } ?? 0 }
    }
}
