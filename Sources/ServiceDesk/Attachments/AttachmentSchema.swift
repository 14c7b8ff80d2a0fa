/// Files and the uploads they come by. A file's bytes lie in chunks, so that no row change outgrows a log entry.
enum AttachmentSchema {
    static let sql = """
        CREATE TABLE uploads(
            tenant INTEGER NOT NULL, id INTEGER NOT NULL, digest BLOB NOT NULL,
            user_id INTEGER NOT NULL, expires_at INTEGER NOT NULL, PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        -- comment.uploads, uploads?token=.
        CREATE UNIQUE INDEX uploads_by_digest ON uploads(tenant, digest);
        -- Expiry.
        CREATE INDEX uploads_by_expiry ON uploads(tenant, expires_at);
        CREATE TABLE attachments(
            tenant INTEGER NOT NULL, id INTEGER NOT NULL, state INTEGER NOT NULL,
            size INTEGER NOT NULL, upload_id INTEGER, ticket_id INTEGER, comment_id INTEGER,
            token TEXT NOT NULL, name TEXT NOT NULL, content_type TEXT NOT NULL,
            created_at INTEGER NOT NULL, content_id INTEGER, PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        -- Who else stands on a file's bytes.
        CREATE INDEX attachments_by_content ON attachments(tenant, content_id)
            WHERE content_id IS NOT NULL;
        -- A content address.
        CREATE UNIQUE INDEX attachments_by_token ON attachments(tenant, token);
        -- The files of an upload.
        CREATE INDEX attachments_by_upload ON attachments(tenant, upload_id, id)
            WHERE upload_id IS NOT NULL;
        -- The files of a ticket, when it is erased.
        CREATE INDEX attachments_by_ticket ON attachments(tenant, ticket_id, id)
            WHERE ticket_id IS NOT NULL;
        CREATE TABLE attachment_chunks(
            tenant INTEGER NOT NULL, attachment_id INTEGER NOT NULL, sequence INTEGER NOT NULL,
            bytes BLOB NOT NULL, PRIMARY KEY (tenant, attachment_id, sequence)
        ) STRICT, WITHOUT ROWID;
        """
}
