import Consensus
import Synchronization
import Wire

/// The end of the log: makes batches of changes and puts them on the disk.
struct LogWriter: Sendable {
    private(set) var shards: [ShardID: ShardState]
    /// Files whose segments are not needed any more, by number.
    private(set) var spares: [UInt64] = []
    private var done = LogStatistics()

    private let folder: String
    private let files: any LogFiles
    private let identity: [UInt8]
    private let seed: UInt32
    private let options: LogOptions
    private var failure: String?

    private var file: (any LogFile)?
    private var number: UInt64
    private var size: Int
    /// Where the next batch goes, with which sequence, and behind which batch.
    private var tail: Int
    private var sequence: UInt64
    private var chain: UInt32
    private var buffer = ByteWriter()

    /// - Parameter file: the segment to go on with; nil to begin one above `number`.
    init(
        folder: String, files: any LogFiles, identity: [UInt8], options: LogOptions,
        shards: [ShardID: ShardState], file: (any LogFile)?, number: UInt64, size: Int, tail: Int,
        sequence: UInt64, chain: UInt32
    ) {
        self.folder = folder
        self.files = files
        self.identity = identity
        seed = Checksum.crc32(identity)
        self.options = options
        self.shards = shards
        self.file = file
        self.number = number
        self.size = size
        self.tail = tail
        self.sequence = sequence
        self.chain = chain
    }

    /// What was done, and the files that wait to be used again.
    var statistics: LogStatistics {
        var statistics = done
        statistics.spareSegments = spares.count
        return statistics
    }

    /// A batch as it goes into the buffer.
    private struct Draft {
        var records: [LogRecord] = []
        /// The shards it changes, as they will be.
        var shards: [ShardID: ShardState] = [:]
        var shardBits: UInt64 = 0
        var checksum: UInt32 = 0
    }

    // MARK: Appending

    mutating func append(_ changes: [LogChange], _ index: borrowing Mutex<BlockIndex>) throws {
        if let failure { throw LogFault.failed(failure) }
        var draft = Draft()
        beginBatch()
        try encode(changes, into: &draft, base: tail)
        index.withLock { expectBoundaries(draft.records, $0) }
        completeBatch(&draft)
        do {
            if file != nil, tail + buffer.count <= size {
                try writeBatch()
                index.withLock { publish(draft, &$0) }
            } else {
                draft = Draft()
                beginSegment(&draft, beginsLog: false)
                try encode(changes, into: &draft, base: 0)
                completeBatch(&draft)
                let segment = try writeSegment()
                index.withLock { index in
                    index.begin(segment)
                    publish(draft, &index)
                }
            }
            try recycle(index)
        } catch let fault as FileFault {
            guard !fault.isFull else { throw LogFault.full(fault.description) }
            fail(fault.description, index)
            throw LogFault.failed(fault.description)
        }
    }

    /// Begins a log that holds no blocks, in a segment of its own.
    mutating func beginLog(_ index: inout BlockIndex) throws {
        var draft = Draft()
        beginSegment(&draft, beginsLog: true)
        completeBatch(&draft)
        do {
            index.begin(try writeSegment())
        } catch {
            guard error.isFull else { throw error }
            throw LogFault.full(error.description)
        }
        publish(draft, &index)
    }

    private mutating func beginBatch() {
        buffer.removeAll()
        buffer.write(raw: Self.emptyHeader)
    }

    private static let emptyHeader = [UInt8](
        repeating: 0, count: SegmentFormat.batchHeaderLength)

    private mutating func beginSegment(_ draft: inout Draft, beginsLog: Bool) {
        buffer.removeAll()
        let header = SegmentHeader(
            number: number + 1, beginsLog: beginsLog, firstSequence: sequence, chain: chain,
            identity: identity)
        header.encode(into: &buffer)
        buffer.write(raw: Self.emptyHeader)
        for (shard, state) in shards.sorted(by: { $0.key < $1.key }) {
            let record = state.record(of: shard)
            record.encode(into: &buffer)
            draft.shardBits |= 1 << UInt64(shard.rawValue % 64)
        }
    }

