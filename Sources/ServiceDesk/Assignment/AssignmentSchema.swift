/// How groups give their tickets to agents, who is ready for more, and what agents can.
///
/// Of what waits there is no list of its own: it is the index `tickets_waiting`, which holds nothing of a ticket that has an assignee or no
/// group. Its order is that in which tickets that need the same skills are given away.
enum AssignmentSchema {
    static let sql = """
        CREATE TABLE team_assignment(
            tenant INTEGER NOT NULL, team_id INTEGER NOT NULL, last_agent_id INTEGER NOT NULL,
            left_from TEXT, method INTEGER NOT NULL, uses_skills INTEGER NOT NULL,
            skill_timeout INTEGER, capacity INTEGER NOT NULL, updated_at INTEGER NOT NULL,
            version INTEGER NOT NULL, PRIMARY KEY (tenant, team_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE agent_work(
            tenant INTEGER NOT NULL, user_id INTEGER NOT NULL, last_given INTEGER NOT NULL,
            state INTEGER NOT NULL, capacity INTEGER, updated_at INTEGER NOT NULL,
            version INTEGER NOT NULL, PRIMARY KEY (tenant, user_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE skill_attributes(
            tenant INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
            created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, version INTEGER NOT NULL,
            PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE skill_values(
            tenant INTEGER NOT NULL, id TEXT NOT NULL, attribute_id TEXT NOT NULL,
            name TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
            version INTEGER NOT NULL, PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        -- An attribute's values.
        CREATE INDEX skill_values_by_attribute ON skill_values(tenant, attribute_id, id);
        -- Of a value that is deleted, rows stay until the agent's skills are said anew; they count for nothing.
        CREATE TABLE agent_skills(
            tenant INTEGER NOT NULL, user_id INTEGER NOT NULL, value_id TEXT NOT NULL,
            PRIMARY KEY (tenant, user_id, value_id)
        ) STRICT, WITHOUT ROWID;
        -- Tickets of a group that nobody has: the next one of those that need the same skills.
        CREATE INDEX tickets_waiting ON tickets(tenant, group_id, skills, priority DESC, id)
            WHERE group_id IS NOT NULL AND assignee_id IS NULL AND status < 4
            AND deleted_at IS NULL;
        """
}
