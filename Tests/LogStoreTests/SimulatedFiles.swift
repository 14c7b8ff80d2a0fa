import LogStore
import TestSupport

/// A folder on a disk that loses what was not synced, tears, fails, fills up and stops at any call, all from a seed.
///
/// `@unchecked`: a test uses it from one thread.
final class SimulatedFiles: LogFiles, @unchecked Sendable {
    enum Moment { case before, after }
    enum Loss: CaseIterable {
        /// The process died, the machine did not.
        case nothing
        case everythingUnsynced
        /// Any subset of sectors and of folder operations.
        case some
    }

    private enum Operation {
        case made(String, SimulatedFile)
        case renamed(String, String)
        case removed(String)
    }

    private(set) var calls = 0
    private(set) var isDead = false
    /// The call at which the machine stops.
    var crash: (call: Int, moment: Moment)?
    /// The call that fails, and whether for want of room.
    var failure: (call: Int, isFull: Bool)?
    /// Room on the disk.
    var capacity = Int.max
    var ignoresSyncs = false
    /// What happens while data is being synced.
    var duringSync: () -> Void = {}
    private(set) var operations: [String] = []

    private var names: [String: SimulatedFile] = [:]
    private var durableNames: [String: SimulatedFile] = [:]
    private var unsynced: [Operation] = []
    fileprivate var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    // MARK: What tests do

    func restart(_ loss: Loss) {
        isDead = false
        crash = nil
        failure = nil
        guard loss != .nothing else { return }
        for operation in unsynced where loss == .some && random.chance(50) {
            Self.perform(operation, &durableNames)
        }
        unsynced = []
        for file in allFiles() {
            file.losePower(keepsSome: loss == .some, &random)
        }
        names = durableNames
    }

    private func allFiles() -> [SimulatedFile] {
        var files: [SimulatedFile] = []
        let everyName = Set(names.keys).union(durableNames.keys).sorted()
        for name in everyName {
            for file in [names[name], durableNames[name]] {
                if let file, !files.contains(where: { $0 === file }) { files.append(file) }
            }
        }
        return files
    }

    var fileNames: [String] { names.keys.sorted() }
    subscript(name: String) -> [UInt8] {
        get { names[name]?.content ?? [] }
        set {
            if names[name] == nil { names[name] = SimulatedFile(self, name) }
            durableNames[name] = names[name]
            names[name]?.replace(newValue)
        }
    }
    func lose(_ name: String) {
        names[name] = nil
        durableNames[name] = nil
    }
    /// A copy that knows what is durable and what is not.
    func twin() -> SimulatedFiles {
        let twin = SimulatedFiles(seed: 1)
        var twins: [ObjectIdentifier: SimulatedFile] = [:]
        func twinOf(_ file: SimulatedFile) -> SimulatedFile {
            if let known = twins[ObjectIdentifier(file)] { return known }
            let made = file.twin(on: twin)
            twins[ObjectIdentifier(file)] = made
            return made
        }
        twin.names = names.mapValues(twinOf)
        twin.durableNames = durableNames.mapValues(twinOf)
        twin.unsynced = unsynced.map { operation in
            if case .made(let name, let file) = operation { return .made(name, twinOf(file)) }
            return operation
        }
        return twin
    }
    /// A copy with the same content, all of it durable.
    func copy() -> SimulatedFiles {
        let copy = SimulatedFiles(seed: 1)
        for name in fileNames { copy[name] = self[name] }
        return copy
    }

    // MARK: LogFiles

    fileprivate func call<Result>(
        _ operation: String, _ body: () -> Result, partly: () -> Void = {},
        failed: () -> Void = {}
    ) throws(FileFault) -> Result {
        func fault(_ reason: String, isFull: Bool = false) -> FileFault {
            FileFault(operation: operation, path: "simulated", reason: reason, isFull: isFull)
        }
        guard !isDead else { throw fault("stopped") }
        calls += 1
        operations.append(operation)
        if let crash, crash.call == calls {
            isDead = true
            if crash.moment == .after { _ = body() } else { partly() }
            throw fault("stopped")
        }
        if let failure, failure.call == calls {
            partly()
            failed()
            throw fault(failure.isFull ? "no room" : "failed", isFull: failure.isFull)
        }
        return body()
    }

    fileprivate var used: Int { names.values.reduce(0) { $0 + $1.content.count } }

    private static func perform(
        _ operation: Operation, _ names: inout [String: SimulatedFile]
    ) {
        switch operation {
        case .made(let name, let file): names[name] = file
        case .renamed(let old, let new):
            if let file = names.removeValue(forKey: old) { names[new] = file }
        case .removed(let name): names[name] = nil
        }
    }