    /// - Parameter base: where the buffer's first byte goes in its segment.
    private mutating func encode(
        _ changes: [LogChange], into draft: inout Draft, base: Int
    ) throws {
        for change in changes {
            draft.shardBits |= 1 << UInt64(change.shard.rawValue % 64)
            var state = draft.shards[change.shard] ?? shards[change.shard] ?? ShardState()
            func record(_ content: LogRecord.Content, of replica: ReplicaID? = nil) -> LogRecord {
                guard let replica = replica ?? state.held?.replica else {
                    preconditionFailure("a change of shard \(change.shard), which is not here")
                }
                return LogRecord(shard: change.shard, replica: replica, content: content)
            }
            var records: [LogRecord] = []
            switch change.content {
            case .born(let replica, let head):
                let floor = max(state.floor, state.held?.replica ?? state.floor)
                guard replica > floor else {
                    throw LogFault.replicaWasHeld(
                        change.shard, replica: replica.rawValue, floor: floor.rawValue)
                }
                records = [record(.born(head), of: replica)]
            case .removed(let floor): records = [record(.removed, of: floor)]
            case .start(let head):
                if let held = state.held, head.position.index <= held.start.position.index {
                    continue
                }
                records = [record(.started(head))]
            case .write(let write, _):
                if let hardState = write.hardState { records.append(record(.voted(hardState))) }
                if let snapshot = write.snapshot { records.append(record(.reset(snapshot))) }
                if let last = write.truncateAfter {
                    records.append(record(.truncated(after: last)))
                }
            }
            for record in records { record.encode(into: &buffer) }
            if case .write(let write, let payloads) = change.content, !write.blocks.isEmpty {
                records.append(
                    LogRecord.encode(
                        write.blocks, payloads: payloads, shard: change.shard,
                        replica: record(.floor).replica, into: &buffer, at: base))
            }
            for record in records {
                do { try state.apply(record) } catch {
                    preconditionFailure("shard \(change.shard): \(error.reason)")
                }
            }
            draft.records += records
            draft.shards[change.shard] = state
        }
    }

    /// Blocks are never split: a log that could not be read back must not be written.
    private func expectBoundaries(_ records: [LogRecord], _ index: BlockIndex) {
        for (place, record) in records.enumerated() {
            let boundary: LogIndex
            switch record.content {
            case .truncated(let last): boundary = last
            case .started(let head): boundary = head.position.index
            default: continue
            }
            let held = shards[record.shard]?.held
            let isBoundary =
                boundary == held?.start.position.index || boundary >= held?.last ?? .zero
                || index.hasBoundary(record.shard, boundary)
                || records[..<place].contains {
                    guard $0.shard == record.shard else { return false }
                    switch $0.content {
                    case .born, .reset: return true
                    case .blocks(let blocks): return blocks.contains { $0.head.last == boundary }
                    default: return false
                    }
                }
            precondition(isBoundary, "shard \(record.shard): \(boundary) is within a block")
        }
    }

    private mutating func completeBatch(_ draft: inout Draft) {
        // In a new segment its header is in front.
        let start =
            buffer.bytes.starts(with: SegmentFormat.segmentMark)
            ? SegmentFormat.headerLength : 0
        let length = buffer.count - start - SegmentFormat.batchHeaderLength
        precondition(length < 1 << 30, "a batch is shorter than 1 GiB")
        for _ in length..<SegmentFormat.padded(length) { buffer.write(0) }
        draft.checksum = BatchHeader.complete(
            &buffer, start: start, length: length, sequence: sequence, chain: chain,
            shardBits: draft.shardBits, seed: seed)
    }

    private mutating func writeBatch() throws(FileFault) {
        guard let file else { preconditionFailure("there is a segment to write to") }
        do throws(FileFault) { try file.write(buffer.bytes, at: tail) } catch {
            // What arrived is not a whole batch. Where it begins is made empty, so that it does not look like one either; it is
            // overwritten by the next.
            if error.isFull { try? file.write(Self.emptyHeader, at: tail) }
            throw error
        }
        try sync(file)
        tail += buffer.count
    }

