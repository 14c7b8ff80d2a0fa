import Glibc
import Synchronization
import Wire

/// Why a data directory cannot be used.
package struct DataDirectoryFault: Error, CustomStringConvertible {
    package let description: String
    package init(description: String) { self.description = description }
}

/// The node's folder: `lock`, `shards/<number>.sqlite`. One process holds it at a time.
///
final class DataDirectory: Sendable {
    let path: String
    /// The lock's descriptor until it is closed.
    private let lock: Mutex<Int32?>

    init(_ path: String) throws {
        self.path = path
        try Self.make(path)
        try Self.make(path + "/shards")
        let descriptor = Glibc.open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.fault("cannot make \(path)/lock") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(descriptor)
            throw DataDirectoryFault(
                description: "\(path) is in use by another lodged; one process per data directory")
        }
        lock = Mutex(descriptor)
    }

    deinit { close() }

    /// Lets another process have the folder. Nothing of it may be used afterwards.
    func close() {
        lock.withLock { descriptor in
            if let descriptor { Glibc.close(descriptor) }
            descriptor = nil
        }
    }

    func shardPath(_ shard: ShardID) -> String { "\(path)/shards/\(shard).sqlite" }

    /// Whether the directory's shard was made.
    var hasDirectory: Bool { access(shardPath(.directory), F_OK) == 0 }

    /// How many tenant shards the folder holds; 0 when it is new.
    func existingShardCount() -> Int {
        var count = 0
        while access(shardPath(ShardID(rawValue: UInt16(count + 1))), F_OK) == 0 { count += 1 }
        return count
    }

    private static func make(_ path: String) throws {
        if mkdir(path, 0o700) != 0 && errno != EEXIST { throw fault("cannot make folder \(path)") }
        guard access(path, W_OK | X_OK) == 0 else { throw fault("cannot write to folder \(path)") }
    }

    private static func fault(_ text: String) -> DataDirectoryFault {
        DataDirectoryFault(description: "\(text): \(String(cString: strerror(errno)))")
    }
}
