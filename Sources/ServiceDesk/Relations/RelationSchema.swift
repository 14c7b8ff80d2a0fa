/// What tickets have to do with one another, and with people besides their requester.
///
/// A ticket without relations has no row here: a create touches none of these tables.
enum RelationSchema {
    static let sql = """
        -- Whom a ticket is copied to and who follows it, by person. The ticket itself holds the same as two lists; this is what finds
        -- tickets by person, and says which merge brought them (users/{id}/tickets/ccd, followed; requests/ccd).
        CREATE TABLE ticket_watchers(
            tenant INTEGER NOT NULL, user_id INTEGER NOT NULL, kind INTEGER NOT NULL,
            ticket_id INTEGER NOT NULL, merge_id INTEGER,
            PRIMARY KEY (tenant, user_id, kind, ticket_id)
        ) STRICT, WITHOUT ROWID;
        -- What each merge did, so that it can be undone to the letter.
        CREATE TABLE ticket_merges(
            tenant INTEGER NOT NULL, source_id INTEGER NOT NULL, id INTEGER NOT NULL,
            target_id INTEGER NOT NULL, actor_id INTEGER NOT NULL, merged_at INTEGER NOT NULL,
            undone_at INTEGER, undone_by INTEGER, people TEXT NOT NULL, changes TEXT NOT NULL,
            PRIMARY KEY (tenant, source_id, id)
        ) STRICT, WITHOUT ROWID;
        -- What was merged into a ticket; who else needs a copy when a merge is undone.
        CREATE INDEX ticket_merges_by_target ON ticket_merges(tenant, target_id, id);
        -- Each link stands at both its ends.
        CREATE TABLE ticket_links(
            tenant INTEGER NOT NULL, ticket_id INTEGER NOT NULL, id INTEGER NOT NULL,
            kind INTEGER NOT NULL, other_id INTEGER NOT NULL, actor_id INTEGER NOT NULL,
            created_at INTEGER NOT NULL, PRIMARY KEY (tenant, ticket_id, id)
        ) STRICT, WITHOUT ROWID;
        -- Comments that were split off, and where they went.
        CREATE TABLE ticket_splits(
            tenant INTEGER NOT NULL, ticket_id INTEGER NOT NULL, comment_id INTEGER NOT NULL,
            new_ticket_id INTEGER NOT NULL, new_comment_id INTEGER NOT NULL,
            PRIMARY KEY (tenant, ticket_id, comment_id)
        ) STRICT, WITHOUT ROWID;
        -- problems, problems/autocomplete.
        CREATE INDEX tickets_problems ON tickets(tenant, id) WHERE type = 2;
        """
}
