import Wire

/// What must be filled in, by the ticket's form.
extension FieldCatalog {
    /// Fields that agents have to fill while the ticket is as it is, in their order.
    ///
    /// A field without conditions is asked for when the ticket is solved, if it is `required`. A field with conditions is
    /// shown only while one of them is met, and then as that one says. What the form does not have is not asked for.
    func missing(_ ticket: Ticket) -> [FieldDefinition] {
        guard hasRequirements else { return [] }
        let view = FormView(self, ticket, form(of: ticket), \.agentConditions)
        return view.fields.filter { field in
            guard !view.isFilled(field) else { return false }
            guard let requirements = view.requirements(of: field.id) else {
                return field.isRequired && ticket.status == .solved
            }
            return requirements.contains { $0.holds(in: ticket.status) }
        }
    }

    /// Fields that an end user who asks for something has to fill, in their order.
    func missingInPortal(_ ticket: Ticket) -> [FieldDefinition] {
        guard hasRequirements else { return [] }
        let view = FormView(self, ticket, form(of: ticket), \.endUserConditions)
        return view.fields.filter { field in
            guard field.isVisibleInPortal, field.isEditableInPortal, !view.isFilled(field) else {
                return false
            }
            return view.requirements(of: field.id).map { $0.contains { $0.holds(in: .new) } }
                ?? field.isRequiredInPortal
        }
    }
}

/// A ticket as its form shows it.
private struct FormView {
    /// Active fields of the form; without a form, of the desk.
    let fields: [FieldDefinition]
    private let ticket: Ticket
    private let values: [Int64: CustomValue]
    private let byChild:
        [Int64: [(condition: FormCondition, requirement: FormCondition.Requirement)]]

    init(
        _ catalog: FieldCatalog, _ ticket: Ticket, _ form: TicketForm?,
        _ conditions: (TicketForm) -> [FormCondition]
    ) {
        let active = catalog.list(.ticket).filter(\.isActive)
        if let form {
            let wanted = Set(form.fieldIDs)
            fields = active.filter { wanted.contains($0.id) }
        } else {
            fields = active
        }
        self.ticket = ticket
        values = ticket.customFields.all
        var byChild: [Int64: [(condition: FormCondition, requirement: FormCondition.Requirement)]] =
            [:]
        if let form {
            // A parent that is gone hides nobody.
            let there = Set(fields.map(\.id))
            for condition in conditions(form) where there.contains(condition.parentID) {
                for child in condition.children {
                    byChild[child.id, default: []].append((condition, child.requirement))
                }
            }
        }
        self.byChild = byChild
    }

    /// What the conditions say that are met; empty when the field is hidden, nil when it has no conditions.
    func requirements(of field: Int64) -> [FormCondition.Requirement]? {
        byChild[field]?.filter { isMet($0.condition, 0) }.map(\.requirement)
    }

    /// Forms cannot have circles; the depth is there for those that were written before a field was changed.
    private func isMet(_ condition: FormCondition, _ depth: Int) -> Bool {
        guard depth < 16, texts(condition.parentID) == [condition.value] else { return false }
        return byChild[condition.parentID].map {
            $0.contains { isMet($0.condition, depth + 1) }
        } ?? true
    }

    func isFilled(_ field: FieldDefinition) -> Bool {
        field.kind.isSystem ? !texts(field.id).isEmpty : values[field.id]?.isFilled ?? false
    }

    private func texts(_ id: Int64) -> [String] {
        guard let field = fields.first(where: { $0.id == id }) else { return [] }
        let text: String? =
            switch field.kind {
            case .subject: ticket.subject
            case .description: ticket.description
            case .status: ticket.status.name
            case .ticketType: ticket.type?.name
            case .priority: ticket.priority?.name
            case .group: ticket.groupID.map(String.init)
            case .assignee: ticket.assigneeID.map(String.init)
            case .checkbox: values[id]?.texts.first ?? "false"
            default: nil
            }
        if field.kind.isSystem || field.kind == .checkbox { return text.map { [$0] } ?? [] }
        return values[id]?.texts ?? []
    }
}

extension Desk {
    /// Refuses an agent's write that leaves a field empty which the ticket now needs.
    ///
    /// What was needed and missing before, in the same status, is no reason: a field that became required later must not
    /// stand in the way of a comment.
    func requireFilled(_ ticket: Ticket, before old: Ticket?, _ catalog: FieldCatalog) throws {
        var missing = catalog.missing(ticket)
        guard !missing.isEmpty else { return }
        if let old, old.status == ticket.status {
            let known = Set(catalog.missing(old).map(\.id))
            missing.removeAll { known.contains($0.id) }
        }
        guard !missing.isEmpty else { return }
        let when =
            ticket.status == .solved
            ? "when solving a ticket" : "in the status \(ticket.status.name)"
        throw DeskRefusal.invalid(
            missing.map {
                FieldError(
                    field: "base", problem: .blank, description: "\($0.title): is required \(when)")
            })
    }

    /// The same for an end user's request.
    func requireFilledInPortal(_ ticket: Ticket, _ catalog: FieldCatalog) throws {
        let missing = catalog.missingInPortal(ticket)
        guard !missing.isEmpty else { return }
        throw DeskRefusal.invalid(
            missing.map {
                FieldError(
                    field: "base", problem: .blank,
                    description: "\($0.portalTitle ?? $0.title): is required")
            })
    }
}
