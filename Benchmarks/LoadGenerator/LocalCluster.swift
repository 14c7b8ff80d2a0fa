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
        package let log: String
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
        script: ClusterScript, directory: String, programs: String, nodes: Int, shards: Int?
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
        try script.run(arguments)
        return try LocalCluster(directory: directory)
    }

    package func stop(script: ClusterScript) throws {
        try script.run(["stop", "--dir", directory])
    }

    /// The nodes whose processes are gone although nobody ended them: `deploy/local-cluster` forgets the number of a process that it
    /// saw end.
    package var lostNodes: [Node] {
        nodes.filter { node in node.pid.map { ProcessProbe.read($0) == nil } ?? false }
    }

    /// The last lines that a node logged, or that its crash left there.
    package func logTail(of node: Node, lines: Int = 15) -> String {
        guard let data = FileManager.default.contents(atPath: node.log) else {
            return "\(node.log) cannot be read"
        }
        return String(decoding: data.suffix(16_000), as: UTF8.self).split(separator: "\n")
            .suffix(lines).joined(separator: "\n")
    }

    /// `kill -9`.
    package func kill(_ node: Node) throws {
        guard let pid = node.pid, Glibc.kill(pid, SIGKILL) == 0 else {
            throw LoadFailure("\(node.name) cannot be killed: it does not run")
        }
    }

    /// Starts a dead node again, without waiting for it.
    package func beginRestart(of node: Node, script: ClusterScript) throws -> Restart {
        try Restart(script, ["restart", "--dir", directory, node.name])
    }

    /// A command that runs beside the load.
    package struct Restart {
        private let process: Process

        fileprivate init(_ script: ClusterScript, _ arguments: [String]) throws {
            process = try script.launch(arguments)
        }

        package var isDone: Bool { !process.isRunning }
        package var succeeded: Bool { isDone && process.terminationStatus == 0 }
    }
}
