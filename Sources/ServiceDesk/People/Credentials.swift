import CryptoExtras
package import ShardStore
import SQLite

/// How a caller says who they are, reduced to what can be looked up.
package enum Credential: Sendable, Equatable {
    case anonymous
    /// `email/token:TOKEN`; the digest is the token's SHA-256.
    case token(email: String, digest: [UInt8])
    /// `Bearer TOKEN`.
    case bearer(digest: [UInt8])
    /// A password that was verified off the lanes; valid while the stored one is the same.
    case verifiedPassword(userID: Int64, stamp: Int64)
}

/// Finds out who a caller is, in the transaction of the request itself: a token revoked before it is refused in it.
package enum Authenticator {
    /// - Throws: `.unauthenticated` for everything that is not a live user's live credential.
    package static func principal(for credential: Credential, in rows: ShardReader) throws
        -> Principal
    {
        let userID: Int64
        switch credential {
        case .anonymous: throw DeskRefusal.unauthenticated
        case .bearer(let digest):
            guard let id = try owner(digest, in: rows) else { throw DeskRefusal.unauthenticated }
            userID = id
        case .token(let email, let digest):
            // A token of the desk signs in for any user of it, as in the dialect: whoever holds an API token is trusted
            // to say for whom it acts, so an admin's token can act for an end user.
            guard let owner = try Self.owner(digest, in: rows),
                let id = try Self.userID(email: email, in: rows)
            else { throw DeskRefusal.unauthenticated }
            if id != owner {
                let role = try rows.first(
                    "SELECT role FROM users WHERE tenant = ?1 AND id = ?2 AND active = 1 AND suspended = 0",
                    owner
                ) { $0.int64(0) }
                guard role == Role.admin.rawValue else { throw DeskRefusal.unauthenticated }
            }
            userID = id
        case .verifiedPassword(let id, let stamp):
            let current = try rows.first(
                "SELECT password_stamp FROM users WHERE tenant = ?1 AND id = ?2", id
            ) { $0.int64(0) }
            guard current == stamp else { throw DeskRefusal.unauthenticated }
            userID = id
        }
        return try principal(userID: userID, in: rows)
    }

    /// A live user as a principal.
    package static func principal(userID: Int64, in rows: ShardReader) throws -> Principal {
        let user = try rows.first(
            """
            SELECT role, name, email, ticket_restriction, only_private_comments, organization_id
            FROM users WHERE tenant = ?1 AND id = ?2 AND active = 1 AND suspended = 0
            """, userID
        ) { row in
            (
                role: Role(rawValue: row.int64(0)) ?? .endUser, name: row.text(1),
                email: row.optionalText(2),
                restriction: TicketRestriction(rawValue: row.int64(3)) ?? .none,
                onlyPrivate: row.bool(4), organization: row.optionalInt64(5)
            )
        }
        guard let user else { throw DeskRefusal.unauthenticated }
        var groups: Set<Int64> = []
        var organizations: Set<Int64> = []
        if user.role.isStaff && user.restriction == .groups {
            groups = Set(
                try rows.all(
                    "SELECT team_id FROM team_memberships WHERE tenant = ?1 AND user_id = ?2",
                    userID
                ) { $0.int64(0) })
        }
        if user.organization != nil {
            organizations = Set(
                try rows.all(
                    "SELECT organization_id FROM organization_memberships WHERE tenant = ?1 AND user_id = ?2",
                    userID
                ) { $0.int64(0) })
        }
        var shared: [(id: Int64, withComments: Bool)] = []
        if user.role == .endUser && !organizations.isEmpty {
            shared = try rows.all(
                """
                SELECT o.id, o.shared_comments FROM organization_memberships m
                JOIN organizations o ON o.tenant = m.tenant AND o.id = m.organization_id
                WHERE m.tenant = ?1 AND m.user_id = ?2 AND o.shared_tickets = 1
                """, userID
            ) { (id: $0.int64(0), withComments: $0.bool(1)) }
        }
        return Principal(
            userID: userID, role: user.role, organizationIDs: organizations, groupIDs: groups,
            sharedOrganizationIDs: Set(shared.map(\.id)),
            commentableOrganizationIDs: Set(shared.filter(\.withComments).map(\.id)),
            restriction: user.restriction, onlyPrivateComments: user.onlyPrivate, name: user.name,
            email: user.email)
    }

    /// What is needed to check a password, or nil when nobody signs in so.
    package static func passwordRecord(email: String, in rows: ShardReader) throws
        -> PasswordRecord?
    {
        guard let id = try Self.userID(email: email, in: rows) else { return nil }
        return try rows.first(
            "SELECT password, password_stamp FROM users WHERE tenant = ?1 AND id = ?2 AND active = 1",
            id
        ) { row in
            row.optionalText(0).map {
                PasswordRecord(userID: id, stamp: row.int64(1), hash: $0)
            }
        } ?? nil
    }

    static func userID(email: String, in rows: ShardReader) throws -> Int64? {
        try rows.first(
            "SELECT user_id FROM identities WHERE tenant = ?1 AND kind = 0 AND value = ?2",
            email.lowercased()
        ) { $0.int64(0) }
    }

    private static func owner(_ digest: [UInt8], in rows: ShardReader) throws -> Int64? {
        // The index finds the digest of a 160-bit random secret; timing says nothing useful about it.
        try rows.first(
            "SELECT user_id FROM api_tokens WHERE tenant = ?1 AND digest = ?2", digest
        ) { $0.int64(0) }
    }
}

