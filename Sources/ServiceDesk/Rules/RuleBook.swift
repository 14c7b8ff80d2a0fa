import ShardStore
import Wire

/// A rule with its conditions and actions compiled.
struct CompiledRule: Sendable {
    let id: Int64
    let title: String
    let conditions: Conditions
    let actions: [RuleAction]
    /// Of a view: its tickets up to this number are counted.
    let countedThrough: Int64
}

/// A desk's active rules, compiled once for each state of them.
struct RuleBook: Sendable {
    let triggers: [CompiledRule]
    let automations: [CompiledRule]
    let views: [CompiledRule]
    let policies: [CompiledPolicy]

    static let known = DefinitionCache<RuleBook>(weightLimit: 50_000)

    /// Of a desk that has never said anything of rules.
    static let standard: RuleBook = {
        let automations = Rule.standard.filter { $0.kind == .automation }.map { rule in
            guard
                let conditions = try? ConditionCompiler(
                    kind: .automation, fieldKind: { _ in nil }
                ).compile(rule.conditions),
                let actions = try? ActionCompiler(kind: .automation, fieldKind: { _ in nil })
                    .compile(rule.actions)
            else { preconditionFailure("a standard rule does not compile") }
            return CompiledRule(
                id: rule.id, title: rule.title, conditions: conditions, actions: actions,
                countedThrough: 0)
        }
        return RuleBook(triggers: [], automations: automations, views: [], policies: [])
    }()
}

extension ShardReader {
    /// The desk's active rules. A desk that never had any pays one look at a counter.
    func ruleBook() throws -> RuleBook { try once { try readRuleBook() } }

    private func readRuleBook() throws -> RuleBook {
        let stamp = try count(.ruleStamp)
        guard stamp != 0 else { return .standard }
        // Conditions and actions are compiled for the fields that there are.
        var hasher = CellHasher(seed: UInt64(bitPattern: stamp))
        hasher.add(UInt64(bitPattern: try count(.definitions)))
        let digest = Int64(bitPattern: hasher.value)
        if let book = RuleBook.known.find(tenant, digest) { return book }
        let book = RuleBook(
            triggers: try compiled(.trigger), automations: try compiled(.automation),
            views: try compiled(.view), policies: try compiledPolicies())
        let weight = book.triggers.count + book.automations.count + book.views.count
        RuleBook.known.keep(book, tenant, digest, weight: 1 + weight + book.policies.count)
        return book
    }

    /// Of rules that were taken once. What they name may be gone since: such a condition does not hold, such an action fails and is
    /// counted.
    func storedConditions(_ kind: RuleKind) -> ConditionCompiler {
        ConditionCompiler(kind: kind, fieldKind: { try self.fieldKind($0) }, isLenient: true)
    }

    private func compiled(_ kind: RuleKind) throws -> [CompiledRule] {
        let conditions = storedConditions(kind)
        let actions = ActionCompiler(
            kind: kind, fieldKind: { try self.fieldKind($0) }, isLenient: true)
        return try rules(kind).filter(\.isActive).compactMap { rule in
            do {
                return CompiledRule(
                    id: rule.id, title: rule.title,
                    conditions: try conditions.compile(rule.conditions),
                    actions: kind == .view ? [] : try actions.compile(rule.actions),
                    countedThrough: rule.countedThrough)
            } catch is DeskRefusal {
                // What another build took must not stop every ticket.
                return nil
            }
        }
    }

    private func compiledPolicies() throws -> [CompiledPolicy] {
        let conditions = storedConditions(.policy)
        return try rules(.policy).filter(\.isActive).compactMap { rule in
            do {
                return CompiledPolicy(rule, try conditions.compile(rule.conditions))
            } catch is DeskRefusal { return nil }
        }
    }
}

extension ShardTransaction {
    /// Whatever was said of rules, or of the fields they name, has changed: books made before are not used again.
    func restampRules() throws {
        let old = try count(.ruleStamp)
        if old == 0 { for rule in Rule.standard { try insert(rule) } }
        var hasher = CellHasher(seed: UInt64(bitPattern: old))
        func mix(_ number: Int64) { hasher.add(UInt64(bitPattern: number)) }
        func mix(_ text: String) {
            var text = text
            text.withUTF8 { hasher.add(UnsafeRawBufferPointer($0)) }
        }
        mix(now.milliseconds)
        mix(makeIdentifier())
        for kind in RuleKind.allCases {
            for rule in try rules(kind) {
                mix(rule.id)
                mix(rule.isActive ? 1 : 0)
                mix(rule.position)
                mix(rule.title)
                mix(RuleText.encode(rule.conditions))
                mix(RuleText.encode(rule.actions))
                mix(rule.countedThrough)
            }
        }
        // 0 is a desk that has the standard rules.
        try set(.ruleStamp, to: Int64(bitPattern: hasher.value == 0 ? 1 : hasher.value))
    }
}
