/// Fields, custom statuses and forms as a desk defines them.
///
/// Few rows, read into a `FieldCatalog` as a whole; every change goes through `ShardTransaction.define`.
enum FieldSchema {
    static let sql = """
        CREATE TABLE fields(
            tenant INTEGER NOT NULL, id INTEGER NOT NULL, owner INTEGER NOT NULL,
            kind INTEGER NOT NULL, key TEXT, title TEXT NOT NULL, portal_title TEXT,
            description TEXT NOT NULL, agent_description TEXT, position INTEGER NOT NULL,
            active INTEGER NOT NULL, required INTEGER NOT NULL, collapsed INTEGER NOT NULL,
            visible_in_portal INTEGER NOT NULL, editable_in_portal INTEGER NOT NULL,
            required_in_portal INTEGER NOT NULL, tag TEXT, pattern TEXT, target INTEGER,
            created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, deleted_at INTEGER,
            deleted_by INTEGER, version INTEGER NOT NULL, PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE field_options(
            tenant INTEGER NOT NULL, field_id INTEGER NOT NULL, id INTEGER NOT NULL,
            name TEXT NOT NULL, value TEXT NOT NULL, position INTEGER NOT NULL,
            is_default INTEGER NOT NULL, PRIMARY KEY (tenant, field_id, id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE custom_statuses(
            tenant INTEGER NOT NULL, id INTEGER NOT NULL, category INTEGER NOT NULL,
            agent_label TEXT NOT NULL, end_user_label TEXT NOT NULL, description TEXT,
            end_user_description TEXT, active INTEGER NOT NULL, is_default INTEGER NOT NULL,
            created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, version INTEGER NOT NULL,
            PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE ticket_forms(
            tenant INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, display_name TEXT,
            position INTEGER NOT NULL, active INTEGER NOT NULL, is_default INTEGER NOT NULL,
            end_user_visible INTEGER NOT NULL, in_all_brands INTEGER NOT NULL,
            field_ids TEXT NOT NULL, agent_conditions TEXT NOT NULL,
            end_user_conditions TEXT NOT NULL, created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        """
}
