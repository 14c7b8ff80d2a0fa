import Measurement
import MicroBenchmarks
import Testing

@Suite struct StopwatchTests {
    @Test func everyIterationRunsOnce() {
        var seen: [Int] = []
        let part = Stopwatch(rounds: 2, iterations: 3).measure("x", "X") { seen.append($0) }
        #expect(seen == [0, 1, 2, 3, 4, 5])
        #expect(part.iterations == 6)
        #expect(part.nanosecondsEach.count == 2)
    }

    @Test func timesAreOfOneItem() {
        let part = Stopwatch(rounds: 2, iterations: 3).measure("x", "X", itemsEach: 50) { _ in }
        #expect(part.iterations == 300)
        // Nothing was done 150 times in a round: far less than a microsecond each.
        #expect(part.nanosecondsEach.allSatisfy { $0 < 100_000 })
    }
}
