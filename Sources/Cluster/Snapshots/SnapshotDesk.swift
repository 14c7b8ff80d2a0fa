import Consensus
import Glibc
import Logging
import NIOCore
import ShardStore
import Synchronization
import Threads
import Wire

/// Sends and receives snapshots of shards, on threads of its own, so that neither a lane nor a link waits for a file.
///
/// The sender copies the rows from a reading connection (`VACUUM INTO`), asks the lane what that copy stands for, and sends it in
/// pieces, a few ahead of what the receiver has written. The receiver checks every piece, then the whole: the entry it stands at and the
/// state hash, recomputed from the rows. Only then the lane hears of it. One transfer at a time in each direction; a second wish waits.
///
/// A transfer that was cut goes on where it was: both sides keep what they have for a while, under the transfer's number, and the
/// receiver's first answer says what is missing.
final class SnapshotDesk: Sendable {
    /// What the desk asks of the node. All of it may block.
    struct Node: Sendable {
        let sender: any PeerSender
        /// What a copy of a shard's rows at an entry stands for; nil when the log does not reach back to it.
        let head: @Sendable (ShardID, LogIndex) -> SnapshotHead?
        /// How the sending of a snapshot ended.
        let sent: @Sendable (SnapshotOrder, Bool) -> Void
        /// Puts a file that is whole and checked in place of a shard's rows; false when it is not wanted.
        let install: @Sendable (SnapshotBegin, String) -> Bool
        let folder: String
        let schema: @Sendable (ShardID) -> ShardSchema
        let clock: @Sendable () -> Timestamp
    }

    /// A copy of a shard's rows that is being sent, or was.
    private struct Copy {
        let transfer: UInt64
        let to: ReplicaID
        let from: ReplicaID
        let path: String
        let index: LogIndex
        let hash: UInt64
        let size: UInt64
        let made: UInt64
    }

    private struct Incoming {
        var begin: SnapshotBegin
        let node: NodeID
        let path: String
        let file: Int32
        var received: UInt64
    }

    private enum Arrival: Sendable {
        case begin(SnapshotBegin, NodeID)
        case chunk(SnapshotChunk, NodeID)
        case end(transfer: UInt64, NodeID)
    }

    private struct State {
        var node: Node?
        var orders: [SnapshotOrder] = []
        /// The transfer under way, and the last that was said to it.
        var transfer: UInt64?
        var answer: SnapshotAnswer?
        var arrivals: [Arrival] = []
        var nextTransfer: UInt64
        var isStopping = false
        var running = 2
    }

    /// Pieces sent ahead of what is acknowledged.
    private static let window = UInt64(8 * SnapshotChunk.size)
    private static let arrivalLimit = 64
    /// What is left of a transfer that was cut is kept for so long.
    private static let keeping: UInt64 = 600_000_000_000

    private let monitor: Monitor<State>
    private let patience: UInt64
    private let logger: Logger

    /// - Parameters:
    ///   - firstTransfer: where this process' numbers begin, so that an answer to an earlier one is not taken for its own.
    ///   - patience: a receiver, or a link, that says nothing for so many nanoseconds is given up.
    init(firstTransfer: UInt64, patience: UInt64 = 10_000_000_000, logger: Logger) {
        self.patience = patience
        self.logger = logger
        monitor = Monitor(State(nextTransfer: firstTransfer))
    }

    func start(_ node: Node) {
        monitor.broadcast { $0.node = node }
        startThread(named: "snapshot-out") { [self] in
            sendAll(node)
            monitor.broadcast { $0.running -= 1 }
        }
        startThread(named: "snapshot-in") { [self] in
            receiveAll(node)
            monitor.broadcast { $0.running -= 1 }
        }
    }

    /// Blocks until the threads have ended.
    func stop() {
        monitor.broadcast { $0.isStopping = true }
        monitor.wait { $0.running == 0 || $0.node == nil ? () : nil }
    }

    // MARK: From any thread

    func send(_ order: SnapshotOrder) { monitor.broadcast { $0.orders.append(order) } }

