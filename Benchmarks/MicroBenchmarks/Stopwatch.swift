import Glibc
package import Measurement

/// Runs something in rounds and takes the CPU time of this thread.
///
/// CPU time rather than time on the wall: other processes of a shared machine take the latter.
package struct Stopwatch {
    package let rounds: Int
    package let iterations: Int

    package init(rounds: Int, iterations: Int) {
        precondition(rounds > 0 && iterations > 0)
        self.rounds = rounds
        self.iterations = iterations
    }

    /// `body` gets the number of the iteration, counted through all rounds.
    /// - Parameter itemsEach: how many of what the title names one iteration does: the result is of one of them.
    package func measure(
        _ name: String, _ title: String, itemsEach: Int = 1, bytesEach: Double? = nil,
        body: (Int) throws -> Void
    ) rethrows -> PartResult {
        precondition(itemsEach > 0)
        var each: [Double] = []
        for round in 0..<rounds {
            let began = Self.nanoseconds
            for iteration in 0..<iterations { try body(round * iterations + iteration) }
            each.append(Double(Self.nanoseconds - began) / Double(iterations * itemsEach))
        }
        return PartResult(
            name: name, title: title, iterations: rounds * iterations * itemsEach,
            nanosecondsEach: each, bytesEach: bytesEach)
    }

    private static var nanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
