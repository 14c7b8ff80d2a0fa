package import Cluster
import HTTPTypes
package import Hummingbird
package import Logging
import NIOCore
import ServiceDesk
package import ServiceLifecycle
import Synchronization
package import Wire

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
    private let metrics = RequestMetrics()
    private let largeBodies = LargeBodies()
    /// Requests that wait a moment because nobody knows their host.
    private let strangers = Mutex(0)
    private static let strangerLimit = 100
    let signIn: SignIn
    package let jobs: JobRunner
    let rehearsals: RehearsalDesk
    private let tokenUses: TokenUses
    private let presence = PresenceBoard()
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
        rehearsals = RehearsalDesk(node: node, logger: logger)
        tokenUses = TokenUses(node: node, logger: logger)
    }

    package func stop() {
        signIn.stop()
        rehearsals.stop()
    }

    /// Writes down now which API tokens were used since the last time.
    /// - Returns: of how many tenants that did not fit into the time.
    @discardableResult package func flushTokenUses(within patience: Duration = .seconds(600))
        async -> Int
    { await tokenUses.flush(within: patience) }

    /// Answers one request. `scheme` is the listener's.
    package func respond(to request: Request, scheme: String, context: SupportContext) async
        -> Response
    {
        let started = ContinuousClock.now
        let requestID =
            request.headers[.requestID].flatMap { id in
                (1...128).contains(id.utf8.count)
                    && id.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } ? id : nil
            } ?? RequestNumbers.next()
        var course = Course(requestID: requestID)
        var answer: APIAnswer
        do {
            answer = try await route(request, scheme: scheme, context: context, &course)
        } catch { answer = errorAnswer(error, course) }
        // What another node answered is finished.
        if !course.isForwarded { finish(&answer, request, requestID, course.standing) }
        let elapsed = ContinuousClock.now - started
        record(course.operation, answer, elapsed, course.tenant, requestID)
        return response(answer, to: request)
    }

    /// What is found out about a request while it is answered.
    struct Course {
        let requestID: String
        var standing: RateLimiter.Standing?
        var operation = "none"
        var tenant: String?
        var isForwarded = false
        init(requestID: String) { self.requestID = requestID }
    }

    private func errorAnswer(_ error: any Error, _ course: Course) -> APIAnswer {
        switch error {
        case let refusal as DeskRefusal: return ErrorAnswers.answer(refusal)
        case let unavailable as Unavailable: return ErrorAnswers.answer(unavailable)
        case is OutcomeUnknown: return ErrorAnswers.outcomeUnknown
        case is NotLeader:
            return ErrorAnswers.answer(Unavailable(reason: .noLeader, retryAfterSeconds: 1))
        case is ChangesTooLong, is BodyTooLarge: return ErrorAnswers.tooLarge
        // Nobody is left to read this, as a rule; the log and the counters still see a client's doing, not a fault.
        case is BodyCutShort: return ErrorAnswers.cutShort
        default:
            logger.error(
                "request failed",
                metadata: [
                    "request": "\(course.requestID)", "operation": "\(course.operation)",
                    "error": "\(error)",
                ])
            return ErrorAnswers.fault(requestID: course.requestID)
        }
    }

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

    private static let host = HTTPField.Name("Host")!

    private func route(
        _ request: Request, scheme: String, context: SupportContext, _ course: inout Course
    ) async throws -> APIAnswer {
        let peer = Peer(
            host: request.head.authority ?? request.headers[Self.host] ?? "",
            scheme: scheme, headers: request.headers, remote: context.remoteAddress,
            trusted: trustedProxies)
        guard let route = await knownRoute(request, peer) else {
            guard node.isDirectoryFresh else {
                throw Unavailable(reason: .noLeader, retryAfterSeconds: 1)
            }
            return ErrorAnswers.unknownHost
        }
        course.tenant = route.name
        guard route.state == .active else { return ErrorAnswers.suspended }
        return try await answerSomewhere(request, peer, route, &course)
    }

    // MARK: Where it is answered

    /// No request takes longer, whatever becomes of the nodes.
    private static let deadline = Duration.seconds(10)
    /// How long a request waits for a shard to have a leader, where the node hears a majority of the cluster. Where it does not, one
    /// `relayAfter` is enough: others find the next leader, and clients another node.
    private static let leaderPatience = Duration.seconds(3)
    /// How long a node looks for the leader itself before it asks others to hand a request on. Elections are over by then.
    private static let relayAfter = Duration.milliseconds(300)

    /// Answers where the tenant's shard is led. What did nothing is tried again until it finds the leader; what may have done something,
    /// only when that cannot do it twice.
    private func answerSomewhere(
        _ request: Request, _ peer: Peer, _ route: TenantRoute, _ course: inout Course
    ) async throws -> APIAnswer {
        let deadline = ContinuousClock.now + Self.deadline
        let body = BodyBox(request)
        if isRead(request), node.holds(route.shard), node.destination(of: route.shard) != .here {
            do {
                return try await answerHere(request, body, peer, route, &course)
            } catch is NotLeader {
                // Nobody to ask what is committed, or the request writes after all: where the shard is led it will be known.
            } catch let error as Unavailable where error.reason == .behind {
                if request.headers[.lodgeMinPosition] != nil { throw error }
            }
        }
        var isUncertain = false
        var leaderless: ContinuousClock.Instant?
        while true {
            let left = deadline - ContinuousClock.now
            do {
                guard left > .zero else {
                    throw Unavailable(reason: .noLeader, retryAfterSeconds: 1)
                }
                let searched = ContinuousClock.now
                switch await node.destination(of: route.shard, within: min(left, Self.relayAfter)) {
                case .here: return try await answerHere(request, body, peer, route, &course)
                case .node(let leader):
                    return try await forward(
                        request, body, peer, route, to: leader, within: left, &course)
                case .nobody:
                    if let answer = try await relay(request, body, peer, route, left, &course) {
                        return answer
                    }
                    let since = leaderless ?? searched
                    leaderless = since
                    guard node.hearsMajority, ContinuousClock.now - since < Self.leaderPatience
                    else { throw Unavailable(reason: .noLeader, retryAfterSeconds: 1) }
                }
            } catch is NotLeader {
                // Nothing was done. Whoever lost the lead, or never had it, needs a moment to know better.
            } catch is OutcomeUnknown {
                isUncertain = true
                guard isRepeatable(request) else { throw OutcomeUnknown() }
            } catch let error as Unavailable where error.reason == .busy && left > .zero {
                // A hand-over, as a rule.
            } catch is Unavailable where isUncertain && !isRead(request) {
                throw OutcomeUnknown()
            }
            try? await Task.sleep(for: .milliseconds(15))
        }
    }

    private func isRead(_ request: Request) -> Bool {
        request.method == .get || request.method == .head
    }

    private func isRepeatable(_ request: Request) -> Bool {
        isRead(request) || request.headers[.idempotencyKey] != nil
    }

    /// Asks the nodes that this one hears to hand a request on to the leader, which may be one that they hear and this one does not.
    /// - Returns: nil when none of them knows one, and nothing was done.
    private func relay(
        _ request: Request, _ body: BodyBox, _ peer: Peer, _ route: TenantRoute, _ time: Duration,
        _ course: inout Course
    ) async throws -> APIAnswer? {
        for node in node.connectedNodes.sorted() where node != self.node.identity.node {
            do {
                return try await forward(
                    request, body, peer, route, to: node, as: .relay, within: time, &course)
            } catch is NotLeader { continue }
        }
        return nil
    }

    private func forward(
        _ request: Request, _ body: BodyBox, _ peer: Peer, _ route: TenantRoute, to leader: NodeID,
        as service: PeerRequest.Service = .support, within time: Duration, _ course: inout Course
    ) async throws -> APIAnswer {
        course.operation = "forwarded"
        let target = request.head.path ?? "/"
        var limit = Endpoint.usualBodyLimit
        let plain = Self.plainPath(target)
        let method = request.method == .head ? HTTPRequest.Method.get : request.method
        if case .found(let endpoint, _) = table.match(method, plain) { limit = endpoint.bodyLimit }
        var reserved = 0
        defer { largeBodies.release(reserved) }
        if limit > Endpoint.usualBodyLimit {
            let declared = request.headers[.contentLength].flatMap { Int($0) } ?? limit
            reserved = max(0, min(declared, limit))
            try largeBodies.reserve(reserved)
        }
        var headers: [PeerRequest.Header] = []
        for field in request.headers where !Self.hopByHop.contains(field.name) {
            headers.append(PeerRequest.Header(name: field.name.rawName, value: field.value))
        }
        headers.append(PeerRequest.Header(name: "X-Request-Id", value: course.requestID))
        let call = PeerRequest(
            service: service, shard: route.shard, directoryIndex: node.directory.appliedIndex,
            deadline: time,
            method: request.method.rawValue, target: target, scheme: peer.scheme, host: peer.host,
            remoteAddress: peer.address ?? "", tenant: route.name, headers: headers,
            body: try await body.bytes(upTo: limit))
        switch await node.call(leader, call) {
        case .notSent: throw NotLeader(leader: nil)
        case .lost: throw OutcomeUnknown()
        case .replied(let reply):
            switch reply.outcome {
            case .answered:
                course.isForwarded = true
                return APIAnswer(reply)
            case .notLeader, .behind: throw NotLeader(leader: nil)
            case .busy: throw Unavailable(reason: .busy, retryAfterSeconds: 1)
            case .unknown: throw OutcomeUnknown()
            }
        }
    }

    /// Fields that belong to the connection or are carried otherwise.
    private static let hopByHop: Set<HTTPField.Name> = [
        .connection, .transferEncoding, .contentLength, .requestID, .te, .upgrade,
        HTTPField.Name("Host")!, HTTPField.Name("Keep-Alive")!,
    ]

    /// Whether a node's own call is this API's to answer.
    package static func answers(_ call: PeerRequest) -> Bool {
        call.service == .support || call.service == .relay
            || call.service == .node && call.target == TokenUses.target
    }

    /// Answers what a client asked of another node, or what that node asks itself.
    package func answer(_ call: PeerRequest) async -> PeerReply {
        if call.service == .node { return await tokenUses.answer(call) }
        if call.service == .relay, let handedOn = await handOn(call) { return handedOn }
        guard await node.knowsDirectory(upTo: call.directoryIndex),
            let route = node.directory.tenant(named: call.tenant)?.route
        else { return PeerReply(.behind) }
        let requestID =
            call.headers.last { $0.name.lowercased() == "x-request-id" }?.value
            ?? RequestNumbers.next()
        var course = Course(requestID: requestID)
        course.tenant = route.name
        guard let method = HTTPRequest.Method(call.method) else {
            return PeerReply(ErrorAnswers.invalidEndpoint)
        }
        var head = HTTPRequest(
            method: method, scheme: call.scheme, authority: call.host, path: call.target)
        for header in call.headers {
            guard let name = HTTPField.Name(header.name) else { continue }
            head.headerFields.append(HTTPField(name: name, value: header.value))
        }
        let request = Request(head: head, body: RequestBody(buffer: call.body))
        let peer = Peer(
            host: call.host, scheme: call.scheme,
            address: call.remoteAddress.isEmpty ? nil : call.remoteAddress)
        let started = ContinuousClock.now
        var answer: APIAnswer
        do {
            guard route.state == .active else { return PeerReply(ErrorAnswers.suspended) }
            answer = try await answerHere(request, BodyBox(request), peer, route, &course)
            if let stream = answer.stream {
                // A file goes through the link as a whole.
                for place in 0..<stream.count {
                    answer.body.writeImmutableBuffer(try await stream.read(place))
                }
                answer.stream = nil
                finish(&answer, request, requestID, course.standing, isFile: true)
            } else {
                finish(&answer, request, requestID, course.standing)
            }
        } catch let error as NotLeader {
            return PeerReply(.notLeader, leader: error.leader?.rawValue ?? 0)
        } catch is OutcomeUnknown {
            return PeerReply(.unknown)
        } catch let error as Unavailable
            where error.reason == .busy || error.reason == .shuttingDown
        {
            return PeerReply(.busy)
        } catch {
            answer = errorAnswer(error, course)
            finish(&answer, request, requestID, course.standing)
        }
        record(
            course.operation, answer, ContinuousClock.now - started, course.tenant, requestID)
        return PeerReply(answer)
    }

    /// Does a node the favour that it asks for; nil when the request belongs here. One hop, so that nothing goes round in circles.
    private func handOn(_ call: PeerRequest) async -> PeerReply? {
        switch node.destination(of: call.shard) {
        case .here: return nil
        case .nobody: return PeerReply(.notLeader)
        case .node(let leader):
            var call = call
            call.service = .support
            switch await node.call(leader, call) {
            case .notSent: return PeerReply(.notLeader)
            case .lost: return PeerReply(.unknown)
            case .replied(let reply): return reply
            }
        }
    }

    private static func plainPath(_ target: String) -> Substring {
        plain(target.cut(at: UInt8(ascii: "?")).before)
    }

    private static func plain(_ path: Substring) -> Substring {
        path.utf8.suffix(5).elementsEqual(".json".utf8) ? Substring(path.utf8.dropLast(5)) : path
    }

    // MARK: Answering here

    private func answerHere(
        _ request: Request, _ body: BodyBox, _ peer: Peer, _ route: TenantRoute,
        _ course: inout Course
    ) async throws -> APIAnswer {
        let target = request.head.path ?? "/"
        let (path, query) = target.cut(at: UInt8(ascii: "?"))
        let plain = Self.plain(path)
        let authorization = request.headers[.authorization]
        let method = request.method == .head ? HTTPRequest.Method.get : request.method
        let now = node.clock()
        let admission = Admission()
        // A file's address is a credential for that file: pictures in a ticket must not use up what strangers may ask.
        let isByToken = plain.hasPrefix("/attachments/token/")
        guard authorization != nil || isByToken else {
            let charged = limiter.chargeAnonymous(route, address: peer.address, now: now)
            course.standing = charged
            if charged.isExceeded { return Self.tooManyAnonymous(charged) }
            return try await handle(
                request, body, method, path: path, plain: plain,
                query: query ?? "", authorization, peer, route, admission,
                operation: &course.operation
            ) {}
        }
        // Who asks is known only when their rows are read: the tenant pays first, and gets it back when it was nobody.
        // Not before the body is here, so that slow bodies of nobody's hold nothing back.
        var isCharged = false
        var standing: RateLimiter.Standing?
        defer { course.standing = standing }
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
                    request, body, method, path: path, plain: plain,
                    query: query ?? "", authorization, peer, route, admission,
                    operation: &course.operation, charge: charge))
        } catch { outcome = .failure(error) }
        if case .failure(let error) = outcome, error is Unavailable || error is NotLeader {
            if isCharged { limiter.refund(route, chargedAt: now) }
            throw error
        }
        if admission.isVerified || isCharged && standing?.isExceeded == true {
            return try outcome.get()
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
        _ request: Request, _ bytes: BodyBox, _ method: HTTPRequest.Method, path: Substring,
        plain: Substring,
        query: Substring, _ authorization: String?, _ peer: Peer, _ route: TenantRoute,
        _ admission: Admission,
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
        let credential = try await signIn.credential(authorization, tenant: route)
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
        let body = try await bytes.bytes(upTo: endpoint.bodyLimit)
        if !endpoint.takesBytes { try charge() }
        let call = APICall(
            method: request.method, path: String(path), parameters: parameters,
            query: try Query(query), headers: request.headers, body: body,
            origin: "\(peer.scheme)://\(peer.host)",
            credential: credential,
            via: Via(
                channel: .api, client: request.headers[.userAgent],
                address: peer.address), tenant: route, node: node, jobs: jobs,
            rehearsals: rehearsals, signIn: signIn, tokenUses: tokenUses, presence: presence,
            admission: admission)
        return try await endpoint.handle(call)
    }

    // MARK: Who is meant

    /// A tenant that another node has just made is known here a moment later, and any tenant once this node has caught up after its
    /// start.
    private func knownRoute(_ request: Request, _ peer: Peer) async -> TenantRoute? {
        if let route = tenantRoute(request, peer) { return route }
        guard node.destination(of: .directory) != .here || !node.isDirectoryFresh else {
            return nil
        }
        let mayWait = strangers.withLock { count in
            guard count < Self.strangerLimit else { return false }
            count += 1
            return true
        }
        guard mayWait else { return nil }
        defer { strangers.withLock { $0 -= 1 } }
        let deadline = ContinuousClock.now + Self.leaderPatience
        var tries = 0
        while tries < 10 || !node.isDirectoryFresh && ContinuousClock.now < deadline {
            tries += 1
            guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { return nil }
            if let route = tenantRoute(request, peer) { return route }
        }
        return nil
    }

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
        _ standing: RateLimiter.Standing?, isFile: Bool = false
    ) {
        // Nobody else says these, so nobody's are looked for to be replaced.
        func add(_ name: HTTPField.Name, _ value: String) {
            answer.headers.append(HTTPField(name: name, value: value))
        }
        add(.requestID, requestID)
        add(.apiVersion, "v2")
        add(.xContentTypeOptions, "nosniff")
        if let standing {
            let (limit, remaining) = (String(standing.limit), String(standing.remaining))
            add(.rateLimit, limit)
            add(.rateLimitRemaining, remaining)
            add(.standardLimit, limit)
            add(.standardRemaining, remaining)
            add(.standardReset, String(standing.resetSeconds))
        }
        // What says itself how long it may be kept.
        if answer.stream != nil || isFile || answer.headers[.cacheControl] != nil { return }
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
        metrics.record(
            operation, status: answer.status.code,
            nanoseconds: elapsed.components.seconds * 1_000_000_000
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
