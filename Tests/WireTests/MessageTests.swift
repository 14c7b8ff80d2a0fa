import Consensus
import Testing
import TestSupport
import Wire

private func replicas(_ ids: UInt64...) -> [ReplicaID] { ids.map { ReplicaID($0) } }

private func at(_ index: UInt64, _ term: UInt64) -> LogPosition {
    LogPosition(index: LogIndex(index), term: Term(term))
}

private func block(
    _ first: UInt64, _ last: UInt64, _ term: UInt64, _ bytes: Int = 0,
    _ content: BlockHead.Content = .entries
) -> BlockHead {
    BlockHead(
        first: LogIndex(first), last: LogIndex(last), term: Term(term), bytes: bytes,
        content: content)
}

/// One message of each kind, as `Golden/messages.v1.txt` names them.
private func sample(_ name: String) -> ReplicaMessage {
    var payloads: [[UInt8]] = []
    let body: Message.Body
    switch name {
    case "preVote": body = .preVote(.init(last: at(300, 8), isTransfer: false))
    case "preVoted": body = .preVoted(granted: true)
    case "vote": body = .vote(.init(last: at(300, 8), isTransfer: true))
    case "voted": body = .voted(granted: false)
    case "append":
        let members = Configuration(
            voters: replicas(12, 200), learners: replicas(201), outgoing: replicas(12, 13),
            highest: ReplicaID(400))
        payloads = [[], [], Array("hello".utf8), []]
        body = .append(
            .init(
                previous: at(300, 7),
                blocks: [
                    block(301, 301, 8, 0, .noop), block(302, 302, 8, 0, .configuration(members)),
                    block(303, 305, 9, 5), block(306, 306, 9),
                ], commit: LogIndex(298), round: 1000))
    case "appendNothing":
        body = .append(.init(previous: .zero, blocks: [], commit: .zero, round: 0))
    case "appended":
        body = .appended(.init(match: LogIndex(305), round: 1000, commit: LogIndex(300)))
    case "rejected":
        body = .rejected(.init(previous: LogIndex(300), hint: at(250, 6), round: 3))
    case "heartbeat": body = .heartbeat(.init(commit: LogIndex(305), round: 4))
    case "heartbeatAnswered": body = .heartbeatAnswered(round: 4, commit: LogIndex(305))
    case "snapshot":
        body = .snapshot(
            SnapshotHead(
                position: at(300, 8), configuration: Configuration(voters: [] as [ReplicaID])))
    case "timeoutNow": body = .timeoutNow
    default: body = .termIsOver
    }
    return ReplicaMessage(
        shard: ShardID(rawValue: 7),
        message: Message(from: ReplicaID(12), to: ReplicaID(200), term: Term(9), body: body),
        payloads: payloads)
}

@Suite struct MessageTests {
    private let goldens: [(bytes: [UInt8], name: String)]

    init() throws {
        goldens = try Golden.lines("messages.v1.txt").map { line in
            let parts = line.split(separator: " ").map(String.init)
            return (Golden.hex(parts[0]), parts[1])
        }
    }

    @Test func everyMessageHasItsGoldenBytes() throws {
        #expect(goldens.count == 13)
        for (bytes, name) in goldens {
            #expect(sample(name).encoded() == bytes, "\(name)")
            #expect(try ReplicaMessage(decoding: bytes) == sample(name), "\(name)")
        }
    }

