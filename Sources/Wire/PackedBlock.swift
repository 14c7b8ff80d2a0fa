import Consensus

/// A block as it is stored and shipped: compressed once, by the leader.
///
///     byte 0         format version, 2
///     varint         shard
///     varint         index of the first entry
///     zigzag         leader's time, ms since 1970
///     zigzag         identifier base
///     varint         identifiers given out in this block
///     varint         number of tenants, then of each the tenant (zigzag), in the order of their first entries
///     varint         number of entries, then of each
///                      varint   place of its tenant << 1 | whether it is a schema step
///                      varint   bytes of its changes
///     of each tenant: byte codec (0 raw, 1 deflate, 2 deflate with the dictionary
///                     `CompressionDictionary.first`), varint length, its entries' changes one
///                     after the other
///     8 bytes        the shard's state hash after the last entry
///
/// **Tenants never share a compression context**: what one writes must not show in the length of what another does.
extension Block {
    package static let packedVersion: UInt8 = 2
    /// The most that the entries of a packed block may hold unpacked: what a peer claims is bounded by it.
    package static let unpackedLimit = 16 << 20

    private enum Codec: UInt8 {
        case raw = 0
        case deflate = 1
        case deflateWithFirst = 2
    }

    package func packed(_ compressor: Compressor) -> [UInt8] {
        var writer = ByteWriter()
        writer.reserve(64 + entries.reduce(0) { $0 + $1.payload.count })
        writeHead(version: Self.packedVersion, to: &writer)
        var places: [TenantID: Int] = [:]
        var tenants: [(id: TenantID, changes: [UInt8])] = []
        for entry in entries {
            if let place = places[entry.tenant] {
                tenants[place].changes.append(contentsOf: entry.payload)
            } else {
                places[entry.tenant] = tenants.count
                tenants.append((entry.tenant, entry.payload))
            }
        }
        writer.write(varint: UInt64(tenants.count))
        for tenant in tenants { writer.write(zigzag: tenant.id.rawValue) }
        writer.write(varint: UInt64(entries.count))
        for entry in entries {
            guard let place = places[entry.tenant] else {
                preconditionFailure("every entry's tenant was seen above")
            }
            writer.write(varint: UInt64(place) << 1 | (entry.kind == .schemaStep ? 1 : 0))
            writer.write(varint: UInt64(entry.payload.count))
        }
        for tenant in tenants {
            let stored = compressor.compress(
                tenant.changes, dictionary: CompressionDictionary.first)
            writer.write((stored == nil ? Codec.raw : .deflateWithFirst).rawValue)
            let bytes = stored ?? tenant.changes
            writer.write(varint: UInt64(bytes.count))
            writer.write(raw: bytes)
        }
        writer.write(fixed: stateHash)
        return writer.bytes
    }

    package init(unpacking bytes: [UInt8], _ decompressor: Decompressor) throws(DecodingFault) {
        let result: Result<Block, DecodingFault> = bytes.withUnsafeBytes { raw in
            do throws(DecodingFault) {
                return .success(try Block(unpacking: raw, decompressor))
            } catch { return .failure(error) }
        }
        self = try result.get()
    }

    private init(unpacking raw: UnsafeRawBufferPointer, _ decompressor: Decompressor)
        throws(DecodingFault)
    {
        var reader = ByteReader(raw)
        let head = try Head(version: Self.packedVersion, reading: &reader)
        let tenantCount = try reader.varint()
        guard tenantCount > 0, tenantCount <= Self.entryLimit, tenantCount <= reader.remaining
        else { throw .invalid("tenant count") }
        var tenants: [TenantID] = []
        for _ in 0..<tenantCount { tenants.append(TenantID(rawValue: try reader.zigzag())) }
        let count = try reader.varint()
        guard count >= tenantCount, count <= Self.entryLimit, count <= reader.remaining else {
            throw .invalid("entry count")
        }
        var heads: [(place: Int, kind: EntryKind, length: Int)] = []
        heads.reserveCapacity(Int(count))
        var lengths = [Int](repeating: 0, count: tenants.count)
        var total = 0
        for _ in 0..<count {
            let tag = try reader.varint()
            guard tag >> 1 < tenantCount else { throw .invalid("tenant of an entry") }
            let length = try reader.varint()
            guard length <= Self.unpackedLimit else { throw .invalid("entry length") }
            let place = Int(tag >> 1)
            heads.append((place, tag & 1 == 1 ? .schemaStep : .rows, Int(length)))
            lengths[place] += Int(length)
            total += Int(length)
            guard total <= Self.unpackedLimit else { throw .invalid("block length") }
        }
        var changes: [[UInt8]] = []
        changes.reserveCapacity(tenants.count)
        for length in lengths {
            guard let codec = Codec(rawValue: try reader.byte()) else { throw .invalid("codec") }
            let stored = try reader.raw(try reader.varint())
            switch codec {
            case .raw:
                guard stored.count == length else { throw .invalid("raw length") }
                changes.append([UInt8](stored))
            case .deflate:
                changes.append(try decompressor.decompress(stored, length: length))
            case .deflateWithFirst:
                changes.append(
                    try decompressor.decompress(
                        stored, length: length, dictionary: CompressionDictionary.first))
            }
        }
        let stateHash = try reader.fixed()
        guard reader.remaining == 0 else { throw .invalid("bytes after the block") }
        var offsets = [Int](repeating: 0, count: tenants.count)
        var entries: [Entry] = []
        entries.reserveCapacity(heads.count)
        for head in heads {
            let begin = offsets[head.place]
            offsets[head.place] += head.length
            entries.append(
                Entry(
                    tenant: tenants[head.place], kind: head.kind,
                    payload: Array(changes[head.place][begin..<begin + head.length])))
        }
        self.init(head, entries: entries, stateHash: stateHash)
    }
}
