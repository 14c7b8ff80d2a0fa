import Logging
import Synchronization
import Testing
import Threads

@testable import lodged

struct ShutdownWatchTests {
    /// Keeps what is logged, with its step.
    private struct Book: LogHandler {
        let lines = Monitor<[String]>([])
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            let step = event.metadata?["step"].map { "\($0)" } ?? ""
            lines.broadcast { $0.append("\(event.message): \(step)") }
        }
    }

    private let book = Book()
    private let gaveUp = Monitor<String?>(nil)

    private func watch(limit: Duration, patience: Duration) -> ShutdownWatch {
        ShutdownWatch(
            limit: limit, patience: patience, logger: Logger(label: "x") { _ in book }
        ) { step in
            gaveUp.broadcast { $0 = step }
        }
    }

    private func soon() -> UInt64 { monotonicNanoseconds() + 20_000_000_000 }

    @Test func aStepThatTakesLongIsToldOfAgainAndAgain() {
        let watch = watch(limit: .seconds(60), patience: .milliseconds(5))
        watch.enter("lane 3")
        let times = book.lines.wait(until: soon()) { lines -> Int? in
            let count = lines.count { $0 == "still stopping: lane 3" }
            return count >= 2 ? count : nil
        }
        #expect(times != nil)
        watch.enter("log")
        #expect(
            book.lines.wait(until: soon()) { $0.contains("still stopping: log") ? true : nil }
                == true)
        watch.end()
        #expect(gaveUp.withLock { $0 } == nil)
    }

    @Test func whatDoesNotEndIsGivenUpWithTheStepItIsIn() {
        let watch = watch(limit: .milliseconds(30), patience: .seconds(60))
        watch.enter("draining")
        watch.enter("TokenUses")
        #expect(gaveUp.wait(until: soon()) { $0 } == "TokenUses")
        #expect(book.lines.withLock { $0 } == ["stopping: draining", "stopping: TokenUses"])
    }

    @Test func whatEndsInTimeIsNotGivenUp() {
        let watch = watch(limit: .milliseconds(50), patience: .milliseconds(1))
        watch.enter("draining")
        watch.end()
        // The limit passes, and whoever gives up would be heard by now.
        #expect(gaveUp.wait(until: monotonicNanoseconds() + 200_000_000) { $0 } == nil)
    }
}
