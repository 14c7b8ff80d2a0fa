import ServiceDesk

/// People on tickets, and what is asked of a merge, in request bodies.
enum RelationDecoder {
    /// Items that one list may have; a ticket takes fewer.
    private static let limit = 100

    static func merge(_ fields: FieldReader, into target: Int64) throws -> MergeRequest {
        let ids = try fields.ids("ids") ?? []
        var request = MergeRequest(targetID: target, sourceIDs: ids)
        request.targetComment = try fields.string("target_comment") ?? nil
        request.sourceComment = try fields.string("source_comment") ?? nil
        request.isTargetCommentPublic = try fields.bool("target_comment_is_public") ?? false
        request.isSourceCommentPublic = try fields.bool("source_comment_is_public") ?? false
        return request
    }

    /// `followers` and `email_ccs`, whose items say put or delete, and `collaborators` and `additional_collaborators`, who are put.
    static func watchers(_ fields: FieldReader) throws -> [WatcherChange] {
        try items("followers", fields).map { try watcher(.follower, "followers", $0) }
            + items("email_ccs", fields).map { try watcher(.copy, "email_ccs", $0) }
            + ["collaborators", "additional_collaborators"].flatMap { name in
                try items(name, fields).map { try collaborator(name, $0, fields) }
            }
    }

    private static func items(_ name: String, _ fields: FieldReader) throws -> [JSONValue] {
        switch fields.value[name] {
        case nil, .null: return []
        case .array(let items):
            guard items.count <= limit else {
                throw DeskRefusal.invalid(
                    name, .tooLong, "\(name): at most \(limit) values are allowed")
            }
            return items
        default: throw fields.wrongType(name, "a list")
        }
    }

    private static func watcher(_ kind: WatcherKind, _ name: String, _ item: JSONValue) throws
        -> WatcherChange
    {
        let fields = FieldReader(item)
        guard case .object = item else { throw fields.wrongType(name, "a list of objects") }
        let action = try fields.string("action", max: 16) ?? nil
        guard action == nil || action == "put" || action == "delete" else {
            throw DeskRefusal.invalid(name, .invalid, "\(name): action must be put or delete")
        }
        guard let person = try person(fields, "user_id", "user_email", "user_name") else {
            throw DeskRefusal.invalid(
                name, .blank, "\(name): each needs a user_id or a user_email")
        }
        return WatcherChange(kind, person, isRemoval: action == "delete")
    }

    /// A number, an address, or an object with name and address.
    private static func collaborator(_ name: String, _ item: JSONValue, _ fields: FieldReader)
        throws -> WatcherChange
    {
        switch item {
        case .integer(let id): return WatcherChange(.copy, .id(id))
        case .string(let text):
            if let id = Int64(text) { return WatcherChange(.copy, .id(id)) }
            return WatcherChange(.copy, .address(name: nil, email: text))
        case .object:
            guard let person = try person(FieldReader(item), "id", "email", "name") else { break }
            return WatcherChange(.copy, person)
        default: break
        }
        throw fields.wrongType(name, "a list of ids, addresses, or objects with an email")
    }

    private static func person(
        _ fields: FieldReader, _ id: String, _ email: String, _ name: String
    ) throws -> RequesterReference? {
        if let id = try fields.int64(id) ?? nil { return .id(id) }
        guard let email = try fields.string(email, max: 1024) ?? nil else { return nil }
        return .address(name: try fields.string(name, max: 255) ?? nil, email: email)
    }
}
