import Wire

/// What kind of rule something is.
package enum RuleKind: Int64, Sendable, CaseIterable {
    case trigger = 1
    case automation = 2
    case macro = 3
    case view = 4
    /// The filter of an SLA policy.
    case policy = 5

    /// The API's word for one.
    package var name: String {
        switch self {
        case .trigger: "trigger"
        case .automation: "automation"
        case .macro: "macro"
        case .view: "view"
        case .policy: "policy"
        }
    }
}

/// A rule's conditions, compiled.
package struct Conditions: Sendable, Equatable {
    let all: [Condition]
    let any: [Condition]
    /// Fields that must have changed for `all` to hold: what makes most triggers cost nothing at most updates.
    let needsChangeOf: ChangedFields
    let isOfTime: Bool

    init(all: [Condition], any: [Condition]) {
        self.all = all
        self.any = any
        isOfTime = (all + any).contains { $0.field.isOfTime }
        var needed: ChangedFields = []
        for condition in all {
            switch (condition.field, condition.test) {
            case (.updateType, .flag(true)): needed.insert(.creation)
            case (.comment, .includes), (.comment, .contains), (.commentIsPublic, _):
                needed.insert(.comment)
            case (_, .changed), (_, .changedTo), (_, .changedFrom),
                (_, .value(.changedTo)), (_, .value(.changedFrom)):
                needed.insert(condition.field.changeBit)
            default: break
            }
        }
        needsChangeOf = needed
    }

    package func hold(for subject: RuleSubject) -> Bool {
        guard subject.changed.isSuperset(of: needsChangeOf) else { return false }
        for condition in all where !condition.holds(for: subject) { return false }
        return any.isEmpty || any.contains { $0.holds(for: subject) }
    }
}

