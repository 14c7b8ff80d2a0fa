import SQLite
package import ShardStore

/// What an index of words reads of a desk.
///
/// Its marks are the numbers of audits. **A ticket's text changes only together with a new audit of that ticket**: one that brings the comment, or
/// has an event of the subject, as making a ticket has; and audits are never given texts afterwards. `TextRule` holds the desk's tests to
/// that. Numbers only grow, also from one leader to the next, so all texts that an index has not read yet are those of the
/// audits behind its mark.
package struct DeskWords: WordSource {
    /// What one step reads: enough to be worth a transaction, and some tens of milliseconds.
    private let auditLimit: Int
    private static let byteLimit = 1 << 20

    package init(auditLimit: Int = 512) { self.auditLimit = auditLimit }

    package var layout: UInt32 { WordMatcher.fingerprint }

    package func texts(of kind: WordKind, after mark: Int64, in rows: ShardReader) throws
        -> WordBatch
    {
        var batch = WordBatch(through: mark)
        var matcher = WordMatcher()
        var (count, bytes) = (0, 0)
        var tickets: Set<Int64> = []
        try rows.forEach(
            """
            SELECT id, ticket_id, comment_body, instr(events, '"subject"') FROM audits
            WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3
            """, mark, auditLimit
        ) { row in
            let ticket = row.int64(1)
            count += 1
            batch.through = row.int64(0)
            if row.bool(3) { tickets.insert(ticket) }
            if !row.isNull(2) {
                row.withUTF8(2) { matcher.load($0) }
                batch.texts[ticket, default: []] += matcher.folded
                bytes += matcher.folded.count
            }
            return bytes < Self.byteLimit
        }
        batch.isLast = count < auditLimit && bytes < Self.byteLimit
        for ticket in tickets {
            try rows.forEach(
                "SELECT subject, description FROM tickets WHERE tenant = ?1 AND id = ?2", ticket
            ) { row in
                for column in 0..<2 {
                    row.withUTF8(column) { matcher.load($0) }
                    batch.texts[ticket, default: []] += matcher.folded
                }
                return false
            }
        }
        return batch
    }

    package func erasedCount(in rows: ShardReader) throws -> Int64 {
        let made = try rows.count(.nextTicket)
        // With its last ticket the whole desk has gone.
        guard made > 0 else { return -1 }
        return made - (try rows.count(.tickets)) - (try rows.count(.deletedTickets))
    }
}
