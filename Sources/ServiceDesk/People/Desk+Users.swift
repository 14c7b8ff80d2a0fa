import SQLite
import ShardStore
import Wire

/// Which users a list shows.
package struct UserFilter: Sendable, Equatable {
    package var roles: [Role] = []
    package var externalID: String?
    package var organizationID: Int64?
    package var groupID: Int64?
    /// Matches the start of a name, or an address as a whole or its start.
    package var text: String?
    package init() {}
}

extension Desk {
    package func user(_ id: Int64) throws -> User {
        let user = try findUser(id)
        if let user {
            try require(.read, .user(id: user.id, role: user.role))
            return user
        }
        throw DeskRefusal.notFound
    }

    package func me() throws -> User { try user(principal.userID) }

    /// The users of these numbers that exist and may be seen, by number.
    package func users(_ ids: some Sequence<Int64>) throws -> [User] {
        try Set(ids).sorted().compactMap { id in
            guard let user = try findUser(id),
                Authorization.decide(principal, .read, .user(id: id, role: user.role)) == .allow
            else { return nil }
            return user
        }
    }

    package func users(externalIDs: [String]) throws -> [User] {
        try require(.list, .users)
        return try externalIDs.compactMap { external in
            try rows.first(
                "SELECT \(User.columns) FROM users WHERE tenant = ?1 AND external_id = ?2 AND active = 1",
                external, read: User.init)
        }
    }

    package func users(_ filter: UserFilter, _ page: PageRequest) throws -> Page<User> {
        try require(.list, .users)
        let query = userQuery(filter)
        return try rows.page(query, page, count: { try userCount(filter) }, read: User.init)
    }

    package func userCount(_ filter: UserFilter) throws -> Int64 {
        try require(.list, .users)
        if filter == UserFilter() { return try rows.count(.users) }
        var onlyRoles = UserFilter()
        onlyRoles.roles = filter.roles
        if filter == onlyRoles {
            return try Set(filter.roles).reduce(0) { try $0 + rows.count(.usersOfRole($1)) }
        }
        var onlyOrganization = UserFilter()
        onlyOrganization.organizationID = filter.organizationID
        if filter == onlyOrganization {
            return try rows.count(.usersOfOrganization(filter.organizationID!))
        }
        let query = userQuery(filter)
        return try rows.first(
            "SELECT count(*) FROM users WHERE tenant = ?1 AND \(query.condition)",
            values: query.values
        ) { $0.int64(0) } ?? 0
    }

    private func userQuery(_ filter: UserFilter) -> PagedQuery {
        var conditions = ["active = 1"]
        var values: [any Bindable] = []
        func place(_ value: any Bindable) -> String {
            values.append(value)
            return "?\(values.count + 1)"
        }
        if !filter.roles.isEmpty {
            conditions.append(
                "role IN (\(filter.roles.map { String($0.rawValue) }.joined(separator: ",")))")
        }
        if let external = filter.externalID {
            conditions.append("external_id = \(place(external))")
        }
        if let id = filter.organizationID { conditions.append("organization_id = \(place(id))") }
        if let id = filter.groupID {
            conditions.append(
                "id IN (SELECT user_id FROM team_memberships m WHERE m.tenant = ?1 AND m.team_id = \(place(id)))"
            )
        }
        if let text = filter.text {
            let pattern = place(likePattern(text))
            conditions.append(
                "(name LIKE \(pattern) ESCAPE '\\' OR name LIKE '% ' || \(pattern) ESCAPE '\\' OR email LIKE \(pattern) ESCAPE '\\')"
            )
        }
        return PagedQuery(
            columns: User.columns, source: "users",
            condition: conditions.joined(separator: " AND "), values: values,
            order: PageOrder("id", ["users.id"]))
    }

    private func likePattern(_ text: String) -> String {
        var pattern = ""
        for character in text.lowercased().prefix(100) {
            if "%_\\".contains(character) { pattern.append("\\") }
            pattern.append(character)
        }
        return pattern + "%"
    }

    func findUser(_ id: Int64) throws -> User? {
        try rows.first(
            "SELECT \(User.columns) FROM users WHERE tenant = ?1 AND id = ?2", id, read: User.init)
    }

    /// A live user of this role or above, for fields that name one.
    func requireUser(_ id: Int64, atLeast role: Role = .endUser, field: String, label: String)
        throws
        -> User
    {
        guard let user = try findUser(id), user.isActive, user.role >= role else {
            let kind = role == .endUser ? "a user" : "an agent"
            throw DeskRefusal.invalid(field, .invalid, "\(label): is not \(kind) of this desk")
        }
        return user
    }
}

