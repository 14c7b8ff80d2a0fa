import Wire

/// A number that two replicas share exactly when their rows are equal (but for chance, 2^-64 each comparison).
///
/// It is the sum, modulo 2^64, of one hash for each stored cell: of table, primary key, column and value, and one for the
/// row itself. A sum needs no order, so a change subtracts the old cells and adds the new ones, and a table read in any
/// order gives the same number. NULL counts as absent. It finds damage and divergence; it is not made to withstand
/// somebody who can choose rows to collide.
package struct StateHash: Equatable, Sendable {
    package var sum: UInt64
    package init(sum: UInt64 = 0) { self.sum = sum }

    /// The hash of a row's place: its table, tenant and key. Part of the sum, and the seed of the row's cells.
    static func row(_ table: CapturedTable, tenant: Int64, _ cell: (Int) -> Cell) -> UInt64 {
        var hasher = CellHasher(seed: UInt64(table.number))
        hasher.add(UInt64(bitPattern: tenant))
        for column in table.keyColumns { hasher.add(cell(column)) }
        return hasher.value
    }

    /// The hash of one cell of a row. NULL hashes to 0, so that a column added later as NULL changes nothing.
    static func cell(_ row: UInt64, _ column: Int, _ cell: Cell) -> UInt64 {
        if case .null = cell { return 0 }
        var hasher = CellHasher(seed: row &+ UInt64(column))
        hasher.add(cell)
        return hasher.value
    }
}

/// The hash under `StateHash`: 64-bit multiply-and-fold over eight bytes at a time, as in the wyhash family. Its constants
/// are part of the stored format.
package struct CellHasher {
    private static let k0: UInt64 = 0xa076_1d64_78bd_642f
    private static let k1: UInt64 = 0xe703_7ed1_a0b4_28db
    private static let k2: UInt64 = 0x8ebc_6af0_9c88_c6e3

    private var state: UInt64

    package init(seed: UInt64) { state = Self.fold(seed ^ Self.k0, Self.k1) }

    package mutating func add(_ value: UInt64) { state = Self.fold(state ^ value, Self.k1) }

    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            state = Self.fold(state ^ UInt64(littleEndian: word), Self.k1)
            offset += 8
        }
        var tail: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count {
            tail |= UInt64(bytes[offset]) << shift
            shift += 8
            offset += 1
        }
        state = Self.fold(state ^ tail, Self.k2 ^ UInt64(bytes.count))
    }

    mutating func add(_ cell: Cell) {
        switch cell {
        case .null: add(0)
        case .integer(let value):
            add(1)
            add(UInt64(bitPattern: value))
        case .real(let value):
            add(2)
            add(value.bitPattern)
        case .text(let bytes):
            add(3)
            add(bytes)
        case .blob(let bytes):
            add(4)
            add(bytes)
        }
    }

    package var value: UInt64 { Self.fold(state, Self.k2) }

    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
