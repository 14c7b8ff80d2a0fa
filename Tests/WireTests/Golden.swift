import Foundation

/// The golden files of this folder. They were written by another coder than ours and are never edited: a new version gets
/// files of its own.
enum Golden {
    /// Lines that are not comments.
    static func lines(_ name: String) throws -> [String] {
        let url = Bundle.module.resourceURL!.appendingPathComponent("Golden/\(name)")
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix("#") }
    }

    /// The bytes of a file of hexadecimal lines.
    static func bytes(_ name: String) throws -> [UInt8] { hex(try lines(name).joined()) }

    static func hex(_ text: String) -> [UInt8] {
        let digits = text.utf8.map { UInt8(Character(UnicodeScalar($0)).hexDigitValue!) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
