import Glibc

/// Times in seconds, for what is measured as a whole process.
package enum SystemClock {
    /// CPU time that all threads of this process have used.
    package static var processCPU: Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }
    /// Time on the wall, of a clock that nobody sets.
    package static var monotonic: Double { seconds(CLOCK_MONOTONIC) }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
