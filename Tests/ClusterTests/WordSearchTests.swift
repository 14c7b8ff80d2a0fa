import Consensus
import Foundation
import Logging
import ServiceDesk
import ShardStore
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Cluster

/// Searching on every node of a cluster while their indexes of words are being made: each has its own, and makes it when it is asked.
@Suite(.serialized) struct WordSearchTests {
    private static func request(_ subject: String, _ body: String) -> TicketChanges {
        var changes = TicketChanges()
        changes.subject = subject
        changes.comment = CommentDraft(body: body)
        return changes
    }

    /// A desk with tickets enough for an index.
    private static func desk(_ cluster: TestCluster) async throws -> (TenantRoute, Principal) {
        let acme = try await cluster.tenant("acme")
        let admin = try await cluster.write(acme) { rows in
            try WritingDesk.bootstrap(
                rows: rows, adminEmail: "ada@acme.test", adminName: "Ada",
                secret: TokenSecret(text: "secret", digest: [1])
            ).id
        }
        let principal = Principal(userID: admin, role: .admin)
        for _ in 0..<3 {
            _ = try await cluster.write(acme) { rows in
                let desk = Desk(rows: rows, principal: principal)
                for number in 0..<50 {
                    _ = try desk.createTicket(request("Printer \(number)", "It smokes"))
                }
            }
        }
        return (acme, principal)
    }

    private static func search(
        _ words: String, _ node: Node, _ tenant: TenantRoute, _ principal: Principal,
        _ cluster: TestCluster
    ) async throws -> [Int64] {
        let query = try SearchQuery("type:ticket \(words)")
        return try await cluster.again {
            try await node.read(tenant) { rows in
                try Desk(rows: rows, principal: principal).search(query).items.map(\.id)
            }.answer
        }
    }

    /// Whether a node's index knows the tenant.
    private static func isIndexed(
        _ node: Node, _ tenant: TenantRoute, _ cluster: TestCluster
    ) async throws -> Bool {
        let query = WordQuery(
            groups: [[[WordQuery.Word(bytes: Array("smokes".utf8), isPrefix: false)]]])
        return try await cluster.again {
            try await node.read(tenant) { rows in
                try rows.indexed(query, .ticket, limit: 1000)?.records?.count ?? 0 >= 150
            }.answer
        }
    }

    private static func makeIndexes(
        _ cluster: TestCluster, _ tenant: TenantRoute, _ principal: Principal
    ) async throws {
        for node in cluster.running {
            try await cluster.until("\(node.identity.name) has an index") { _ in
                _ = try? await search("nothing", node, tenant, principal, cluster)
                return (try? await isIndexed(node, tenant, cluster)) ?? false
            }
        }
    }

