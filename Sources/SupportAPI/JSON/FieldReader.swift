package import ServiceDesk
package import Wire

/// Typed access to an object of a request's body: an absent field is nil, a null is `.some(nil)`, and a wrong type is
/// refused with the field's name. Unknown fields are never looked at.
package struct FieldReader: Sendable {
    package let value: JSONValue
    package init(_ value: JSONValue) { self.value = value }

    package func has(_ name: String) -> Bool { value[name] != nil }

    /// A text; a number is taken as its digits, as the dialect does. At most `max` bytes.
    package func string(_ name: String, max: Int = 65_536) throws -> String?? {
        guard let field = value[name] else { return nil }
        let text: String
        switch field {
        case .null: return .some(nil)
        case .string(let value): text = value
        case .integer(let value): text = String(value)
        default: throw wrongType(name, "a string")
        }
        guard text.utf8.count <= max else {
            throw DeskRefusal.invalid(
                name, .tooLong, "\(label(name)): is too long (maximum is \(max) bytes)")
        }
        return .some(text)
    }

    /// A number, or a text of digits.
    package func int64(_ name: String) throws -> Int64?? {
        guard let field = value[name] else { return nil }
        switch field {
        case .null: return .some(nil)
        case .integer(let value): return .some(value)
        case .string(""): return .some(nil)
        case .string(let text):
            guard let value = Int64(text) else { throw wrongType(name, "an integer") }
            return .some(value)
        default: throw wrongType(name, "an integer")
        }
    }

    package func bool(_ name: String) throws -> Bool? {
        guard let field = value[name] else { return nil }
        switch field {
        case .null: return nil
        case .bool(let value): return value
        case .string("true"), .integer(1): return true
        case .string("false"), .integer(0): return false
        default: throw wrongType(name, "true or false")
        }
    }

    /// A list of texts; one text counts as a list of itself.
    package func strings(_ name: String, max: Int = 1000) throws -> [String]? {
        guard let field = value[name] else { return nil }
        switch field {
        case .null: return []
        case .string(let text): return [text]
        case .array(let items):
            guard items.count <= max else {
                throw DeskRefusal.invalid(
                    name, .tooLong, "\(label(name)): at most \(max) values are allowed")
            }
            return try items.map { item in
                switch item {
                case .string(let text): return text
                case .integer(let number): return String(number)
                default: throw wrongType(name, "a list of strings")
                }
            }
        default: throw wrongType(name, "a list of strings")
        }
    }

    package func ids(_ name: String, max: Int = 100) throws -> [Int64]? {
        guard let texts = try strings(name, max: max) else { return nil }
        return try texts.map {
            guard let id = Int64($0) else { throw wrongType(name, "a list of integers") }
            return id
        }
    }

    package func time(_ name: String) throws -> Timestamp?? {
        guard let field = value[name] else { return nil }
        switch field {
        case .null: return .some(nil)
        case .string(let text):
            guard let time = ISOTime.parse(text) else {
                throw wrongType(name, "a time like 2026-01-31T12:00:00Z")
            }
            return .some(time)
        default: throw wrongType(name, "a time like 2026-01-31T12:00:00Z")
        }
    }

    package func object(_ name: String) throws -> FieldReader? {
        guard let field = value[name], field != .null else { return nil }
        guard case .object = field else { throw wrongType(name, "an object") }
        return FieldReader(field)
    }

    /// A word out of a fixed set, or null.
    package func choice<Choice>(_ name: String, _ parse: (String) -> Choice?) throws -> Choice?? {
        guard let text = try string(name) else { return nil }
        guard let text, !text.isEmpty else { return .some(nil) }
        guard let choice = parse(text) else {
            throw DeskRefusal.invalid(
                name, .invalid, "\(label(name)): \(text.prefix(60)) is not allowed")
        }
        return .some(choice)
    }

    package func wrongType(_ name: String, _ wanted: String) -> DeskRefusal {
        .invalid(name, .wrongType, "\(label(name)): must be \(wanted)")
    }

    /// `requester_id` as people read it: `Requester`.
    private func label(_ name: String) -> String {
        var words = name.split(separator: "_").map(String.init)
        if words.count > 1, words.last == "id" { words.removeLast() }
        let text = words.joined(separator: " ")
        return text.prefix(1).uppercased() + text.dropFirst()
    }
}