/// Turns conditions as clients write them into what can be evaluated, and says what is wrong with them.
package struct ConditionCompiler {
    let kind: RuleKind
    /// Whether there is a record of a kind with a number; what is not there any more would never hold.
    var exists: (Reference) throws -> Bool = { _ in true }
    /// The type of a custom field; nil when there is no such field.
    var fieldKind: (Int64) throws -> FieldKind?
    /// Whether a custom field that is not there is no error; a condition on it never holds.
    var isLenient = false

    /// For a desk without custom fields, whatever its conditions refer to.
    package static func plain(_ kind: RuleKind) -> ConditionCompiler {
        ConditionCompiler(kind: kind, fieldKind: { _ in nil })
    }

    enum Reference {
        case user(Int64)
        case group(Int64)
        case organization(Int64)
        case form(Int64)
        case customStatus(Int64)
        case schedule(Int64)
        case satisfactionReason(Int64)
        case skill(String)
    }

    static let countLimit = 100
    static let valueLimit = 1024

    package func compile(_ texts: ConditionTexts) throws -> Conditions {
        guard texts.count <= Self.countLimit else {
            throw DeskRefusal.invalid(
                "conditions", .tooLong,
                "Conditions: at most \(Self.countLimit) conditions are allowed")
        }
        return Conditions(
            all: try texts.all.map { try compile($0) }, any: try texts.any.map { try compile($0) })
    }

    func refusal(_ text: ConditionText, _ what: String) -> DeskRefusal {
        refusal(text, .invalid, what)
    }

    private func refusal(
        _ text: ConditionText, _ problem: FieldProblem, _ what: String
    ) -> DeskRefusal {
        .invalid("conditions", problem, "Conditions: \(text.field.prefix(60)): \(what)")
    }

    func compile(_ text: ConditionText) throws -> Condition {
        for part in [text.field, text.test] + text.value.items {
            guard part.utf8.count <= Self.valueLimit, !RuleText.isUnfit(part) else {
                throw refusal(
                    text, .tooLong,
                    "a value is too long (maximum is \(Self.valueLimit) bytes) or has control characters"
                )
            }
        }
        guard let field = RuleField(name: text.field) else {
            throw refusal(text, "is not a condition that Lodge knows")
        }
        if field.isOfUpdate, kind != .trigger {
            throw refusal(text, "looks at an update, which only a trigger does")
        }
        if !mayUse(field) {
            throw refusal(
                text, "comes true with time, which only an automation or a view looks at")
        }
        let test = try test(field, text)
        if kind != .trigger, test.looksAtChange {
            throw refusal(
                text, "the operator \(text.test) looks at an update, which only a trigger does")
        }
        return Condition(field: field, test: test, text: text)
    }

    private func test(_ field: RuleField, _ text: ConditionText) throws -> Condition.Test {
        switch field {
        case .status: try scale(text) { TicketStatus(name: $0)?.rawValue }
        case .priority: try scale(text) { TicketPriority(name: $0)?.rawValue }
        case .type: try choice(text) { TicketType(name: $0).map { .number($0.rawValue) } }
        case .channel, .updateChannel: try choice(text) { Self.channel($0).map { .number($0) } }
        case .group, .assignee, .requester, .organization, .problem, .customStatus, .form:
            try choice(text) { try reference(field, $0, text) }
        case .updater: try choice(text) { try updater($0, text) }
        case .reopens, .replies, .assigneeStations, .groupStations: try count(text)
        case .tags: try tags(text)
        case .subject, .description, .comment: try words(text)
        case .isPublic: try flag(text, yes: ["public", "true"], no: ["private", "false"])
        case .commentIsPublic: try commentTest(text)
        case .updateType: try flag(text, yes: ["Create", "create"], no: ["Change", "change"])
        case .isWorkingTime: try flag(text, yes: ["true"], no: ["false"])
        case .hours: try hours(text)
        case .custom(let id): try custom(id, text)
        case .satisfaction: try score(text)
        case .satisfactionReason: try choice(text) { try reason($0, text) }
        }
    }

    private func unknownOperator(_ text: ConditionText, _ known: String) -> DeskRefusal {
        refusal(text, "the operator \(text.test.prefix(40)) is not one of \(known)")
    }

    func badValue(_ text: ConditionText, _ wanted: String) -> DeskRefusal {
        refusal(
            text, .wrongType,
            "\(text.value.items.first.map { String($0.prefix(60)) } ?? "an empty value") is not \(wanted)"
        )
    }

    // MARK: Values of one kind each

    /// Something of an order: status and priority.
    private func scale(
        _ text: ConditionText, _ number: (String) -> Int64?
    ) throws -> Condition.Test {
        switch text.test {
        case "less_than", "greater_than":
            guard let limit = text.value.text.flatMap(number) else {
                throw badValue(text, "a value of this field")
            }
            return text.test == "less_than" ? .isBelow(limit) : .isAbove(limit)
        default: return try choice(text) { number($0).map { .number($0) } }
        }
    }

    func choice(
        _ text: ConditionText, _ operand: (String) throws -> Condition.Operand?
    ) throws -> Condition.Test {
        func value() throws -> Condition.Operand {
            guard let word = text.value.text, !word.isEmpty else { return .nobody }
            guard let operand = try operand(word) else {
                throw badValue(text, "a value of this field")
            }
            return operand
        }
        switch text.test {
        case "is": return .equals(try value())
        case "is_not": return .differs(try value())
        case "changed": return text.value.isEmpty ? .changed : .changedTo(try value())
        case "not_changed": return text.value.isEmpty ? .unchanged : .notChangedTo(try value())
        case "value", "changed_to": return .changedTo(try value())
        case "value_previous", "changed_from": return .changedFrom(try value())
        case "not_value", "not_changed_to": return .notChangedTo(try value())
        case "not_value_previous", "not_changed_from": return .notChangedFrom(try value())
        case "present": return .isPresent
        case "not_present": return .isAbsent
        default:
            throw unknownOperator(
                text,
                "is, is_not, changed, not_changed, value, not_value, value_previous, not_value_previous, present, not_present"
            )
        }
    }

    private func reference(
        _ field: RuleField, _ word: String, _ text: ConditionText
    ) throws -> Condition.Operand {
        switch (field, word) {
        case (.assignee, "current_user"), (.requester, "current_user"): return .currentUser
        case (.assignee, "requester_id"): return .requester
        case (.requester, "assignee_id"): return .assignee
        case (.group, "current_groups"): return .currentGroups
        default: break
        }
        guard let id = Int64(word), id > 0 else { throw badValue(text, "a number of a record") }
        let reference: Reference? =
            switch field {
            case .group: .group(id)
            case .assignee, .requester: .user(id)
            case .organization: .organization(id)
            case .form: .form(id)
            case .customStatus: .customStatus(id)
            default: nil
            }
        if let reference, try !exists(reference) { throw refusal(text, "\(id) does not exist") }
        return .number(id)
    }

    private func updater(
        _ word: String, _ text: ConditionText
    ) throws -> Condition.Operand? {
        switch word {
        case "end_user", "end-user": return .role(.endUser)
        case "agent": return .staff
        case "admin": return .role(.admin)
        case "requester_id": return .requester
        case "assignee_id": return .assignee
        default:
            guard let id = Int64(word), id > 0 else { return nil }
            if try !exists(.user(id)) { throw refusal(text, "\(id) does not exist") }
            return .number(id)
        }
    }

    /// A channel by the dialect's number or by name.
    private static func channel(_ word: String) -> Int64? {
        let channel: Via.Channel? =
            switch word {
            case "0", "web": .web
            case "4", "email", "mail": .email
            case "5", "api": .api
            case "8", "system": .system
            default: nil
            }
        return channel?.rawValue
    }

    private func count(_ text: ConditionText) throws -> Condition.Test {
        guard let number = text.value.text.flatMap({ Int64($0) }), number >= 0 else {
            throw badValue(text, "a count")
        }
        switch text.test {
        case "is": return .equals(.number(number))
        case "is_not": return .differs(.number(number))
        case "less_than": return .isBelow(number)
        case "greater_than": return .isAbove(number)
        default: throw unknownOperator(text, "is, is_not, less_than, greater_than")
        }
    }

    private func tags(_ text: ConditionText) throws -> Condition.Test {
        func tags() throws -> [String] {
            let tags = try Tags.normalized(text.value.items, field: "conditions")
            guard !tags.isEmpty else { throw badValue(text, "a list of tags") }
            return tags
        }
        switch text.test {
        case "includes", "is": return .includes(try tags())
        case "not_includes", "is_not": return .excludes(try tags())
        case "present": return .isPresent
        case "not_present": return .isAbsent
        default: throw unknownOperator(text, "includes, not_includes, present, not_present")
        }
    }

    private func words(_ text: ConditionText) throws -> Condition.Test {
        let value = (text.value.text ?? text.value.items.joined(separator: " ")).lowercased()
        guard !Validation.trim(value).isEmpty else { throw badValue(text, "words to look for") }
        let words = value.split { $0.isWhitespace || $0 == "," }.map(String.init)
        switch text.test {
        case "includes": return .includes(words)
        case "not_includes": return .excludes(words)
        case "is": return .contains(value)
        case "is_not": return .lacks(value)
        default: throw unknownOperator(text, "includes, not_includes, is, is_not")
        }
    }

    private func flag(
        _ text: ConditionText, yes: [String], no: [String]
    ) throws -> Condition.Test {
        guard text.test == "is" || text.test == "is_not" else {
            throw unknownOperator(text, "is, is_not")
        }
        let word = text.value.text ?? ""
        guard yes.contains(word) || no.contains(word) else {
            throw badValue(text, "\(yes[0]) or \(no[0])")
        }
        return .flag(yes.contains(word) == (text.test == "is"))
    }

    private func commentTest(_ text: ConditionText) throws -> Condition.Test {
        switch text.value.text {
        case "not_relevant": return .isPresent
        case "requester_can_see_comment": return .flag(true)
        default: return try flag(text, yes: ["true"], no: ["false"])
        }
    }

    private func hours(_ text: ConditionText) throws -> Condition.Test {
        guard let hours = text.value.text.flatMap({ Double($0) }), hours >= 0, hours <= 87_600
        else {
            throw badValue(text, "a number of hours up to ten years, such as 4 or 0.5")
        }
        let relation: Condition.Elapsed.Relation
        switch text.test {
        case "is", "is_business_hours": relation = .within
        case "greater_than", "greater_than_business_hours": relation = .moreThan
        case "less_than", "less_than_business_hours": relation = .lessThan
        default:
            throw unknownOperator(
                text,
                "is, less_than, greater_than, is_business_hours, less_than_business_hours, greater_than_business_hours"
            )
        }
        return .elapsed(
            Condition.Elapsed(
                relation: relation, milliseconds: Int64((hours * 60).rounded()) * 60_000,
                isBusiness: text.test.hasSuffix("_business_hours")))
    }

    // MARK: Custom fields

    private func custom(_ id: Int64, _ text: ConditionText) throws -> Condition.Test {
        guard let kind = try fieldKind(id) else {
            if isLenient { return .never }
            throw refusal(text, "there is no custom field with this number")
        }
        let word = text.value.text ?? ""
        switch text.test {
        case "present": return .isPresent
        case "not_present": return .isAbsent
        case "changed" where text.value.isEmpty: return .changed
        case "not_changed" where text.value.isEmpty: return .unchanged
        case "includes", "not_includes":
            let items = text.value.items.flatMap { $0.split(separator: " ").map(String.init) }
            guard !items.isEmpty else { throw badValue(text, "a list of values") }
            return text.test == "includes" ? .includes(items) : .excludes(items)
        case "is" where kind.isText, "is_not" where kind.isText: break
        case "less_than", "greater_than":
            if kind == .date {
                guard let day = CalendarDay(word) else {
                    throw badValue(text, "a date like 2026-12-24")
                }
                return .value(text.test == "less_than" ? .isBefore(day) : .isAfter(day))
            }
            guard kind.isNumber, let limit = Double(word), limit.isFinite else {
                throw badValue(text, "a number for a field of numbers")
            }
            return .value(text.test == "less_than" ? .isBelow(limit) : .isAbove(limit))
        case "within_previous_n_days", "within_next_n_days":
            guard kind == .date, let days = Int64(word), (0...36_500).contains(days) else {
                throw badValue(text, "a number of days for a field of dates")
            }
            return .value(
                text.test == "within_next_n_days"
                    ? .isWithinNext(days: days) : .isWithinPrevious(days: days))
        default: break
        }
        switch text.test {
        case "is": return .value(.equals(word))
        case "is_not": return .value(.differs(word))
        case "value", "changed_to", "changed": return .value(.changedTo(word))
        case "not_value", "not_changed_to", "not_changed": return .value(.notChangedTo(word))
        case "value_previous", "changed_from": return .value(.changedFrom(word))
        case "not_value_previous", "not_changed_from": return .value(.notChangedFrom(word))
        default:
            throw unknownOperator(
                text,
                "is, is_not, present, not_present, includes, not_includes, less_than, greater_than, changed, not_changed, value, value_previous, within_previous_n_days, within_next_n_days"
            )
        }
    }
}

extension Condition.Test {
    /// Whether it compares with the ticket before the update.
    var looksAtChange: Bool {
        switch self {
        case .changed, .changedTo, .changedFrom, .unchanged, .notChangedTo, .notChangedFrom: true
        case .value(let test):
            switch test {
            case .changedTo, .changedFrom, .notChangedTo, .notChangedFrom: true
            default: false
            }
        default: false
        }
    }
}
