import SQLite
package import ShardStore
package import Wire

extension Desk {
    /// A file that the asker may see: on a comment that is shown to them, or in an upload of their own.
    package func attachment(_ id: Int64) throws -> Attachment {
        guard let found = try findAttachment(id), found.state != .receiving else {
            throw DeskRefusal.notFound
        }
        if let ticketID = found.ticketID {
            guard let ticket = try findTicket(ticketID), ticket.deletedAt == nil else {
                throw DeskRefusal.notFound
            }
            if principal.role.isStaff {
                try require(.read, .ticket(ticket.facts))
            } else {
                try require(.read, .request(ticket.facts))
                guard let commentID = found.commentID,
                    try comment(commentID, of: ticketID)?.comment?.isPublic == true
                else { throw DeskRefusal.notFound }
            }
            return found
        }
        guard let uploadID = found.uploadID, try uploadOwner(uploadID) == principal.userID else {
            throw DeskRefusal.notFound
        }
        return found
    }

    func findAttachment(_ id: Int64) throws -> Attachment? {
        try rows.first(
            "SELECT \(Attachment.columns) FROM attachments WHERE tenant = ?1 AND id = ?2", id,
            read: Attachment.init)
    }

    private func uploadOwner(_ id: Int64) throws -> Int64? {
        try rows.first("SELECT user_id FROM uploads WHERE tenant = ?1 AND id = ?2", id) {
            $0.int64(0)
        }
    }
}

extension ShardReader {
    /// The file behind a content address. The address is a secret of 238 bits that only who may see the comment was shown:
    /// it opens the file without signing in, so that links in mails work.
    package func attachment(contentToken: String) throws -> Attachment? {
        let found = try first(
            "SELECT \(Attachment.columns) FROM attachments WHERE tenant = ?1 AND token = ?2",
            contentToken, read: Attachment.init)
        guard let found, found.state != .receiving else { return nil }
        guard let ticketID = found.ticketID else { return found }
        let isThere = try first(
            "SELECT 1 FROM tickets WHERE tenant = ?1 AND id = ?2 AND deleted_at IS NULL", ticketID
        ) { _ in true }
        return isThere == nil ? nil : found
    }

    /// A chunk of a file's bytes; `id` is the file's `contentID`. Nil once the file was redacted or erased.
    package func attachmentChunk(_ id: Int64, _ sequence: Int) throws -> [UInt8]? {
        try first(
            """
            SELECT bytes FROM attachment_chunks
            WHERE tenant = ?1 AND attachment_id = ?2 AND sequence = ?3
            """, id, sequence
        ) { $0.blob(0) }
    }
}

/// What an upload answers: its files so far, and until when they wait for a comment.
package struct Upload: Sendable, Equatable {
    package let expiresAt: Timestamp
    package let attachments: [Attachment]
}

extension Desk where Rows == WritableRows {
    // MARK: Uploading

    /// Starts a file of an upload, which is made when `isNew`, and gives the file's number.
    package func beginAttachment(
        upload digest: [UInt8], isNew: Bool, name: String, contentType: String, contentToken: String
    ) throws -> Int64 {
        try require(.create, .attachment)
        let uploadID: Int64
        if isNew {
            uploadID = rows.makeIdentifier()
            try rows.run(
                "INSERT INTO uploads VALUES (?1, ?2, ?3, ?4, ?5)", uploadID, digest,
                principal.userID,
                now.advanced(byMilliseconds: Attachment.uploadLifetimeMilliseconds).milliseconds)
        } else {
            uploadID = try ownUpload(digest)
            guard try files(ofUpload: uploadID).count < Attachment.countLimit else {
                throw DeskRefusal.tooMany(what: "files of one upload", limit: Attachment.countLimit)
            }
        }
        let id = rows.makeIdentifier()
        try rows.run(
            """
            INSERT INTO attachments VALUES (?1, ?2, 0, 0, ?3, NULL, NULL, ?4, ?5, ?6, ?7, NULL)
            """, id, uploadID, contentToken, name, contentType, now.milliseconds)
        return id
    }