    /// A frame from the bulk link.
    func received(_ kind: FrameKind, _ body: ByteBuffer, from node: NodeID) throws {
        switch kind {
        case .snapshotBegin: arrive(.begin(try SnapshotBegin.decode(body), node))
        case .snapshotChunk: arrive(.chunk(try SnapshotChunk.decode(body), node))
        case .snapshotEnd:
            var body = body
            guard let transfer = body.readInteger(endianness: .little, as: UInt64.self) else {
                throw DecodingFault.truncated
            }
            arrive(.end(transfer: transfer, node))
        case .snapshotAnswer:
            let answer = try SnapshotAnswer.decode(body)
            // To a transfer that is over, or never was, nobody listens.
            monitor.broadcast { state in
                if state.transfer == answer.transfer { state.answer = answer }
            }
        default: preconditionFailure("\(kind) is not a snapshot's")
        }
    }

    private func arrive(_ arrival: Arrival) {
        monitor.broadcast { state in
            // The window keeps an honest sender far below this.
            if state.arrivals.count < Self.arrivalLimit { state.arrivals.append(arrival) }
        }
    }

    // MARK: Sending

    private func sendAll(_ node: Node) {
        var kept: [ShardID: Copy] = [:]
        defer { for copy in kept.values { unlink(copy.path) } }
        while true {
            let deadline = monotonicNanoseconds() + Self.keeping
            let order: SnapshotOrder?? = monitor.wait(until: deadline) { state in
                if state.isStopping { return .some(nil) }
                return state.orders.isEmpty ? nil : .some(state.orders.removeFirst())
            }
            for (shard, copy) in kept where monotonicNanoseconds() - copy.made > Self.keeping {
                unlink(copy.path)
                kept[shard] = nil
            }
            guard let order else { continue }
            guard let order else { return }
            var succeeded = false
            do {
                succeeded = try send(order, &kept, node)
            } catch {
                logger.warning(
                    "snapshot was not sent",
                    metadata: [
                        "shard": "\(order.shard)", "to": "\(order.to.node)", "error": "\(error)",
                    ])
            }
            node.sent(order, succeeded)
        }
    }

    private func send(_ order: SnapshotOrder, _ kept: inout [ShardID: Copy], _ node: Node) throws
        -> Bool
    {
        var known = kept.removeValue(forKey: order.shard)
        if let copy = known,
            copy.to != order.to || copy.from != order.from
                || node.head(order.shard, copy.index) == nil
        {
            known = nil
        }
        let copy = try known ?? makeCopy(order, node)
        do {
            let succeeded = try send(copy, order, node)
            unlink(copy.path)
            return succeeded
        } catch {
            kept[order.shard] = copy
            throw error
        }
    }

    private func makeCopy(_ order: SnapshotOrder, _ node: Node) throws -> Copy {
        let path = "\(node.folder)/\(order.shard).outgoing"
        unlink(path)
        do {
            try ShardReaderConnection(path: order.path, cacheKilobytes: 256).snapshot(to: path)
            let (index, hash) = try ShardReaderConnection(path: path, cacheKilobytes: 256)
                .standing()
            var information = stat()
            guard stat(path, &information) == 0 else { throw fault("cannot read \(path)") }
            let transfer = monitor.withLock { state in
                defer { state.nextTransfer += 1 }
                return state.nextTransfer
            }
            return Copy(
                transfer: transfer, to: order.to, from: order.from, path: path, index: index,
                hash: hash, size: UInt64(information.st_size), made: monotonicNanoseconds())
        } catch {
            unlink(path)
            throw error
        }
    }

