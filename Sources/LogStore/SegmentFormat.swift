import Wire

/// The frame of the log's bytes: segment files, and batches in them.
///
/// A segment is a file `log-<number, 16 hexadecimal digits>`. Numbers rise; a file may have been another segment before. It
/// begins with a header, and batches follow without gaps, each at a multiple of 8.
///
///     segment header, 128 bytes, numbers low byte first
///       0    4   "LDGS"
///       4    1   format version, 1
///       5    1   1: the log begins here, whatever older segments say; else 0
///       6    1   length of the identity
///       7    1   0
///       8    8   the segment's number
///      16    8   sequence of its first batch
///      24    4   CRC field of the header of the batch before that
///      28   32   0
///      60   64   identity of cluster and node, then zeros
///     124    4   CRC-32 of bytes 0 to 123
///
///     batch
///       0    4   "LDGB"
///       4    1   format version, 1
///       5    3   0
///       8    4   length of the body
///      12    4   CRC field of the header of the batch before
///      16    8   sequence: one more than that of the batch before
///      24    8   which shards the body speaks of: bit n for shards n, n + 64, …
///      32    4   CRC-32 of the body and the zeros that fill it up to a multiple of 8
///      36    4   CRC-32 of bytes 0 to 35, behind the identity
///      40        body: records, see `LogRecord`
///
/// A later version keeps the place and meaning of the marks, versions and header CRCs, so that this one can say "unsupported"
/// instead of "damaged". The identity is part of every batch's CRC, so that no bytes a tenant may have put into a record pass
/// for a batch.
///
/// A batch is written, and synced, before the next one is written. So an invalid batch was torn by a crash if nothing that came
/// after it is found, and else was damaged since. Sequences never repeat among valid batches, which tells what an earlier use
/// of the file left behind.
enum SegmentFormat {
    static let version: UInt8 = 1
    static let headerLength = 128
    static let identityLimit = 64
    static let batchHeaderLength = 40
    static let segmentMark: [UInt8] = Array("LDGS".utf8)
    static let batchMark: [UInt8] = Array("LDGB".utf8)
    static let poisonName = "poisoned"

    static func segmentName(_ number: UInt64) -> String { "log-" + hexadecimal(number) }
    static func spareName(_ number: UInt64) -> String { "spare-" + hexadecimal(number) }
    static func segmentNumber(ofName name: String) -> UInt64? { number(name, after: "log-") }
    static func spareNumber(ofName name: String) -> UInt64? { number(name, after: "spare-") }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func number(_ name: String, after prefix: String) -> UInt64? {
        guard name.hasPrefix(prefix), name.utf8.count == prefix.utf8.count + 16,
            let number = UInt64(name.dropFirst(prefix.count), radix: 16)
        else { return nil }
        return number
    }

    static func padded(_ length: Int) -> Int { (length + 7) & ~7 }
}

/// What a segment says of itself.
struct SegmentHeader: Equatable, Sendable {
    let number: UInt64
    let beginsLog: Bool
    let firstSequence: UInt64
    let chain: UInt32
    let identity: [UInt8]

    func encode(into writer: inout ByteWriter) {
        let start = writer.count
        writer.write(raw: SegmentFormat.segmentMark)
        writer.write(SegmentFormat.version)
        writer.write(beginsLog ? 1 : 0 as UInt8)
        writer.write(UInt8(identity.count))
        writer.write(0)
        writer.write(fixed: number)
        writer.write(fixed: firstSequence)
        writer.write(fixed: chain)
        writer.write(raw: [UInt8](repeating: 0, count: 32))
        writer.write(raw: identity)
        writer.write(
            raw: [UInt8](repeating: 0, count: SegmentFormat.identityLimit - identity.count))
        let crc = writer.bytes.withUnsafeBytes {
            Checksum.crc32(UnsafeRawBufferPointer(rebasing: $0[start...]))
        }
        writer.write(fixed: crc)
    }

    enum Reading: Equatable {
        case header(SegmentHeader)
        case unsupportedVersion(UInt8)
        case invalid
    }

