import HTTPTypes
import ServiceDesk

/// Triggers, automations, macros and views: the four have the same verbs.
enum RuleEndpoints {
    static let all =
        rules(.trigger, RuleKeys.trigger) + ViewEndpoints.all + rules(.view, RuleKeys.view)
        + rules(.automation, RuleKeys.automation) + PolicyEndpoints.all + MacroEndpoints.all
        + rules(.macro, RuleKeys.macro) + RehearsalEndpoints.all

    /// Keys of one kind's answers, and its part of the operations' names.
    struct RuleKeys {
        let one: StaticString
        let many: StaticString
        let name: String
        static let trigger = RuleKeys(one: "trigger", many: "triggers", name: "Trigger")
        static let automation = RuleKeys(
            one: "automation", many: "automations", name: "Automation")
        static let macro = RuleKeys(one: "macro", many: "macros", name: "Macro")
        static let view = RuleKeys(one: "view", many: "views", name: "View")
    }

    private static func rules(_ kind: RuleKind, _ keys: RuleKeys) -> [Endpoint] {
        lists(kind, keys) + many(kind, keys) + [definitions(kind, keys)] + single(kind, keys)
    }

    private static func definitions(_ kind: RuleKind, _ keys: RuleKeys) -> Endpoint {
        Endpoint(
            .get, "/api/v2/\(keys.many)/definitions", "show\(keys.name)Definitions",
            tag: "\(keys.name)s", summary: "What \(keys.many) may look at and do",
            answers: [200: "RuleDefinitionsAnswer"]
        ) { call in
            try await call.read { desk in
                let conditions = kind == .macro ? [] : try desk.conditionFields(kind)
                let actions = kind == .view ? [] : try desk.actionFields(kind)
                return .json {
                    $0.object { json in
                        json.object("definitions") { json in
                            json.array("actions") { json in
                                for field in actions { json.actionDefinition(field) }
                            }
                            json.array("conditions_all") { json in
                                for field in conditions { json.conditionDefinition(field) }
                            }
                            json.array("conditions_any") { json in
                                for field in conditions { json.conditionDefinition(field) }
                            }
                        }
                    }
                }
            }
        }
    }

    // MARK: Lists

    private static func lists(_ kind: RuleKind, _ keys: RuleKeys) -> [Endpoint] {
        let (base, name) = ("/api/v2/\(keys.many)", keys.name)
        func list(_ path: String, _ operation: String, _ summary: String, activeOnly: Bool)
            -> Endpoint
        {
            Endpoint(
                .get, path, operation, tag: "\(name)s", summary: summary,
                query: Parameters.paging
                    + [
                        QueryParameter("active", .boolean, "Only those that are active, or are not")
                    ],
                answers: [200: "\(name)sAnswer"]
            ) { call in
                let page = try call.page
                let active = call.query["active"].map { $0 == "true" }
                return try await call.read { desk in
                    let rules = try desk.rules(kind, activeOnly: activeOnly).filter {
                        active == nil || $0.isActive == active
                    }
                    return try answer(rules, page, keys, call)
                }
            }
        }
        return [
            list(
                base, "list\(name)s", "All \(keys.many) that you may use, in their order",
                activeOnly: false),
            list(
                "\(base)/active", "listActive\(name)s", "All active \(keys.many)", activeOnly: true),
            Endpoint(
                .get, "\(base)/search", "search\(name)s", tag: "\(name)s",
                summary: "\(name)s with words in their title",
                query: Parameters.paging
                    + [QueryParameter("query", .string, "Part of the title; all when it is empty")],
                answers: [200: "\(name)sAnswer"]
            ) { call in
                let page = try call.page
                let query = call.query["query"]?.lowercased() ?? ""
                return try await call.read { desk in
                    let rules = try desk.rules(kind).filter {
                        query.isEmpty || $0.title.lowercased().contains(query)
                    }
                    return try answer(rules, page, keys, call)
                }
            },
        ]
    }

    static func answer(
        _ rules: [Rule], _ page: PageRequest, _ keys: RuleKeys, _ call: APICall
    ) throws -> APIAnswer {
        let found = try Rule.page(of: rules, page)
        return .json { $0.object { $0.page(keys.many, found, call) { $0.rule($1, call) } } }
    }

    // MARK: Several at once

