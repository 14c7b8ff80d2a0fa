import SQLite
import ShardStore
import Wire

extension Desk {
    /// In their order; only those that are active or visible to end users where that is asked for.
    package func forms(isActive: Bool?, isEndUserVisible: Bool?) throws -> [TicketForm] {
        try require(.list, .definition)
        return try catalog().forms.filter { form in
            (isActive.map { form.isActive == $0 } ?? true)
                && (isEndUserVisible.map { form.isEndUserVisible == $0 } ?? true)
        }
    }

    package func form(_ id: Int64) throws -> TicketForm {
        try require(.read, .definition)
        guard let form = try catalog().form(id) else { throw DeskRefusal.notFound }
        return form
    }
}

extension Desk where Rows == WritableRows {
    package static var formLimit: Int { 300 }
    /// Conditions of a form, for agents and for end users each.
    private static var conditionLimit: Int { 500 }
    private static var childLimit: Int { 100 }

    package func createForm(_ changes: TicketFormChanges) throws -> TicketForm {
        try require(.create, .definition)
        let catalog = try catalog()
        try requireRoom(catalog)
        let name = try Validation.required(changes.name, "name", "Name", max: 255)
        var form = TicketForm(
            id: rows.makeIdentifier(), name: name,
            position: (catalog.forms.map(\.position).max() ?? -1) + 1, at: now)
        form.fieldIDs = catalog.list(.ticket).filter(\.kind.isSystem).map(\.id)
        try assign(changes, to: &form, catalog)
        form.isDefault = changes.isDefault ?? catalog.forms.isEmpty
        try insert(form, catalog)
        return try self.catalog().form(form.id)!
    }

    package func updateForm(_ id: Int64, _ changes: TicketFormChanges) throws -> TicketForm {
        try require(.update, .definition)
        let catalog = try catalog()
        guard let old = catalog.form(id) else { throw DeskRefusal.notFound }
        var form = old
        try assign(changes, to: &form, catalog)
        if let isDefault = changes.isDefault {
            guard isDefault || !old.isDefault else {
                throw DeskRefusal.invalid(
                    "default", .notAllowed, "Default: make another form the default instead")
            }
            form.isDefault = isDefault
        }
        guard form.isActive || !form.isDefault else {
            throw DeskRefusal.invalid(
                "active", .notAllowed,
                "Active: \(form.name) is the default; make another form the default first")
        }
        try leaveDefault(to: form, catalog)
        try write(form)
        return try self.catalog().form(id)!
    }

    /// Deletes a form. Its tickets go by the default form from then on, and keep its number as history.
    package func deleteForm(_ id: Int64) throws {
        try require(.delete, .definition)
        let catalog = try catalog()
        guard let form = catalog.form(id) else { throw DeskRefusal.notFound }
        guard !form.isDefault || catalog.forms.count == 1 else {
            throw DeskRefusal.invalid(
                "base", .notAllowed,
                "\(form.name) is the default form; make another form the default first")
        }
        try rows.define(
            "DELETE FROM ticket_forms WHERE tenant = ?1 AND id = ?2", [.integer(id)])
    }

    package func cloneForm(_ id: Int64, namesClone: Bool) throws -> TicketForm {
        try require(.create, .definition)
        let catalog = try catalog()
        guard let old = catalog.form(id) else { throw DeskRefusal.notFound }
        try requireRoom(catalog)
        var form = TicketForm(
            id: rows.makeIdentifier(),
            name: namesClone ? String("Clone of \(old.name)".prefix(200)) : old.name,
            position: (catalog.forms.map(\.position).max() ?? -1) + 1, at: now)
        form.displayName = old.displayName
        form.isActive = old.isActive
        form.isEndUserVisible = old.isEndUserVisible
        form.isInAllBrands = old.isInAllBrands
        form.fieldIDs = old.fieldIDs
        form.agentConditions = old.agentConditions
        form.endUserConditions = old.endUserConditions
        try insert(form, catalog)
        return try self.catalog().form(form.id)!
    }

    /// Puts forms into this order; those that are not named stay behind them.
    package func reorderForms(_ ids: [Int64]) throws -> [TicketForm] {
        try require(.update, .definition)
        let catalog = try catalog()
        var seen: Set<Int64> = []
        for id in ids {
            guard seen.insert(id).inserted, catalog.form(id) != nil else {
                throw DeskRefusal.invalid(
                    "ticket_form_ids", .invalid, "\(id) is no ticket form, or stands twice")
            }
        }
        let rest = catalog.forms.map(\.id).filter { !seen.contains($0) }
        for (place, id) in (ids + rest).enumerated() {
            guard var form = catalog.form(id), form.position != Int64(place) else { continue }
            form.position = Int64(place)
            try write(form)
        }
        return try self.catalog().forms
    }

