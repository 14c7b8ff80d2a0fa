package import Consensus
package import Replication
package import Wire

/// The rows in memory: fast, and with everything a file does that matters, as an open transaction over committed rows, and a
/// disk that is behind.
package final class ModelMachine: SimulatedMachine {
    private struct Rows {
        var appliedIndex: LogIndex = .zero
        var values: [Int: Int] = [:]
        var answers: [Int: Int] = [:]
        var hash: UInt64 = 0

        mutating func set(_ change: RowChange) {
            let old =
                change.table == .values
                ? values.updateValue(change.value, forKey: change.key)
                : answers.updateValue(change.value, forKey: change.key)
            if let old {
                hash &-= Self.hash(RowChange(table: change.table, key: change.key, value: old))
            }
            hash &+= Self.hash(change)
        }

        private static func hash(_ change: RowChange) -> UInt64 {
            var x =
                UInt64(bitPattern: Int64(change.key)) &* 0x9E37_79B9_7F4A_7C15
                &+ UInt64(bitPattern: Int64(change.value)) &* 0xC2B2_AE3D_27D4_EB4F
                &+ UInt64(change.table.rawValue)
            x = (x ^ (x >> 31)) &* 0xBF58_476D_1CE4_E5B9
            return x ^ (x >> 29)
        }
    }

    package static let birthIndex = LogIndex.zero
    package private(set) var installed: SnapshotHead?
    package var forgetsIdempotency = false
    private var rows = Rows()
    private var durable = Rows()
    private var open: Rows?
    /// Where a forgetful machine keeps its answers instead.
    private var loose: [Int: Int] = [:]

    package init() {}
    package static func make(number: Int, folder: String) -> ModelMachine { ModelMachine() }

    package var appliedIndex: LogIndex { rows.appliedIndex }
    package var durableIndex: LogIndex { durable.appliedIndex }
    package var stateHash: UInt64 { rows.hash }
    package func value(of key: Int) -> Int { rows.values[key] ?? 0 }
    package func answer(of request: Int) -> Int? { rows.answers[request] ?? loose[request] }

    package func prepare(_ requests: [SimulatedRequest], now: Timestamp)
        -> PreparedRequests<Int>
    {
        precondition(open == nil, "one transaction at a time")
        var next = rows
        var answers: [Int] = []
        var entries = 0
        var payload = ByteWriter()
        for request in requests {
            let key = request.idempotencyKey
            if let answer = next.answers[key] ?? loose[key] {
                answers.append(answer)
                continue
            }
            let (newValue, answer) = request.operation.applied(to: next.values[request.key] ?? 0)
            answers.append(answer)
            var changes: [RowChange] = []
            if let newValue {
                changes.append(RowChange(table: .values, key: request.key, value: newValue))
            }
            if forgetsIdempotency {
                loose[key] = answer
            } else {
                changes.append(RowChange(table: .answers, key: key, value: answer))
            }
            guard !changes.isEmpty else { continue }
            entries += 1
            for change in changes {
                next.set(change)
                payload.write(change.table.rawValue)
                payload.write(varint: UInt64(change.key))
                payload.write(zigzag: Int64(change.value))
            }
        }
        next.appliedIndex = LogIndex(rows.appliedIndex.rawValue + UInt64(entries))
        open = next
        return PreparedRequests(answers: answers, entries: entries, payload: payload.bytes)
    }

    package func commit() {
        guard let open else { preconditionFailure("no transaction is open") }
        rows = open
        self.open = nil
    }

    package func rollback() {
        precondition(open != nil, "no transaction is open")
        open = nil
    }

    package func apply(_ blocks: [CommittedBlock]) throws {
        precondition(open == nil, "a transaction is open")
        for block in blocks {
            precondition(block.head.first == rows.appliedIndex.next, "blocks follow each other")
            for change in try Self.decode(block.payload) { rows.set(change) }
            rows.appliedIndex = block.head.last
        }
    }

    package static func changes(in payload: [UInt8]) throws -> [RowChange]? { try decode(payload) }

    private static func decode(_ payload: [UInt8]) throws -> [RowChange] {
        try payload.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            var changes: [RowChange] = []
            while reader.remaining > 0 {
                guard let table = RowChange.Table(rawValue: try reader.byte()) else {
                    throw DecodingFault.invalid("table")
                }
                changes.append(
                    RowChange(
                        table: table, key: Int(try reader.varint()), value: Int(try reader.zigzag())
                    ))
            }
            return changes
        }
    }

    package func checkpoint() { durable = rows }

    package func takeSnapshot() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(varint: rows.appliedIndex.rawValue)
        for (table, content) in [(RowChange.Table.values, rows.values), (.answers, rows.answers)] {
            for key in content.keys.sorted() {
                writer.write(table.rawValue)
                writer.write(varint: UInt64(key))
                writer.write(zigzag: Int64(content[key] ?? 0))
            }
        }
        return writer.bytes
    }

    package func install(_ snapshot: [UInt8], head: SnapshotHead) throws {
        precondition(open == nil, "a transaction is open")
        var new = Rows()
        let changes = try snapshot.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            new.appliedIndex = LogIndex(try reader.varint())
            return try Self.decode([UInt8](try reader.raw(UInt64(reader.remaining))))
        }
        for change in changes { new.set(change) }
        // What the snapshot says of itself, so that a wrong head is found by comparing states.
        new.appliedIndex = head.position.index
        rows = new
        durable = new
        installed = head
    }

    package func processDied() {
        open = nil
        if forgetsIdempotency { loose = [:] }
    }

    package func powerFailed(_ random: inout Randomness) {
        processDied()
        if random.chance(0.7) { rows = durable } else { durable = rows }
    }
}
