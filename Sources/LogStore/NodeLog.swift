package import Consensus
import Synchronization
package import Wire

/// The node's one durable log, for every replica group it has a replica of.
///
/// `append` is called by one thread, the log thread, and returns when everything it was given is on the disk. Any thread may
/// read blocks and ask for `pins`, and does not wait for a sync; `floors` may. Segments, which are files of
/// fixed length, are used again once
/// no block in them is needed; `pins` tells who still needs the oldest.
///
/// After a failed write or sync this log refuses to work. It leaves word of the last good sync (`PoisonMarker`), and whoever opens the
/// folder next goes on from there; where that word is missing, nobody knows what to trust, and every later log of the folder refuses
/// until `discard`. A full disk is no such failure.
package final class NodeLog: Sendable {
    private let writer: Mutex<LogWriter>
    private let index: Mutex<BlockIndex>
    /// As of the last batch: apart from `writer`, which a sync holds nearly all the time under load.
    private let published: Mutex<LogStatistics>
    /// What was in the folder.
    private let recovered: Mutex<[ShardID: RecoveredReplica]>

    /// Opens the log of a folder, or begins one where there is none.
    /// - Parameter identity: names cluster and node, at most 64 bytes; another's log is refused.
    /// - Throws: `LogFault` and `FileFault`.
    package init(
        folder: String, files: any LogFiles, identity: [UInt8], options: LogOptions = LogOptions()
    ) throws {
        precondition(identity.count <= SegmentFormat.identityLimit, "an identity is 64 bytes")
        var recovery = LogRecovery()
        let writer = try recovery.run(
            folder: folder, files: files, identity: identity, options: options)
        recovered = Mutex(recovery.replicas)
        index = Mutex(recovery.index)
        published = Mutex(writer.statistics)
        self.writer = Mutex(writer)
    }

    /// The replicas that were in the folder when it was opened. They are handed out once: their heads are not kept.
    package func takeRecovered() -> [ShardID: RecoveredReplica] {
        recovered.withLock { recovered in
            defer { recovered = [:] }
            return recovered
        }
    }

    /// No replica of a shard up to this id may begin here.
    package var floors: [ShardID: ReplicaID] {
        writer.withLock { $0.shards.mapValues { max($0.floor, $0.held?.replica ?? $0.floor) } }
    }

    /// Makes changes durable, all in one batch and in order: after a crash either all of them are there or none. They are
    /// written and synced once, whatever their number.
    ///
    /// The caller bounds them: a batch longer than a segment gets a segment of its own length, and one of 1 GiB is refused.
    /// - Throws: `LogFault.full` and `.replicaWasHeld`, after which nothing of the batch counts and the log goes on; any other
    ///   error is final.
    package func append(_ changes: [LogChange]) throws {
        guard !changes.isEmpty else { return }
        try writer.withLock { writer in
            // Also of a batch that failed: what came before it counts.
            defer { published.withLock { $0 = writer.statistics } }
            try writer.append(changes, index)
        }
    }

    /// The bytes of a block, once the append that held it returned.
    package func payload(shard: ShardID, block: BlockHead) throws -> [UInt8] {
        let found = try index.withLock { index in
            if let failure = index.failure { throw LogFault.failed(failure) }
            return Self.find(shard, block, in: index)
        }
        guard let (place, segment) = found else {
            throw LogFault.notHeld(shard, index: block.last.rawValue)
        }
        let bytes = try segment.file.bytes(at: Int(place.offset), count: Int(place.length))
        guard bytes.count == Int(place.length), Checksum.crc32(bytes) == place.checksum else {
            // It may have been cut meanwhile, and its segment used again.
            guard index.withLock({ Self.find(shard, block, in: $0) != nil }) else {
                throw LogFault.notHeld(shard, index: block.last.rawValue)
            }
            throw LogFault.damaged(
                segment: segment.number, offset: Int(place.offset), shards: [shard],
                reason: "a block's bytes have changed")
        }
        return bytes
    }

    private static func find(
        _ shard: ShardID, _ block: BlockHead, in index: BlockIndex
    ) -> (BlockIndex.Place, BlockIndex.Segment)? {
        guard let place = index.place(shard, block.last), place.term == block.term,
            Int(place.length) == block.bytes, let segment = index.segment(place.segment)
        else { return nil }
        return (place, segment)
    }

    /// What every append that has returned did; waits for no sync.
    package var statistics: LogStatistics {
        var statistics = published.withLock { $0 }
        index.withLock { index in
            statistics.segments = index.segments.count
            statistics.segmentBytes = index.segments.reduce(0) { $0 + $1.size }
            statistics.liveBlocks = index.liveBlocks
            statistics.liveBytes = index.liveBytes
        }
        return statistics
    }

    /// The shards that keep the oldest segment from being used again, in order; none when that is the one being written. Who
    /// wants the log shorter makes their rows durable up to `through` and appends `start` for them.
    package var pins: [LogPin] { index.withLock { $0.pins } }

    /// Begins the log of a folder anew, after damage or a failed disk. Of what was there only the ids are kept that its
    /// replicas had, as floors, so that none of them ever speaks again. Stopped half-way, it may be called again.
    /// - Parameter floors: ids the caller knows of, in case damage has hidden them.
    package static func discard(
        folder: String, files: any LogFiles, identity: [UInt8],
        floors: [ShardID: ReplicaID] = [:], options: LogOptions = LogOptions()
    ) throws {
        try LogRecovery.discard(
            folder: folder, files: files, identity: identity, floors: floors, options: options)
    }
}
