import Glibc
import Measurement

/// How fast memory is copied: 64 MiB at a time, more than any cache of a small machine holds.
enum MemoryLimit {
    static func measure(seconds: Double) throws -> Limit {
        let bytes = 64 << 20
        let from = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
        let to = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
        defer {
            from.deallocate()
            to.deallocate()
        }
        // Pages are there before they are measured.
        memset(from, 1, bytes)
        memset(to, 2, bytes)
        let copies = Repetition.run(seconds: seconds) { _ in memcpy(to, from, bytes) }
        guard to.load(fromByteOffset: bytes - 1, as: UInt8.self) == 1 else {
            throw LimitFault(description: "memory was not copied")
        }
        return copies.limit("memory-copy", "memory copied, 64 MiB at a time", bytesEach: bytes)
    }
}
