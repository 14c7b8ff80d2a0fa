package import Consensus
package import Replication
import SQLite
import ShardStore
package import Wire

/// The rows in a real `ShardStore`, with captured row changes, held-open transactions and SQLite's WAL.
package final class ShardMachine: SimulatedMachine {
    private static let schema = ShardSchema(
        name: "simulation",
        steps: [
            SchemaStep(
                number: 1,
                sql: """
                    CREATE TABLE registers(tenant INTEGER NOT NULL, key INTEGER NOT NULL,
                        value INTEGER NOT NULL, PRIMARY KEY (tenant, key)) STRICT, WITHOUT ROWID;
                    CREATE TABLE answers(tenant INTEGER NOT NULL, request INTEGER NOT NULL,
                        answer INTEGER NOT NULL, PRIMARY KEY (tenant, request)) STRICT, WITHOUT ROWID;
                    """)
        ])

    /// The schema step takes the first entry.
    package static let birthIndex = LogIndex(1)
    package private(set) var installed: SnapshotHead?
    package private(set) var durableIndex: LogIndex
    package var forgetsIdempotency = false

    private let path: String
    private var store: ShardStore
    private var reader: ShardReaderConnection
    private var isOpen = false
    /// What the file holds after a power failure.
    private var durableImage: [UInt8]
    private var loose: [Int: Int] = [:]

    private init(path: String) throws {
        self.path = path
        (store, reader) = try Self.open(path)
        try store.checkpoint()
        durableImage = try readFile(path)
        durableIndex = store.appliedIndex
    }

    package static func make(number: Int, folder: String) throws -> ShardMachine {
        try ShardMachine(path: "\(folder)/\(number).sqlite")
    }

    private static func open(_ path: String) throws -> (ShardStore, ShardReaderConnection) {
        let store = try ShardStore(
            path: path, shard: ShardID(rawValue: 1), schema: schema,
            now: Timestamp(milliseconds: 1_600_000_000_000),
            options: ShardStoreOptions(cacheKilobytes: 512, syncsCommits: false))
        return (store, try ShardReaderConnection(path: path, cacheKilobytes: 256))
    }

    package var appliedIndex: LogIndex { store.appliedIndex }
    package var stateHash: UInt64 { store.stateHash.sum }

    private static func tenant(of key: Int) -> TenantID { TenantID(rawValue: Int64(key % 3 + 1)) }

    package func value(of key: Int) throws -> Int {
        try reader.read(tenant: Self.tenant(of: key), now: Timestamp(milliseconds: 0)) {
            try $0.first("SELECT value FROM registers WHERE tenant = ?1 AND key = ?2", key) {
                $0.int(0)
            } ?? 0
        }
    }

    package func answer(of request: Int) throws -> Int? {
        if let answer = loose[request] { return answer }
        for tenant in 1...3 {
            let answer = try reader.read(
                tenant: TenantID(rawValue: Int64(tenant)), now: Timestamp(milliseconds: 0)
            ) { try Self.answer(of: request, $0) }
            if let answer { return answer }
        }
        return nil
    }

    private static func answer(of request: Int, _ reader: ShardReader) throws -> Int? {
        try reader.first(
            "SELECT answer FROM answers WHERE tenant = ?1 AND request = ?2", request
        ) { $0.int(0) }
    }

    package func prepare(_ requests: [SimulatedRequest], now: Timestamp) throws
        -> PreparedRequests<Int>
    {
        var answers = [Int](repeating: 0, count: requests.count)
        let bodies = requests.enumerated().map { place, request in
            ShardRequest(tenant: Self.tenant(of: request.key)) { transaction in
                answers[place] = try self.run(request, transaction)
            }
        }
        let batch = try store.prepare(bodies, now: now)
        isOpen = true
        for outcome in batch.outcomes { if case .thrown(let error) = outcome { throw error } }
        return PreparedRequests(
            answers: answers, entries: batch.block?.entries.count ?? 0,
            payload: batch.block?.encoded() ?? [])
    }

    private func run(_ request: SimulatedRequest, _ transaction: ShardTransaction) throws -> Int {
        let key = request.idempotencyKey
        if let answer = try loose[key] ?? Self.answer(of: key, transaction) { return answer }
        let value =
            try transaction.first(
                "SELECT value FROM registers WHERE tenant = ?1 AND key = ?2", request.key
            ) { $0.int(0) } ?? 0
        let (newValue, answer) = request.operation.applied(to: value)
        if let newValue {
            try transaction.run(
                """
                INSERT INTO registers VALUES (?1, ?2, ?3)
                ON CONFLICT (tenant, key) DO UPDATE SET value = excluded.value
                """, request.key, newValue)
        }
        if forgetsIdempotency {
            loose[key] = answer
        } else {
            try transaction.run("INSERT INTO answers VALUES (?1, ?2, ?3)", key, answer)
        }
        return answer
    }

    package func commit() throws {
        isOpen = false
        try store.commit()
    }

    package func rollback() throws {
        isOpen = false
        try store.rollback()
    }

    package func apply(_ blocks: [CommittedBlock]) throws {
        var run: [Block] = []
        for block in blocks {
            if block.head.content == .entries {
                run.append(try Block(decoding: block.payload))
            } else {
                if !run.isEmpty { try store.replay(run) }
                run = []
                try store.skip(through: block.head.last)
            }
        }
        if !run.isEmpty { try store.replay(run) }
    }

    package static func changes(in payload: [UInt8]) throws -> [RowChange]? { nil }

    package func checkpoint() throws {
        guard !isOpen else { return }
        try store.checkpoint()
        durableImage = try readFile(path)
        durableIndex = store.appliedIndex
    }

    package func takeSnapshot() throws -> [UInt8] {
        let copy = path + "-snapshot"
        removeFile(copy)
        try reader.snapshot(to: copy)
        return try readFile(copy)
    }

    package func install(_ snapshot: [UInt8], head: SnapshotHead) throws {
        precondition(!isOpen, "a transaction is open")
        try replaceFile(with: snapshot)
        durableImage = snapshot
        durableIndex = store.appliedIndex
        installed = head
    }

    package func processDied() throws {
        isOpen = false
        if forgetsIdempotency { loose = [:] }
        // Closing the connection ends its transaction, as the death of its process does.
        (store, reader) = try Self.open(path)
    }

    package func powerFailed(_ random: inout Randomness) throws {
        try processDied()
        if random.chance(0.7) {
            try replaceFile(with: durableImage)
            durableIndex = store.appliedIndex
        } else {
            try checkpoint()
        }
    }

    private func replaceFile(with image: [UInt8]) throws {
        // The old connections must be gone before the file is, so they are opened on another one meanwhile.
        let aside = path + "-aside"
        for suffix in ["", "-wal", "-shm"] { removeFile(aside + suffix) }
        (store, reader) = try Self.open(aside)
        for suffix in ["-wal", "-shm"] { removeFile(path + suffix) }
        try writeFile(path, image)
        (store, reader) = try Self.open(path)
    }
}