    /// Puts the buffer into a new segment.
    private mutating func writeSegment() throws(FileFault) -> BlockIndex.Segment {
        let path = folder + "/" + SegmentFormat.segmentName(number + 1)
        var newFile: (any LogFile)?
        var newSize = options.segmentBytes
        do throws(FileFault) {
            if buffer.count <= newSize, let spare = spares.last {
                try files.rename(folder + "/" + SegmentFormat.spareName(spare), to: path)
                spares.removeLast()
                newFile = try files.open(path, create: false)
            } else {
                newSize = max(newSize, buffer.count)
                newFile = try files.open(path, create: true)
                try newFile?.preallocate(newSize)
            }
            // Its name must be durable before what is in it is.
            try files.syncFolder(folder)
            try newFile?.write(buffer.bytes, at: 0)
        } catch {
            if error.isFull, newFile != nil {
                try files.remove(path)
                try files.syncFolder(folder)
            }
            throw error
        }
        guard let newFile else { preconditionFailure("the file was opened") }
        try sync(newFile)
        file = newFile
        number += 1
        size = newSize
        tail = buffer.count
        return BlockIndex.Segment(number: number, file: newFile, size: newSize)
    }

    /// A sync that fails is final, whatever it says: what it was to write may be dropped already.
    private func sync(_ file: any LogFile) throws(FileFault) {
        do throws(FileFault) { try file.syncData() } catch {
            throw FileFault(
                operation: error.operation, path: error.path, reason: error.reason, isFull: false)
        }
    }

    /// The batch is durable: it counts.
    private mutating func publish(_ draft: Draft, _ index: inout BlockIndex) {
        sequence += 1
        chain = draft.checksum
        done.batches += 1
        done.bytesWritten += buffer.count
        done.syncs += 1
        for (shard, state) in draft.shards { shards[shard] = state }
        for record in draft.records {
            do {
                try index.apply(record, segment: number)
            } catch { preconditionFailure("shard \(record.shard): \(error.reason)") }
        }
    }

    private mutating func fail(_ reason: String, _ index: borrowing Mutex<BlockIndex>) {
        failure = reason
        index.withLock { $0.failure = reason }
        let end =
            file == nil
            ? nil : PoisonMarker.End(segment: number, offset: tail, sequence: sequence)
        // Best effort: the disk that could take it is the one that failed.
        try? PoisonMarker(reason: reason, end: end).write(to: folder, files)
    }

    // MARK: Segments that are not needed any more

    mutating func adoptSpares(named names: [String]) throws {
        for name in names.sorted() {
            guard let spare = SegmentFormat.spareNumber(ofName: name) else { continue }
            let path = folder + "/" + name
            if spares.count < options.spareSegments,
                try files.open(path, create: false).size() == options.segmentBytes
            {
                spares.append(spare)
            } else {
                try files.remove(path)
            }
        }
    }

    private mutating func recycle(_ index: borrowing Mutex<BlockIndex>) throws(FileFault) {
        while let segment = index.withLock({ $0.recyclable }) {
            guard try recycle(segment) else { return }
            index.withLock { $0.removeOldest() }
        }
    }

    mutating func recycle(_ index: inout BlockIndex) throws(FileFault) {
        while let segment = index.recyclable {
            guard try recycle(segment) else { return }
            index.removeOldest()
        }
    }

    /// - Returns: false when the disk has not even room for that now; it is done after a later batch.
    private mutating func recycle(_ segment: BlockIndex.Segment) throws(FileFault) -> Bool {
        let path = folder + "/" + SegmentFormat.segmentName(segment.number)
        let isSpare =
            spares.count < options.spareSegments && segment.size == options.segmentBytes
        do throws(FileFault) {
            if isSpare {
                try files.rename(path, to: folder + "/" + SegmentFormat.spareName(segment.number))
            } else {
                try files.remove(path)
            }
        } catch {
            guard error.isFull else { throw error }
            return false
        }
        // One by one, oldest first: the disk must never have lost a segment but not those before it.
        try syncFolder()
        if isSpare { spares.append(segment.number) }
        return true
    }

    /// Where a full disk is no excuse: what follows rests on it.
    private func syncFolder() throws(FileFault) {
        do throws(FileFault) { try files.syncFolder(folder) } catch {
            throw FileFault(
                operation: error.operation, path: error.path, reason: error.reason, isFull: false)
        }
    }
}
