package import NIOCore
package import Wire

/// Cuts a stream of bytes into frames.
///
/// A frame that lies whole in what was read is a slice of it, without a copy. The beginning of one that does not is
/// copied into a buffer of the frame's size, once its head has said that the size is allowed; what follows is copied
/// behind it. So no byte is copied twice.
package struct FrameDecoder: Sendable {
    package struct Received: Sendable {
        package let kindNumber: UInt8
        package let body: ByteBuffer
    }

    /// The longest body allowed now; short until the peer has said hello.
    package var limit: Int
    /// The bytes of a frame that is not whole yet.
    private var partial = ByteBuffer()
    private let allocator = ByteBufferAllocator()

    package init(limit: Int) { self.limit = limit }

    /// How many bytes wait for the rest of their frame.
    package var waiting: Int { partial.readableBytes }
    /// How much memory it holds for them.
    package var capacity: Int { partial.capacity }

    /// The next whole frame of what waits and `input`; nil when more must be read, and then `input` is used up.
    package mutating func next(from input: inout ByteBuffer) throws(Frame.Fault) -> Received? {
        if partial.readableBytes > 0 { return try continued(from: &input) }
        guard input.readableBytes >= Frame.headLength else {
            keep(&input, room: Frame.headLength)
            return nil
        }
        let head = try head(of: input)
        guard let frame = input.readSlice(length: head.frameLength) else {
            keep(&input, room: head.frameLength)
            return nil
        }
        return try received(head, frame)
    }

    private mutating func continued(from input: inout ByteBuffer) throws(Frame.Fault) -> Received? {
        if partial.readableBytes < Frame.headLength {
            move(Frame.headLength - partial.readableBytes, from: &input)
            guard partial.readableBytes == Frame.headLength else { return nil }
        }
        let head = try head(of: partial)
        partial.reserveCapacity(head.frameLength)
        move(head.frameLength - partial.readableBytes, from: &input)
        guard partial.readableBytes == head.frameLength else { return nil }
        let frame = partial
        partial = ByteBuffer()
        return try received(head, frame)
    }

    private func head(of buffer: ByteBuffer) throws(Frame.Fault) -> Frame.Head {
        let start = buffer.readerIndex
        guard let word: UInt64 = buffer.getInteger(at: start, endianness: .little),
            let checksum: UInt32 = buffer.getInteger(at: start + 8, endianness: .little)
        else { preconditionFailure("a head is read only when its bytes are there") }
        return try Frame.Head(word: word, checksum: checksum, limit: limit)
    }

    private func received(_ head: Frame.Head, _ frame: ByteBuffer) throws(Frame.Fault) -> Received {
        let start = frame.readerIndex + Frame.headLength
        let isWhole = frame.withUnsafeReadableBytes { raw in
            head.matches(body: UnsafeRawBufferPointer(rebasing: raw[Frame.headLength...]))
        }
        guard isWhole else { throw .checksum }
        guard let body = frame.getSlice(at: start, length: head.bodyLength) else {
            preconditionFailure("a frame holds its body")
        }
        return Received(kindNumber: head.kindNumber, body: body)
    }

    private mutating func keep(_ input: inout ByteBuffer, room: Int) {
        guard input.readableBytes > 0 else { return }
        partial = allocator.buffer(capacity: room)
        partial.writeBuffer(&input)
    }

    private mutating func move(_ count: Int, from input: inout ByteBuffer) {
        guard var part = input.readSlice(length: min(count, input.readableBytes)) else { return }
        partial.writeBuffer(&part)
    }
}
