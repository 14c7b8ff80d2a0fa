import Wire

/// The tenants in memory, about a hundred bytes for each: nearly all of them are asleep, and every node knows them all.
///
/// Tenants are numbered from 1 on and numbers are never given twice, so a number is a place in `chunks`. What many tenants share,
/// their plan and limits, is kept once.
struct TenantTable {
    private struct Row {
        var name: String
        var createdAt: Timestamp
        var epoch: UInt32
        /// Place in `terms`.
        var terms: UInt32
        var shard: UInt8
        var state: TenantState
    }

    private struct Terms: Hashable {
        let plan: String
        let limits: TenantLimits
    }

    private static let chunkLength = 1024

    private var chunks: [[Row?]] = []
    private var numbers: [String: UInt32] = [:]
    private var terms: [(value: Terms, users: Int)] = []
    private var placesOfTerms: [Terms: UInt32] = [:]
    private var freeTerms: [UInt32] = []
    private var hostnames: [Int64: [String]] = [:]
    private var owners: [String: Int64] = [:]
    private var counts: [ShardID: Int] = [:]

    var count: Int { numbers.count }

    func count(on shard: ShardID) -> Int { counts[shard] ?? 0 }

    // MARK: Asking

    func record(named name: String) -> TenantRecord? {
        numbers[name].flatMap { record(Int64($0)) }
    }

    func route(named name: String) -> TenantRoute? {
        numbers[name].flatMap { route(Int64($0)) }
    }

    func route(hostname: String) -> TenantRoute? { owners[hostname].flatMap { route($0) } }

    func name(_ id: Int64) -> String? { row(id)?.name }

    /// The names after one, in order, at most so many.
    func names(after name: String?, limit: Int) -> [String] {
        var first: [String] = []
        for candidate in numbers.keys {
            if let name, candidate <= name { continue }
            if first.count == limit {
                guard limit > 0, candidate < first[limit - 1] else { continue }
                first.removeLast()
            }
            var (low, high) = (0, first.count)
            while low < high {
                let middle = (low + high) / 2
                if first[middle] < candidate { low = middle + 1 } else { high = middle }
            }
            first.insert(candidate, at: low)
        }
        return first
    }

    /// Every tenant in service, by number.
    var activeRoutes: [TenantRoute] {
        chunks.indices.flatMap { place in
            chunks[place].indices.compactMap { offset in
                guard let row = chunks[place][offset], row.state == .active else { return nil }
                return route(Int64(place * Self.chunkLength + offset + 1), row)
            }
        }
    }

    private func row(_ id: Int64) -> Row? {
        guard id > 0, (id - 1) / Int64(Self.chunkLength) < chunks.count else { return nil }
        let (chunk, offset) = Int(id - 1).quotientAndRemainder(dividingBy: Self.chunkLength)
        return offset < chunks[chunk].count ? chunks[chunk][offset] : nil
    }

    private func route(_ id: Int64) -> TenantRoute? { row(id).map { route(id, $0) } }

    private func route(_ id: Int64, _ row: Row) -> TenantRoute {
        TenantRoute(
            name: row.name, state: row.state, limits: terms[Int(row.terms)].value.limits,
            shard: ShardID(rawValue: UInt16(row.shard)), id: TenantID(rawValue: id),
            epoch: row.epoch)
    }

    private func record(_ id: Int64) -> TenantRecord? {
        row(id).map { row in
            let terms = terms[Int(row.terms)].value
            return TenantRecord(
                name: row.name, id: TenantID(rawValue: id),
                shard: ShardID(rawValue: UInt16(row.shard)), epoch: row.epoch, state: row.state,
                plan: terms.plan, limits: terms.limits, hostnames: hostnames[id] ?? [],
                createdAt: row.createdAt)
        }
    }

    // MARK: Changing

    /// Adds a tenant, or what has become of it.
    /// - Precondition: its number fits 32 bits, as that of the four-billionth tenant does.
    mutating func put(_ record: TenantRecord) {
        let id = record.id.rawValue
        remove(id)
        numbers[record.name] = UInt32(id)
        let row = Row(
            name: record.name, createdAt: record.createdAt, epoch: record.epoch,
            terms: use(Terms(plan: record.plan, limits: record.limits)),
            shard: UInt8(record.shard.rawValue), state: record.state)
        let (chunk, offset) = Int(id - 1).quotientAndRemainder(dividingBy: Self.chunkLength)
        while chunks.count <= chunk { chunks.append([]) }
        while chunks[chunk].count <= offset { chunks[chunk].append(nil) }
        chunks[chunk][offset] = row
        counts[record.shard, default: 0] += 1
        if !record.hostnames.isEmpty { hostnames[id] = record.hostnames }
        for hostname in record.hostnames { owners[hostname] = id }
    }

    mutating func remove(_ id: Int64) {
        guard let row = row(id) else { return }
        let (chunk, offset) = Int(id - 1).quotientAndRemainder(dividingBy: Self.chunkLength)
        chunks[chunk][offset] = nil
        numbers[row.name] = nil
        counts[ShardID(rawValue: UInt16(row.shard)), default: 1] -= 1
        for hostname in hostnames.removeValue(forKey: id) ?? [] where owners[hostname] == id {
            owners[hostname] = nil
        }
        let place = Int(row.terms)
        terms[place].users -= 1
        if terms[place].users == 0 {
            placesOfTerms[terms[place].value] = nil
            freeTerms.append(row.terms)
        }
    }

    private mutating func use(_ value: Terms) -> UInt32 {
        if let place = placesOfTerms[value] {
            terms[Int(place)].users += 1
            return place
        }
        let place: UInt32
        if let free = freeTerms.popLast() {
            place = free
            terms[Int(place)] = (value, 1)
        } else {
            place = UInt32(terms.count)
            terms.append((value, 1))
        }
        placesOfTerms[value] = place
        return place
    }
}
