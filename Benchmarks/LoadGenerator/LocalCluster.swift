import Foundation
import Glibc

/// A cluster on this machine that `deploy/local-cluster` made: what its `cluster.json` says.
package struct LocalCluster: Sendable {
    package struct Node: Decodable, Sendable {
        package let id: Int
        package let name: String
        package let pid: Int32?
        package let http: String
        package let https: String
        package let admin: String
        package let data: String
    }

    private struct File: Decodable {
        let nodes: [Node]
        let operator_token: String?
        let ca_file: String
        let bin: String
    }

    package let directory: String
    package let nodes: [Node]
    package let operatorToken: String
    package let authority: String
    /// The folder of the programs it runs.
    package let programs: String

    /// Reads what is known of the cluster in a directory.
    package init(directory: String) throws {
        let path = directory + "/cluster.json"
        guard let data = FileManager.default.contents(atPath: path) else {
            throw LoadFailure(
                "there is no \(path); deploy/local-cluster start --dir \(directory) makes a cluster"
            )
        }
        do {
            let file = try JSONDecoder().decode(File.self, from: data)
            guard let token = file.operator_token, !file.nodes.isEmpty else {
                throw LoadFailure("the cluster in \(directory) was never started")
            }
            self.directory = directory
            nodes = file.nodes
            operatorToken = token
            authority = file.ca_file
            programs = file.bin
        } catch let error as DecodingError {
            throw LoadFailure("\(path) is not what deploy/local-cluster writes: \(error)")
        }
    }

    /// Makes and starts one with nodes on free ports.
    package static func start(
        script: String, directory: String, programs: String, nodes: Int, shards: Int?
    ) throws -> LocalCluster {
        for program in ["lodged", "lodge"] {
            guard FileManager.default.isExecutableFile(atPath: "\(programs)/\(program)") else {
                throw LoadFailure(
                    "there is no \(programs)/\(program); build it, or name its folder with --bin")
            }
        }
        var arguments = [
            "start", "--dir", directory, "--nodes", String(nodes), "--bin", programs,
            "--log-level", "warning",
        ]
        if let shards { arguments += ["--shards", String(shards)] }
        try run(script, arguments)
        return try LocalCluster(directory: directory)
    }

    package func stop(script: String) throws {
        try Self.run(script, ["stop", "--dir", directory])
    }

    /// `kill -9`.
    package func kill(_ node: Node) throws {
        guard let pid = node.pid, Glibc.kill(pid, SIGKILL) == 0 else {
            throw LoadFailure("\(node.name) cannot be killed: it does not run")
        }
    }

    /// Starts a dead node again, without waiting for it.
    package func beginRestart(of node: Node, script: String) throws -> Restart {
        try Restart(script, ["restart", "--dir", directory, node.name])
    }

    /// A command that runs beside the load.
    package struct Restart {
        private let process: Process

        fileprivate init(_ script: String, _ arguments: [String]) throws {
            process = try LocalCluster.launch(script, arguments)
        }

        package var isDone: Bool { !process.isRunning }
        package var succeeded: Bool { isDone && process.terminationStatus == 0 }
    }

    private static func launch(
        _ script: String, _ arguments: [String], errors: Pipe? = nil
    ) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        process.standardError = errors ?? FileHandle.nullDevice
        do { try process.run() } catch {
            throw LoadFailure("python3, which \(script) needs, cannot be run: \(error)")
        }
        return process
    }

    private static func run(_ script: String, _ arguments: [String]) throws {
        let errors = Pipe()
        let process = try launch(script, arguments, errors: errors)
        let text = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw LoadFailure(
                "local-cluster \(arguments[0]) failed: \(String(decoding: text.prefix(2000), as: UTF8.self))"
            )
        }
    }

    /// `deploy/local-cluster` of the tree that one of the folders lies in.
    package static func script(near folders: [String]) throws -> String {
        for folder in folders {
            var url = URL(fileURLWithPath: folder).standardizedFileURL
            while true {
                let path = url.appendingPathComponent("deploy/local-cluster").path
                if FileManager.default.fileExists(atPath: path) { return path }
                guard url.path != "/" else { break }
                url.deleteLastPathComponent()
            }
        }
        throw LoadFailure(
            "there is no deploy/local-cluster in or above \(folders.joined(separator: " or ")); run it from Lodge's tree, or name a running cluster with --cluster"
        )
    }
}
