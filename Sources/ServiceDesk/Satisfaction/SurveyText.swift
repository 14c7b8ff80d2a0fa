/// The mail that offers a survey.
struct SurveyText: Sendable, Equatable {
    let subject: RuleTemplate
    let body: RuleTemplate

    static let satisfaction = SurveyText(
        subject: RuleTemplate("How did we do? [#{{ticket.id}}]"),
        body: RuleTemplate(
            """
            Hello {{ticket.requester.first_name}},

            we would like to know what you think of the help that you got with "{{ticket.title}}".

            {{satisfaction.rating_section}}
            """))
    static let nps = SurveyText(
        subject: RuleTemplate("Would you recommend us?"),
        body: RuleTemplate(
            """
            Hello {{ticket.requester.first_name}},

            how likely is it that you would recommend us to a friend or colleague?

            {{nps.rating_section}}
            """))

    /// Places that links are put into; a text needs one of its kind.
    static let satisfactionPlaces = [
        "satisfaction.rating_section", "satisfaction.rating_url",
        "satisfaction.positive_rating_url", "satisfaction.negative_rating_url",
    ]
    static let npsPlaces = ["nps.rating_section", "nps.rating_url"]

    /// Both texts with the links put into their places. All other places stay for who fills those in.
    func linked(_ links: [String: String]) -> SurveyText {
        func linked(_ template: RuleTemplate) -> RuleTemplate {
            RuleTemplate(template.filled { links[String($0)] ?? "{{\($0)}}" })
        }
        return SurveyText(subject: subject, body: linked(body))
    }

    func has(oneOf places: [String]) -> Bool {
        var isThere = false
        _ = body.filled { name in
            if places.contains(String(name)) { isThere = true }
            return nil
        }
        return isThere
    }
}

extension ActionCompiler {
    /// `satisfaction_score`: `offered`, or a list of that, a subject and a body. `nps_survey`: `offered`, or a list of that, the days
    /// that must have passed since the person was asked last, and, when they are not the usual ones, a subject and a body.
    func survey(_ action: ActionText) throws -> RuleAction {
        guard kind == .trigger || kind == .automation else {
            throw refusal(action, "only triggers and automations offer surveys")
        }
        var items = action.value.items
        guard items.first == "offered" else { throw refusal(action, "the value must be offered") }
        items.removeFirst()
        if action.field == "satisfaction_score" {
            return .offerSatisfaction(
                try text(items, or: .satisfaction, SurveyText.satisfactionPlaces, action))
        }
        var days = NPSSurvey.usualDays
        if let first = items.first {
            guard let number = Int64(first), NPSSurvey.days.contains(number) else {
                throw refusal(
                    action,
                    "must name \(NPSSurvey.days.lowerBound) to \(NPSSurvey.days.upperBound) days")
            }
            days = number
            items.removeFirst()
        }
        return .offerNPS(try text(items, or: .nps, SurveyText.npsPlaces, action), days: days)
    }

    private func text(
        _ items: [String], or usual: SurveyText, _ places: [String], _ action: ActionText
    ) throws -> SurveyText {
        guard !items.isEmpty else { return usual }
        guard items.count == 2, !items.contains(where: { Validation.trim($0).isEmpty }) else {
            throw refusal(action, "a text must be a subject and a body")
        }
        let text = SurveyText(subject: RuleTemplate(items[0]), body: RuleTemplate(items[1]))
        guard text.has(oneOf: places) else {
            let names = places.map { "{{\($0)}}" }.joined(separator: ", ")
            throw refusal(action, "the body needs a place for the link, one of \(names)")
        }
        return text
    }
}

extension ConditionCompiler {
    /// A survey's state by the dialect's word.
    func score(_ text: ConditionText) throws -> Condition.Test {
        func numbers(_ word: String) throws -> ClosedRange<Int64> {
            guard let numbers = SatisfactionState.numbers(word) else {
                throw badValue(
                    text,
                    "unoffered, offered, bad, bad_with_comment, good or good_with_comment")
            }
            return numbers
        }
        switch text.test {
        case "less_than": return .isBelow(try numbers(text.value.text ?? "").lowerBound)
        case "greater_than": return .isAbove(try numbers(text.value.text ?? "").upperBound)
        case "is", "is_not":
            let value = Condition.Operand.numbers(try numbers(text.value.text ?? ""))
            return text.test == "is" ? .equals(value) : .differs(value)
        default: return try choice(text) { .numbers(try numbers($0)) }
        }
    }

    /// The code of a reason of the desk's; 0 is a bad rating without one.
    func reason(_ word: String, _ text: ConditionText) throws -> Condition.Operand {
        guard let code = Int64(word), code >= 0 else { throw badValue(text, "a reason's code") }
        if code != 0, try !exists(.satisfactionReason(code)) {
            throw refusal(text, "\(code) does not exist")
        }
        return .number(code)
    }
}
