import Consensus
import Foundation
import LogStore
import ServiceDesk
import ShardStore
import Testing
import Wire

@testable import Cluster

struct NodeTests {
    private struct Refused: Refusal, Equatable {}
    private struct Broken: Error, Equatable {}

    @Test func aWriteIsReadByTheNextReadAtItsPosition() async throws {
        let test = try TestNode()
        defer { test.remove() }
        let acme = try await test.tenant("acme")
        for expected in 1...5 {
            let written = try await test.node.countUp(acme)
            #expect(written.answer == Int64(expected))
            #expect(written.position.shard == acme.shard)
            let level = ReadLevel.session(written.position)
            #expect(try await test.node.number(acme, level: level) == Int64(expected))
        }
    }

    /// Reads are answered from the board, also for other nodes: it must never be behind what anybody was told.
    @Test func whatIsAnsweredIsOnTheBoardAlready() async throws {
        let test = try TestNode(shards: 1)
        defer { test.remove() }
        let acme = try await test.tenant("acme")
        for _ in 0..<200 {
            let index = try await test.node.countUp(acme).position.index
            let view = try #require(test.node.shardViews.first { $0.shard == acme.shard })
            #expect(view.appliedIndex >= index && view.commitIndex >= index)
        }
    }

    @Test func aPositionThatIsNotReachedIsRefused() async throws {
        let test = try TestNode()
        defer { test.remove() }
        let acme = try await test.tenant("acme")
        let position = try await test.node.countUp(acme).position
        let ahead = Position(shard: position.shard, index: position.index.next)
        await #expect(throws: Unavailable(reason: .behind, retryAfterSeconds: 1)) {
            try await test.node.number(acme, level: .session(ahead))
        }
    }

    @Test func refusalsAndFaultsLeaveNoTraceAndHarmNoNeighbour() async throws {
        let test = try TestNode()
        defer { test.remove() }
        let acme = try await test.tenant("acme")
        let globex = try await test.tenant("globex")
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let tenant = number % 2 == 0 ? acme : globex
                    _ = try? await test.node.write(tenant) { rows in
                        try rows.add(1, to: .tags)
                        if number % 10 == 3 { throw Refused() }
                        if number % 10 == 7 { throw Broken() }
                    }
                }
            }
        }
        #expect(try await test.node.number(acme) == 100)
        #expect(try await test.node.number(globex) == 60)
        await #expect(throws: Broken()) { try await test.node.write(acme) { _ in throw Broken() } }
    }

    @Test func everythingIsThereAfterARestart() async throws {
        var test = try TestNode()
        let acme = try await test.tenant("acme")
        var position: Position?
        for _ in 0..<20 { position = try await test.node.countUp(acme).position }
        test = try test.reopened()
        defer { test.remove() }
        #expect(try await test.node.number(acme, level: .session(try #require(position))) == 20)
        // Whoever leads anew begins with an entry of its own (Raft, 8).
        #expect(try await test.node.countUp(acme).position.index == position?.index.next.next)
    }

    /// The WAL is folded when it has grown long, and begins at its front again: it stays about as long as that.
    @Test func aLongWALIsFolded() async throws {
        let test = try TestNode(shards: 1, walPages: 64)
        defer { test.remove() }
        let acme = try await test.tenant("acme")
        for _ in 0..<600 { _ = try await test.node.countUp(acme) }
        let shards = test.folder.appending(path: "shards")
        let sizes = try FileManager.default.contentsOfDirectory(
            at: shards, includingPropertiesForKeys: [.fileSizeKey]
        ).filter { $0.lastPathComponent.hasSuffix("-wal") }.compactMap {
            try $0.resourceValues(forKeys: [.fileSizeKey]).fileSize
        }
        // Two pages at least for each write.
        #expect(sizes.count == 2 && sizes.max()! > 64 * 4096)
        #expect(sizes.max()! < 600 * 4096)
        #expect(try await test.node.number(acme) == 600)
    }

    /// Long WALs take a quarter of what is free at most.
    @Test func aWALGrowsAsTheDiskHasRoom() {
        #expect(ShardServices.walPages(free: nil, shards: 1) == 2048)
        let room: UInt64 = 11 * 32 << 20
        #expect(ShardServices.walPages(free: 4 * room, shards: 11) == 8192)
        #expect(ShardServices.walPages(free: 4 * room - 4, shards: 11) == 2048)
        #expect(ShardServices.walPages(free: 0, shards: 11) == 2048)
    }

    @Test func stoppingFinishesWhatWaitsAndRefusesTheRest() async throws {
        let test = try TestNode()
        defer { test.remove() }
        let acme = try await test.tenant("acme")
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<200 { group.addTask { (try? await test.node.countUp(acme)) != nil } }
            group.addTask {
                test.node.stop()
                return false
            }
            return await group.reduce(into: 0) { if $1 { $0 += 1 } }
        }
        let again = try TestNode(folder: test.folder)
        defer { again.node.stop() }
        #expect(try await again.node.number(acme) == Int64(outcomes))
        await #expect(throws: Unavailable.self) { try await test.node.countUp(acme) }
    }

    @Test func aFolderIsOneNodesAtATime() async throws {
        let test = try TestNode()
        defer { test.remove() }
        #expect(throws: DataDirectoryFault.self) { try TestNode(folder: test.folder) }
        let second = try test.reopened()
        second.node.stop()
    }

    @Test func theNumberOfShardsIsFixed() async throws {
        let test = try TestNode(shards: 3)
        defer { test.remove() }
        test.node.stop()
        for shards in [2, 4] {
            #expect(throws: DataDirectoryFault.self) {
                try TestNode(folder: test.folder, shards: shards)
            }
        }
    }

    @Test func aFirstStartThatStoppedHalfWayIsFinishedByTheNext() async throws {
        let whole = try TestNode(shards: 5)
        whole.node.stop()
        defer { whole.remove() }
        // As after a crash while the shards were made: some of them, no directory yet, and nothing in the log.
        for name in ["shards/0.sqlite", "shards/4.sqlite", "shards/5.sqlite", "log", "born"] {
            try FileManager.default.removeItem(at: whole.folder.appending(path: name))
        }
        let next = try TestNode(folder: whole.folder, shards: 5)
        defer { next.node.stop() }
        #expect(try await next.tenant("acme").name == "acme")
    }

    /// A data folder of the release that had no log.
    @Test func aFolderWithoutALogFromBeforeThereWasOneGoesOn() async throws {
        let old = try TestNode()
        let acme = try await old.tenant("acme")
        for _ in 0..<5 { _ = try await old.node.countUp(acme) }
        old.node.stop()
        for name in ["log", "born", "shard-count"] {
            try FileManager.default.removeItem(at: old.folder.appending(path: name))
        }
        let next = try TestNode(folder: old.folder)
        defer { next.remove() }
        #expect(try await next.node.number(acme) == 5)
        #expect(try await next.node.countUp(acme).answer == 6)
    }

    @Test func aNodeThatLostItsLogDoesNotGoOn() throws {
        let test = try TestNode()
        defer { test.remove() }
        test.node.stop()
        try FileManager.default.removeItem(at: test.folder.appending(path: "log"))
        #expect(throws: DataDirectoryFault.self) { try TestNode(folder: test.folder) }
    }

    /// Nobody else has what its log lost, so it must not go on without, nor change anything that may still be mended.
    @Test(arguments: ["damaged", "poisoned"]) func aNodeAloneDoesNotGoOnAfterItsLog(was: String)
        async throws
    {
        let test = try TestNode()
        defer { test.remove() }
        let acme = try await test.tenant("acme")
        for _ in 0..<5 { _ = try await test.node.countUp(acme) }
        test.node.stop()
        let log = test.folder.appending(path: "log")
        let segment = log.appending(path: "log-0000000000000001")
        let poison = log.appending(path: "poisoned")
        let good = try Data(contentsOf: segment)
        if was == "damaged" {
            var bad = good
            // In the body of the first of several batches.
            bad[128 + 40] ^= 1
            try bad.write(to: segment)
        } else {
            try Data("a sync failed".utf8).write(to: poison)
        }
        for _ in 0..<2 {
            #expect(throws: LogFault.self) { try TestNode(folder: test.folder) }
        }
        try good.write(to: segment)
        try? FileManager.default.removeItem(at: poison)
        let again = try TestNode(folder: test.folder)
        defer { again.node.stop() }
        #expect(try await again.node.number(acme) == 5)
    }

    @Test func aShardThatCannotBeOpenedStopsTheStartAndFreesTheFolder() async throws {
        let test = try TestNode()
        defer { test.remove() }
        test.node.stop()
        let path = test.folder.appending(path: "shards/2.sqlite")
        let good = try Data(contentsOf: path)
        try Data(repeating: 7, count: 8192).write(to: path)
        #expect(throws: (any Error).self) { try TestNode(folder: test.folder) }
        try good.write(to: path)
        let again = try TestNode(folder: test.folder)
        again.node.stop()
    }

    @Test func aFullQueueRefusesInsteadOfGrowing() async throws {
        let test = try TestNode(queueLimit: 16)
        defer { test.remove() }
        let acme = try await test.tenant("acme")
        let refused = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<2000 {
                group.addTask {
                    do {
                        _ = try await test.node.countUp(acme)
                        return false
                    } catch { return (error as? Unavailable)?.reason == .overloaded }
                }
            }
            return await group.reduce(into: 0) { if $1 { $0 += 1 } }
        }
        #expect(try await test.node.number(acme) == Int64(2000 - refused))
    }
}

