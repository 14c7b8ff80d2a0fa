package import Consensus
package import Wire

/// Something that must be durable of one replica group.
package struct LogChange: Sendable {
    package let shard: ShardID
    package let content: Content

    package enum Content: Sendable {
        /// A replica begins on this disk. What an earlier one of its shard left goes.
        case born(ReplicaID, SnapshotHead)
        /// What consensus asks to be stored, with the bytes of each of its blocks.
        case write(Write, payloads: [[UInt8]])
        /// The log need not hold what is before this any more; a boundary of blocks. Nothing happens when it begins later.
        case start(SnapshotHead)
        /// The replica is gone. No replica of the shard up to this id is ever held here again.
        case removed(floor: ReplicaID)
    }

    package init(shard: ShardID, _ content: Content) {
        self.shard = shard
        self.content = content
    }
}

/// A replica as its disk has it: what `Raft` is made from.
package struct RecoveredReplica: Equatable, Sendable {
    package let replica: ReplicaID
    package let hardState: HardState
    package let start: SnapshotHead
    package let blocks: [BlockHead]
    package init(
        replica: ReplicaID, hardState: HardState, start: SnapshotHead, blocks: [BlockHead]
    ) {
        self.replica = replica
        self.hardState = hardState
        self.start = start
        self.blocks = blocks
    }
}

/// How the log lies on the disk.
package struct LogOptions: Sendable {
    /// How long a segment file is. One whose only batch is longer is as long as that.
    package var segmentBytes: Int
    /// How many segments that are not needed any more are kept to be used again.
    package var spareSegments: Int
    package init(segmentBytes: Int = 64 << 20, spareSegments: Int = 2) {
        precondition(segmentBytes >= 512 && segmentBytes % 8 == 0)
        precondition(spareSegments >= 0)
        self.segmentBytes = segmentBytes
        self.spareSegments = spareSegments
    }
}

/// What the log has done and holds. Counts are since it was opened.
package struct LogStatistics: Equatable, Sendable {
    package var batches = 0
    package var bytesWritten = 0
    /// Of data; folders apart.
    package var syncs = 0
    /// Files with records, the one being written included.
    package var segments = 0
    package var segmentBytes = 0
    package var spareSegments = 0
    /// Blocks that no `start`, truncation or snapshot has cut, and their bytes.
    package var liveBlocks = 0
    package var liveBytes = 0
    package init() {}
}

/// A shard that keeps the oldest segment from being used again.
package struct LogPin: Equatable, Sendable {
    package let shard: ShardID
    /// Once the log of the shard begins at or after this entry, it pins that segment no more.
    package let through: LogIndex
    package let bytes: Int
}