    private func requireRoom(_ catalog: FieldCatalog) throws {
        guard catalog.forms.count < Self.formLimit else {
            throw DeskRefusal.invalid(
                "base", .outOfRange, "A desk may have at most \(Self.formLimit) ticket forms")
        }
    }

    private func insert(_ form: TicketForm, _ catalog: FieldCatalog) throws {
        guard form.isActive || !form.isDefault else {
            throw DeskRefusal.invalid(
                "active", .notAllowed, "Active: the default form must be active")
        }
        try leaveDefault(to: form, catalog)
        try rows.define("ticket_forms", TicketForm.columns, form.columnValues, isNew: true)
    }

    private func leaveDefault(to form: TicketForm, _ catalog: FieldCatalog) throws {
        guard form.isDefault else { return }
        for var other in catalog.forms where other.isDefault && other.id != form.id {
            other.isDefault = false
            try write(other)
        }
    }

    private func write(_ form: TicketForm) throws {
        var form = form
        form.updatedAt = now
        form.version += 1
        try rows.define("ticket_forms", TicketForm.columns, form.columnValues, isNew: false)
    }

    private func assign(
        _ changes: TicketFormChanges, to form: inout TicketForm, _ catalog: FieldCatalog
    ) throws {
        if let name = changes.name {
            form.name = try Validation.required(name, "name", "Name", max: 255)
        }
        if let name = changes.displayName {
            form.displayName = try name.boundedOrNil("display_name", "Display name", max: 255)
        }
        if let position = changes.position {
            guard (0...1_000_000).contains(position) else {
                throw DeskRefusal.invalid(
                    "position", .outOfRange, "Position: must be from 0 to 1,000,000")
            }
            form.position = position
        }
        form.isActive = changes.isActive ?? form.isActive
        form.isEndUserVisible = changes.isEndUserVisible ?? form.isEndUserVisible
        form.isInAllBrands = changes.isInAllBrands ?? form.isInAllBrands
        if let ids = changes.fieldIDs {
            for id in ids where catalog.field(id, of: .ticket) == nil {
                throw DeskRefusal.invalid(
                    "ticket_field_ids", .invalid, "Ticket field ids: \(id) is no ticket field")
            }
            guard Set(ids).count == ids.count else {
                throw DeskRefusal.invalid(
                    "ticket_field_ids", .duplicate, "Ticket field ids: one stands there twice")
            }
            form.fieldIDs = ids
        }
        for (name, label, wanted, path) in [
            (
                "agent_conditions", "Agent conditions", changes.agentConditions,
                \TicketForm.agentConditions
            ),
            (
                "end_user_conditions", "End user conditions", changes.endUserConditions,
                \TicketForm.endUserConditions
            ),
        ] {
            guard let wanted else { continue }
            try check(wanted, name, label, form, catalog)
            form[keyPath: path] = wanted
        }
    }

    /// Parents must have choices, and values that are among them; everybody must be on the form; nobody may hide themselves.
    private func check(
        _ conditions: [FormCondition], _ name: String, _ label: String, _ form: TicketForm,
        _ catalog: FieldCatalog
    ) throws {
        func refusal(_ text: String) -> DeskRefusal {
            .invalid(name, .invalid, "\(label): \(text)")
        }
        guard conditions.count <= Self.conditionLimit,
            conditions.allSatisfy({ $0.children.count <= Self.childLimit })
        else {
            throw refusal(
                "at most \(Self.conditionLimit) conditions of at most \(Self.childLimit) fields each are allowed"
            )
        }
        let onForm = Set(form.fieldIDs)
        var parents: [Int64: Set<Int64>] = [:]
        for condition in conditions {
            guard let parent = catalog.field(condition.parentID, of: .ticket),
                onForm.contains(parent.id)
            else { throw refusal("\(condition.parentID) is no field of the form") }
            let choices: [String]
            switch parent.kind {
            case .checkbox: choices = ["true", "false"]
            case .dropdown: choices = parent.options.map(\.value)
            case .ticketType: choices = TicketType.allCases.map(\.name)
            case .priority: choices = TicketPriority.allCases.map(\.name)
            default:
                throw refusal(
                    "\(parent.title) cannot decide over others; only drop-downs, checkboxes, type and priority can"
                )
            }
            guard choices.contains(condition.value) else {
                throw refusal(
                    "\(condition.value.prefix(80)) is not a value that \(parent.title) can have")
            }
            for child in condition.children {
                guard catalog.field(child.id, of: .ticket) != nil, onForm.contains(child.id)
                else { throw refusal("\(child.id) is no field of the form") }
                parents[child.id, default: []].insert(parent.id)
            }
        }
        for child in parents.keys.sorted() {
            var above: Set<Int64> = []
            var open = Array(parents[child] ?? [])
            while let next = open.popLast() {
                guard next != child else {
                    throw refusal("\(catalog.fields[child]!.title) would decide over itself")
                }
                if above.insert(next).inserted { open += parents[next] ?? [] }
            }
        }
    }
}
