import HTTPTypes
import ServiceDesk

/// SLA policies: what is promised to whom. The first that matches a ticket counts.
enum PolicyEndpoints {
    private static let base = "/api/v2/slas/policies"
    private static let tag = "SLA policies"

    static let all: [Endpoint] = [
        Endpoint(
            .get, base, "listSLAPolicies", tag: tag, summary: "All policies, in their order",
            query: Parameters.paging, answers: [200: "SLAPoliciesAnswer"]
        ) { call in
            let page = try call.page
            return try await call.read { desk in
                let found = try Rule.page(of: desk.rules(.policy), page)
                return .json {
                    $0.object { $0.page("sla_policies", found, call) { $0.policy($1, call) } }
                }
            }
        },
        Endpoint(
            .get, "\(base)/definitions", "showSLAPolicyDefinitions", tag: tag,
            summary: "What a policy's filter may look at", answers: [200: "DefinitionsAnswer"]
        ) { call in
            try await call.read { desk in
                let fields = try desk.conditionFields(.policy)
                return .json {
                    $0.object { json in
                        json.object("definitions") { json in
                            json.array("all") { json in
                                for field in fields { json.conditionField(field) }
                            }
                            json.array("any") { json in
                                for field in fields { json.conditionField(field) }
                            }
                        }
                    }
                }
            }
        },
        Endpoint(
            .put, "\(base)/reorder", "reorderSLAPolicies", tag: tag,
            summary: "Puts policies into another order", body: "SLAPolicyOrderBody",
            answers: [200: "SLAPoliciesAnswer"]
        ) { call in
            let ids = try call.order("sla_policy_ids")
            return try await call.write { desk in
                try desk.reorderRules(.policy, ids)
                let rules = try desk.rules(.policy)
                return .json {
                    $0.object { json in
                        json.array("sla_policies") { json in
                            for rule in rules { json.policy(rule, call) }
                        }
                    }
                }
            }
        },
        Endpoint(
            .get, "\(base)/{id}", "showSLAPolicy", tag: tag, summary: "One policy",
            answers: [200: "SLAPolicyAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in one(try desk.rule(.policy, id), call) }
        },
        Endpoint(
            .post, base, "createSLAPolicy", tag: tag, summary: "Makes a policy",
            body: "SLAPolicyBody", answers: [201: "SLAPolicyAnswer"]
        ) { call in
            let draft = try RuleDecoder.policy(call.bodyObject("sla_policy"))
            return try await call.write { desk in
                one(try desk.createRule(.policy, draft), isNew: true, call)
            }
        },
        Endpoint(
            .put, "\(base)/{id}", "updateSLAPolicy", tag: tag, summary: "Changes a policy",
            body: "SLAPolicyBody", answers: [200: "SLAPolicyAnswer"]
        ) { call in
            let id = try call.id()
            let draft = try RuleDecoder.policy(call.bodyObject("sla_policy"))
            return try await call.write { desk in
                try call.requireVersion(desk.rule(.policy, id).version)
                return one(try desk.updateRule(.policy, id, draft), call)
            }
        },
        Endpoint(
            .delete, "\(base)/{id}", "deleteSLAPolicy", tag: tag,
            summary: "Deletes a policy; open tickets lose its targets at their next update",
            answers: [204: nil]
        ) { call in
            let id = try call.id()
            return try await call.write { desk in
                try call.requireVersion(desk.rule(.policy, id).version)
                try desk.deleteRule(.policy, id)
                return .noContent
            }
        },
    ]

    private static func one(_ rule: Rule, isNew: Bool = false, _ call: APICall) -> APIAnswer {
        .json(
            isNew ? .created : .ok, version: rule.version,
            location: isNew ? call.url("\(base)/\(rule.id).json") : nil
        ) {
            $0.object { json in
                json.key("sla_policy")
                json.policy(rule, call)
            }
        }
    }
}

extension JSONWriter {
    /// A policy in the dialect's shape.
    mutating func policy(_ rule: Rule, _ call: APICall) {
        object { json in
            json.member("url", call.url("/api/v2/slas/policies/\(rule.id).json"))
            json.member("id", rule.id)
            json.member("title", rule.title)
            json.member("description", rule.description)
            json.member("position", rule.position)
            json.key("filter")
            json.conditionLists(rule.conditions)
            json.array("policy_metrics") { json in
                for target in rule.actions.compactMap(PolicyTarget.init) {
                    json.object { json in
                        json.member("priority", target.priority.name)
                        json.member("metric", target.metric.name)
                        json.member("target", target.minutes)
                        json.member("target_in_seconds", target.minutes * 60)
                        json.member("business_hours", target.isBusiness)
                    }
                }
            }
            json.member("created_at", rule.createdAt)
            json.member("updated_at", rule.updatedAt)
        }
    }

    fileprivate mutating func conditionField(_ field: ConditionField) {
        object { json in
            json.member("value", field.name)
            json.member("title", field.title)
            json.member("group", "ticket")
            json.array("operators") { json in
                for name in field.operators {
                    json.object { json in
                        json.member("value", name)
                        json.member("title", name.split(separator: "_").joined(separator: " "))
                    }
                }
            }
            json.object("values") { json in
                json.member("type", field.values.isEmpty ? "text" : "list")
                json.array("list") { json in
                    for value in field.values {
                        json.object { json in
                            json.member("value", value)
                            json.member("title", value)
                        }
                    }
                }
            }
        }
    }
}

extension RuleDecoder {
    static func policy(_ fields: FieldReader) throws -> RuleDraft {
        var draft = RuleDraft()
        draft.title = try fields.string("title").map { $0 ?? "" }
        draft.description = try fields.string("description")
        draft.position = try fields.int64("position") ?? nil
        if let filter = try fields.object("filter") { draft.conditions = try lists(filter) }
        switch fields.value["policy_metrics"] {
        case nil: break
        case .null: draft.actions = []
        case .array(let items)?:
            guard items.count <= 100 else {
                throw DeskRefusal.invalid(
                    "policy_metrics", .tooLong, "Policy metrics: at most 100 are allowed")
            }
            draft.actions = try items.map { try target(FieldReader($0)).action }
        default: throw fields.wrongType("policy_metrics", "a list of objects")
        }
        return draft
    }

    private static func target(_ item: FieldReader) throws -> PolicyTarget {
        func refusal(_ text: String) -> DeskRefusal {
            .invalid("policy_metrics", .invalid, "Policy metrics: \(text)")
        }
        guard let priority = (try item.string("priority") ?? nil).flatMap(TicketPriority.init)
        else {
            throw refusal("priority must be low, normal, high or urgent")
        }
        guard let metric = (try item.string("metric") ?? nil).flatMap(PolicyMetric.init) else {
            throw refusal(
                "metric must be one of "
                    + PolicyMetric.allCases.map(\.name).joined(separator: ", "))
        }
        var minutes = try item.int64("target") ?? nil
        if minutes == nil, let seconds = try item.int64("target_in_seconds") ?? nil {
            guard seconds % 60 == 0 else { throw refusal("a target must be whole minutes") }
            minutes = seconds / 60
        }
        guard let minutes else { throw refusal("target must be a number of minutes") }
        return PolicyTarget(
            priority: priority, metric: metric, minutes: minutes,
            isBusiness: try item.bool("business_hours") ?? false)
    }
}
