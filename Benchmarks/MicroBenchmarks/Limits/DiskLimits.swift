import Glibc
import Measurement

/// How often the disk says that something is safe: `pwrite` and `fdatasync`, each thread on a file of its own.
enum DiskLimits {
    static func measure(seconds: Double, folder: String) throws -> [Limit] {
        var limits: [Limit] = []
        for kibibytes in [4, 32] {
            for threads in [1, 4] {
                for isAppend in [true, false] {
                    let name =
                        "fdatasync-\(kibibytes)k-\(isAppend ? "append" : "overwrite")"
                        + (threads == 1 ? "" : "-\(threads)")
                    let title =
                        "\(kibibytes) KiB \(isAppend ? "appended" : "written into a file of zeros") and "
                        + "synced" + (threads == 1 ? "" : ", \(threads) threads")
                    limits.append(
                        try measure(
                            seconds: seconds, folder: folder, bytes: kibibytes << 10,
                            threads: threads, isAppend: isAppend
                        ).limit(name, title))
                }
            }
        }
        return limits
    }

    private static func measure(
        seconds: Double, folder: String, bytes: Int, threads: Int, isAppend: Bool
    ) throws -> Repetition {
        let files = try (0..<threads).map { thread in
            try SyncedFile(
                "\(folder)/sync-\(thread)", step: bytes, zeros: isAppend ? 0 : 16 << 20)
        }
        defer { for file in files { file.remove() } }
        return try Repetition.run(
            seconds: seconds,
            bodies: files.map { file in { @Sendable turn in try file.write(turn) } })
    }
}

/// A file that is written in steps, used by one thread.
private final class SyncedFile: Sendable {
    private let path: String
    private let descriptor: Int32
    private let bytes: [UInt8]
    /// Where writing begins at the file's start again; 0 for never.
    private let steps: Int

    /// - Parameter zeros: how many bytes of zeros it begins with; it does not grow beyond them.
    init(_ path: String, step: Int, zeros: Int) throws {
        self.path = path
        bytes = (0..<step).map { UInt8(truncatingIfNeeded: $0 &* 131) }
        steps = zeros / step
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw LimitFault.ofSystem("open \(path)") }
        let nothing = [UInt8](repeating: 0, count: 1 << 20)
        for offset in stride(from: 0, to: zeros, by: nothing.count) {
            try write(nothing, at: offset)
        }
        guard fsync(descriptor) == 0 else { throw LimitFault.ofSystem("sync \(path)") }
    }

    func write(_ turn: Int) throws {
        try write(bytes, at: (steps == 0 ? turn : turn % steps) * bytes.count)
        guard fdatasync(descriptor) == 0 else { throw LimitFault.ofSystem("sync \(path)") }
    }

    private func write(_ bytes: [UInt8], at offset: Int) throws {
        guard pwrite(descriptor, bytes, bytes.count, off_t(offset)) == bytes.count else {
            throw LimitFault.ofSystem("write \(path)")
        }
    }

    func remove() {
        close(descriptor)
        unlink(path)
    }
}
