import Foundation

/// Reads results that `--json` wrote.
package enum ResultFile {
    /// - Parameter name: what the file is called in the text of an error.
    /// - Throws: `ResultFileError` that says what is wrong with it.
    package static func decode(_ bytes: [UInt8], name: String) throws -> BenchmarkResult {
        struct Head: Decodable { let format: Int }
        let data = Data(bytes)
        guard (try? JSONSerialization.jsonObject(with: data)) != nil else {
            throw ResultFileError("\(name) is not JSON")
        }
        guard let head = try? JSONDecoder().decode(Head.self, from: data) else {
            throw ResultFileError(
                "\(name) is not a result of lodge-bench: it has no number in \"format\"")
        }
        guard head.format == BenchmarkResult.currentFormat else {
            throw ResultFileError(
                """
                \(name) has format \(head.format); this lodge-bench reads format \
                \(BenchmarkResult.currentFormat). Read it with the version that wrote it, or measure again
                """)
        }
        do {
            return try JSONDecoder().decode(BenchmarkResult.self, from: data)
        } catch let error as DecodingError {
            throw ResultFileError("\(name) is not a whole result: \(Self.text(error))")
        }
    }

    private static func text(_ error: DecodingError) -> String {
        func place(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
            let keys = context.codingPath + (last.map { [$0] } ?? [])
            let path = keys.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }
            return String(path.joined().drop { $0 == "." })
        }
        switch error {
        case .keyNotFound(let key, let context): return "\(place(context, key)) is missing"
        case .valueNotFound(_, let context): return "\(place(context)) is null"
        case .typeMismatch(let type, let context): return "\(place(context)) is no \(type)"
        case .dataCorrupted(let context):
            return "\(place(context)): \(context.debugDescription)"
        @unknown default: return "it cannot be read"
        }
    }
}

/// Why a stored result cannot be used, as a sentence for whoever named the file.
package struct ResultFileError: Error, Equatable, CustomStringConvertible, Sendable {
    package let description: String

    package init(_ description: String) { self.description = description }
}
