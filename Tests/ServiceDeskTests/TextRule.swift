import SQLite
import ShardStore
import Testing
import Wire

/// Holds a desk to the rule on which the index of words rests (`DeskWords`): a ticket's text changes only with a new audit of that ticket in the
/// same transaction, which brings the comment or has an event of the subject; and an audit's text never changes.
final class TextRule {
    private struct Changes {
        /// Tickets whose subject or description was written.
        var tickets: Set<Int64> = []
        /// New audits, and which of them tell of the subject.
        var audits: [Int64] = []
        var told: Set<Int64> = []
        var faults: [String] = []
    }

    private let store: ShardStore
    /// By ticket, as of the last commit.
    private var texts: [Int64: [String]] = [:]

    private var changes = Changes()
    private var lastAudit: Int64 = 0
    private let columns: [String: [String: Int]]

    init(_ store: ShardStore) {
        self.store = store
        columns = Dictionary(
            uniqueKeysWithValues: store.tables.map { table in
                (
                    table.name,
                    Dictionary(
                        uniqueKeysWithValues: table.columns.enumerated().map { ($1, $0) })
                )
            })
        store.observer = { [unowned self] in note($0) }
    }

    private func note(_ change: RowChange) {
        let table = String(cString: change.tableName)
        guard change.operation != .delete, let places = columns[table] else { return }
        func isOther(_ column: String) -> Bool {
            guard change.operation == .update else { return true }
            let (old, new) = (change.old(places[column]!), change.new(places[column]!))
            return old.kind != new.kind || !old.bytes.elementsEqual(new.bytes)
        }
        func text(_ column: String) -> String {
            String(decoding: change.new(places[column]!).bytes, as: UTF8.self)
        }
        switch table {
        case "tickets" where isOther("subject") || isOther("description"):
            changes.tickets.insert(change.new(places["id"]!).integer)
        case "audits" where change.operation == .insert:
            let id = change.new(places["id"]!).integer
            changes.audits.append(id)
            if text("events").contains("\"subject\"") { changes.told.insert(id) }
        case "audits" where isOther("comment_body"):
            changes.faults.append("a comment's text was changed")
        case "audits" where isOther("events") && text("events").contains("\"subject\""):
            changes.faults.append("an audit's events were changed")
        default: break
        }
    }

    func rolledBack() { changes = Changes() }

    /// What a savepoint took back in between was seen as well, so the rows have the last word.
    func committed() throws {
        defer { changes = Changes() }
        for fault in changes.faults { Issue.record("\(fault)") }
        for audit in changes.audits where audit <= lastAudit {
            Issue.record("audit \(audit) came after \(lastAudit)")
        }
        guard !changes.audits.isEmpty || !changes.tickets.isEmpty else { return }
        try store.read(tenant: TenantID(rawValue: 1), now: store.appliedTime) { rows in
            for ticket in changes.tickets {
                let text = try rows.first(
                    "SELECT subject, description FROM tickets WHERE tenant = ?1 AND id = ?2", ticket
                ) { [$0.text(0), $0.text(1)] }
                guard texts[ticket] != text else { continue }
                texts[ticket] = text
                let audits = try rows.all(
                    "SELECT id FROM audits WHERE tenant = ?1 AND ticket_id = ?2 AND id > ?3",
                    ticket, lastAudit
                ) { $0.int64(0) }
                if text != nil, changes.told.isDisjoint(with: audits) {
                    Issue.record("ticket \(ticket) has another text and no audit that tells of it")
                }
            }
            lastAudit =
                try rows.first("SELECT max(id) FROM audits WHERE tenant = ?1") { $0.int64(0) } ?? 0
        }
    }
}
