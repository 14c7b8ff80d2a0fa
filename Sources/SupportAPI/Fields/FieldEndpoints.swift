import HTTPTypes
import ServiceDesk

/// Fields of tickets, users and organizations: the three have the same verbs.
enum FieldEndpoints {
    static let all =
        fields(.ticket, FieldKeys.ticket) + fields(.user, FieldKeys.user)
        + fields(.organization, FieldKeys.organization)

    /// Keys of one owner's answers, and its part of the operations' names.
    private struct FieldKeys {
        let one: StaticString
        let many: StaticString
        let deleted: StaticString
        let name: String
        static let ticket = FieldKeys(
            one: "ticket_field", many: "ticket_fields", deleted: "deleted_ticket_fields",
            name: "TicketField")
        static let user = FieldKeys(
            one: "user_field", many: "user_fields", deleted: "deleted_user_fields",
            name: "UserField")
        static let organization = FieldKeys(
            one: "organization_field", many: "organization_fields",
            deleted: "deleted_organization_fields", name: "OrganizationField")
    }

    private static func fields(_ owner: FieldOwner, _ keys: FieldKeys) -> [Endpoint] {
        definitions(owner, keys) + kept(owner, keys) + options(owner, keys)
    }

    // MARK: Definitions

    private static func definitions(_ owner: FieldOwner, _ keys: FieldKeys) -> [Endpoint] {
        let (base, name) = ("/api/v2/\(keys.many)", keys.name)
        let (tag, noun) = ("\(name)s", "\(owner.name) field")
        return [
            Endpoint(
                .get, base, "list\(name)s", tag: tag, summary: "All \(noun)s, in their order",
                query: Parameters.paging, answers: [200: "\(name)sAnswer"]
            ) { call in
                let page = try call.wholePage
                return try await call.read { desk in
                    let found = try desk.fields(owner, page)
                    return .json {
                        $0.object { $0.page(keys.many, found, call) { $0.field($1, call) } }
                    }
                }
            },
            Endpoint(
                .get, "\(base)/count", "count\(name)s", tag: tag, summary: "How many \(noun)s",
                answers: [200: "CountAnswer"]
            ) { call in
                try await call.read { desk in
                    let count = try desk.fields(owner, .offset(page: 1, size: 1)).count ?? 0
                    return .json { $0.count(count, at: desk.now) }
                }
            },
            Endpoint(
                .put, "\(base)/reorder", "reorder\(name)s", tag: tag,
                summary: "Puts \(noun)s into another order", body: "\(name)OrderBody",
                answers: [200: "EmptyAnswer"]
            ) { call in
                let ids = try call.order("\(keys.one)_ids")
                return try await call.write { desk in
                    try desk.reorderFields(owner, ids)
                    return .json { $0.object { _ in } }
                }
            },
            Endpoint(
                .get, "\(base)/{id}", "show\(name)", tag: tag,
                summary: owner == .ticket ? "One \(noun)" : "One \(noun), by number or key",
                answers: [200: "\(name)Answer"]
            ) { call in
                try await call.read { desk in one(try find(owner, desk, call), keys, call) }
            },
            Endpoint(
                .post, base, "create\(name)", tag: tag, summary: "Makes a \(noun)",
                body: "\(name)Body", answers: [201: "\(name)Answer"]
            ) { call in
                let body = try call.bodyObject("\(keys.one)")
                let changes = try FieldDecoder.definition(body, isNew: true).changes
                return try await call.write { desk in
                    let field = try desk.createField(owner, changes)
                    return one(field, keys, isNew: true, call)
                }
            },
            Endpoint(
                .put, "\(base)/{id}", "update\(name)", tag: tag,
                summary: "Changes a \(noun); its options as a whole, when they are given",
                body: "\(name)Body", answers: [200: "\(name)Answer"]
            ) { call in
                let body = try call.bodyObject("\(keys.one)")
                let (changes, ignored) = try FieldDecoder.definition(body, isNew: false)
                return try await call.write { desk in
                    let id = try find(owner, desk, call).id
                    try call.requireVersion(desk.field(id, of: owner).version)
                    let field = try desk.updateField(id, of: owner, changes)
                    return one(field, keys, call).warning(ofIgnored: ignored)
                }
            },
            Endpoint(
                .delete, "\(base)/{id}", "delete\(name)", tag: tag,
                summary:
                    "Deletes a \(noun); the values of it stay, and come back when it is restored",
                answers: [204: nil]
            ) { call in
                let answer = try await call.write { desk in
                    let id = try find(owner, desk, call).id
                    try call.requireVersion(desk.field(id, of: owner).version)
                    try desk.deleteField(id, of: owner)
                    return .noContent
                }
                // Views that look at it are counted on behind the answer.
                call.jobs.wake(call.tenant)
                return answer
            },
        ]
    }

