import Testing
import Wire

@testable import Cluster

struct TenantTableTests {
    /// Whatever is put, changed and removed, the table says what a plain dictionary says.
    @Test func itSaysWhatAPlainDictionarySays() {
        var table = TenantTable()
        var plain: [Int64: TenantRecord] = [:]
        var state: UInt64 = 7
        func chance(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        var last: Int64 = 0
        for turn in 0..<6_000 {
            let dice = chance(10)
            if dice < 5 || plain.isEmpty {
                last += Int64(1 + chance(3))
                let record = Self.record(last, chance)
                table.put(record)
                plain[last] = record
            } else {
                let id = plain.keys.sorted()[chance(plain.count)]
                if dice < 8 {
                    let record = Self.record(id, chance)
                    table.put(record)
                    plain[id] = record
                } else {
                    table.remove(id)
                    plain[id] = nil
                }
            }
            if turn % 500 == 499 { Self.expectEqual(table, plain, last) }
        }
        for id in plain.keys.sorted() { table.remove(id) }
        Self.expectEqual(table, [:], last)
    }

    private static func record(_ id: Int64, _ chance: (Int) -> Int) -> TenantRecord {
        TenantRecord(
            name: "t\(id)", id: TenantID(rawValue: id),
            shard: ShardID(rawValue: UInt16(1 + chance(64))), epoch: UInt32(chance(3)),
            state: TenantState(rawValue: Int64(chance(3)))!, plan: "plan\(chance(4))",
            limits: TenantLimits(requestsPerMinute: chance(5)),
            hostnames: chance(4) == 0 ? ["a\(id).example", "b\(id).example"] : [],
            createdAt: Timestamp(rawValue: id))
    }

    private static func expectEqual(
        _ table: TenantTable, _ plain: [Int64: TenantRecord], _ last: Int64
    ) {
        #expect(table.count == plain.count)
        for id in 0...last + 2_000 {
            let record = plain[id]
            #expect(table.name(id) == record?.name)
            #expect(table.record(named: "t\(id)") == record)
            #expect(table.route(named: "t\(id)") == record?.route)
            let host = record?.hostnames.isEmpty == false ? record?.route : nil
            #expect(table.route(hostname: "b\(id).example") == host)
        }
        for number in 0...64 as ClosedRange<UInt16> {
            let shard = ShardID(rawValue: number)
            #expect(table.count(on: shard) == plain.values.filter { $0.shard == shard }.count)
        }
        let active = plain.values.filter { $0.state == .active }.map(\.route)
        #expect(table.activeRoutes == active.sorted { $0.id < $1.id })
        let names = plain.values.map(\.name).sorted()
        #expect(table.names(after: nil, limit: 10) == Array(names.prefix(10)))
        #expect(table.names(after: nil, limit: 0).isEmpty)
        #expect(table.names(after: "t2", limit: .max) == names.filter { $0 > "t2" })
    }
}
