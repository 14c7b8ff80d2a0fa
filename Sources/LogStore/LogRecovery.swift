import Consensus
import Wire

/// Makes a log's state from its files, and its files fit to be written again.
struct LogRecovery {
    private(set) var replicas: [ShardID: RecoveredReplica] = [:]
    private(set) var index = BlockIndex()
    private var shards: [ShardID: ShardState] = [:]

    init() {}

    mutating func run(
        folder: String, files: any LogFiles, identity: [UInt8], options: LogOptions
    ) throws -> LogWriter {
        let marker = try PoisonMarker.read(folder, files)
        if let marker {
            guard let end = marker.end else { throw LogFault.poisoned(marker.reason) }
            try PoisonMarker.cut(folder, files, behind: end)
        }
        let outcome = try LogWalk.walk(files, folder: folder, identity: identity) { batch in
            try replay(batch)
        }
        if let end = marker?.end {
            guard outcome.segments.last?.number == end.segment, outcome.tail == end.offset,
                outcome.nextSequence == end.sequence
            else {
                throw LogFault.damaged(
                    segment: end.segment, offset: end.offset, shards: nil,
                    reason: "the log ends before what was durable when its disk failed")
            }
        }
        guard !outcome.segments.isEmpty else {
            return try begin(outcome, folder, files, identity, options)
        }
        let incomplete = index.incomplete
        guard incomplete.isEmpty else {
            throw LogFault.damaged(
                segment: outcome.segments[0].number, offset: 0, shards: incomplete,
                reason: "blocks in segments before it are missing")
        }
        for (shard, state) in shards {
            guard let held = state.held else { continue }
            replicas[shard] = RecoveredReplica(
                replica: held.replica, hardState: held.hardState, start: held.start,
                blocks: index.heads(shard))
        }
        index.forgetHeads()
        try Self.settle(outcome, folder, files)
        if marker != nil { try PoisonMarker.remove(from: folder, files) }
        let last = outcome.segments[outcome.segments.count - 1]
        var writer = LogWriter(
            folder: folder, files: files, identity: identity, options: options, shards: shards,
            file: last.file, number: last.number, size: last.size, tail: outcome.tail,
            sequence: outcome.nextSequence, chain: outcome.chain)
        try writer.adoptSpares(named: try files.list(folder))
        try writer.recycle(&index)
        return writer
    }

    private mutating func replay(_ batch: LogWalk.Batch) throws {
        let place = (batch.segment.number, batch.offset)
        func damage(_ reason: String) -> LogFault {
            .damaged(
                segment: place.0, offset: place.1,
                shards: batch.header.shards(of: (0...64).map { ShardID(rawValue: $0) }),
                reason: reason)
        }
        if index.segments.last?.number != batch.segment.number {
            index.begin(
                BlockIndex.Segment(
                    number: batch.segment.number, file: batch.segment.file,
                    size: batch.segment.size))
        }
        do {
            for record in try LogRecord.decodeAll(batch.body, at: batch.bodyOffset) {
                try shards[record.shard, default: ShardState()].apply(record)
                try index.apply(record, segment: batch.segment.number)
            }
        } catch let contradiction as ShardState.Contradiction {
            throw damage(contradiction.reason)
        } catch let fault as DecodingFault {
            throw damage("records that cannot be read: \(fault)")
        }
    }

    /// What was read is now relied on, so it must be durable, and what was not must never come back.
    private static func settle(
        _ outcome: LogWalk.Outcome, _ folder: String, _ files: any LogFiles
    ) throws {
        let last = outcome.segments[outcome.segments.count - 1]
        if outcome.isTorn {
            let room = min(SegmentFormat.batchHeaderLength, last.size - outcome.tail)
            try last.file.write([UInt8](repeating: 0, count: room), at: outcome.tail)
        }
        try last.file.syncData()
        // Oldest first and one by one: the disk must never remember a later one without those before it.
        for leftover in outcome.leftovers {
            try files.remove(folder + "/" + leftover.name)
            try files.syncFolder(folder)
        }
    }

    private mutating func begin(
        _ outcome: LogWalk.Outcome, _ folder: String, _ files: any LogFiles, _ identity: [UInt8],
        _ options: LogOptions
    ) throws -> LogWriter {
        for leftover in outcome.leftovers { try files.remove(folder + "/" + leftover.name) }
        try files.syncFolder(folder)
        var writer = LogWriter(
            folder: folder, files: files, identity: identity, options: options, shards: [:],
            file: nil, number: outcome.leftovers.last?.number ?? 0, size: 0, tail: 0,
            sequence: 1, chain: 0)
        try writer.adoptSpares(named: try files.list(folder))
        try writer.beginLog(&index)
        index.forgetHeads()
        return writer
    }

    // MARK: Beginning anew

    static func discard(
        folder: String, files: any LogFiles, identity: [UInt8], floors: [ShardID: ReplicaID],
        options: LogOptions
    ) throws {
        let segments = try LogWalk.openSegments(files, folder: folder)
        var shards: [ShardID: ShardState] = [:]
        for (shard, floor) in floors { shards[shard, default: ShardState()].floor = floor }
        var highest: UInt64 = 0
        let seed = Checksum.crc32(identity)
        for segment in segments {
            let bytes = try segment.file.bytes(at: 0, count: segment.size)
            bytes.withUnsafeBytes { raw in
                gather(raw, seed, &shards, &highest)
            }
        }
        var index = BlockIndex()
        // Above every sequence that anything on this disk may have, also where it could not be read.
        var writer = LogWriter(
            folder: folder, files: files, identity: identity, options: options, shards: shards,
            file: nil, number: segments.last?.number ?? 0, size: 0, tail: 0,
            sequence: segments.isEmpty ? 1 : highest + 1 << 32, chain: 0)
        try writer.beginLog(&index)
        // The new log is there. Until the marker goes, whoever opens it is told to come here again.
        for segment in segments {
            try files.remove(folder + "/" + segment.name)
            try files.syncFolder(folder)
        }
        let names = try files.list(folder)
        for name in names where SegmentFormat.spareNumber(ofName: name) != nil {
            try files.remove(folder + "/" + name)
        }
        if names.contains(SegmentFormat.poisonName) {
            try files.remove(folder + "/" + SegmentFormat.poisonName)
        }
        try files.syncFolder(folder)
    }

    /// Collects the ids that are named in whatever can still be read, wherever it is.
    private static func gather(
        _ raw: UnsafeRawBufferPointer, _ seed: UInt32, _ shards: inout [ShardID: ShardState],
        _ highest: inout UInt64
    ) {
        var offset = 0
        while offset + SegmentFormat.batchHeaderLength <= raw.count {
            guard let batch = BatchHeader.read(raw, at: offset, seed: seed) else {
                offset += 8
                continue
            }
            highest = max(highest, batch.sequence)
            guard let body = batch.body(in: raw, at: offset),
                let records = try? LogRecord.decodeAll(body, at: 0)
            else {
                offset += 8
                continue
            }
            for record in records {
                var floor = max(
                    shards[record.shard]?.floor ?? ReplicaID(0), record.replica)
                if case .state(_, _, _, let other) = record.content { floor = max(floor, other) }
                shards[record.shard, default: ShardState()].floor = floor
            }
            offset += batch.stride
        }
    }
}
