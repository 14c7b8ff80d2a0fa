import Consensus
import Foundation
import Logging
import SQLite
import ShardStore
import Testing
import Wire

@testable import Cluster

struct HistoryTests {
    @Test func historyTellsWhatEachRequestChanged() async throws {
        let test = try TestNode()
        defer { test.remove() }
        let acme = try await test.tenant("acme")
        let first = try await test.node.countUp(acme).position
        let second = try await test.node.countUp(acme).position
        let before = LogIndex(rawValue: first.index.rawValue - 1)
        let history = try await test.node.history(of: acme.shard, after: before)
        #expect(history.entries.map(\.index) == [first.index, second.index])
        #expect(history.entries.allSatisfy { $0.tenant == acme.id && $0.time == TestNode.start })
        #expect(history.through == second.index)
        #expect(history.committed == second.index)
        let change = try #require(history.entries.first?.changes.first)
        #expect(change.operation == .insert)
        let update = try #require(history.entries.last?.changes.first)
        #expect(update.operation == .update)
        #expect(update.table == change.table)
        #expect(update.key == change.key)
        #expect(update.columns.map(\.value) == [.integer(2)])
        // In the middle of what was one look, and behind the end.
        let rest = try await test.node.history(of: acme.shard, after: first.index)
        #expect(rest.entries == Array(history.entries.dropFirst()))
        let none = try await test.node.history(of: acme.shard, after: second.index)
        #expect(none.entries.isEmpty && none.through == second.index)
    }

    @Test func historyOfTheDirectoryHasItsSchemaAndHidesCredentials() async throws {
        let test = try TestNode()
        defer { test.remove() }
        let digest = [UInt8](repeating: 0xab, count: 32)
        _ = try await test.node.directory.createOperatorToken(label: "ops", digest: digest)
        let history = try await test.node.history(of: .directory, after: .zero)
        let tokens = history.entries.flatMap(\.changes).filter { $0.table == "operator_tokens" }
        let columns = try #require(tokens.first).columns
        #expect(columns.contains { $0.value == .bytes(32) })
        #expect(columns.contains { $0.value == .text("ops") })
    }

    @Test func rowsThatAddUpAreSoundAndOthersAreNot() async throws {
        let test = try TestNode()
        defer { test.remove() }
        let acme = try await test.tenant("acme")
        _ = try await test.node.countUp(acme)
        #expect(await test.node.checkRows(of: acme.shard) == .sound)
        let path = try #require(
            test.node.shardViews.first { $0.shard == acme.shard }?.path)
        let table = try #require(
            await test.node.history(of: acme.shard, after: .zero).entries.last?.changes.first?.table
        )
        // Behind the store's back, as a disk does it.
        try Connection(path: path, mode: .readWrite).execute(
            "UPDATE \(table) SET value = 41 WHERE tenant = \(acme.id)")
        guard case .unsound(let what) = await test.node.checkRows(of: acme.shard) else {
            Issue.record("damage was not found")
            return
        }
        #expect(what.contains("tenant \(acme.id)"))
        // The only replica goes on, and says so.
        let view = try #require(test.node.shardViews.first { $0.shard == acme.shard })
        #expect(view.fault == nil)
        #expect(view.damage == what)
        #expect(try await test.node.number(acme) == 41)
    }
}

struct BallastTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "b-\(UUID())")
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    private let plenty: UInt64 = 1 << 40

    private var size: Int? {
        let attributes = try? FileManager.default.attributesOfItem(
            atPath: folder.appending(path: "ballast").path)
        return attributes?[.size] as? Int
    }

    @Test func ballastIsGivenUpWhenTheDiskIsFullAndComesBackWithRoom() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let ballast = Ballast(folder: folder.path, megabytes: 1, logger: logger)
        ballast.keep(free: 65 << 20, reserve: 64 << 20, isFull: false)
        #expect(size == nil, "there is not enough room to take any")
        ballast.keep(free: plenty, reserve: 64 << 20, isFull: false)
        #expect(size == 1 << 20)
        ballast.keep(free: plenty, reserve: 64 << 20, isFull: true)
        #expect(size == nil)
        ballast.keep(free: plenty, reserve: 64 << 20, isFull: false)
        ballast.keep(free: 1 << 20, reserve: 64 << 20, isFull: false)
        #expect(size == nil)
        // A later process knows the file of an earlier one.
        ballast.keep(free: plenty, reserve: 64 << 20, isFull: false)
        let later = Ballast(folder: folder.path, megabytes: 1, logger: logger)
        later.keep(free: 1 << 20, reserve: 64 << 20, isFull: false)
        later.keep(free: 1 << 20, reserve: 64 << 20, isFull: false)
        #expect(size == nil)
        _ = Ballast(folder: folder.path, megabytes: 0, logger: logger)
        #expect(size == nil)
    }
}
