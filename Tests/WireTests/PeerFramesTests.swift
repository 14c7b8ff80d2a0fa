import Consensus
import NIOCore
import Testing
import Wire

/// Every cut of the bytes is refused, every flipped bit is refused or means something else, and the future is not taken for damage.
private func expectStrict<Value: Equatable>(
    _ value: Value, _ buffer: ByteBuffer, versioned: Bool = true,
    _ decode: (ByteBuffer) throws -> Value
) throws {
    let bytes = Array(buffer.readableBytesView)
    #expect(try decode(buffer) == value)
    for count in 0..<bytes.count {
        #expect(throws: DecodingFault.self, "\(count) of \(bytes.count)") {
            try decode(ByteBuffer(bytes: bytes.prefix(count)))
        }
    }
    for bit in 0..<bytes.count * 8 {
        var damaged = bytes
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
        if let other = try? decode(ByteBuffer(bytes: damaged)) { #expect(other != value) }
    }
    if versioned {
        var future = bytes
        future[0] = 200
        #expect(throws: DecodingFault.unsupportedVersion(200)) {
            try decode(ByteBuffer(bytes: future))
        }
    }
}

@Suite struct PeerFramesTests {
    private static let shard = ShardID(rawValue: 64)

    /// The values that `Golden/peers.v1.txt` names, encoded.
    private static func sample(_ name: String) -> ByteBuffer? {
        switch name {
        case "assign": ControlMessage.assign(shard, ReplicaID(131_075)).encoded()
        case "assigned": ControlMessage.assigned(shard, ReplicaID(65_537)).encoded()
        case "holds": ControlMessage.holds(shard, ReplicaID(65_537)).encoded()
        case "retire": ControlMessage.retire(shard, ReplicaID(1)).encoded()
        case "lost": ControlMessage.lost(shard, ReplicaID(7)).encoded()
        case "doubt": ControlMessage.doubt(shard, ReplicaID(9)).encoded()
        case "sound": ControlMessage.sound(shard, ReplicaID(9)).encoded()
        case "askRead":
            ControlMessage.askRead(
                shard, ReplicaID(9), term: Term(rawValue: 300), number: 1 << 40,
                LogIndex(rawValue: 5)
            ).encoded()
        case "readAt":
            ControlMessage.readAt(shard, ReplicaID(9), number: 7, LogIndex(rawValue: 9_000))
                .encoded()
        case "askTerm":
            ControlMessage.askTerm(shard, ReplicaID(9), term: Term(rawValue: 300), number: 7)
                .encoded()
        case "inTerm": ControlMessage.inTerm(shard, ReplicaID(9), number: 7, true).encoded()
        case "heartbeat": heartbeat.encoded()
        case "snapshotBegin": begin.encoded()
        case "snapshotChunk":
            SnapshotChunk(transfer: 9, offset: 512, bytes: ByteBuffer(string: "rows")).encoded()
        case "snapshotAnswer":
            SnapshotAnswer(transfer: 9, kind: .installed, offset: 512).encoded()
        case "request": ByteBuffer(bytes: request.encodedHead())
        case "reply": ByteBuffer(bytes: reply.encodedHead())
        case "callFrame":
            PeerCallFrames.frames(call: 5, head: [1, 2], body: ByteBuffer(string: "abc")).first
        default: nil
        }
    }

    private static var heartbeat: Heartbeat {
        var leads = ShardSet()
        for number in [0, 5, 63, 64] as [UInt16] { leads.insert(ShardID(rawValue: number)) }
        return Heartbeat(leads: leads, isAiling: true, isStopping: false)
    }

    private static let begin = SnapshotBegin(
        transfer: 1 << 40, shard: shard, from: ReplicaID(65_537), to: ReplicaID(196_611),
        term: Term(3),
        head: SnapshotHead(
            position: LogPosition(index: LogIndex(900), term: Term(3)),
            configuration: Configuration(
                voters: [ReplicaID(65_537), ReplicaID(131_074)], learners: [ReplicaID(196_611)])),
        byteCount: 1 << 33, stateHash: .max)

    private static let request = PeerRequest(
        service: .support, shard: shard, directoryIndex: LogIndex(77),
        deadline: .milliseconds(9500), method: "PUT", target: "/api/v2/tickets/7.json?a=b",
        scheme: "https", host: "acme.example:8443", remoteAddress: "10.0.0.9", tenant: "acme",
        headers: [PeerRequest.Header(name: "X-Request-Id", value: "é")],
        body: ByteBuffer(string: "{}"))

    private static let reply = PeerReply(
        .answered, leader: 2, status: 201,
        headers: [PeerRequest.Header(name: "Location", value: "/x")],
        body: ByteBuffer(string: "{}"))

    /// Nodes of two builds talk to each other while a cluster is upgraded.
    @Test func everyFrameHasItsGoldenBytes() throws {
        let goldens = try Golden.lines("peers.v1.txt")
        #expect(goldens.count == 18)
        for line in goldens {
            let parts = line.split(separator: " ").map(String.init)
            let sample = try #require(Self.sample(parts[1]), "\(parts[1])")
            #expect(Array(sample.readableBytesView) == Golden.hex(parts[0]), "\(parts[1])")
        }
    }

