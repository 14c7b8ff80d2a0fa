import NIOCore
import ServiceDesk

/// Rules in request bodies.
enum RuleDecoder {
    static func draft(_ fields: FieldReader, _ kind: RuleKind) throws -> RuleDraft {
        var draft = RuleDraft()
        draft.title = try (fields.string("title") ?? fields.string("raw_title")).map { $0 ?? "" }
        draft.description = try fields.string("description")
        draft.isActive = try fields.bool("active")
        draft.position = try fields.int64("position") ?? nil
        draft.conditions = try conditions(fields)
        if fields.has("actions") {
            draft.actions = try actions(fields)
            draft.surveyKey = Secrets.key()
        }
        draft.restriction = try restriction(fields)
        if kind == .view { draft.output = try output(fields) }
        return draft
    }

    /// `conditions: {all, any}`, or, as the dialect also takes them, `all` and `any` beside the title. Nil when nothing is said of them.
    static func conditions(_ fields: FieldReader) throws -> ConditionTexts? {
        let within = try fields.object("conditions")
        guard within != nil || fields.has("all") || fields.has("any") else { return nil }
        return try lists(within ?? fields)
    }

    /// `all` and `any`.
    static func lists(_ fields: FieldReader) throws -> ConditionTexts {
        ConditionTexts(all: try conditions("all", fields), any: try conditions("any", fields))
    }

    private static func conditions(_ name: String, _ fields: FieldReader) throws -> [ConditionText]
    {
        try objects(name, fields).map { item in
            ConditionText(
                field: try text(item, "field"), test: try text(item, "operator"),
                value: try value(item, name))
        }
    }

    private static func actions(_ fields: FieldReader) throws -> [ActionText] {
        try objects("actions", fields).map { item in
            ActionText(field: try text(item, "field"), value: try value(item, "actions"))
        }
    }

    private static func objects(_ name: String, _ fields: FieldReader) throws -> [FieldReader] {
        switch fields.value[name] {
        case nil, .null: return []
        case .array(let items)?:
            guard items.count <= 1000 else {
                throw DeskRefusal.invalid(name, .tooLong, "at most 1000 \(name) are allowed")
            }
            return try items.map { item in
                guard case .object = item else { throw fields.wrongType(name, "a list of objects") }
                return FieldReader(item)
            }
        default: throw fields.wrongType(name, "a list of objects")
        }
    }

    /// Older clients say `source` for the field.
    private static func text(_ item: FieldReader, _ name: String) throws -> String {
        if let text = try item.string(name, max: 1024) ?? nil { return text }
        if name == "field", let text = try item.string("source", max: 1024) ?? nil { return text }
        throw DeskRefusal.invalid(name, .blank, "\(name): cannot be blank")
    }

    private static func value(_ item: FieldReader, _ name: String) throws -> RuleValue {
        func text(_ value: JSONValue) throws -> String {
            switch value {
            case .null: ""
            case .string(let text): text
            case .integer(let number): String(number)
            case .number(let number): number.description
            case .bool(let flag): flag ? "true" : "false"
            case .array, .object: throw item.wrongType("value", "a text, a number or a list")
            }
        }
        switch item.value["value"] {
        case nil, .null: return .none
        case .array(let items)?:
            guard items.count <= 200 else {
                throw DeskRefusal.invalid(name, .tooLong, "a value may have at most 200 items")
            }
            return .list(try items.map(text))
        case .some(let value): return .text(try text(value))
        }
    }

    private static func restriction(_ fields: FieldReader) throws -> RuleRestriction? {
        guard let value = fields.value["restriction"] else { return nil }
        guard value != .null else { return .everybody }
        guard case .object = value else { throw fields.wrongType("restriction", "an object") }
        let inner = FieldReader(value)
        let ids = try inner.ids("ids") ?? (inner.int64("id") ?? nil).map { [$0] } ?? []
        switch try inner.string("type") ?? nil {
        case "User":
            guard ids.count == 1 else { throw inner.wrongType("id", "the number of a user") }
            return .user(ids[0])
        case "Group": return .groups(ids)
        case nil: return .everybody
        default:
            throw DeskRefusal.invalid(
                "restriction", .invalid, "Restriction: the type must be User or Group")
        }
    }

    /// `output` of a body, or what an answer calls `execution`.
    static func output(_ fields: FieldReader) throws -> ViewOutput? {
        guard let output = try fields.object("output") ?? fields.object("execution") else {
            return nil
        }
        var view = ViewOutput()
        if case .array(let columns)? = output.value["columns"] {
            view.columns = try columns.map { column in
                switch column {
                case .string(let name): return name
                case .object: return try text(FieldReader(column), "id")
                default: throw output.wrongType("columns", "a list of names")
                }
            }
        }
        func name(_ key: String) throws -> String? {
            let text = try output.string(key) ?? nil
            return text?.isEmpty == true ? nil : text
        }
        view.groupBy = try name("group_by")
        view.sortBy = try name("sort_by")
        view.groupDescending = try name("group_order") != "asc"
        view.sortDescending = try name("sort_order") != "asc"
        return view
    }
}