    private func send(_ copy: Copy, _ order: SnapshotOrder, _ node: Node) throws -> Bool {
        guard let head = node.head(order.shard, copy.index) else { return false }
        let file = open(copy.path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw fault("cannot read \(copy.path)") }
        defer { close(file) }
        monitor.withLock { state in
            state.transfer = copy.transfer
            state.answer = nil
        }
        defer { monitor.withLock { $0.transfer = nil } }
        let begin = SnapshotBegin(
            transfer: copy.transfer, shard: order.shard, from: order.from, to: order.to,
            term: order.term, head: head, byteCount: copy.size, stateHash: copy.hash)
        let to = order.to.node
        try hand(.snapshotBegin, begin.encoded(), to, node)
        guard var offset = try acknowledged(atLeast: 0) else { return false }
        logger.info(
            offset == 0 ? "snapshot begins" : "snapshot goes on",
            metadata: [
                "shard": "\(order.shard)", "to": "\(to)", "index": "\(copy.index)",
                "bytes": "\(copy.size)", "from": "\(offset)",
            ])
        let start = offset
        var buffer = [UInt8](repeating: 0, count: SnapshotChunk.size)
        while offset < copy.size {
            let least = max(start, offset < Self.window ? 0 : offset - Self.window)
            guard try acknowledged(atLeast: least) != nil else { return false }
            let count = pread(file, &buffer, buffer.count, off_t(offset))
            guard count > 0 else { throw fault("cannot read \(copy.path)") }
            let chunk = SnapshotChunk(
                transfer: copy.transfer, offset: offset,
                bytes: ByteBuffer(bytes: buffer[..<count]))
            try hand(.snapshotChunk, chunk.encoded(), to, node)
            offset += UInt64(count)
        }
        var end = ByteBuffer()
        end.writeInteger(copy.transfer, endianness: .little)
        try hand(.snapshotEnd, end, to, node)
        return try acknowledged(atLeast: .max) != nil
    }

    private enum Wait {
        case stopping
        case answered(SnapshotAnswer)
    }

    /// Waits until the receiver has so much; for `.max`, until it is done with it.
    /// - Returns: how much it has; nil when it does not want it.
    private func acknowledged(atLeast offset: UInt64) throws -> UInt64? {
        var heard: UInt64?
        var deadline = monotonicNanoseconds() + patience
        while true {
            let outcome: Wait? = monitor.wait(until: deadline) { [heard] state in
                if state.isStopping { return .stopping }
                guard let answer = state.answer,
                    answer.kind != .received || heard.map({ answer.offset > $0 }) ?? true
                else { return nil }
                return .answered(answer)
            }
            guard case .answered(let answer)? = outcome else {
                throw DataDirectoryFault(description: "the receiver of a snapshot is silent")
            }
            switch answer.kind {
            case .refused: return nil
            case .installed: return answer.offset
            case .received:
                if offset != .max && answer.offset >= offset { return answer.offset }
                heard = answer.offset
                // Checking a whole file takes its time.
                deadline = monotonicNanoseconds() + (offset == .max ? 6 : 1) * patience
            }
        }
    }

    /// Gives a frame to the bulk link and waits until it has room for it.
    private func hand(_ kind: FrameKind, _ body: ByteBuffer, _ to: NodeID, _ node: Node) throws {
        let done = Monitor<Result<Void, any Error>?>(nil)
        Task {
            do {
                try await node.sender.sendBulk(kind, body, to: to)
                done.broadcast { $0 = .success(()) }
            } catch { done.broadcast { $0 = .failure(error) } }
        }
        let result = done.wait(until: monotonicNanoseconds() + patience) { $0 }
        guard let result else {
            throw DataDirectoryFault(description: "the link takes nothing")
        }
        try result.get()
    }

    // MARK: Receiving

    private func receiveAll(_ node: Node) {
        var incoming: Incoming?
        while true {
            let deadline = incoming == nil ? .max : lastPiece.load() + Self.keeping
            let arrival: Arrival?? = monitor.wait(until: deadline) { state in
                if state.isStopping { return .some(nil) }
                return state.arrivals.isEmpty ? nil : .some(state.arrivals.removeFirst())
            }
            guard let arrival else {
                abandon(&incoming)
                continue
            }
            guard let arrival else { break }
            do { try take(arrival, &incoming, node) } catch {
                logger.warning("snapshot was not received", metadata: ["error": "\(error)"])
                if let current = incoming { refuse(current, node) }
                abandon(&incoming)
            }
        }
        abandon(&incoming)
    }

