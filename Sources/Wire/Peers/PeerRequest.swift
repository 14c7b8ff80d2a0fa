package import Consensus
package import NIOCore

/// A client's request on its way from the node that took it to the one that leads its shard.
package struct PeerRequest: Sendable, Equatable {
    package enum Service: UInt8, Sendable {
        /// A tenant's request.
        case support = 1
        /// An operator's request.
        case `operator` = 2
        /// A node's own request to another.
        case node = 3
        /// A tenant's request from a node that sees nobody who leads the shard; whoever gets it hands it on, once, to whom it sees leading.
        case relay = 4
    }

    package var service: Service
    package var shard: ShardID
    /// The receiver must have applied the directory up to here, or it might not know the tenant yet.
    package var directoryIndex: LogIndex
    /// How long the sender still waits.
    package var deadlineMilliseconds: UInt32
    package var method: String
    /// Path and query as the client wrote them.
    package var target: String
    /// `http` or `https`, as the client came.
    package var scheme: String
    /// The host the client named, with its port.
    package var host: String
    /// Who asks: an IP address, empty when it is not known.
    package var remoteAddress: String
    package var tenant: String
    package var headers: [Header]
    package var body: ByteBuffer

    package struct Header: Sendable, Equatable {
        package var name: String
        package var value: String
        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package init(
        service: Service, shard: ShardID, directoryIndex: LogIndex = .zero,
        deadline: Duration, method: String, target: String, scheme: String = "http",
        host: String = "", remoteAddress: String = "", tenant: String = "",
        headers: [Header] = [], body: ByteBuffer = ByteBuffer()
    ) {
        self.service = service
        self.shard = shard
        self.directoryIndex = directoryIndex
        let milliseconds = deadline / .milliseconds(1)
        deadlineMilliseconds = UInt32(min(max(1, milliseconds), 3_600_000))
        self.method = method
        self.target = target
        self.scheme = scheme
        self.host = host
        self.remoteAddress = remoteAddress
        self.tenant = tenant
        self.headers = headers
        self.body = body
    }
}

/// The answer to a `PeerRequest`.
package struct PeerReply: Sendable, Equatable {
    package enum Outcome: UInt8, Sendable {
        /// `status`, `headers` and `body` are the client's answer.
        case answered = 0
        /// Nothing was done: another node leads; `leader` says which, 0 when it is not known.
        case notLeader = 1
        /// Nothing was done: this node does not know yet what the sender's directory knows.
        case behind = 2
        /// Something may have been done.
        case unknown = 3
        /// Nothing was done: try again in a moment.
        case busy = 4
    }
    package var outcome: Outcome
    package var leader: UInt16
    package var status: UInt16
    package var headers: [PeerRequest.Header]
    package var body: ByteBuffer

    package init(
        _ outcome: Outcome, leader: UInt16 = 0, status: UInt16 = 0,
        headers: [PeerRequest.Header] = [], body: ByteBuffer = ByteBuffer()
    ) {
        self.outcome = outcome
        self.leader = leader
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// How calls and their answers are cut into frames, so that a long one does not hold up others:
///
///     first frame   8 bytes call number · 4 bytes length of the head · 4 bytes length of the whole body · head · first
///                   piece of the body
///     next frames   8 bytes call number · next piece
///
/// All numbers low byte first. The head of a request: byte version (1), byte service, then varints shard, directory index and
/// deadline, then texts (varint length, UTF-8) method, target, scheme, host, remote address, tenant, then varint count and name and
/// value of each header. The head of a reply: byte version (1), byte outcome, varint leader, varint status, headers.
package enum PeerCallFrames {
    package static let pieceLimit = 64 << 10
    package static let headLimit = 128 << 10
    package static let headerLimit = 256
    package static let version: UInt8 = 1

    /// The frames of a call or answer, first to last.
    package static func frames(call: UInt64, head: [UInt8], body: ByteBuffer) -> [ByteBuffer] {
        var body = body
        var first = ByteBuffer()
        let length = body.readableBytes
        let piece = min(length, pieceLimit)
        first.reserveCapacity(16 + head.count + piece)
        first.writeInteger(call, endianness: .little)
        first.writeInteger(UInt32(head.count), endianness: .little)
        first.writeInteger(UInt32(length), endianness: .little)
        first.writeBytes(head)
        if let bytes = body.readSlice(length: piece) { first.writeImmutableBuffer(bytes) }
        var frames = [first]
        while let bytes = body.readSlice(length: min(body.readableBytes, pieceLimit)),
            bytes.readableBytes > 0
        {
            var next = ByteBuffer()
            next.reserveCapacity(8 + bytes.readableBytes)
            next.writeInteger(call, endianness: .little)
            next.writeImmutableBuffer(bytes)
            frames.append(next)
        }
        return frames
    }

    package struct First {
        package let call: UInt64
        package let head: ByteBuffer
        package let bodyLength: Int
        package let piece: ByteBuffer
    }

    /// - Parameter bodyLimit: a longer body is refused before anything is kept of it.
    package static func first(_ frame: ByteBuffer, bodyLimit: Int) throws(DecodingFault) -> First {
        var frame = frame
        guard let call = frame.readInteger(endianness: .little, as: UInt64.self),
            let headLength = frame.readInteger(endianness: .little, as: UInt32.self),
            let bodyLength = frame.readInteger(endianness: .little, as: UInt32.self)
        else { throw .truncated }
        guard headLength <= UInt32(headLimit) else { throw .invalid("head's length") }
        guard Int(bodyLength) <= bodyLimit else { throw .invalid("body's length") }
        guard let head = frame.readSlice(length: Int(headLength)) else { throw .truncated }
        guard frame.readableBytes <= Int(bodyLength) else { throw .invalid("piece's length") }
        return First(call: call, head: head, bodyLength: Int(bodyLength), piece: frame)
    }

    package static func next(_ frame: ByteBuffer) throws(DecodingFault) -> (
        call: UInt64, piece: ByteBuffer
    ) {
        var frame = frame
        guard let call = frame.readInteger(endianness: .little, as: UInt64.self) else {
            throw .truncated
        }
        return (call, frame)
    }
}

extension PeerRequest {
    package func encodedHead() -> [UInt8] {
        var writer = ByteWriter()
        writer.reserve(256)
        writer.write(PeerCallFrames.version)
        writer.write(service.rawValue)
        writer.write(varint: UInt64(shard.rawValue))
        writer.write(varint: directoryIndex.rawValue)
        writer.write(varint: UInt64(deadlineMilliseconds))
        for text in [method, target, scheme, host, remoteAddress, tenant] {
            writer.write(text: text)
        }
        writer.write(headers)
        return writer.bytes
    }

    package init(head: ByteBuffer, body: ByteBuffer) throws(DecodingFault) {
        self = try decode(head) { reader throws(DecodingFault) in
            let version = try reader.byte()
            guard version == PeerCallFrames.version else { throw .unsupportedVersion(version) }
            guard let service = Service(rawValue: try reader.byte()) else {
                throw .invalid("service")
            }
            guard let shard = UInt16(exactly: try reader.varint()),
                shard <= UInt16(ShardSet.limit)
            else { throw .invalid("shard") }
            let directory = LogIndex(try reader.varint())
            guard let deadline = UInt32(exactly: try reader.varint()) else {
                throw .invalid("deadline")
            }
            let method = try reader.text(limit: 32)
            let target = try reader.text(limit: 65_536)
            let scheme = try reader.text(limit: 16)
            let host = try reader.text(limit: 1024)
            let remote = try reader.text(limit: 64)
            let tenant = try reader.text(limit: 64)
            return PeerRequest(
                service: service, shard: ShardID(rawValue: shard), directoryIndex: directory,
                deadline: .milliseconds(Int64(deadline)), method: method, target: target,
                scheme: scheme,
                host: host, remoteAddress: remote, tenant: tenant,
                headers: try reader.headers(), body: body)
        }
    }
}

extension PeerReply {
    package func encodedHead() -> [UInt8] {
        var writer = ByteWriter()
        writer.reserve(256)
        writer.write(PeerCallFrames.version)
        writer.write(outcome.rawValue)
        writer.write(varint: UInt64(leader))
        writer.write(varint: UInt64(status))
        writer.write(headers)
        return writer.bytes
    }

    package init(head: ByteBuffer, body: ByteBuffer) throws(DecodingFault) {
        self = try decode(head) { reader throws(DecodingFault) in
            let version = try reader.byte()
            guard version == PeerCallFrames.version else { throw .unsupportedVersion(version) }
            guard let outcome = Outcome(rawValue: try reader.byte()) else {
                throw .invalid("outcome")
            }
            guard let leader = UInt16(exactly: try reader.varint()),
                let status = UInt16(exactly: try reader.varint())
            else { throw .invalid("number") }
            return PeerReply(
                outcome, leader: leader, status: status, headers: try reader.headers(), body: body)
        }
    }
}

private func decode<Value>(
    _ buffer: ByteBuffer, _ body: (inout ByteReader) throws(DecodingFault) -> Value
) throws(DecodingFault) -> Value {
    let result: Result<Value, DecodingFault> = buffer.withUnsafeReadableBytes { raw in
        var reader = ByteReader(raw)
        do throws(DecodingFault) {
            let value = try body(&reader)
            guard reader.remaining == 0 else { throw .invalid("bytes after the head") }
            return .success(value)
        } catch { return .failure(error) }
    }
    return try result.get()
}

extension ByteWriter {
    package mutating func write(text: String) {
        var text = text
        text.withUTF8 { bytes in
            write(varint: UInt64(bytes.count))
            write(raw: UnsafeRawBufferPointer(bytes))
        }
    }

    fileprivate mutating func write(_ headers: [PeerRequest.Header]) {
        write(varint: UInt64(headers.count))
        for header in headers {
            write(text: header.name)
            write(text: header.value)
        }
    }
}

extension ByteReader {
    package mutating func text(limit: Int) throws(DecodingFault) -> String {
        let length = try varint()
        guard length <= UInt64(limit) else { throw .invalid("text's length") }
        let bytes = try raw(length)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalid("text") }
        return text
    }

    fileprivate mutating func headers() throws(DecodingFault) -> [PeerRequest.Header] {
        let count = try varint()
        guard count <= UInt64(PeerCallFrames.headerLimit) else { throw .invalid("header count") }
        var headers: [PeerRequest.Header] = []
        headers.reserveCapacity(Int(count))
        for _ in 0..<count {
            headers.append(
                PeerRequest.Header(
                    name: try text(limit: 256), value: try text(limit: 65_536)))
        }
        return headers
    }
}