    @Test(arguments: [
        ControlMessage.assign(shard, ReplicaID(131_075)), .assigned(shard, ReplicaID(65_537)),
        .holds(shard, ReplicaID(65_537)), .retire(shard, ReplicaID(1)), .lost(shard, ReplicaID(7)),
        .doubt(shard, ReplicaID(9)), .sound(shard, ReplicaID(9)),
        .askRead(
            shard, ReplicaID(9), term: Term(rawValue: 300), number: 1 << 40, LogIndex(rawValue: 5)),
        .askTerm(shard, ReplicaID(9), term: Term(rawValue: 300), number: 7),
        .inTerm(shard, ReplicaID(9), number: 7, true),
        .inTerm(shard, ReplicaID(9), number: 7, false),
        .readAt(shard, ReplicaID(9), number: 7, LogIndex(rawValue: 9_000)),
    ])
    func controlMessages(message: ControlMessage) throws {
        try expectStrict(message, message.encoded()) { try ControlMessage(decoding: $0) }
    }

    @Test func heartbeatsAndWhatANewerNodeAddsToThem() throws {
        let heartbeat = Self.heartbeat
        for number in 0...64 {
            #expect(
                heartbeat.leads.contains(ShardID(rawValue: UInt16(number)))
                    == [0, 5, 63, 64].contains(number))
        }
        var longer = heartbeat.encoded()
        longer.writeBytes([1, 2, 3])
        #expect(try Heartbeat(decoding: longer) == heartbeat)
        for count in 0..<11 {
            #expect(throws: DecodingFault.truncated) {
                try Heartbeat(
                    decoding: ByteBuffer(heartbeat.encoded().readableBytesView.prefix(count)))
            }
        }
    }

    @Test func theBeginningOfASnapshot() throws {
        let begin = Self.begin
        try expectStrict(begin, begin.encoded()) { try SnapshotBegin.decode($0) }
        var tooLong = begin
        tooLong.byteCount = SnapshotBegin.byteLimit + 1
        #expect(throws: DecodingFault.invalid("length")) {
            try SnapshotBegin.decode(tooLong.encoded())
        }
    }

    @Test func aPieceOfASnapshotIsChecked() throws {
        let chunk = SnapshotChunk(transfer: 9, offset: 512, bytes: ByteBuffer(string: "rows"))
        let decoded = try SnapshotChunk.decode(chunk.encoded())
        #expect(decoded.transfer == 9 && decoded.offset == 512 && decoded.bytes == chunk.bytes)
        var damaged = Array(chunk.encoded().readableBytesView)
        damaged[damaged.count - 1] ^= 1
        #expect(throws: DecodingFault.invalid("piece of a snapshot")) {
            try SnapshotChunk.decode(ByteBuffer(bytes: damaged))
        }
        let long = SnapshotChunk(
            transfer: 9, offset: 0,
            bytes: ByteBuffer(repeating: 0, count: SnapshotChunk.size + 1))
        #expect(throws: DecodingFault.invalid("piece of a snapshot")) {
            try SnapshotChunk.decode(long.encoded())
        }
    }

    @Test func theAnswerToASnapshot() throws {
        let answer = SnapshotAnswer(transfer: 9, kind: .installed, offset: 512)
        try expectStrict(answer, answer.encoded(), versioned: false) {
            try SnapshotAnswer.decode($0)
        }
    }

    @Test func theHeadsOfCallsAndReplies() throws {
        let (request, reply, body) = (Self.request, Self.reply, ByteBuffer(string: "{}"))
        #expect(request.deadlineMilliseconds == 9500)
        try expectStrict(request, ByteBuffer(bytes: request.encodedHead())) {
            try PeerRequest(head: $0, body: body)
        }
        try expectStrict(reply, ByteBuffer(bytes: reply.encodedHead())) {
            try PeerReply(head: $0, body: body)
        }
    }

    @Test func aDeadlineBelowASecondKeepsItsMilliseconds() {
        func deadline(_ duration: Duration) -> UInt32 {
            PeerRequest(
                service: .node, shard: .directory, deadline: duration, method: "", target: ""
            )
            .deadlineMilliseconds
        }
        #expect(deadline(.milliseconds(950)) == 950)
        #expect(deadline(.zero) == 1 && deadline(.seconds(-5)) == 1)
        #expect(deadline(.seconds(1 << 40)) == 3_600_000)
    }

    @Test(arguments: [0, 1, PeerCallFrames.pieceLimit, 3 * PeerCallFrames.pieceLimit + 5])
    func aBodyInPiecesIsWholeAgain(length: Int) throws {
        let body = ByteBuffer(bytes: (0..<length).map { UInt8(truncatingIfNeeded: $0) })
        let frames = PeerCallFrames.frames(call: 5, head: [1, 2], body: body)
        let first = try PeerCallFrames.first(frames[0], bodyLimit: length)
        var whole = first.piece
        for frame in frames.dropFirst() {
            let (call, piece) = try PeerCallFrames.next(frame)
            #expect(call == 5)
            whole.writeImmutableBuffer(piece)
        }
        #expect(first.bodyLength == length && whole == body)
        #expect(first.head == ByteBuffer(bytes: [1, 2] as [UInt8]))
        if length > 0 {
            #expect(throws: DecodingFault.invalid("body's length")) {
                try PeerCallFrames.first(frames[0], bodyLimit: length - 1)
            }
        }
    }
}
