package import Consensus

/// How consensus' values are stored and sent. Positions, terms and ids are varints below 2^62, so that no sum of two of them,
/// and no step of the core, can overflow, whoever wrote the bytes.
///
///     position       varint index, varint term
///     hard state     varint term, varint 0 for no vote or 1 + the replica voted for
///     configuration  voters, learners, outgoing: each a varint count, then the first id and the distances to the next ones;
///                    varint distance of the highest id ever used above the highest id here
///     snapshot head  position, configuration
///     block          varint 0 an empty entry, 1 a configuration, 1 + n a block of n entries;
///                    varint distance of its term above the term of what it follows;
///                    of a configuration, the configuration; of entries, varint length and the bytes
///
/// A block has no index of its own: it follows what comes before it.
package enum ConsensusCoding {
    /// Above every index, term, id and round.
    package static let numberLimit: UInt64 = 1 << 62
    /// The most replicas in one list of a configuration.
    package static let memberLimit = 64
}

extension ByteWriter {
    package mutating func write(_ position: LogPosition) {
        write(varint: position.index.rawValue)
        write(varint: position.term.rawValue)
    }

    package mutating func write(_ state: HardState) {
        write(varint: state.term.rawValue)
        write(varint: state.vote.map { $0.rawValue + 1 } ?? 0)
    }

    package mutating func write(_ configuration: Configuration) {
        write(members: configuration.voters)
        write(members: configuration.learners)
        write(members: configuration.outgoing)
        let present = configuration.members.last?.rawValue ?? 0
        write(varint: configuration.highest.rawValue - present)
    }

    private mutating func write(members: [ReplicaID]) {
        precondition(members.count <= ConsensusCoding.memberLimit, "more members than can be read")
        write(varint: UInt64(members.count))
        var previous: UInt64 = 0
        for member in members {
            write(varint: member.rawValue - previous)
            previous = member.rawValue
        }
    }

    package mutating func write(_ head: SnapshotHead) {
        write(head.position)
        write(head.configuration)
    }

    /// - Parameters:
    ///   - payload: the block's bytes; empty unless it is one of entries.
    ///   - previous: what the block follows.
    package mutating func write(
        _ block: BlockHead, payload: [UInt8], after previous: LogPosition
    ) {
        precondition(block.first == previous.index.next, "a block follows another")
        precondition(block.term >= previous.term, "terms never fall")
        precondition(block.bytes == payload.count, "a block without its bytes")
        let count = block.last.rawValue - block.first.rawValue + 1
        switch block.content {
        case .noop:
            precondition(count == 1 && payload.isEmpty, "an empty entry is one and empty")
            write(varint: 0)
        case .configuration:
            precondition(count == 1 && payload.isEmpty, "a configuration is one entry")
            write(varint: 1)
        case .entries:
            precondition(count <= Block.entryLimit, "more entries than can be read")
            write(varint: 1 + count)
        }
        write(varint: block.term.rawValue - previous.term.rawValue)
        switch block.content {
        case .noop: break
        case .configuration(let configuration): write(configuration)
        case .entries:
            write(varint: UInt64(payload.count))
            payload.withUnsafeBytes { write(raw: $0) }
        }
    }
}

extension ByteReader {
    /// A varint that may be added to another one.
    package mutating func number(_ name: String) throws(DecodingFault) -> UInt64 {
        let value = try varint()
        guard value < ConsensusCoding.numberLimit else { throw .invalid(name) }
        return value
    }

    /// A varint that says how far a number lies above another one.
    private mutating func number(
        _ name: String, above base: UInt64
    ) throws(DecodingFault) -> UInt64 {
        let sum = base + (try number(name))
        guard sum < ConsensusCoding.numberLimit else { throw .invalid(name) }
        return sum
    }

    package mutating func shardID() throws(DecodingFault) -> ShardID {
        guard let shard = UInt16(exactly: try varint()) else { throw .invalid("shard") }
        return ShardID(rawValue: shard)
    }

    package mutating func replicaID() throws(DecodingFault) -> ReplicaID {
        ReplicaID(try number("replica"))
    }

    package mutating func logIndex() throws(DecodingFault) -> LogIndex {
        LogIndex(try number("index"))
    }

    package mutating func term() throws(DecodingFault) -> Term { Term(try number("term")) }

    package mutating func logPosition() throws(DecodingFault) -> LogPosition {
        LogPosition(index: try logIndex(), term: try term())
    }

    package mutating func hardState() throws(DecodingFault) -> HardState {
        let term = try term()
        let vote = try varint()
        guard vote <= ConsensusCoding.numberLimit else { throw .invalid("vote") }
        return HardState(term: term, vote: vote == 0 ? nil : ReplicaID(vote - 1))
    }

    package mutating func configuration() throws(DecodingFault) -> Configuration {
        let voters = try members()
        let learners = try members()
        let outgoing = try members()
        // One value has one form: the initializer would drop such a learner.
        guard !learners.contains(where: voters.contains) else { throw .invalid("learner") }
        let present = max(
            voters.last?.rawValue ?? 0, learners.last?.rawValue ?? 0, outgoing.last?.rawValue ?? 0)
        let highest = ReplicaID(try number("highest replica", above: present))
        return Configuration(
            voters: voters, learners: learners, outgoing: outgoing, highest: highest)
    }

    private mutating func members() throws(DecodingFault) -> [ReplicaID] {
        let count = try varint()
        guard count <= ConsensusCoding.memberLimit else { throw .invalid("member count") }
        var members: [ReplicaID] = []
        for _ in 0..<count {
            let id = ReplicaID(try number("replica", above: members.last?.rawValue ?? 0))
            guard members.last != id else { throw .invalid("replica twice") }
            members.append(id)
        }
        return members
    }

    package mutating func snapshotHead() throws(DecodingFault) -> SnapshotHead {
        SnapshotHead(position: try logPosition(), configuration: try configuration())
    }

    /// - Returns: a block and its bytes, which are valid as long as the reader's.
    package mutating func block(
        after previous: LogPosition
    ) throws(DecodingFault) -> (head: BlockHead, payload: UnsafeRawBufferPointer) {
        let shape = try varint()
        guard shape <= 1 + UInt64(Block.entryLimit) else { throw .invalid("entry count") }
        let term = Term(try number("term", above: previous.term.rawValue))
        let first = previous.index.next
        let last = LogIndex(previous.index.rawValue + (shape < 2 ? 1 : shape - 1))
        guard last.rawValue < ConsensusCoding.numberLimit else { throw .invalid("index") }
        var content = BlockHead.Content.entries
        var payload = UnsafeRawBufferPointer(start: nil, count: 0)
        switch shape {
        case 0: content = .noop
        case 1: content = .configuration(try configuration())
        default: payload = try raw(try varint())
        }
        let head = BlockHead(
            first: first, last: last, term: term, bytes: payload.count, content: content)
        return (head, payload)
    }
}