extension Desk where Rows == WritableRows {
    /// Makes a user. `agentLimit` is the plan's.
    package func createUser(_ changes: UserChanges, agentLimit: Int) throws -> User {
        let role = changes.role ?? .endUser
        try require(.create, .user(id: 0, role: role))
        return try insertUser(changes, role: role, agentLimit: agentLimit)
    }

    func insertUser(_ changes: UserChanges, role: Role, agentLimit: Int) throws -> User {
        let name = try Validation.required(changes.name, "name", "Name", max: 255)
        let email = try (changes.email ?? nil).map { try Validation.email($0) }
        if let email, try Authenticator.userID(email: email, in: rows) != nil {
            throw emailTaken(email)
        }
        if role.isStaff {
            guard email != nil else {
                throw DeskRefusal.invalid("email", .blank, "Email: cannot be blank for agents")
            }
            try checkAgentLimit(agentLimit)
        }
        let external = try (changes.externalID ?? nil).boundedOrNil(
            "external_id", "External", max: 255)
        try checkExternalID(external, of: nil)
        let organization = try checkedOrganization(changes.organizationID ?? nil)
        var tags = try Tags.normalized(changes.tags ?? [])
        let values = try profileValues(
            CustomValues(), changes.fields, of: .user, oldTags: [], tags: &tags)
        let id = rows.makeIdentifier()
        try rows.run(
            """
            INSERT INTO users VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8, NULL, ?9, ?10, ?11, ?12,
            ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, NULL, 0, NULL, ?21, ?21, 1, ?22)
            """, id, name, email, role.rawValue, changes.isSuspended ?? false,
            changes.isVerified ?? false, nil as Int64?, external,
            try (changes.phone ?? nil).boundedOrNil("phone", "Phone", max: 128),
            try (changes.alias ?? nil).boundedOrNil("alias", "Alias", max: 255),
            try (changes.details ?? nil).boundedOrNil("details", "Details", max: 65_536),
            try (changes.notes ?? nil).boundedOrNil("notes", "Notes", max: 65_536),
            try (changes.signature ?? nil).boundedOrNil("signature", "Signature", max: 65_536),
            try Validation.bounded(
                changes.timeZone ?? "Etc/UTC", "time_zone", "Time zone", max: 64),
            try Validation.bounded(changes.locale ?? "en-US", "locale", "Locale", max: 35),
            Tags.join(tags),
            (changes.restriction ?? (role == .endUser ? .requested : .none)).rawValue,
            changes.onlyPrivateComments ?? false, changes.isModerator ?? (role == .admin),
            now.milliseconds, values.stored)
        if let email {
            try insertIdentity(
                email, user: id, isPrimary: true, isVerified: changes.isVerified ?? false)
        }
        if let organization {
            try insertMembership(user: id, organization: organization, isDefault: true)
        }
        try rows.add(1, to: .users)
        try rows.add(1, to: .usersOfRole(role))
        if role.isStaff, let team = try defaultTeam() {
            try insertMembership(user: id, team: team, isDefault: true)
        }
        return try findUser(id)!
    }

