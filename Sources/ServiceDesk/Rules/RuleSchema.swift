/// Triggers, automations, macros, views and SLA policies, in the order in which each kind is read: all of a kind at once.
enum RuleSchema {
    static let sql = """
        CREATE TABLE rules(
            tenant INTEGER NOT NULL, kind INTEGER NOT NULL, id INTEGER NOT NULL,
            active INTEGER NOT NULL, position INTEGER NOT NULL, updated_at INTEGER NOT NULL,
            version INTEGER NOT NULL, failures INTEGER NOT NULL, failure TEXT,
            title TEXT NOT NULL, description TEXT, conditions TEXT NOT NULL,
            actions TEXT NOT NULL, restriction TEXT NOT NULL, output TEXT NOT NULL,
            counted_through INTEGER NOT NULL, is_default INTEGER NOT NULL,
            created_at INTEGER NOT NULL, PRIMARY KEY (tenant, kind, id)
        ) STRICT, WITHOUT ROWID;
        """
}
