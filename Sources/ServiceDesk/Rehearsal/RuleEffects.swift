/// What is sure about a ticket after a rule has done what it says, as conditions that then hold.
struct RuleEffects {
    /// Only what follows from the actions alone: what depends on the ticket, or on what else the desk defines, is left out.
    private(set) var conditions: [Condition] = []
    /// Fields it sets, by their names in actions, with what they become; of two settings of one field the last.
    private(set) var settings: [(field: String, value: RuleValue)] = []
    private(set) var addedTags: Set<String> = []
    private(set) var removedTags: Set<String> = []
    private(set) var notifies = false
    private(set) var callsWebhook = false
    /// Whether it may change the ticket.
    private(set) var changesTicket = false

    init(_ texts: [ActionText], _ actions: [RuleAction]) {
        for (text, action) in zip(texts, actions) {
            switch action {
            case .notifyUser, .notifyGroup: notifies = true
            case .notifyWebhook:
                notifies = true
                callsWebhook = true
            case .comment, .commentIsPublic: continue
            // Once for each solve, or each person: whatever the rule says, it does not repeat.
            case .offerNPS: continue
            case .addTags, .removeTags, .addFollower, .addCopy, .offerSatisfaction:
                changesTicket = true
            case .setSchedule, .setStatus, .setCustomStatus, .setPriority, .setType, .setGroup,
                .setAssignee, .setForm, .setSubject, .setCustom, .setTags, .setSkills:
                changesTicket = true
                settings.removeAll { $0.field == text.field }
                settings.append((text.field, text.value))
            }
        }
        followNumbers(actions)
        followTags(actions)
        followCustomFields(actions)
    }

    /// What the conditions are of.
    var subjects: Set<FieldCases.Subject> {
        Set(conditions.map { FieldCases.Subject($0.field) })
    }

    private static func condition(_ field: RuleField, _ test: Condition.Test) -> Condition {
        Condition(
            field: field, test: test, text: ConditionText(field: "", test: "", value: .none))
    }

    private static func number(_ value: Int64?) -> Condition.Test {
        .equals(value.map { .number($0) } ?? .nobody)
    }

    private mutating func followNumbers(_ actions: [RuleAction]) {
        var sure: [RuleField: Condition.Test] = [:]
        for action in actions {
            switch action {
            case .setStatus(let status):
                // A new ticket that somebody has is open.
                sure[.status] = status == .new ? nil : Self.number(status.rawValue)
                sure[.customStatus] = nil
            case .setCustomStatus(let id):
                sure[.customStatus] = Self.number(id)
                sure[.status] = nil
            case .setPriority(let priority): sure[.priority] = Self.number(priority?.rawValue)
            case .setType(let type): sure[.type] = Self.number(type?.rawValue)
            case .setForm(let form): sure[.form] = Self.number(form)
            case .setGroup(let group):
                sure[.group] = Self.number(group)
                sure[.assignee] = nil
            case .setAssignee(let person):
                if person != .nobody { sure[.group] = nil }
                switch person {
                case .nobody: sure[.assignee] = .equals(.nobody)
                case .user(let id): sure[.assignee] = Self.number(id)
                default: sure[.assignee] = nil
                }
            default: continue
            }
        }
        let order: [RuleField] = [
            .status, .customStatus, .priority, .type, .form, .group, .assignee,
        ]
        for field in order {
            if let test = sure[field] { conditions.append(Self.condition(field, test)) }
        }
    }

    private mutating func followTags(_ actions: [RuleAction]) {
        var isEmpty = false
        for action in actions {
            switch action {
            case .setTags(let tags):
                removedTags = []
                addedTags = Set(tags)
                isEmpty = tags.isEmpty
            case .addTags(let tags):
                addedTags.formUnion(tags)
                removedTags.subtract(tags)
                isEmpty = false
            case .removeTags(let tags):
                removedTags.formUnion(tags)
                addedTags.subtract(tags)
            default: continue
            }
        }
        // A field's options are tags too: setting it changes them.
        guard !setsCustomField(actions) else { return }
        if isEmpty { conditions.append(Self.condition(.tags, .isAbsent)) }
        for tag in addedTags.sorted() {
            conditions.append(Self.condition(.tags, .includes([tag])))
        }
        if !removedTags.isEmpty {
            conditions.append(Self.condition(.tags, .excludes(removedTags.sorted())))
        }
    }

    private mutating func followCustomFields(_ actions: [RuleAction]) {
        // The tags of a field's options set it.
        guard addedTags.isEmpty, removedTags.isEmpty, !actions.contains(.setTags([])) else {
            return
        }
        var sure: [Int64: Condition.Test] = [:]
        for case .setCustom(let id, let value) in actions {
            sure[id] =
                switch value {
                // Numbers have several forms, of which one is kept.
                case .text(let text)
                where !text.isEmpty && Double(text) == nil
                    && text == Validation.trim(text).lowercased():
                    .value(.equals(text))
                case .none: .isAbsent
                default: nil
                }
        }
        for id in sure.keys.sorted() {
            if let test = sure[id] { conditions.append(Self.condition(.custom(id), test)) }
        }
    }

    private func setsCustomField(_ actions: [RuleAction]) -> Bool {
        actions.contains { if case .setCustom = $0 { true } else { false } }
    }
}
