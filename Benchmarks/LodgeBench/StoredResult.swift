import Foundation
import Measurement

/// A result in a file that `--json` wrote.
struct StoredResult {
    let name: String
    let result: BenchmarkResult

    init(_ path: String) throws {
        let file = path == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: path)
        guard let file, let data = try? file.readToEnd() ?? Data() else {
            throw ResultFileError("\(path) cannot be read")
        }
        name = path
        result = try ResultFile.decode([UInt8](data), name: path)
    }

    /// - Parameter lists: paths, or several with commas between.
    static func read(_ lists: [String]) throws -> [(name: String, result: BenchmarkResult)] {
        try lists.flatMap { $0.split(separator: ",").map(String.init) }.map {
            let stored = try StoredResult($0)
            return (stored.name, stored.result)
        }
    }

    /// To the file, or to standard output for `-`.
    static func write(_ text: String, to path: String) throws {
        guard path != "-" else { return print(text, terminator: "") }
        do {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw ResultFileError("\(path) cannot be written: \(error.localizedDescription)")
        }
    }
}
