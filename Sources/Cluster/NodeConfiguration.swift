package import Wire

/// Who a node is: fixed when its data directory is made, by `lodge cluster init` or `join`.
package struct NodeIdentity: Sendable, Equatable {
    package var cluster: ClusterID
    package var node: NodeID
    package var name: String
    package var zone: String
    /// Whether the cluster's shards begin on this node's disk.
    package var isFounder: Bool
    /// Where the other nodes reach it; nil for a node that is alone.
    package var address: String?
    /// Nodes that were known when it joined, to find the others by.
    package var seeds: [NodeRecord]

    package init(
        cluster: ClusterID, node: NodeID = NodeID(rawValue: 1), name: String = "n1",
        zone: String = "default", isFounder: Bool = true, address: String? = nil,
        seeds: [NodeRecord] = []
    ) {
        self.cluster = cluster
        self.node = node
        self.name = name
        self.zone = zone
        self.isFounder = isFounder
        self.address = address
        self.seeds = seeds
    }
}

/// What one node may choose for itself. Values that all nodes must share live in the directory.
package struct NodeConfiguration: Sendable {
    /// The folder that holds everything the node keeps. Made when missing, with access for its owner only.
    package var dataDirectory: String
    package var identity: NodeIdentity
    /// Tenant shards, 1-64, fixed when the cluster is made.
    package var shardCount: Int
    /// Page caches of all writing connections together, in MB.
    package var cacheMegabytes: Int
    /// Threads for the shards' transactions, 1-64.
    package var lanes: Int
    /// Threads for reads, 1-64.
    package var readerLanes: Int
    /// Requests that may wait for one shard before more are refused.
    package var queueLimit: Int
    /// The log's length in MB beyond which its oldest part is given up.
    package var logMegabytes: Int
    /// How long a shard's SQLite WAL grows before it is folded into the file, in pages of 4 KiB; nil for as long as the disk has room for,
    /// up to 32 MB.
    package var walPages: Int?
    /// Free space in MB below which nothing new is taken.
    package var diskReserveMegabytes: Int
    /// Disk space in MB that a file holds until the disk is full, so that there is room to become shorter.
    package var ballastMegabytes: Int
    /// How often all rows are read and compared with their state hashes, in minutes; 0 for never.
    package var scrubMinutes: Int
    /// Whether requests that waited over 250 ms are refused. Off only in tests under a stopped clock.
    package var shedsLateRequests: Bool

    package init(
        dataDirectory: String,
        identity: NodeIdentity = NodeIdentity(
            cluster: ClusterID(bytes: [UInt8](repeating: 0, count: 16))),
        shardCount: Int = 10, cacheMegabytes: Int = 64, lanes: Int = 2, readerLanes: Int = 2,
        queueLimit: Int = 4096, logMegabytes: Int = 512, walPages: Int? = nil,
        diskReserveMegabytes: Int = 64, ballastMegabytes: Int = 0, scrubMinutes: Int = 1440,
        shedsLateRequests: Bool = true
    ) {
        self.dataDirectory = dataDirectory
        self.identity = identity
        self.shardCount = shardCount
        self.cacheMegabytes = cacheMegabytes
        self.lanes = lanes
        self.readerLanes = readerLanes
        self.queueLimit = queueLimit
        self.logMegabytes = logMegabytes
        self.walPages = walPages
        self.diskReserveMegabytes = diskReserveMegabytes
        self.ballastMegabytes = ballastMegabytes
        self.scrubMinutes = scrubMinutes
        self.shedsLateRequests = shedsLateRequests
    }
}
