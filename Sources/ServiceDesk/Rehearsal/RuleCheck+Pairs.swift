extension RuleCheck {
    // MARK: The same twice

    mutating func findIdentical(_ rules: [CheckedRule]) {
        var first: [String: CheckedRule] = [:]
        for rule in rules {
            let content = rule.content
            guard let known = first[content] else {
                first[content] = rule
                continue
            }
            add(
                .warning, .identical, [rule, known], [],
                "The \(rule.name) says the same as the \(known.name).")
        }
    }

    // MARK: What comes too late

    /// A ticket gets the first policy that fits it.
    mutating func findShadowed(_ policies: [CheckedRule]) {
        for (place, policy) in policies.enumerated() {
            guard
                let earlier = policies[..<place].first(where: {
                    logic.implies(policy.conditions, $0.conditions)
                })
            else { continue }
            add(
                .error, .shadowedPolicy, [policy, earlier], earlier.conditions.all,
                "The \(policy.name) is never applied: every ticket that fits it fits the earlier \(earlier.name)."
            )
        }
    }

    /// A trigger that needs what an earlier one, which fires whenever it would, has just taken away; and nobody gives it back.
    mutating func findUnreachable(_ triggers: [CheckedRule]) {
        for (place, trigger) in triggers.enumerated() {
            let needs = ConditionLogic.subjects(trigger.conditions)
            for earlier in triggers[..<place] {
                let taken = earlier.effects.subjects.intersection(needs)
                guard !taken.isEmpty, logic.implies(trigger.conditions, earlier.conditions),
                    !logic.mayHold(trigger.conditions, and: earlier.effects.conditions),
                    !triggers.contains(where: { other in
                        other.rule.id != earlier.rule.id && other.rule.id != trigger.rule.id
                            && givesBack(other, trigger, taken)
                    })
                else { continue }
                add(
                    .warning, .unreachable, [trigger, earlier],
                    trigger.conditions.all.filter { taken.contains(FieldCases.Subject($0.field)) },
                    "The \(trigger.name) never fires as long as the earlier \(earlier.name) works: that fires whenever this one would, and leaves the ticket in a state for which this one does not hold."
                )
                break
            }
        }
    }

    /// Whether a rule may change what is taken to something with which a trigger holds.
    private mutating func givesBack(
        _ other: CheckedRule, _ trigger: CheckedRule, _ taken: Set<FieldCases.Subject>
    ) -> Bool {
        other.mayChange(taken)
            && logic.mayHold(
                trigger.conditions,
                and: other.effects.conditions.filter {
                    taken.contains(FieldCases.Subject($0.field))
                })
    }

    // MARK: Against each other

    mutating func findFights(_ rules: [CheckedRule]) {
        var setters: [String: [Int]] = [:]
        var fields: [String] = []
        for (place, rule) in rules.enumerated() {
            for (field, _) in rule.effects.settings {
                if setters[field] == nil { fields.append(field) }
                setters[field, default: []].append(place)
            }
        }
        for field in fields {
            for (position, second) in (setters[field] ?? []).enumerated() {
                for first in (setters[field] ?? [])[..<position] {
                    compare(rules[first], rules[second], field)
                }
            }
        }
    }

    private mutating func compare(_ first: CheckedRule, _ second: CheckedRule, _ field: String) {
        guard findings.count <= Self.findingLimit,
            first.value(of: field) != second.value(of: field),
            logic.mayBothHold(first.conditions, second.conditions),
            logic.mayHold(second.conditions, and: first.effects.conditions)
        else { return }
        let isSure =
            logic.implies(first.conditions, second.conditions)
            || logic.implies(second.conditions, first.conditions)
        add(
            isSure ? .warning : .hint, .fight, [first, second], [],
            isSure
                ? "The \(first.name) and the \(second.name) set \(field) to different values, and one of them holds whenever the other does: the later one wins."
                : "The \(first.name) and the \(second.name) set \(field) to different values and may hold for the same ticket: the later one wins."
        )
    }

    // MARK: Round and round

    /// Groups of triggers each of which makes another of the group hold. Within one update each fires once; at the next one it begins anew.
    mutating func findLoops(_ triggers: [CheckedRule]) {
        var next: [[Int]] = []
        for trigger in triggers {
            let given = trigger.effects.subjects
            next.append(
                given.isEmpty
                    ? []
                    : triggers.indices.filter { place in
                        triggers[place].rule.id != trigger.rule.id
                            && enables(trigger, triggers[place], given)
                    })
        }
        for group in StrongComponents.of(next) where group.count > 1 {
            let members = group.sorted().map { triggers[$0] }
            let fields = Set(members.flatMap { $0.effects.settings.map(\.field) }).sorted()
            let fought = fields.first { field in
                Set(members.compactMap { $0.value(of: field).map { "\($0)" } }).count > 1
            }
            let names = members.prefix(5).map(\.name).joined(separator: ", the ")
            add(
                fought == nil ? .hint : .warning, .loop, members, [],
                fought.map {
                    "The \(names) set each other off and change \($0) to and fro: an update ends after each has fired once, and the next begins anew."
                }
                    ?? "The \(names) make each other's conditions true; within one update each fires once."
            )
        }
    }

    /// Whether what one does makes another hold that need not have held before.
    private mutating func enables(
        _ one: CheckedRule, _ other: CheckedRule, _ given: Set<FieldCases.Subject>
    ) -> Bool {
        let after = one.effects.conditions
        let touched = (other.conditions.all + other.conditions.any).filter {
            given.contains(FieldCases.Subject($0.field))
        }
        guard !touched.isEmpty, logic.mayHold(other.conditions, and: after) else { return false }
        return touched.contains { condition in
            guard logic.mayHold(one.conditions.all, not: [condition]) else { return false }
            return condition.test.looksAtChange
                ? logic.mayHold(after + [condition]) : !logic.mayHold(after, not: [condition])
        }
    }
}

