import SQLite
package import Wire

/// Somebody of a tenant: a customer, an agent or an admin.
package struct User: Sendable, Equatable {
    package let id: Int64
    package var name: String
    /// The primary address, lower case.
    package var email: String?
    package var role: Role
    /// False once deleted.
    package var isActive: Bool
    package var isSuspended: Bool
    package var isVerified: Bool
    package var organizationID: Int64?
    package var defaultGroupID: Int64?
    package var externalID: String?
    package var phone: String?
    package var alias: String?
    package var details: String?
    package var notes: String?
    package var signature: String?
    /// An IANA name.
    package var timeZone: String
    package var locale: String
    package var tags: [String]
    package var restriction: TicketRestriction
    package var onlyPrivateComments: Bool
    package var isModerator: Bool
    package var lastLoginAt: Timestamp?
    package let createdAt: Timestamp
    package var updatedAt: Timestamp
    package var version: Int64
    package var customFields: CustomValues

    static let columns = """
        users.id, users.name, users.email, users.role, users.active, users.suspended, users.verified,
        users.organization_id, users.default_group_id, users.external_id, users.phone, users.alias,
        users.details, users.notes, users.signature, users.time_zone, users.locale, users.tags,
        users.ticket_restriction, users.only_private_comments, users.moderator, users.last_login_at,
        users.created_at, users.updated_at, users.version, users.custom_fields
        """

    init(_ row: Row) {
        id = row.int64(0)
        name = row.text(1)
        email = row.optionalText(2)
        role = Role(rawValue: row.int64(3)) ?? .endUser
        isActive = row.bool(4)
        isSuspended = row.bool(5)
        isVerified = row.bool(6)
        organizationID = row.optionalInt64(7)
        defaultGroupID = row.optionalInt64(8)
        externalID = row.optionalText(9)
        phone = row.optionalText(10)
        alias = row.optionalText(11)
        details = row.optionalText(12)
        notes = row.optionalText(13)
        signature = row.optionalText(14)
        timeZone = row.text(15)
        locale = row.text(16)
        tags = Tags.split(row.text(17))
        restriction = TicketRestriction(rawValue: row.int64(18)) ?? .none
        onlyPrivateComments = row.bool(19)
        isModerator = row.bool(20)
        lastLoginAt = row.optionalInt64(21).map(Timestamp.init(rawValue:))
        createdAt = Timestamp(rawValue: row.int64(22))
        updatedAt = Timestamp(rawValue: row.int64(23))
        version = row.int64(24)
        customFields = CustomValues(stored: row.optionalText(25))
    }
}

/// What a request wants of a user. Nil leaves a field as it is; `.some(nil)` clears it.
package struct UserChanges: Sendable, Equatable {
    package var name: String?
    package var email: String??
    package var role: Role?
    package var isSuspended: Bool?
    package var isVerified: Bool?
    package var organizationID: Int64??
    package var defaultGroupID: Int64??
    package var externalID: String??
    package var phone: String??
    package var alias: String??
    package var details: String??
    package var notes: String??
    package var signature: String??
    package var timeZone: String?
    package var locale: String?
    package var tags: [String]?
    /// Of custom fields, by key.
    package var fields: [FieldChange] = []
    package var restriction: TicketRestriction?
    package var onlyPrivateComments: Bool?
    package var isModerator: Bool?
    package init() {}
}

/// Tags: words in lower case without spaces, stored as one text with single spaces between.
package enum Tags {
    package static let lengthLimit = 80
    package static let countLimit = 200

    package static func split(_ text: String) -> [String] {
        text.isEmpty ? [] : text.split(separator: " ").map(String.init)
    }
    package static func join(_ tags: [String]) -> String { tags.joined(separator: " ") }

    /// Lower case, cut at white space and commas, each once, sorted: as the dialect shows them.
    package static func normalized(_ tags: [String], field: String = "tags") throws -> [String] {
        var all: Set<String> = []
        for text in tags {
            for word in text.lowercased().split(whereSeparator: { $0.isWhitespace || $0 == "," }) {
                guard word.utf8.count <= lengthLimit else {
                    throw DeskRefusal.invalid(
                        field, .tooLong, "Tags: is too long (maximum is \(lengthLimit) bytes)")
                }
                all.insert(String(word))
            }
        }
        guard all.count <= countLimit else {
            throw DeskRefusal.invalid(
                field, .tooLong, "Tags: at most \(countLimit) tags are allowed")
        }
        return all.sorted()
    }
}
