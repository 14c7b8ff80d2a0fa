import Foundation
import Measurement
import NIOCore
import NIOPosix
import Testing

@testable import LoadGenerator

/// Whole runs of the harness against a tree whose `deploy/local-cluster` starts nothing: its nodes are processes of the test's choice,
/// and all their listeners are a fake desk.
@Suite struct EndingTests {
    private let folder = NSTemporaryDirectory() + "lodge-ending-\(UUID().uuidString)"

    /// - Parameters:
    ///   - process: of the only node.
    ///   - stop: shell commands that end the cluster.
    private func run(process: Int32, stop: String) throws -> (BenchmarkResult, [String]) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let desk = try FakeDesk(on: group)
        try FileManager.default.createDirectory(
            atPath: folder + "/deploy", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let programs = folder + "/deploy"
        for program in ["lodged", "lodge"] { try write("#!/bin/sh\necho lodged 0", to: program) }
        try Data("nobody expected this\n".utf8).write(to: URL(fileURLWithPath: folder + "/n1.log"))
        // The harness runs the script by Python, as the real one.
        try write(
            """
            import json, subprocess, sys
            directory = sys.argv[sys.argv.index("--dir") + 1]
            if sys.argv[1] == "start":
                subprocess.run(["mkdir", "-p", directory], check=True)
                node = {"id": 1, "name": "n1", "pid": \(process), "data": "\(folder)", "log": "\(folder)/n1.log"}
                node |= dict.fromkeys(["http", "https", "admin"], "\(desk.address)")
                state = {"nodes": [node], "operator_token": "x", "ca_file": "x", "bin": "\(programs)"}
                json.dump(state, open(directory + "/cluster.json", "w"))
            else:
                sys.exit(subprocess.run(["sh", "-c", "\(stop)"]).returncode)
            """, to: "local-cluster")
        var options = LoadOptions()
        (options.nodes, options.tenants, options.tickets, options.clients) = (1, 1, 5, 2)
        options.warmUp = 0
        var plan = try options.plan()
        plan.loads[0].seconds = 0.1
        let load = LoadRun(
            plan, programs: programs, folder: folder, script: try ClusterScript(near: [folder])
        ) { _ in }
        let result = try load.run()
        try desk.close()
        try group.syncShutdownGracefully()
        return (result, load.complaints)
    }

    private func write(_ text: String, to name: String) throws {
        let path = "\(folder)/deploy/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }

    @Test func aClusterThatEndsWellIsNothingToSpeakOf() throws {
        let (result, complaints) = try run(process: getpid(), stop: "true")
        #expect(complaints == [])
        #expect(result.phases[0].checks.isGood && result.phases[0].checks.writesFound > 5)
        #expect(!result.phases[0].events.contains { $0.text.contains("n1") })
    }

    @Test func aNodeThatDoesNotEndIsNamedBesideTheResult() throws {
        let (result, complaints) = try run(
            process: getpid(), stop: "echo n1 did not end within 60 s >&2; exit 1")
        #expect(complaints == ["local-cluster stop failed: n1 did not end within 60 s\n"])
        #expect(result.phases[0].checks.isGood)
        #expect(
            result.phases[0].events.last?.text
                == "local-cluster stop failed: n1 did not end within 60 s")
    }

    @Test func aNodeThatEndedByItselfIsNamedWithItsLastWords() throws {
        let gone = Process()
        gone.executableURL = URL(fileURLWithPath: "/bin/true")
        try gone.run()
        gone.waitUntilExit()
        let (result, complaints) = try run(process: gone.processIdentifier, stop: "true")
        let first = "n1 (process \(gone.processIdentifier)) ended by itself"
        #expect(complaints == [first + "\nnobody expected this"])
        #expect(result.phases[0].events.last?.text == first)
    }
}
