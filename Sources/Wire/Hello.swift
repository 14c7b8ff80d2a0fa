/// The first frame each side of a link sends: who it is and what it can. The certificate must say the same.
///
///     4 bytes        "Ldge"
///     byte           format of the hello, 1; it changes only if the fields below can no longer be read
///     16 bytes       cluster
///     varint         node, 1…65,535
///     8 bytes        life: a number drawn when the process started, low byte first
///     byte           kind of the link, see `LinkKind`
///     varint         lowest protocol version it speaks, 1…65,535
///     varint         highest protocol version it speaks
///     8 bytes        feature bits, low byte first
///     byte           number of dictionaries, at most 16, then a varint for each one's id
///     byte           length of the zone's name, 1…32, then the name
///
/// A newer node may append fields; an older one reads past them.
package struct Hello: Equatable, Sendable {
    package static let magic: [UInt8] = [0x4c, 0x64, 0x67, 0x65]
    package static let format: UInt8 = 1
    package static let dictionaryLimit = 16
    /// Longer than any hello of ours; more is refused before it is read.
    package static let lengthLimit = 4096

    package let cluster: ClusterID
    package let node: NodeID
    package let life: UInt64
    package let link: LinkKind
    package let protocols: ClosedRange<UInt16>
    package let features: UInt64
    package let dictionaries: [UInt16]
    package let zone: String

    package init(
        cluster: ClusterID, node: NodeID, life: UInt64, link: LinkKind,
        protocols: ClosedRange<UInt16>, features: UInt64, dictionaries: [UInt16], zone: String
    ) {
        precondition(dictionaries.count <= Self.dictionaryLimit, "too many dictionaries")
        precondition((1...32).contains(zone.utf8.count), "a zone's name has 1 to 32 bytes")
        precondition(protocols.lowerBound > 0, "protocol versions begin with 1")
        self.cluster = cluster
        self.node = node
        self.life = life
        self.link = link
        self.protocols = protocols
        self.features = features
        self.dictionaries = dictionaries
        self.zone = zone
    }

    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(raw: Self.magic)
        writer.write(Self.format)
        writer.write(raw: cluster.bytes)
        writer.write(varint: UInt64(node.rawValue))
        writer.write(fixed: life)
        writer.write(link.rawValue)
        writer.write(varint: UInt64(protocols.lowerBound))
        writer.write(varint: UInt64(protocols.upperBound))
        writer.write(fixed: features)
        writer.write(UInt8(dictionaries.count))
        for dictionary in dictionaries { writer.write(varint: UInt64(dictionary)) }
        writer.write(UInt8(zone.utf8.count))
        writer.write(raw: zone.utf8)
        return writer.bytes
    }

    package init(decoding bytes: UnsafeRawBufferPointer) throws(DecodingFault) {
        var reader = ByteReader(bytes)
        guard try reader.raw(4).elementsEqual(Self.magic) else { throw .invalid("magic") }
        let format = try reader.byte()
        guard format == Self.format else { throw .unsupportedVersion(format) }
        cluster = ClusterID(bytes: try reader.raw(16))
        guard let number = UInt16(exactly: try reader.varint()), number > 0 else {
            throw .invalid("node")
        }
        node = NodeID(rawValue: number)
        life = try reader.fixed()
        guard let link = LinkKind(rawValue: try reader.byte()) else { throw .invalid("link kind") }
        self.link = link
        guard let low = UInt16(exactly: try reader.varint()),
            let high = UInt16(exactly: try reader.varint()), low > 0, low <= high
        else { throw .invalid("protocol versions") }
        protocols = low...high
        features = try reader.fixed()
        let count = try reader.byte()
        guard count <= Self.dictionaryLimit else { throw .invalid("dictionary count") }
        var dictionaries: [UInt16] = []
        for _ in 0..<count {
            guard let dictionary = UInt16(exactly: try reader.varint()) else {
                throw .invalid("dictionary")
            }
            dictionaries.append(dictionary)
        }
        self.dictionaries = dictionaries
        let length = try reader.byte()
        guard (1...32).contains(length) else { throw .invalid("zone") }
        let name = try reader.raw(UInt64(length))
        // Checked as bytes, so that a name is never repaired into another one.
        guard name.allSatisfy({ 0x61...0x7a ~= $0 || 0x30...0x39 ~= $0 || $0 == 0x2d }) else {
            throw .invalid("zone")
        }
        zone = String(decoding: name, as: UTF8.self)
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        let result: Result<Hello, DecodingFault> = bytes.withUnsafeBytes { raw in
            do throws(DecodingFault) { return .success(try Hello(decoding: raw)) } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }
}
