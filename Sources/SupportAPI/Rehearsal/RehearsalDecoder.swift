import ServiceDesk

/// Proposed rules and what is to be rehearsed, in request bodies.
enum RehearsalDecoder {
    /// The days whose tickets are gone through again.
    static func days(_ fields: FieldReader) throws -> Int64 {
        guard let days = try fields.int64("days") ?? nil else {
            throw DeskRefusal.invalid("days", .blank, "Days: cannot be blank")
        }
        guard (1...90).contains(days) else {
            throw DeskRefusal.invalid("days", .outOfRange, "Days: must be 1 to 90")
        }
        return days
    }

    /// The members may stand in the body itself or under a key.
    static func fields(_ call: APICall, under key: String) throws -> FieldReader {
        let json = try call.json()
        guard case .object = json else {
            throw DeskRefusal.badRequest(
                name: "InvalidRequest", "The body must be a JSON object")
        }
        return try FieldReader(json).object(key) ?? FieldReader(json)
    }

    static func proposal(_ fields: FieldReader) throws -> RuleProposal {
        var proposal = RuleProposal()
        for kind in RuleProposal.kinds {
            let name = name(kind)
            switch fields.value[name] {
            case nil, .null: continue
            case .array(let items)?:
                guard items.count <= RuleProposal.itemLimit else {
                    throw DeskRefusal.invalid(
                        name, .tooLong, "At most \(RuleProposal.itemLimit) rules are allowed")
                }
                for (place, item) in items.enumerated() {
                    do {
                        proposal.items.append(try self.item(item, kind, place))
                    } catch DeskRefusal.invalid(let errors) {
                        throw DeskRefusal.invalid(
                            errors.map { error in
                                FieldError(
                                    field: "\(name)[\(place)].\(error.field)",
                                    problem: error.problem,
                                    description: "\(name)[\(place)]: \(error.description)")
                            })
                    }
                }
            default: throw fields.wrongType(name, "a list of objects")
            }
        }
        for word in try fields.strings("only", max: 10) ?? [] {
            guard let kind = RuleProposal.kinds.first(where: { name($0) == word }) else {
                throw DeskRefusal.invalid(
                    "only", .invalid,
                    "Only: \(word.prefix(60)) is not one of triggers, automations, policies")
            }
            proposal.only.insert(kind)
        }
        return proposal
    }

    private static func name(_ kind: RuleKind) -> String {
        kind == .policy ? "policies" : "\(kind.name)s"
    }

    private static func item(
        _ value: JSONValue, _ kind: RuleKind, _ place: Int
    ) throws -> RuleProposal.Item {
        guard case .object = value else {
            throw DeskRefusal.invalid("base", .wrongType, "must be an object")
        }
        let fields = FieldReader(value)
        let id = try fields.int64("id") ?? nil
        let isRemoved = try fields.bool("deleted") ?? false
        guard id != nil || !isRemoved else {
            throw DeskRefusal.invalid("id", .blank, "Id: cannot be blank")
        }
        let changes = try fields.object("changes") ?? fields
        var draft: RuleDraft
        if kind == .policy {
            draft = try RuleDecoder.policy(changes)
            draft.isActive = try changes.bool("active")
        } else {
            draft = try RuleDecoder.draft(changes, kind)
        }
        return RuleProposal.Item(
            kind: kind, id: id, place: place, draft: draft, isRemoved: isRemoved)
    }
}
