import SQLite
package import Wire

/// Which fields a ticket of some kind asks for, in which order, and which only sometimes.
package struct TicketForm: Sendable, Equatable {
    package let id: Int64
    package var name: String
    /// What end users read; nil when it is the name.
    package var displayName: String?
    package var position: Int64
    package var isActive: Bool
    /// The form of tickets that name none. Only one has this.
    package var isDefault: Bool
    package var isEndUserVisible: Bool
    package var isInAllBrands: Bool
    package var fieldIDs: [Int64]
    package var agentConditions: [FormCondition]
    package var endUserConditions: [FormCondition]
    package let createdAt: Timestamp
    package var updatedAt: Timestamp
    package var version: Int64

    static let columns = """
        id, name, display_name, position, active, is_default, end_user_visible, in_all_brands,
        field_ids, agent_conditions, end_user_conditions, created_at, updated_at, version
        """

    init(_ row: Row) {
        id = row.int64(0)
        name = row.text(1)
        displayName = row.optionalText(2)
        position = row.int64(3)
        isActive = row.bool(4)
        isDefault = row.bool(5)
        isEndUserVisible = row.bool(6)
        isInAllBrands = row.bool(7)
        fieldIDs = IDList.split(row.text(8))
        agentConditions = FormCondition.list(row.text(9))
        endUserConditions = FormCondition.list(row.text(10))
        createdAt = Timestamp(rawValue: row.int64(11))
        updatedAt = Timestamp(rawValue: row.int64(12))
        version = row.int64(13)
    }

    init(id: Int64, name: String, position: Int64, at: Timestamp) {
        self.id = id
        self.name = name
        self.position = position
        isActive = true
        isDefault = false
        isEndUserVisible = false
        isInAllBrands = true
        fieldIDs = []
        agentConditions = []
        endUserConditions = []
        createdAt = at
        updatedAt = at
        version = 1
    }

    var columnValues: [Value] {
        [
            .integer(id), .text(name), displayName.map(Value.text) ?? .null, .integer(position),
            .integer(isActive ? 1 : 0), .integer(isDefault ? 1 : 0),
            .integer(isEndUserVisible ? 1 : 0), .integer(isInAllBrands ? 1 : 0),
            .text(IDList.join(fieldIDs)), .text(FormCondition.text(agentConditions)),
            .text(FormCondition.text(endUserConditions)), .integer(createdAt.milliseconds),
            .integer(updatedAt.milliseconds), .integer(version),
        ]
    }
}

/// "When this field has this value, these fields are shown, and must be filled."
package struct FormCondition: Sendable, Equatable {
    package struct Child: Sendable, Equatable {
        package let id: Int64
        package let requirement: Requirement
        package init(id: Int64, requirement: Requirement) {
            self.id = id
            self.requirement = requirement
        }
    }

    /// When a field that is shown must be filled.
    package enum Requirement: Sendable, Equatable {
        case never
        case always
        case inStatuses([TicketStatus])

        package func holds(in status: TicketStatus) -> Bool {
            switch self {
            case .never: false
            case .always: status != .closed
            case .inStatuses(let statuses): statuses.contains(status)
            }
        }
    }

    package let parentID: Int64
    /// An option's value, `true` or `false` of a checkbox, a word of a system field.
    package let value: String
    package let children: [Child]
    package init(parentID: Int64, value: String, children: [Child]) {
        self.parentID = parentID
        self.value = value
        self.children = children
    }

    /// `[[parent,"value",[[child,-1],[child,[4]],…]],…]`: -1 is always, a list those statuses.
    static func text(_ conditions: [FormCondition]) -> String {
        func child(_ child: Child) -> String {
            switch child.requirement {
            case .never: "[\(child.id),[]]"
            case .always: "[\(child.id),-1]"
            case .inStatuses(let statuses):
                "[\(child.id),[\(IDList.join(statuses.map(\.rawValue)))]]"
            }
        }
        let items = conditions.map { condition in
            let children = condition.children.map(child).joined(separator: ",")
            return
                "[\(condition.parentID),\(JSONText.quoted(condition.value)),[\(children)]]"
        }
        return "[\(items.joined(separator: ","))]"
    }

    static func list(_ text: String) -> [FormCondition] {
        (StoredJSON(text)?.items ?? []).compactMap { item in
            let parts = item.items
            guard parts.count == 3, let parent = parts[0].integer, let value = parts[1].string
            else { return nil }
            let children = parts[2].items.compactMap { item -> Child? in
                let parts = item.items
                guard parts.count == 2, let id = parts[0].integer else { return nil }
                let statuses = parts[1].items.compactMap {
                    $0.integer.flatMap(TicketStatus.init(rawValue:))
                }
                let requirement: Requirement =
                    parts[1].integer != nil
                    ? .always : statuses.isEmpty ? .never : .inStatuses(statuses)
                return Child(id: id, requirement: requirement)
            }
            return FormCondition(parentID: parent, value: value, children: children)
        }
    }
}

/// What a request wants of a form. Nil leaves a property as it is; `.some(nil)` clears it.
package struct TicketFormChanges: Sendable, Equatable {
    package var name: String?
    package var displayName: String??
    package var position: Int64?
    package var isActive: Bool?
    package var isDefault: Bool?
    package var isEndUserVisible: Bool?
    package var isInAllBrands: Bool?
    package var fieldIDs: [Int64]?
    package var agentConditions: [FormCondition]?
    package var endUserConditions: [FormCondition]?
    package init() {}
}
