/// Users, how they sign in, and what they belong to.
enum PeopleSchema {
    static let sql = """
        CREATE TABLE users(
            tenant INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, email TEXT,
            role INTEGER NOT NULL, active INTEGER NOT NULL, suspended INTEGER NOT NULL,
            verified INTEGER NOT NULL, organization_id INTEGER, default_group_id INTEGER,
            external_id TEXT, phone TEXT, alias TEXT, details TEXT, notes TEXT, signature TEXT,
            time_zone TEXT NOT NULL, locale TEXT NOT NULL, tags TEXT NOT NULL,
            ticket_restriction INTEGER NOT NULL, only_private_comments INTEGER NOT NULL,
            moderator INTEGER NOT NULL, password TEXT, password_stamp INTEGER NOT NULL,
            last_login_at INTEGER, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
            version INTEGER NOT NULL, custom_fields TEXT, PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        -- Agents and admins: assignable users, the limit on agents, "is this the last admin".
        CREATE INDEX users_staff ON users(tenant, role, id) WHERE role > 0 AND active = 1;
        -- users?external_id=, create_or_update; one user an external id.
        CREATE UNIQUE INDEX users_by_external_id ON users(tenant, external_id)
            WHERE external_id IS NOT NULL AND active = 1;
        -- organizations/{id}/users.
        CREATE INDEX users_by_organization ON users(tenant, organization_id, id)
            WHERE organization_id IS NOT NULL AND active = 1;
        CREATE TABLE identities(
            tenant INTEGER NOT NULL, user_id INTEGER NOT NULL, id INTEGER NOT NULL,
            kind INTEGER NOT NULL, value TEXT NOT NULL, verified INTEGER NOT NULL,
            is_primary INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
            PRIMARY KEY (tenant, user_id, id)
        ) STRICT, WITHOUT ROWID;
        -- Signing in, and one user an address.
        CREATE UNIQUE INDEX identities_by_value ON identities(tenant, kind, value);
        CREATE TABLE api_tokens(
            tenant INTEGER NOT NULL, id INTEGER NOT NULL, digest BLOB NOT NULL,
            user_id INTEGER NOT NULL, description TEXT NOT NULL, last_characters TEXT NOT NULL,
            created_at INTEGER NOT NULL, last_used_at INTEGER, PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        -- Signing in.
        CREATE UNIQUE INDEX api_tokens_by_digest ON api_tokens(tenant, digest);
        CREATE TABLE organizations(
            tenant INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL,
            name_key TEXT NOT NULL, external_id TEXT, details TEXT, notes TEXT, group_id INTEGER,
            domain_names TEXT NOT NULL, tags TEXT NOT NULL, shared_tickets INTEGER NOT NULL,
            shared_comments INTEGER NOT NULL, created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL, version INTEGER NOT NULL, custom_fields TEXT,
            PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        -- One organization a name, whatever its case; autocomplete.
        CREATE UNIQUE INDEX organizations_by_name ON organizations(tenant, name_key);
        CREATE INDEX organizations_by_external_id ON organizations(tenant, external_id)
            WHERE external_id IS NOT NULL;
        CREATE TABLE teams(
            tenant INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL,
            description TEXT NOT NULL, is_default INTEGER NOT NULL, is_public INTEGER NOT NULL,
            deleted INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
            version INTEGER NOT NULL, PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE team_memberships(
            tenant INTEGER NOT NULL, user_id INTEGER NOT NULL, team_id INTEGER NOT NULL,
            id INTEGER NOT NULL, is_default INTEGER NOT NULL, created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL, PRIMARY KEY (tenant, user_id, team_id)
        ) STRICT, WITHOUT ROWID;
        -- group_memberships lists and show; members of a team.
        CREATE UNIQUE INDEX team_memberships_by_id ON team_memberships(tenant, id);
        CREATE INDEX team_memberships_by_team ON team_memberships(tenant, team_id, user_id);
        CREATE TABLE organization_memberships(
            tenant INTEGER NOT NULL, user_id INTEGER NOT NULL, organization_id INTEGER NOT NULL,
            id INTEGER NOT NULL, is_default INTEGER NOT NULL, created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL, PRIMARY KEY (tenant, user_id, organization_id)
        ) STRICT, WITHOUT ROWID;
        -- organization_memberships lists and show; members of an organization.
        CREATE UNIQUE INDEX organization_memberships_by_id ON organization_memberships(tenant, id);
        CREATE INDEX organization_memberships_by_organization
            ON organization_memberships(tenant, organization_id, user_id);
        """
}
