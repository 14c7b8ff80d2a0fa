/// Something about a desk's rules that is wrong, or looks like it.
package struct RuleFinding: Sendable, Equatable {
    package enum Severity: Int64, Sendable, Comparable {
        /// Proved: the rule cannot do what it says.
        case error = 0
        /// It does what hardly anybody wants.
        case warning = 1
        /// It may be meant so.
        case hint = 2
        package var name: String {
            switch self {
            case .error: "error"
            case .warning: "warning"
            case .hint: "hint"
            }
        }
        package static func < (a: Severity, b: Severity) -> Bool { a.rawValue < b.rawValue }
    }

    package enum Kind: String, Sendable, CaseIterable {
        /// Conditions that exclude each other.
        case contradiction
        /// One of `any` that excludes those of `all`.
        case deadAlternative = "dead_alternative"
        /// What it names is gone, or not in use.
        case missingReference = "missing_reference"
        /// An earlier rule always takes away what it waits for.
        case unreachable
        /// Two rules that are the same.
        case identical
        /// A policy of which an earlier one takes every ticket.
        case shadowedPolicy = "shadowed_policy"
        /// Rules that make each other's conditions true.
        case loop
        /// An automation whose conditions still hold after it has acted.
        case repeats
        /// A webhook whose receiver may set the rule off again.
        case webhookCallsBack = "webhook_calls_back"
        /// Two rules that set a field to different values.
        case fight
        /// A notice at every update for as long as the conditions hold.
        case everyUpdate = "every_update"
    }

    /// A rule that a finding is about.
    package struct Subject: Sendable, Equatable, Hashable {
        package let kind: RuleKind
        package let id: Int64
        package let title: String
        package init(kind: RuleKind, id: Int64, title: String) {
            self.kind = kind
            self.id = id
            self.title = title
        }
    }

    package let severity: Severity
    package let kind: Kind
    /// Most concerned first.
    package let rules: [Subject]
    package let conditions: [ConditionText]
    /// One sentence.
    package let text: String

    init(
        _ severity: Severity, _ kind: Kind, _ rules: [CheckedRule],
        _ conditions: [Condition] = [], _ text: String
    ) {
        self.severity = severity
        self.kind = kind
        self.rules = rules.map(\.subject)
        self.conditions = conditions.map(\.text)
        self.text = text
    }
}

/// What a check of rules has found, the worst first.
package struct RuleReport: Sendable {
    package let findings: [RuleFinding]
    package let ruleCount: Int
    /// False when there was more to compare, or more found, than one answer may hold.
    package let isComplete: Bool
}
