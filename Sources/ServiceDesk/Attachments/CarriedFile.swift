import SQLite
import ShardStore
import Wire

/// A file of another comment that a comment takes along: a file of its own, with an address of its own, over the same bytes.
///
/// Bytes are kept once and go with the last file over them. So carrying costs a row, however large the file is, and what is redacted or
/// erased in one place stays readable in the other.
package struct CarriedFile: Sendable, Equatable {
    package let id: Int64
    /// The secret part of its address.
    package let token: String
    package init(id: Int64, token: String) {
        self.id = id
        self.token = token
    }
}

extension Desk {
    /// The files of a comment whose bytes are there.
    func files(ofComment comment: Comment) throws -> [Attachment] {
        guard let text = comment.attachments, let list = StoredJSON(text) else { return [] }
        return try list.items.compactMap { item in
            guard let id = item.items.first?.integer, let file = try findAttachment(id),
                file.state == .ready
            else { return nil }
            return file
        }
    }
}

extension Desk where Rows == WritableRows {
    /// Makes files of a comment over the bytes of others.
    func carry(_ files: [CarriedFile], toComment commentID: Int64, of ticketID: Int64) throws
        -> [Attachment]
    {
        try files.compactMap { carried in
            guard let file = try findAttachment(carried.id), file.state == .ready else {
                return nil
            }
            let id = rows.makeIdentifier()
            try rows.run(
                "INSERT INTO attachments VALUES (?1, ?2, 1, ?3, NULL, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                id, file.size, ticketID, commentID, carried.token, file.name, file.contentType,
                file.createdAt.milliseconds, file.contentID)
            return try findAttachment(id)
        }
    }
}

extension ShardTransaction {
    /// Whether another file than this one stands on the same bytes.
    func isShared(_ file: Attachment) throws -> Bool {
        try first(
            """
            SELECT 1 FROM attachments WHERE tenant = ?1 AND id = ?2 AND id != ?3 AND state != 2
            UNION ALL SELECT 1 FROM attachments INDEXED BY attachments_by_content
            WHERE tenant = ?1 AND content_id = ?2 AND id != ?3 AND state != 2 LIMIT 1
            """, file.contentID, file.id
        ) { _ in true } ?? false
    }
}
