import Logging
import NIOCore
import Synchronization
import Threads
package import Wire

/// How a call to another node ended, for who decides whether to try again.
package enum PeerOutcome: Sendable {
    case replied(PeerReply)
    /// Nothing left this node.
    case notSent
    /// It may have been carried out: the link was lost, or time ran out.
    case lost
}

/// Requests between nodes, many at a time over one link, each with an end in time.
final class PeerCalls: Sendable {
    /// Carries out what other nodes ask.
    typealias Handler = @Sendable (PeerRequest) async -> PeerReply

    private struct Waiting {
        let node: NodeID
        let deadline: UInt64
        let continuation: CheckedContinuation<PeerOutcome, Never>
        var reply: Partial?
    }

    /// A body that comes in pieces.
    private struct Partial {
        let head: ByteBuffer
        let length: Int
        var body: ByteBuffer
        /// When what is still missing is waited for no longer, of the monotonic clock.
        var deadline = UInt64.max
        var isWhole: Bool { body.readableBytes == length }

        /// - Returns: whether this was the last.
        /// - Throws: when it is more than was announced.
        mutating func add(_ piece: ByteBuffer) throws(DecodingFault) -> Bool {
            guard body.readableBytes + piece.readableBytes <= length else {
                throw .invalid("piece's length")
            }
            body.writeImmutableBuffer(piece)
            return isWhole
        }
    }

    private struct State {
        var nextCall: UInt64 = 1
        var waiting: [UInt64: Waiting] = [:]
        var incoming: [Incoming: Partial] = [:]
        var incomingBytes = 0
        var running = 0
    }

    private struct Incoming: Hashable {
        let node: NodeID
        let call: UInt64
    }

    /// The longest body: that of an upload, with room to spare.
    static let bodyLimit = 64 << 20
    /// Bodies under way from all nodes together.
    private static let incomingLimit = 256 << 20
    /// Calls carried out at a time; more are told to come again.
    private static let runningLimit = 8192

    private let state = Mutex(State())
    private let sender: any PeerSender
    private let handler = Mutex<HandlerBox?>(nil)

    /// A closure in a mutex would be wrapped once more by every look at it.
    private final class HandlerBox: Sendable {
        let body: Handler
        init(_ body: @escaping Handler) { self.body = body }
    }

    init(sender: any PeerSender) { self.sender = sender }

    /// Room that is kept for bodies of which pieces are missing, in bytes.
    var incomingBytes: Int { state.withLock { $0.incomingBytes } }

    func setHandler(_ body: @escaping Handler) { handler.withLock { $0 = HandlerBox(body) } }

    // MARK: Calling

    func call(_ node: NodeID, _ request: PeerRequest) async -> PeerOutcome {
        let deadline =
            monotonicNanoseconds() + UInt64(request.deadlineMilliseconds) * 1_000_000
        return await withCheckedContinuation { continuation in
            let call = state.withLock { state in
                let call = state.nextCall
                state.nextCall += 1
                state.waiting[call] = Waiting(
                    node: node, deadline: deadline, continuation: continuation)
                return call
            }
            let frames = PeerCallFrames.frames(
                call: call, head: request.encodedHead(), body: request.body)
            for (place, frame) in frames.enumerated() {
                let kind: FrameKind = place == 0 ? .request : .requestBody
                if !sender.send(kind, frame, to: node, over: .requests) {
                    // A request of which a part is missing is never carried out.
                    finish(call, .notSent)
                    return
                }
            }
        }
    }

    private func finish(_ call: UInt64, _ outcome: PeerOutcome) {
        let waiting = state.withLock { $0.waiting.removeValue(forKey: call) }
        waiting?.continuation.resume(returning: outcome)
    }

    /// Gives up what has waited to its end: calls without an answer, and bodies whose caller has given up sending them.
    func tick(now: UInt64) {
        let late = state.withLock { state -> [Waiting] in
            let calls = state.waiting.filter { $0.value.deadline <= now }
            for call in calls.keys { state.waiting[call] = nil }
            for (incoming, partial) in state.incoming where partial.deadline <= now {
                drop(incoming, &state)
            }
            return Array(calls.values)
        }
        for waiting in late { waiting.continuation.resume(returning: .lost) }
    }

