import ShardStore

extension Desk {
    /// What is wrong, or looks so, with the desk's own rules, or with a set that somebody thinks of.
    /// - Parameter proposed: rules of all kinds; nil for the desk's.
    package func checkRules(_ proposed: [Rule]? = nil) throws -> RuleReport {
        try require(.read, .rehearsals)
        let all = try proposed ?? RuleKind.allCases.flatMap { try rows.rules($0) }
        let active = all.filter(\.isActive)
        var check = RuleCheck()
        var references = RuleReferences(desk: self)
        var rules: [CheckedRule] = []
        for rule in active {
            guard let compiled = try compiled(rule) else {
                let blank = CheckedRule(rule, Conditions(all: [], any: []), [])
                check.add(
                    .error, .missingReference, [blank], [],
                    "The \(blank.name) cannot be read and does nothing: save it again.")
                continue
            }
            try references.check(compiled, &check)
            rules.append(compiled)
        }
        return check.check(rules)
    }

    private func compiled(_ rule: Rule) throws -> CheckedRule? {
        // A view has no actions, and what a policy promises is no action of its kind.
        let acts = rule.kind != .view && rule.kind != .policy
        let actions = ActionCompiler(
            kind: rule.kind, fieldKind: { try rows.fieldKind($0) }, isLenient: true)
        do {
            return CheckedRule(
                rule, try rows.storedConditions(rule.kind).compile(rule.conditions),
                acts ? try actions.compile(rule.actions) : [])
        } catch is DeskRefusal { return nil }
    }
}

/// Looks for what rules name and what is gone, or not in use any more.
private struct RuleReferences<Rows: ShardReader> {
    let desk: Desk<Rows>
    private var known: [String: Bool] = [:]

    init(desk: Desk<Rows>) { self.desk = desk }

    mutating func check(_ rule: CheckedRule, _ check: inout RuleCheck) throws {
        for condition in rule.conditions.all + rule.conditions.any {
            guard let what = try missing(in: condition) else { continue }
            let isFatal = condition.test == .never && rule.conditions.all.contains(condition)
            check.add(
                isFatal ? .error : .warning, .missingReference, [rule], [condition],
                "The \(rule.name) looks for \(what)\(isFatal ? ", so it never holds" : "").")
        }
        for action in rule.actions {
            guard let (what, severity) = try missing(in: action) else { continue }
            check.add(
                severity, .missingReference, [rule], [],
                "The \(rule.name) names \(what)\(severity == .error ? ", so it fails" : "").")
        }
    }

    // MARK: Conditions

    private mutating func missing(in condition: Condition) throws -> String? {
        if case .custom(let id) = condition.field {
            return try missing(field: id, values: condition.test.values)
        }
        guard let id = condition.test.number else { return nil }
        switch condition.field {
        case .group: return try isThere(.group(id)) ? nil : "group \(id), which is gone"
        case .assignee, .requester, .updater:
            return try isThere(.user(id)) ? nil : "user \(id), who is gone or not active"
        case .organization:
            return try isThere(.organization(id)) ? nil : "organization \(id), which is gone"
        case .form: return try isThere(.form(id)) ? nil : "form \(id), which is gone"
        case .customStatus:
            return try isThere(.customStatus(id)) ? nil : "custom status \(id), which is gone"
        default: return nil
        }
    }

    private func missing(field id: Int64, values: [String]) throws -> String? {
        guard let field = try desk.rows.catalog().field(id, of: .ticket) else {
            return "field \(id), which is gone"
        }
        if !field.isActive {
            return "the field \u{201c}\(field.title)\u{201d}, which is not active"
        }
        guard field.kind.hasOptions,
            let value = values.first(where: { !$0.isEmpty && field.option($0) == nil })
        else { return nil }
        return
            "\u{201c}\(value.prefix(60))\u{201d}, which is no option of the field \u{201c}\(field.title)\u{201d}"
    }

    // MARK: Actions

    private mutating func missing(
        in action: RuleAction
    ) throws -> (String, RuleFinding.Severity)? {
        switch action {
        case .setGroup(let id?):
            return try isThere(.group(id)) ? nil : ("group \(id), which is gone", .error)
        case .notifyGroup(let id?, _, _):
            return try isThere(.group(id)) ? nil : ("group \(id), which is gone", .warning)
        case .setAssignee(.user(let id)):
            let user = try desk.findUser(id)
            return user?.isActive == true && user?.role.isStaff == true
                ? nil : ("user \(id) as assignee, who is no active agent", .error)
        case .addFollower(.user(let id)):
            let user = try desk.findUser(id)
            return user?.isActive == true && user?.role.isStaff == true
                ? nil : ("user \(id) as follower, who is no active agent", .error)
        case .addCopy(.user(let id)):
            return try isThere(.user(id))
                ? nil : ("user \(id), who is gone or not active", .error)
        case .notifyUser(.user(let id), _, _):
            return try isThere(.user(id))
                ? nil : ("user \(id), who is gone or not active", .warning)
        case .setForm(let id):
            return try desk.rows.catalog().form(id)?.isActive == true
                ? nil : ("form \(id), which is gone or not active", .error)
        case .setCustomStatus(let id):
            return try isThere(.customStatus(id))
                ? nil : ("custom status \(id), which is gone", .error)
        case .setCustom(let id, let value):
            let isThere = try desk.rows.fieldKind(id) != nil
            return try missing(field: id, values: value.items).map {
                ($0, isThere && $0.hasSuffix("not active") ? .warning : .error)
            }
        default: return nil
        }
    }

    // MARK: Records

    private mutating func isThere(_ reference: ConditionCompiler.Reference) throws -> Bool {
        let key = "\(reference)"
        if let answer = known[key] { return answer }
        let answer = try desk.exists(reference)
        known[key] = answer
        return answer
    }
}

extension Condition.Test {
    /// The number of the record that it names.
    fileprivate var number: Int64? {
        switch self {
        case .equals(.number(let id)), .differs(.number(let id)), .changedTo(.number(let id)),
            .changedFrom(.number(let id)), .notChangedTo(.number(let id)),
            .notChangedFrom(.number(let id)):
            id
        default: nil
        }
    }

    /// The values of a custom field that it names.
    fileprivate var values: [String] {
        switch self {
        case .includes(let texts), .excludes(let texts): texts
        case .value(let test):
            switch test {
            case .equals(let text), .differs(let text), .changedTo(let text),
                .changedFrom(let text), .notChangedTo(let text), .notChangedFrom(let text):
                [text]
            default: []
            }
        default: []
        }
    }
}
