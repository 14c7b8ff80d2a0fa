/// What one node may choose for itself. Values that all nodes must share live in the directory.
package struct NodeConfiguration: Sendable {
    /// The folder that holds everything the node keeps. Made when missing, with access for its owner only.
    package var dataDirectory: String
    /// Tenant shards, 1-64, fixed when the data directory is made.
    package var shardCount: Int
    /// Page caches of all writing connections together, in MB.
    package var cacheMegabytes: Int
    /// Threads for reads, 1-64.
    package var readerLanes: Int
    /// Requests that may wait for one shard before more are refused.
    package var queueLimit: Int
    /// Whether requests that waited over 250 ms are refused. Off only in tests under a stopped clock.
    package var shedsLateRequests: Bool

    package init(
        dataDirectory: String, shardCount: Int = 10, cacheMegabytes: Int = 64,
        readerLanes: Int = 2, queueLimit: Int = 4096, shedsLateRequests: Bool = true
    ) {
        self.dataDirectory = dataDirectory
        self.shardCount = shardCount
        self.cacheMegabytes = cacheMegabytes
        self.readerLanes = readerLanes
        self.queueLimit = queueLimit
        self.shedsLateRequests = shedsLateRequests
    }
}
