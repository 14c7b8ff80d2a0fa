import SQLite
package import Wire

/// The B-trees that requests write, and how many pages of each: the price of a write in a file with many active tenants,
/// where nearly every page touched is another one to copy, checksum and checkpoint (engine.md, section 13).
package struct TouchedPages: Sendable, Equatable {
    /// Pages by table or index of the schema.
    package let pages: [String: Int]
    /// Pages of the store's own tables and of the file's head, paid once a batch.
    package let ownPages: Int
    /// What the requests did, as it is logged.
    package let block: Block?
}

extension ShardStore {
    /// Commits the requests and finds out what they wrote. Folds the WAL into the file before and reads all of it after: for
    /// measuring, not for a node.
    package func touchedPages(by requests: [ShardRequest], now: Timestamp) throws -> TouchedPages {
        try checkpoint()
        let batch = try prepare(requests, now: now)
        try commit()
        for case .thrown(let error) in batch.outcomes { throw error }
        guard let written = try connection.walPages() else {
            preconditionFailure("the WAL of \(path) cannot be read")
        }
        let owners = try connection.pageOwners()
        var pages: [String: Int] = [:]
        var own = 0
        for page in written {
            let owner = owners[page] ?? ""
            if catalog.isOfSchema(owner) { pages[owner, default: 0] += 1 } else { own += 1 }
        }
        return TouchedPages(pages: pages, ownPages: own, block: batch.block)
    }
}

extension TableCatalog {
    /// Whether a B-tree is a captured table or an index of one, not the store's own or SQLite's.
    fileprivate func isOfSchema(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(Self.ownPrefix) && !name.hasPrefix("sqlite_")
    }
}
