import HTTPTypes
import ServiceDesk

/// Skills in the dialect's words: routing attributes, their values, and whose they are.
enum SkillEndpoints {
    static let all = attributes + values + instances

    private static let tag = "Skills"
    private static let base = "/api/v2/routing/attributes"
    private static let one = "\(base)/{attribute_id}"
    private static let oneValue = "\(one)/values/{attribute_value_id}"

    private static let attributes: [Endpoint] = [
        Endpoint(
            .get, base, "listRoutingAttributes", tag: tag, summary: "What skills are about",
            answers: [200: "RoutingAttributesAnswer"]
        ) { call in
            try await call.read { desk in
                let found = try desk.skillAttributes()
                return .json { json in
                    json.object { json in
                        json.array("attributes") { json in
                            for attribute in found { json.attribute(attribute, call) }
                        }
                        json.null("next_page")
                        json.null("previous_page")
                        json.member("count", found.count)
                    }
                }
            }
        },
        Endpoint(
            .get, one, "showRoutingAttribute", tag: tag, summary: "One attribute",
            answers: [200: "RoutingAttributeAnswer"]
        ) { call in
            let id = try text("attribute_id", call)
            return try await call.read { desk in answer(try desk.skillAttribute(id), call) }
        },
        Endpoint(
            .post, base, "createRoutingAttribute", tag: tag, summary: "Makes an attribute",
            body: "RoutingAttributeBody", answers: [201: "RoutingAttributeAnswer"]
        ) { call in
            let name = try call.bodyObject("attribute").string("name", max: 1024) ?? nil
            let id = Secrets.uniqueID()
            return try await call.write { desk in
                answer(try desk.createSkillAttribute(id: id, name: name), isNew: true, call)
            }
        },
        Endpoint(
            .put, one, "updateRoutingAttribute", tag: tag, summary: "Renames an attribute",
            body: "RoutingAttributeBody", answers: [200: "RoutingAttributeAnswer"]
        ) { call in
            let id = try text("attribute_id", call)
            let name = try name("attribute", call)
            return try await call.write { desk in
                try call.requireVersion(desk.skillAttribute(id).version)
                return answer(try desk.updateSkillAttribute(id, name: name), call)
            }
        },
        Endpoint(
            .delete, one, "deleteRoutingAttribute", tag: tag,
            summary: "Deletes an attribute and its skills; tickets need them no more",
            answers: [204: nil]
        ) { call in
            let id = try text("attribute_id", call)
            return try await call.write { desk in
                try call.requireVersion(desk.skillAttribute(id).version)
                try desk.deleteSkillAttribute(id)
                return .noContent
            }
        },
    ]

    private static let values: [Endpoint] = [
        Endpoint(
            .get, "\(one)/values", "listRoutingAttributeValues", tag: tag,
            summary: "An attribute's skills", answers: [200: "RoutingAttributeValuesAnswer"]
        ) { call in
            let id = try text("attribute_id", call)
            return try await call.read { desk in
                answer(try desk.skills(ofAttribute: id), call)
            }
        },
        Endpoint(
            .get, oneValue, "showRoutingAttributeValue", tag: tag, summary: "One skill",
            answers: [200: "RoutingAttributeValueAnswer"]
        ) { call in
            let (id, attribute) = try both(call)
            return try await call.read { desk in
                answer(try desk.skill(id, ofAttribute: attribute), call)
            }
        },
        Endpoint(
            .post, "\(one)/values", "createRoutingAttributeValue", tag: tag,
            summary: "Makes a skill", body: "RoutingAttributeValueBody",
            answers: [201: "RoutingAttributeValueAnswer"]
        ) { call in
            let attribute = try text("attribute_id", call)
            let name = try call.bodyObject("attribute_value").string("name", max: 1024) ?? nil
            let id = Secrets.uniqueID()
            return try await call.write { desk in
                answer(
                    try desk.createSkill(id: id, ofAttribute: attribute, name: name), isNew: true,
                    call)
            }
        },
        Endpoint(
            .patch, oneValue, "updateRoutingAttributeValue", tag: tag, summary: "Renames a skill",
            body: "RoutingAttributeValueBody", answers: [200: "RoutingAttributeValueAnswer"]
        ) { call in
            let (id, attribute) = try both(call)
            let name = try name("attribute_value", call)
            return try await call.write { desk in
                try call.requireVersion(desk.skill(id, ofAttribute: attribute).version)
                return answer(
                    try desk.updateSkill(id, ofAttribute: attribute, name: name), call)
            }
        },
        Endpoint(
            .delete, oneValue, "deleteRoutingAttributeValue", tag: tag,
            summary: "Deletes a skill; tickets need it no more", answers: [204: nil]
        ) { call in
            let (id, attribute) = try both(call)
            return try await call.write { desk in
                try call.requireVersion(desk.skill(id, ofAttribute: attribute).version)
                try desk.deleteSkill(id, ofAttribute: attribute)
                return .noContent
            }
        },
    ]

