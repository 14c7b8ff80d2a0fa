package import Cluster
import Crypto
package import HTTPTypes
package import NIOCore
package import ServiceDesk
package import ShardStore
import Wire

/// One request with everything an endpoint may know of it. There is no tenant number here: rows are reached only through
/// `read` and `write`, which find the caller and open the tenant's own view of its shard.
package struct APICall: Sendable {
    package let method: HTTPRequest.Method
    /// The path as received, with `.json` where the client wrote it, without the query.
    package let path: String
    /// Values of the path's `{parameters}`, percent-decoded.
    package let parameters: [String: String]
    package let query: Query
    package let headers: HTTPFields
    package let body: ByteBuffer
    /// `scheme://host:port` as the client wrote it; every link in an answer begins with it.
    package let origin: String
    package let credential: Credential
    package let via: Via
    package let tenant: TenantRoute
    let node: Node
    let jobs: JobRunner
    let rehearsals: RehearsalDesk
    let signIn: SignIn
    let tokenUses: TokenUses
    let presence: PresenceBoard
    let admission: Admission

    // MARK: Rows

    /// Answers from one snapshot of the tenant's rows, as whoever asks.
    package func read(
        _ body: @escaping @Sendable (Desk<ShardReader>) throws -> APIAnswer
    ) async throws -> APIAnswer {
        let (credential, via, tenant) = (credential, via, tenant)
        let (tokenUses, admission) = (tokenUses, admission)
        return try await node.read(tenant, level: try level) { rows in
            let principal = try Authenticator.principal(for: credential, in: rows)
            admission.isVerified = true
            tokenUses.note(credential, of: tenant, at: rows.now)
            return try body(Desk(rows: rows, principal: principal, via: via))
        }.answer
    }

    /// Runs one write, as whoever asks, and answers when it is durable. With an `Idempotency-Key` the answer is stored in
    /// the same transaction, and a repeated request gets the stored one.
    package func write(
        _ body: @escaping @Sendable (Desk<ShardTransaction>) throws -> APIAnswer
    ) async throws -> APIAnswer {
        let (credential, via, tenant) = (credential, via, tenant)
        let (tokenUses, admission) = (tokenUses, admission)
        let key = try idempotencyKey
        let hash = key == nil ? [] : requestHash
        let noted: @Sendable (Desk<ShardTransaction>) throws -> APIAnswer = { desk in
            let answer = try body(desk)
            admission.leavesWork = try desk.rows.hasLeftTickets()
            return answer
        }
        let committed = try await node.write(tenant) { rows in
            let principal = try Authenticator.principal(for: credential, in: rows)
            admission.isVerified = true
            tokenUses.note(credential, of: tenant, at: rows.now)
            let desk = Desk(rows: rows, principal: principal, via: via)
            guard let key else { return try noted(desk) }
            if let stored = try rows.idempotentAnswer(user: principal.userID, key: key) {
                guard constantTimeEqual(stored.requestHash, hash) else {
                    throw DeskRefusal.badRequest(
                        name: "IdempotentRequestError",
                        "Request parameters don't match the given idempotency key")
                }
                return APIAnswer(stored)
            }
            var answer = try noted(desk)
            try rows.store(answer.stored(requestHash: hash), user: principal.userID, key: key)
            answer.headers[.idempotencyLookup] = "miss"
            return answer
        }
        if admission.leavesWork { jobs.wake(tenant) }
        var answer = committed.answer
        answer.headers[.lodgePosition] = committed.position.description
        if answer.startsJob { jobs.wake(tenant) }
        return answer
    }

    /// The answer that this very request got before, when it carries an idempotency key: for requests of several writes,
    /// which must not begin again.
    func storedAnswer() async throws -> APIAnswer? {
        guard let key = try idempotencyKey else { return nil }
        let (credential, hash) = (credential, requestHash)
        return try await node.read(tenant) { rows in
            let principal = try Authenticator.principal(for: credential, in: rows)
            guard let stored = try rows.idempotentAnswer(user: principal.userID, key: key),
                constantTimeEqual(stored.requestHash, hash)
            else { return nil }
            return APIAnswer(stored)
        }.answer
    }

    /// One of several writes of one request, as whoever asks: without idempotency key and answer of its own.
    func step<Result: Sendable>(
        _ body: @escaping @Sendable (Desk<ShardTransaction>) throws -> Result
    ) async throws -> Result {
        let (credential, via) = (credential, via)
        return try await node.write(tenant) { rows in
            let principal = try Authenticator.principal(for: credential, in: rows)
            return try body(Desk(rows: rows, principal: principal, via: via))
        }.answer
    }

    /// Keeps a job and tells the runner.
    func enqueue(_ kind: JobKind, _ items: [JSONValue]) async throws -> APIAnswer {
        let id = Secrets.jobID()
        let payload = JSONWriter.write { $0.value(.array(items)) }
        let text = String(buffer: payload)
        let call = self
        let answer = try await write { desk in
            let job = try desk.enqueueJob(
                id: id, kind: kind.rawValue, total: items.count, payload: text)
            return .json {
                $0.object {
                    $0.key("job_status")
                    $0.job(job, call)
                }
            }
        }
        jobs.wake(tenant)
        return answer
    }

    private var level: ReadLevel {
        get throws {
            if let text = headers[.lodgeMinPosition] {
                guard let position = Position(text) else {
                    throw DeskRefusal.badRequest(
                        name: "InvalidPosition", "X-Lodge-Min-Position must look like 3.1042")
                }
                // Waiting would not help: no write of this desk ever had such a position.
                guard position.shard == tenant.shard else {
                    throw DeskRefusal.badRequest(
                        name: "InvalidPosition",
                        "X-Lodge-Min-Position names a shard that this desk is not on")
                }
                return .session(position)
            }
            switch headers[.lodgeConsistency] {
            case nil, "linearizable", "session": return .linearizable
            case "stale": return .stale
            default:
                throw DeskRefusal.badRequest(
                    name: "InvalidConsistency",
                    "X-Lodge-Consistency must be linearizable, session or stale")
            }
        }
    }

    private var idempotencyKey: String? {
        get throws {
            guard let key = headers[.idempotencyKey] else { return nil }
            guard !key.isEmpty, key.utf8.count <= Idempotency.keyLimit else {
                throw DeskRefusal.badRequest(
                    name: "IdempotentRequestError",
                    "The idempotency key must have 1 to \(Idempotency.keyLimit) bytes")
            }
            return key
        }
    }

    private var requestHash: [UInt8] {
        var hash = SHA256()
        // Each text after its length, so that no two requests can be the same bytes.
        func add(_ text: String) {
            withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) {
                hash.update(bufferPointer: $0)
            }
            hash.update(data: Array(text.utf8))
        }
        add(method.rawValue)
        add(path)
        withUnsafeBytes(of: UInt64(query.items.count).littleEndian) {
            hash.update(bufferPointer: $0)
        }
        for item in query.items {
            add(item.name)
            add(item.value)
        }
        body.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
        return Array(hash.finalize())
    }

    // MARK: What the request says

    /// A path parameter that is a record's number. Anything else cannot exist, so it is not found.
    package func id(_ parameter: String = "id") throws -> Int64 {
        guard let text = parameters[parameter], let id = Int64(text), id > 0 else {
            throw DeskRefusal.notFound
        }
        return id
    }

    /// The body as JSON; no body is an empty object.
    package func json() throws -> JSONValue {
        if body.readableBytes == 0 { return .object([]) }
        do { return try JSONParser.parse(body) } catch {
            throw DeskRefusal.badRequest(
                name: "InvalidJSON", "Malformed JSON at byte \(error.offset): \(error.problem)")
        }
    }

    /// The object under a key of the body, as in `{"ticket": {…}}`.
    package func bodyObject(_ key: String) throws -> FieldReader {
        guard let value = try json()[key], case .object = value else {
            throw DeskRefusal.badRequest(
                name: "InvalidRequest", "The body must be a JSON object with an object under \(key)"
            )
        }
        return FieldReader(value)
    }

    /// The objects under a key of the body, as in `{"tickets": [{…}, …]}`.
    package func bodyList(_ key: String, max: Int = 100) throws -> [FieldReader] {
        guard case .array(let items)? = try json()[key] else {
            throw DeskRefusal.badRequest(
                name: "InvalidRequest", "The body must be a JSON object with a list under \(key)")
        }
        guard items.count <= max else {
            throw DeskRefusal.tooMany(what: "\(key) may be created", limit: max)
        }
        return try items.map { item in
            guard case .object = item else {
                throw DeskRefusal.badRequest(
                    name: "InvalidRequest", "Each item under \(key) must be an object")
            }
            return FieldReader(item)
        }
    }

    /// Numbers in a query key, as in `ids=1,2,3`.
    package func ids(_ key: String = "ids", max: Int = 100) throws -> [Int64]? {
        guard let text = query[key] else { return nil }
        let parts = text.split(separator: ",")
        guard parts.count <= max else {
            throw DeskRefusal.tooMany(what: "ids may be given", limit: max)
        }
        return try parts.map {
            guard let id = Int64($0.filter { $0 != " " }) else {
                throw DeskRefusal.badRequest(
                    name: "InvalidRequest", "\(key) must be numbers separated by commas")
            }
            return id
        }
    }

    /// Refuses when `If-Match` names another version than the record's, which is read only then.
    package func requireVersion(_ current: @autoclosure () throws -> Int64) throws {
        guard let wanted = headers[.ifMatch], wanted != "*" else { return }
        let version = try current()
        let matches = wanted.split(separator: ",").contains { tag in
            let tag = tag.drop { $0 == " " }
            return tag.hasPrefix("W/\"v\(version)-") || tag.hasPrefix("\"v\(version)-")
        }
        guard matches else { throw DeskRefusal.versionMismatch }
    }

    /// The side-loads that are asked for: `include=users,groups`.
    package var includes: Set<String> {
        Set(query["include"]?.split(separator: ",").map { $0.filter { $0 != " " } } ?? [])
    }

    /// An absolute address of this desk.
    package func url(_ path: String) -> String { origin + path }
}

