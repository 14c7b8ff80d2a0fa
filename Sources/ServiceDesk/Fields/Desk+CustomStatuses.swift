import ShardStore
import Wire

/// Which custom statuses a list shows.
package struct CustomStatusFilter: Sendable, Equatable {
    package var isActive: Bool?
    package var isDefault: Bool?
    package var categories: [TicketStatus]?
    package init() {}
}

extension Desk {
    /// Those of the filter, by category.
    package func customStatuses(_ filter: CustomStatusFilter) throws -> [CustomStatus] {
        try require(.list, .definition)
        return try catalog().statuses.filter { status in
            (filter.isActive.map { status.isActive == $0 } ?? true)
                && (filter.isDefault.map { status.isDefault == $0 } ?? true)
                && (filter.categories.map { $0.contains(status.category) } ?? true)
        }
    }

    package func customStatus(_ id: Int64) throws -> CustomStatus {
        try require(.read, .definition)
        guard let status = try catalog().status(id) else { throw DeskRefusal.notFound }
        return status
    }
}

extension Desk where Rows == WritableRows {
    package static var customStatusLimit: Int { 200 }

    package func createCustomStatus(_ changes: CustomStatusChanges) throws -> CustomStatus {
        try require(.create, .definition)
        let catalog = try catalog()
        guard catalog.statuses.count < Self.customStatusLimit else {
            throw DeskRefusal.invalid(
                "base", .outOfRange,
                "A desk may have at most \(Self.customStatusLimit) custom statuses")
        }
        guard let category = changes.category else {
            throw DeskRefusal.invalid(
                "status_category", .blank,
                "Status category: must be new, open, pending, hold or solved")
        }
        let label = try Validation.required(
            changes.agentLabel, "agent_label", "Agent label", max: 192)
        var status = CustomStatus(
            id: rows.makeIdentifier(), category: category, agentLabel: label, endUserLabel: label,
            at: now)
        try assign(changes, to: &status, catalog)
        try rows.define(
            "custom_statuses", CustomStatus.columns, status.columnValues, isNew: true)
        return try self.catalog().status(status.id)!
    }

    package func updateCustomStatus(_ id: Int64, _ changes: CustomStatusChanges) throws
        -> CustomStatus
    {
        try require(.update, .definition)
        let catalog = try catalog()
        guard let old = catalog.status(id) else { throw DeskRefusal.notFound }
        if let category = changes.category, category != old.category {
            throw DeskRefusal.invalid(
                "status_category", .notAllowed, "Status category: cannot be changed")
        }
        var status = old
        try assign(changes, to: &status, catalog)
        guard status.isActive || !status.isDefault else {
            throw DeskRefusal.invalid(
                "active", .notAllowed,
                "Active: \(status.agentLabel) is the default of its category; make another the default first"
            )
        }
        try write(status)
        return try self.catalog().status(id)!
    }

    /// Makes these the defaults of their categories.
    package func setDefaultStatuses(_ ids: [Int64]) throws {
        try require(.update, .definition)
        let catalog = try catalog()
        var wanted: [TicketStatus: CustomStatus] = [:]
        for id in ids {
            guard let status = catalog.status(id) else {
                throw DeskRefusal.invalid("ids", .invalid, "Ids: \(id) is no custom status")
            }
            guard status.isActive else {
                throw DeskRefusal.invalid(
                    "ids", .invalid, "Ids: \(status.agentLabel) is not active")
            }
            guard wanted.updateValue(status, forKey: status.category) == nil else {
                throw DeskRefusal.invalid(
                    "ids", .duplicate,
                    "Ids: two are of the category \(status.category.name), which has one default")
            }
        }
        for status in catalog.statuses {
            guard let chosen = wanted[status.category], status.isDefault != (status == chosen)
            else { continue }
            var changed = status
            changed.isDefault = status == chosen
            try write(changed)
        }
    }

    /// A category's own status gets a row with its first change.
    private func write(_ status: CustomStatus) throws {
        var status = status
        status.updatedAt = now
        status.version += 1
        let isOld = try rows.first(
            "SELECT 1 FROM custom_statuses WHERE tenant = ?1 AND id = ?2", status.id,
            read: { _ in true })
        try rows.define(
            "custom_statuses", CustomStatus.columns, status.columnValues, isNew: isOld == nil)
    }

    private func assign(
        _ changes: CustomStatusChanges, to status: inout CustomStatus, _ catalog: FieldCatalog
    ) throws {
        if let label = changes.agentLabel {
            status.agentLabel = try Validation.required(
                label, "agent_label", "Agent label", max: 192)
        }
        if let label = changes.endUserLabel {
            status.endUserLabel = try Validation.required(
                label, "end_user_label", "End user label", max: 192)
        }
        if let text = changes.description {
            status.description = try text.boundedOrNil("description", "Description", max: 4096)
        }
        if let text = changes.endUserDescription {
            status.endUserDescription = try text.boundedOrNil(
                "end_user_description", "End user description", max: 4096)
        }
        if let isActive = changes.isActive { status.isActive = isActive }
        let isTaken = catalog.statuses.contains {
            $0.id != status.id && $0.category == status.category
                && $0.agentLabel.lowercased() == status.agentLabel.lowercased()
        }
        guard !isTaken else {
            throw DeskRefusal.invalid(
                "agent_label", .duplicate,
                "Agent label: \(status.agentLabel) has already been taken in this category")
        }
    }
}

extension FieldCatalog {
    /// What a request says of a ticket's status: by category, by custom status, or by both.
    ///
    /// A client that sends a ticket back as it got it names the custom status the ticket has; then the status it names is
    /// what it means to change.
    func wantedStatus(_ changes: TicketChanges, of ticket: Ticket?) throws -> (
        status: TicketStatus?, custom: Int64?
    ) {
        guard let id = changes.customStatusID else { return (changes.status, nil) }
        if let ticket, id == ticket.customStatusID {
            return changes.status == ticket.status || changes.status == nil
                ? (changes.status, id) : (changes.status, nil)
        }
        guard let wanted = status(id) else {
            throw DeskRefusal.invalid(
                "custom_status_id", .invalid, "Custom status: \(id) does not exist")
        }
        guard wanted.isActive else {
            throw DeskRefusal.invalid(
                "custom_status_id", .notAllowed,
                "Custom status: \(wanted.agentLabel) is not active")
        }
        guard changes.status == nil || changes.status == wanted.category else {
            throw DeskRefusal.invalid(
                "custom_status_id", .invalid,
                "Custom status: \(wanted.agentLabel) belongs to the category \(wanted.category.name), not to \(changes.status!.name)"
            )
        }
        return (wanted.category, id)
    }

    /// Settles the custom status of a ticket whose status is known: the one that is wanted, or when the category is new,
    /// that category's default.
    func settleStatus(_ custom: Int64?, of ticket: inout Ticket, before old: TicketStatus?) {
        if let custom, status(custom)?.category == ticket.status {
            ticket.chosenStatusID =
                custom == CustomStatus.systemID(ticket.status) ? nil : custom
        } else if ticket.status == .closed {
            // What is closed keeps the name under which it was solved.
            if old != .solved { ticket.chosenStatusID = nil }
        } else if ticket.status != old {
            ticket.chosenStatusID = defaultStatus(ticket.status)
        }
    }
}
