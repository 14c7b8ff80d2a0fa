import Consensus
import Wire

/// One fact of one shard, as it is in the body of a batch. Records follow each other without gaps.
///
///     byte           kind
///     varint         shard
///     varint         replica; of kinds 7 and 9, the floor
///     fields
///       1 born       snapshot head
///       2 voted      hard state
///       3 reset      snapshot head: a snapshot replaces the rows, and the log with them
///       4 truncated  varint index after which everything goes
///       5 blocks     varint first index, varint term of the first block, varint number of blocks, blocks
///       6 started    snapshot head: what is before it was cut
///       7 removed    nothing
///       8 state      hard state, snapshot head the log begins after, varint index of its last entry, varint floor
///       9 floor      nothing
///
/// The first batch of a segment begins with 8 or 9 of every shard, so that an older segment is needed for its blocks only. The
/// values' own forms are those of `ConsensusCoding`.
struct LogRecord: Equatable, Sendable {
    let shard: ShardID
    let replica: ReplicaID
    let content: Content

    enum Content: Equatable, Sendable {
        case born(SnapshotHead)
        case voted(HardState)
        case reset(SnapshotHead)
        case truncated(after: LogIndex)
        case blocks([StoredBlock])
        case started(SnapshotHead)
        case removed
        case state(HardState, start: SnapshotHead, last: LogIndex, floor: ReplicaID)
        case floor
    }

    /// A block and where its bytes are in the segment.
    struct StoredBlock: Equatable, Sendable {
        let head: BlockHead
        let offset: Int
        let checksum: UInt32
    }

    /// More than any batch of the log's callers has in one record.
    static let blockLimit = 65_536

    // MARK: Reading

    /// - Parameter offset: where the body lies in its segment.
    static func decodeAll(
        _ body: UnsafeRawBufferPointer, at offset: Int
    ) throws(DecodingFault) -> [LogRecord] {
        var reader = ByteReader(body)
        var records: [LogRecord] = []
        while reader.remaining > 0 {
            records.append(try LogRecord(reading: &reader, body, at: offset))
        }
        return records
    }

    private init(
        reading reader: inout ByteReader, _ body: UnsafeRawBufferPointer, at offset: Int
    ) throws(DecodingFault) {
        let kind = try reader.byte()
        let shard = try reader.shardID()
        let replica = try reader.replicaID()
        let content: Content
        switch kind {
        case 1: content = .born(try reader.snapshotHead())
        case 2: content = .voted(try reader.hardState())
        case 3: content = .reset(try reader.snapshotHead())
        case 4: content = .truncated(after: try reader.logIndex())
        case 5: content = .blocks(try Self.blocks(&reader, at: offset))
        case 6: content = .started(try reader.snapshotHead())
        case 7: content = .removed
        case 8:
            let hardState = try reader.hardState()
            let start = try reader.snapshotHead()
            let last = try reader.logIndex()
            content = .state(hardState, start: start, last: last, floor: try reader.replicaID())
        case 9: content = .floor
        default: throw .invalid("record kind")
        }
        self.init(shard: shard, replica: replica, content: content)
    }

    private static func blocks(
        _ reader: inout ByteReader, at offset: Int
    ) throws(DecodingFault) -> [StoredBlock] {
        let first = try reader.logIndex()
        guard first > .zero else { throw .invalid("index") }
        var previous = LogPosition(index: first.previous, term: try reader.term())
        let count = try reader.varint()
        guard count <= blockLimit else { throw .invalid("block count") }
        var blocks: [StoredBlock] = []
        for _ in 0..<count {
            let (head, payload) = try reader.block(after: previous)
            blocks.append(
                StoredBlock(
                    head: head, offset: offset + reader.position - payload.count,
                    checksum: Checksum.crc32(payload)))
            previous = head.position
        }
        return blocks
    }

    init(shard: ShardID, replica: ReplicaID, content: Content) {
        self.shard = shard
        self.replica = replica
        self.content = content
    }

    // MARK: Writing

    /// Everything but blocks, which come with their bytes.
    func encode(into writer: inout ByteWriter) {
        switch content {
        case .born(let head):
            begin(1, &writer)
            writer.write(head)
        case .voted(let state):
            begin(2, &writer)
            writer.write(state)
        case .reset(let head):
            begin(3, &writer)
            writer.write(head)
        case .truncated(let index):
            begin(4, &writer)
            writer.write(varint: index.rawValue)
        case .blocks: preconditionFailure("blocks are written with their bytes")
        case .started(let head):
            begin(6, &writer)
            writer.write(head)
        case .removed: begin(7, &writer)
        case .state(let hardState, let start, let last, let floor):
            begin(8, &writer)
            writer.write(hardState)
            writer.write(start)
            writer.write(varint: last.rawValue)
            writer.write(varint: floor.rawValue)
        case .floor: begin(9, &writer)
        }
    }

    private func begin(_ kind: UInt8, _ writer: inout ByteWriter) {
        writer.write(kind)
        writer.write(varint: UInt64(shard.rawValue))
        writer.write(varint: replica.rawValue)
    }

    /// Writes blocks, at least one.
    /// - Parameter offset: where the buffer's first byte will lie in the segment.
    static func encode(
        _ heads: [BlockHead], payloads: [[UInt8]], shard: ShardID, replica: ReplicaID,
        into writer: inout ByteWriter, at offset: Int
    ) -> LogRecord {
        precondition(heads.count == payloads.count, "a block without its bytes")
        precondition(heads.count <= blockLimit, "more blocks than can be read")
        writer.write(5)
        writer.write(varint: UInt64(shard.rawValue))
        writer.write(varint: replica.rawValue)
        writer.write(varint: heads[0].first.rawValue)
        writer.write(varint: heads[0].term.rawValue)
        writer.write(varint: UInt64(heads.count))
        var previous = LogPosition(index: heads[0].first.previous, term: heads[0].term)
        var blocks: [StoredBlock] = []
        blocks.reserveCapacity(heads.count)
        for (head, payload) in zip(heads, payloads) {
            writer.write(head, payload: payload, after: previous)
            blocks.append(
                StoredBlock(
                    head: head, offset: offset + writer.count - payload.count,
                    checksum: Checksum.crc32(payload)))
            previous = head.position
        }
        return LogRecord(shard: shard, replica: replica, content: .blocks(blocks))
    }
}
