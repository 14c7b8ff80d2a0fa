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
}
