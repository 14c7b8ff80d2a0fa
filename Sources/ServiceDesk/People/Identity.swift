import SQLite
import ShardStore
package import Wire

/// One way to know a user: a mail address, a telephone number, an account elsewhere.
package struct Identity: Sendable, Equatable {
    /// The numbers are stored.
    package enum Kind: Int64, Sendable, CaseIterable {
        case email = 0
        case phoneNumber = 1
        case twitter = 2
        case facebook = 3
        case google = 4
        /// The API's name.
        package var name: String {
            switch self {
            case .email: "email"
            case .phoneNumber: "phone_number"
            case .twitter: "twitter"
            case .facebook: "facebook"
            case .google: "google"
            }
        }
        package init?(name: String) {
            guard let kind = Kind.allCases.first(where: { $0.name == name }) else { return nil }
            self = kind
        }
    }

    /// Identities of one user.
    static let countLimit = 50

    package let id: Int64
    package let userID: Int64
    package let kind: Kind
    /// Addresses in lower case, numbers as `+` and digits.
    package let value: String
    package let isVerified: Bool
    /// Of the addresses of a user one is primary; it is the user's `email`.
    package let isPrimary: Bool
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    static let columns = "id, user_id, kind, value, verified, is_primary, created_at, updated_at"

    init(_ row: Row) {
        id = row.int64(0)
        userID = row.int64(1)
        kind = Kind(rawValue: row.int64(2)) ?? .email
        value = row.text(3)
        isVerified = row.bool(4)
        isPrimary = row.bool(5)
        createdAt = Timestamp(rawValue: row.int64(6))
        updatedAt = Timestamp(rawValue: row.int64(7))
    }

    /// A value in the form in which it is stored and compared.
    static func checked(_ value: String?, _ kind: Kind) throws -> String {
        let text = try Validation.required(value, "value", "Value", max: 255)
        switch kind {
        case .email: return try Validation.email(text, "value")
        case .phoneNumber:
            let digits = text.filter { !" -()./".contains($0) }
            let number = digits.hasPrefix("+") ? digits.dropFirst() : digits[...]
            guard (3...20).contains(number.count), number.allSatisfy({ $0.isASCII && $0.isNumber })
            else {
                throw DeskRefusal.invalid(
                    "value", .wrongType, "Value: \(text.prefix(60)) is not a telephone number")
            }
            return digits
        case .twitter, .facebook, .google: return text
        }
    }
}

/// What hangs on a user, as numbers kept at write time.
package struct UserRelations: Sendable, Equatable {
    package let requestedTickets: Int64
    package let assignedTickets: Int64
}

extension Desk {
    package func identities(ofUser userID: Int64, _ page: PageRequest) throws -> Page<Identity> {
        _ = try user(userID)
        return try rows.page(
            PagedQuery(
                columns: Identity.columns, source: "identities", condition: "user_id = ?2",
                values: [userID], order: PageOrder("id", ["identities.id"])),
            page,
            count: {
                // One user's own rows, at most `countLimit`.
                try rows.first(
                    "SELECT count(*) FROM identities WHERE tenant = ?1 AND user_id = ?2", userID
                ) { $0.int64(0) } ?? 0
            }, read: Identity.init)
    }

    package func identity(_ id: Int64, ofUser userID: Int64) throws -> Identity {
        _ = try user(userID)
        let found = try rows.first(
            "SELECT \(Identity.columns) FROM identities WHERE tenant = ?1 AND user_id = ?2 AND id = ?3",
            userID, id, read: Identity.init)
        guard let found else { throw DeskRefusal.notFound }
        return found
    }

    package func relations(ofUser userID: Int64) throws -> UserRelations {
        try require(.list, .tickets)
        _ = try user(userID)
        return UserRelations(
            requestedTickets: try rows.count(.ticketsOfRequester(userID)),
            assignedTickets: try rows.count(.ticketsOfAssignee(userID)))
    }
}

extension Desk where Rows == WritableRows {
    package func createIdentity(
        ofUser userID: Int64, _ kind: Identity.Kind, value: String?, isVerified: Bool,
        isPrimary: Bool
    ) throws -> Identity {
        let owner = try changeable(userID)
        let value = try Identity.checked(value, kind)
        try requireFree(value, kind)
        try requireRoomForIdentity(of: userID)
        let id = rows.makeIdentifier()
        try rows.run(
            "INSERT INTO identities VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?7)", userID, id,
            kind.rawValue, value, isVerified, now.milliseconds)
        if kind == .email && (isPrimary || owner.email == nil) {
            return try makePrimary(id, ofUser: userID)
        }
        try touch(userID)
        return try identity(id, ofUser: userID)
    }