    package func updateUser(_ id: Int64, _ changes: UserChanges, agentLimit: Int) throws -> User {
        guard let old = try findUser(id) else { throw DeskRefusal.notFound }
        try require(.update, .user(id: old.id, role: old.role))
        guard old.isActive else { throw DeskRefusal.notFound }
        if principal.role == .endUser {
            // One's own name and the like; never what decides over access.
            let asked = changes
            guard asked.role == nil || asked.role == old.role, asked.isSuspended == nil,
                asked.organizationID == nil, asked.externalID == nil, asked.tags == nil,
                asked.notes == nil, asked.restriction == nil, asked.email == nil,
                asked.fields.isEmpty
            else { throw DeskRefusal.forbidden("You do not have access to this page") }
        }
        var tags = try changes.tags.map { try Tags.normalized($0) } ?? old.tags
        let values = try profileValues(
            old.customFields, changes.fields, of: .user, oldTags: old.tags, tags: &tags)
        let role = changes.role ?? old.role
        if role != old.role {
            guard principal.role == .admin else {
                throw DeskRefusal.forbidden("Only admins may change a role")
            }
            if role.isStaff && !old.role.isStaff { try checkAgentLimit(agentLimit) }
            if old.role == .admin { try checkNotLastAdmin(old) }
        }
        if changes.isSuspended == true && old.role == .admin { try checkNotLastAdmin(old) }
        let name =
            try changes.name.map {
                try Validation.required($0, "name", "Name", max: 255)
            } ?? old.name
        var email = old.email
        var isVerified = changes.isVerified ?? old.isVerified
        if let wanted = changes.email ?? nil {
            let address = try Validation.email(wanted)
            if address != old.email {
                let owner = try Authenticator.userID(email: address, in: rows)
                guard owner == nil || owner == id else { throw emailTaken(address) }
                try rows.run(
                    "UPDATE identities SET is_primary = 0 WHERE tenant = ?1 AND user_id = ?2 AND kind = 0 AND is_primary = 1",
                    id)
                // That somebody owned the old address says nothing of the new one.
                isVerified = changes.isVerified ?? false
                if owner == id {
                    try rows.run(
                        "UPDATE identities SET is_primary = 1 WHERE tenant = ?1 AND user_id = ?2 AND kind = 0 AND value = ?3",
                        id, address)
                } else {
                    try requireRoomForIdentity(of: id)
                    try insertIdentity(address, user: id, isPrimary: true, isVerified: isVerified)
                }
                email = address
            }
        }
        func text(_ change: String??, _ current: String?, _ field: String, max: Int) throws
            -> String?
        {
            guard let change else { return current }
            return try change.boundedOrNil(field, field, max: max)
        }
        let external = try text(changes.externalID, old.externalID, "external_id", max: 255)
        if external != old.externalID { try checkExternalID(external, of: id) }
        let organization: Int64?
        if let wanted = changes.organizationID, wanted != old.organizationID {
            organization = try checkedOrganization(wanted)
            try moveToOrganization(user: id, from: old.organizationID, to: organization)
        } else {
            organization = old.organizationID
        }
        var team = old.defaultGroupID
        if let wanted = changes.defaultGroupID ?? nil, wanted != old.defaultGroupID {
            try setDefaultTeam(user: id, team: wanted)
            team = wanted
        }
        try rows.run(
            """
            UPDATE users SET name = ?3, email = ?4, role = ?5, suspended = ?6, verified = ?7,
            organization_id = ?8, default_group_id = ?9, external_id = ?10, phone = ?11, alias = ?12,
            details = ?13, notes = ?14, signature = ?15, time_zone = ?16, locale = ?17, tags = ?18,
            ticket_restriction = ?19, only_private_comments = ?20, moderator = ?21, updated_at = ?22,
            custom_fields = ?23, version = version + 1 WHERE tenant = ?1 AND id = ?2
            """, id, name, email, role.rawValue, changes.isSuspended ?? old.isSuspended,
            isVerified, organization, role.isStaff ? team : nil, external,
            try text(changes.phone, old.phone, "phone", max: 128),
            try text(changes.alias, old.alias, "alias", max: 255),
            try text(changes.details, old.details, "details", max: 65_536),
            try text(changes.notes, old.notes, "notes", max: 65_536),
            try text(changes.signature, old.signature, "signature", max: 65_536),
            try Validation.bounded(
                changes.timeZone ?? old.timeZone, "time_zone", "Time zone", max: 64),
            try Validation.bounded(changes.locale ?? old.locale, "locale", "Locale", max: 35),
            Tags.join(tags),
            (changes.restriction
                ?? (role == old.role ? old.restriction : role.isStaff ? .none : .requested))
                .rawValue,
            changes.onlyPrivateComments ?? old.onlyPrivateComments,
            changes.isModerator ?? old.isModerator, now.milliseconds, values.stored)
        if isVerified != old.isVerified || email != old.email {
            try rows.run(
                "UPDATE identities SET verified = ?3 WHERE tenant = ?1 AND user_id = ?2 AND is_primary = 1",
                id, isVerified)
        }
        if role != old.role {
            try rows.add(-1, to: .usersOfRole(old.role))
            try rows.add(1, to: .usersOfRole(role))
            if old.role.isStaff && !role.isStaff { try leaveAllTeams(user: id) }
            if !old.role.isStaff && role.isStaff, let team = try defaultTeam() {
                try insertMembership(user: id, team: team, isDefault: true)
            }
        }
        if old.isSuspended || old.restriction == .requested { try giveWaiting(to: id) }
        return try findUser(id)!
    }