    /// The link to a node is gone: nobody answers what was asked over it.
    func disconnected(_ node: NodeID) {
        let lost = state.withLock { state -> [Waiting] in
            let calls = state.waiting.filter { $0.value.node == node }
            for call in calls.keys { state.waiting[call] = nil }
            for incoming in state.incoming.keys where incoming.node == node {
                drop(incoming, &state)
            }
            return Array(calls.values)
        }
        for waiting in lost { waiting.continuation.resume(returning: .lost) }
    }

    private func drop(_ incoming: Incoming, _ state: inout State) {
        guard let partial = state.incoming.removeValue(forKey: incoming) else { return }
        state.incomingBytes -= partial.length
    }

    // MARK: Frames, on the event loop

    func received(_ kind: FrameKind, _ body: ByteBuffer, from node: NodeID) throws(DecodingFault) {
        switch kind {
        case .request:
            let first = try PeerCallFrames.first(body, bodyLimit: Self.bodyLimit)
            let partial = Partial(head: first.head, length: first.bodyLength, body: first.piece)
            if partial.isWhole {
                try carryOut(first.call, partial, from: node)
            } else {
                try keep(partial, Incoming(node: node, call: first.call))
            }
        case .requestBody:
            let (call, piece) = try PeerCallFrames.next(body)
            if let whole = try add(piece, to: Incoming(node: node, call: call)) {
                try carryOut(call, whole, from: node)
            }
        case .response:
            let first = try PeerCallFrames.first(body, bodyLimit: Self.bodyLimit)
            let partial = Partial(head: first.head, length: first.bodyLength, body: first.piece)
            if partial.isWhole {
                finish(first.call, .replied(try PeerReply(head: partial.head, body: partial.body)))
            } else {
                state.withLock { $0.waiting[first.call]?.reply = partial }
            }
        case .responseBody:
            let (call, piece) = try PeerCallFrames.next(body)
            let whole = try state.withLock { state throws(DecodingFault) -> Partial? in
                // In its place: a copy would copy the body with every piece.
                guard try state.waiting[call]?.reply?.add(piece) == true else { return nil }
                return state.waiting[call]?.reply
            }
            if let whole {
                finish(call, .replied(try PeerReply(head: whole.head, body: whole.body)))
            }
        default: preconditionFailure("\(kind) is not a call's")
        }
    }

    private func keep(_ partial: Partial, _ incoming: Incoming) throws(DecodingFault) {
        var partial = partial
        let request = try PeerRequest(head: partial.head, body: ByteBuffer())
        partial.deadline =
            monotonicNanoseconds() + UInt64(request.deadlineMilliseconds) * 1_000_000
        let isKept = state.withLock { state in
            guard state.incomingBytes + partial.length <= Self.incomingLimit else { return false }
            drop(incoming, &state)
            state.incomingBytes += partial.length
            state.incoming[incoming] = partial
            return true
        }
        if !isKept { reply(PeerReply(.busy), to: incoming.call, incoming.node) }
    }

    private func add(_ piece: ByteBuffer, to incoming: Incoming) throws(DecodingFault) -> Partial? {
        try state.withLock { state throws(DecodingFault) -> Partial? in
            do throws(DecodingFault) {
                guard try state.incoming[incoming]?.add(piece) == true else { return nil }
            } catch {
                drop(incoming, &state)
                throw error
            }
            let whole = state.incoming[incoming]
            drop(incoming, &state)
            return whole
        }
    }

    private func carryOut(_ call: UInt64, _ whole: Partial, from node: NodeID) throws(DecodingFault)
    {
        let request = try PeerRequest(head: whole.head, body: whole.body)
        guard let handler = handler.withLock({ $0 })?.body else {
            reply(PeerReply(.busy), to: call, node)
            return
        }
        let isFree = state.withLock { state in
            guard state.running < Self.runningLimit else { return false }
            state.running += 1
            return true
        }
        guard isFree else {
            reply(PeerReply(.busy), to: call, node)
            return
        }
        Task {
            let answer = await handler(request)
            state.withLock { $0.running -= 1 }
            reply(answer, to: call, node)
        }
    }

    private func reply(_ reply: PeerReply, to call: UInt64, _ node: NodeID) {
        let frames = PeerCallFrames.frames(call: call, head: reply.encodedHead(), body: reply.body)
        for (place, frame) in frames.enumerated() {
            let kind: FrameKind = place == 0 ? .response : .responseBody
            // The link is gone, or full: the caller's deadline ends its wait.
            guard sender.send(kind, frame, to: node, over: .requests) else { return }
        }
    }
}
