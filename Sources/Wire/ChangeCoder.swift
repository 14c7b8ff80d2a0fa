/// The operations of a row change, with the numbers that are stored.
package enum ChangeOperation: UInt8, Sendable {
    case insert = 1
    case update = 2
    case delete = 3
}

/// How a row change begins; cells follow it.
///
///     byte           operation << 6 | table number (0…62; 63: a varint with the number follows)
///     insert         every column but the tenant, in the table's order
///     delete         the primary key's columns but the tenant, in key order
///     update         the primary key's columns but the tenant, then a varint bitmap of the changed columns (bit 0 is the
///                    table's first column), then their new values from the lowest bit up
///
/// The tenant is written once, on the entry. An update that changes the key is written as a delete and an insert.
package struct ChangeHead: Equatable, Sendable {
    package let operation: ChangeOperation
    package let table: Int
    package init(operation: ChangeOperation, table: Int) {
        self.operation = operation
        self.table = table
    }
}

extension ByteWriter {
    package mutating func write(_ head: ChangeHead) {
        let operation = head.operation.rawValue << 6
        if head.table < 63 {
            write(operation | UInt8(head.table))
        } else {
            write(operation | 63)
            write(varint: UInt64(head.table))
        }
    }
}

extension ByteReader {
    package mutating func changeHead() throws(DecodingFault) -> ChangeHead {
        let byte = try byte()
        guard let operation = ChangeOperation(rawValue: byte >> 6) else {
            throw .invalid("operation")
        }
        var table = Int(byte & 63)
        if table == 63 {
            let number = try varint()
            guard number >= 63, number < 10_000 else { throw .invalid("table number") }
            table = Int(number)
        }
        return ChangeHead(operation: operation, table: table)
    }
}