    @Test func everyCutIsRefused() {
        for (bytes, name) in goldens {
            for count in 0..<bytes.count {
                #expect(throws: DecodingFault.truncated, "\(name) \(count)") {
                    try ReplicaMessage(decoding: Array(bytes.prefix(count)))
                }
            }
        }
    }

    @Test func everyFlippedBitIsAnErrorOrAnotherMessageThatIsWrittenTheSame() {
        for (bytes, name) in goldens {
            for bit in 0..<bytes.count * 8 {
                var damaged = bytes
                damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                guard let other = try? ReplicaMessage(decoding: damaged) else { continue }
                #expect(other != sample(name))
                #expect(other.encoded() == damaged, "\(name) bit \(bit)")
            }
        }
    }

    /// What the core would stop at never gets that far: it is stepped with whatever can be decoded.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func noBytesThatCanBeDecodedStopAFollower(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let members = Configuration(voters: replicas(12, 13, 200))
        var decoded = 0
        for _ in 0..<20_000 {
            var bytes = random.pick(goldens).bytes
            for _ in 0..<random.number(1..<4) {
                let value = random.pick([0, 1, 2, 0x7f, 0x80, 0xff, UInt8(random.number(0..<256))])
                bytes[random.number(1..<bytes.count)] = value
            }
            guard let other = try? ReplicaMessage(decoding: bytes) else { continue }
            decoded += 1
            #expect(other.encoded() == bytes, "seed \(seed)")
            // Whom a message reaches is the node's affair.
            guard other.message.to == ReplicaID(200) else { continue }
            var raft = Raft(
                id: ReplicaID(200), hardState: HardState(term: Term(7), vote: nil),
                snapshot: SnapshotHead(position: at(298, 7), configuration: members),
                blocks: [block(299, 300, 7)], applied: LogIndex(298))
            var effects: [Effect] = []
            raft.step(.received(other.message), &effects)
        }
        #expect(decoded > 3000)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func randomBytesNeverStopTheDecoder(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<5000 {
            var bytes = (0..<random.number(0..<60)).map { _ in UInt8(random.number(0..<256)) }
            if random.chance(80) {
                bytes =
                    [ReplicaMessage.version, UInt8(random.number(1..<13))] + bytes.map { $0 & 0x83 }
            }
            if let message = try? ReplicaMessage(decoding: bytes) {
                #expect(message.encoded() == bytes, "seed \(seed)")
            }
        }
    }

    @Test func versionFromTheFutureSaysUnsupportedNotCorrupt() {
        for version in [0, 2, 255] as [UInt8] {
            #expect(throws: DecodingFault.unsupportedVersion(version)) {
                try ReplicaMessage(decoding: [version, 99, 99])
            }
        }
    }

    @Test(arguments: [
        ("00", "message kind"), ("0d", "message kind"), ("0b808004", "shard"),
        ("0b00808080808080808040", "replica"), ("0b0001028080808080808080" + "8001", "term"),
        // Append: commit below 0; 257 blocks; a block of 65,537 entries; an index of 2^62; a term above the message's; 65 members;
        // a member twice; a learner that is a voter.
        ("0500010209" + "0000" + "01", "commit index"),
        ("0500010209" + "0000" + "0000" + "8102", "block count"),
        ("0500010209" + "0000" + "0000" + "01" + "82800400", "entry count"),
        ("0500010209" + "ffffffffffffffff3f00" + "0000" + "01" + "020000", "index"),
        ("0500010209" + "0000" + "0000" + "01" + "020a00", "term of a block"),
        ("0500010209" + "0000" + "0000" + "01" + "010041", "member count"),
        ("0500010209" + "0000" + "0000" + "01" + "0100020500", "replica twice"),
        ("0500010209" + "0000" + "0000" + "01" + "0100010501050000", "learner"),
        ("0200010209" + "02", "flag"), ("0a00010209" + "010a00000000", "term of a snapshot"),
        ("0b00010209" + "00", "bytes after the message"),
    ])
    func fieldOutOfRangeIsNamed(hex: String, field: String) {
        #expect(throws: DecodingFault.invalid(field)) {
            try ReplicaMessage(decoding: [ReplicaMessage.version] + Golden.hex(hex))
        }
    }

    @Test func longMessageIsRefusedAndTheLongestOfTheCoreIsNot() throws {
        #expect(throws: DecodingFault.invalid("message length")) {
            try ReplicaMessage(
                decoding: [UInt8](repeating: 1, count: ReplicaMessage.byteLimit + 1))
        }
        let limits = Limits()
        let count = ReplicaMessage.blockLimit
        let size = limits.messageBytes / count
        let blocks = (1...UInt64(count)).map { block($0, $0, 1, size) }
        let longest = ReplicaMessage(
            shard: .directory,
            message: Message(
                from: ReplicaID(1), to: ReplicaID(2), term: Term(1),
                body: .append(
                    .init(previous: .zero, blocks: blocks, commit: .zero, round: 0))),
            payloads: blocks.map { [UInt8](repeating: 7, count: $0.bytes) })
        #expect(try ReplicaMessage(decoding: longest.encoded()) == longest)
    }

    @Test func aSmallBlockAndItsAcknowledgementCostFewBytes() {
        let append = ReplicaMessage(
            shard: ShardID(rawValue: 7),
            message: Message(
                from: ReplicaID(71), to: ReplicaID(72), term: Term(12),
                body: .append(
                    .init(
                        previous: at(1_000_000, 12), blocks: [block(1_000_001, 1_000_001, 12, 20)],
                        commit: LogIndex(999_999), round: 5000))),
            payloads: [[UInt8](repeating: 0, count: 20)])
        #expect(append.encoded().count - 20 == 17)
        let acknowledgement = ReplicaMessage(
            shard: ShardID(rawValue: 7),
            message: Message(
                from: ReplicaID(72), to: ReplicaID(71), term: Term(12),
                body: .appended(
                    .init(match: LogIndex(1_000_001), round: 5000, commit: LogIndex(999_999)))))
        #expect(acknowledgement.encoded().count == 12)
    }
}

@Suite struct ChecksumTests {
    @Test func crc32IsTheOneOfTheStandard() {
        #expect(Checksum.crc32(Array("123456789".utf8)) == 0xcbf4_3926)
        #expect(Checksum.crc32([]) == 0)
        #expect(Checksum.crc32([], seed: 5) == 5)
    }

    @Test func partsGiveTheSameAsTheWhole() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for cut in [0, 1, 500, 999, 1000] {
            let first = Checksum.crc32(Array(bytes[..<cut]))
            #expect(
                Checksum.crc32(Array(bytes[cut...]), seed: first) == Checksum.crc32(bytes))
        }
    }

    @Test func overwrittenBytesStandWhereTheyWere() throws {
        var writer = ByteWriter()
        writer.write(fixed: 0x0403_0201 as UInt32)
        writer.write(9)
        writer.overwrite(at: 1, with: [7, 8])
        #expect(writer.bytes == [1, 7, 8, 4, 9])
        let number = try writer.bytes.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            return try reader.fixed32()
        }
        #expect(number == 0x0408_0701)
    }
}
