import SQLite
import ShardStore
import Testing

/// Holds a desk to the rule on which the index of words rests (`DeskWords`): a ticket's text changes only with a new audit of that ticket in the
/// same transaction, which brings the comment or has an event of the subject; and an audit's text never changes.
final class TextRule {
    private struct Changes {
        /// Tickets whose subject or description is another.
        var tickets: Set<Int64> = []
        /// Tickets with a new audit that tells of the subject.
        var told: Set<Int64> = []
        var audits: [Int64] = []
        var faults: [String] = []
    }

    private var changes = Changes()
    private var lastAudit: Int64 = 0
    private let columns: [String: [String: Int]]

    init(_ store: ShardStore) {
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
            changes.audits.append(change.new(places["id"]!).integer)
            if text("events").contains("\"subject\"") {
                changes.told.insert(change.new(places["ticket_id"]!).integer)
            }
        case "audits" where isOther("comment_body"):
            changes.faults.append("a comment's text was changed")
        case "audits" where isOther("events") && text("events").contains("\"subject\""):
            changes.faults.append("an audit's events were changed")
        default: break
        }
    }

    func rolledBack() { changes = Changes() }

    func committed() {
        for ticket in changes.tickets.subtracting(changes.told) {
            Issue.record("ticket \(ticket) has another text and no new audit that tells of it")
        }
        for fault in changes.faults { Issue.record("\(fault)") }
        for audit in changes.audits where audit <= lastAudit {
            Issue.record("audit \(audit) came after \(lastAudit)")
        }
        lastAudit = max(lastAudit, changes.audits.max() ?? 0)
        changes = Changes()
    }
}
