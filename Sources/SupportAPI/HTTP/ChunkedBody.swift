import NIOCore

/// A body that is read piece by piece while it is sent, so that a big file never lies in memory whole.
package struct ChunkedBody: Sendable, Equatable {
    /// What tells two bodies apart.
    let id: Int64
    /// Bytes in all.
    let length: Int
    let count: Int
    /// The piece at a place, `0..<count`.
    let read: @Sendable (Int) async throws -> ByteBuffer

    package static func == (a: ChunkedBody, b: ChunkedBody) -> Bool {
        a.id == b.id && a.length == b.length
    }
}