struct FairQueueTests {
    @Test func tenantsAreServedInTurnWhateverTheirFlood() {
        var queue = FairQueue<String>(limit: 100, tenantLimit: 50)
        let (a, b, c) = (TenantID(rawValue: 1), TenantID(rawValue: 2), TenantID(rawValue: 3))
        for number in 0..<10 { _ = queue.append("a\(number)", for: a) }
        _ = queue.append("b0", for: b)
        _ = queue.append("c0", for: c)
        _ = queue.append("c1", for: c)
        let first = queue.take(6)
        #expect(first == ["a0", "b0", "c0", "a1", "c1", "a2"])
        #expect(queue.count == 7)
        let rest = queue.take(100)
        #expect(rest.count == 7 && queue.isEmpty)
    }

    @Test func boundsHoldForAllAndForEach() {
        var queue = FairQueue<Int>(limit: 5, tenantLimit: 3)
        let (a, b) = (TenantID(rawValue: 1), TenantID(rawValue: 2))
        let ofA = (0..<5).map { queue.append($0, for: a) }
        let ofB = (0..<5).map { queue.append($0, for: b) }
        #expect(ofA == [true, true, true, false, false])
        #expect(ofB == [true, true, false, false, false])
        _ = queue.take(1)
        let fits = queue.append(9, for: b)
        #expect(fits)
    }
}
