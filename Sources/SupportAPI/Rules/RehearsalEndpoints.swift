import HTTPTypes
import ServiceDesk

/// What rules would do, and what they have sent.
enum RehearsalEndpoints {
    static let all = dryRuns + notices

    private static let dryRuns: [Endpoint] = [
        Endpoint(
            .post, "/api/v2/lodge/tickets/dry_run", "dryRunCreation", tag: "Rules",
            summary: "What making a ticket would do, and why each trigger would fire or not",
            body: "TicketBody", answers: [200: "TraceAnswer"]
        ) { call in
            let changes = try TicketDecoder.creation(call.bodyObject("ticket"))
            return try await call.write { desk in
                answer(try desk.rehearseCreation(changes), try desk.catalog(), call)
            }
        },
        Endpoint(
            .post, "/api/v2/lodge/tickets/{id}/dry_run", "dryRunUpdate", tag: "Rules",
            summary: "What changing a ticket would do, and why each trigger would fire or not",
            body: "TicketBody", answers: [200: "TraceAnswer"]
        ) { call in
            let id = try call.id()
            let changes = try TicketDecoder.changes(call.bodyObject("ticket"))
            return try await call.write { desk in
                answer(try desk.rehearseUpdate(of: id, changes), try desk.catalog(), call)
            }
        },
    ]

    private static func answer(
        _ trace: RuleTrace, _ catalog: FieldCatalog, _ call: APICall
    ) -> APIAnswer {
        .json { json in
            json.object { json in
                json.object("trace") { $0.trace(trace, call, catalog) }
            }
        }
    }

    private static let notices: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/lodge/notices", "listNotices", tag: "Notices",
            summary: "Mails and webhook calls that rules have caused, newest first",
            query: Parameters.paging + [
                QueryParameter("ticket_id", .integer, "Only those of a ticket"),
                QueryParameter("state", .string, "queued, sent, failed or cancelled"),
            ], answers: [200: "NoticesAnswer"]
        ) { call in
            let page = try call.page
            let ticket = try call.query["ticket_id"].map { text in
                guard let id = Int64(text) else {
                    throw DeskRefusal.badRequest(
                        name: "InvalidRequest", "ticket_id must be a number")
                }
                return id
            }
            let state = try call.query["state"].map { text in
                guard let state = Notice.State(name: text) else {
                    throw DeskRefusal.badRequest(
                        name: "InvalidRequest",
                        "state must be queued, sent, failed or cancelled")
                }
                return state
            }
            return try await call.read { desk in
                let found = try desk.notices(ofTicket: ticket, state: state, page)
                return .json {
                    $0.object { $0.page("notices", found, call) { $0.notice($1, call) } }
                }
            }
        },
        Endpoint(
            .get, "/api/v2/lodge/notices/{id}", "showNotice", tag: "Notices", summary: "One notice",
            answers: [200: "NoticeAnswer"]
        ) { call in
            let id = try call.id()
            return try await call.read { desk in one(try desk.notice(id), call) }
        },
        Endpoint(
            .put, "/api/v2/lodge/notices/{id}", "updateNotice", tag: "Notices",
            summary: "Takes a notice back, or tries it again", body: "NoticeBody",
            answers: [200: "NoticeAnswer"]
        ) { call in
            let id = try call.id()
            let state =
                try call.bodyObject("notice").choice("state", Notice.State.init(name:)) ?? nil
            return try await call.write { desk in
                guard let state else {
                    throw DeskRefusal.invalid("state", .blank, "State: cannot be blank")
                }
                return one(try desk.setNotice(id, state), call)
            }
        },
    ]

    private static func one(_ notice: Notice, _ call: APICall) -> APIAnswer {
        .json {
            $0.object { json in
                json.key("notice")
                json.notice(notice, call)
            }
        }
    }
}
