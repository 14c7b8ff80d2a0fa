/// One thing a rule does, compiled.
enum RuleAction: Sendable, Equatable {
    case setStatus(TicketStatus)
    case setCustomStatus(Int64)
    case setPriority(TicketPriority?)
    case setType(TicketType?)
    case setGroup(Int64?)
    case setAssignee(Person)
    case setForm(Int64)
    case setSchedule(Int64)
    case setSubject(RuleTemplate)
    case setCustom(Int64, RuleValue)
    case setTags([String])
    case addTags([String])
    case removeTags([String])
    case setSkills([String])
    case addFollower(Person)
    case addCopy(Person)
    /// Macros only: a comment, and whether it is public.
    case comment(RuleTemplate)
    case commentIsPublic(Bool)
    case notifyUser(Person, subject: RuleTemplate, body: RuleTemplate)
    /// Nil: the ticket's group.
    case notifyGroup(Int64?, subject: RuleTemplate, body: RuleTemplate)
    case notifyWebhook(String, body: RuleTemplate)
    case offerSatisfaction(SurveyText)
    /// At most once for a person in so many days.
    case offerNPS(SurveyText, days: Int64)

    enum Person: Sendable, Equatable {
        case user(Int64)
        case nobody
        case currentUser
        case requester
        case assignee
        /// Requester and copies.
        case requesterAndCopies
        case allAgents
    }

}

/// Turns actions as clients write them into what can be done, and says what is wrong with them.
struct ActionCompiler {
    let kind: RuleKind
    var exists: (ConditionCompiler.Reference) throws -> Bool = { _ in true }
    var fieldKind: (Int64) throws -> FieldKind?
    /// Whether a custom field that is not there is no error now; setting it fails.
    var isLenient = false

    static let countLimit = 50
    static let valueLimit = 65_536
    private static let usualBody = RuleTemplate("{{ticket.latest_comment}}\n\n{{ticket.url}}")

    func compile(_ actions: [ActionText]) throws -> [RuleAction] {
        guard !actions.isEmpty else {
            throw DeskRefusal.invalid("actions", .blank, "Actions: cannot be blank")
        }
        guard actions.count <= Self.countLimit else {
            throw DeskRefusal.invalid(
                "actions", .tooLong, "Actions: at most \(Self.countLimit) actions are allowed")
        }
        return try actions.map { try compile($0) }
    }

    func refusal(_ action: ActionText, _ what: String) -> DeskRefusal {
        refusal(action, .invalid, what)
    }

    private func refusal(
        _ action: ActionText, _ problem: FieldProblem, _ what: String
    ) -> DeskRefusal {
        .invalid("actions", problem, "Actions: \(action.field.prefix(60)): \(what)")
    }

    func compile(_ action: ActionText) throws -> RuleAction {
        for part in [action.field] + action.value.items {
            guard part.utf8.count <= Self.valueLimit, !RuleText.isUnfit(part) else {
                throw refusal(
                    action, .tooLong,
                    "a value is too long (maximum is \(Self.valueLimit) bytes) or has control characters"
                )
            }
        }
        switch action.field {
        case "status": return .setStatus(try word(action) { TicketStatus(name: $0) })
        case "custom_status_id":
            return .setCustomStatus(try number(action) { .customStatus($0) })
        case "priority":
            return .setPriority(
                action.value.isEmpty ? nil : try word(action) { TicketPriority(name: $0) })
        case "type":
            return .setType(action.value.isEmpty ? nil : try word(action) { TicketType(name: $0) })
        case "group_id":
            return .setGroup(action.value.isEmpty ? nil : try number(action) { .group($0) })
        case "assignee_id": return .setAssignee(try person(action, action.value.text ?? ""))
        case "ticket_form_id": return .setForm(try number(action) { .form($0) })
        case "set_schedule": return .setSchedule(try number(action) { .schedule($0) })
        case "subject": return .setSubject(try template(action, action.value.text))
        case "set_tags": return .setTags(try tags(action))
        case "current_tags": return .addTags(try tags(action))
        case "remove_tags": return .removeTags(try tags(action))
        case "set_skills": return .setSkills(try skills(action))
        case "follower": return .addFollower(try person(action, action.value.text ?? ""))
        case "cc": return .addCopy(try person(action, action.value.text ?? ""))
        case "comment_value", "comment_value_html", "comment_mode_is_public":
            return try comment(action)
        case "notification_user", "notification_group", "notification_webhook":
            return try notification(action)
        case "satisfaction_score", "nps_survey": return try survey(action)
        default: break
        }
        if case .custom(let id)? = RuleField(name: action.field) {
            guard try isLenient || fieldKind(id) != nil else {
                throw refusal(action, "there is no custom field with this number")
            }
            return .setCustom(id, action.value)
        }
        throw refusal(action, "is not an action that Lodge knows")
    }

    private func badValue(_ action: ActionText) -> DeskRefusal {
        refusal(
            action, .wrongType,
            "\(action.value.items.first.map { String($0.prefix(60)) } ?? "an empty value") is not a value of this field"
        )
    }

    private func word<Value>(_ action: ActionText, _ parse: (String) -> Value?) throws -> Value {
        guard let value = action.value.text.flatMap(parse) else { throw badValue(action) }
        return value
    }

