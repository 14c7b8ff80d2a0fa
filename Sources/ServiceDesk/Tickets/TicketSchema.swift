/// Tickets and what happened to them.
///
/// A create touches `counters`, `tickets`, `audits` and the indexes `audits_by_id`, `tickets_by_requester` and, with an
/// organization, `tickets_by_organization`; a change of status touches `tickets`, `audits` and `audits_by_id`. Columns that
/// change often stand first, so that the bitmap of a row change is short.
enum TicketSchema {
    static let sql = """
        CREATE TABLE tickets(
            tenant INTEGER NOT NULL, id INTEGER NOT NULL,
            status INTEGER NOT NULL, updated_at INTEGER NOT NULL, version INTEGER NOT NULL,
            status_updated_at INTEGER NOT NULL, clocks BLOB NOT NULL, timer_at INTEGER,
            next_breach_at INTEGER, assignee_id INTEGER, group_id INTEGER,
            priority INTEGER, type INTEGER, tags TEXT NOT NULL, custom_fields TEXT,
            custom_status_id INTEGER, form_id INTEGER, skills TEXT NOT NULL,
            comment_count INTEGER NOT NULL,
            public_comment_count INTEGER NOT NULL, latest_comment_at INTEGER,
            requester_id INTEGER NOT NULL, submitter_id INTEGER NOT NULL, organization_id INTEGER,
            deleted_at INTEGER, deleted_by INTEGER, is_public INTEGER NOT NULL,
            subject TEXT NOT NULL, description TEXT NOT NULL, external_id TEXT, due_at INTEGER,
            problem_id INTEGER, has_incidents INTEGER NOT NULL, followup_source_id INTEGER,
            followup_ids TEXT NOT NULL,
            follower_ids TEXT NOT NULL, email_cc_ids TEXT NOT NULL, channel INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            reopens INTEGER NOT NULL, replies INTEGER NOT NULL, assignee_stations INTEGER NOT NULL,
            group_stations INTEGER NOT NULL, assignee_updated_at INTEGER,
            requester_updated_at INTEGER, initially_assigned_at INTEGER, assigned_at INTEGER,
            solved_at INTEGER, first_solved_at INTEGER, first_reply_at INTEGER,
            breached_at INTEGER, firings TEXT, schedule_id INTEGER,
            satisfaction INTEGER NOT NULL, satisfaction_solve INTEGER NOT NULL,
            satisfaction_reason INTEGER,
            PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        -- users/{id}/tickets/requested, requests of an end user.
        CREATE INDEX tickets_by_requester ON tickets(tenant, requester_id, id);
        -- organizations/{id}/tickets.
        CREATE INDEX tickets_by_organization ON tickets(tenant, organization_id, id)
            WHERE organization_id IS NOT NULL;
        -- users/{id}/tickets/assigned; whose tickets an agent leaves behind.
        CREATE INDEX tickets_by_assignee ON tickets(tenant, assignee_id, id)
            WHERE assignee_id IS NOT NULL;
        -- Tickets of a group, when the group is deleted; restricted agents' lists.
        CREATE INDEX tickets_by_group ON tickets(tenant, group_id, id) WHERE group_id IS NOT NULL;
        -- tickets?external_id=, create_or_update.
        CREATE INDEX tickets_by_external_id ON tickets(tenant, external_id)
            WHERE external_id IS NOT NULL;
        -- deleted_tickets.
        CREATE INDEX tickets_deleted ON tickets(tenant, deleted_at, id) WHERE deleted_at IS NOT NULL;
        -- Incidents of a problem.
        CREATE INDEX tickets_by_problem ON tickets(tenant, problem_id, id)
            WHERE problem_id IS NOT NULL;
        -- What is due by time alone: breaches, automations, closing.
        CREATE INDEX tickets_by_timer ON tickets(tenant, timer_at, id) WHERE timer_at IS NOT NULL;
        CREATE TABLE audits(
            tenant INTEGER NOT NULL, ticket_id INTEGER NOT NULL, id INTEGER NOT NULL,
            author_id INTEGER NOT NULL, created_at INTEGER NOT NULL, events TEXT NOT NULL,
            channel INTEGER NOT NULL, client TEXT, address TEXT, metadata TEXT,
            comment_id INTEGER, comment_author_id INTEGER, comment_body TEXT, comment_html TEXT,
            comment_public INTEGER, attachments TEXT, clock_events BLOB,
            PRIMARY KEY (tenant, ticket_id, id)
        ) STRICT, WITHOUT ROWID;
        -- ticket_audits over all tickets, and an audit by its number.
        CREATE INDEX audits_by_id ON audits(tenant, id);
        CREATE TABLE tags(
            tenant INTEGER NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (tenant, name)
        ) STRICT, WITHOUT ROWID;
        """
}
