internal import NIOCore
internal import Wire

/// What waits to be sent over one link: frames one after the other in a few big buffers. A value; the link keeps it under
/// a lock.
///
/// Whatever leaves in one go and carries tenants' data is padded as a whole: its length is what somebody on the line sees, and
/// not where one frame ends and the next begins.
struct Outbox {
    /// A buffer that has grown so long is left alone and the next one begun: one write should not hold up the event loop.
    static let chunkLength = 256 << 10
    /// The room a new buffer begins with, at most.
    private static let usualLength = 64 << 10

    struct Chunk {
        var bytes = ByteBuffer()
        var frames = 0
        var isPadded = false
    }

    /// Bytes that `append` took and `wrote` has not given back.
    private(set) var unsent = 0
    /// Frames that were ever appended.
    private(set) var appended: UInt64 = 0
    /// Whether somebody is already on the way to empty it.
    private var isDrainScheduled = false
    private(set) var isOpen = true
    private var full: [Chunk] = []
    private var tail = Chunk()

    /// Whether `append` must be followed by a drain.
    mutating func append(_ kind: FrameKind, _ head: Frame.Head, _ body: ByteBuffer) -> Bool {
        tail.bytes.reserveCapacity(minimumWritableBytes: head.frameLength)
        tail.bytes.writeInteger(head.word, endianness: .little)
        tail.bytes.writeInteger(head.checksum, endianness: .little)
        tail.bytes.writeImmutableBuffer(body)
        tail.frames += 1
        if kind.isPadded { tail.isPadded = true }
        unsent += head.frameLength
        appended += 1
        if tail.bytes.readableBytes >= Self.chunkLength {
            full.append(sealed(tail))
            tail = Chunk()
        }
        defer { isDrainScheduled = true }
        return !isDrainScheduled
    }

    /// The oldest bytes; nil, and the end of the drain, when there are none.
    mutating func take() -> Chunk? {
        if !full.isEmpty { return full.removeFirst() }
        guard tail.frames > 0 else {
            isDrainScheduled = false
            return nil
        }
        // A buffer of the last one's size, so that a steady stream does not grow a new one by doubling each time.
        let chunk = sealed(tail)
        tail = Chunk(
            bytes: ByteBufferAllocator().buffer(
                capacity: min(chunk.bytes.readableBytes, Self.usualLength)))
        return chunk
    }

    mutating func wrote(_ count: Int) {
        if isOpen { unsent -= count }
    }

    mutating func close() {
        isOpen = false
        full = []
        tail = Chunk()
        unsent = 0
    }

    private mutating func sealed(_ chunk: Chunk) -> Chunk {
        guard chunk.isPadded else { return chunk }
        let padding = Frame.padding(after: chunk.bytes.readableBytes)
        var chunk = chunk
        chunk.bytes.writeBytes(padding)
        unsent += padding.count
        return chunk
    }
}