    private func take(_ arrival: Arrival, _ incoming: inout Incoming?, _ node: Node) throws {
        switch arrival {
        case .begin(let begin, let from):
            if let current = incoming, current.node == from, current.begin.isSameCopy(as: begin) {
                incoming?.begin = begin
                lastPiece.store(monotonicNanoseconds())
                answer(.received, current.received, begin.transfer, from, node)
                return
            }
            // A sender begins anew when it has given up; another one waits for its turn by being refused.
            if let current = incoming, current.node != from || current.begin.shard != begin.shard {
                if monotonicNanoseconds() &- lastPiece.load() < patience {
                    answer(.refused, 0, begin.transfer, from, node)
                    return
                }
            }
            abandon(&incoming)
            let path = "\(node.folder)/\(begin.shard).incoming"
            let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw fault("cannot make \(path)") }
            incoming = Incoming(begin: begin, node: from, path: path, file: file, received: 0)
            lastPiece.store(monotonicNanoseconds())
            answer(.received, 0, begin.transfer, from, node)
        case .chunk(let chunk, let from):
            guard var current = incoming, current.begin.transfer == chunk.transfer,
                current.node == from
            else { return }
            let length = UInt64(chunk.bytes.readableBytes)
            // On its way already when the transfer was cut.
            if chunk.offset + length <= current.received { return }
            guard chunk.offset == current.received,
                current.received + length <= current.begin.byteCount
            else { throw DecodingFault.invalid("order of a snapshot's pieces") }
            let written = chunk.bytes.withUnsafeReadableBytes {
                pwrite(current.file, $0.baseAddress, $0.count, off_t(chunk.offset))
            }
            guard written == Int(length) else { throw fault("cannot write \(current.path)") }
            current.received += length
            incoming = current
            lastPiece.store(monotonicNanoseconds())
            answer(.received, current.received, chunk.transfer, from, node)
        case .end(let transfer, let from):
            guard let current = incoming, current.begin.transfer == transfer, current.node == from
            else { return }
            try finish(current, node)
            close(current.file)
            incoming = nil
        }
    }

    private func finish(_ current: Incoming, _ node: Node) throws {
        let begin = current.begin
        guard current.received == begin.byteCount, fsync(current.file) == 0 else {
            throw DecodingFault.truncated
        }
        try check(current, node)
        if node.install(begin, current.path) {
            logger.info(
                "snapshot installed",
                metadata: ["shard": "\(begin.shard)", "index": "\(begin.head.position.index)"])
            answer(.installed, begin.byteCount, begin.transfer, current.node, node)
        } else {
            unlink(current.path)
            refuse(current, node)
        }
    }

    /// Whether the file holds what it is said to hold.
    private func check(_ current: Incoming, _ node: Node) throws {
        let begin = current.begin
        do {
            let store = try ShardStore(
                path: current.path, shard: begin.shard, schema: node.schema(begin.shard),
                now: node.clock(),
                options: ShardStoreOptions(
                    cacheKilobytes: 2048, syncsCommits: false, migrates: false))
            guard store.appliedIndex == begin.head.position.index,
                store.stateHash.sum == begin.stateHash, try store.scrub().isEmpty
            else { throw DecodingFault.invalid("rows of a snapshot") }
            try store.checkpoint()
        }
        for suffix in ["-wal", "-shm"] { unlink(current.path + suffix) }
        guard fsync(current.file) == 0 else { throw fault("cannot sync \(current.path)") }
    }

    private let lastPiece = Moment()

    private func refuse(_ current: Incoming, _ node: Node) {
        answer(.refused, 0, current.begin.transfer, current.node, node)
    }

    private func answer(
        _ kind: SnapshotAnswer.Kind, _ offset: UInt64, _ transfer: UInt64, _ to: NodeID,
        _ node: Node
    ) {
        let answer = SnapshotAnswer(transfer: transfer, kind: kind, offset: offset)
        _ = node.sender.send(.snapshotAnswer, answer.encoded(), to: to, over: .log)
    }

    private func abandon(_ incoming: inout Incoming?) {
        guard let current = incoming else { return }
        close(current.file)
        unlink(current.path)
        incoming = nil
    }

    private func fault(_ text: String) -> DataDirectoryFault {
        DataDirectoryFault(description: "\(text): \(String(cString: strerror(errno)))")
    }
}

/// A moment that several threads look at.
private final class Moment: Sendable {
    private let value = Atomic<UInt64>(0)
    func load() -> UInt64 { value.load(ordering: .relaxed) }
    func store(_ time: UInt64) { value.store(time, ordering: .relaxed) }
}
