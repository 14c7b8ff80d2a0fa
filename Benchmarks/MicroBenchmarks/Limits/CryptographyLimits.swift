import Crypto
import Measurement
import NIOCore

/// TLS as nodes and clients use it, and the cipher below it, all in one thread.
enum CryptographyLimits {
    static func measure(seconds: Double) throws -> [Limit] {
        let identity = try TLSIdentity()
        let handshakes = try Repetition.run(seconds: seconds) { _ in
            let pair = try TLSPair(identity)
            try pair.shakeHands()
            guard pair.isOpen else { throw LimitFault(description: "a TLS handshake did not end") }
            pair.close()
        }
        let pair = try TLSPair(identity)
        try pair.shakeHands()
        let bytes = 16 << 10
        let message = ByteBuffer(repeating: 0x2a, count: bytes)
        let bulk = try Repetition.run(seconds: seconds) { _ in
            guard try pair.send(message).readableBytes == bytes else {
                throw LimitFault(description: "bytes were lost in TLS")
            }
        }
        pair.close()
        let key = SymmetricKey(size: .bits256)
        let plain = [UInt8](repeating: 0x2a, count: bytes)
        let nonce = AES.GCM.Nonce()
        let sealing = try Repetition.run(seconds: seconds) { _ in
            guard try AES.GCM.seal(plain, using: key, nonce: nonce).ciphertext.count == bytes else {
                throw LimitFault(description: "AES-GCM gave another length")
            }
        }
        return [
            handshakes.limit("tls-handshake", "full TLS 1.3 handshakes, P-256, both sides"),
            bulk.limit(
                "tls-bulk", "16 KiB at a time through TLS, sealed and opened", bytesEach: bytes),
            sealing.limit("aes-256-gcm", "16 KiB at a time sealed", bytesEach: bytes),
        ]
    }
}
