/// What a custom field holds. Numbers, dates and lookups are texts in one usual form.
package enum CustomValue: Sendable, Equatable {
    case text(String)
    case flag(Bool)
    /// Of a field of several options: their values, in the order of the options.
    case list([String])

    /// As audits and rules see it: `true` and `false` for a box.
    package var texts: [String] {
        switch self {
        case .text(let text): [text]
        case .flag(let flag): [flag ? "true" : "false"]
        case .list(let items): items
        }
    }

    /// Whether it counts as filled in: a box must be ticked.
    package var isFilled: Bool {
        switch self {
        case .text(let text): !text.isEmpty
        case .flag(let flag): flag
        case .list(let items): !items.isEmpty
        }
    }
}

/// A record's values of custom fields, by the fields' numbers, as the one text that its row holds:
/// `{"8123":"red","8124":true,"8125":["a","b"]}`.
///
/// The fields stand in the order of their numbers, so equal values are equal texts. NULL is a record without any. Values
/// of fields that were deleted, and of options that are gone, stay in it.
package struct CustomValues: Sendable, Equatable {
    /// Bytes of one record's values together.
    package static let sizeLimit = 262_144

    /// Nil when there are none.
    let stored: String?

    package init() { stored = nil }
    init(stored: String?) { self.stored = stored }

    init(_ values: [Int64: CustomValue]) {
        guard !values.isEmpty else {
            stored = nil
            return
        }
        var json = "{"
        for (place, id) in values.keys.sorted().enumerated() {
            if place > 0 { json += "," }
            json += "\"\(id)\":"
            switch values[id]! {
            case .text(let text): json += JSONText.quoted(text)
            case .flag(let flag): json += flag ? "true" : "false"
            case .list(let items):
                json += "[" + items.map(JSONText.quoted).joined(separator: ",") + "]"
            }
        }
        stored = json + "}"
    }

    package var isEmpty: Bool { stored == nil }

    /// All of them, by field.
    package var all: [Int64: CustomValue] {
        guard let stored, case .object(let members)? = StoredJSON(stored) else { return [:] }
        var values: [Int64: CustomValue] = [:]
        values.reserveCapacity(members.count)
        for (name, member) in members {
            guard let id = Int64(name) else { continue }
            switch member {
            case .text(let text): values[id] = .text(text)
            case .flag(let flag): values[id] = .flag(flag)
            case .list(let items): values[id] = .list(items.compactMap(\.string))
            case .null, .number, .object: continue
            }
        }
        return values
    }

    /// One field's value; nil when it has none.
    package subscript(_ field: Int64) -> CustomValue? { isEmpty ? nil : all[field] }

    /// One field's value as texts; empty when it has none.
    package func texts(_ field: Int64) -> [String] { self[field]?.texts ?? [] }
}

/// A value of a custom field as a request gives it, before the field is known.
package enum FieldInput: Sendable, Equatable {
    case none
    /// A text, or a number as it was written.
    case text(String)
    case flag(Bool)
    case list([String])
}

/// What a request wants of one custom field.
package struct FieldChange: Sendable, Equatable {
    /// How the field is named: tickets say numbers, users and organizations keys.
    package enum Reference: Sendable, Equatable {
        case id(Int64)
        case key(String)
    }
    package let field: Reference
    package let value: FieldInput
    package init(_ field: Reference, _ value: FieldInput) {
        self.field = field
        self.value = value
    }
}
