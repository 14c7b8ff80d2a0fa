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
    let isLoopback: Bool

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        remoteAddress = source.channel.remoteAddress?.ipAddress
        isLoopback = remoteAddress == "127.0.0.1" || remoteAddress == "::1"
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

    /// - Parameter trustedProxies: addresses whose `X-Forwarded-*` headers are believed.
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
        return Response(
            status: answer.status, headers: answer.headers,
            body: body(of: answer, isHead: request.method == .head))
    }

    private func body(of answer: APIAnswer, isHead: Bool) -> ResponseBody {
        guard let stream = answer.stream else {
            let hasBody = answer.body.readableBytes > 0 && !isHead
            return hasBody ? ResponseBody(byteBuffer: answer.body) : ResponseBody()
        }
        return ResponseBody(contentLength: stream.length) { writer in
            if !isHead {
                for place in 0..<stream.count { try await writer.write(stream.read(place)) }
            }
            try await writer.finish(nil)
        }
    }

    private struct BodyTooLarge: Error {}

    private func route(
        _ request: Request, scheme: String, context: SupportContext,
        standing: inout RateLimiter.Standing?, operation: inout String, tenant: inout String?
    ) async throws -> APIAnswer {
        let target = request.head.path ?? "/"
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0]
        let plain = path.hasSuffix(".json") ? path.dropLast(5) : path
        let method = request.method == .head ? HTTPRequest.Method.get : request.method
        let host = host(of: request, context)
        guard let route = self.tenantRoute(request, host: host, context) else {
            return ErrorAnswers.unknownHost
        }
        tenant = route.name
        guard route.state == .active else { return ErrorAnswers.suspended }
        let now = node.clock()
        let charged = limiter.charge(route, now: now)
        standing = charged
        if charged.isExceeded {
            return ErrorAnswers.tooOften(
                charged.resetSeconds,
                "This desk may make \(charged.limit) requests a minute; wait for the next one")
        }
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
            let declared = request.headers[.contentLength].flatMap { Int($0) }
            let wanted = max(0, min(declared ?? endpoint.bodyLimit, endpoint.bodyLimit))
            try largeBodies.reserve(wanted)
            reserved = wanted
        }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: endpoint.bodyLimit)
        } catch is NIOTooManyBytesError { throw BodyTooLarge() }
        let call = APICall(
            method: request.method, path: String(path), parameters: parameters,
            query: try Query(parts.count > 1 ? parts[1] : ""), headers: request.headers, body: body,
            origin: "\(forwardedScheme(request, context) ?? scheme)://\(host)",
            credential: credential,
            via: Via(
                channel: .api, client: request.headers[.userAgent],
                address: context.remoteAddress), tenant: route, node: node, jobs: jobs,
            signIn: signIn, tokenUses: tokenUses)
        return try await endpoint.handle(call)
    }

    // MARK: Who is meant

    private func host(of request: Request, _ context: SupportContext) -> String {
        if let address = context.remoteAddress, trustedProxies.contains(address),
            let forwarded = request.headers[HTTPField.Name("X-Forwarded-Host")!]
        {
            return forwarded
        }
        return request.head.authority ?? request.headers[HTTPField.Name("Host")!] ?? ""
    }

    private func forwardedScheme(_ request: Request, _ context: SupportContext) -> String? {
        guard let address = context.remoteAddress, trustedProxies.contains(address),
            let scheme = request.headers[HTTPField.Name("X-Forwarded-Proto")!],
            scheme == "http" || scheme == "https"
        else { return nil }
        return scheme
    }

    private func tenantRoute(_ request: Request, host: String, _ context: SupportContext)
        -> TenantRoute?
    {
        // For people at the machine itself, where no name resolves.
        if context.isLoopback, let name = request.headers[.lodgeTenant] {
            return node.directory.tenant(named: name)?.route
        }
        return node.directory.route(host: host)
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