    /// Deletes a user softly: they cannot sign in, their addresses are free again, their tickets stay.
    package func deleteUser(_ id: Int64) throws -> User {
        guard let old = try findUser(id), old.isActive else { throw DeskRefusal.notFound }
        try require(.delete, .user(id: old.id, role: old.role))
        guard old.id != principal.userID else {
            throw DeskRefusal.invalid("base", .notAllowed, "You cannot delete yourself")
        }
        if old.role == .admin { try checkNotLastAdmin(old) }
        try rows.run("DELETE FROM identities WHERE tenant = ?1 AND user_id = ?2", id)
        for (token, _) in try rows.all(
            "SELECT id, user_id FROM api_tokens WHERE tenant = ?1 AND user_id = ?2 LIMIT 1000", id,
            read: { ($0.int64(0), $0.int64(1)) })
        {
            try rows.run("DELETE FROM api_tokens WHERE tenant = ?1 AND id = ?2", token)
        }
        if old.role.isStaff { try leaveAllTeams(user: id) }
        try moveToOrganization(user: id, from: old.organizationID, to: nil)
        try rows.run(
            """
            UPDATE users SET active = 0, password = NULL, password_stamp = password_stamp + 1,
            organization_id = NULL, default_group_id = NULL, updated_at = ?3, version = version + 1
            WHERE tenant = ?1 AND id = ?2
            """, id, now.milliseconds)
        try rows.add(-1, to: .users)
        try rows.add(-1, to: .usersOfRole(old.role))
        return try findUser(id)!
    }

    /// Updates the user with this external id or address, or makes one. The flag says whether it was made.
    package func createOrUpdateUser(_ changes: UserChanges, agentLimit: Int) throws -> (User, Bool)
    {
        var found: Int64?
        if let external = changes.externalID ?? nil {
            found = try rows.first(
                "SELECT id FROM users WHERE tenant = ?1 AND external_id = ?2 AND active = 1",
                external
            ) { $0.int64(0) }
        }
        if found == nil, let email = changes.email ?? nil {
            found = try Authenticator.userID(email: Validation.email(email), in: rows)
        }
        if let found { return (try updateUser(found, changes, agentLimit: agentLimit), false) }
        return (try createUser(changes, agentLimit: agentLimit), true)
    }

    /// Sets a password that was hashed off the lane.
    package func setPassword(_ id: Int64, hash: String) throws {
        guard let user = try findUser(id), user.isActive else { throw DeskRefusal.notFound }
        try require(id == principal.userID ? .update : .administer, .user(id: id, role: user.role))
        try rows.run(
            """
            UPDATE users SET password = ?3, password_stamp = ?4, updated_at = ?5,
            version = version + 1 WHERE tenant = ?1 AND id = ?2
            """, id, hash, rows.makeIdentifier(), now.milliseconds)
    }

    // MARK: Rules

    private func emailTaken(_ email: String) -> DeskRefusal {
        .invalid("email", .duplicate, "Email: \(email) is already being used by another user")
    }

    private func checkAgentLimit(_ limit: Int) throws {
        let staff = try rows.count(.usersOfRole(.agent)) + rows.count(.usersOfRole(.admin))
        guard staff < Int64(limit) else {
            throw DeskRefusal.limitReached(
                "The plan allows \(limit) agents; remove one or ask the operator for more")
        }
    }

    private func checkNotLastAdmin(_ user: User) throws {
        let others = try rows.first(
            "SELECT 1 FROM users WHERE tenant = ?1 AND role = 2 AND active = 1 AND suspended = 0 AND id != ?2",
            user.id
        ) { _ in true }
        guard others != nil else {
            throw DeskRefusal.invalid("role", .notAllowed, "Role: a desk needs at least one admin")
        }
    }

    private func checkExternalID(_ external: String?, of id: Int64?) throws {
        guard let external else { return }
        let owner = try rows.first(
            "SELECT id FROM users WHERE tenant = ?1 AND external_id = ?2 AND active = 1", external
        ) { $0.int64(0) }
        guard owner == nil || owner == id else {
            throw DeskRefusal.invalid(
                "external_id", .duplicate, "External: \(external) has already been taken")
        }
    }

    private func checkedOrganization(_ id: Int64?) throws -> Int64? {
        guard let id else { return nil }
        guard try findOrganization(id) != nil else {
            throw DeskRefusal.invalid("organization_id", .invalid, "Organization: does not exist")
        }
        return id
    }

    private func insertIdentity(_ email: String, user: Int64, isPrimary: Bool, isVerified: Bool)
        throws
    {
        try rows.run(
            "INSERT INTO identities VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?7)", user,
            rows.makeIdentifier(), email, isVerified, isPrimary, now.milliseconds)
    }
}
