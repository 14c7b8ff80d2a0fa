import Wire

/// Finds the log among the files of a folder and goes through its batches in order: what recovery and inspection share.
///
/// It changes nothing. It tells a torn tail, which is no fault, from damage, which is thrown.
struct LogWalk {
    struct Segment {
        let number: UInt64
        let name: String
        let file: any LogFile
        let size: Int
    }

    /// A batch as it lies in its segment.
    struct Batch {
        let segment: Segment
        let offset: Int
        let header: BatchHeader
        let body: UnsafeRawBufferPointer
        var bodyOffset: Int { offset + SegmentFormat.batchHeaderLength }
    }

    struct Outcome {
        /// Those the log is in, oldest first; none when there is no log yet.
        var segments: [Segment] = []
        /// Segment files that are not part of the log: older than its beginning, or begun and never finished.
        var leftovers: [Segment] = []
        var identity: [UInt8] = []
        /// Of the batch to come, and what it must repeat.
        var nextSequence: UInt64 = 1
        var chain: UInt32 = 0
        /// Where the batch to come goes in the last segment.
        var tail = 0
        /// Whether part of a batch is there, of which nobody was told that it is durable.
        var isTorn = false
    }

    private let files: any LogFiles
    private let folder: String
    private var seed: UInt32 = 0
    private var outcome = Outcome()
    /// Where the log ends so far.
    private var end = Place(segment: 0, offset: 0)

    private struct Place {
        let segment: UInt64
        let offset: Int
        /// Whose records the batch there has, if there is one that still tells.
        var shards: [ShardID]?
    }

    /// - Parameters:
    ///   - identity: whose log it must be; nil to accept any.
    ///   - visit: called with every valid batch.
    static func walk(
        _ files: any LogFiles, folder: String, identity: [UInt8]?,
        visit: (Batch) throws -> Void
    ) throws -> Outcome {
        var walk = LogWalk(files: files, folder: folder)
        try walk.run(identity, visit)
        return walk.outcome
    }

    private init(files: any LogFiles, folder: String) {
        self.files = files
        self.folder = folder
    }

    static func openSegments(
        _ files: any LogFiles, folder: String
    ) throws(FileFault) -> [Segment] {
        var segments: [Segment] = []
        for name in try files.list(folder) {
            guard let number = SegmentFormat.segmentNumber(ofName: name) else { continue }
            let file = try files.open(folder + "/" + name, create: false)
            segments.append(
                Segment(number: number, name: name, file: file, size: try file.size()))
        }
        return segments.sorted { $0.number < $1.number }
    }

    private mutating func run(_ identity: [UInt8]?, _ visit: (Batch) throws -> Void) throws {
        let all = try Self.openSegments(files, folder: folder)
        var headers: [SegmentHeader?] = []
        for segment in all { headers.append(try header(of: segment, identity)) }
        outcome.identity = identity ?? headers.compactMap { $0 }.last?.identity ?? []
        seed = Checksum.crc32(outcome.identity)
        let beginning = try beginning(all, headers)
        outcome.leftovers = Array(all[..<beginning])
        for place in beginning..<all.count {
            let bytes = try all[place].file.bytes(at: 0, count: all[place].size)
            let goesOn = try bytes.withUnsafeBytes { raw in
                try self.walk(all[place], headers[place], raw, visit)
            }
            if !goesOn {
                // Nothing of the log follows, unless something is damaged.
                for segment in all[(place + 1)...] { try expectNothing(in: segment) }
                outcome.leftovers += all[place...]
                return
            }
        }
    }

    private func header(
        of segment: Segment, _ identity: [UInt8]?
    ) throws -> SegmentHeader? {
        let bytes = try segment.file.bytes(
            at: 0, count: min(segment.size, SegmentFormat.headerLength))
        switch bytes.withUnsafeBytes(SegmentHeader.read) {
        case .invalid: return nil
        case .unsupportedVersion(let version):
            throw LogFault.unsupportedVersion(file: segment.name, version: version)
        case .header(let header):
            // A file that was to become another segment still says what it was.
            guard header.number == segment.number else { return nil }
            guard identity == nil || header.identity == identity else {
                throw LogFault.foreign(file: segment.name)
            }
            return header
        }
    }

