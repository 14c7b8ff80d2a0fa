import SQLite
import ShardStore
package import Wire

/// What is asked of a merge: tickets that go into another one.
package struct MergeRequest: Sendable, Equatable {
    /// Sources of one merge.
    package static let sourceLimit = 5
    /// Files that one merge carries over.
    static let fileLimit = 100
    /// What a ticket gets that is closed by a merge.
    static let tag = "closed_by_merge"

    package let targetID: Int64
    package let sourceIDs: [Int64]
    /// Nil for a text that says what was merged.
    package var targetComment: String?
    package var sourceComment: String?
    /// Whether customers see the comments. They do not when one of the tickets is hidden from them.
    package var isTargetCommentPublic = false
    package var isSourceCommentPublic = false

    package init(targetID: Int64, sourceIDs: [Int64]) {
        self.targetID = targetID
        var seen: Set<Int64> = []
        self.sourceIDs = sourceIDs.filter { seen.insert($0).inserted }
    }
}

/// What a merge did. As long as the record is there, the merge can be undone to the letter.
package struct TicketMerge: Sendable, Equatable {
    /// A merge can be undone for thirty days.
    package static let undoMilliseconds: Int64 = 30 * 24 * 3_600_000

    package let id: Int64
    package let sourceID: Int64
    package let targetID: Int64
    package let actorID: Int64
    package let mergedAt: Timestamp
    package let undoneAt: Timestamp?
    package let undoneBy: Int64?
    /// Who gets copies of the target for the source's sake, whether or not they got them before.
    let people: [Int64]
    /// What the merge changed on the source.
    let changes: RowDifference

    static let columns =
        "id, source_id, target_id, actor_id, merged_at, undone_at, undone_by, people, changes"

    init(
        id: Int64, sourceID: Int64, targetID: Int64, actorID: Int64, mergedAt: Timestamp,
        people: [Int64], changes: RowDifference
    ) {
        self.id = id
        self.sourceID = sourceID
        self.targetID = targetID
        self.actorID = actorID
        self.mergedAt = mergedAt
        undoneAt = nil
        undoneBy = nil
        self.people = people
        self.changes = changes
    }

    init(_ row: Row) {
        id = row.int64(0)
        sourceID = row.int64(1)
        targetID = row.int64(2)
        actorID = row.int64(3)
        mergedAt = Timestamp(rawValue: row.int64(4))
        undoneAt = row.optionalInt64(5).map(Timestamp.init(rawValue:))
        undoneBy = row.optionalInt64(6)
        people = IDList.split(row.text(7))
        changes = RowDifference(stored: row.text(8))
    }
}

/// How a ticket's row differed before and after something, by column: all there is to take it back with.
///
/// By column and not by field, so that whatever a ticket is given in later releases is taken back as well.
struct RowDifference: Sendable, Equatable {
    struct Change: Sendable, Equatable {
        let before: Value
        let after: Value
    }

    private(set) var columns: [String: Change] = [:]

    /// Columns that tell what has happened, which is never taken back.
    static let history: Set<String> = [
        "id", "updated_at", "version", "comment_count", "public_comment_count",
        "latest_comment_at", "is_public", "has_incidents", "followup_ids", "deleted_at",
        "deleted_by",
    ]

    init(from old: Ticket, to new: Ticket) {
        let (before, after) = (old.columnValues, new.columnValues)
        for (place, name) in Ticket.columnNames.enumerated()
        where before[place] != after[place] && !Self.history.contains(name) {
            columns[name] = Change(before: before[place], after: after[place])
        }
    }

    /// The ticket's row as it was before. A column that has changed since keeps what it has; of tags, only those are taken back that
    /// were added, and those given back that were lost.
    func undone(in values: [Value]) -> [Value] {
        var values = values
        for (place, name) in Ticket.columnNames.enumerated() {
            guard let change = columns[name] else { continue }
            if name == "tags" {
                values[place] = Self.tags(values[place], change)
            } else if values[place] == change.after {
                values[place] = change.before
            }
        }
        return values
    }

    private static func tags(_ now: Value, _ change: Change) -> Value {
        func list(_ value: Value) -> [String] {
            if case .text(let text) = value { Tags.split(text) } else { [] }
        }
        if now == change.after { return change.before }
        let (before, after) = (list(change.before), list(change.after))
        let kept = list(now).filter { before.contains($0) || !after.contains($0) }
        let lost = before.filter { !after.contains($0) && !kept.contains($0) }
        return .text(Tags.join((kept + lost).sorted()))
    }

    // MARK: As it is stored

    init(stored text: String) {
        guard case .object(let members)? = StoredJSON(text) else { return }
        for (name, pair) in members where pair.items.count == 2 {
            columns[name] = Change(
                before: Self.value(pair.items[0]), after: Self.value(pair.items[1]))
        }
    }

    /// `{"status":[1,5],…}`; bytes as an object of hexadecimal digits.
    var stored: String {
        let members = columns.keys.sorted().map { name in
            let change = columns[name]!
            return
                "\(JSONText.quoted(name)):[\(Self.text(change.before)),\(Self.text(change.after))]"
        }
        return "{" + members.joined(separator: ",") + "}"
    }

    private static func text(_ value: Value) -> String {
        switch value {
        case .null: "null"
        case .integer(let number): String(number)
        case .text(let text): JSONText.quoted(text)
        // No column of a ticket holds a fraction.
        case .real(let number): JSONText.quoted(String(number))
        case .blob(let bytes):
            "{\"b\":\""
                + bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
                + "\"}"
        }
    }

    private static func value(_ json: StoredJSON) -> Value {
        switch json {
        case .number(let number): .integer(number)
        case .text(let text): .text(text)
        case .object(let members): .blob(bytes(members["b"]?.string ?? ""))
        case .null, .flag, .list: .null
        }
    }

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        return stride(from: 0, to: digits.count - 1, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }
}

extension Desk {
    /// The merge that closed a ticket, unless it was undone.
    func standingMerge(of source: Int64) throws -> TicketMerge? {
        try rows.first(
            """
            SELECT \(TicketMerge.columns) FROM ticket_merges
            WHERE tenant = ?1 AND source_id = ?2 AND undone_at IS NULL ORDER BY id DESC LIMIT 1
            """, source, read: TicketMerge.init)
    }

    /// The merges into a ticket that were not undone, at most `limit`.
    func standingMerges(into target: Int64, limit: Int = 1000) throws -> [TicketMerge] {
        try rows.all(
            """
            SELECT \(TicketMerge.columns) FROM ticket_merges INDEXED BY ticket_merges_by_target
            WHERE tenant = ?1 AND target_id = ?2 AND undone_at IS NULL ORDER BY id LIMIT ?3
            """, target, limit, read: TicketMerge.init)
    }
}
