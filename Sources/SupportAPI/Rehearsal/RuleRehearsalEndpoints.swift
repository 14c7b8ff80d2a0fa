import Cluster
import HTTPTypes
import ServiceDesk
import Synchronization
import Wire

/// Rehearsals of rules on past tickets, checks of rules, and traces of what rules did.
enum RuleRehearsalEndpoints {
    static let all = rehearsals + checks + traces

    // MARK: Rehearsals

    private static let rehearsals: [Endpoint] = [
        Endpoint(
            .post, "/api/v2/lodge/rehearsals", "createRehearsal", tag: "Rehearsals",
            summary:
                "Goes through the tickets of the last days again, under the desk's rules and under changed ones, and says what would have been otherwise",
            body: "RehearsalBody", answers: [202: "RehearsalAnswer"], handle: create),
        Endpoint(
            .get, "/api/v2/lodge/rehearsals", "listRehearsals", tag: "Rehearsals",
            summary: "The latest rehearsals, newest first",
            answers: [200: "RehearsalsAnswer"]
        ) { call in
            let found = try await known(call) { $0.list(of: call.tenant) }
            return .json {
                $0.object { json in
                    json.array("rehearsals") { json in
                        for rehearsal in found { json.rehearsal(rehearsal, call) }
                    }
                }
            }
        },
        Endpoint(
            .get, "/api/v2/lodge/rehearsals/{id}", "showRehearsal", tag: "Rehearsals",
            summary: "A rehearsal with what it has found so far", query: Parameters.paging,
            answers: [200: "RehearsalResultAnswer"]
        ) { call in
            let id = try call.id()
            let page = try call.page
            let rehearsal = try await known(call) { try $0.find(id, of: call.tenant) }
            let found = try RehearsalDifference.page(of: rehearsal.differences, page)
            return .json {
                $0.object { json in
                    json.key("rehearsal")
                    json.rehearsal(rehearsal, call)
                    json.page("differences", found, call) { $0.difference($1) }
                }
            }
        },
        Endpoint(
            .post, "/api/v2/lodge/rehearsals/{id}/cancel", "cancelRehearsal", tag: "Rehearsals",
            summary: "Ends a rehearsal; what it has found is kept",
            answers: [200: "RehearsalAnswer"]
        ) { call in
            let id = try call.id()
            let answer = try await call.write { desk in
                try desk.require(.update, .rehearsals)
                var rehearsal = try call.rehearsals.find(id, of: call.tenant)
                if !rehearsal.status.isFinished { rehearsal.status = .cancelled }
                return one(rehearsal, .ok, call)
            }
            call.rehearsals.cancel(id)
            return answer
        },
        Endpoint(
            .delete, "/api/v2/lodge/rehearsals/{id}", "deleteRehearsal", tag: "Rehearsals",
            summary: "Ends a rehearsal and forgets it", answers: [204: nil]
        ) { call in
            let id = try call.id()
            let answer = try await call.write { desk in
                try desk.require(.delete, .rehearsals)
                _ = try call.rehearsals.find(id, of: call.tenant)
                return .noContent
            }
            call.rehearsals.remove(id)
            return answer
        },
    ]

    private static func create(_ call: APICall) async throws -> APIAnswer {
        let fields = try RehearsalDecoder.fields(call, under: "rehearsal")
        let days = try RehearsalDecoder.days(fields)
        let proposal = try RehearsalDecoder.proposal(fields)
        let id = Int64.random(in: 1..<(1 << 53))
        let made = Made()
        let answer = try await call.write { desk in
            let rules = try desk.propose(proposal)
            try call.rehearsals.requireRoom(for: call.tenant)
            let now = desk.now
            let rehearsal = RehearsalState(
                id: id, tenant: call.tenant, actorID: desk.principal.userID, days: days,
                createdAt: now, updatedAt: now)
            let plan = RehearsalPlan(
                since: now.advanced(byMilliseconds: -days * 86_400_000), now: now, rules: rules)
            made.state.withLock { $0 = (rehearsal, plan) }
            return one(rehearsal, .accepted, call)
        }
        // What is answered again was started before.
        if answer.headers[.idempotencyLookup] != "hit",
            let (rehearsal, plan) = made.state.withLock({ $0 })
        {
            call.rehearsals.start(rehearsal, plan)
        }
        return answer
    }

    /// What a write found out that goes on behind its answer.
    private final class Made: Sendable {
        let state = Mutex<(RehearsalState, RehearsalPlan)?>(nil)
    }

    private static func one(
        _ rehearsal: RehearsalState, _ status: HTTPResponse.Status, _ call: APICall
    ) -> APIAnswer {
        .json(
            status,
            location: status == .accepted
                ? call.url("/api/v2/lodge/rehearsals/\(rehearsal.id).json") : nil
        ) {
            $0.object { json in
                json.key("rehearsal")
                json.rehearsal(rehearsal, call)
            }
        }
    }

    /// What the node that leads the tenant's shard knows, and no other.
    private static func known<Answer: Sendable>(
        _ call: APICall, _ body: @Sendable (RehearsalDesk) throws -> Answer
    ) async throws -> Answer {
        guard call.node.destination(of: call.tenant.shard) == .here else {
            throw NotLeader(leader: nil)
        }
        _ = try await call.read { desk in
            try desk.require(.read, .rehearsals)
            return .noContent
        }
        return try body(call.rehearsals)
    }

    // MARK: Checks

    private static let checks: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/lodge/rules/check", "checkRules", tag: "Rules",
            summary:
                "What is wrong, or looks so, with the desk's rules: contradictions, loops, rules that are never reached",
            answers: [200: "RuleReportAnswer"]
        ) { call in
            try await call.read { desk in
                let report = try desk.checkRules()
                return .json { $0.object { $0.ruleReport(report) } }
            }
        },
        Endpoint(
            .post, "/api/v2/lodge/rules/check", "checkProposedRules", tag: "Rules",
            summary: "The same of the rules as they would be with changes; nothing is changed",
            body: "RuleCheckBody", answers: [200: "RuleReportAnswer"]
        ) { call in
            let fields = try RehearsalDecoder.fields(call, under: "rules")
            let proposal = try RehearsalDecoder.proposal(fields)
            return try await call.write { desk in
                let rules = try desk.propose(proposal)
                let report = try desk.checkRules(rules.then)
                return .json { $0.object { $0.ruleReport(report) } }
            }
        },
    ]

    // MARK: Traces

    private static let traces: [Endpoint] = [
        Endpoint(
            .get, "/api/v2/lodge/tickets/{id}/trace", "traceTicket", tag: "Rules",
            summary:
                "Which rules acted at each audit of a ticket; of one audit also what kept the desk's triggers back",
            query: Parameters.paging + [
                QueryParameter(
                    "audit_id", .integer, "Only this audit, with each of today's triggers")
            ], answers: [200: "TicketTraceAnswer"]
        ) { call in
            let id = try call.id()
            let page = try call.page
            let audit = try call.query["audit_id"].map { text in
                guard let audit = Int64(text) else {
                    throw DeskRefusal.badRequest(
                        name: "InvalidRequest", "audit_id must be a number")
                }
                return audit
            }
            return try await call.read { desk in
                if let audit {
                    let trace = try desk.trace(ofTicket: id, audit: audit)
                    return .json {
                        $0.object { json in json.array("trace") { $0.auditTrace(trace) } }
                    }
                }
                let found = try desk.trace(ofTicket: id, page)
                return .json {
                    $0.object { $0.page("trace", found, call) { $0.auditTrace($1) } }
                }
            }
        }
    ]
}
