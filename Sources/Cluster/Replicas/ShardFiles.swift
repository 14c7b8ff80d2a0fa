import Consensus
import Glibc
import Wire
import WordIndex

/// Where the rows of one shard lie on this node.
///
/// A snapshot from another replica takes the place of the rows by a file of the next generation, never by changing a file that
/// somebody reads:
///
///     3.sqlite            the rows as the replica was born, generation 0
///     3-1.sqlite          generation 1: the rows of the first snapshot that was installed
///     3-1.head            what that snapshot stands for (`SnapshotHead`), written before the file has its name
///     3-1.words           the index of these rows' words (`WordIndexer`), which can be made anew
///     3.incoming          a snapshot on its way
///
/// The highest generation counts; older ones are removed when it is open.
struct ShardFiles {
    let folder: String
    let shard: ShardID
    private(set) var generation: Int

    init(folder: String, shard: ShardID) {
        self.folder = folder
        self.shard = shard
        generation = Self.generations(folder, shard).max() ?? 0
    }

    var path: String { Self.path(folder, shard, generation) }
    var incomingPath: String { "\(folder)/\(shard).incoming" }
    var exists: Bool { access(path, F_OK) == 0 }

    private static func path(_ folder: String, _ shard: ShardID, _ generation: Int) -> String {
        generation == 0 ? "\(folder)/\(shard).sqlite" : "\(folder)/\(shard)-\(generation).sqlite"
    }

    /// Where the words of the rows in a file are.
    static func wordsPath(_ path: String) -> String {
        precondition(path.hasSuffix(rowsSuffix))
        return path.dropLast(rowsSuffix.count) + wordsSuffix
    }

    private static let rowsSuffix = ".sqlite"
    private static let wordsSuffix = ".words"

    private static func headPath(_ folder: String, _ shard: ShardID, _ generation: Int) -> String {
        "\(folder)/\(shard)-\(generation).head"
    }

    private static func generations(
        _ folder: String, _ shard: ShardID, _ suffix: String = rowsSuffix
    ) -> [Int] {
        FolderListing.names(folder).compactMap { name in
            if name == "\(shard)\(suffix)" { return 0 }
            guard name.hasPrefix("\(shard)-"), name.hasSuffix(suffix) else { return nil }
            return Int(name.dropFirst("\(shard)-".count).dropLast(suffix.count))
        }
    }

    /// What the snapshot stands for that the present file began as; nil when it began otherwise.
    func installedHead() throws -> SnapshotHead? {
        guard generation > 0 else { return nil }
        let bytes = try OwnFile.read(Self.headPath(folder, shard, generation))
        return try bytes.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            return try reader.snapshotHead()
        }
    }

    /// Makes a received file, which is on disk, the next generation.
    mutating func adopt(_ received: String, head: SnapshotHead) throws {
        let next = generation + 1
        var writer = ByteWriter()
        writer.write(head)
        try OwnFile.write(writer.bytes, to: Self.headPath(folder, shard, next))
        let target = Self.path(folder, shard, next)
        for suffix in ["-wal", "-shm"] { unlink(target + suffix) }
        WordBuilder.remove(Self.wordsPath(target))
        guard rename(received, target) == 0 else {
            throw DataDirectoryFault(
                description: "cannot rename \(received): \(String(cString: strerror(errno)))")
        }
        try OwnFile.syncFolder(folder)
        generation = next
    }

    /// Removes the files of earlier generations.
    func removeOld() {
        for old in Self.generations(folder, shard) where old < generation { remove(old) }
        // One may have been begun when its rows had gone.
        for old in Self.generations(folder, shard, Self.wordsSuffix)
        where old != generation || !exists {
            WordBuilder.remove(Self.wordsPath(Self.path(folder, shard, old)))
        }
    }

    /// Removes everything there is of the shard, for a replica that begins anew. The generation goes on, so that whoever
    /// still reads the old file notices.
    mutating func removeAll() {
        for old in Self.generations(folder, shard) { remove(old) }
        unlink(incomingPath)
        generation += 1
    }

    private func remove(_ generation: Int) {
        let path = Self.path(folder, shard, generation)
        for name in [path, path + "-wal", path + "-shm"] { unlink(name) }
        WordBuilder.remove(Self.wordsPath(path))
        unlink(Self.headPath(folder, shard, generation))
    }
}

/// The names in a folder.
enum FolderListing {
    static func names(_ folder: String) -> [String] {
        guard let handle = opendir(folder) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}

/// Small files that are the node's own: whole or not there, on disk when the call returns, readable by their owner only.
package enum OwnFile {
    package static func read(_ path: String, limit: Int = 1 << 20) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw fault("cannot read \(path)") }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            guard count >= 0 else { throw fault("cannot read \(path)") }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
            guard bytes.count <= limit else {
                throw DataDirectoryFault(description: "\(path) has more than \(limit) bytes")
            }
        }
    }

    package static func write(_ bytes: [UInt8], to path: String) throws {
        let temporary = path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw fault("cannot write \(path)") }
        let written = Glibc.write(file, bytes, bytes.count)
        let isSynced = written == bytes.count && fsync(file) == 0
        close(file)
        guard isSynced, rename(temporary, path) == 0 else { throw fault("cannot write \(path)") }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try syncFolder(folder)
    }

    package static func syncFolder(_ path: String) throws {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw fault("cannot open folder \(path)") }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw fault("cannot sync folder \(path)") }
    }

    private static func fault(_ text: String) -> DataDirectoryFault {
        DataDirectoryFault(description: "\(text): \(String(cString: strerror(errno)))")
    }
}