    @Test func anyNodeFindsWhatWasJustAcknowledged() async throws {
        try await TestCluster.with(3, shards: 1) { cluster in
            let (acme, principal) = try await Self.desk(cluster)
            try await Self.makeIndexes(cluster, acme, principal)
            // More changes than an index may be behind: it goes on in between.
            for number in 0..<50 {
                let made = try await cluster.write(acme) { rows in
                    try Desk(rows: rows, principal: principal).createTicket(
                        Self.request("needle\(number)", "hay")
                    ).ticket.id
                }
                var changes = TicketChanges()
                changes.comment = CommentDraft(body: "thimble\(number)")
                if number % 3 == 0 { changes.subject = "pin\(number)" }
                let wanted = changes
                _ = try await cluster.write(acme) { rows in
                    try Desk(rows: rows, principal: principal).updateTicket(made, wanted)
                }
                for node in cluster.running {
                    let name = "\(node.identity.name) \(number)"
                    let wasRenamed = number % 3 == 0
                    func find(_ words: String) async throws -> [Int64] {
                        try await Self.search(words, node, acme, principal, cluster)
                    }
                    #expect(try await find("\"thimble\(number)\"") == [made], "\(name)")
                    #expect(
                        try await find("subject:\"needle\(number)\"") == (wasRenamed ? [] : [made]),
                        "\(name)")
                    #expect(
                        try await find("\"pin\(number)\" hay") == (wasRenamed ? [made] : []),
                        "\(name)")
                }
            }
        }
    }

    @Test func anIndexIsStillOfUseAfterARestartAndAnotherLeader() async throws {
        try await TestCluster.with(3, shards: 1) { cluster in
            let (acme, principal) = try await Self.desk(cluster)
            try await Self.makeIndexes(cluster, acme, principal)
            let old = try #require(cluster.leader(of: acme.shard)).identity.node.rawValue
            await cluster.stop(old)
            let made = try await cluster.write(acme) { rows in
                try Desk(rows: rows, principal: principal).createTicket(
                    Self.request("needle", "hay")
                ).ticket.id
            }
            try await cluster.restart(old)
            try await cluster.until("the third has caught up") { $0.isWhole(3) }
            for node in cluster.running {
                #expect(try await Self.isIndexed(node, acme, cluster))
                #expect(try await Self.search("needle", node, acme, principal, cluster) == [made])
            }
        }
    }

    @Test func damagedIndexIsMadeAnewAndNobodyNotices() async throws {
        try await TestCluster.with(3, shards: 1) { cluster in
            let (acme, principal) = try await Self.desk(cluster)
            try await Self.makeIndexes(cluster, acme, principal)
            await cluster.stop(1)
            let file = cluster.shardFolder(1).appending(path: "1.words")
            try Data(repeating: 0xa5, count: 40_000).write(to: file)
            try? FileManager.default.removeItem(atPath: file.path + "-wal")
            try await cluster.restart(1)
            try await cluster.until("it has caught up") { $0.isWhole(3) }
            func sevenths() async throws -> Set<Int64> {
                try await Set(Self.search("\"Printer 7\"", cluster[1], acme, principal, cluster))
            }
            #expect(try await sevenths() == [8, 58, 108])
            try await Self.makeIndexes(cluster, acme, principal)
            #expect(try await sevenths() == [8, 58, 108])
        }
    }
}

@Suite struct WordIndexerTests {
    /// Searches wait only for an index that can be made.
    @Test func whatCannotBeDoneIsNotPromised() async throws {
        let folder = TemporaryFolder()
        let shard = ShardID(rawValue: 1)
        let path = folder.file("1.sqlite")
        _ = try ShardStore(
            path: path, shard: shard, schema: DeskSchema.schema, now: TestNode.start,
            options: ShardStoreOptions(syncsCommits: false))
        let hasRoom = Mutex(false)
        let indexer = WordIndexer(
            source: DeskWords(), clock: { TestNode.start },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        indexer.start(place: { _ in (0, path) }, mayWrite: { hasRoom.withLock { $0 } })
        func isPromised() -> Bool {
            indexer.wanted(.ticket, of: TenantID(rawValue: 1), in: shard)
        }
        func until(_ wanted: Bool) async throws {
            let deadline = ContinuousClock.now + .seconds(60)
            while isPromised() != wanted && ContinuousClock.now < deadline {
                try await TestCluster.turn()
            }
            #expect(isPromised() == wanted)
        }
        try await until(false)
        hasRoom.withLock { $0 = true }
        try await until(true)
        indexer.stop()
        #expect(!isPromised())
    }
}

@Suite struct WordFilesTests {
    @Test func filesOfWordsGoWithTheirRows() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "files-\(UUID())").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func make(_ names: String...) {
            for name in names {
                #expect(
                    FileManager.default.createFile(
                        atPath: "\(folder)/\(name)", contents: Data()))
            }
        }
        func words() -> [String] {
            FolderListing.names(folder).filter { $0.contains(".words") }
        }
        let shard = ShardID(rawValue: 3)
        make("3.sqlite", "3.words", "3.words-wal", "3-1.words", "3-7.words", "33.words", "3.new")
        var files = ShardFiles(folder: folder, shard: shard)
        #expect(ShardFiles.wordsPath(files.path) == "\(folder)/3.words")
        files.removeOld()
        #expect(words() == ["3.words", "3.words-wal", "33.words"])
        // The next rows have no words of others, should they have been left.
        make("3-1.words")
        try files.adopt(
            "\(folder)/3.new",
            head: SnapshotHead(
                position: .zero, configuration: Configuration(voters: [])))
        #expect(words() == ["3.words", "3.words-wal", "33.words"])
        make("3-1.words")
        files.removeOld()
        #expect(words() == ["3-1.words", "33.words"])
        files.removeAll()
        #expect(words() == ["33.words"])
        make("3-1.words")
        files.removeOld()
        #expect(words() == ["33.words"])
    }
}
