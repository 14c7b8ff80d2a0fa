import ShardStore
import Wire

extension Rule {
    /// The rules that every desk begins with. A desk has rows of them only from its first change of a rule on.
    static let standard: [Rule] = [
        Rule(
            .automation, id: 1, position: 1,
            title: "Close ticket 4 days after status is set to solved", description: nil,
            conditions: ConditionTexts(all: [
                ConditionText(field: "status", test: "is", value: .text("solved")),
                ConditionText(field: "SOLVED", test: "greater_than", value: .text("96")),
            ]), actions: [ActionText(field: "status", value: .text("closed"))],
            restriction: .everybody, output: ViewOutput(), isActive: true, isDefault: true,
            now: Timestamp(milliseconds: 0))
    ]
}

extension ShardTransaction {
    /// Writes the standard rules down before the desk changes any of its rules for the first time.
    func writeStandardRules() throws {
        if try count(.ruleStamp) == 0 { try restampRules() }
    }

    func insert(_ rule: Rule) throws {
        try run(
            """
            INSERT INTO rules (tenant, kind, id, active, position, updated_at, version, failures,
            failure, title, description, conditions, actions, restriction, output,
            counted_through, is_default, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, 0, NULL, ?7, ?8, ?9, ?10, ?11, ?12, 0, ?13, ?14)
            """, rule.kind.rawValue, rule.id, rule.isActive, rule.position,
            rule.updatedAt.milliseconds, rule.title, rule.description,
            RuleText.encode(rule.conditions), RuleText.encode(rule.actions),
            rule.restriction.text, rule.output.text, rule.isDefault,
            rule.createdAt.milliseconds)
    }
}
