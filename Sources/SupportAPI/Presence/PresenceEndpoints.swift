import Cluster
import HTTPTypes
import ServiceDesk
import ShardStore
import Wire

/// Who is at a ticket. Nothing here keeps anybody from writing: that two answers cross is told by the ticket's version.
enum PresenceEndpoints {
    private static let ticket = "/api/v2/lodge/tickets/{id}/presence"
    private static let tag = "Presence"

    static let all: [Endpoint] = [
        Endpoint(
            .put, ticket, "announcePresence", tag: tag,
            summary:
                "Says that one is at a ticket, for 20 seconds unless it is said again; answers with the others and the ticket's version",
            body: "PresenceBody", answers: [200: "PresenceAnswer"]
        ) { call in
            let id = try call.id()
            let fields = FieldReader(try call.json())
            guard
                let state = try fields.choice("state", { PresenceBoard.State(rawValue: $0) })
                    ?? nil
            else {
                throw DeskRefusal.invalid(
                    "state", .blank, "State: must be viewing or typing")
            }
            let (ticket, me) = try await call.atLeader { desk in
                (try desk.ticket(id), desk.principal)
            }
            let now = call.node.clock()
            guard
                call.presence.announce(
                    call.tenant.id, ticket: id, user: me.userID, name: me.name, state, now: now)
            else {
                throw DeskRefusal.tooOften(
                    retryAfterSeconds: Int(PresenceBoard.lifetimeSeconds),
                    "There is no room for more presences; leave tickets that you no longer look at")
            }
            let people = call.presence.people(call.tenant.id, ticket: id, now: now)
            return .json { json in
                json.object { json in
                    json.object("presence") { json in
                        json.member("ticket_id", id)
                        json.member("version", ticket.version)
                        json.member("updated_at", ticket.updatedAt)
                        json.member("expires_in", PresenceBoard.lifetimeSeconds)
                        json.people(people.filter { $0.userID != me.userID })
                    }
                }
            }
        },
        Endpoint(
            .delete, ticket, "endPresence", tag: tag, summary: "Says that one has left a ticket",
            answers: [204: nil]
        ) { call in
            let id = try call.id()
            let me = try await call.atLeader { desk in
                _ = try desk.ticket(id)
                return desk.principal.userID
            }
            call.presence.leave(call.tenant.id, ticket: id, user: me)
            return .noContent
        },
        Endpoint(
            .get, ticket, "showPresence", tag: tag, summary: "Who is at a ticket",
            answers: [200: "PresenceAnswer"]
        ) { call in
            let id = try call.id()
            let ticket = try await call.atLeader { try $0.ticket(id) }
            let people = call.presence.people(
                call.tenant.id, ticket: id, now: call.node.clock())
            return .json { json in
                json.object { json in
                    json.object("presence") { json in
                        json.member("ticket_id", id)
                        json.member("version", ticket.version)
                        json.member("updated_at", ticket.updatedAt)
                        json.people(people)
                    }
                }
            }
        },
        Endpoint(
            .get, "/api/v2/lodge/presence", "listPresence", tag: tag,
            summary: "Who is at some tickets; those that one may not see are left out",
            query: [
                QueryParameter(
                    "ticket_ids", .string, "Up to 100 numbers, separated by commas",
                    isRequired: true)
            ], answers: [200: "PresencesAnswer"]
        ) { call in
            guard let ids = try call.ids("ticket_ids") else {
                throw DeskRefusal.badRequest(name: "InvalidRequest", "ticket_ids must be given")
            }
            let tickets = try await call.atLeader { try $0.tickets(ids) }
            let now = call.node.clock()
            return .json { json in
                json.object { json in
                    json.array("presences") { json in
                        for ticket in tickets {
                            json.object { json in
                                json.member("ticket_id", ticket.id)
                                json.member("version", ticket.version)
                                json.member("updated_at", ticket.updatedAt)
                                json.people(
                                    call.presence.people(
                                        call.tenant.id, ticket: ticket.id, now: now))
                            }
                        }
                    }
                }
            }
        },
    ]
}

extension APICall {
    /// Reads rows at the node that leads the tenant's shard: only there is known what is kept in memory. Anywhere else the request is sent on.
    fileprivate func atLeader<Result: Sendable>(
        _ body: @escaping @Sendable (Desk<ShardReader>) throws -> Result
    ) async throws -> Result {
        guard node.destination(of: tenant.shard) == .here else { throw NotLeader(leader: nil) }
        let (credential, via, tenant, admission) = (credential, via, tenant, admission)
        let tokenUses = tokenUses
        return try await node.read(tenant) { rows in
            let principal = try Authenticator.principal(for: credential, in: rows)
            admission.isVerified = true
            tokenUses.note(credential, of: tenant, at: rows.now)
            return try body(Desk(rows: rows, principal: principal, via: via))
        }.answer
    }
}

extension JSONWriter {
    /// A member of an object.
    fileprivate mutating func people(_ people: [PresenceBoard.Person]) {
        array("people") { json in
            for person in people {
                json.object { json in
                    json.member("user_id", person.userID)
                    json.member("name", person.name)
                    json.member("state", person.state.rawValue)
                    json.member("since", person.since)
                }
            }
        }
    }
}