    static func read(_ raw: UnsafeRawBufferPointer) -> Reading {
        let length = SegmentFormat.headerLength
        guard raw.count >= length, raw.prefix(4).elementsEqual(SegmentFormat.segmentMark),
            raw.loadUInt32(length - 4)
                == Checksum.crc32(UnsafeRawBufferPointer(rebasing: raw[..<(length - 4)]))
        else { return .invalid }
        guard raw[4] == SegmentFormat.version else { return .unsupportedVersion(raw[4]) }
        guard raw[5] <= 1, raw[6] <= SegmentFormat.identityLimit else { return .invalid }
        return .header(
            SegmentHeader(
                number: raw.loadUInt64(8), beginsLog: raw[5] == 1,
                firstSequence: raw.loadUInt64(16), chain: raw.loadUInt32(24),
                identity: [UInt8](raw[60..<(60 + Int(raw[6]))])))
    }
}

/// What is in front of a batch's records.
struct BatchHeader: Equatable, Sendable {
    let length: Int
    let chain: UInt32
    let sequence: UInt64
    let shardBits: UInt64
    let bodyChecksum: UInt32
    /// The header's own checksum, which the next batch repeats.
    let checksum: UInt32
    let version: UInt8

    /// How far it is to the next batch.
    var stride: Int { SegmentFormat.batchHeaderLength + SegmentFormat.padded(length) }

    /// The shards of at most `known` whose records the body may hold.
    func shards(of known: some Sequence<ShardID>) -> [ShardID] {
        known.filter { shardBits & 1 << UInt64($0.rawValue % 64) != 0 }.sorted()
    }

    /// Puts the header in front of a body that is in the buffer already, filled up to a multiple of 8.
    /// - Parameter start: where the header's place in the buffer is.
    static func complete(
        _ writer: inout ByteWriter, start: Int, length: Int, sequence: UInt64, chain: UInt32,
        shardBits: UInt64, seed: UInt32
    ) -> UInt32 {
        var header = ByteWriter()
        header.write(raw: SegmentFormat.batchMark)
        header.write(SegmentFormat.version)
        header.write(raw: [0, 0, 0])
        header.write(fixed: UInt32(length))
        header.write(fixed: chain)
        header.write(fixed: sequence)
        header.write(fixed: shardBits)
        let body = start + SegmentFormat.batchHeaderLength
        header.write(
            fixed: writer.bytes.withUnsafeBytes {
                Checksum.crc32(UnsafeRawBufferPointer(rebasing: $0[body...]))
            })
        let checksum = Checksum.crc32(header.bytes, seed: seed)
        header.write(fixed: checksum)
        writer.overwrite(at: start, with: header.bytes)
        return checksum
    }

    /// The batch header at a place, if there is a whole and unchanged one.
    static func read(
        _ raw: UnsafeRawBufferPointer, at offset: Int, seed: UInt32
    ) -> BatchHeader? {
        let end = offset + SegmentFormat.batchHeaderLength
        guard end <= raw.count, raw[offset] == SegmentFormat.batchMark[0],
            raw[offset + 1] == SegmentFormat.batchMark[1],
            raw[offset + 2] == SegmentFormat.batchMark[2],
            raw[offset + 3] == SegmentFormat.batchMark[3]
        else { return nil }
        let checksum = raw.loadUInt32(end - 4)
        guard
            checksum
                == Checksum.crc32(
                    UnsafeRawBufferPointer(rebasing: raw[offset..<(end - 4)]), seed: seed)
        else { return nil }
        return BatchHeader(
            length: Int(raw.loadUInt32(offset + 8)), chain: raw.loadUInt32(offset + 12),
            sequence: raw.loadUInt64(offset + 16), shardBits: raw.loadUInt64(offset + 24),
            bodyChecksum: raw.loadUInt32(offset + 32), checksum: checksum,
            version: raw[offset + 4])
    }

    /// The batch's records, if they are all there and unchanged.
    func body(in raw: UnsafeRawBufferPointer, at offset: Int) -> UnsafeRawBufferPointer? {
        let start = offset + SegmentFormat.batchHeaderLength
        let padded = SegmentFormat.padded(length)
        guard padded <= raw.count - start else { return nil }
        let filled = UnsafeRawBufferPointer(rebasing: raw[start..<(start + padded)])
        guard Checksum.crc32(filled) == bodyChecksum else { return nil }
        return UnsafeRawBufferPointer(rebasing: filled[..<length])
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func loadUInt32(_ offset: Int) -> UInt32 {
        UInt32(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    fileprivate func loadUInt64(_ offset: Int) -> UInt64 {
        UInt64(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}
