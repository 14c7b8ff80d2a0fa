package import Consensus
package import NIOCore

/// What nodes tell each other about who holds which replica.
///
///     byte     1 format version
///     byte     kind
///     varint   shard
///     varint   replica
///     varint   term, number and index, of those kinds that have them; a byte, 1 or 0, of the one that says yes or no
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
    /// To the leader, from a replica whose rows add up, and yet to another state hash than the leader's blocks say.
    case doubt(ShardID, ReplicaID)
    /// The answer: the leader's rows add up as well.
    case sound(ShardID, ReplicaID)
    /// To the leader of this term, from a replica that follows it and knows of commits up to an entry: what must I have applied for a
    /// linearizable read?
    case askRead(ShardID, ReplicaID, term: Term, number: UInt64, LogIndex)
    /// The answer: this entry; zero when whoever was asked does not lead.
    case readAt(ShardID, ReplicaID, number: UInt64, LogIndex)
    /// To this voter, from the leader of this term: is your term still mine?
    case askTerm(ShardID, ReplicaID, term: Term, number: UInt64)
    /// The answer.
    case inTerm(ShardID, ReplicaID, number: UInt64, Bool)

    private static let version: UInt8 = 1

    private var parts: (kind: UInt8, shard: ShardID, replica: ReplicaID) {
        switch self {
        case .assign(let shard, let replica): (1, shard, replica)
        case .assigned(let shard, let replica): (2, shard, replica)
        case .holds(let shard, let replica): (3, shard, replica)
        case .retire(let shard, let replica): (4, shard, replica)
        case .lost(let shard, let replica): (5, shard, replica)
        case .doubt(let shard, let replica): (6, shard, replica)
        case .sound(let shard, let replica): (7, shard, replica)
        case .askRead(let shard, let replica, _, _, _): (8, shard, replica)
        case .readAt(let shard, let replica, _, _): (9, shard, replica)
        case .askTerm(let shard, let replica, _, _): (10, shard, replica)
        case .inTerm(let shard, let replica, _, _): (11, shard, replica)
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
        switch self {
        case .askRead(_, _, let term, let number, let known):
            writer.write(varint: term.rawValue)
            writer.write(varint: number)
            writer.write(varint: known.rawValue)
        case .readAt(_, _, let number, let index):
            writer.write(varint: number)
            writer.write(varint: index.rawValue)
        case .askTerm(_, _, let term, let number):
            writer.write(varint: term.rawValue)
            writer.write(varint: number)
        case .inTerm(_, _, let number, let isSo):
            writer.write(varint: number)
            writer.write(isSo ? 1 : 0)
        default: break
        }
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
        let message = try message(kind, shard, ReplicaID(try reader.varint()), &reader)
        guard reader.remaining == 0 else { throw .invalid("bytes after the message") }
        return message
    }

    private static func message(
        _ kind: UInt8, _ shard: ShardID, _ replica: ReplicaID, _ reader: inout ByteReader
    ) throws(DecodingFault) -> ControlMessage {
        switch kind {
        case 1: return .assign(shard, replica)
        case 2: return .assigned(shard, replica)
        case 3: return .holds(shard, replica)
        case 4: return .retire(shard, replica)
        case 5: return .lost(shard, replica)
        case 6: return .doubt(shard, replica)
        case 7: return .sound(shard, replica)
        case 8:
            let term = Term(rawValue: try reader.varint())
            let number = try reader.varint()
            return .askRead(
                shard, replica, term: term, number: number, LogIndex(rawValue: try reader.varint()))
        case 9:
            let number = try reader.varint()
            return .readAt(
                shard, replica, number: number, LogIndex(rawValue: try reader.varint()))
        case 10:
            let term = Term(rawValue: try reader.varint())
            return .askTerm(shard, replica, term: term, number: try reader.varint())
        case 11:
            let number = try reader.varint()
            let answer = try reader.byte()
            guard answer <= 1 else { throw .invalid("answer") }
            return .inTerm(shard, replica, number: number, answer == 1)
        default: throw .invalid("kind")
        }
    }
}
