/// When the desk works.
enum ClockSchema {
    static let sql = """
        CREATE TABLE schedules(
            tenant INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL,
            time_zone TEXT NOT NULL, intervals TEXT NOT NULL, created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE holidays(
            tenant INTEGER NOT NULL, schedule_id INTEGER NOT NULL, id INTEGER NOT NULL,
            name TEXT NOT NULL, first_day INTEGER NOT NULL, last_day INTEGER NOT NULL,
            PRIMARY KEY (tenant, schedule_id, id)
        ) STRICT, WITHOUT ROWID;
        """
}
