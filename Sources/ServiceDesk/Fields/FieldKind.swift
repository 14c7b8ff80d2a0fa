/// Whose values a field holds.
package enum FieldOwner: Int64, Sendable, CaseIterable {
    case ticket = 0
    case user = 1
    case organization = 2
    /// The API's name.
    package var name: String {
        switch self {
        case .ticket: "ticket"
        case .user: "user"
        case .organization: "organization"
        }
    }
}

/// What a field's values are. Numbers are stored: never reuse one.
package enum FieldKind: Int64, Sendable, CaseIterable {
    case text = 0
    case textarea = 1
    case integer = 2
    case decimal = 3
    case date = 4
    case checkbox = 5
    /// One of the field's options.
    case dropdown = 6
    /// Any of the field's options.
    case multiselect = 7
    /// A text that a pattern describes.
    case regexp = 8
    /// The number of another record.
    case lookup = 9
    // What every ticket has; columns of its own hold it.
    case subject = 32
    case description = 33
    case status = 34
    case ticketType = 35
    case priority = 36
    case group = 37
    case assignee = 38

    /// The API's name, which for drop-downs is not the same for tickets and for people.
    package func name(of owner: FieldOwner) -> String {
        switch self {
        case .text: "text"
        case .textarea: "textarea"
        case .integer: "integer"
        case .decimal: "decimal"
        case .date: "date"
        case .checkbox: "checkbox"
        case .dropdown: owner == .ticket ? "tagger" : "dropdown"
        case .multiselect: "multiselect"
        case .regexp: "regexp"
        case .lookup: "lookup"
        case .subject: "subject"
        case .description: "description"
        case .status: "status"
        case .ticketType: "tickettype"
        case .priority: "priority"
        case .group: "group"
        case .assignee: "assignee"
        }
    }

    /// Either name of a drop-down is taken.
    package init?(name: String) {
        let found = FieldKind.allCases.first { kind in
            kind.name(of: .ticket) == name || kind.name(of: .user) == name
        }
        guard let found else { return nil }
        self = found
    }

    package var isSystem: Bool { rawValue >= 32 }
    package var hasOptions: Bool { self == .dropdown || self == .multiselect }
    package var isText: Bool { self == .text || self == .textarea || self == .regexp }
    package var isNumber: Bool { self == .integer || self == .decimal }
    /// Whether its values can stand as tags on the record that has them.
    package var hasTags: Bool { hasOptions || self == .checkbox }
}

/// What a lookup field points to.
package enum LookupTarget: Int64, Sendable, CaseIterable {
    case user = 0
    case organization = 1
    case ticket = 2
    /// The API's name.
    package var name: String {
        switch self {
        case .user: "zen:user"
        case .organization: "zen:organization"
        case .ticket: "zen:ticket"
        }
    }
    package init?(name: String) {
        guard let found = LookupTarget.allCases.first(where: { $0.name == name }) else {
            return nil
        }
        self = found
    }
}
