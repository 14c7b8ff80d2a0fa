import Foundation
import Logging
import ServiceDesk
import ShardStore
import Wire

@testable import Cluster

/// A node in a temporary folder that is removed with it.
final class TestNode: Sendable {
    static let start = Timestamp(rawValue: 1_780_000_000_000)

    let folder: URL
    let node: Node

    init(
        folder: URL? = nil, shards: Int = 3, queueLimit: Int = 4096, walPages: Int? = nil
    ) throws {
        self.folder =
            folder ?? FileManager.default.temporaryDirectory.appending(path: "node-\(UUID())")
        node = try Node(
            configuration: NodeConfiguration(
                dataDirectory: self.folder.path, shardCount: shards, cacheMegabytes: 4,
                queueLimit: queueLimit, walPages: walPages, shedsLateRequests: false),
            deskSchema: DeskSchema.schema,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            clock: { Self.start })
    }

    /// A node must not be let go while it runs, and a test may end anywhere.
    deinit { node.stop() }

    func tenant(_ name: String) async throws -> TenantRoute {
        try await node.directory.createTenant(name: name, plan: "p", limits: TenantLimits()).route
    }

    /// The same folder after a stop and a start.
    func reopened(shards: Int = 3) throws -> TestNode {
        node.stop()
        return try TestNode(folder: folder, shards: shards)
    }

    func remove() {
        node.stop()
        try? FileManager.default.removeItem(at: folder)
    }
}

extension Node {
    /// Counts up a number of the tenant and gives it.
    func countUp(_ tenant: TenantRoute) async throws -> Committed<Int64> {
        try await write(tenant) { try $0.add(1, to: .tags) }
    }

    func number(_ tenant: TenantRoute, level: ReadLevel = .linearizable) async throws -> Int64 {
        try await read(tenant, level: level) { try $0.count(.tags) }.answer
    }
}
