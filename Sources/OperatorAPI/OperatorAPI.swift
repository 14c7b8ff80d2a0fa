package import Cluster
import Consensus
import HTTPTypes
package import Hummingbird
package import Logging
import NIOCore
import ServiceDesk
import SupportAPI

/// The operator's listener: tenants, operator tokens, health and metrics. Never bound to the tenants' listener.
///
/// Everything under `/admin/v1` needs an operator's token as `Bearer`; `/healthz`, `/readyz` and `/metrics` need none, so
/// that a load balancer and a scraper need no secret.
package struct OperatorAPI: Sendable {
    /// Bytes of a body.
    static let bodyLimit = 65_536

    let node: Node
    let logger: Logger
    private let hosts: @Sendable (TenantRecord) -> [String]
    private let metrics: @Sendable () -> String
    private let isDraining: @Sendable () -> Bool
    /// Reads the node's certificates again.
    let renewCertificates: @Sendable () throws -> Void

    /// - Parameters:
    ///   - hosts: where a tenant's desk is reached, `host:port`, best first.
    ///   - metrics: the registry's and the process's series as text.
    ///   - isDraining: whether the node was told to stop, so that no new request should be sent to it.
    ///   - renewCertificates: reads the node's certificate files again, for links that are made from then on.
    package init(
        node: Node, logger: Logger, hosts: @escaping @Sendable (TenantRecord) -> [String],
        metrics: @escaping @Sendable () -> String, isDraining: @escaping @Sendable () -> Bool,
        renewCertificates: @escaping @Sendable () throws -> Void = {}
    ) {
        self.node = node
        self.logger = logger
        self.hosts = hosts
        self.metrics = metrics
        self.isDraining = isDraining
        self.renewCertificates = renewCertificates
    }

    /// The routes, for requests that come from other nodes.
    var responder: some HTTPResponder<OperatorContext> { router().buildResponder() }

    package func router() -> Router<OperatorContext> {
        let router = Router(context: OperatorContext.self)
        router.get("healthz") { _, _ in Response.text(.ok, "ok\n") }
        router.get("readyz") { _, _ in
            node.isReady && !isDraining()
                ? Response.text(.ok, "ready\n") : Response.text(.serviceUnavailable, "not ready\n")
        }
        router.get("metrics") { _, _ in
            Response.text(
                .ok, metrics() + shardMetrics(), type: "text/plain; version=0.0.4; charset=utf-8")
        }
        let admin = router.group("admin/v1").add(middleware: OperatorGate(api: self))
        // Of this node, or of all nodes as this one sees them.
        addClusterViewRoutes(to: admin)
        addHistoryRoute(to: admin)
        addCheckRoute(to: admin)
        // Changes of the directory: where it is led.
        let leading = admin.group("").add(middleware: DirectoryLeader(api: self))
        addTenantRoutes(to: leading)
        addTokenRoutes(to: leading)
        addClusterChangeRoutes(to: leading)
        return router
    }

    /// What only the node knows at the moment of asking.
    private func shardMetrics() -> String {
        var text = "# TYPE lodge_tenants gauge\nlodge_tenants \(node.directory.tenantCount)\n"
        let shards = node.shardViews
        func series(_ name: String, _ value: (ShardView) -> String) {
            text += "# TYPE \(name) gauge\n"
            for shard in shards { text += "\(name){shard=\"\(shard.shard)\"} \(value(shard))\n" }
        }
        series("lodge_shard_applied_index") { "\($0.appliedIndex)" }
        series("lodge_shard_commit_index") { "\($0.commitIndex)" }
        series("lodge_shard_is_leader") { $0.role == .leader ? "1" : "0" }
        series("lodge_shard_term") { "\($0.term)" }
        series("lodge_shard_queue_requests") { "\(node.queueCount(of: $0.shard))" }
        let traffic = node.traffic
        for (name, kind, value) in [
            ("lodge_log_syncs_total", "counter", traffic.logSyncs),
            ("lodge_log_written_bytes_total", "counter", traffic.logBytesWritten),
            ("lodge_log_segment_bytes", "gauge", traffic.logSegmentBytes),
        ] {
            text += "# TYPE \(name) \(kind)\n\(name) \(value)\n"
        }
        for (name, value) in [
            ("lodge_link_sent_bytes_total", \NodeTraffic.Link.bytesSent),
            ("lodge_link_received_bytes_total", \.bytesReceived),
            ("lodge_link_sent_frames_total", \.framesSent),
            ("lodge_link_received_frames_total", \.framesReceived),
        ] {
            text += "# TYPE \(name) counter\n"
            for link in traffic.links {
                text += "\(name){link=\"\(link.name)\"} \(link[keyPath: value])\n"
            }
        }
        return text
    }

    // MARK: Tenants

    private func addTenantRoutes(to admin: RouterGroup<OperatorContext>) {
        admin.get("tenants") { request, _ in
            let query = request.uri.queryParameters
            let limit = query["limit"].flatMap { Int($0) } ?? 100
            guard (1...1000).contains(limit) else {
                throw OperatorRefusal(.badRequest, "InvalidLimit", "limit must be 1 to 1000")
            }
            let after = query["after"].map(String.init)
            let page = node.directory.tenants(after: after, limit: limit)
            return Response.json { json in
                json.object { json in
                    json.array("tenants") { json in
                        for record in page { json.tenant(record, hosts: hosts(record)) }
                    }
                    json.member("count", node.directory.tenantCount)
                    json.member("next_after", page.count == limit ? page.last?.name : nil)
                }
            }
        }
        admin.post("tenants") { request, _ in try await createTenant(Self.fields(request)) }
        admin.get("tenants/:name") { _, context in
            try answer(record(named: context.parameters.require("name")))
        }
        admin.put("tenants/:name") { request, context in
            let record = try record(named: context.parameters.require("name"))
            let fields = try await Self.fields(request)
            return answer(
                try await node.directory.setLimits(
                    record.name, plan: fields.string("plan", max: 64) ?? nil,
                    limits: Self.limits(fields, over: record.limits)))
        }
        for (verb, state) in [("suspend", TenantState.suspended), ("resume", .active)] {
            admin.post("tenants/:name/\(verb)") { _, context in
                answer(
                    try await node.directory.setState(context.parameters.require("name"), state))
            }
        }
        admin.delete("tenants/:name") { request, context in
            let name = try context.parameters.require("name")
            guard request.uri.queryParameters["permanently"] == "true" else {
                return answer(try await node.directory.setState(name, .deleting))
            }
            let record = try record(named: name)
            guard record.state == .deleting else {
                throw DirectoryRefusal.notMarkedForDeletion(record.name)
            }
            try await perform(.erase(tenant: record.name), on: record)
            try await node.directory.forget(record.name)
            logger.info("tenant erased", metadata: ["tenant": "\(record.name)"])
            return Response(status: .noContent)
        }
        admin.put("tenants/:name/hostnames/:hostname") { _, context in
            answer(
                try await node.directory.addHostname(
                    context.parameters.require("hostname"), to: context.parameters.require("name")))
        }
        admin.delete("tenants/:name/hostnames/:hostname") { _, context in
            answer(
                try await node.directory.removeHostname(
                    context.parameters.require("hostname"),
                    from: context.parameters.require("name")))
        }
        admin.post("tenants/:name/tokens") { request, context in
            let record = try record(named: context.parameters.require("name"))
            let fields = try await Self.fields(request, under: "token")
            let email = (try fields.string("email", max: 320) ?? nil) ?? ""
            let secret = try Self.secret(fields, "token")
            let address = try await perform(
                .issueToken(tenant: record.name, email: email, tokenDigest: secret.digest),
                on: record)
            return Response.json(.created) { json in
                json.object { json in
                    json.member("tenant", record.name)
                    json.object("admin") { json in
                        json.member("email", address)
                        json.member("token", secret.text)
                    }
                }
            }
        }
    }

    /// Makes a tenant with its first admin. When an earlier try stopped between the two steps, the same call finishes it.
    private func createTenant(_ fields: FieldReader) async throws -> Response {
        let name = (try fields.string("name", max: 64) ?? nil) ?? ""
        let email = (try fields.string("admin_email", max: 320) ?? nil) ?? ""
        let adminName = (try fields.string("admin_name", max: 255) ?? nil) ?? "Administrator"
        let plan = (try fields.string("plan", max: 64) ?? nil) ?? "standard"
        let limits = try Self.limits(fields, over: TenantLimits())
        let address = try WritingDesk.checkedAdminEmail(email)
        let record: TenantRecord
        do {
            record = try await node.directory.createTenant(name: name, plan: plan, limits: limits)
        } catch DirectoryRefusal.nameTaken(let taken) {
            guard let known = node.directory.tenant(named: taken), known.state == .active else {
                throw DirectoryRefusal.nameTaken(taken)
            }
            record = known
        }
        let secret = try Self.secret(fields, "admin_token")
        do {
            try await perform(
                .bootstrap(
                    tenant: record.name, email: address, name: adminName,
                    tokenDigest: secret.digest), on: record)
        } catch DeskRefusal.conflict {
            throw DirectoryRefusal.nameTaken(record.name)
        } catch let refusal as OperatorRefusal where refusal.status == .conflict {
            throw DirectoryRefusal.nameTaken(record.name)
        }
        logger.info(
            "tenant created", metadata: ["tenant": "\(record.name)", "shard": "\(record.shard)"])
        return Response.json(.created) { json in
            json.tenant(record, hosts: hosts(record)) { json in
                json.object("admin") { json in
                    json.member("email", address)
                    json.member("token", secret.text)
                }
            }
        }
    }

    /// The token that the asker has made up, so that they may ask again when they did not hear the answer; or a new one.
    private static func secret(_ fields: FieldReader, _ name: String) throws -> TokenSecret {
        guard let text = try fields.string(name, max: 256) ?? nil else { return Secrets.token() }
        guard text.utf8.count >= 40, Secrets.isToken(text) else {
            throw DeskRefusal.invalid(
                name, .invalid, "Token: must be at least 40 letters and digits, made at random")
        }
        return TokenSecret(text: text, digest: Secrets.digest(text))
    }

    func record(named name: String) throws -> TenantRecord {
        guard let record = node.directory.tenant(named: name) else {
            throw DirectoryRefusal.noSuchTenant(String(name.prefix(80)))
        }
        return record
    }

    private func answer(_ record: TenantRecord) -> Response {
        Response.json { $0.tenant(record, hosts: hosts(record)) }
    }

    private static func limits(_ fields: FieldReader, over old: TenantLimits) throws -> TenantLimits
    {
        guard let wanted = try fields.object("limits") else { return old }
        func number(_ name: String) throws -> Int64? { try wanted.int64(name) ?? nil }
        return TenantLimits(
            requestsPerMinute: try number("requests_per_minute").map(Int.init)
                ?? old.requestsPerMinute,
            agents: try number("agents").map(Int.init) ?? old.agents,
            storageBytes: try number("storage_bytes") ?? old.storageBytes)
    }

    // MARK: Operator tokens

    private func addTokenRoutes(to admin: RouterGroup<OperatorContext>) {
        admin.get("tokens") { _, _ in
            let tokens = try await node.directory.operatorTokens()
            return Response.json { json in
                json.object {
                    $0.array("tokens") { json in for token in tokens { json.token(token, nil) } }
                }
            }
        }
        admin.post("tokens") { request, _ in
            let fields = try await Self.fields(request, under: "token")
            let label = (try fields.string("label", max: 255) ?? nil) ?? ""
            guard !label.isEmpty else {
                throw DeskRefusal.invalid("label", .blank, "Label: cannot be blank")
            }
            let secret = Secrets.token()
            let token = try await node.directory.createOperatorToken(
                label: label, digest: secret.digest)
            return Response.json(.created) { $0.token(token, secret.text) }
        }
        admin.delete("tokens/:id") { _, context in
            guard let id = Int64(try context.parameters.require("id")) else {
                throw DirectoryRefusal.noSuchToken
            }
            try await node.directory.revokeOperatorToken(id)
            return Response(status: .noContent)
        }
    }

    // MARK: Bodies

    /// The object under a key of a JSON body.
    static func fields(_ request: Request, under key: String = "tenant") async throws
        -> FieldReader
    {
        let body: ByteBuffer
        do { body = try await request.body.collect(upTo: bodyLimit) } catch is NIOTooManyBytesError
        {
            throw OperatorRefusal(
                .contentTooLarge, "PayloadTooLarge", "The body may have \(bodyLimit) bytes")
        }
        let value: JSONValue
        do { value = try JSONParser.parse(body) } catch {
            throw OperatorRefusal(
                .badRequest, "InvalidJSON",
                "Malformed JSON at byte \(error.offset): \(error.problem)")
        }
        guard let object = value[key], case .object = object else {
            throw OperatorRefusal(
                .badRequest, "InvalidRequest",
                "The body must be a JSON object with an object under \(key)")
        }
        return FieldReader(object)
    }
}
