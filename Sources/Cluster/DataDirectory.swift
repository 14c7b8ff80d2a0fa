import Glibc
import Synchronization
import Wire

/// Why a data directory cannot be used.
package struct DataDirectoryFault: Error, CustomStringConvertible {
    package let description: String
    package init(description: String) { self.description = description }
}

/// The node's folder. One process holds it at a time.
///
///     lock                   held while a process uses the folder
///     shard-count            how many tenant shards the cluster has
///     born                   replicas have begun here: from now on a missing log is a loss
///     has-peers              other nodes hold what this one holds
///     log/                   the node's log
///     shards/                the rows, see `ShardFiles`
///     scratch/               copies that somebody works on, nobody's after a restart
final class DataDirectory: Sendable {
    let path: String
    /// The lock's descriptor until it is closed.
    private let lock: Mutex<Int32?>

    init(_ path: String) throws {
        self.path = path
        try Self.make(path)
        try Self.make(path + "/shards")
        try Self.make(path + "/log")
        let descriptor = Glibc.open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.fault("cannot make \(path)/lock") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(descriptor)
            throw DataDirectoryFault(
                description: "\(path) is in use by another lodged; one process per data directory")
        }
        lock = Mutex(descriptor)
        try Self.make(scratchPath)
        for name in FolderListing.names(scratchPath) { unlink("\(scratchPath)/\(name)") }
    }

    deinit { close() }

    /// Lets another process have the folder. Nothing of it may be used afterwards.
    func close() {
        lock.withLock { descriptor in
            if let descriptor { Glibc.close(descriptor) }
            descriptor = nil
        }
    }

    var shardsPath: String { path + "/shards" }
    var logPath: String { path + "/log" }
    var scratchPath: String { path + "/scratch" }

    var hasLog: Bool {
        FolderListing.names(logPath).contains { !$0.hasPrefix(".") }
    }

    /// How many tenant shards the folder was made with; nil when it is new. Folders of a build that had no log are counted.
    var existingShardCount: Int? {
        if let bytes = try? OwnFile.read(path + "/shard-count"),
            let count = Int(String(decoding: bytes, as: UTF8.self).filter(\.isNumber))
        {
            return count
        }
        guard access(shardsPath + "/0.sqlite", F_OK) == 0 else { return nil }
        var count = 0
        while access("\(shardsPath)/\(count + 1).sqlite", F_OK) == 0 { count += 1 }
        return count
    }

    func keepShardCount(_ count: Int) throws {
        try OwnFile.write(Array("\(count)\n".utf8), to: path + "/shard-count")
    }

    var isBorn: Bool { access(path + "/born", F_OK) == 0 }
    func markBorn() throws { if !isBorn { try OwnFile.write([], to: path + "/born") } }

    var hasPeers: Bool { access(path + "/has-peers", F_OK) == 0 }
    func markPeers() throws { if !hasPeers { try OwnFile.write([], to: path + "/has-peers") } }

    /// What the file system has left for this user.
    var freeBytes: UInt64? {
        var space = statvfs()
        guard statvfs(path, &space) == 0 else { return nil }
        return UInt64(space.f_bavail) * UInt64(space.f_frsize)
    }

    private static func make(_ path: String) throws {
        if mkdir(path, 0o700) != 0 && errno != EEXIST { throw fault("cannot make folder \(path)") }
        guard access(path, W_OK | X_OK) == 0 else { throw fault("cannot write to folder \(path)") }
    }

    private static func fault(_ text: String) -> DataDirectoryFault {
        DataDirectoryFault(description: "\(text): \(String(cString: strerror(errno)))")
    }
}