    /// The newest segment that says the log begins there, and got as far as its first batch; else the oldest one.
    private func beginning(_ all: [Segment], _ headers: [SegmentHeader?]) throws -> Int {
        for place in all.indices.reversed() where headers[place]?.beginsLog == true {
            let bytes = try all[place].file.bytes(at: 0, count: all[place].size)
            let isWhole = bytes.withUnsafeBytes { raw in
                let offset = SegmentFormat.headerLength
                guard let batch = BatchHeader.read(raw, at: offset, seed: seed) else {
                    return false
                }
                return batch.sequence == headers[place]?.firstSequence
                    && batch.body(in: raw, at: offset) != nil
            }
            if isWhole { return place }
        }
        return 0
    }

    /// - Returns: whether the segment is part of the log.
    private mutating func walk(
        _ segment: Segment, _ header: SegmentHeader?, _ raw: UnsafeRawBufferPointer,
        _ visit: (Batch) throws -> Void
    ) throws -> Bool {
        if outcome.segments.isEmpty {
            end = Place(segment: segment.number, offset: 0)
            if let header {
                outcome.nextSequence = header.firstSequence
                outcome.chain = header.chain
            }
        }
        guard let header, header.firstSequence == outcome.nextSequence,
            header.chain == outcome.chain
        else {
            // It was begun and its first write never ended; or it is damaged, or what was before it is.
            try expectNothing(in: segment, header, raw)
            return false
        }
        var offset = SegmentFormat.headerLength
        while let batch = BatchHeader.read(raw, at: offset, seed: seed),
            batch.sequence == outcome.nextSequence, batch.chain == outcome.chain
        {
            guard batch.version == SegmentFormat.version else {
                throw LogFault.unsupportedVersion(file: segment.name, version: batch.version)
            }
            guard let body = batch.body(in: raw, at: offset) else { break }
            if outcome.segments.last?.number != segment.number { outcome.segments.append(segment) }
            try visit(Batch(segment: segment, offset: offset, header: batch, body: body))
            offset += batch.stride
            outcome.nextSequence += 1
            outcome.chain = batch.checksum
        }
        let isEmpty = outcome.segments.last?.number != segment.number
        if !isEmpty || outcome.segments.isEmpty {
            end = Place(segment: segment.number, offset: offset)
            if let batch = BatchHeader.read(raw, at: offset, seed: seed),
                batch.sequence == outcome.nextSequence
            {
                end.shards = batch.shards(of: (0...64).map { ShardID(rawValue: $0) })
            }
        }
        // The batch to come is not here. Whether it is torn, or never was, or was damaged, is told by what came after it.
        try expectNothing(after: outcome.nextSequence, in: raw, from: offset)
        if isEmpty, outcome.segments.isEmpty, header.firstSequence > 1 {
            // What came before it was given up because this was durable.
            throw damage("the log's first batch is not valid")
        }
        if !isEmpty {
            outcome.tail = offset
            outcome.isTorn = hasTornBatch(raw, at: offset)
        }
        return !isEmpty
    }

    private func hasTornBatch(_ raw: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        guard let batch = BatchHeader.read(raw, at: offset, seed: seed) else {
            let end = min(raw.count, offset + SegmentFormat.batchHeaderLength)
            return offset < end && raw[offset..<end].contains { $0 != 0 }
        }
        return batch.sequence >= outcome.nextSequence
    }

    /// A batch was written only after the one before it was durable: a later one proves that this one was.
    private func expectNothing(
        after sequence: UInt64, in raw: UnsafeRawBufferPointer, from start: Int
    ) throws {
        var offset = start
        while offset + SegmentFormat.batchHeaderLength <= raw.count {
            if let batch = BatchHeader.read(raw, at: offset, seed: seed), batch.sequence > sequence
            {
                throw damage("batch \(sequence) is not valid, but batch \(batch.sequence) is there")
            }
            offset += 8
        }
    }

    private func expectNothing(
        in segment: Segment, _ header: SegmentHeader?, _ raw: UnsafeRawBufferPointer
    ) throws {
        if let header, header.firstSequence > outcome.nextSequence {
            throw damage(
                "batch \(outcome.nextSequence) is not valid or its segment is gone, but segment "
                    + "\(segment.number) begins with batch \(header.firstSequence)")
        }
        try expectNothing(after: outcome.nextSequence, in: raw, from: 0)
    }

    private func expectNothing(in segment: Segment) throws {
        let header = try header(of: segment, nil)
        let bytes = try segment.file.bytes(at: 0, count: segment.size)
        try bytes.withUnsafeBytes { try expectNothing(in: segment, header, $0) }
    }

    /// - Returns: a fault at the place where the batch to come should have been.
    private func damage(_ reason: String) -> LogFault {
        .damaged(segment: end.segment, offset: end.offset, shards: end.shards, reason: reason)
    }
}
