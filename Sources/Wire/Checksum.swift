internal import CZlib

/// CRC-32 (ISO 3309, the polynomial of zip and Ethernet): finds torn and damaged bytes, not forged ones.
package enum Checksum {
    /// `seed` is the checksum of the bytes before these.
    package static func crc32(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
        lodge_crc32(seed, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    }

    package static func crc32(_ bytes: [UInt8], seed: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { crc32($0, seed: seed) }
    }
}
