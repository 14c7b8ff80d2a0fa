import Foundation
import Glibc
import LoadGenerator
import Measurement

/// What a run tells while it lasts: on a terminal one line that changes, elsewhere a line now and then.
final class ProgressLine {
    private let isTerminal = isatty(STDERR_FILENO) != 0
    private var isOpen = false
    private var lastShown = -1.0

    /// Seconds between lines where nobody watches.
    private static let pause = 5.0

    func show(_ progress: LoadProgress) {
        switch progress {
        case .stage(let text):
            lastShown = -Self.pause
            write(text, stays: true)
        case .second(let phase, let at, let of, let interval):
            if !isTerminal {
                guard at >= lastShown + Self.pause else { return }
                lastShown = at
            }
            write(Self.text(phase, at, of, interval), stays: !isTerminal)
        }
    }

    /// Ends a line that would change.
    func end() {
        if isOpen { FileHandle.standardError.write(Data("\n".utf8)) }
        isOpen = false
    }

    private func write(_ text: String, stays: Bool) {
        let begin = isOpen ? "\r\u{1B}[K" : ""
        FileHandle.standardError.write(Data((begin + text + (stays ? "\n" : "")).utf8))
        isOpen = !stays
    }

    private static func text(
        _ phase: String, _ at: Double, _ of: Double, _ interval: Interval
    ) -> String {
        let count = Double(interval.counts.values.reduce(0, +)) / max(interval.seconds, 0.001)
        var text = String(format: "%@ %.0f/%.0f s  %.0f/s", phase, at, of, count)
        for (name, latency) in [("writes", interval.writes), ("reads", interval.reads)] {
            guard let latency else { continue }
            text += String(
                format: "  %@ p50 %.1f p99 %.1f ms", name, latency.p50 / 1000, latency.p99 / 1000)
        }
        return interval.failures > 0 ? text + "  failures \(interval.failures)" : text
    }
}
