/// What a user may be. Greater can more.
package enum Role: Int64, Sendable, Comparable, CaseIterable {
    case endUser = 0
    case agent = 1
    case admin = 2
    package static func < (a: Role, b: Role) -> Bool { a.rawValue < b.rawValue }
    /// The API's name.
    package var name: String {
        switch self {
        case .endUser: "end-user"
        case .agent: "agent"
        case .admin: "admin"
        }
    }
    package init?(name: String) {
        guard let role = Role.allCases.first(where: { $0.name == name }) else { return nil }
        self = role
    }
    package var isStaff: Bool { self != .endUser }
}

/// Which tickets an agent may see.
package enum TicketRestriction: Int64, Sendable {
    case none = 0
    case groups = 1
    case organization = 2
    case assigned = 3
    case requested = 4
}

/// Who is asking: a user of this tenant with what authorisation needs to know, read in the same transaction as the request.
package struct Principal: Sendable, Equatable {
    package let userID: Int64
    package let role: Role
    package let organizationIDs: Set<Int64>
    package let groupIDs: Set<Int64>
    /// Of an end user: organizations of theirs whose members see each other's requests.
    package let sharedOrganizationIDs: Set<Int64>
    /// Of those, the ones whose members may also comment on them.
    package let commentableOrganizationIDs: Set<Int64>
    package let restriction: TicketRestriction
    package let onlyPrivateComments: Bool
    package let name: String
    package let email: String?

    package init(
        userID: Int64, role: Role, organizationIDs: Set<Int64> = [], groupIDs: Set<Int64> = [],
        sharedOrganizationIDs: Set<Int64> = [], commentableOrganizationIDs: Set<Int64> = [],
        restriction: TicketRestriction = .none, onlyPrivateComments: Bool = false,
        name: String = "", email: String? = nil
    ) {
        self.userID = userID
        self.role = role
        self.organizationIDs = organizationIDs
        self.groupIDs = groupIDs
        self.sharedOrganizationIDs = sharedOrganizationIDs
        self.commentableOrganizationIDs = commentableOrganizationIDs
        self.restriction = restriction
        self.onlyPrivateComments = onlyPrivateComments
        self.name = name
        self.email = email
    }
}
