import NIOCore
import Synchronization
import Testing
import Threads
import Transport
import Wire

@testable import Cluster

/// Carries frames between two nodes' calls inside the test, as long as it is not cut.
private final class Wires: PeerSender {
    struct Cut: Error {}
    private let other = Mutex<PeerCalls?>(nil)
    private let own: NodeID
    /// Frames that still go through; nil for no end.
    let left = Mutex<Int?>(nil)

    init(own: NodeID) { self.own = own }
    func lead(to calls: PeerCalls) { other.withLock { $0 = calls } }

    func send(_ kind: FrameKind, _ body: ByteBuffer, to node: NodeID, over link: LinkKind) -> Bool {
        let goes = left.withLock { left in
            guard let count = left else { return true }
            left = max(0, count - 1)
            return count > 0
        }
        guard goes else { return false }
        do { try other.withLock { $0 }?.received(kind, body, from: own) } catch {
            Issue.record("\(error)")
        }
        return true
    }

    func sendBulk(_ kind: FrameKind, _ body: ByteBuffer, to node: NodeID) async throws {
        throw Cut()
    }
}

struct PeerCallsTests {
    private let a = NodeID(rawValue: 1)
    private let b = NodeID(rawValue: 2)
    private let outward: Wires
    private let back: Wires
    private let caller: PeerCalls
    private let called: PeerCalls

    init() {
        outward = Wires(own: a)
        back = Wires(own: b)
        caller = PeerCalls(sender: outward)
        called = PeerCalls(sender: back)
        outward.lead(to: called)
        back.lead(to: caller)
    }

    private func request(_ length: Int = 0) -> PeerRequest {
        PeerRequest(
            service: .support, shard: .directory, deadline: .seconds(5), method: "POST",
            target: "/x", body: ByteBuffer(repeating: 7, count: length))
    }

    @Test(arguments: [0, 100, 1_000_000])
    func aCallIsCarriedOutAndAnswered(length: Int) async throws {
        called.setHandler { request in
            PeerReply(.answered, status: 200, body: request.body)
        }
        guard case .replied(let reply) = await caller.call(b, request(length)) else {
            Issue.record("no reply")
            return
        }
        #expect(reply.status == 200 && reply.body == ByteBuffer(repeating: 7, count: length))
    }

    @Test func withoutALinkNothingIsSent() async {
        outward.left.withLock { $0 = 0 }
        guard case .notSent = await caller.call(b, request()) else {
            Issue.record("it was sent")
            return
        }
    }

    /// Half a request must never be carried out, or "not sent" would be a lie.
    @Test func aRequestThatIsCutShortIsNotCarriedOut() async {
        let calls = Mutex(0)
        called.setHandler { _ in
            calls.withLock { $0 += 1 }
            return PeerReply(.answered)
        }
        outward.left.withLock { $0 = 2 }
        guard case .notSent = await caller.call(b, request(1_000_000)) else {
            Issue.record("it was sent")
            return
        }
        #expect(calls.withLock { $0 } == 0)
    }

    @Test func whoeverWaitsHearsThatTheLinkIsLost() async {
        await losesAnUnansweredCall { caller.disconnected(b) }
    }

    @Test func nobodyWaitsBeyondTheDeadline() async {
        await losesAnUnansweredCall { caller.tick(now: monotonicNanoseconds() + 6_000_000_000) }
    }

    /// A call that has arrived, whose answer cannot come back, ends as lost after `end`.
    private func losesAnUnansweredCall(_ end: () -> Void) async {
        let (calls, isCalled) = AsyncStream.makeStream(of: Void.self)
        called.setHandler { _ in
            isCalled.yield()
            return PeerReply(.answered)
        }
        back.left.withLock { $0 = 0 }
        async let outcome = caller.call(b, request())
        for await _ in calls { break }
        end()
        guard case .lost = await outcome else {
            Issue.record("not lost")
            return
        }
    }

    @Test func aPieceThatWasNotAnnouncedIsRefused() throws {
        let frames = PeerCallFrames.frames(
            call: 1, head: request().encodedHead(),
            body: ByteBuffer(repeating: 1, count: PeerCallFrames.pieceLimit + 1))
        try called.received(.request, frames[0], from: a)
        var longer = frames[1]
        longer.writeBytes([1, 2])
        #expect(throws: DecodingFault.invalid("piece's length")) {
            try called.received(.requestBody, longer, from: a)
        }
    }

    /// The link stays, the caller's link was full for a moment: what came of the request must not take up room for ever.
    @Test func aRequestThatIsNeverSentToItsEndIsForgotten() async throws {
        called.setHandler { _ in PeerReply(.answered) }
        outward.left.withLock { $0 = 2 }
        guard case .notSent = await caller.call(b, request(1_000_000)) else {
            Issue.record("it was sent")
            return
        }
        #expect(called.incomingBytes == 1_000_000)
        called.tick(now: monotonicNanoseconds() + 4_000_000_000)
        #expect(called.incomingBytes == 1_000_000)
        called.tick(now: monotonicNanoseconds() + 5_000_000_000)
        #expect(called.incomingBytes == 0)
    }
}
