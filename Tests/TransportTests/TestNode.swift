import Certificates
import Foundation
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Transport
import Wire

/// What a handler was told, in order.
enum Told: Equatable {
    case frame(FrameKind, [UInt8], NodeID, LinkKind)
    case up(NodeID, LinkKind, life: UInt64)
    case down(NodeID, LinkKind, LinkFault)
}

/// Keeps what it is told, and lets a test wait for it.
final class Recorder: PeerHandler {
    struct Late: Error, CustomStringConvertible {
        let description: String
    }

    private struct Waiter {
        let number: Int
        let isDone: @Sendable ([Told]) -> Bool
        let continuation: CheckedContinuation<[Told], any Error>
    }

    private struct State {
        var told: [Told] = []
        var waiters: [Waiter] = []
        var next = 0
    }

    private let state = Mutex(State())
    private let onFrame: @Sendable (FrameKind, ByteBuffer, NodeID, LinkKind) -> Bool

    /// `onFrame` may take a frame, by answering true; then it is not kept.
    init(
        onFrame: @escaping @Sendable (FrameKind, ByteBuffer, NodeID, LinkKind) -> Bool = {
            _, _, _, _ in false
        }
    ) {
        self.onFrame = onFrame
    }

    var told: [Told] { state.withLock { $0.told } }
    var frames: [[UInt8]] {
        told.compactMap { if case .frame(_, let body, _, _) = $0 { body } else { nil } }
    }

    func received(_ kind: FrameKind, _ body: ByteBuffer, from node: NodeID, over link: LinkKind) {
        if onFrame(kind, body, node, link) { return }
        note(.frame(kind, Array(body.readableBytesView), node, link))
    }

    func linkUp(_ node: NodeID, _ link: LinkKind, hello: Hello) {
        note(.up(node, link, life: hello.life))
    }

    func linkDown(_ node: NodeID, _ link: LinkKind, reason: LinkFault) {
        note(.down(node, link, reason))
    }

    /// Everything told once `isDone` says so; throws after `seconds`.
    @discardableResult
    func wait(
        _ what: String, seconds: Int64 = 60, until isDone: @escaping @Sendable ([Told]) -> Bool
    ) async throws -> [Told] {
        try await withCheckedThrowingContinuation { continuation in
            let number: Int? = state.withLock { state in
                if isDone(state.told) { return nil }
                state.next += 1
                state.waiters.append(
                    Waiter(number: state.next, isDone: isDone, continuation: continuation))
                return state.next
            }
            guard let number else {
                continuation.resume(returning: told)
                return
            }
            MultiThreadedEventLoopGroup.singleton.next().scheduleTask(in: .seconds(seconds)) {
                let late = self.state.withLock { state in
                    state.waiters.firstIndex { $0.number == number }.map {
                        state.waiters.remove(at: $0)
                    }
                }
                let text = "\(what) did not happen; told: \(self.told.suffix(12))"
                late?.continuation.resume(throwing: Late(description: text))
            }
        }
    }

    private func note(_ event: Told) {
        let (told, ready) = state.withLock { state in
            state.told.append(event)
            let told = state.told
            let ready = state.waiters.filter { $0.isDone(told) }
            state.waiters.removeAll { $0.isDone(told) }
            return (told, ready)
        }
        for waiter in ready { waiter.continuation.resume(returning: told) }
    }
}

extension [Told] {
    func isUp(_ node: NodeID, _ kind: LinkKind) -> Bool {
        last(where: {
            switch $0 {
            case .up(node, kind, _), .down(node, kind, _): true
            default: false
            }
        }).map { if case .up = $0 { true } else { false } } ?? false
    }
    func downs(_ node: NodeID, _ kind: LinkKind) -> [LinkFault] {
        compactMap { if case .down(node, kind, let fault) = $0 { fault } else { nil } }
    }
}

