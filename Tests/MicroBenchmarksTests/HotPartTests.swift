import Foundation
import Measurement
import MicroBenchmarks
import Testing
import TestSupport

/// Each part looks at its own outcome and throws if it is wrong; here all of them run, so that none rots.
@Suite struct HotPartTests {
    @Test(arguments: HotPart.all.map(\.name))
    func partDoesWhatItIsFor(name: String) throws {
        let part = try #require(HotPart.all.first { $0.name == name })
        let folder = TemporaryFolder()
        let result = try part.measure(rounds: 2, scale: .tiny, folder: folder.path)
        #expect(result.name == name)
        #expect(result.title == part.title)
        #expect(result.nanosecondsEach.count == 2)
        #expect(result.nanosecondsEach.allSatisfy { $0.isFinite && $0 > 0 })
        #expect(result.iterations >= 4)
        if let bytes = result.bytesEach { #expect(bytes.isFinite && bytes > 0) }
    }

    @Test func namesAreDistinctAndFitACommandLine() {
        let names = HotPart.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.wholeMatch(of: /[a-z0-9]+(-[a-z0-9]+)*/) != nil })
    }

    /// What the issue of measuring asked to be measured stays in the list.
    @Test(arguments: [
        "replay-create", "replay-update", "replay-comment", "pack-256", "unpack-256",
        "consensus-1", "log-append-1", "log-append-synced", "json-ticket", "json-list-25",
        "json-create", "conditions-5", "conditions-500", "sign-in-bearer", "authorise",
        "clocks-update", "tls-16k", "frame-512",
    ]) func hotPartIsInTheList(name: String) {
        #expect(HotPart.all.contains { $0.name == name })
    }

    /// engine.md, section 13, on a shard of several tenants.
    @Test func writesStayWithinTheirBudgetOfBTrees() throws {
        let folder = TemporaryFolder()
        let shard = try BenchShard(
            path: folder.path + "/shard.sqlite",
            BenchShard.Options(tenants: 3, tickets: 400))
        for operation in try StoreExplanation(shard).operations {
            #expect(operation.pages.keys.contains("tickets"))
            #expect(operation.pages.count <= operation.budget, "\(operation)")
        }
    }
}
