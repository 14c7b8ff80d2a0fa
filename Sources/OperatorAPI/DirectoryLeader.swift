import Cluster
import HTTPTypes
import Hummingbird
import NIOCore
import SupportAPI
package import Wire

/// Lets a request that changes the directory be carried out where the directory is led.
struct DirectoryLeader: RouterMiddleware {
    typealias Context = OperatorContext
    let api: OperatorAPI

    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let deadline = ContinuousClock.now + .seconds(15)
        var request = request
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: OperatorAPI.bodyLimit)
        } catch is NIOTooManyBytesError {
            throw OperatorRefusal(
                .contentTooLarge, "PayloadTooLarge",
                "The body may have \(OperatorAPI.bodyLimit) bytes")
        }
        request.body = RequestBody(buffer: body)
        while true {
            let left = deadline - ContinuousClock.now
            guard left > .zero else { throw Unavailable(reason: .noLeader, retryAfterSeconds: 1) }
            do {
                switch await api.node.destination(of: .directory, within: min(left, .seconds(5))) {
                case .here: return try await next(request, context)
                case .nobody: throw Unavailable(reason: .noLeader, retryAfterSeconds: 1)
                case .node(let leader):
                    // Whoever was sent here and finds somebody else leading says so, instead of sending it round.
                    if context.isHandedOn { throw NotLeader(leader: leader) }
                    return try await handOn(request, body, to: leader, within: left)
                }
            } catch let error as NotLeader {
                if context.isHandedOn { throw error }
            } catch is OutcomeUnknown where request.method == .get {
                // Looking does no harm twice.
            } catch let error as Unavailable where error.reason == .busy && !context.isHandedOn {
                // A hand-over, as a rule.
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func handOn(
        _ request: Request, _ body: ByteBuffer, to leader: NodeID, within time: Duration
    ) async throws -> Response {
        let call = PeerRequest(
            service: .operator, shard: .directory, deadline: time,
            method: request.method.rawValue, target: request.head.path ?? "/",
            headers: request.headers[.contentType].map {
                [PeerRequest.Header(name: "Content-Type", value: $0)]
            } ?? [], body: body)
        switch await api.node.call(leader, call) {
        case .notSent: throw NotLeader(leader: nil)
        case .lost: throw OutcomeUnknown()
        case .replied(let reply):
            switch reply.outcome {
            case .answered: return APIAnswer(reply).response
            case .notLeader, .behind, .busy: throw NotLeader(leader: nil)
            case .unknown: throw OutcomeUnknown()
            }
        }
    }
}

extension OperatorAPI {
    /// Answers what an operator asked of another node, which has let them in.
    package func answer(_ call: PeerRequest) async -> PeerReply {
        if call.service == .node { return await answerNode(call) }
        guard let method = HTTPRequest.Method(call.method) else { return PeerReply(.busy) }
        var head = HTTPRequest(
            method: method, scheme: "http", authority: "operator", path: call.target)
        for header in call.headers {
            if let name = HTTPField.Name(header.name) {
                head.headerFields.append(HTTPField(name: name, value: header.value))
            }
        }
        let request = Request(head: head, body: RequestBody(buffer: call.body))
        let context = OperatorContext(handedOn: logger)
        do {
            let response = try await responder.respond(to: request, context: context)
            let body = BodyCollector()
            try await response.body.write(body)
            return PeerReply(
                .answered, status: UInt16(response.status.code),
                headers: response.headers.map {
                    PeerRequest.Header(name: $0.name.rawName, value: $0.value)
                }, body: body.collected)
        } catch is NotLeader {
            return PeerReply(.notLeader)
        } catch is OutcomeUnknown {
            return PeerReply(.unknown)
        } catch { return PeerReply(.busy) }
    }

    private func answerNode(_ call: PeerRequest) async -> PeerReply {
        switch call.target {
        case Self.tasksTarget: return await answerTask(call)
        case Self.standingTarget:
            return PeerReply(.answered, status: 200, body: standingHere())
        case Self.transferTarget: return await answerTransfer(call)
        case Self.checkTarget: return await answerCheck(call)
        default: return PeerReply(.answered, status: 404)
        }
    }
}

/// Gathers an answer's body.
private final class BodyCollector: ResponseBodyWriter {
    var collected = ByteBuffer()
    func write(_ buffer: ByteBuffer) async throws { collected.writeImmutableBuffer(buffer) }
    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
