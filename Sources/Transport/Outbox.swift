internal import NIOCore
internal import Wire

/// What waits to be sent over one link: frames one after the other in a few big buffers. A value; the link keeps it under
/// a lock.
struct Outbox {
    /// A buffer that has grown so long is left alone and the next one begun: one write should not hold up the event loop.
    static let chunkLength = 256 << 10
    /// Bodies from this length on are not copied but queued as they are.
    static let largeBody = 64 << 10

    struct Chunk {
        var bytes: ByteBuffer
        var frames: Int
    }

    /// Bytes that `append` took and `wrote` has not given back.
    private(set) var unsent = 0
    /// Frames that were ever appended.
    private(set) var appended: UInt64 = 0
    /// Whether somebody is already on the way to empty it.
    private var isDrainScheduled = false
    private(set) var isOpen = true
    private var full: [Chunk] = []
    private var tail = Chunk(bytes: ByteBuffer(), frames: 0)

    /// Whether `append` must be followed by a drain.
    mutating func append(_ head: Frame.Head, _ body: ByteBuffer) -> Bool {
        if body.readableBytes >= Self.largeBody {
            writeHead(head)
            seal()
            full.append(Chunk(bytes: body, frames: 0))
        } else {
            writeHead(head)
            tail.bytes.writeImmutableBuffer(body)
        }
        if head.padding > 0 { tail.bytes.writeRepeatingByte(0, count: head.padding) }
        if tail.bytes.readableBytes >= Self.chunkLength { seal() }
        unsent += head.frameLength
        appended += 1
        defer { isDrainScheduled = true }
        return !isDrainScheduled
    }

    /// The oldest bytes; nil, and the end of the drain, when there are none.
    mutating func take() -> Chunk? {
        if !full.isEmpty { return full.removeFirst() }
        guard tail.bytes.readableBytes > 0 else {
            isDrainScheduled = false
            return nil
        }
        // A buffer of the last one's size, so that a steady stream does not grow a new one by doubling each time.
        let chunk = tail
        tail = Chunk(
            bytes: ByteBufferAllocator().buffer(
                capacity: min(chunk.bytes.readableBytes, Self.largeBody)), frames: 0)
        return chunk
    }

    mutating func wrote(_ count: Int) {
        if isOpen { unsent -= count }
    }

    mutating func close() {
        isOpen = false
        full = []
        tail = Chunk(bytes: ByteBuffer(), frames: 0)
        unsent = 0
    }

    private mutating func writeHead(_ head: Frame.Head) {
        tail.bytes.reserveCapacity(
            minimumWritableBytes: head.frameLength > Self.largeBody
                ? Frame.headLength : head.frameLength)
        tail.bytes.writeInteger(head.word, endianness: .little)
        tail.bytes.writeInteger(head.checksum, endianness: .little)
        tail.frames += 1
    }

    private mutating func seal() {
        guard tail.bytes.readableBytes > 0 else { return }
        full.append(tail)
        tail = Chunk(bytes: ByteBuffer(), frames: 0)
    }
}
