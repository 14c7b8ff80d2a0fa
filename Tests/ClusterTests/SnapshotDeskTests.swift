import Consensus
import Foundation
import Logging
import NIOCore
import ServiceDesk
import ShardStore
import Synchronization
import Testing
import Transport
import Wire

@testable import Cluster

/// Carries a desk's frames to another one inside the test, as long as it is not cut.
private final class Wire: PeerSender {
    struct Cut: Error {}
    private struct State {
        var other: SnapshotDesk?
        /// Frames of the bulk link that still go through; nil for no end.
        var left: Int?
        var chunks = 0
        var mangle: @Sendable (FrameKind, ByteBuffer) throws -> ByteBuffer = { $1 }
    }
    private let own: NodeID
    private let state = Mutex(State())

    init(own: NodeID) { self.own = own }
    func lead(to desk: SnapshotDesk) { state.withLock { $0.other = desk } }
    func cut(after frames: Int?) { state.withLock { $0.left = frames } }
    var chunks: Int { state.withLock { $0.chunks } }
    func mangle(_ body: @escaping @Sendable (FrameKind, ByteBuffer) throws -> ByteBuffer) {
        state.withLock { $0.mangle = body }
    }

    func send(_ kind: FrameKind, _ body: ByteBuffer, to node: NodeID, over link: LinkKind) -> Bool {
        do {
            try state.withLock { $0.other }?.received(kind, body, from: own)
            return true
        } catch { return false }
    }

    func sendBulk(_ kind: FrameKind, _ body: ByteBuffer, to node: NodeID) async throws {
        let (other, mangle) = try state.withLock { state in
            if let left = state.left {
                if left == 0 { throw Cut() }
                state.left = left - 1
            }
            if kind == .snapshotChunk { state.chunks += 1 }
            return (state.other, state.mangle)
        }
        try other?.received(kind, mangle(kind, body), from: own)
    }
}

/// One node's rows and desk, and another one that gets them.
private final class Bench: Sendable {
    static let shard = ShardID(rawValue: 3)
    static let one = NodeID(rawValue: 1)
    static let two = NodeID(rawValue: 2)
    private static let time = Timestamp(milliseconds: 1_790_000_000_123)
    private static let schema = ShardSchema(
        name: "test",
        steps: [
            SchemaStep(
                number: 1,
                sql: """
                    CREATE TABLE notes(tenant INTEGER NOT NULL, id INTEGER NOT NULL, text TEXT NOT NULL,
                        PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID
                    """)
        ])

    let folder = FileManager.default.temporaryDirectory.appending(path: "desk-\(UUID())")
    let out = Wire(own: one)
    let back = Wire(own: two)
    let order: SnapshotOrder
    let hash: UInt64
    let pieces: Int
    private let sender: SnapshotDesk
    private let receiver: SnapshotDesk
    private let ends: AsyncStream<Bool>
    /// What was installed: the entry and the state hash its rows stand at.
    let installed = Mutex<[UInt64]>([])
    /// Whether the sender's log still reaches back to its copy.
    let reachesBack = Atomic(true)

