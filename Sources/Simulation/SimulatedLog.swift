import Consensus
import Replication

/// A replica's log on a disk that may lose what was not synced.
///
/// Writes are readable at once, as from a page cache, and durable once a sync that began after them has ended. One sync runs at
/// a time and takes everything that was written before it began: group commit.
final class SimulatedLog: BlockSource {
    struct Content {
        var hardState = HardState(term: .zero, vote: nil)
        var start: SnapshotHead
        var blocks: [(head: BlockHead, payload: [UInt8])] = []

        /// - Parameter blockLimit: how many of the write's blocks arrive; a torn write has fewer.
        mutating func apply(_ write: LogWrite, blockLimit: Int = .max) {
            if let hardState = write.write.hardState { self.hardState = hardState }
            if let snapshot = write.write.snapshot {
                start = snapshot
                blocks.removeAll()
            }
            if let index = write.write.truncateAfter {
                while let last = blocks.last, last.head.last > index { blocks.removeLast() }
            }
            for place in 0..<min(blockLimit, write.payloads.count) {
                blocks.append((write.write.blocks[place], write.payloads[place]))
            }
        }

        mutating func compact(_ head: SnapshotHead) {
            guard head.position.index > start.position.index else { return }
            start = head
            blocks.removeFirst(blocks.prefix { $0.head.last <= head.position.index }.count)
        }
    }

    private(set) var content: Content
    private var durable: Content
    private var pending: [LogWrite] = []
    /// The last write that the running sync covers.
    private(set) var syncing: UInt64?
    var forgetsVote = false

    init(birth: SnapshotHead) {
        content = Content(start: birth)
        durable = content
    }

    func payload(of block: BlockHead) -> [UInt8] {
        var low = 0
        var high = content.blocks.count
        while low < high {
            let middle = (low + high) / 2
            if content.blocks[middle].head.last < block.last {
                low = middle + 1
            } else {
                high = middle
            }
        }
        precondition(
            low < content.blocks.count && content.blocks[low].head == block,
            "a block that was never stored")
        return content.blocks[low].payload
    }

    func write(_ write: LogWrite) {
        var write = write
        if forgetsVote, let hardState = write.write.hardState {
            let kept = HardState(term: hardState.term, vote: nil)
            write = LogWrite(
                write: Write(
                    sequence: write.write.sequence, hardState: kept,
                    snapshot: write.write.snapshot, truncateAfter: write.write.truncateAfter,
                    blocks: write.write.blocks), payloads: write.payloads)
        }
        content.apply(write)
        pending.append(write)
    }

    /// - Returns: whether there is something to sync and no sync runs.
    func beginSync() -> Bool {
        guard syncing == nil, let last = pending.last else { return false }
        syncing = last.write.sequence
        return true
    }

    /// - Returns: the last write that is durable now.
    func endSync() -> UInt64? {
        guard let sequence = syncing else { return nil }
        syncing = nil
        let done = pending.prefix { $0.write.sequence <= sequence }
        for write in done { durable.apply(write) }
        pending.removeFirst(done.count)
        return sequence
    }

    func compact(_ head: SnapshotHead) {
        content.compact(head)
        durable.compact(head)
    }

    /// The process died: everything that was written reaches the disk in the end.
    func processDied() {
        for write in pending { durable.apply(write) }
        settle()
    }

    /// The power went: of what was not synced, some first writes arrived, and of the next perhaps a part.
    func powerFailed(_ random: inout Randomness) {
        let survivors = random.chance(0.5) ? 0 : random.below(pending.count + 1)
        for write in pending.prefix(survivors) { durable.apply(write) }
        if survivors < pending.count, random.chance(0.3) {
            let torn = pending[survivors]
            // A write that cuts the log does so with its first byte or not at all.
            durable.apply(torn, blockLimit: random.below(torn.payloads.count + 1))
        }
        settle()
    }

    /// Makes the log begin behind a snapshot whose rows are in place already.
    func reset(to head: SnapshotHead) {
        content.start = head
        content.blocks.removeAll()
        durable.start = head
        durable.blocks.removeAll()
    }

    private func settle() {
        pending.removeAll()
        syncing = nil
        content = durable
    }
}
