import SQLite
package import Wire

/// A file: uploaded and waiting for its comment, or on one.
package struct Attachment: Sendable, Equatable {
    /// Whether the bytes are there. The numbers are stored.
    package enum State: Int64, Sendable {
        /// Chunks are still arriving; nobody sees it.
        case receiving = 0
        case ready = 1
        /// Replaced by an empty file, for good.
        case redacted = 2
    }

    /// Bytes of one file.
    package static let sizeLimit = 20 << 20
    /// Bytes of all files of one upload: what is swept in one step.
    package static let uploadSizeLimit: Int64 = 50 << 20
    /// Bytes of a chunk, all but the last.
    package static let chunkSize = 256_000
    /// Chunks of one write: a log entry stays below a megabyte.
    package static let chunksPerWrite = 3
    /// Files of one upload, and uploads of one comment.
    package static let countLimit = 20
    /// An upload that no comment took is kept so long.
    package static let uploadLifetimeMilliseconds: Int64 = 3 * 24 * 3_600_000
    /// What a redacted file is called.
    static let redactedName = "redacted.txt"

    package let id: Int64
    package let state: State
    /// Bytes.
    package let size: Int64
    package let uploadID: Int64?
    package let ticketID: Int64?
    package let commentID: Int64?
    /// The secret part of the content address: 160 random bits or more.
    package let token: String
    package let name: String
    package let contentType: String
    package let createdAt: Timestamp
    /// The file whose chunks hold the bytes: mostly itself.
    package let contentID: Int64

    package var chunkCount: Int {
        (Int(size) + Self.chunkSize - 1) / Self.chunkSize
    }

    static let columns =
        "id, state, size, upload_id, ticket_id, comment_id, token, name, content_type, created_at, content_id"

    init(_ row: Row) {
        id = row.int64(0)
        state = State(rawValue: row.int64(1)) ?? .receiving
        size = row.int64(2)
        uploadID = row.optionalInt64(3)
        ticketID = row.optionalInt64(4)
        commentID = row.optionalInt64(5)
        token = row.text(6)
        name = row.text(7)
        contentType = row.text(8)
        createdAt = Timestamp(rawValue: row.int64(9))
        contentID = row.optionalInt64(10) ?? id
    }

    /// A file's name without folders and control characters, at most 255 bytes.
    package static func checkedName(_ text: String?) throws -> String {
        let last = (text ?? "").split(whereSeparator: { $0 == "/" || $0 == "\\" }).last ?? ""
        let clean = String(
            String.UnicodeScalarView(
                last.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f }))
        let name = try Validation.required(clean, "filename", "Filename", max: 255)
        guard name != "." && name != ".." else {
            throw DeskRefusal.invalid("filename", .invalid, "Filename: \(name) is not allowed")
        }
        return name
    }

    /// A media type as `type/subtype`, in lower case and without parameters; anything else is only bytes.
    package static func checkedType(_ text: String?) -> String {
        let plain =
            (text ?? "").split(separator: ";").first.map { Validation.trim(String($0)) } ?? ""
        let parts = plain.lowercased().split(separator: "/", omittingEmptySubsequences: false)
        let isType =
            parts.count == 2 && plain.utf8.count <= 127
            && parts.allSatisfy { part in
                !part.isEmpty
                    && part.utf8.allSatisfy { byte in
                        (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte)
                            || "!#$&-^_.+".utf8.contains(byte)
                    }
            }
        return isType ? plain.lowercased() : "application/octet-stream"
    }
}
