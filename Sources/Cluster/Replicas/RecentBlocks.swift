import Consensus
import Replication
import Wire

/// The bytes of a replica's newest blocks, and the way to the others: a follower that keeps up, and the rows, find what they want
/// in memory.
///
/// What is not on disk yet is always here; beyond that, so many bytes.
final class RecentBlocks: BlockSource {
    private struct Kept {
        let head: BlockHead
        let bytes: [UInt8]
    }

    private var kept: [Kept] = []
    /// Where the kept ones begin in `kept`: the front is let go in steps.
    private var begin = 0
    private var byteCount = 0
    private var durableIndex: LogIndex
    private let limit: Int
    private let stored: (BlockHead) throws -> [UInt8]

    /// - Parameter stored: reads a block that is on disk.
    init(
        durableIndex: LogIndex, limit: Int = 2 << 20,
        stored: @escaping (BlockHead) throws -> [UInt8]
    ) {
        self.durableIndex = durableIndex
        self.limit = limit
        self.stored = stored
    }

    func payload(of block: BlockHead) throws -> [UInt8] {
        var low = begin
        var high = kept.count
        while low < high {
            let middle = (low + high) / 2
            if kept[middle].head.last < block.last { low = middle + 1 } else { high = middle }
        }
        if low < kept.count, kept[low].head == block { return kept[low].bytes }
        return try stored(block)
    }

    /// Notes a write that is on its way to the disk.
    func note(_ write: LogWrite) {
        if write.write.snapshot != nil { removeAll() }
        if let last = write.write.truncateAfter {
            while kept.count > begin, let newest = kept.last, newest.head.last > last {
                byteCount -= newest.bytes.count
                kept.removeLast()
            }
            durableIndex = min(durableIndex, last)
        }
        for (head, bytes) in zip(write.write.blocks, write.payloads) where head.content == .entries
        {
            kept.append(Kept(head: head, bytes: bytes))
            byteCount += bytes.count
        }
        letGo()
    }

    /// Everything up to here is on disk.
    func persisted(through index: LogIndex) {
        durableIndex = max(durableIndex, index)
        letGo()
    }

    private func removeAll() {
        kept.removeAll()
        begin = 0
        byteCount = 0
        durableIndex = .zero
    }

    private func letGo() {
        while byteCount > limit, begin < kept.count, kept[begin].head.last <= durableIndex {
            byteCount -= kept[begin].bytes.count
            begin += 1
        }
        if begin > 256 && begin * 2 > kept.count {
            kept.removeFirst(begin)
            begin = 0
        }
    }
}
