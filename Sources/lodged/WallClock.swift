import Glibc
import Observability
import SupportAPI
import Wire

/// The system's clock: the one place where a node asks for the time of day.
func wallClock() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(rawValue: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
}

/// The time of a log line, in UTC with milliseconds.
func wallClockText() -> String {
    let now = wallClock()
    let fraction = String(now.milliseconds % 1000)
    return ISOTime.text(now).dropLast() + "."
        + String(repeating: "0", count: 3 - fraction.count) + fraction + "Z"
}
