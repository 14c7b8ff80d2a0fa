import Foundation

extension Comparison {
    /// For a terminal, the last line ended too.
    package var text: String {
        var lines = [
            "A  \(aNames.joined(separator: ", ")): \(aBuild)",
            "B  \(bNames.joined(separator: ", ")): \(bBuild)",
        ]
        if !warnings.isEmpty { lines += [""] + warnings.map { "WARNING: \($0)" } }
        if !differences.isEmpty {
            var table = TextTable(["differs beside the build", "A", "B"])
            for difference in differences {
                table.add([difference.what, difference.a, difference.b])
            }
            lines += ["", "WARNING: not only the build differs; what follows may come from that:"]
            lines += table.lines
        }
        for phase in phases {
            var table = TextTable(["", "A", "B", "B ÷ A", "95 % interval", "change", "verdict"])
            for line in phase.lines { table.add(Self.cells(line)) }
            lines += ["", "== \(phase.name): \(phase.loop)"] + table.lines
        }
        return (lines + ["", method]).joined(separator: "\n") + "\n"
    }

    /// For programs: sorted keys, the last line ended.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }

    private static func cells(_ line: Line) -> [String] {
        func value(_ value: Double?) -> String {
            guard let value else { return Numbers.missing }
            switch line.unit {
            case "µs": return Numbers.time(microseconds: value)
            case "B": return Numbers.bytes(value)
            default: return Numbers.plain(value)
            }
        }
        func fixed(_ value: Double?) -> String {
            value.map { Numbers.fixed($0, 3) } ?? Numbers.missing
        }
        var interval = Numbers.missing
        if let low = line.low, let high = line.high {
            interval = "\(fixed(low)) to \(fixed(high))"
        } else if let threshold = line.threshold {
            interval = "beyond \(Numbers.plain(threshold * 100)) %"
        }
        var verdict = line.verdict.rawValue
        if let rounds = line.rounds, let pValue = line.pValue {
            verdict += " (\(rounds) rounds, p \(String(format: "%.3f", pValue)))"
        }
        return [
            line.metric, value(line.a), value(line.b), fixed(line.ratio), interval,
            line.ratio.map(Numbers.change) ?? Numbers.missing, verdict,
        ]
    }
}
