import Consensus
import Wire

/// Where every block is that the log holds, and which segments are still needed for them.
struct BlockIndex: Sendable {
    /// 32 bytes a block.
    struct Place: Sendable {
        let last: LogIndex
        let term: Term
        let segment: UInt32
        let offset: UInt32
        let length: UInt32
        let checksum: UInt32
    }

    struct Segment: Sendable {
        let number: UInt64
        let file: any LogFile
        let size: Int
        var liveBlocks = 0
        var liveBytes = 0
    }

    private struct Shard: Sendable {
        var start: LogIndex
        /// In order of the log, without gaps.
        var places: [Place] = []
        /// The same blocks; kept only until whoever opened the log has taken them.
        var heads: [BlockHead] = []
        /// While recovering: blocks up to here are in segments older than what was read.
        var missingThrough: LogIndex?

        mutating func append(
            _ blocks: [LogRecord.StoredBlock], segment: UInt64, keepsHeads: Bool
        ) {
            for block in blocks {
                places.append(
                    Place(
                        last: block.head.last, term: block.head.term,
                        segment: UInt32(truncatingIfNeeded: segment),
                        offset: UInt32(block.offset), length: UInt32(block.head.bytes),
                        checksum: block.checksum))
                if keepsHeads { heads.append(block.head) }
            }
        }
    }

    /// Oldest first; the last one is being written.
    private(set) var segments: [Segment] = []
    var failure: String?
    private var shards: [ShardID: Shard] = [:]
    private var keepsHeads = true

    // MARK: Segments

    mutating func begin(_ segment: Segment) { segments.append(segment) }

    /// The oldest segment, if nothing needs it.
    var recyclable: Segment? {
        guard segments.count > 1, let oldest = segments.first, oldest.liveBlocks == 0 else {
            return nil
        }
        return oldest
    }

    mutating func removeOldest() { segments.removeFirst() }

    func segment(_ number: UInt32) -> Segment? {
        guard let first = segments.first, first.number <= UInt64(number) else { return nil }
        // Numbers have no gaps but for segments that were given up, so it is there or a little before.
        var place = min(Int(UInt64(number) - first.number), segments.count - 1)
        while place >= 0, segments[place].number > UInt64(number) { place -= 1 }
        return place >= 0 && segments[place].number == UInt64(number) ? segments[place] : nil
    }

    private mutating func discount(_ place: Place) {
        guard let at = segments.lastIndex(where: { $0.number == UInt64(place.segment) }) else {
            return
        }
        segments[at].liveBlocks -= 1
        segments[at].liveBytes -= Int(place.length)
    }

    // MARK: Blocks

    /// - Parameter segment: the segment the record is in.
    mutating func apply(
        _ record: LogRecord, segment: UInt64
    ) throws(ShardState.Contradiction) {
        let shard = record.shard
        switch record.content {
        case .blocks(let blocks):
            shards[shard]?.append(blocks, segment: segment, keepsHeads: keepsHeads)
            if let at = segments.lastIndex(where: { $0.number == segment }) {
                segments[at].liveBlocks += blocks.count
                segments[at].liveBytes += blocks.reduce(0) { $0 + $1.head.bytes }
            }
        case .truncated(let index): try truncate(shard, after: index)
        case .started(let head): try cut(shard, through: head.position.index)
        case .born(let head), .reset(let head):
            clear(shard)
            shards[shard] = Shard(start: head.position.index)
        case .removed, .floor: clear(shard)
        case .state(_, let head, let last, _):
            guard shards[shard] == nil else { return }
            let start = head.position.index
            shards[shard] = Shard(start: start, missingThrough: last > start ? last : nil)
        case .voted: break
        }
    }

    private mutating func truncate(
        _ shard: ShardID, after index: LogIndex
    ) throws(ShardState.Contradiction) {
        guard let places = shards[shard]?.places, let start = shards[shard]?.start else { return }
        let kept = places.firstIndex { $0.last > index } ?? places.count
        if kept < places.count {
            for place in places[kept...] { discount(place) }
            shards[shard]?.places.removeLast(places.count - kept)
            if keepsHeads { shards[shard]?.heads.removeLast(places.count - kept) }
            let end = kept > 0 ? places[kept - 1].last : start
            guard end == index || (kept == 0 && shards[shard]?.missingThrough != nil) else {
                throw ShardState.Contradiction(reason: "a truncation within a block")
            }
        }
        if let missing = shards[shard]?.missingThrough, missing > index {
            shards[shard]?.missingThrough = index > start ? index : nil
        }
    }

    private mutating func cut(
        _ shard: ShardID, through index: LogIndex
    ) throws(ShardState.Contradiction) {
        guard let places = shards[shard]?.places else { return }
        shards[shard]?.start = index
        let cut = places.firstIndex { $0.last > index } ?? places.count
        for place in places[..<cut] { discount(place) }
        if cut > 0 {
            guard places[cut - 1].last == index else {
                throw ShardState.Contradiction(reason: "a start within a block")
            }
            shards[shard]?.places.removeFirst(cut)
            if keepsHeads { shards[shard]?.heads.removeFirst(cut) }
        }
        if let missing = shards[shard]?.missingThrough, missing <= index {
            shards[shard]?.missingThrough = nil
        }
    }

    private mutating func clear(_ shard: ShardID) {
        for place in shards[shard]?.places ?? [] { discount(place) }
        shards[shard] = nil
    }

    /// Whether a block of the shard ends here.
    func hasBoundary(_ shard: ShardID, _ index: LogIndex) -> Bool { place(shard, index) != nil }

    func place(_ shard: ShardID, _ last: LogIndex) -> Place? {
        guard let places = shards[shard]?.places else { return nil }
        var low = 0
        var high = places.count
        while low < high {
            let middle = (low + high) / 2
            if places[middle].last < last { low = middle + 1 } else { high = middle }
        }
        return low < places.count && places[low].last == last ? places[low] : nil
    }

    // MARK: After recovery

    /// Shards of which blocks are missing, though nothing cut them.
    var incomplete: [ShardID] { shards.filter { $0.value.missingThrough != nil }.keys.sorted() }

    func heads(_ shard: ShardID) -> [BlockHead] { shards[shard]?.heads ?? [] }

    mutating func forgetHeads() {
        keepsHeads = false
        for shard in shards.keys { shards[shard]?.heads = [] }
    }

    /// The shards that need the oldest segment, sorted.
    var pins: [LogPin] {
        guard segments.count > 1, let oldest = segments.first else { return [] }
        var pins: [LogPin] = []
        for (shard, content) in shards {
            let pinning = content.places.prefix { UInt64($0.segment) == oldest.number }
            guard let last = pinning.last else { continue }
            pins.append(
                LogPin(
                    shard: shard, through: last.last,
                    bytes: pinning.reduce(0) { $0 + Int($1.length) }))
        }
        return pins.sorted { $0.shard < $1.shard }
    }

    var liveBlocks: Int { segments.reduce(0) { $0 + $1.liveBlocks } }
    var liveBytes: Int { segments.reduce(0) { $0 + $1.liveBytes } }
}