    /// Adds the next chunks of a file that `beginAttachment` started.
    /// - Parameter storageLimit: bytes the tenant's files may have together.
    package func append(_ chunks: [[UInt8]], to id: Int64, storageLimit: Int64) throws {
        guard let file = try findAttachment(id), file.state == .receiving,
            let uploadID = file.uploadID, try owner(ofUpload: uploadID) == principal.userID
        else { throw DeskRefusal.notFound }
        let added = chunks.reduce(Int64(0)) { $0 + Int64($1.count) }
        guard file.size + added <= Int64(Attachment.sizeLimit) else {
            throw DeskRefusal.invalid(
                "filename", .tooLong, "File: may have \(Attachment.sizeLimit) bytes")
        }
        let together = try files(ofUpload: uploadID).reduce(Int64(0)) { $0 + $1.size }
        guard together + added <= Attachment.uploadSizeLimit else {
            throw DeskRefusal.invalid(
                "token", .tooLong,
                "Upload: its files may have \(Attachment.uploadSizeLimit) bytes together; use another token"
            )
        }
        guard try rows.count(.storedBytes) + added <= storageLimit else {
            throw DeskRefusal.limitReached(
                "The desk's files may have \(storageLimit) bytes together; erase some or ask for more"
            )
        }
        var sequence = file.chunkCount
        for chunk in chunks {
            try rows.run(
                "INSERT INTO attachment_chunks VALUES (?1, ?2, ?3, ?4)", id, sequence, chunk)
            sequence += 1
        }
        try rows.run(
            "UPDATE attachments SET size = ?3 WHERE tenant = ?1 AND id = ?2", id, file.size + added)
        try rows.add(added, to: .storedBytes)
    }

    /// Makes a file visible, once all of it is there.
    package func finishAttachment(_ id: Int64) throws -> Upload {
        guard let file = try findAttachment(id), file.state == .receiving,
            let uploadID = file.uploadID, try owner(ofUpload: uploadID) == principal.userID
        else { throw DeskRefusal.notFound }
        try rows.run("UPDATE attachments SET state = 1 WHERE tenant = ?1 AND id = ?2", id)
        let expiry = try rows.first(
            "SELECT expires_at FROM uploads WHERE tenant = ?1 AND id = ?2", uploadID
        ) { $0.int64(0) }
        return Upload(
            expiresAt: Timestamp(rawValue: expiry ?? now.milliseconds),
            attachments: try files(ofUpload: uploadID).filter { $0.state == .ready })
    }

    /// Takes back a file that was begun and not finished, and its upload when nothing else is in it.
    package func discardAttachment(_ id: Int64) throws {
        guard let file = try findAttachment(id), file.state == .receiving,
            let uploadID = file.uploadID, try owner(ofUpload: uploadID) == principal.userID
        else { return }
        try rows.remove(file)
        if try files(ofUpload: uploadID).isEmpty { try rows.removeUpload(uploadID) }
    }

    package func deleteUpload(_ digest: [UInt8]) throws {
        try require(.delete, .attachment)
        try rows.removeUpload(ownUpload(digest))
    }

    private func ownUpload(_ digest: [UInt8]) throws -> Int64 {
        let upload = try rows.first(
            "SELECT id, user_id FROM uploads WHERE tenant = ?1 AND digest = ?2 AND expires_at > ?3",
            digest, now.milliseconds
        ) { (id: $0.int64(0), user: $0.int64(1)) }
        guard let upload, upload.user == principal.userID else { throw DeskRefusal.notFound }
        return upload.id
    }

    private func owner(ofUpload id: Int64) throws -> Int64? {
        try rows.first("SELECT user_id FROM uploads WHERE tenant = ?1 AND id = ?2", id) {
            $0.int64(0)
        }
    }

    private func files(ofUpload id: Int64) throws -> [Attachment] {
        try rows.all(
            """
            SELECT \(Attachment.columns) FROM attachments
            WHERE tenant = ?1 AND upload_id = ?2 ORDER BY id
            """, id, read: Attachment.init)
    }

    // MARK: On a comment

    /// Hands the files of uploads to a comment and gives their description for the audit, nil when there are none. An
    /// upload can be taken once.
    func attach(
        _ digests: [[UInt8]], _ carried: [CarriedFile] = [], toComment commentID: Int64,
        of ticketID: Int64
    ) throws -> String? {
        guard digests.count <= Attachment.countLimit else {
            throw DeskRefusal.tooMany(what: "uploads of one comment", limit: Attachment.countLimit)
        }
        var taken: [Attachment] = []
        for digest in digests {
            let uploadID: Int64
            do { uploadID = try ownUpload(digest) } catch DeskRefusal.notFound {
                throw DeskRefusal.invalid(
                    "uploads", .invalid, "Uploads: a token is unknown, used or has expired")
            }
            taken += try files(ofUpload: uploadID).filter { $0.state == .ready }
            try rows.run(
                """
                UPDATE attachments SET upload_id = NULL, ticket_id = ?3, comment_id = ?4
                WHERE tenant = ?1 AND upload_id = ?2 AND state = 1
                """, uploadID, ticketID, commentID)
            try rows.removeUpload(uploadID)
        }
        taken += try carry(carried, toComment: commentID, of: ticketID)
        return taken.isEmpty ? nil : AttachmentList.text(taken)
    }

