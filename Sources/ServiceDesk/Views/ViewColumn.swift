/// A column that a view can show, group or sort by.
package struct ViewColumn: Sendable, Equatable {
    /// As clients name it in a view.
    package let name: String
    /// As the dialect shows it.
    package let id: String
    package let title: String
    package let isFilterable: Bool
    /// A whole number that tickets stand in the order of, in SQL; nil when there is no such order.
    let term: String?
    package var isSortable: Bool { term != nil }

    private init(
        _ name: String, _ title: String, id: String? = nil, isFilterable: Bool = true,
        _ term: String?
    ) {
        self.name = name
        self.id = id ?? name
        self.title = title
        self.isFilterable = isFilterable
        self.term = term
    }

    private static let all: [ViewColumn] = [
        ViewColumn("subject", "Subject", isFilterable: false, nil),
        ViewColumn("description", "Description", isFilterable: false, nil),
        ViewColumn("score", "Score", isFilterable: false, nil),
        ViewColumn("tags", "Tags", isFilterable: false, nil),
        ViewColumn("nice_id", "ID", id: "ticket_id", "tickets.id"),
        ViewColumn("ticket_id", "ID", "tickets.id"),
        ViewColumn("id", "ID", id: "ticket_id", "tickets.id"),
        ViewColumn("requester", "Requester", "tickets.requester_id"),
        ViewColumn("requester_name", "Requester", id: "requester", "tickets.requester_id"),
        ViewColumn("submitter", "Submitter", "tickets.submitter_id"),
        ViewColumn("assignee", "Assignee", "coalesce(tickets.assignee_id, 0)"),
        ViewColumn("group", "Group", "coalesce(tickets.group_id, 0)"),
        ViewColumn("organization", "Organization", "coalesce(tickets.organization_id, 0)"),
        ViewColumn("status", "Status category", "tickets.status"),
        ViewColumn("priority", "Priority", "coalesce(tickets.priority, -1)"),
        ViewColumn("type", "Ticket type", "coalesce(tickets.type, -1)"),
        ViewColumn("created", "Requested", "tickets.created_at"),
        ViewColumn("created_at", "Requested", id: "created", "tickets.created_at"),
        ViewColumn("updated", "Updated", "tickets.updated_at"),
        ViewColumn("updated_at", "Updated", id: "updated", "tickets.updated_at"),
        ViewColumn(
            "updated_requester", "Requester updated", "coalesce(tickets.requester_updated_at, 0)"),
        ViewColumn(
            "updated_assignee", "Assignee updated", "coalesce(tickets.assignee_updated_at, 0)"),
        ViewColumn("assigned", "Assigned", "coalesce(tickets.assigned_at, 0)"),
        ViewColumn("solved", "Solved", "coalesce(tickets.solved_at, 0)"),
        ViewColumn("due_date", "Due date", "coalesce(tickets.due_at, 9223372036854775807)"),
        ViewColumn(
            "due_at", "Due date", id: "due_date", "coalesce(tickets.due_at, 9223372036854775807)"),
        ViewColumn(
            "sla_next_breach_at", "Next SLA breach",
            "coalesce(tickets.next_breach_at, 9223372036854775807)"),
    ]

    package init?(name: String) {
        guard let found = Self.all.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}
