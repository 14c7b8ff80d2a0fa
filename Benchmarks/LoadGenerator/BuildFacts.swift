import Foundation
package import Measurement

/// Which program is measured.
package enum BuildFacts {
    /// - Parameter programs: folder of `lodged`.
    package static func read(programs: String) -> BuildIdentity {
        let version = output(["\(programs)/lodged", "--version"]) ?? "unknown"
        var commit = ""
        if let head = output(["git", "-C", programs, "rev-parse", "--short=12", "HEAD"]) {
            let changes = output(["git", "-C", programs, "status", "--porcelain"]) ?? ""
            commit = head + (changes.isEmpty ? "" : "+changes")
        }
        return BuildIdentity(version: version, commit: commit, configuration: configuration)
    }

    private static var configuration: String {
        #if DEBUG
            "debug"
        #else
            "release"
        #endif
    }

    /// What a command prints; nil if it cannot be run or fails.
    private static func output(_ words: [String]) -> String? {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { return nil }
        return String(decoding: data, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
