/// Surveys: what is asked after a ticket was solved, and what people are asked at times.
enum SatisfactionSchema {
    static let sql = """
        CREATE TABLE satisfaction_ratings(
            tenant INTEGER NOT NULL, ticket_id INTEGER NOT NULL, solve INTEGER NOT NULL,
            state INTEGER NOT NULL, updated_at INTEGER NOT NULL, id INTEGER NOT NULL,
            created_at INTEGER NOT NULL, requester_id INTEGER NOT NULL, assignee_id INTEGER,
            group_id INTEGER, reason_code INTEGER, reason TEXT, comment TEXT, notice_id INTEGER,
            PRIMARY KEY (tenant, ticket_id, solve)
        ) STRICT, WITHOUT ROWID;
        -- satisfaction_ratings, and one by its number.
        CREATE UNIQUE INDEX satisfaction_ratings_by_id ON satisfaction_ratings(tenant, id);
        -- satisfaction_ratings?start_time=.
        CREATE INDEX satisfaction_ratings_by_time ON satisfaction_ratings(tenant, updated_at, id);
        -- Only what a desk says otherwise than the default reasons: see SatisfactionReason.
        CREATE TABLE satisfaction_reasons(
            tenant INTEGER NOT NULL, code INTEGER NOT NULL, value TEXT NOT NULL,
            created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, deleted_at INTEGER,
            version INTEGER NOT NULL, PRIMARY KEY (tenant, code)
        ) STRICT, WITHOUT ROWID;
        -- The key of the links in surveys: one row.
        CREATE TABLE survey_keys(
            tenant INTEGER NOT NULL, number INTEGER NOT NULL, key BLOB NOT NULL,
            created_at INTEGER NOT NULL, PRIMARY KEY (tenant, number)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE nps_surveys(
            tenant INTEGER NOT NULL, id INTEGER NOT NULL, score INTEGER, answered_at INTEGER,
            updated_at INTEGER NOT NULL, user_id INTEGER NOT NULL, offered_at INTEGER NOT NULL,
            comment TEXT, PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        -- When a person was asked last; their answers.
        CREATE INDEX nps_surveys_by_user ON nps_surveys(tenant, user_id, offered_at);
        -- nps/responses.
        CREATE INDEX nps_surveys_answered ON nps_surveys(tenant, answered_at, id)
            WHERE answered_at IS NOT NULL;
        -- How many answered what on each day in UTC: what nps/score adds up.
        CREATE TABLE nps_days(
            tenant INTEGER NOT NULL, day INTEGER NOT NULL, score INTEGER NOT NULL,
            count INTEGER NOT NULL, PRIMARY KEY (tenant, day, score)
        ) STRICT, WITHOUT ROWID;
        """
}