    /// Fields that were deleted.
    private static func kept(_ owner: FieldOwner, _ keys: FieldKeys) -> [Endpoint] {
        let (name, noun) = (keys.name, "\(owner.name) field")
        return [
            Endpoint(
                .get, "/api/v2/lodge/\(keys.deleted)", "listDeleted\(name)s", tag: "\(name)s",
                summary: "Deleted \(noun)s, the last first", query: Parameters.paging,
                answers: [200: "Deleted\(name)sAnswer"]
            ) { call in
                let page = try call.page
                return try await call.read { desk in
                    let found = try desk.deletedFields(owner, page)
                    return .json {
                        $0.object { $0.page(keys.deleted, found, call) { $0.field($1, call) } }
                    }
                }
            },
            Endpoint(
                .put, "/api/v2/lodge/\(keys.many)/{id}/restore", "restore\(name)",
                tag: "\(name)s",
                summary: "Restores a deleted \(noun), with the values that records have of it",
                answers: [200: "\(name)Answer"]
            ) { call in
                let id = try call.id()
                let answer = try await call.write { desk in
                    one(try desk.restoreField(id, of: owner), keys, call)
                }
                call.jobs.wake(call.tenant)
                return answer
            },
        ]
    }

    // MARK: Options

    private static func options(_ owner: FieldOwner, _ keys: FieldKeys) -> [Endpoint] {
        let (base, name) = ("/api/v2/\(keys.many)/{id}/options", keys.name)
        let (tag, noun) = ("\(name)s", "\(owner.name) field")
        return [
            Endpoint(
                .get, base, "list\(name)Options", tag: tag, summary: "Options of a \(noun)",
                query: Parameters.paging, answers: [200: "FieldOptionsAnswer"]
            ) { call in
                let page = try call.wholePage
                return try await call.read { desk in
                    let id = try find(owner, desk, call).id
                    let found = try desk.options(ofField: id, owner, page)
                    return .json { json in
                        json.object { json in
                            json.page("custom_field_options", found, call) {
                                $0.option($1, of: owner, call)
                            }
                        }
                    }
                }
            },
            Endpoint(
                .get, "\(base)/{option_id}", "show\(name)Option", tag: tag, summary: "One option",
                answers: [200: "FieldOptionAnswer"]
            ) { call in
                let option = try call.id("option_id")
                return try await call.read { desk in
                    let id = try find(owner, desk, call).id
                    return one(try desk.option(option, ofField: id, owner), owner, call)
                }
            },
            Endpoint(
                .post, base, "createOrUpdate\(name)Option", tag: tag,
                summary: "Makes an option, or changes the one whose id is given",
                body: "FieldOptionBody",
                answers: [200: "FieldOptionAnswer", 201: "FieldOptionAnswer"]
            ) { call in
                let change = try FieldDecoder.option(call.bodyObject("custom_field_option"))
                return try await call.write { desk in
                    let id = try find(owner, desk, call).id
                    let (option, isNew) = try desk.setOption(change, ofField: id, owner)
                    return one(option, owner, isNew: isNew, call)
                }
            },
            Endpoint(
                .delete, "\(base)/{option_id}", "delete\(name)Option", tag: tag,
                summary: "Takes an option away; records that have its value keep it",
                answers: [204: nil]
            ) { call in
                let option = try call.id("option_id")
                return try await call.write { desk in
                    let id = try find(owner, desk, call).id
                    try desk.deleteOption(option, ofField: id, owner)
                    return .noContent
                }
            },
        ]
    }

    // MARK: Answers

    /// The field of the path: by number, and where fields have keys also by key.
    private static func find<Rows>(_ owner: FieldOwner, _ desk: Desk<Rows>, _ call: APICall) throws
        -> FieldDefinition
    {
        let text = call.parameters["id"] ?? ""
        if owner != .ticket, Int64(text) == nil { return try desk.field(key: text, of: owner) }
        return try desk.field(call.id(), of: owner)
    }

    private static func one(
        _ field: FieldDefinition, _ keys: FieldKeys, isNew: Bool = false, _ call: APICall
    ) -> APIAnswer {
        .json(
            isNew ? .created : .ok, version: field.version,
            location: isNew ? call.url("/api/v2/\(keys.many)/\(field.id).json") : nil
        ) {
            $0.object { json in
                json.key(keys.one)
                json.field(field, call)
            }
        }
    }

    private static func one(
        _ option: FieldOption, _ owner: FieldOwner, isNew: Bool = false, _ call: APICall
    ) -> APIAnswer {
        .json(
            isNew ? .created : .ok,
            location: isNew
                ? call.url(
                    "/api/v2/\(owner.name)_fields/\(option.fieldID)/options/\(option.id).json")
                : nil
        ) {
            $0.object { json in
                json.key("custom_field_option")
                json.option(option, of: owner, call)
            }
        }
    }
}

extension APIAnswer {
    /// The same with a warning of what was sent and cannot be changed.
    func warning(ofIgnored names: [String]) -> APIAnswer {
        guard !names.isEmpty else { return self }
        var answer = self
        answer.headers[.apiWarning] =
            "read-only fields were ignored: \(names.joined(separator: ", "))"
        return answer
    }
}