    private func perform(_ operation: Operation) {
        Self.perform(operation, &names)
        unsynced.append(operation)
    }

    private func name(_ path: String) -> String { String(path.split(separator: "/").last ?? "") }

    func list(_ folder: String) throws(FileFault) -> [String] {
        try call("list") { Array(names.keys) }
    }

    func open(_ path: String, create: Bool) throws(FileFault) -> any LogFile {
        let name = name(path)
        let file = try call("open") { () -> SimulatedFile? in
            if names[name] == nil, create { perform(.made(name, SimulatedFile(self, name))) }
            return names[name]
        }
        guard let file else {
            throw FileFault(operation: "open", path: path, reason: "not there", isFull: false)
        }
        return file
    }

    func rename(_ path: String, to newPath: String) throws(FileFault) {
        try call("rename") { perform(.renamed(name(path), name(newPath))) }
    }

    func remove(_ path: String) throws(FileFault) {
        try call("remove") { perform(.removed(name(path))) }
    }

    func syncFolder(_ folder: String) throws(FileFault) {
        try call("syncFolder") {
            durableNames = names
            unsynced = []
        }
    }
}

final class SimulatedFile: LogFile, @unchecked Sendable {
    private unowned let disk: SimulatedFiles
    private let name: String
    fileprivate private(set) var content: [UInt8] = []
    private var durable: [UInt8] = []
    private var unsynced: [(offset: Int, bytes: [UInt8])] = []

    init(_ disk: SimulatedFiles, _ name: String) {
        self.disk = disk
        self.name = name
    }

    func size() throws(FileFault) -> Int { try disk.call("size") { content.count } }

    func preallocate(_ size: Int) throws(FileFault) {
        guard disk.used - content.count + size <= disk.capacity else {
            throw FileFault(operation: "preallocate", path: name, reason: "no room", isFull: true)
        }
        try disk.call("preallocate") {
            if content.count < size {
                content += [UInt8](repeating: 0, count: size - content.count)
            }
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileFault) {
        let bytes = [UInt8](bytes)
        try disk.call("write") {
            put(bytes, at: offset)
        } partly: {
            put(Array(bytes.prefix(disk.random.number(0..<bytes.count + 1) / 2)), at: offset)
        }
    }

    private func put(_ bytes: [UInt8], at offset: Int) {
        Self.put(bytes, at: offset, &content)
        // The disk is given whole sectors, with whatever else the cache holds of them.
        let start = offset / 512 * 512
        let end = min(content.count, (offset + bytes.count + 511) / 512 * 512)
        if start < end { unsynced.append((start, Array(content[start..<end]))) }
    }

    private static func put(_ bytes: [UInt8], at offset: Int, _ content: inout [UInt8]) {
        if content.count < offset + bytes.count {
            content += [UInt8](repeating: 0, count: offset + bytes.count - content.count)
        }
        content.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFault) -> Int {
        try disk.call("read") {
            let count = max(0, min(buffer.count, content.count - offset))
            buffer.copyBytes(from: content[min(offset, content.count)...].prefix(count))
            return count
        }
    }

    func syncData() throws(FileFault) {
        disk.duringSync()
        try disk.call("syncData") {
            guard !disk.ignoresSyncs else { return }
            if content.count > durable.count {
                durable += [UInt8](repeating: 0, count: content.count - durable.count)
            }
            for (offset, bytes) in unsynced { Self.put(bytes, at: offset, &durable) }
            unsynced = []
        } failed: {
            // What failed stays to be read, and no later sync writes it (Linux, after an error).
            unsynced = []
        }
    }

    fileprivate func twin(on disk: SimulatedFiles) -> SimulatedFile {
        let twin = SimulatedFile(disk, name)
        twin.content = content
        twin.durable = durable
        twin.unsynced = unsynced
        return twin
    }

    fileprivate func replace(_ bytes: [UInt8]) {
        content = bytes
        durable = bytes
        unsynced = []
    }

    fileprivate func losePower(keepsSome: Bool, _ random: inout SeededRandom) {
        if keepsSome {
            // The size may have arrived or not.
            if content.count > durable.count, random.chance(50) {
                durable += [UInt8](repeating: 0, count: content.count - durable.count)
            }
            let share = random.pick([10, 50, 90])
            for (offset, bytes) in unsynced {
                var start = 0
                while start < bytes.count {
                    let end = min(bytes.count, ((offset + start) / 512 + 1) * 512 - offset)
                    if random.chance(share) {
                        Self.put(Array(bytes[start..<end]), at: offset + start, &durable)
                    }
                    start = end
                }
            }
        }
        content = durable
        unsynced = []
    }
}
