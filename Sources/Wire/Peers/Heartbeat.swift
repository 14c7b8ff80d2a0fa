package import NIOCore

/// What a node says of itself ten times a second.
///
///     byte     1 format version
///     byte     bit 0: the disk is full or slow; bit 1: the node is stopping
///     8 bytes  the shards it leads, 0 to 63
///     byte     shard 64
package struct Heartbeat: Equatable, Sendable {
    package var leads: ShardSet
    package var isAiling: Bool
    package var isStopping: Bool

    private static let version: UInt8 = 1

    package func encoded() -> ByteBuffer {
        var writer = ByteWriter()
        writer.write(Self.version)
        writer.write((isAiling ? 1 : 0) | (isStopping ? 2 : 0))
        writer.write(fixed: leads.bits.low)
        writer.write(leads.bits.high)
        return ByteBuffer(bytes: writer.bytes)
    }

    package init(leads: ShardSet, isAiling: Bool, isStopping: Bool) {
        self.leads = leads
        self.isAiling = isAiling
        self.isStopping = isStopping
    }

    package init(decoding body: ByteBuffer) throws(DecodingFault) {
        let result: Result<Heartbeat, DecodingFault> = body.withUnsafeReadableBytes { raw in
            do throws(DecodingFault) { return .success(try Self.decode(raw)) } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    private static func decode(_ raw: UnsafeRawBufferPointer) throws(DecodingFault) -> Heartbeat {
        var reader = ByteReader(raw)
        let version = try reader.byte()
        guard version == Self.version else { throw .unsupportedVersion(version) }
        let flags = try reader.byte()
        let low = try reader.fixed()
        let high = try reader.byte()
        // A newer node may say more; it is not for us.
        return Heartbeat(
            leads: ShardSet(low: low, high: high), isAiling: flags & 1 != 0,
            isStopping: flags & 2 != 0)
    }
}