    /// Changes a value or whether it is verified. The user's `email` follows its primary address.
    package func updateIdentity(
        _ id: Int64, ofUser userID: Int64, value: String?, isVerified: Bool?
    ) throws -> Identity {
        _ = try changeable(userID)
        let old = try identity(id, ofUser: userID)
        let wanted = try value.map { try Identity.checked($0, old.kind) } ?? old.value
        if wanted != old.value { try requireFree(wanted, old.kind) }
        // An address that changed is another one: nobody has verified it yet.
        let verified = isVerified ?? (wanted == old.value && old.isVerified)
        try rows.run(
            """
            UPDATE identities SET value = ?4, verified = ?5, updated_at = ?6
            WHERE tenant = ?1 AND user_id = ?2 AND id = ?3
            """, userID, id, wanted, verified, now.milliseconds)
        if old.isPrimary { try follow(userID) } else { try touch(userID) }
        return try identity(id, ofUser: userID)
    }

    package func makePrimary(_ id: Int64, ofUser userID: Int64) throws -> Identity {
        _ = try changeable(userID)
        let wanted = try identity(id, ofUser: userID)
        guard wanted.kind == .email else {
            throw DeskRefusal.invalid(
                "primary", .notAllowed, "Primary: only a mail address can be primary")
        }
        try rows.run(
            """
            UPDATE identities SET is_primary = 0
            WHERE tenant = ?1 AND user_id = ?2 AND is_primary = 1 AND id <> ?3
            """, userID, id)
        try rows.run(
            "UPDATE identities SET is_primary = 1 WHERE tenant = ?1 AND user_id = ?2 AND id = ?3",
            userID, id)
        try follow(userID)
        return try identity(id, ofUser: userID)
    }

    package func deleteIdentity(_ id: Int64, ofUser userID: Int64) throws {
        _ = try changeable(userID)
        guard try !identity(id, ofUser: userID).isPrimary else {
            throw DeskRefusal.invalid(
                "base", .notAllowed,
                "The primary address cannot be deleted; make another one primary first")
        }
        try rows.run(
            "DELETE FROM identities WHERE tenant = ?1 AND user_id = ?2 AND id = ?3", userID, id)
        try touch(userID)
    }

    /// Who may sign in as somebody decides over identities: staff for customers, admins for staff, nobody for themselves
    /// unless they are staff.
    private func changeable(_ userID: Int64) throws -> User {
        let owner = try user(userID)
        guard owner.isActive else { throw DeskRefusal.notFound }
        try require(.update, .user(id: owner.id, role: owner.role))
        guard principal.role.isStaff else {
            throw DeskRefusal.forbidden("You do not have access to this page")
        }
        return owner
    }

    func requireRoomForIdentity(of userID: Int64) throws {
        let count = try rows.first(
            "SELECT count(*) FROM identities WHERE tenant = ?1 AND user_id = ?2", userID
        ) { $0.int64(0) }
        guard (count ?? 0) < Int64(Identity.countLimit) else {
            throw DeskRefusal.invalid(
                "base", .tooLong, "A user has at most \(Identity.countLimit) identities")
        }
    }

    private func requireFree(_ value: String, _ kind: Identity.Kind) throws {
        let taken = try rows.first(
            "SELECT 1 FROM identities WHERE tenant = ?1 AND kind = ?2 AND value = ?3",
            kind.rawValue, value
        ) { _ in true }
        guard taken == nil else {
            throw DeskRefusal.invalid(
                "value", .duplicate, "Value: \(value) is already being used by another user")
        }
    }

    /// Copies the primary address to its user.
    private func follow(_ userID: Int64) throws {
        try rows.run(
            """
            UPDATE users SET updated_at = ?3, version = version + 1,
            email = (SELECT i.value FROM identities i
                WHERE i.tenant = ?1 AND i.user_id = ?2 AND i.is_primary = 1),
            verified = (SELECT i.verified FROM identities i
                WHERE i.tenant = ?1 AND i.user_id = ?2 AND i.is_primary = 1)
            WHERE tenant = ?1 AND id = ?2
            """, userID, now.milliseconds)
    }

    private func touch(_ userID: Int64) throws {
        try rows.run(
            "UPDATE users SET updated_at = ?3, version = version + 1 WHERE tenant = ?1 AND id = ?2",
            userID, now.milliseconds)
    }
}
