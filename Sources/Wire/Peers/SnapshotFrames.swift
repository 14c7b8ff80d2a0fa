package import Consensus
package import NIOCore

/// The first frame of a snapshot.
///
///     byte     1 format version
///     8 bytes  the transfer's number, the sender's own
///     varint   shard
///     varint   from, to (replicas), term
///     head     `SnapshotHead`
///     varint   bytes of the file
///     8 bytes  state hash of the rows
package struct SnapshotBegin: Equatable, Sendable {
    package var transfer: UInt64
    package var shard: ShardID
    package var from: ReplicaID
    package var to: ReplicaID
    package var term: Term
    package var head: SnapshotHead
    package var byteCount: UInt64
    package var stateHash: UInt64

    package init(
        transfer: UInt64, shard: ShardID, from: ReplicaID, to: ReplicaID, term: Term,
        head: SnapshotHead, byteCount: UInt64, stateHash: UInt64
    ) {
        self.transfer = transfer
        self.shard = shard
        self.from = from
        self.to = to
        self.term = term
        self.head = head
        self.byteCount = byteCount
        self.stateHash = stateHash
    }

    private static let version: UInt8 = 1
    /// More than any shard's file should ever have, so that a peer cannot fill the disk.
    package static let byteLimit: UInt64 = 1 << 40

    package func encoded() -> ByteBuffer {
        var writer = ByteWriter()
        writer.write(Self.version)
        writer.write(fixed: transfer)
        writer.write(varint: UInt64(shard.rawValue))
        writer.write(varint: from.rawValue)
        writer.write(varint: to.rawValue)
        writer.write(varint: term.rawValue)
        writer.write(head)
        writer.write(varint: byteCount)
        writer.write(fixed: stateHash)
        return ByteBuffer(bytes: writer.bytes)
    }

    package static func decode(_ body: ByteBuffer) throws -> SnapshotBegin {
        try body.withUnsafeReadableBytes { raw in
            var reader = ByteReader(raw)
            let version = try reader.byte()
            guard version == Self.version else { throw DecodingFault.unsupportedVersion(version) }
            let transfer = try reader.fixed()
            guard let shard = UInt16(exactly: try reader.varint()),
                shard <= UInt16(ShardSet.limit)
            else { throw DecodingFault.invalid("shard") }
            let from = ReplicaID(try reader.varint())
            let to = ReplicaID(try reader.varint())
            let term = Term(try reader.varint())
            let head = try reader.snapshotHead()
            let byteCount = try reader.varint()
            guard byteCount <= Self.byteLimit else { throw DecodingFault.invalid("length") }
            let hash = try reader.fixed()
            guard reader.remaining == 0 else { throw DecodingFault.invalid("bytes after it") }
            return SnapshotBegin(
                transfer: transfer, shard: ShardID(rawValue: shard), from: from, to: to,
                term: term, head: head, byteCount: byteCount, stateHash: hash)
        }
    }

    /// Whether the file is the same: then a transfer that was cut can go on. Leadership may have changed hands and come back meanwhile.
    package func isSameCopy(as other: SnapshotBegin) -> Bool {
        transfer == other.transfer && shard == other.shard && from == other.from && to == other.to
            && head == other.head && byteCount == other.byteCount && stateHash == other.stateHash
    }

    package var message: Message { Message(from: from, to: to, term: term, body: .snapshot(head)) }
}

/// A piece of a snapshot: 8 bytes transfer, 8 bytes offset, 4 bytes CRC-32 of the piece (low first), the piece.
package struct SnapshotChunk {
    package static let size = 256 << 10
    package let transfer: UInt64
    package let offset: UInt64
    package let bytes: ByteBuffer

    package init(transfer: UInt64, offset: UInt64, bytes: ByteBuffer) {
        self.transfer = transfer
        self.offset = offset
        self.bytes = bytes
    }

    package func encoded() -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(20 + bytes.readableBytes)
        buffer.writeInteger(transfer, endianness: .little)
        buffer.writeInteger(offset, endianness: .little)
        buffer.writeInteger(
            bytes.withUnsafeReadableBytes { Checksum.crc32($0) }, endianness: .little)
        buffer.writeImmutableBuffer(bytes)
        return buffer
    }

    package static func decode(_ body: ByteBuffer) throws -> SnapshotChunk {
        var body = body
        guard let transfer = body.readInteger(endianness: .little, as: UInt64.self),
            let offset = body.readInteger(endianness: .little, as: UInt64.self),
            let checksum = body.readInteger(endianness: .little, as: UInt32.self)
        else { throw DecodingFault.truncated }
        guard body.readableBytes <= size,
            body.withUnsafeReadableBytes({ Checksum.crc32($0) }) == checksum
        else { throw DecodingFault.invalid("piece of a snapshot") }
        return SnapshotChunk(transfer: transfer, offset: offset, bytes: body)
    }
}

/// What the receiver says: how far it came, or how it ended. 8 bytes transfer, a byte, 8 bytes offset.
package struct SnapshotAnswer: Equatable, Sendable {
    package enum Kind: UInt8, Sendable {
        /// Everything before the offset is written; at the beginning, where to go on.
        case received = 0
        case installed = 1
        case refused = 2
    }
    package let transfer: UInt64
    package let kind: Kind
    package let offset: UInt64

    package init(transfer: UInt64, kind: Kind, offset: UInt64) {
        self.transfer = transfer
        self.kind = kind
        self.offset = offset
    }

    package func encoded() -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(transfer, endianness: .little)
        buffer.writeInteger(kind.rawValue)
        buffer.writeInteger(offset, endianness: .little)
        return buffer
    }

    package static func decode(_ body: ByteBuffer) throws -> SnapshotAnswer {
        var body = body
        guard let transfer = body.readInteger(endianness: .little, as: UInt64.self),
            let kind = body.readInteger(as: UInt8.self).flatMap(Kind.init(rawValue:)),
            let offset = body.readInteger(endianness: .little, as: UInt64.self)
        else { throw DecodingFault.invalid("answer to a snapshot") }
        return SnapshotAnswer(transfer: transfer, kind: kind, offset: offset)
    }
}
