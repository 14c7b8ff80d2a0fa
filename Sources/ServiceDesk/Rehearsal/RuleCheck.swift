/// A rule with all that a check asks of it.
struct CheckedRule {
    let rule: Rule
    let conditions: Conditions
    let actions: [RuleAction]
    let effects: RuleEffects

    init(_ rule: Rule, _ conditions: Conditions, _ actions: [RuleAction]) {
        self.rule = rule
        self.conditions = conditions
        self.actions = actions
        effects = RuleEffects(rule.actions, actions)
    }

    var subject: RuleFinding.Subject {
        RuleFinding.Subject(kind: rule.kind, id: rule.id, title: rule.title)
    }
    var name: String { "\(rule.kind.name) \u{201c}\(rule.title)\u{201d}" }
}

/// Looks through a set of rules for what cannot work and for what is probably not meant.
///
/// An error is proved (`ConditionLogic`); a warning is proved as far as rules go that do what they say; a hint is a guess. Only active rules are
/// looked at, since only they act.
struct RuleCheck {
    /// Findings of one answer.
    static let findingLimit = 500

    var logic: ConditionLogic
    private(set) var findings: [RuleFinding] = []

    init(workLimit: Int = 4_000_000) { logic = ConditionLogic(workLimit: workLimit) }

    /// - Parameter rules: active ones, each kind in its order.
    mutating func check(_ rules: [CheckedRule]) -> RuleReport {
        var alive: [CheckedRule] = []
        for rule in rules where checkConditions(of: rule) { alive.append(rule) }
        func kind(_ kind: RuleKind) -> [CheckedRule] { alive.filter { $0.rule.kind == kind } }
        for rule in kind(.trigger) {
            checkUpdateType(of: rule)
            checkWebhook(of: rule)
        }
        for rule in kind(.automation) { checkRepetition(of: rule) }
        for kind in RuleKind.allCases { findIdentical(alive.filter { $0.rule.kind == kind }) }
        findShadowed(kind(.policy))
        findUnreachable(kind(.trigger))
        findFights(kind(.trigger))
        findFights(kind(.automation))
        findLoops(kind(.trigger))
        return RuleReport(
            findings: Array(sorted.prefix(Self.findingLimit)), ruleCount: rules.count,
            isComplete: !logic.isExhausted && findings.count <= Self.findingLimit)
    }

    private var sorted: [RuleFinding] {
        findings.enumerated().sorted {
            ($0.element.severity, $0.offset) < ($1.element.severity, $1.offset)
        }.map(\.element)
    }

    mutating func add(
        _ severity: RuleFinding.Severity, _ kind: RuleFinding.Kind, _ rules: [CheckedRule],
        _ conditions: [Condition] = [], _ text: String
    ) {
        findings.append(RuleFinding(severity, kind, rules, conditions, text))
    }

    // MARK: One rule

    /// Whether the rule can hold at all.
    private mutating func checkConditions(of rule: CheckedRule) -> Bool {
        let (all, any) = (rule.conditions.all, rule.conditions.any)
        let clash = logic.contradiction(in: all)
        guard clash.isEmpty else {
            // What is gone is said by what looks for it.
            if clash.contains(where: { $0.test == .never }) { return false }
            add(
                .error, .contradiction, [rule], clash,
                "The \(rule.name) never holds: its conditions exclude each other.")
            return false
        }
        let dead = any.filter { !logic.mayHold(all + [$0]) }
        if !any.isEmpty && dead.count == any.count {
            add(
                .error, .contradiction, [rule], dead,
                "The \(rule.name) never holds: every one of its alternatives excludes the conditions that must all hold."
            )
            return false
        }
        for condition in dead where condition.test != .never {
            add(
                .warning, .deadAlternative, [rule], [condition],
                "An alternative of the \(rule.name) never holds together with the conditions that must all hold."
            )
        }
        return true
    }

    /// A notice at every update is the most common mistake there is.
    private mutating func checkUpdateType(of rule: CheckedRule) {
        guard rule.effects.notifies, !rule.conditions.asksForUpdate,
            logic.mayHold(rule.conditions, and: rule.effects.conditions)
        else { return }
        add(
            .warning, .everyUpdate, [rule], rule.conditions.all,
            "The \(rule.name) sends something at every update as long as its conditions hold: it asks neither whether the ticket is created or updated nor whether anything has changed."
        )
    }

    private mutating func checkWebhook(of rule: CheckedRule) {
        guard rule.effects.callsWebhook else { return }
        let isUpdate = Condition(
            field: .updateType, test: .flag(false),
            text: ConditionText(field: "update_type", test: "is", value: .text("Change")))
        let isByAPI = Condition(
            field: .updateChannel, test: .equals(.number(Via.Channel.api.rawValue)),
            text: ConditionText(field: "current_via_id", test: "is", value: .text("api")))
        guard
            logic.mayHold(
                rule.conditions, and: [isUpdate, isByAPI] + rule.effects.conditions)
        else { return }
        add(
            .hint, .webhookCallsBack, [rule], [],
            "If the receiver of the webhook of the \(rule.name) updates the ticket through the API, the rule may fire again: exclude that by current_via_id, or by a tag that it sets."
        )
    }

    private mutating func checkRepetition(of rule: CheckedRule) {
        guard rule.effects.changesTicket || rule.effects.notifies
        else { return }
        // Holds only for an hour at a time.
        let isBounded = rule.conditions.all.contains { condition in
            if case .elapsed(let elapsed) = condition.test {
                elapsed.relation == .within
            } else {
                false
            }
        }
        guard !isBounded else { return }
        var after = rule.effects.conditions
        if rule.effects.changesTicket {
            after.append(
                Condition(
                    field: .hours(.updated),
                    test: .elapsed(
                        Condition.Elapsed(relation: .lessThan, milliseconds: 1, isBusiness: false)),
                    text: ConditionText(field: "updated_at", test: "less_than", value: .text("0")))
            )
        }
        // After some time everything that waits for a change has waited long enough.
        guard
            logic.mayHold(rule.conditions, and: rule.effects.conditions),
            rule.effects.changesTicket == false || logic.mayHold(rule.conditions, and: after)
                || rule.conditions.waitsForUpdate
        else { return }
        add(
            .warning, .repeats, [rule], [],
            "The \(rule.name) still holds for a ticket on which it has acted: it acts on it again and again, until the limit for one ticket. Let it set a tag, and exclude that tag."
        )
    }
}

extension Conditions {
    /// Whether they look at the update, so that they do not simply go on to hold.
    var asksForUpdate: Bool {
        (all + any).contains { condition in
            switch condition.field {
            case .updateType, .comment, .commentIsPublic: true
            default: condition.test.looksAtChange
            }
        }
    }

    /// Whether they wait for a time without updates, which comes again.
    var waitsForUpdate: Bool {
        (all + any).contains { condition in
            guard case .hours(let moment) = condition.field else { return false }
            return [.updated, .requesterUpdated, .assigneeUpdated].contains(moment)
        }
    }
}