    init() throws {
        let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        try FileManager.default.createDirectory(
            at: folder.appending(path: "in"), withIntermediateDirectories: true)
        let path = folder.appending(path: "3.rows").path
        let store = try ShardStore(
            path: path, shard: Self.shard, schema: Self.schema, now: Self.time,
            options: ShardStoreOptions(syncsCommits: false))
        _ = try store.prepare(
            [
                ShardRequest(tenant: TenantID(rawValue: 1)) { rows in
                    for id in 1...1200 {
                        try rows.run(
                            "INSERT INTO notes(tenant, id, text) VALUES (?1, ?2, ?3)", id,
                            String(repeating: "x", count: 4000))
                    }
                }
            ], now: Self.time)
        try store.commit()
        try store.checkpoint()
        hash = store.stateHash.sum
        let index = store.appliedIndex
        let from = ReplicaID(number: 1, on: Self.one)
        let to = ReplicaID(number: 1, on: Self.two)
        order = SnapshotOrder(
            shard: Self.shard, from: from, to: to, term: Term(rawValue: 4), path: path)
        let copy = folder.appending(path: "copy").path
        try ShardReaderConnection(path: path).snapshot(to: copy)
        let size = try FileManager.default.attributesOfItem(atPath: copy)[.size] as? Int
        pieces = (try #require(size) + SnapshotChunk.size - 1) / SnapshotChunk.size
        let (ends, told) = AsyncStream.makeStream(of: Bool.self)
        self.ends = ends
        // However busy the machine is: nothing here is given up for being slow.
        let patience: UInt64 = 600_000_000_000
        sender = SnapshotDesk(firstTransfer: 100, patience: patience, logger: quiet)
        receiver = SnapshotDesk(firstTransfer: 900, patience: patience, logger: quiet)
        out.lead(to: receiver)
        back.lead(to: sender)
        sender.start(
            SnapshotDesk.Node(
                sender: out,
                head: { [self] _, at in
                    guard at == index, reachesBack.load(ordering: .relaxed) else { return nil }
                    return SnapshotHead(
                        position: LogPosition(index: index, term: Term(rawValue: 3)),
                        configuration: Configuration(voters: [from, to]))
                }, sent: { told.yield($1) }, install: { _, _ in false }, folder: folder.path,
                schema: { _ in Self.schema }, clock: { Self.time }))
        receiver.start(
            SnapshotDesk.Node(
                sender: back, head: { _, _ in nil }, sent: { _, _ in },
                install: { [self] begin, path in
                    guard let rows = try? ShardReaderConnection(path: path),
                        let (_, hash) = try? rows.standing(), begin.head.position.index == index
                    else { return false }
                    installed.withLock { $0.append(hash) }
                    return true
                }, folder: folder.appending(path: "in").path, schema: { _ in Self.schema },
                clock: { Self.time }))
    }

    /// Sends the rows and says whether they were taken.
    func send() async -> Bool? {
        sender.send(order)
        for await end in ends { return end }
        return nil
    }

    static func with(_ body: (Bench) async throws -> Void) async throws {
        let bench = try Bench()
        do { try await body(bench) } catch {
            bench.remove()
            throw error
        }
        bench.remove()
    }

    private func remove() {
        sender.stop()
        receiver.stop()
        try? FileManager.default.removeItem(at: folder)
    }
}

struct SnapshotDeskTests {
    @Test func rowsArriveWhole() async throws {
        try await Bench.with { bench in
            #expect(await bench.send() == true)
            #expect(bench.installed.withLock { $0 } == [bench.hash])
            #expect(bench.out.chunks == bench.pieces)
            #expect(bench.pieces > 12)
        }
    }

    @Test(arguments: [1, 2, 9, 13]) func aTransferThatWasCutGoesOnWhereItWas(frames: Int)
        async throws
    {
        try await Bench.with { bench in
            bench.out.cut(after: frames)
            #expect(await bench.send() == false)
            bench.out.cut(after: nil)
            #expect(await bench.send() == true)
            #expect(bench.installed.withLock { $0 } == [bench.hash])
            #expect(bench.out.chunks == bench.pieces)
            // What is done is forgotten: the next one begins anew.
            #expect(await bench.send() == true)
            #expect(bench.out.chunks == 2 * bench.pieces)
        }
    }

    @Test func aCopyThatTheLogDoesNotReachBackToIsMadeAnew() async throws {
        try await Bench.with { bench in
            bench.out.cut(after: 6)
            #expect(await bench.send() == false)
            bench.out.cut(after: nil)
            bench.reachesBack.store(false, ordering: .relaxed)
            #expect(await bench.send() == false)
            bench.reachesBack.store(true, ordering: .relaxed)
            #expect(await bench.send() == true)
            #expect(bench.out.chunks == 5 + bench.pieces)
            #expect(bench.installed.withLock { $0 } == [bench.hash])
        }
    }

    /// Its checksum is right, as a sender's whose disk is not would be.
    @Test func rowsThatAreNotWhatTheyAreSaidToBeAreRefused() async throws {
        try await Bench.with { bench in
            bench.out.mangle { kind, body in
                guard kind == .snapshotChunk else { return body }
                let chunk = try SnapshotChunk.decode(body)
                guard chunk.offset == 2 << 20 else { return body }
                var bytes = Array(chunk.bytes.readableBytesView)
                let run = [UInt8](repeating: 0x78, count: 64)
                let place = (0..<bytes.count - 64).first { Array(bytes[$0..<$0 + 64]) == run }
                bytes[try #require(place) + 8] = 0x79
                return SnapshotChunk(
                    transfer: chunk.transfer, offset: chunk.offset, bytes: ByteBuffer(bytes: bytes)
                ).encoded()
            }
            #expect(await bench.send() == false)
            bench.out.mangle { kind, body in
                guard kind == .snapshotBegin else { return body }
                var begin = try SnapshotBegin.decode(body)
                begin.stateHash ^= 1
                return begin.encoded()
            }
            #expect(await bench.send() == false)
            bench.out.mangle { kind, body in
                guard kind == .snapshotBegin else { return body }
                var begin = try SnapshotBegin.decode(body)
                begin.byteCount += 1
                return begin.encoded()
            }
            #expect(await bench.send() == false)
            #expect(bench.installed.withLock { $0 } == [])
            bench.out.mangle { $1 }
            #expect(await bench.send() == true)
            #expect(bench.installed.withLock { $0 } == [bench.hash])
        }
    }
}
