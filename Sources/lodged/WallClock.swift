import Observability
import SupportAPI
import Threads
import Wire

/// The system's clock: the one place where a node asks for the time of day.
func wallClock() -> Timestamp {
    Timestamp(milliseconds: wallClockMilliseconds())
}

/// The time of a log line, in UTC with milliseconds.
func wallClockText() -> String {
    let now = wallClock()
    let fraction = String(now.milliseconds % 1000)
    return ISOTime.text(now).dropLast() + "."
        + String(repeating: "0", count: 3 - fraction.count) + fraction + "Z"
}