let testCluster = ClusterID(bytes: 0xa0..<0xb0)
let one = NodeID(rawValue: 1)
let two = NodeID(rawValue: 2)
let three = NodeID(rawValue: 3)

/// Microseconds since the tests began.
let testClock: @Sendable () -> Int64 = {
    let began = ContinuousClock.now
    return { Int64((ContinuousClock.now - began) / .microseconds(1)) }
}()

func wallClock() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(seconds: Int64(time.tv_sec))
}

extension ClusterAuthority {
    /// A node's credentials under this authority, trusting it and `others`.
    func credentials(
        _ node: NodeID, trusting others: [ClusterAuthority] = [], now: Timestamp = wallClock(),
        validity: Duration = .seconds(86_400)
    ) throws -> NodeCredentials {
        let issued = try issueNode(
            node, zone: "zone-\(node)", hosts: ["127.0.0.1"], validity: validity, now: now)
        return NodeCredentials(
            caPEM: ([self] + others).map(\.certificatePEM).joined(),
            certificatePEM: issued.certificatePEM, keyPEM: issued.keyPEM)
    }

    static func forTests(_ cluster: ClusterID = testCluster) throws -> ClusterAuthority {
        try make(cluster: cluster, now: wallClock())
    }
}

func serial(_ credentials: NodeCredentials) throws -> String {
    try NodeCertificate(pem: credentials.certificatePEM).serial
}

/// A transport on a port of its own, ticked fifty times a second.
final class TestNode: Sendable {
    let id: NodeID
    let transport: PeerTransport
    let recorder: Recorder
    let port: Int
    private let ticker: RepeatedTask

    var address: PeerAddress { PeerAddress(host: "127.0.0.1", port: port) }

    static var quick: TransportOptions {
        var options = TransportOptions()
        options.shortestBackoff = 5_000
        options.longestBackoff = 40_000
        options.tickInterval = 20_000
        return options
    }

    init(
        _ id: NodeID, _ credentials: NodeCredentials, cluster: ClusterID = testCluster,
        life: UInt64 = 1, port: Int = 0, options: TransportOptions = TestNode.quick,
        recorder: Recorder = Recorder(), group: MultiThreadedEventLoopGroup = .singleton
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        self.id = id
        self.recorder = recorder
        let transport = try PeerTransport(
            local: LocalNode(cluster: cluster, node: id, life: life, zone: "zone-\(id)"),
            credentials: credentials, listen: PeerAddress(host: "127.0.0.1", port: port),
            options: options, group: group, handler: recorder,
            clock: testClock, logger: logger)
        self.transport = transport
        self.port = try await transport.start()
        ticker = MultiThreadedEventLoopGroup.singleton.next().scheduleRepeatedTask(
            initialDelay: .milliseconds(20), delay: .milliseconds(20)
        ) { _ in transport.tick() }
    }

    func know(_ others: TestNode...) {
        transport.setPeers(
            Dictionary(uniqueKeysWithValues: others.map { ($0.id, $0.address) }))
    }

    func send(_ body: [UInt8], to node: NodeID, over link: LinkKind = .log) -> Bool {
        transport.send(.replica, ByteBuffer(bytes: body), to: node, over: link)
    }

    func waitUp(_ node: NodeID, _ kinds: LinkKind...) async throws {
        try await recorder.wait("link of \(id) to \(node)") { told in
            kinds.allSatisfy { told.isUp(node, $0) }
        }
    }

    func stop() async {
        ticker.cancel()
        await transport.shutdown()
    }
}

/// Waits, turn by turn of an event loop, until something that nobody announces is so.
func eventually(
    _ what: String, seconds: Int64 = 60, _ isSo: @escaping @Sendable () -> Bool
) async throws {
    let end = testClock() + seconds * 1_000_000
    while !isSo() {
        guard testClock() < end else { throw Recorder.Late(description: what) }
        try await MultiThreadedEventLoopGroup.singleton.next()
            .scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
    }
}