    private static func many(_ kind: RuleKind, _ keys: RuleKeys) -> [Endpoint] {
        let (base, name) = ("/api/v2/\(keys.many)", keys.name)
        return [
            Endpoint(
                .put, "\(base)/update_many", "updateMany\(name)s", tag: "\(name)s",
                summary: "Changes position or activity of several \(keys.many)",
                body: "Many\(name)sBody", answers: [200: "\(name)sAnswer"]
            ) { call in
                let items = try call.bodyList("\(keys.many)")
                return try await call.write { desk in
                    _ = try desk.rules(kind)
                    let rules = try items.map { item in
                        guard let id = try item.int64("id") ?? nil else {
                            throw DeskRefusal.invalid("id", .blank, "Id: cannot be blank")
                        }
                        var draft = RuleDraft()
                        draft.position = try item.int64("position") ?? nil
                        draft.isActive = try item.bool("active")
                        return try desk.updateRule(kind, id, draft)
                    }
                    return .json {
                        $0.object { json in
                            json.array(keys.many) { json in
                                for rule in rules { json.rule(rule, call) }
                            }
                        }
                    }
                }
            },
            Endpoint(
                .delete, "\(base)/destroy_many", "deleteMany\(name)s", tag: "\(name)s",
                summary: "Deletes several \(keys.many)",
                query: [QueryParameter("ids", .string, "Numbers with commas", isRequired: true)],
                answers: [204: nil]
            ) { call in
                guard let ids = try call.ids() else {
                    throw DeskRefusal.badRequest(name: "InvalidRequest", "ids is missing")
                }
                return try await call.write { desk in
                    try desk.deleteRules(kind, Set(ids))
                    return .noContent
                }
            },
            Endpoint(
                .put, "\(base)/reorder", "reorder\(name)s", tag: "\(name)s",
                summary: "Puts \(keys.many) into another order", body: "\(name)OrderBody",
                answers: [200: "\(name)sAnswer"]
            ) { call in
                let ids = try call.order("\(keys.one)_ids")
                return try await call.write { desk in
                    try desk.reorderRules(kind, ids)
                    let rules = try desk.rules(kind)
                    return .json {
                        $0.object { json in
                            json.array(keys.many) { json in
                                for rule in rules { json.rule(rule, call) }
                            }
                        }
                    }
                }
            },
        ]
    }

    // MARK: One

    private static func single(_ kind: RuleKind, _ keys: RuleKeys) -> [Endpoint] {
        let (base, name) = ("/api/v2/\(keys.many)", keys.name)
        return [
            Endpoint(
                .get, "\(base)/{id}", "show\(name)", tag: "\(name)s", summary: "One \(keys.one)",
                answers: [200: "\(name)Answer"]
            ) { call in
                let id = try call.id()
                return try await call.read { desk in one(try desk.rule(kind, id), keys, call) }
            },
            Endpoint(
                .post, base, "create\(name)", tag: "\(name)s", summary: "Makes a \(keys.one)",
                body: "\(name)Body", answers: [201: "\(name)Answer"]
            ) { call in
                let draft = try RuleDecoder.draft(call.bodyObject("\(keys.one)"), kind)
                let answer = try await call.write { desk in
                    one(try desk.createRule(kind, draft), keys, isNew: true, call)
                }
                // What is left to count, or of timers to set, goes on behind the answer.
                if kind == .view || kind == .automation { call.jobs.wake(call.tenant) }
                return answer
            },
            Endpoint(
                .put, "\(base)/{id}", "update\(name)", tag: "\(name)s",
                summary: "Changes a \(keys.one)", body: "\(name)Body",
                answers: [200: "\(name)Answer"]
            ) { call in
                let id = try call.id()
                let draft = try RuleDecoder.draft(call.bodyObject("\(keys.one)"), kind)
                let answer = try await call.write { desk in
                    try call.requireVersion(desk.rule(kind, id).version)
                    return one(try desk.updateRule(kind, id, draft), keys, call)
                }
                if kind == .view || kind == .automation { call.jobs.wake(call.tenant) }
                return answer
            },
            Endpoint(
                .delete, "\(base)/{id}", "delete\(name)", tag: "\(name)s",
                summary: "Deletes a \(keys.one)", answers: [204: nil]
            ) { call in
                let id = try call.id()
                return try await call.write { desk in
                    try call.requireVersion(desk.rule(kind, id).version)
                    try desk.deleteRule(kind, id)
                    return .noContent
                }
            },
        ]
    }

    private static func one(
        _ rule: Rule, _ keys: RuleKeys, isNew: Bool = false, _ call: APICall
    ) -> APIAnswer {
        .json(
            isNew ? .created : .ok, version: rule.version,
            location: isNew ? call.url("/api/v2/\(keys.many)/\(rule.id).json") : nil
        ) {
            $0.object { json in
                json.key(keys.one)
                json.rule(rule, call)
            }
        }
    }
}
