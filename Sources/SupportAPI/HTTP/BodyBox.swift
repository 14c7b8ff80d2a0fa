import Hummingbird
import NIOCore
import Synchronization

/// A request's body, read once, however often the request is tried.
final class BodyBox: Sendable {
    private let request: Request
    private let read = Mutex<ByteBuffer?>(nil)

    init(_ request: Request) { self.request = request }

    /// The whole body, or an error that says whose doing it is that there is none.
    func bytes(upTo limit: Int) async throws -> ByteBuffer {
        if let known = read.withLock({ $0 }) { return known }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw BodyTooLarge()
        } catch {
            // Reading fails only with the connection.
            throw BodyCutShort()
        }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }),
            body.readableBytes < length
        {
            throw BodyCutShort()
        }
        read.withLock { $0 = body }
        return body
    }
}

struct BodyTooLarge: Error {}
struct BodyCutShort: Error {}
