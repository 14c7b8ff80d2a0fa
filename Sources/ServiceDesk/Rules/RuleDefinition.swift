/// One test of a rule as clients write it: `{"field": "status", "operator": "less_than", "value": "solved"}`.
package struct ConditionText: Sendable, Equatable {
    package var field: String
    package var test: String
    package var value: RuleValue
    package init(field: String, test: String, value: RuleValue) {
        self.field = field
        self.test = test
        self.value = value
    }
}

/// One thing a rule does, as clients write it: `{"field": "status", "value": "open"}`.
package struct ActionText: Sendable, Equatable {
    package var field: String
    package var value: RuleValue
    package init(field: String, value: RuleValue) {
        self.field = field
        self.value = value
    }
}

/// A condition's or action's value: what clients write as null, text (or number, or flag) or list.
package enum RuleValue: Sendable, Equatable {
    case none
    case text(String)
    case list([String])

    /// The one text; nil when there is none or there are several.
    package var text: String? {
        switch self {
        case .none: nil
        case .text(let text): text
        case .list(let items): items.count == 1 ? items[0] : nil
        }
    }

    package var isEmpty: Bool {
        switch self {
        case .none: true
        case .text(let text): text.isEmpty
        case .list(let items): items.isEmpty
        }
    }

    /// All its texts.
    package var items: [String] {
        switch self {
        case .none: []
        case .text(let text): [text]
        case .list(let items): items
        }
    }
}

/// When a rule holds: every one of `all`, and of `any` at least one unless it is empty.
package struct ConditionTexts: Sendable, Equatable {
    package var all: [ConditionText]
    package var any: [ConditionText]
    package init(all: [ConditionText] = [], any: [ConditionText] = []) {
        self.all = all
        self.any = any
    }
    package var count: Int { all.count + any.count }
}

/// Conditions and actions as one column's text: records and their parts behind ASCII's own separators, which no value may hold.
enum RuleText {
    private static let record: Character = "\u{1e}"
    private static let unit: Character = "\u{1f}"

    /// Whether a text could not be told from the separators.
    static func isUnfit(_ text: String) -> Bool {
        text.utf8.contains { $0 == 0x1e || $0 == 0x1f }
    }

    static func encode(_ conditions: ConditionTexts) -> String {
        let all = conditions.all.map { line("all", $0) }
        return (all + conditions.any.map { line("any", $0) }).joined(separator: String(record))
    }

    static func conditions(_ text: String) -> ConditionTexts {
        var conditions = ConditionTexts()
        for parts in lines(text) where parts.count >= 4 {
            let condition = ConditionText(
                field: parts[1], test: parts[2], value: value(parts[3...]))
            if parts[0] == "any" {
                conditions.any.append(condition)
            } else {
                conditions.all.append(condition)
            }
        }
        return conditions
    }

    static func encode(_ actions: [ActionText]) -> String {
        actions.map { action in
            ([action.field] + parts(action.value)).joined(separator: String(unit))
        }.joined(separator: String(record))
    }

    static func actions(_ text: String) -> [ActionText] {
        lines(text).compactMap { parts in
            parts.count >= 2 ? ActionText(field: parts[0], value: value(parts[1...])) : nil
        }
    }

    private static func line(_ list: String, _ condition: ConditionText) -> String {
        ([list, condition.field, condition.test] + parts(condition.value)).joined(
            separator: String(unit))
    }

    private static func lines(_ text: String) -> [[String]] {
        text.isEmpty
            ? []
            : text.split(separator: record).map { line in
                line.split(separator: unit, omittingEmptySubsequences: false).map(String.init)
            }
    }

    private static func parts(_ value: RuleValue) -> [String] {
        switch value {
        case .none: ["n"]
        case .text(let text): ["t", text]
        case .list(let items): ["l"] + items
        }
    }

    private static func value(_ parts: ArraySlice<String>) -> RuleValue {
        switch parts.first {
        case "t": .text(parts.dropFirst().first ?? "")
        case "l": .list(Array(parts.dropFirst()))
        default: .none
        }
    }
}
