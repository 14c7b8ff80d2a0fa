package import Cluster
import HTTPTypes
package import Hummingbird
package import Logging
import Metrics
import NIOCore
import ServiceDesk
package import ServiceLifecycle
import Wire

/// What the responder needs of a connection.
package struct SupportContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    let remoteAddress: String?

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        remoteAddress = source.channel.remoteAddress?.ipAddress
    }
}

/// What the API's listeners share: routes, the node, counters.
package final class SupportAPI: Sendable {
    let node: Node
    let table: RouteTable
    let limiter = RateLimiter()
    private let largeBodies = LargeBodies()
    let signIn: SignIn
    package let jobs: JobRunner
    private let tokenUses: TokenUses
    /// What runs beside the listeners. Stop it after them: requests leave work behind.
    package var services: [any Service] { [jobs, tokenUses] }
    private let logger: Logger
    private let trustedProxies: Set<String>

    /// - Parameter trustedProxies: addresses whose `Forwarded` and `X-Forwarded-*` headers are believed.
    package init(node: Node, logger: Logger, trustedProxies: Set<String> = []) {
        self.node = node
        self.logger = logger
        self.trustedProxies = trustedProxies
        table = RouteTable(Endpoints.all)
        signIn = SignIn(node: node)
        jobs = JobRunner(node: node, logger: logger)
        tokenUses = TokenUses(node: node, logger: logger)
    }

    package func stop() { signIn.stop() }

    /// Writes down now which API tokens were used since the last time.
    package func flushTokenUses() async { await tokenUses.flush() }

    /// Answers one request. `scheme` is the listener's.
    package func respond(to request: Request, scheme: String, context: SupportContext) async
        -> Response
    {
        let started = ContinuousClock.now
        let requestID =
            request.headers[.requestID].flatMap { id in
                (1...128).contains(id.utf8.count)
                    && id.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } ? id : nil
            } ?? Secrets.hex(12)
        var standing: RateLimiter.Standing?
        var operation = "none"
        var tenantName: String?
        var answer: APIAnswer
        do {
            answer = try await route(
                request, scheme: scheme, context: context, standing: &standing,
                operation: &operation, tenant: &tenantName)
        } catch let refusal as DeskRefusal {
            answer = ErrorAnswers.answer(refusal)
        } catch let unavailable as Unavailable {
            answer = ErrorAnswers.answer(unavailable)
        } catch is BodyTooLarge {
            answer = ErrorAnswers.tooLarge
        } catch is BodyCutShort {
            // Nobody is left to read this, as a rule; the log and the counters still see a client's doing, not a fault.
            answer = ErrorAnswers.cutShort
        } catch {
            logger.error(
                "request failed",
                metadata: [
                    "request": "\(requestID)", "operation": "\(operation)", "error": "\(error)",
                ])
            answer = ErrorAnswers.fault(requestID: requestID)
        }
        finish(&answer, request, requestID, standing)
        let elapsed = ContinuousClock.now - started
        record(operation, answer, elapsed, tenantName, requestID)
        return response(answer, to: request)
    }

    private struct BodyTooLarge: Error {}
    private struct BodyCutShort: Error {}

    /// The answer on the wire. HEAD has the length that GET would have; 204 and 304 have none.
    private func response(_ answer: APIAnswer, to request: Request) -> Response {
        let isHead = request.method == .head
        if let stream = answer.stream {
            let body = ResponseBody(contentLength: stream.length) { writer in
                if !isHead {
                    for place in 0..<stream.count { try await writer.write(stream.read(place)) }
                }
                try await writer.finish(nil)
            }
            return Response(status: answer.status, headers: answer.headers, body: body)
        }
        let isBare = answer.status == .noContent || answer.status == .notModified
        let hasBody = !isBare && !isHead && answer.body.readableBytes > 0
        var response = Response(
            status: answer.status, headers: answer.headers,
            body: hasBody ? ResponseBody(byteBuffer: answer.body) : ResponseBody())
        response.headers[.contentLength] = isBare ? nil : String(answer.body.readableBytes)
        return response
    }

    /// The whole body, or an error that says whose doing it is that there is none.
    private func body(of request: Request, upTo limit: Int) async throws -> ByteBuffer {
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw BodyTooLarge()
        } catch {
            // Reading fails only with the connection.
            throw BodyCutShort()
        }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }),
            body.readableBytes < length
        {
            throw BodyCutShort()
        }
        return body
    }

    private func route(
        _ request: Request, scheme: String, context: SupportContext,
        standing: inout RateLimiter.Standing?, operation: inout String, tenant: inout String?
    ) async throws -> APIAnswer {
        let target = request.head.path ?? "/"
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0]
        let plain = path.hasSuffix(".json") ? path.dropLast(5) : path
        let method = request.method == .head ? HTTPRequest.Method.get : request.method
        let peer = Peer(
            host: request.head.authority ?? request.headers[HTTPField.Name("Host")!] ?? "",
            scheme: scheme, headers: request.headers, remote: context.remoteAddress,
            trusted: trustedProxies)
        guard let route = tenantRoute(request, peer) else { return ErrorAnswers.unknownHost }
        tenant = route.name
        guard route.state == .active else { return ErrorAnswers.suspended }
        let now = node.clock()
        let admission = Admission()
        // A file's address is a credential for that file: pictures in a ticket must not use up what strangers may ask.
        let isByToken = plain.hasPrefix("/attachments/token/")
        guard request.headers[.authorization] != nil || isByToken else {
            let charged = limiter.chargeAnonymous(route, address: peer.address, now: now)
            standing = charged
            if charged.isExceeded { return Self.tooManyAnonymous(charged) }
            return try await handle(
                request, method, path: path, plain: plain,
                query: parts.count > 1 ? parts[1] : "", peer, route, admission,
                operation: &operation
            ) {}
        }
        // Who asks is known only when their rows are read: the tenant pays first, and gets it back when it was nobody.
        // Not before the body is here, so that slow bodies of nobody's hold nothing back.
        var isCharged = false
        func charge() throws {
            let charged = limiter.charge(route, now: now)
            isCharged = true
            standing = charged
            if charged.isExceeded {
                throw DeskRefusal.tooOften(
                    retryAfterSeconds: charged.resetSeconds,
                    "This desk may make \(charged.limit) requests a minute; wait for the next one"
                )
            }
        }
        let outcome: Result<APIAnswer, any Error>
        do {
            outcome = .success(
                try await handle(
                    request, method, path: path, plain: plain,
                    query: parts.count > 1 ? parts[1] : "", peer, route, admission,
                    operation: &operation, charge: charge))
        } catch { outcome = .failure(error) }
        if admission.isVerified || isCharged && standing?.isExceeded == true {
            return try outcome.get()
        }
        if case .failure(let error) = outcome, error is Unavailable {
            if isCharged { limiter.refund(route, chargedAt: now) }
            throw error
        }
        if await isSomebody(request, outcome, route) {
            if !isCharged { try charge() }
            return try outcome.get()
        }
        if isCharged { limiter.refund(route, chargedAt: now) }
        let charged = limiter.chargeAnonymous(route, address: peer.address, now: now)
        standing = charged
        return charged.isExceeded ? Self.tooManyAnonymous(charged) : try outcome.get()
    }

    /// Whether a request that was answered before its rows were read, such as one with a malformed body, came with a
    /// credential that is good.
    private func isSomebody(
        _ request: Request, _ outcome: Result<APIAnswer, any Error>, _ route: TenantRoute
    ) async -> Bool {
        if case .failure(let error) = outcome, error as? DeskRefusal == .unauthenticated {
            return false
        }
        do {
            let credential = try await signIn.credential(
                request.headers[.authorization], tenant: route)
            _ = try await node.read(route) {
                try Authenticator.principal(for: credential, in: $0)
            }
            return true
        } catch { return false }
    }

    private static func tooManyAnonymous(_ standing: RateLimiter.Standing) -> APIAnswer {
        ErrorAnswers.tooOften(
            standing.resetSeconds,
            "Without signing in, one address may make \(standing.limit) requests a minute; wait for the next one"
        )
    }

    /// Finds the endpoint and lets it answer. `charge` is called when the whole request is here.
    private func handle(
        _ request: Request, _ method: HTTPRequest.Method, path: Substring, plain: Substring,
        query: Substring, _ peer: Peer, _ route: TenantRoute, _ admission: Admission,
        operation: inout String, charge: () throws -> Void
    ) async throws -> APIAnswer {
        let endpoint: Endpoint
        let parameters: [String: String]
        switch table.match(method, plain) {
        case .none: return ErrorAnswers.invalidEndpoint
        case .wrongMethod(let methods): return ErrorAnswers.methodNotAllowed(methods)
        case .found(let found, let values): (endpoint, parameters) = (found, values)
        }
        operation = endpoint.operation
        let credential = try await signIn.credential(
            request.headers[.authorization], tenant: route)
        var reserved = 0
        defer { largeBodies.release(reserved) }
        if endpoint.takesBytes {
            // Only who is known here may send so much.
            _ = try await node.read(route) {
                try Authenticator.principal(for: credential, in: $0)
            }
            admission.isVerified = true
            try charge()
            let declared = request.headers[.contentLength].flatMap { Int($0) }
            let wanted = max(0, min(declared ?? endpoint.bodyLimit, endpoint.bodyLimit))
            try largeBodies.reserve(wanted)
            reserved = wanted
        }
        let body = try await body(of: request, upTo: endpoint.bodyLimit)
        if !endpoint.takesBytes { try charge() }
        let call = APICall(
            method: request.method, path: String(path), parameters: parameters,
            query: try Query(query), headers: request.headers, body: body,
            origin: "\(peer.scheme)://\(peer.host)",
            credential: credential,
            via: Via(
                channel: .api, client: request.headers[.userAgent],
                address: peer.address), tenant: route, node: node, jobs: jobs,
            signIn: signIn, tokenUses: tokenUses, admission: admission)
        return try await endpoint.handle(call)
    }

    // MARK: Who is meant

    private func tenantRoute(_ request: Request, _ peer: Peer) -> TenantRoute? {
        // For people at the machine itself, where no name resolves. Not through a proxy: there anybody may be behind it.
        if peer.isLocal, let name = request.headers[.lodgeTenant] {
            return node.directory.tenant(named: name)?.route
        }
        return node.directory.route(host: peer.host)
    }

    // MARK: What every answer carries

    private func finish(
        _ answer: inout APIAnswer, _ request: Request, _ requestID: String,
        _ standing: RateLimiter.Standing?
    ) {
        answer.headers[.requestID] = requestID
        answer.headers[.apiVersion] = "v2"
        answer.headers[.xContentTypeOptions] = "nosniff"
        if let standing {
            answer.headers[.rateLimit] = String(standing.limit)
            answer.headers[.rateLimitRemaining] = String(standing.remaining)
            answer.headers[.standardLimit] = String(standing.limit)
            answer.headers[.standardRemaining] = String(standing.remaining)
            answer.headers[.standardReset] = String(standing.resetSeconds)
        }
        if answer.stream != nil { return }
        guard answer.status.kind == .successful, answer.body.readableBytes > 0 else {
            answer.headers[.cacheControl] = "no-store"
            return
        }
        let tag = "W/\"v\(answer.version ?? 0)-\(Self.bodyHash(answer.body))\""
        answer.headers[.eTag] = tag
        answer.headers[.cacheControl] = "max-age=0, private, must-revalidate"
        if request.method == .get || request.method == .head, request.headers[.ifNoneMatch] == tag {
            answer.status = .notModified
            answer.body = ByteBuffer()
            answer.headers[.contentType] = nil
        }
    }

    /// FNV-1a over eight bytes at a time: enough to tell two answers apart.
    private static func bodyHash(_ body: ByteBuffer) -> String {
        body.withUnsafeReadableBytes { bytes in
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            var offset = 0
            while offset + 8 <= bytes.count {
                hash =
                    (hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                    &* 0x0000_0100_0000_01b3
                hash ^= hash >> 29
                offset += 8
            }
            while offset < bytes.count {
                hash = (hash ^ UInt64(bytes[offset])) &* 0x0000_0100_0000_01b3
                offset += 1
            }
            return String(hash, radix: 16)
        }
    }

    private func record(
        _ operation: String, _ answer: APIAnswer, _ elapsed: Duration, _ tenant: String?,
        _ requestID: String
    ) {
        let kind = "\(answer.status.code / 100)xx"
        Metrics.Counter(
            label: "lodge_http_requests_total",
            dimensions: [("operation", operation), ("status", kind)]
        ).increment()
        Metrics.Timer(label: "lodge_http_request_seconds", dimensions: [("operation", operation)])
            .recordNanoseconds(
                elapsed.components.seconds * 1_000_000_000
                    + elapsed.components.attoseconds / 1_000_000_000)
        logger.debug(
            "request",
            metadata: [
                "request": "\(requestID)", "tenant": "\(tenant ?? "-")",
                "operation": "\(operation)", "status": "\(answer.status.code)",
            ])
    }
}

/// The API behind one listener.
package struct SupportResponder: HTTPResponder {
    package typealias Context = SupportContext
    private let api: SupportAPI
    private let scheme: String

    package init(api: SupportAPI, scheme: String) {
        self.api = api
        self.scheme = scheme
    }

    package func respond(to request: Request, context: SupportContext) async throws -> Response {
        await api.respond(to: request, scheme: scheme, context: context)
    }
}
