import Wire

/// What a process leaves behind in the log's folder when its disk fails: why, and where the log ended that was known to be durable.
///
/// Whatever a replica promised, it promised after a sync that succeeded. So the log up to that end holds every promise, and nothing
/// behind it counts, whether it can be read back or not: after a failed sync the system may show bytes that the disk never got, and
/// say of the next sync that all is well (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020). Cutting what is
/// behind leaves what a loss of power at the last good sync would have left.
///
/// The file's first line is `end <segment> <byte> <next batch> <CRC-32 of the line before it>`, in decimal; it is missing when the end
/// was not known. The reason follows.
struct PoisonMarker: Equatable, Sendable {
    /// Where the next batch was to go.
    struct End: Equatable, Sendable {
        let segment: UInt64
        let offset: Int
        let sequence: UInt64
    }

    let reason: String
    let end: End?

    init(reason: String, end: End?) {
        self.reason = reason
        self.end = end
    }

    /// - Parameter text: whatever is in the file: a failing disk may have torn it.
    init(text: String) {
        let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        end = lines.count == 2 ? Self.end(lines[0]) : nil
        let reason = end == nil ? text : String(lines[1])
        self.reason = reason.isEmpty ? "the reason was not written" : reason
    }

    private static func end(_ line: Substring) -> End? {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 5, words[0] == "end", let segment = UInt64(words[1]),
            let offset = Int(words[2]), offset >= 0, let sequence = UInt64(words[3]),
            let checksum = UInt32(words[4])
        else { return nil }
        let end = End(segment: segment, offset: offset, sequence: sequence)
        return checksum == Checksum.crc32(Array(numbers(end).utf8)) ? end : nil
    }

    private static func numbers(_ end: End) -> String {
        "end \(end.segment) \(end.offset) \(end.sequence)"
    }

    var text: String {
        guard let end else { return reason }
        let numbers = Self.numbers(end)
        return "\(numbers) \(Checksum.crc32(Array(numbers.utf8)))\n\(reason)"
    }

    // MARK: In the folder

    static func path(in folder: String) -> String { folder + "/" + SegmentFormat.poisonName }

    static func read(_ folder: String, _ files: any LogFiles) throws(FileFault) -> PoisonMarker? {
        guard try files.list(folder).contains(SegmentFormat.poisonName) else { return nil }
        let file = try files.open(path(in: folder), create: false)
        let bytes = try file.bytes(at: 0, count: min(try file.size(), 4096))
        return PoisonMarker(text: String(decoding: bytes, as: UTF8.self))
    }

    func write(to folder: String, _ files: any LogFiles) throws(FileFault) {
        let file = try files.open(Self.path(in: folder), create: true)
        try file.write(Array(text.utf8), at: 0)
        try file.syncData()
        try files.syncFolder(folder)
    }

    static func remove(from folder: String, _ files: any LogFiles) throws(FileFault) {
        try files.remove(path(in: folder))
        try files.syncFolder(folder)
    }

    /// Makes what lies behind the end go away for good. Stopped half-way, it may be called again.
    static func cut(
        _ folder: String, _ files: any LogFiles, behind end: End
    ) throws(FileFault) {
        for segment in try LogWalk.openSegments(files, folder: folder)
        where segment.number >= end.segment {
            if segment.number > end.segment {
                try files.remove(folder + "/" + segment.name)
                try files.syncFolder(folder)
                continue
            }
            // All of it: what is written is also what the disk must take before this is over.
            let zeros = [UInt8](repeating: 0, count: 1 << 20)
            var offset = end.offset
            while offset < segment.size {
                let count = min(zeros.count, segment.size - offset)
                try segment.file.write(
                    count == zeros.count ? zeros : Array(zeros[..<count]), at: offset)
                offset += count
            }
            try segment.file.syncData()
        }
    }
}
