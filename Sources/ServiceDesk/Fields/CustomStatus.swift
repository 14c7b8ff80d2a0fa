import SQLite
package import Wire

/// A desk's own name for where a ticket stands, under one of the fixed categories that rules and clocks go by.
package struct CustomStatus: Sendable, Equatable {
    package let id: Int64
    /// New to solved; never changes.
    package let category: TicketStatus
    package var agentLabel: String
    package var endUserLabel: String
    package var description: String?
    package var endUserDescription: String?
    package var isActive: Bool
    /// Whether a ticket gets it whose status becomes the category. One of each category has this.
    package var isDefault: Bool
    package let createdAt: Timestamp
    package var updatedAt: Timestamp
    package var version: Int64

    static let columns = """
        id, category, agent_label, end_user_label, description, end_user_description, active,
        is_default, created_at, updated_at, version
        """

    init(_ row: Row) {
        id = row.int64(0)
        category = TicketStatus(rawValue: row.int64(1)) ?? .open
        agentLabel = row.text(2)
        endUserLabel = row.text(3)
        description = row.optionalText(4)
        endUserDescription = row.optionalText(5)
        isActive = row.bool(6)
        isDefault = row.bool(7)
        createdAt = Timestamp(rawValue: row.int64(8))
        updatedAt = Timestamp(rawValue: row.int64(9))
        version = row.int64(10)
    }

    init(id: Int64, category: TicketStatus, agentLabel: String, endUserLabel: String, at: Timestamp)
    {
        self.id = id
        self.category = category
        self.agentLabel = agentLabel
        self.endUserLabel = endUserLabel
        isActive = true
        isDefault = false
        createdAt = at
        updatedAt = at
        version = 1
    }

    var columnValues: [Value] {
        [
            .integer(id), .integer(category.rawValue), .text(agentLabel), .text(endUserLabel),
            description.map(Value.text) ?? .null, endUserDescription.map(Value.text) ?? .null,
            .integer(isActive ? 1 : 0), .integer(isDefault ? 1 : 0),
            .integer(createdAt.milliseconds), .integer(updatedAt.milliseconds), .integer(version),
        ]
    }

    static let categories: [TicketStatus] = [.new, .open, .pending, .hold, .solved]

    /// The number of a category's own status, which every desk has. What is closed was solved.
    package static func systemID(_ category: TicketStatus) -> Int64 {
        min(category, .solved).rawValue + 1
    }

    /// Those that every desk has without a row.
    static let system: [CustomStatus] = {
        let labels = ["New", "Open", "Pending", "On-hold", "Solved"]
        return zip(categories, labels).map { category, label in
            var status = CustomStatus(
                id: systemID(category), category: category, agentLabel: label,
                endUserLabel: category == .hold ? "Open" : label, at: SystemRecords.origin)
            status.isDefault = true
            return status
        }
    }()
}

/// What a request wants of a custom status. Nil leaves a property as it is; `.some(nil)` clears it.
package struct CustomStatusChanges: Sendable, Equatable {
    package var category: TicketStatus?
    package var agentLabel: String?
    package var endUserLabel: String?
    package var description: String??
    package var endUserDescription: String??
    package var isActive: Bool?
    package init() {}
}
