import Measurement
import NIOCore
import Transport
import Wire

/// Bytes on their way: frames with checksums, and TLS around them.
enum LinkParts {
    static let all: [HotPart] = [
        HotPart("frame-512", "a frame of 512 bytes made and taken apart", iterations: 150_000) {
            run in try frame(run, bytes: 512)
        },
        HotPart("tls-1k", "1 KiB through TLS, sealed and opened", iterations: 25_000) { run in
            try records(run, bytes: 1 << 10)
        },
        HotPart("tls-16k", "16 KiB through TLS, sealed and opened", iterations: 14_000) { run in
            try records(run, bytes: 16 << 10)
        },
        HotPart("tls-handshake", "a full TLS 1.3 handshake, both sides", iterations: 200) { run in
            try handshake(run)
        },
    ]

    private static func body(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    }

    private static func frame(_ run: PartRun, bytes: Int) throws -> PartResult {
        let body = body(bytes)
        var decoder = FrameDecoder(limit: Frame.bodyLimit)
        var last: FrameDecoder.Received?
        var length = 0
        var result = try run.measure { _ in
            var input = ByteBuffer(bytes: Frame.encoded(.replica, body))
            length = input.readableBytes
            last = try decoder.next(from: &input)
        }
        try run.expect(
            last?.kindNumber == FrameKind.replica.rawValue
                && last.map { Array($0.body.readableBytesView) } == body,
            "another frame came out")
        result.bytesEach = Double(length)
        return result
    }

    private static func records(_ run: PartRun, bytes: Int) throws -> PartResult {
        let pair = try TLSPair(TLSIdentity())
        try pair.shakeHands()
        let message = ByteBuffer(bytes: body(bytes))
        var received = 0
        var last = ByteBuffer()
        var result = try run.measure { _ in
            last = try pair.send(message)
            received += last.readableBytes
        }
        try run.expect(
            received == run.turns * bytes && last == message, "other bytes came out of TLS")
        result.bytesEach = Double(pair.sentBytes) / Double(run.turns)
        pair.close()
        return result
    }

    private static func handshake(_ run: PartRun) throws -> PartResult {
        let identity = try TLSIdentity()
        return try run.measure { _ in
            let pair = try TLSPair(identity)
            try pair.shakeHands()
            try run.expect(pair.isOpen, "the handshake did not end")
            pair.close()
        }
    }
}
