package import Consensus
package import NIOCore

/// What nodes tell each other about who holds which replica.
///
///     byte     1 format version
///     byte     kind
///     varint   shard
///     varint   replica
package enum ControlMessage: Equatable, Sendable {
    /// Hold this replica, blank, from now on. Sent by the leader before the group has it as a learner.
    case assign(ShardID, ReplicaID)
    /// It is held, and that is on disk.
    case assigned(ShardID, ReplicaID)
    /// Another replica of the shard is held already.
    case holds(ShardID, ReplicaID)
    /// The committed configuration does not have this replica any more: let go of it.
    case retire(ShardID, ReplicaID)
    /// This replica is not here, or has stopped for good: it must be replaced.
    case lost(ShardID, ReplicaID)

    private static let version: UInt8 = 1

    private var parts: (kind: UInt8, shard: ShardID, replica: ReplicaID) {
        switch self {
        case .assign(let shard, let replica): (1, shard, replica)
        case .assigned(let shard, let replica): (2, shard, replica)
        case .holds(let shard, let replica): (3, shard, replica)
        case .retire(let shard, let replica): (4, shard, replica)
        case .lost(let shard, let replica): (5, shard, replica)
        }
    }

    package var shard: ShardID { parts.shard }

    package func encoded() -> ByteBuffer {
        var writer = ByteWriter()
        let (kind, shard, replica) = parts
        writer.write(Self.version)
        writer.write(kind)
        writer.write(varint: UInt64(shard.rawValue))
        writer.write(varint: replica.rawValue)
        return ByteBuffer(bytes: writer.bytes)
    }

    package init(decoding body: ByteBuffer) throws(DecodingFault) {
        let result: Result<ControlMessage, DecodingFault> = body.withUnsafeReadableBytes { raw in
            do throws(DecodingFault) { return .success(try Self.decode(raw)) } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    private static func decode(_ raw: UnsafeRawBufferPointer) throws(DecodingFault)
        -> ControlMessage
    {
        var reader = ByteReader(raw)
        let version = try reader.byte()
        guard version == Self.version else { throw .unsupportedVersion(version) }
        let kind = try reader.byte()
        guard let number = UInt16(exactly: try reader.varint()), number <= UInt16(ShardSet.limit)
        else { throw .invalid("shard") }
        let shard = ShardID(rawValue: number)
        let replica = ReplicaID(try reader.varint())
        guard reader.remaining == 0 else { throw .invalid("bytes after the message") }
        switch kind {
        case 1: return .assign(shard, replica)
        case 2: return .assigned(shard, replica)
        case 3: return .holds(shard, replica)
        case 4: return .retire(shard, replica)
        case 5: return .lost(shard, replica)
        default: throw .invalid("kind")
        }
    }
}