extension CheckedRule {
    /// All it says, so that equal rules have equal texts.
    fileprivate var content: String {
        func sorted(_ texts: [ConditionText]) -> [ConditionText] {
            texts.sorted { "\($0)" < "\($1)" }
        }
        let conditions = ConditionTexts(
            all: sorted(rule.conditions.all), any: sorted(rule.conditions.any))
        return
            "\(RuleText.encode(conditions))\n\(RuleText.encode(rule.actions))\n\(rule.restriction.text)\n\(rule.output.text)"
    }

    fileprivate func value(of field: String) -> RuleValue? {
        effects.settings.first { $0.field == field }?.value
    }

    /// Whether it may change something that conditions look at.
    fileprivate func mayChange(_ subjects: Set<FieldCases.Subject>) -> Bool {
        actions.contains { action in
            switch action {
            // What a status, an owner, tags and fields drag along.
            case .setStatus, .setCustomStatus, .setAssignee, .setGroup:
                [.status, .customStatus, .assignee, .group].contains {
                    subjects.contains(.field($0))
                }
            case .setPriority: subjects.contains(.field(.priority))
            case .setType: subjects.contains(.field(.type))
            case .setForm: subjects.contains(.field(.form))
            case .setSubject: subjects.contains(.field(.subject))
            case .setCustom, .setTags, .addTags, .removeTags:
                subjects.contains { subject in
                    if case .field(.custom) = subject { return true }
                    return subject == .field(.tags)
                }
            case .offerSatisfaction: subjects.contains(.field(.satisfaction))
            case .setSchedule, .setSkills, .addFollower, .addCopy, .comment, .commentIsPublic,
                .notifyUser, .notifyGroup, .notifyWebhook, .offerNPS:
                false
            }
        }
    }
}

/// The strongly connected components of a graph, by Tarjan's algorithm without recursion.
enum StrongComponents {
    static func of(_ next: [[Int]]) -> [[Int]] {
        var (index, low) = (
            [Int?](repeating: nil, count: next.count), [Int](repeating: 0, count: next.count)
        )
        var isOnStack = [Bool](repeating: false, count: next.count)
        var (stack, components, counter) = ([Int](), [[Int]](), 0)
        for root in next.indices where index[root] == nil {
            var path: [(node: Int, edge: Int)] = [(root, 0)]
            while let (node, edge) = path.last {
                if edge == 0 {
                    index[node] = counter
                    low[node] = counter
                    counter += 1
                    stack.append(node)
                    isOnStack[node] = true
                }
                if edge < next[node].count {
                    path[path.count - 1].edge += 1
                    let target = next[node][edge]
                    if index[target] == nil {
                        path.append((target, 0))
                    } else if isOnStack[target] {
                        low[node] = min(low[node], index[target]!)
                    }
                    continue
                }
                path.removeLast()
                if let parent = path.last?.node { low[parent] = min(low[parent], low[node]) }
                guard low[node] == index[node] else { continue }
                var component: [Int] = []
                repeat {
                    component.append(stack.removeLast())
                    isOnStack[component[component.count - 1]] = false
                } while component[component.count - 1] != node
                components.append(component)
            }
        }
        return components
    }
}
