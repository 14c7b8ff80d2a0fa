import Foundation
import Measurement

/// A run's result as a small table.
enum RunTable {
    static func text(_ result: BenchmarkResult) -> String {
        result.phases.map(phase).joined()
            + result.ratios.map { ratio in
                String(
                    format: "%@: %.3f of the other build (quartiles %.3f to %.3f, %d rounds)\n",
                    ratio.name, ratio.median, ratio.quartiles.lower, ratio.quartiles.upper,
                    ratio.perSecond.count)
            }.joined()
    }

    private static func phase(_ phase: PhaseResult) -> String {
        var text = "\(phase.name), \(phase.loop)\n"
        for each in phase.operations {
            text += String(
                format:
                    "  %@ %9.0f/s  p50 %8.2f  p99 %8.2f  p99.9 %8.2f  max %8.2f ms  failures %d\n",
                each.operation.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0),
                Double(each.count) / phase.seconds, each.latency.p50 / 1000,
                each.latency.p99 / 1000, each.latency.p999 / 1000, each.latency.max / 1000,
                each.failures)
        }
        let count = phase.operations.reduce(0) { $0 + $1.count }
        text += String(format: "  all      %9.0f/s\n", Double(count) / phase.seconds)
        for process in phase.processes {
            guard let last = process.samples.last else { continue }
            let cores = process.samples.map(\.cores).reduce(0, +) / Double(process.samples.count)
            text += String(
                format: "  %@ %.2f cores, %.1f us a request, %.0f MB\n",
                process.name.padding(toLength: 11, withPad: " ", startingAt: 0), cores,
                cores * phase.seconds * 1e6 / Double(max(1, count)),
                Double(last.residentBytes) / 1e6)
        }
        for event in phase.events {
            text += String(format: "  at %.1f s: %@", event.at, event.text)
            text += event.gap.map { String(format: ", gap %.3f s\n", $0) } ?? "\n"
        }
        let checks = phase.checks
        text +=
            "  \(checks.answersChecked) answers checked, \(checks.wrongAnswerCount) wrong; "
            + "\(checks.writesFound) of \(checks.acknowledgedWrites) acknowledged writes found"
            + " (\(checks.ticketsReadBack) tickets read back)\n"
        for wrong in checks.wrongAnswers { text += "  WRONG: \(wrong)\n" }
        return text
    }
}
