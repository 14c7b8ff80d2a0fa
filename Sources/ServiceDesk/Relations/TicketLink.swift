import SQLite
package import Wire

/// What one ticket is to another. The numbers are stored; each has its counterpart at the other end.
package enum RelationKind: Int64, Sendable, CaseIterable {
    case related = 1
    /// This ticket says what the other one said before.
    case duplicate = 2
    case duplicatedBy = 3
    /// The other ticket waits for this one.
    case blocks = 4
    case blockedBy = 5
    /// This ticket was made of comments of the other one. Such links are made by splitting, and stay.
    case splitFrom = 6
    case splitInto = 7

    package var name: String {
        switch self {
        case .related: "related"
        case .duplicate: "duplicate"
        case .duplicatedBy: "duplicated_by"
        case .blocks: "blocks"
        case .blockedBy: "blocked_by"
        case .splitFrom: "split_from"
        case .splitInto: "split_into"
        }
    }

    package init?(name: String) {
        guard let kind = RelationKind.allCases.first(where: { $0.name == name }) else { return nil }
        self = kind
    }

    /// The same link as the other ticket has it.
    package var counterpart: RelationKind {
        switch self {
        case .related: .related
        case .duplicate: .duplicatedBy
        case .duplicatedBy: .duplicate
        case .blocks: .blockedBy
        case .blockedBy: .blocks
        case .splitFrom: .splitInto
        case .splitInto: .splitFrom
        }
    }

    /// Whether it stands for something that has happened, and is not made or deleted by hand.
    var isHistory: Bool { self == .splitFrom || self == .splitInto }
}

/// A link as it is seen from one of its ends.
package struct TicketLink: Sendable, Equatable {
    /// Links of one ticket, those of splits besides.
    static let limit = 100

    package let id: Int64
    package let ticketID: Int64
    package let kind: RelationKind
    package let otherID: Int64
    package let actorID: Int64
    package let createdAt: Timestamp
    /// Of a split: the comments on this ticket that it was about.
    package internal(set) var commentIDs: [Int64] = []

    static let columns = "id, ticket_id, kind, other_id, actor_id, created_at"

    init(_ row: Row) {
        id = row.int64(0)
        ticketID = row.int64(1)
        kind = RelationKind(rawValue: row.int64(2)) ?? .related
        otherID = row.int64(3)
        actorID = row.int64(4)
        createdAt = Timestamp(rawValue: row.int64(5))
    }
}
