import Cluster
import ServiceDesk

/// What a job does to each of its items. The names are stored.
package enum JobKind: String, Sendable, CaseIterable {
    case createTickets, importTickets, updateTickets, deleteTickets, eraseTickets, restoreTickets
    case mergeTickets
    case createUsers, updateUsers, deleteUsers, createOrUpdateUsers
    case createOrganizations, updateOrganizations, deleteOrganizations
    case createGroupMemberships, createOrganizationMemberships
    case deleteGroupMemberships, deleteOrganizationMemberships

    /// Does one item and writes its result as an object.
    func perform(
        _ item: FieldReader, _ place: Int, _ desk: WritingDesk, _ limits: TenantLimits,
        _ json: inout JSONWriter
    ) throws {
        func id() throws -> Int64 {
            guard let id = try item.int64("id") ?? nil else { throw DeskRefusal.notFound }
            return id
        }
        switch self {
        case .createTickets:
            let write = try desk.createTicket(TicketDecoder.creation(item))
            json.object {
                $0.member("index", place)
                $0.member("id", write.ticket.id)
                $0.member("account_id", Int64(1))
            }
        case .importTickets:
            let write = try desk.importTicket(TicketDecoder.history(item))
            json.object {
                $0.member("index", place)
                $0.member("id", write.ticket.id)
                $0.member("account_id", Int64(1))
            }
        case .updateTickets:
            try json.updated(id()) { _ = try desk.updateTicket($0, TicketDecoder.changes(item)) }
        case .deleteTickets:
            try json.done(id(), "delete", "Deleted") { try desk.deleteTicket($0) }
        case .eraseTickets: try json.done(id(), "delete", "Deleted") { try desk.eraseTicket($0) }
        case .restoreTickets:
            try json.done(id(), "restore", "Restored") { try desk.restoreTicket($0) }
        case .mergeTickets:
            try json.updated(id()) { id in
                _ = try desk.mergeTickets(RelationDecoder.merge(item, into: id)) {
                    Secrets.token().text
                }
            }
        case .createUsers:
            let user = try desk.createUser(
                UserDecoder.changes(item), agentLimit: limits.agents)
            json.created(user.id)
        case .updateUsers:
            try json.updated(id()) {
                _ = try desk.updateUser(
                    $0, UserDecoder.changes(item), agentLimit: limits.agents)
            }
        case .deleteUsers: try json.done(id(), "delete", "Deleted") { _ = try desk.deleteUser($0) }
        case .createOrUpdateUsers:
            let (user, isNew) = try desk.createOrUpdateUser(
                UserDecoder.changes(item), agentLimit: limits.agents)
            json.object {
                $0.member("id", user.id)
                $0.member("status", isNew ? "Created" : "Updated")
            }
        case .createOrganizations:
            json.created(try desk.createOrganization(OrganizationDecoder.changes(item)).id)
        case .updateOrganizations:
            try json.updated(id()) {
                _ = try desk.updateOrganization($0, OrganizationDecoder.changes(item))
            }
        case .deleteOrganizations:
            try json.done(id(), "delete", "Deleted") { try desk.deleteOrganization($0) }
        case .createGroupMemberships:
            json.created(try MembershipDecoder.create(.team, item, desk).id)
        case .createOrganizationMemberships:
            json.created(try MembershipDecoder.create(.organization, item, desk).id)
        case .deleteGroupMemberships:
            try json.done(id(), "delete", "Deleted") { try desk.deleteMembership(.team, $0) }
        case .deleteOrganizationMemberships:
            try json.done(id(), "delete", "Deleted") {
                try desk.deleteMembership(.organization, $0)
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func created(_ id: Int64) {
        object {
            $0.member("id", id)
            $0.member("status", "Created")
        }
    }

    fileprivate mutating func updated(_ id: Int64, _ body: (Int64) throws -> Void) throws {
        try done(id, "update", "Updated", body)
    }

    fileprivate mutating func done(
        _ id: Int64, _ action: String, _ status: String, _ body: (Int64) throws -> Void
    ) throws {
        try body(id)
        object {
            $0.member("id", id)
            $0.member("action", action)
            $0.member("status", status)
            $0.member("success", true)
        }
    }
}

extension DeskRefusal {
    /// The refusal in a job's result: the error's name and a sentence.
    package var summary: (name: String, text: String) {
        switch self {
        case .notFound: ("RecordNotFound", "Not found")
        case .forbidden(let text): ("Forbidden", text)
        case .unauthenticated: ("Unauthorized", "Couldn't authenticate you")
        case .invalid(let errors):
            ("RecordInvalid", errors.map(\.description).joined(separator: "; "))
        case .conflict(let text): ("UpdateConflict", text)
        case .versionMismatch: ("PreconditionFailed", "The record has another version")
        case .tooMany(let what, let limit): ("TooManyValues", "Maximum \(limit) \(what) per call")
        case .badRequest(let name, let text): (name, text)
        case .limitReached(let text): ("LimitReached", text)
        case .tooOften(_, let text): ("TooManyRequests", text)
        case .notReady(_, let text): ("ServiceUnavailable", text)
        case .beyondSearchLimit(let text): ("invalid", text)
        }
    }
}
