import Glibc
package import ShardStore

/// Work on copies of rows: apart from the lanes and from the readers that requests wait for.
extension Node {
    /// A folder for copies of rows on this node, emptied whenever it starts. Whoever makes a file in it removes it.
    package var scratchFolder: String { folder.scratchPath }

    /// Bytes that copies may take before the disk is down to what the node keeps free.
    package var scratchRoom: Int64 {
        let reserve = Int64(configuration.diskReserveMegabytes) << 20
        return max(0, Int64(clamping: folder.freeBytes ?? .max) - 2 * reserve)
    }

    /// Opens a connection of one's own that reads a shard's rows as they are here, with time for what takes long. It holds up no reader; while
    /// a read goes on, though, SQLite's WAL cannot be folded beyond it.
    package func openReader(of tenant: TenantRoute) throws -> ShardReaderConnection {
        let view = board[tenant.shard]
        guard view.isReadable, !view.path.isEmpty else { throw NotLeader(leader: view.leader) }
        return try ShardReaderConnection(path: view.path, budgetThousands: 10_000_000)
    }

    /// Removes a copy that `ShardStore` made.
    package func removeScratch(_ path: String) {
        precondition(path.hasPrefix(scratchFolder + "/"))
        for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
    }
}
