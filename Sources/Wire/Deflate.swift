internal import CZlib

/// Raw deflate (RFC 1951) at level 1, reusing its memory. Not `Sendable`: one for each lane.
///
/// The window is 8 KiB: blocks are short, and making a smaller one ready costs less than the few bytes a larger one saves.
package final class Compressor {
    private let deflater: OpaquePointer

    package init() {
        guard let deflater = lodge_deflater_new(1, -13, 6) else {
            preconditionFailure("no memory for a deflate stream")
        }
        self.deflater = deflater
    }

    deinit { lodge_deflater_free(deflater) }

    /// The compressed bytes, or nil when they would not be fewer.
    /// - Parameter dictionary: what the bytes may refer to before their own first one.
    package func compress(_ bytes: [UInt8], dictionary: [UInt8] = []) -> [UInt8]? {
        guard bytes.count > 8 else { return nil }
        let limit = bytes.count - 1
        let output = [UInt8](unsafeUninitializedCapacity: limit) { target, count in
            count = lodge_deflate(
                deflater, dictionary, dictionary.count, bytes, bytes.count, target.baseAddress,
                limit)
        }
        return output.isEmpty ? nil : output
    }
}

/// The way back.
package final class Decompressor {
    private let inflater: OpaquePointer

    package init() {
        guard let inflater = lodge_inflater_new(-15) else {
            preconditionFailure("no memory for an inflate stream")
        }
        self.inflater = inflater
    }

    deinit { lodge_inflater_free(inflater) }

    /// - Parameter length: what comes out must have exactly so many bytes; never more memory is taken.
    package func decompress(
        _ bytes: UnsafeRawBufferPointer, length: Int, dictionary: [UInt8] = []
    ) throws(DecodingFault) -> [UInt8] {
        var isWhole = false
        let input = bytes.bindMemory(to: UInt8.self)
        let output = [UInt8](unsafeUninitializedCapacity: length) { target, count in
            isWhole =
                lodge_inflate(
                    inflater, dictionary, dictionary.count, input.baseAddress, input.count,
                    target.baseAddress, length) == 1
            count = isWhole ? length : 0
        }
        guard isWhole else { throw .invalid("compressed bytes") }
        return output
    }
}
