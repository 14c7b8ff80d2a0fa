package import Consensus
import Glibc
import SQLite
package import ShardStore
package import Wire

/// Who makes indexes of words, as those see it who ask them. Never blocks.
package protocol WordOrders: AnyObject, Sendable {
    /// A tenant's texts are to be read on.
    /// - Returns: whether they are going to be; false when the last try in that shard could not be made.
    func wanted(_ kind: WordKind, of tenant: TenantID, in shard: ShardID) -> Bool
    /// A shard's index cannot be read.
    func damaged(_ shard: ShardID, _ error: any Error)
}

/// A reading thread's way to the index of one shard's words. Not `Sendable`.
///
/// Whatever is wrong with the index, the answer is that there is none: searches go on without.
package final class WordReader: WordCandidates {
    private let path: String
    private let shard: ShardID
    private let layout: UInt32
    private let orders: any WordOrders
    private var open: (inode: UInt64, file: WordFile)?

    package init(path: String, shard: ShardID, layout: UInt32, orders: any WordOrders) {
        self.path = path
        self.shard = shard
        self.layout = layout
        self.orders = orders
    }

    package func find(
        _ query: WordQuery, _ kind: WordKind, of tenant: TenantID, at appliedIndex: LogIndex,
        limit: Int
    ) -> IndexedRecords? {
        do {
            return try openFile()?.find(query, kind, of: tenant, at: appliedIndex, limit: limit)
        } catch {
            open = nil
            orders.damaged(shard, error)
            return nil
        }
    }

    package func wanted(_ kind: WordKind, of tenant: TenantID) -> Bool {
        orders.wanted(kind, of: tenant, in: shard)
    }

    /// The file that has the name now: an index that was thrown away and begun anew is another file.
    ///
    /// Its name is looked at once more when the file and its log are open. Whoever replaces it removes the file before the log, so with the
    /// same file still there both are of one index. Its number is nobody else's while it is open.
    private func openFile() throws -> WordFile? {
        guard let inode = Self.inode(path) else {
            open = nil
            return nil
        }
        if let open, open.inode == inode { return open.file }
        open = nil
        guard let file = try WordFile(path, .read, layout: layout), Self.inode(path) == inode else {
            return nil
        }
        open = (inode, file)
        return file
    }

    private static func inode(_ path: String) -> UInt64? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }
}
