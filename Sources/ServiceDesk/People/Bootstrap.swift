import SQLite
package import ShardStore

extension Desk where Rows == WritableRows {
    /// Fills an empty desk: the group "Support", the first admin in it, and an API token for them.
    ///
    /// The one verb without a principal before it. Refused when the desk has users, so it happens once; asked again with the same secret,
    /// it answers what it answered before.
    package static func bootstrap(
        rows: ShardTransaction, adminEmail: String, adminName: String, secret: TokenSecret
    ) throws -> User {
        let system = Principal(userID: 0, role: .admin)
        let desk = Desk(rows: rows, principal: system, via: Via(channel: .system))
        guard try rows.count(.users) == 0 else {
            guard let known = try desk.owner(of: secret), known.email == adminEmail else {
                throw DeskRefusal.conflict("The desk has users already")
            }
            return known
        }
        let team = try desk.createTeam(name: "Support", description: "", isPublic: true)
        var admin = UserChanges()
        admin.name = adminName
        admin.email = adminEmail
        admin.role = .admin
        admin.isVerified = true
        let user = try desk.insertUser(admin, role: .admin, agentLimit: 1)
        let isMember = try desk.isMember(user: user.id, team: team.id)
        precondition(isMember, "the first admin must be in the default group")
        _ = try desk.insertToken(user: user.id, description: "First token", secret: secret)
        return user
    }

    /// The address of a first admin in its usual form.
    /// - Throws: `DeskRefusal.invalid` when it is none.
    package static func checkedAdminEmail(_ text: String) throws -> String {
        try Validation.email(text, "admin_email")
    }

    /// A new API token for an admin who lost theirs. For the operator only, who has no principal in the desk.
    package static func issueAdminToken(
        rows: ShardTransaction, email: String, secret: TokenSecret
    ) throws -> User {
        let desk = Desk(
            rows: rows, principal: Principal(userID: 0, role: .admin), via: Via(channel: .system))
        guard let id = try Authenticator.userID(email: email, in: rows),
            let user = try desk.findUser(id), user.role == .admin, user.isActive
        else {
            throw DeskRefusal.invalid(
                "email", .invalid, "Email: no admin of this desk has this address")
        }
        // Asked again by who did not hear the answer.
        if try desk.owner(of: secret)?.id != id {
            _ = try desk.insertToken(
                user: id, description: "Issued by the operator", secret: secret)
        }
        return user
    }

    /// Whose token has this secret.
    private func owner(of secret: TokenSecret) throws -> User? {
        let id = try rows.first(
            "SELECT user_id FROM api_tokens WHERE tenant = ?1 AND digest = ?2", secret.digest
        ) { $0.int64(0) }
        return try id.flatMap { try findUser($0) }
    }
}
