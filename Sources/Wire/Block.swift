package import Consensus

/// A run of entries of one shard: what one transaction did, as it is logged, shipped and replayed.
///
///     byte 0         format version, 1
///     varint         shard
///     varint         index of the first entry
///     zigzag         leader's time, ms since 1970
///     zigzag         identifier base: this block's identifiers are the numbers that follow it
///     varint         identifiers given out in this block
///     varint         number of entries
///     entries        each: varint length, then
///                      varint   tenant (zigzag)
///                      byte     kind: 1 row changes, 2 schema step
///                      changes  see `ChangeCoder`
///     8 bytes        the shard's state hash after the last entry
///
/// A checksum belongs to the record or frame that carries the block, not to the block.
package struct Block: Equatable, Sendable {
    package static let version: UInt8 = 1
    /// More than a lane ever puts in one block; a peer that claims more is refused.
    package static let entryLimit = 65_536

    package enum EntryKind: UInt8, Sendable {
        case rows = 1
        case schemaStep = 2
    }

    package struct Entry: Equatable, Sendable {
        package let tenant: TenantID
        package let kind: EntryKind
        package let payload: [UInt8]
        package init(tenant: TenantID, kind: EntryKind, payload: [UInt8]) {
            self.tenant = tenant
            self.kind = kind
            self.payload = payload
        }
    }

    package let shard: ShardID
    package let firstIndex: LogIndex
    package let time: Timestamp
    package let identifierBase: Int64
    package let identifierCount: Int64
    package let entries: [Entry]
    package let stateHash: UInt64

    package init(
        shard: ShardID, firstIndex: LogIndex, time: Timestamp, identifierBase: Int64,
        identifierCount: Int64, entries: [Entry], stateHash: UInt64
    ) {
        self.shard = shard
        self.firstIndex = firstIndex
        self.time = time
        self.identifierBase = identifierBase
        self.identifierCount = identifierCount
        self.entries = entries
        self.stateHash = stateHash
    }

    package var lastIndex: LogIndex {
        LogIndex(rawValue: firstIndex.rawValue + UInt64(entries.count) - 1)
    }

    package var context: CellContext {
        CellContext(time: time, identifierBase: identifierBase)
    }

    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writeHead(version: Self.version, to: &writer)
        writer.write(varint: UInt64(entries.count))
        for entry in entries {
            var head = ByteWriter()
            head.write(zigzag: entry.tenant.rawValue)
            head.write(entry.kind.rawValue)
            writer.write(varint: UInt64(head.count + entry.payload.count))
            writer.write(raw: head.bytes)
            writer.write(raw: entry.payload)
        }
        writer.write(fixed: stateHash)
        return writer.bytes
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        // `withUnsafeBytes` cannot carry a typed error, so the result is carried out of it.
        let result: Result<Block, DecodingFault> = bytes.withUnsafeBytes { raw in
            do throws(DecodingFault) { return .success(try Block(reading: raw)) } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    private init(reading raw: UnsafeRawBufferPointer) throws(DecodingFault) {
        var reader = ByteReader(raw)
        let head = try Head(version: Self.version, reading: &reader)
        let count = try reader.varint()
        guard count > 0, count <= Self.entryLimit else { throw .invalid("entry count") }
        var entries: [Entry] = []
        for _ in 0..<count {
            var body = ByteReader(try reader.raw(try reader.varint()))
            let tenant = try body.zigzag()
            guard let kind = EntryKind(rawValue: try body.byte()) else {
                throw .invalid("entry kind")
            }
            let payload = [UInt8](try body.raw(UInt64(body.remaining)))
            entries.append(
                Entry(tenant: TenantID(rawValue: tenant), kind: kind, payload: payload))
        }
        let stateHash = try reader.fixed()
        guard reader.remaining == 0 else { throw .invalid("bytes after the block") }
        self.init(head, entries: entries, stateHash: stateHash)
    }

    // MARK: The head, the same in both forms

    /// What a block says before its entries.
    struct Head {
        let shard: ShardID
        let firstIndex: LogIndex
        let time: Timestamp
        let identifierBase: Int64
        let identifierCount: Int64

        init(version: UInt8, reading reader: inout ByteReader) throws(DecodingFault) {
            let found = try reader.byte()
            guard found == version else { throw .unsupportedVersion(found) }
            guard let shard = UInt16(exactly: try reader.varint()) else { throw .invalid("shard") }
            let firstIndex = try reader.varint()
            guard firstIndex > 0, firstIndex < 1 << 62 else { throw .invalid("index") }
            // Bounded so that no sum or shift of what a peer sent can overflow.
            let time = try reader.zigzag()
            guard time >= 0, time < 1 << 50 else { throw .invalid("time") }
            let identifierBase = try reader.zigzag()
            guard identifierBase >= 0, identifierBase < 1 << 62 else {
                throw .invalid("identifier base")
            }
            let identifierCount = try reader.varint()
            guard identifierCount < 1 << 32 else { throw .invalid("identifier count") }
            self.shard = ShardID(rawValue: shard)
            self.firstIndex = LogIndex(rawValue: firstIndex)
            self.time = Timestamp(rawValue: time)
            self.identifierBase = identifierBase
            self.identifierCount = Int64(identifierCount)
        }
    }

    init(_ head: Head, entries: [Entry], stateHash: UInt64) {
        self.init(
            shard: head.shard, firstIndex: head.firstIndex, time: head.time,
            identifierBase: head.identifierBase, identifierCount: head.identifierCount,
            entries: entries, stateHash: stateHash)
    }

    func writeHead(version: UInt8, to writer: inout ByteWriter) {
        writer.write(version)
        writer.write(varint: UInt64(shard.rawValue))
        writer.write(varint: firstIndex.rawValue)
        writer.write(zigzag: time.milliseconds)
        writer.write(zigzag: identifierBase)
        writer.write(varint: UInt64(identifierCount))
    }
}
