import Consensus
import LogStore
import Measurement
import Wire

/// The node's log: what an append costs this thread. How long a sync lasts is a matter of the disk, see `MachineLimits`.
enum LogParts {
    static let all: [HotPart] = [
        HotPart("log-append-1", "append a block of 300 bytes, without sync", iterations: 30_000) {
            try append($0, shards: 1, UnsyncedFiles())
        },
        HotPart(
            "log-append-16", "append blocks of 300 bytes of 16 shards as one batch, without sync",
            iterations: 4000
        ) { try append($0, shards: 16, UnsyncedFiles()) },
        HotPart(
            "log-append-synced", "append a block of 300 bytes, with its sync (CPU)", iterations: 500
        ) { try append($0, shards: 1, DiskFiles()) },
    ]

    private static let identity = Array("lodge-bench".utf8)

    private static func append(
        _ run: PartRun, shards: Int, _ files: any LogFiles
    ) throws -> PartResult {
        let folder = run.folder
        var log: NodeLog? = try NodeLog(folder: folder, files: files, identity: identity)
        let ids = (1...shards).map { ShardID(rawValue: UInt16($0)) }
        let replica = ReplicaID(1)
        let birth = SnapshotHead(
            position: .zero, configuration: Configuration(voters: [replica]))
        try log?.append(
            ids.flatMap { shard in
                [
                    LogChange(shard: shard, .born(replica, birth)),
                    LogChange(
                        shard: shard,
                        .write(
                            Write(sequence: 1, hardState: HardState(term: Term(1), vote: replica)),
                            payloads: [])),
                ]
            })
        let payload = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        func head(_ turn: Int) -> BlockHead {
            let index = LogIndex(UInt64(turn + 1))
            return BlockHead(
                first: index, last: index, term: Term(1), bytes: payload.count, content: .entries)
        }
        let before = log?.statistics.bytesWritten ?? 0
        var result = try run.measure { turn in
            let head = head(turn)
            let write = Write(sequence: UInt64(turn + 2), blocks: [head])
            try log?.append(
                ids.map { LogChange(shard: $0, .write(write, payloads: [payload])) })
        }
        result.bytesEach =
            Double((log?.statistics.bytesWritten ?? 0) - before) / Double(run.turns)
        // Again from the files: what was appended is there.
        log = nil
        let opened = try NodeLog(folder: folder, files: files, identity: identity)
        let recovered = opened.takeRecovered()
        for shard in ids {
            let blocks = recovered[shard]?.blocks.count ?? 0
            try run.expect(blocks == run.turns, "\(blocks) blocks of \(run.turns) are in the log")
            try run.expect(
                try opened.payload(shard: shard, block: head(run.turns - 1)) == payload,
                "the last block has other bytes")
        }
        return result
    }
}

/// The real disk, except that nobody waits for it.
private struct UnsyncedFiles: LogFiles {
    private let disk = DiskFiles()

    func list(_ folder: String) throws(FileFault) -> [String] { try disk.list(folder) }
    func open(_ path: String, create: Bool) throws(FileFault) -> any LogFile {
        UnsyncedFile(try disk.open(path, create: create))
    }
    func rename(_ path: String, to newPath: String) throws(FileFault) {
        try disk.rename(path, to: newPath)
    }
    func remove(_ path: String) throws(FileFault) { try disk.remove(path) }
    func syncFolder(_ folder: String) throws(FileFault) {}
}

private final class UnsyncedFile: LogFile {
    private let file: any LogFile

    init(_ file: any LogFile) { self.file = file }

    func size() throws(FileFault) -> Int { try file.size() }
    func preallocate(_ size: Int) throws(FileFault) { try file.preallocate(size) }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileFault) {
        try file.write(bytes, at: offset)
    }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFault) -> Int {
        try file.read(into: buffer, at: offset)
    }
    func syncData() throws(FileFault) {}
}
