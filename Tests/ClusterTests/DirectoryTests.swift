import Testing
import Wire

@testable import Cluster

struct DirectoryTests {
    @Test(arguments: [
        ("acme", "acme"), ("acme.desk.example", "acme"), ("ACME.Desk.example:8080", "acme"),
        ("acme.desk.example.", "acme"), ("help.acme.example", "acme"),
        ("HELP.acme.example:1", "acme"),
        ("nobody.desk.example", nil), ("", nil), (":80", nil), ("[::1]:80", nil), ("[acme]", nil),
        ("127.0.0.1:8080", nil), ("127", "127"), ("127.desk.example", "127"), (".acme", nil),
    ])
    func aHostNamesATenantByItsFirstLabelOrAsAWhole(host: String, name: String?) async throws {
        let test = try TestNode()
        defer { test.remove() }
        _ = try await test.tenant("acme")
        _ = try await test.tenant("127")
        _ = try await test.node.directory.addHostname("help.acme.example", to: "acme")
        #expect(test.node.directory.route(host: host)?.name == name)
    }

    @Test(arguments: [
        "", "-a", "a-", "a_b", "a.b", "ä", "www", "Admin", String(repeating: "a", count: 64),
    ])
    func namesThatCannotBeHostLabelsAreRefused(name: String) async throws {
        let test = try TestNode()
        defer { test.remove() }
        await #expect(throws: DirectoryRefusal.self) { try await test.tenant(name) }
        #expect(test.node.directory.tenantCount == 0)
    }

    @Test func theDirectorySurvivesARestart() async throws {
        var test = try TestNode()
        let route = try await test.tenant("acme")
        _ = try await test.node.directory.addHostname("help.acme.example", to: "acme")
        _ = try await test.node.directory.setLimits(
            "acme", plan: "big", limits: TenantLimits(requestsPerMinute: 7))
        _ = try await test.node.directory.setState("acme", .suspended)
        _ = try await test.node.directory.createOperatorToken(label: "t", digest: [1, 2, 3])
        let before = test.node.directory.tenant(named: "acme")
        test = try test.reopened()
        defer { test.remove() }
        let after = test.node.directory.tenant(named: "acme")
        #expect(after == before)
        #expect(after?.id == route.id && after?.plan == "big" && after?.state == .suspended)
        #expect(test.node.directory.route(host: "help.acme.example")?.id == route.id)
        #expect(test.node.directory.isOperatorToken(digest: [1, 2, 3]))
        #expect(!test.node.directory.isOperatorToken(digest: [1, 2, 4]))
    }

    @Test func tenantsAreSpreadOverTheShards() async throws {
        let test = try TestNode(shards: 10)
        defer { test.remove() }
        var shards: [ShardID: Int] = [:]
        for number in 0..<30 { shards[try await test.tenant("t\(number)").shard, default: 0] += 1 }
        #expect(shards.count == 10 && shards.values.allSatisfy { $0 == 3 })
        #expect(shards[.directory] == nil)
    }

    @Test func deletionIsTwoStepsAndANumberIsNeverGivenAgain() async throws {
        let test = try TestNode()
        defer { test.remove() }
        let old = try await test.tenant("acme")
        _ = try await test.node.countUp(old)
        await #expect(throws: DirectoryRefusal.notMarkedForDeletion("acme")) {
            try await test.node.eraseTenant("acme")
        }
        _ = try await test.node.directory.setState("acme", .deleting)
        try await test.node.eraseTenant("acme")
        #expect(test.node.directory.route(host: "acme") == nil)
        #expect(try await test.node.number(old) == 0)
        let new = try await test.tenant("acme")
        #expect(new.id > old.id)
    }

    @Test func changesAtOnceEndAsTheRowsSay() async throws {
        var test = try TestNode()
        _ = try await test.tenant("acme")
        let directory = test.node.directory
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...200 {
                group.addTask {
                    _ = try await directory.setLimits(
                        "acme", plan: nil, limits: TenantLimits(requestsPerMinute: number))
                }
            }
            try await group.waitForAll()
        }
        let inMemory = directory.tenant(named: "acme")
        test = try test.reopened()
        defer { test.remove() }
        #expect(inMemory == test.node.directory.tenant(named: "acme"))
    }

    @Test func limitsAndPlansHaveBounds() async throws {
        let test = try TestNode()
        defer { test.remove() }
        _ = try await test.tenant("acme")
        for limits in [
            TenantLimits(requestsPerMinute: 0), TenantLimits(agents: 0),
            TenantLimits(storageBytes: -1),
        ] {
            await #expect(throws: DirectoryRefusal.self) {
                try await test.node.directory.setLimits("acme", plan: nil, limits: limits)
            }
        }
        await #expect(throws: DirectoryRefusal.self) {
            try await test.node.directory.createTenant(
                name: "b", plan: String(repeating: "p", count: 65), limits: TenantLimits())
        }
    }
}
