import SQLite
package import Wire

/// A field that a desk's tickets, users or organizations have: what it is called, what it takes, who sees it.
package struct FieldDefinition: Sendable, Equatable {
    package let id: Int64
    package let owner: FieldOwner
    package let kind: FieldKind
    /// Of users' and organizations' fields: the name in the API. Never changes.
    package let key: String?
    package var title: String
    /// Nil when it is the title.
    package var portalTitle: String?
    package var description: String
    package var agentDescription: String?
    package var position: Int64
    package var isActive: Bool
    /// Agents must fill it before a ticket can be solved.
    package var isRequired: Bool
    package var isCollapsed: Bool
    package var isVisibleInPortal: Bool
    package var isEditableInPortal: Bool
    package var isRequiredInPortal: Bool
    /// Of a checkbox: the tag that says it is ticked.
    package var tag: String?
    /// Of a field of texts of one form.
    package var pattern: ValuePattern?
    package var target: LookupTarget?
    package let createdAt: Timestamp
    package var updatedAt: Timestamp
    package var deletedAt: Timestamp?
    package var deletedBy: Int64?
    package var version: Int64
    /// In order.
    package var options: [FieldOption] = []

    /// Where a field stands that nobody gave a place.
    package static let lastPosition: Int64 = 9999

    static let columns = """
        id, owner, kind, key, title, portal_title, description, agent_description, position, active,
        required, collapsed, visible_in_portal, editable_in_portal, required_in_portal, tag,
        pattern, target, created_at, updated_at, deleted_at, deleted_by, version
        """

    init(_ row: Row) {
        id = row.int64(0)
        owner = FieldOwner(rawValue: row.int64(1)) ?? .ticket
        kind = FieldKind(rawValue: row.int64(2)) ?? .text
        key = row.optionalText(3)
        title = row.text(4)
        portalTitle = row.optionalText(5)
        description = row.text(6)
        agentDescription = row.optionalText(7)
        position = row.int64(8)
        isActive = row.bool(9)
        isRequired = row.bool(10)
        isCollapsed = row.bool(11)
        isVisibleInPortal = row.bool(12)
        isEditableInPortal = row.bool(13)
        isRequiredInPortal = row.bool(14)
        tag = row.optionalText(15)
        pattern = row.optionalText(16).flatMap { try? ValuePattern($0) }
        target = row.optionalInt64(17).flatMap(LookupTarget.init(rawValue:))
        createdAt = Timestamp(rawValue: row.int64(18))
        updatedAt = Timestamp(rawValue: row.int64(19))
        deletedAt = row.optionalInt64(20).map(Timestamp.init(rawValue:))
        deletedBy = row.optionalInt64(21)
        version = row.int64(22)
    }

    init(
        id: Int64, owner: FieldOwner, kind: FieldKind, key: String? = nil, title: String,
        description: String, position: Int64, at time: Timestamp
    ) {
        self.id = id
        self.owner = owner
        self.kind = kind
        self.key = key
        self.title = title
        self.description = description
        self.position = position
        isActive = true
        isRequired = false
        isCollapsed = false
        isVisibleInPortal = false
        isEditableInPortal = false
        isRequiredInPortal = false
        createdAt = time
        updatedAt = time
        version = 1
    }

    /// The row's values in the order of `columns`.
    var columnValues: [Value] {
        func text(_ text: String?) -> Value { text.map(Value.text) ?? .null }
        func flag(_ flag: Bool) -> Value { .integer(flag ? 1 : 0) }
        return [
            .integer(id), .integer(owner.rawValue), .integer(kind.rawValue), text(key),
            .text(title), text(portalTitle), .text(description), text(agentDescription),
            .integer(position), flag(isActive), flag(isRequired), flag(isCollapsed),
            flag(isVisibleInPortal), flag(isEditableInPortal), flag(isRequiredInPortal), text(tag),
            text(pattern?.source), target.map { .integer($0.rawValue) } ?? .null,
            .integer(createdAt.milliseconds), .integer(updatedAt.milliseconds),
            deletedAt.map { .integer($0.milliseconds) } ?? .null,
            deletedBy.map(Value.integer) ?? .null, .integer(version),
        ]
    }

    /// Those by which a ticket's own tags say its value.
    var tags: [String] {
        switch kind {
        case .dropdown, .multiselect: options.map(\.value)
        case .checkbox: [tag].compactMap { $0 }
        default: []
        }
    }

    func option(_ value: String) -> FieldOption? { options.first { $0.value == value } }

    /// What every ticket has, with fixed numbers below those that a shard gives out.
    static let system: [FieldDefinition] = {
        let kinds: [(FieldKind, String, String)] = [
            (.subject, "Subject", "What it is about"),
            (.description, "Description", "The first comment"),
            (.status, "Status", "How far the desk has come with it"),
            (.ticketType, "Type", "What kind of work it is"),
            (.priority, "Priority", "How urgent it is"),
            (.group, "Group", "The group that is responsible for it"),
            (.assignee, "Assignee", "The agent who is responsible for it"),
        ]
        return kinds.enumerated().map { place, kind in
            var field = FieldDefinition(
                id: Int64(place + 1), owner: .ticket, kind: kind.0, title: kind.1,
                description: kind.2, position: Int64(place), at: SystemRecords.origin)
            let isAsked = kind.0 == .subject || kind.0 == .description
            field.isVisibleInPortal = isAsked
            field.isEditableInPortal = isAsked
            field.isRequiredInPortal = isAsked
            return field
        }
    }()
}

/// One choice of a drop-down.
package struct FieldOption: Sendable, Equatable {
    package let id: Int64
    package let fieldID: Int64
    package var name: String
    /// The value that records hold, and the tag that stands for it.
    package var value: String
    package var position: Int64
    package var isDefault: Bool

    static let columns = "id, field_id, name, value, position, is_default"

    init(id: Int64, fieldID: Int64, name: String, value: String, position: Int64, isDefault: Bool) {
        self.id = id
        self.fieldID = fieldID
        self.name = name
        self.value = value
        self.position = position
        self.isDefault = isDefault
    }

    init(_ row: Row) {
        id = row.int64(0)
        fieldID = row.int64(1)
        name = row.text(2)
        value = row.text(3)
        position = row.int64(4)
        isDefault = row.bool(5)
    }

    var columnValues: [Value] {
        [
            .integer(id), .integer(fieldID), .text(name), .text(value), .integer(position),
            .integer(isDefault ? 1 : 0),
        ]
    }
}

/// What a desk has without a row of its own.
enum SystemRecords {
    /// 2020-01-01T00:00:00Z: such records were always there.
    static let origin = Timestamp(milliseconds: 1_577_836_800_000)
}

/// What a request wants of a field. Nil leaves a property as it is; `.some(nil)` clears it.
package struct FieldDefinitionChanges: Sendable, Equatable {
    /// One option of a list that replaces the field's. Found again by its number, or else by its value.
    package struct Option: Sendable, Equatable {
        package var id: Int64?
        package var name: String?
        package var value: String?
        package var position: Int64?
        package var isDefault: Bool?
        package init() {}
    }
    package var kind: FieldKind?
    package var key: String?
    package var title: String?
    package var portalTitle: String??
    package var description: String?
    package var agentDescription: String??
    package var position: Int64?
    package var isActive: Bool?
    package var isRequired: Bool?
    package var isCollapsed: Bool?
    package var isVisibleInPortal: Bool?
    package var isEditableInPortal: Bool?
    package var isRequiredInPortal: Bool?
    package var tag: String??
    package var pattern: String??
    package var target: LookupTarget?
    package var options: [Option]?
    package init() {}
}