    private static let instances: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/routing/agents/{user_id}/instance_values", "listAgentSkills", tag: tag,
            summary: "What an agent can", answers: [200: "RoutingAttributeValuesAnswer"]
        ) { call in
            let id = try call.id("user_id")
            return try await call.read { desk in answer(try desk.skills(ofAgent: id), call) }
        },
        Endpoint(
            .post, "/api/v2/routing/agents/{user_id}/instance_values", "setAgentSkills", tag: tag,
            summary: "Says all that an agent can", body: "InstanceValuesBody",
            answers: [200: "RoutingAttributeValuesAnswer"]
        ) { call in
            let (id, ids) = (try call.id("user_id"), try valueIDs(call))
            return try await call.write { desk in
                // The dialect's clients send no body when nothing is to be changed.
                answer(
                    try ids.map { try desk.setSkills(ofAgent: id, $0) }
                        ?? desk.skills(ofAgent: id), call)
            }
        },
        Endpoint(
            .get, "/api/v2/routing/tickets/{ticket_id}/instance_values", "listTicketSkills",
            tag: tag, summary: "What a ticket needs",
            answers: [200: "RoutingAttributeValuesAnswer"]
        ) { call in
            let id = try call.id("ticket_id")
            return try await call.read { desk in answer(try desk.skills(ofTicket: id), call) }
        },
        Endpoint(
            .post, "/api/v2/routing/tickets/{ticket_id}/instance_values", "setTicketSkills",
            tag: tag, summary: "Says all that a ticket needs", body: "InstanceValuesBody",
            answers: [200: "RoutingAttributeValuesAnswer"]
        ) { call in
            let (id, ids) = (try call.id("ticket_id"), try valueIDs(call))
            return try await call.write { desk in
                try call.requireVersion(desk.ticket(id).version)
                return answer(
                    try ids.map { try desk.setSkills(ofTicket: id, $0) }
                        ?? desk.skills(ofTicket: id), call)
            }
        },
    ]

    // MARK: What requests say

    private static func text(_ parameter: String, _ call: APICall) throws -> String {
        guard let text = call.parameters[parameter], !text.isEmpty, text.utf8.count <= 64 else {
            throw DeskRefusal.notFound
        }
        return text
    }

    private static func both(_ call: APICall) throws -> (id: String, attribute: String) {
        (try text("attribute_value_id", call), try text("attribute_id", call))
    }

    /// A new name, nil when there is none: clients may send an update without a body.
    private static func name(_ key: String, _ call: APICall) throws -> String? {
        guard try call.json()[key] != nil else { return nil }
        return try call.bodyObject(key).string("name", max: 1024).map { $0 ?? "" }
    }

    private static func valueIDs(_ call: APICall) throws -> [String]? {
        try FieldReader(call.json()).strings("attribute_value_ids", max: 1000)
    }

    // MARK: What answers show

    private static func answer(
        _ attribute: SkillAttribute, isNew: Bool = false, _ call: APICall
    ) -> APIAnswer {
        .json(
            isNew ? .created : .ok, version: attribute.version,
            location: isNew ? call.url("\(base)/\(attribute.id).json") : nil
        ) { json in
            json.object { json in
                json.key("attribute")
                json.attribute(attribute, call)
            }
        }
    }

    private static func answer(_ skill: Skill, isNew: Bool = false, _ call: APICall) -> APIAnswer {
        .json(
            isNew ? .created : .ok, version: skill.version,
            location: isNew
                ? call.url("\(base)/\(skill.attributeID)/values/\(skill.id).json") : nil
        ) { json in
            json.object { json in
                json.key("attribute_value")
                json.skill(skill, call)
            }
        }
    }

    private static func answer(_ skills: [Skill], _ call: APICall) -> APIAnswer {
        .json { json in
            json.object { json in
                json.array("attribute_values") { json in
                    for skill in skills { json.skill(skill, call) }
                }
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func attribute(_ attribute: SkillAttribute, _ call: APICall) {
        object { json in
            json.member("id", attribute.id)
            json.member("url", call.url("/api/v2/routing/attributes/\(attribute.id).json"))
            json.member("name", attribute.name)
            json.member("created_at", attribute.createdAt)
            json.member("updated_at", attribute.updatedAt)
        }
    }

    fileprivate mutating func skill(_ skill: Skill, _ call: APICall) {
        object { json in
            json.member("id", skill.id)
            json.member(
                "url",
                call.url(
                    "/api/v2/routing/attributes/\(skill.attributeID)/values/\(skill.id).json"))
            json.member("attribute_id", skill.attributeID)
            json.member("name", skill.name)
            json.member("created_at", skill.createdAt)
            json.member("updated_at", skill.updatedAt)
        }
    }
}

extension Secrets {
    /// A random identifier in the usual form of 36 characters (RFC 9562, version 4).
    static func uniqueID() -> String {
        var digits = Array(hex(16))
        digits[12] = "4"
        // Of the variant's digit the two highest bits are 10.
        digits[16] = ["8", "9", "a", "b"][(digits[16].hexDigitValue ?? 0) & 3]
        let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }
        return parts.joined(separator: "-")
    }
}
