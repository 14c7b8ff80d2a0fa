import Foundation

/// `deploy/local-cluster`, which starts and ends nodes: it knows of ports, certificates and joining.
package struct ClusterScript: Sendable {
    let path: String
    /// Added to the environment of the nodes.
    private var environment: [String: String] = [:]

    /// That of the tree that one of the folders lies in.
    package init(near folders: [String]) throws {
        for folder in folders {
            var url = URL(fileURLWithPath: folder).standardizedFileURL
            while true {
                let path = url.appendingPathComponent("deploy/local-cluster").path
                if FileManager.default.fileExists(atPath: path) {
                    self.path = path
                    return
                }
                guard url.path != "/" else { break }
                url.deleteLastPathComponent()
            }
        }
        throw LoadFailure(
            """
            there is no deploy/local-cluster in or above \(folders.joined(separator: " or ")); run it from Lodge's tree, or \
            name a running cluster with --cluster
            """)
    }

    /// Lets every sync of the nodes take longer, by a library that is made in `folder`.
    mutating func delaySyncs(microseconds: Int, folder: String) throws {
        let tree = URL(fileURLWithPath: path).deletingLastPathComponent()
            .deletingLastPathComponent()
        let library = "\(folder)/slow_sync.so"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let source = tree.appendingPathComponent("Benchmarks/slow_sync.c").path
        try Self.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], what: "cc")
        environment["LD_PRELOAD"] = library
        environment["SLOW_SYNC_MICROSECONDS"] = String(microseconds)
    }

    /// Begins a command, without waiting for it.
    func launch(_ arguments: [String]) throws -> Process {
        try Self.launch(words + arguments, errors: nil)
    }

    func run(_ arguments: [String]) throws {
        try Self.run(words + arguments, what: "local-cluster \(arguments[0])")
    }

    private var words: [String] {
        environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + ["python3", path]
    }

    private static func launch(_ words: [String], errors: Pipe?) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        process.standardError = errors ?? FileHandle.nullDevice
        do { try process.run() } catch {
            throw LoadFailure("/usr/bin/env, which runs \(words[0]), cannot be run: \(error)")
        }
        return process
    }

    private static func run(_ words: [String], what: String) throws {
        let errors = Pipe()
        let process = try launch(words, errors: errors)
        let text = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw LoadFailure(
                "\(what) failed: \(String(decoding: text.prefix(2000), as: UTF8.self))")
        }
    }
}
