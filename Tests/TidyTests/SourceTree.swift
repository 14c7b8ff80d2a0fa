import Foundation

/// The project's files as these tests see them.
enum SourceTree {
    /// The package's root, from this file's own place in it.
    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    struct File {
        /// From the root: `Sources/Wire/Block.swift`.
        let path: String
        let text: String
        var lines: [Substring] {
            text.split(separator: "\n", omittingEmptySubsequences: false)
        }
        /// The text with comments and the insides of string literals blanked, line for line.
        var code: String { CodeText.withoutCommentsAndStrings(text) }
        var codeLines: [Substring] {
            code.split(separator: "\n", omittingEmptySubsequences: false)
        }
    }

    static func files(under folder: String, extension ending: String = "swift") -> [File] {
        let base = root.appending(path: folder)
        guard let walk = FileManager.default.enumerator(atPath: base.path) else { return [] }
        return walk.compactMap { $0 as? String }.filter { $0.hasSuffix("." + ending) }.sorted()
            .map { file($0.isEmpty ? folder : "\(folder)/\($0)") }
    }

    static func file(_ path: String) -> File {
        let data = FileManager.default.contents(atPath: root.appending(path: path).path)
        return File(path: path, text: String(decoding: data ?? Data(), as: UTF8.self))
    }
}

/// Swift source as far as a word search needs it.
enum CodeText {
    /// Blanks comments and the contents of string literals, so that a word in prose is not taken for a call. Interpolations are
    /// blanked with their string: what they call is found where it is declared.
    static func withoutCommentsAndStrings(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        func blank(_ part: Substring) { result += part.map { $0.isNewline ? "\n" : " " } }
        while let first = rest.first {
            if rest.hasPrefix("//") {
                let end = rest.firstIndex(where: \.isNewline) ?? rest.endIndex
                blank(rest[..<end])
                rest = rest[end...]
            } else if rest.hasPrefix("/*") {
                let end = rest.range(of: "*/")?.upperBound ?? rest.endIndex
                blank(rest[..<end])
                rest = rest[end...]
            } else if rest.hasPrefix("\"\"\"") {
                let body = rest.dropFirst(3)
                let end = body.range(of: "\"\"\"")?.upperBound ?? rest.endIndex
                blank(rest[..<end])
                rest = rest[end...]
            } else if first == "\"" {
                var index = rest.index(after: rest.startIndex)
                while index < rest.endIndex, rest[index] != "\"", !rest[index].isNewline {
                    if rest[index] == "\\" { index = rest.index(after: index) }
                    if index < rest.endIndex { index = rest.index(after: index) }
                }
                if index < rest.endIndex { index = rest.index(after: index) }
                blank(rest[..<index])
                rest = rest[index...]
            } else {
                result.append(first)
                rest = rest.dropFirst()
            }
        }
        return result
    }
}
