/// What can be searched for. The order breaks ties between results of different kinds.
package enum SearchKind: Int, Sendable, CaseIterable {
    case ticket, user, organization, group

    package var name: String {
        switch self {
        case .ticket: "ticket"
        case .user: "user"
        case .organization: "organization"
        case .group: "group"
        }
    }

    package init?(name: String) {
        guard let kind = SearchKind.allCases.first(where: { $0.name == name }) else { return nil }
        self = kind
    }

    var table: String {
        switch self {
        case .ticket: "tickets"
        case .user: "users"
        case .organization: "organizations"
        case .group: "teams"
        }
    }

    /// The columns that words are looked for in; a column's bit in a `SearchPlan.TextGroup` is its place here.
    var textColumns: [String] {
        switch self {
        case .ticket: ["subject", "description"]
        case .user: ["name", "email", "notes", "phone", "details"]
        case .organization: ["name", "details", "notes"]
        case .group: ["name"]
        }
    }

    /// The bit of a ticket's comments, which are rows of another table.
    static let commentsBit: UInt8 = 1 << 7

    /// Where words without a field are looked for.
    var freeTextBits: UInt8 {
        switch self {
        case .ticket: 0b11 | Self.commentsBit
        case .user: 0b1111
        case .organization: 0b11
        case .group: 0b1
        }
    }

    /// What a field of this kind is, or nil when it has no such field.
    func field(_ name: String) -> SearchField? {
        switch name {
        case "created", "created_at": return .time("created_at")
        case "updated", "updated_at": return .time("updated_at")
        case "id": return .number("id")
        default: break
        }
        switch self {
        case .ticket: return Self.ticketField(name)
        case .user: return Self.userField(name)
        case .organization: return Self.organizationField(name)
        case .group: return name == "name" ? .text(0b1) : nil
        }
    }

    private static func ticketField(_ name: String) -> SearchField? {
        switch name {
        case "status": .ranked("status", TicketStatus.allCases.map { ($0.name, $0.rawValue) })
        case "priority": .ranked("priority", TicketPriority.allCases.map { ($0.name, $0.rawValue) })
        case "ticket_type": .named("type", TicketType.allCases.map { ($0.name, $0.rawValue) })
        case "via":
            .named(
                "channel",
                (0...3).compactMap { Via.Channel(rawValue: $0) }.map { ($0.name, $0.rawValue) }
                    + [("mail", Via.Channel.email.rawValue)])
        case "tags", "tag": .tags
        case "subject": .text(1 << 0)
        case "description": .text(1 << 1)
        case "comment": .text(commentsBit)
        case "requester", "requester_id": .user("requester_id")
        case "submitter", "submitter_id": .user("submitter_id")
        case "assignee", "assignee_id": .user("assignee_id")
        case "group", "group_id": .team("group_id")
        case "organization", "organization_id": .organization("organization_id")
        case "solved", "solved_at": .time("solved_at")
        case "due_date", "due_at": .time("due_at")
        case "external_id": .exact("external_id")
        default: nil
        }
    }

    private static func userField(_ name: String) -> SearchField? {
        switch name {
        case "name": .text(1 << 0)
        case "email": .email
        case "notes": .text(1 << 2)
        case "phone": .text(1 << 3)
        case "details": .text(1 << 4)
        case "role":
            .named(
                "role",
                Role.allCases.map { ($0.name, $0.rawValue) } + [
                    ("end_user", Role.endUser.rawValue), ("enduser", Role.endUser.rawValue),
                ])
        case "tags", "tag": .tags
        case "group", "group_id": .memberTeam
        case "organization", "organization_id": .memberOrganization
        case "external_id": .exact("external_id")
        case "is_verified", "verified": .flag("verified")
        case "is_suspended", "suspended": .flag("suspended")
        default: nil
        }
    }

    private static func organizationField(_ name: String) -> SearchField? {
        switch name {
        case "name": .text(1 << 0)
        case "details": .text(1 << 1)
        case "notes": .text(1 << 2)
        case "tags", "tag": .tags
        case "external_id": .exact("external_id")
        default: nil
        }
    }
}

/// How a field is compared. The text is the column's name.
enum SearchField {
    /// Words in the columns of these bits.
    case text(UInt8)
    case time(String)
    case number(String)
    /// Values with an order: `status<solved`.
    case ranked(String, [(name: String, value: Int64)])
    /// Values without one.
    case named(String, [(name: String, value: Int64)])
    case flag(String)
    /// The same text, or with `*` its beginning.
    case exact(String)
    case tags
    case email
    /// A user by number, address, words of the name, `me` or `none`.
    case user(String)
    case team(String)
    case organization(String)
    case memberTeam
    case memberOrganization
    /// A custom field, or any of them.
    case custom(FieldDefinition)
    case anyCustom
}

/// What search results are sorted by.
package enum SearchSort: String, Sendable, CaseIterable {
    /// What changed last comes first, until there is a full-text index to rank by.
    case relevance
    case createdAt = "created_at"
    case updatedAt = "updated_at"
    case priority, status
    case ticketType = "ticket_type"

    /// The words of `sort_by`, and of `order_by:` in a query.
    package init?(name: String) {
        switch name {
        case "created": self = .createdAt
        case "updated": self = .updatedAt
        default:
            guard let sort = SearchSort(rawValue: name) else { return nil }
            self = sort
        }
    }

    /// A whole number of each row. Kinds without the column come as tickets without a value do.
    func expression(_ kind: SearchKind) -> String {
        switch self {
        case .relevance, .updatedAt: "\(kind.table).updated_at"
        case .createdAt: "\(kind.table).created_at"
        case .priority: kind == .ticket ? "coalesce(tickets.priority, -1)" : "-1"
        case .status: kind == .ticket ? "tickets.status" : "-1"
        case .ticketType: kind == .ticket ? "coalesce(tickets.type, -1)" : "-1"
        }
    }
}
