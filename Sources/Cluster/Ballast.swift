import Glibc
import Logging
import Synchronization

/// A file of zeros that holds disk space until the disk is full. Then it is given up: to fold a WAL into its file and to cut the log,
/// which is how a node becomes shorter, takes room first. It is made anew once there is plenty.
final class Ballast: Sendable {
    private let path: String
    private let bytes: UInt64
    private let logger: Logger
    private let isHeld = Atomic(false)

    init(folder: String, megabytes: Int, logger: Logger) {
        path = folder + "/ballast"
        bytes = UInt64(megabytes) << 20
        self.logger = logger
        if megabytes == 0 { unlink(path) }
    }

    /// Once a second.
    /// - Parameters:
    ///   - free: what the file system has left; nil when it does not say.
    ///   - reserve: what is to be left when the file is there.
    ///   - isFull: whether a write has failed for want of room.
    func keep(free: UInt64?, reserve: UInt64, isFull: Bool) {
        guard bytes > 0, let free else { return }
        let isHeld = isHeld.load(ordering: .relaxed)
        if isHeld && (isFull || free < reserve / 8) {
            unlink(path)
            self.isHeld.store(false, ordering: .relaxed)
            logger.notice("the disk is full: the ballast is given up")
        } else if !isHeld, !isFull, free > reserve &+ 2 * bytes || holdsAll {
            self.isHeld.store(make(), ordering: .relaxed)
        }
    }

    /// Whether the file is there from an earlier run.
    private var holdsAll: Bool {
        var about = stat()
        return stat(path, &about) == 0 && UInt64(about.st_blocks) * 512 >= bytes
    }

    private func make() -> Bool {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { return false }
        defer { close(file) }
        guard posix_fallocate(file, 0, off_t(bytes)) == 0 else {
            unlink(path)
            return false
        }
        return true
    }
}