    /// Replaces a file by an empty one, for good, and leaves an event that says so.
    package func redactAttachment(_ id: Int64, ofComment commentID: Int64, of ticketID: Int64)
        throws -> Attachment
    {
        guard let ticket = try findTicket(ticketID), ticket.deletedAt == nil else {
            throw DeskRefusal.notFound
        }
        try require(.update, .ticket(ticket.facts))
        guard let audit = try comment(commentID, of: ticketID), let file = try findAttachment(id),
            file.commentID == commentID, file.ticketID == ticketID
        else { throw DeskRefusal.notFound }
        guard file.state != .redacted else { return file }
        try rows.removeChunks(of: file)
        try rows.run(
            """
            UPDATE attachments SET state = 2, size = 0, name = ?3, content_type = 'text/plain'
            WHERE tenant = ?1 AND id = ?2
            """, id, Attachment.redactedName)
        let files = try rows.all(
            """
            SELECT \(Attachment.columns) FROM attachments
            WHERE tenant = ?1 AND ticket_id = ?2 ORDER BY id
            """, ticketID, read: Attachment.init
        ).filter { $0.commentID == commentID }
        try rows.run(
            "UPDATE audits SET attachments = ?4 WHERE tenant = ?1 AND ticket_id = ?2 AND id = ?3",
            ticketID, audit.id, AttachmentList.text(files))
        var events = EventList()
        events.note("AttachmentRedactionEvent", String(id))
        try note(events, on: ticket)
        return try findAttachment(id)!
    }
}

extension ShardTransaction {
    /// Forgets an upload with the files that still belong to it.
    func removeUpload(_ id: Int64) throws {
        let files = try all(
            "SELECT \(Attachment.columns) FROM attachments WHERE tenant = ?1 AND upload_id = ?2",
            id, read: Attachment.init)
        for file in files { try remove(file) }
        try run("DELETE FROM uploads WHERE tenant = ?1 AND id = ?2", id)
    }

    /// Erases the files of a ticket that is erased.
    func removeAttachments(ofTicket ticketID: Int64) throws {
        let files = try all(
            "SELECT \(Attachment.columns) FROM attachments WHERE tenant = ?1 AND ticket_id = ?2",
            ticketID, read: Attachment.init)
        for file in files { try remove(file) }
    }

    /// Sweeps uploads that no comment took in time, and those that broke off; at most `limit`. Says how many.
    package func expireUploads(limit: Int) throws -> Int {
        let ids = try all(
            "SELECT id FROM uploads WHERE tenant = ?1 AND expires_at <= ?2 ORDER BY expires_at LIMIT ?3",
            now.milliseconds, limit
        ) { $0.int64(0) }
        for id in ids { try removeUpload(id) }
        return ids.count
    }

    fileprivate func remove(_ file: Attachment) throws {
        try removeChunks(of: file)
        try run("DELETE FROM attachments WHERE tenant = ?1 AND id = ?2", file.id)
    }

    fileprivate func removeChunks(of file: Attachment) throws {
        guard try !isShared(file) else { return }
        try run(
            "DELETE FROM attachment_chunks WHERE tenant = ?1 AND attachment_id = ?2",
            file.contentID)
        if file.size > 0 { try add(-file.size, to: .storedBytes) }
    }
}

/// The files of a comment as they are kept on its audit, so that a page of comments needs no further look: a JSON array of
/// `[id, "token", "name", "content type", size, state]`.
enum AttachmentList {
    static func text(_ files: [Attachment]) -> String {
        "["
            + files.map { file in
                "[\(file.id),\(JSONText.quoted(file.token)),\(JSONText.quoted(file.name)),"
                    + "\(JSONText.quoted(file.contentType)),\(file.size),\(file.state.rawValue)]"
            }.joined(separator: ",") + "]"
    }
}