extension HTTPField.Name {
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
    static let idempotencyLookup = HTTPField.Name("x-idempotency-lookup")!
    static let lodgePosition = HTTPField.Name("X-Lodge-Position")!
    static let lodgeMinPosition = HTTPField.Name("X-Lodge-Min-Position")!
    static let lodgeConsistency = HTTPField.Name("X-Lodge-Consistency")!
    static let lodgeTenant = HTTPField.Name("X-Lodge-Tenant")!
    static let requestID = HTTPField.Name("X-Request-Id")!
    static let apiVersion = HTTPField.Name("x-zendesk-api-version")!
    static let apiWarning = HTTPField.Name("x-zendesk-api-warn")!
    static let rateLimit = HTTPField.Name("X-Rate-Limit")!
    static let rateLimitRemaining = HTTPField.Name("X-Rate-Limit-Remaining")!
    static let standardLimit = HTTPField.Name("ratelimit-limit")!
    static let standardRemaining = HTTPField.Name("ratelimit-remaining")!
    static let standardReset = HTTPField.Name("ratelimit-reset")!
}

extension APIAnswer {
    /// A stored answer, as it was given the first time.
    init(_ stored: IdempotentAnswer) {
        self.init(
            status: .init(code: stored.status), body: ByteBuffer(bytes: stored.body),
            version: stored.version)
        if !stored.body.isEmpty { headers[.contentType] = "application/json; charset=utf-8" }
        if let location = stored.location { headers[.location] = location }
        if let warning = stored.warning { headers[.apiWarning] = warning }
        headers[.idempotencyLookup] = "hit"
    }

    func stored(requestHash: [UInt8]) -> IdempotentAnswer {
        IdempotentAnswer(
            requestHash: requestHash, status: status.code, location: headers[.location],
            version: version, warning: headers[.apiWarning],
            body: Array((repeatedBody ?? body).readableBytesView))
    }
}
