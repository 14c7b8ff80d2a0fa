import Glibc
package import Logging

/// Writes each log entry as one line to standard error: `logfmt` for people, JSON for machines.
///
/// Messages are constant and what varies is metadata, so that lines can be searched and counted. A line is one `write`,
/// so that lines of several threads do not mix.
package struct LineLogHandler: LogHandler {
    /// How a line looks.
    package enum Format: String, Sendable, CaseIterable { case text, json }

    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let label: String
    private let format: Format
    private let write: @Sendable (String) -> Void
    private let clock: @Sendable () -> String

    /// - Parameters:
    ///   - clock: the time of a line, as text.
    ///   - write: takes a finished line; standard error unless a test looks on.
    package init(
        label: String, level: Logger.Level, format: Format,
        clock: @escaping @Sendable () -> String,
        write: @escaping @Sendable (String) -> Void = LineLogHandler.standardError
    ) {
        self.label = label
        self.logLevel = level
        self.format = format
        self.clock = clock
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = [
            ("time", clock()), ("level", event.level.rawValue), ("logger", label),
            ("message", event.message.description),
        ]
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            fields.append((key, value.description))
        }
        if let error = event.error { fields.append(("error", "\(error)")) }
        write(format == .json ? Self.json(fields) : Self.text(fields))
    }

    static func text(_ fields: [(String, String)]) -> String {
        fields.map { name, value in
            let isPlain =
                !value.isEmpty
                && value.utf8.allSatisfy { byte in
                    byte > 0x20 && byte != 0x22 && byte != 0x3d && byte != 0x7f
                }
            return "\(name)=\(isPlain ? value : quoted(value))"
        }.joined(separator: " ") + "\n"
    }

    static func json(_ fields: [(String, String)]) -> String {
        "{" + fields.map { "\(quoted($0.0)):\(quoted($0.1))" }.joined(separator: ",") + "}\n"
    }

    /// A JSON string; control characters are escaped, so that a value can never begin a line of its own.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case let control where control.value < 0x20 || control.value == 0x7f:
                let hex = String(control.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    package static let standardError: @Sendable (String) -> Void = { line in
        var line = line
        line.withUTF8 { bytes in
            // A log that cannot be written must not stop the node: the result is not looked at.
            _ = Glibc.write(2, bytes.baseAddress, bytes.count)
        }
    }
}
