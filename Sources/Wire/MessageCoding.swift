package import Consensus

/// A message of one replica group, with the bytes of the blocks it carries, as it travels between nodes.
///
///     byte 0         format version, 1
///     byte           kind, see `Kind`
///     varint         shard
///     varint         from, to: the replicas
///     varint         term
///     body
///       preVote, vote            position of the last entry, byte 1 when the leader asked for the election
///       preVoted, voted          byte 1 granted, 0 refused
///       append                   position the blocks follow, zigzag commit index − that index, varint round, varint number
///                                of blocks, blocks
///       appended                 varint match, zigzag commit − match, varint round
///       rejected                 varint previous, position of the hint, varint round
///       heartbeat, -Answered     varint commit, varint round
///       snapshot                 snapshot head
///       timeoutNow, termIsOver   nothing
///
/// Whether this node has that shard and that replica is for the receiver to check; everything else is checked here:
/// terms do not fall within an append and none is above the message's, and blocks follow each other, in whatever is decoded. An
/// append of one small block costs about 16 bytes more than the block, its acknowledgement about 12.
package struct ReplicaMessage: Equatable, Sendable {
    package static let version: UInt8 = 1
    /// More than the core puts into one message; a peer that sends more is refused before anything is allocated.
    package static let byteLimit = (4 << 20) + (256 << 10)
    package static let blockLimit = 256

    package let shard: ShardID
    package let message: Message
    /// One for each block of an append; empty for any other message.
    package let payloads: [[UInt8]]

    package init(shard: ShardID, message: Message, payloads: [[UInt8]] = []) {
        self.shard = shard
        self.message = message
        self.payloads = payloads
    }

    private enum Kind: UInt8 {
        case preVote = 1
        case preVoted = 2
        case vote = 3
        case voted = 4
        case append = 5
        case appended = 6
        case rejected = 7
        case heartbeat = 8
        case heartbeatAnswered = 9
        case snapshot = 10
        case timeoutNow = 11
        case termIsOver = 12
    }

    // MARK: Writing

    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        encode(into: &writer)
        return writer.bytes
    }

    package func encode(into writer: inout ByteWriter) {
        writer.reserve(writer.count + payloads.reduce(64) { $0 + $1.count + 16 })
        writer.write(Self.version)
        writer.write(kind.rawValue)
        writer.write(varint: UInt64(shard.rawValue))
        writer.write(varint: message.from.rawValue)
        writer.write(varint: message.to.rawValue)
        writer.write(varint: message.term.rawValue)
        switch message.body {
        case .preVote(let request), .vote(let request):
            writer.write(request.last)
            writer.write(request.isTransfer ? 1 : 0 as UInt8)
        case .preVoted(let granted), .voted(let granted): writer.write(granted ? 1 : 0 as UInt8)
        case .append(let append): encode(append, into: &writer)
        case .appended(let appended):
            writer.write(varint: appended.match.rawValue)
            writer.write(commit: appended.commit, near: appended.match)
            writer.write(varint: appended.round)
        case .rejected(let rejected):
            writer.write(varint: rejected.previous.rawValue)
            writer.write(rejected.hint)
            writer.write(varint: rejected.round)
        case .heartbeat(let heartbeat):
            writer.write(varint: heartbeat.commit.rawValue)
            writer.write(varint: heartbeat.round)
        case .heartbeatAnswered(let round, let commit):
            writer.write(varint: commit.rawValue)
            writer.write(varint: round)
        case .snapshot(let head): writer.write(head)
        case .timeoutNow, .termIsOver: break
        }
    }

    private func encode(_ append: Message.Append, into writer: inout ByteWriter) {
        precondition(append.blocks.count == payloads.count, "a block without its bytes")
        precondition(append.blocks.count <= Self.blockLimit, "more blocks than can be read")
        writer.write(append.previous)
        writer.write(commit: append.commit, near: append.previous.index)
        writer.write(varint: append.round)
        writer.write(varint: UInt64(append.blocks.count))
        var previous = append.previous
        for (block, payload) in zip(append.blocks, payloads) {
            writer.write(block, payload: payload, after: previous)
            previous = block.position
        }
    }

    private var kind: Kind {
        switch message.body {
        case .preVote: .preVote
        case .preVoted: .preVoted
        case .vote: .vote
        case .voted: .voted
        case .append: .append
        case .appended: .appended
        case .rejected: .rejected
        case .heartbeat: .heartbeat
        case .heartbeatAnswered: .heartbeatAnswered
        case .snapshot: .snapshot
        case .timeoutNow: .timeoutNow
        case .termIsOver: .termIsOver
        }
    }

    // MARK: Reading

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        // `withUnsafeBytes` cannot carry a typed error, so the result is carried out of it.
        let result: Result<ReplicaMessage, DecodingFault> = bytes.withUnsafeBytes { raw in
            do throws(DecodingFault) { return .success(try ReplicaMessage(decoding: raw)) } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    /// - Parameter raw: one whole message and nothing else.
    package init(decoding raw: UnsafeRawBufferPointer) throws(DecodingFault) {
        guard raw.count <= Self.byteLimit else { throw .invalid("message length") }
        var reader = ByteReader(raw)
        let version = try reader.byte()
        guard version == Self.version else { throw .unsupportedVersion(version) }
        guard let kind = Kind(rawValue: try reader.byte()) else { throw .invalid("message kind") }
        shard = try reader.shardID()
        let from = try reader.replicaID()
        let to = try reader.replicaID()
        let term = try reader.term()
        var payloads: [[UInt8]] = []
        let body = try Self.body(kind, term, &reader, &payloads)
        guard reader.remaining == 0 else { throw .invalid("bytes after the message") }
        message = Message(from: from, to: to, term: term, body: body)
        self.payloads = payloads
    }

    private static func body(
        _ kind: Kind, _ term: Term, _ reader: inout ByteReader, _ payloads: inout [[UInt8]]
    ) throws(DecodingFault) -> Message.Body {
        switch kind {
        case .preVote: return .preVote(try voteRequest(&reader))
        case .preVoted: return .preVoted(granted: try reader.flag())
        case .vote: return .vote(try voteRequest(&reader))
        case .voted: return .voted(granted: try reader.flag())
        case .append: return .append(try append(term, &reader, &payloads))
        case .appended:
            let match = try reader.logIndex()
            let commit = try reader.commit(near: match)
            return .appended(
                Message.Appended(match: match, round: try reader.number("round"), commit: commit))
        case .rejected:
            let previous = try reader.logIndex()
            let hint = try reader.logPosition()
            return .rejected(
                Message.Rejected(previous: previous, hint: hint, round: try reader.number("round")))
        case .heartbeat:
            let commit = try reader.logIndex()
            return .heartbeat(
                Message.Heartbeat(commit: commit, round: try reader.number("round")))
        case .heartbeatAnswered:
            let commit = try reader.logIndex()
            return .heartbeatAnswered(round: try reader.number("round"), commit: commit)
        case .snapshot:
            let head = try reader.snapshotHead()
            guard head.position.term <= term else { throw .invalid("term of a snapshot") }
            return .snapshot(head)
        case .timeoutNow: return .timeoutNow
        case .termIsOver: return .termIsOver
        }
    }

    private static func voteRequest(
        _ reader: inout ByteReader
    ) throws(DecodingFault) -> Message.VoteRequest {
        let last = try reader.logPosition()
        return Message.VoteRequest(last: last, isTransfer: try reader.flag())
    }

    private static func append(
        _ term: Term, _ reader: inout ByteReader, _ payloads: inout [[UInt8]]
    ) throws(DecodingFault) -> Message.Append {
        let start = try reader.logPosition()
        let commit = try reader.commit(near: start.index)
        let round = try reader.number("round")
        let count = try reader.varint()
        guard count <= blockLimit else { throw .invalid("block count") }
        var previous = start
        var blocks: [BlockHead] = []
        for _ in 0..<count {
            let (block, payload) = try reader.block(after: previous)
            blocks.append(block)
            payloads.append([UInt8](payload))
            previous = block.position
        }
        // Terms only rise along the way, so the last one speaks for all.
        guard previous.term <= term else { throw .invalid("term of a block") }
        return Message.Append(previous: start, blocks: blocks, commit: commit, round: round)
    }
}

extension ByteWriter {
    /// A commit index is seldom far from where the log ends.
    fileprivate mutating func write(commit: LogIndex, near index: LogIndex) {
        write(zigzag: Int64(commit.rawValue) - Int64(index.rawValue))
    }
}

extension ByteReader {
    fileprivate mutating func commit(near index: LogIndex) throws(DecodingFault) -> LogIndex {
        let (sum, overflow) = Int64(index.rawValue).addingReportingOverflow(try zigzag())
        guard !overflow, sum >= 0, sum < Int64(ConsensusCoding.numberLimit) else {
            throw .invalid("commit index")
        }
        return LogIndex(UInt64(sum))
    }

    fileprivate mutating func flag() throws(DecodingFault) -> Bool {
        switch try byte() {
        case 0: return false
        case 1: return true
        default: throw .invalid("flag")
        }
    }
}