    private func number(
        _ action: ActionText, _ reference: (Int64) -> ConditionCompiler.Reference
    ) throws -> Int64 {
        guard let id = action.value.text.flatMap({ Int64($0) }), id > 0 else {
            throw badValue(action)
        }
        guard try exists(reference(id)) else { throw refusal(action, "\(id) does not exist") }
        return id
    }

    private func tags(_ action: ActionText) throws -> [String] {
        let tags = try Tags.normalized(action.value.items, field: "actions")
        guard !tags.isEmpty || action.field == "set_tags" else { throw badValue(action) }
        return tags
    }

    private func skills(_ action: ActionText) throws -> [String] {
        guard kind != .macro else { throw refusal(action, "a macro puts no skills on tickets") }
        let ids = action.value.items.filter { !$0.isEmpty }
        guard ids.count <= Skill.ticketLimit else {
            throw refusal(action, .tooLong, "at most \(Skill.ticketLimit) skills are allowed")
        }
        for id in ids where try !exists(.skill(id)) {
            throw refusal(action, "\(id.prefix(60)) does not exist")
        }
        return ids
    }

    private func template(_ action: ActionText, _ text: String?) throws -> RuleTemplate {
        guard let text, !Validation.trim(text).isEmpty else {
            throw refusal(action, .blank, "a text cannot be blank")
        }
        return RuleTemplate(text)
    }

    private func person(_ action: ActionText, _ word: String) throws -> RuleAction.Person {
        switch word {
        case "": return .nobody
        case "current_user": return .currentUser
        case "requester_id": return .requester
        case "assignee_id": return .assignee
        case "requester_and_ccs": return .requesterAndCopies
        case "all_agents": return .allAgents
        default:
            guard let id = Int64(word), id > 0 else { throw badValue(action) }
            guard try exists(.user(id)) else { throw refusal(action, "\(id) does not exist") }
            return .user(id)
        }
    }

    private func comment(_ action: ActionText) throws -> RuleAction {
        guard kind == .macro else {
            throw refusal(action, "only a macro writes comments")
        }
        if action.field == "comment_mode_is_public" {
            return .commentIsPublic(try word(action) { ["true": true, "false": false][$0] })
        }
        // The dialect's longer form names the channel first.
        let items = action.value.items
        return .comment(try template(action, items.count == 2 ? items[1] : items.first))
    }

    private func notification(_ action: ActionText) throws -> RuleAction {
        guard kind == .trigger || kind == .automation else {
            throw refusal(action, "a macro sends nothing by itself")
        }
        let items = action.value.items
        if action.field == "notification_webhook" {
            guard items.count == 2, !items[0].isEmpty else {
                throw refusal(action, .wrongType, "must be a webhook's id and a body")
            }
            return .notifyWebhook(items[0], body: RuleTemplate(items[1]))
        }
        guard items.count == 2 || items.count == 3 else {
            throw refusal(action, .wrongType, "must be a recipient, a subject and a body")
        }
        let subject = try template(action, items[1])
        let body = items.count == 3 ? try template(action, items[2]) : Self.usualBody
        if action.field == "notification_user" {
            let person = try person(action, items[0])
            guard person != .nobody else { throw badValue(action) }
            return .notifyUser(person, subject: subject, body: body)
        }
        if items[0] == "group_id" { return .notifyGroup(nil, subject: subject, body: body) }
        guard let id = Int64(items[0]), id > 0 else { throw badValue(action) }
        guard try exists(.group(id)) else { throw refusal(action, "\(id) does not exist") }
        return .notifyGroup(id, subject: subject, body: body)
    }
}

/// A text with places in double braces: `Hello {{ticket.requester.first_name}}`.
struct RuleTemplate: Sendable, Equatable {
    let text: String
    init(_ text: String) { self.text = text }

    /// What comes out is cut here.
    static let lengthLimit = 65_536

    /// Fills the places in; what is not known is left empty, as the dialect does.
    /// - Parameter value: of a place, by its name.
    func filled(_ value: (Substring) throws -> String?) rethrows -> String {
        var filled = ""
        var rest = text[...]
        while let open = Self.range(of: "{{", in: rest) {
            filled += rest[..<open.lowerBound]
            let inner = rest[open.upperBound...]
            guard let close = Self.range(of: "}}", in: inner) else {
                rest = rest[open.lowerBound...]
                break
            }
            let name = inner[..<close.lowerBound]
            filled += try value(Self.trimmed(name)) ?? ""
            rest = inner[close.upperBound...]
            if filled.utf8.count > Self.lengthLimit { break }
        }
        filled += rest
        guard filled.utf8.count > Self.lengthLimit else { return filled }
        return String(decoding: filled.utf8.prefix(Self.lengthLimit), as: UTF8.self)
    }

    private static func range(of mark: String, in text: Substring) -> Range<Substring.Index>? {
        var place = text.startIndex
        while let found = text[place...].firstIndex(of: mark.first!) {
            let next = text.index(after: found)
            if next < text.endIndex, text[next] == mark.last! {
                return found..<text.index(after: next)
            }
            place = next
        }
        return nil
    }

    private static func trimmed(_ name: Substring) -> Substring {
        var name = name
        while name.first?.isWhitespace == true { name.removeFirst() }
        while name.last?.isWhitespace == true { name.removeLast() }
        return name
    }
}