/// A stored password with whose it is.
package struct PasswordRecord: Sendable, Equatable {
    package let userID: Int64
    /// Changes with the password, so that what was verified before counts no more.
    package let stamp: Int64
    package let hash: String
}

/// Passwords as scrypt (RFC 7914) keeps them: `scrypt$logN$r$p$salt$key`, salt and key in hexadecimal.
///
/// Slow on purpose (16 MiB and some 50 ms): never on a lane.
package enum PasswordHash {
    private static let logRounds = 14

    /// - Parameter salt: 16 random bytes.
    package static func make(_ password: String, salt: [UInt8]) throws -> String {
        let key = try derive(
            password, salt: salt, logRounds: logRounds, blockSize: 8, parallelism: 1)
        return "scrypt$\(logRounds)$8$1$\(hex(salt))$\(hex(key))"
    }

    package static func verify(_ password: String, against stored: String) -> Bool {
        let parts = stored.split(separator: "$")
        guard parts.count == 6, parts[0] == "scrypt", let logRounds = Int(parts[1]),
            let blockSize = Int(parts[2]), let parallelism = Int(parts[3]),
            (10...20).contains(logRounds), let salt = bytes(parts[4]), let key = bytes(parts[5]),
            let candidate = try? derive(
                password, salt: salt, logRounds: logRounds, blockSize: blockSize,
                parallelism: parallelism),
            candidate.count == key.count
        else { return false }
        var difference: UInt8 = 0
        for index in key.indices { difference |= key[index] ^ candidate[index] }
        return difference == 0
    }

    /// Takes the time of a check, for an address nobody has: the answer must not tell which addresses exist.
    package static func waste(_ password: String) {
        _ = try? derive(
            password, salt: [UInt8](repeating: 0, count: 16), logRounds: logRounds, blockSize: 8,
            parallelism: 1)
    }

    private static func derive(
        _ password: String, salt: [UInt8], logRounds: Int, blockSize: Int, parallelism: Int
    ) throws -> [UInt8] {
        let key = try KDF.Scrypt.deriveKey(
            from: Array(password.utf8), salt: salt, outputByteCount: 32, rounds: 1 << logRounds,
            blockSize: blockSize, parallelism: parallelism)
        return key.withUnsafeBytes { Array($0) }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        let digits = text.utf8.map { digit -> UInt8? in
            switch digit {
            case 0x30...0x39: digit - 0x30
            case 0x61...0x66: digit - 0x57
            default: nil
            }
        }
        guard digits.count.isMultiple(of: 2), !digits.contains(nil) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0]! << 4 | digits[$0 + 1]! }
    }
}
