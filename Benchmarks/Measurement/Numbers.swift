import Foundation

/// Numbers as people read them. What is not a number, or not finite, is a dash: a report never says `nan`.
enum Numbers {
    static let missing = "–"

    /// `1,234,567`.
    static func count(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var text = ""
        for (place, digit) in digits.enumerated() {
            if place > 0 && (digits.count - place) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return value < 0 ? "-" + text : text
    }

    /// With so many digits behind the point; digits in front of it in groups of three.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return missing }
        guard abs(value) < 1e15 else { return String(format: "%.3g", value) }
        let text = String(format: "%.\(digits)f", value)
        guard abs(value) >= 1000 else { return text }
        let parts = text.split(separator: ".")
        let whole = count(Int(parts[0]) ?? 0)
        return parts.count > 1 ? whole + "." + parts[1] : whole
    }

    /// About three significant digits, never fewer than stand in front of the point.
    static func plain(_ value: Double) -> String {
        guard value.isFinite else { return missing }
        let size = abs(value)
        if size == 0 { return "0" }
        if size < 0.001 { return String(format: "%.2g", value) }
        return fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
    }

    /// For axes: `2,500`, `1.5 M`, `0.25`.
    static func short(_ value: Double) -> String {
        guard value.isFinite else { return missing }
        let units: [(Double, String)] = [(1e12, " T"), (1e9, " G"), (1e6, " M")]
        for (size, name) in units where abs(value) >= size {
            return trimmed(value / size) + name
        }
        return trimmed(value)
    }

    /// From microseconds: `850 µs`, `1.25 ms`, `3 s`.
    static func time(microseconds value: Double) -> String {
        guard value.isFinite else { return missing }
        if abs(value) >= 1e6 { return trimmed(value / 1e6) + " s" }
        if abs(value) >= 1e3 { return trimmed(value / 1e3) + " ms" }
        return trimmed(value) + " µs"
    }

    /// Milliseconds from microseconds, for tables.
    static func milliseconds(_ microseconds: Double) -> String {
        guard microseconds.isFinite else { return missing }
        let value = microseconds / 1000
        return fixed(value, value >= 100 ? 0 : value >= 10 ? 1 : 2)
    }

    /// `1.5 MB`: powers of 1000, as disks and networks count.
    static func bytes(_ value: Double) -> String {
        guard value.isFinite else { return missing }
        let units: [(Double, String)] = [
            (1e12, " TB"), (1e9, " GB"), (1e6, " MB"), (1e3, " kB"),
        ]
        for (size, name) in units where abs(value) >= size {
            return trimmed(value / size) + name
        }
        return trimmed(value) + " B"
    }

    /// `99.9`, with as many nines as it has.
    static func percentile(_ value: Double) -> String {
        guard value.isFinite else { return missing }
        var text = String(format: "%.5f", value)
        while text.contains("."), text.last == "0" || text.last == "." {
            if text.removeLast() == "." { break }
        }
        return text
    }

    /// `+12.3 %` of a ratio of 1.123.
    static func change(_ ratio: Double) -> String {
        guard ratio.isFinite else { return missing }
        return String(format: "%+.1f %%", (ratio - 1) * 100)
    }

    /// Three significant digits without zeros at the end.
    private static func trimmed(_ value: Double) -> String {
        let size = abs(value)
        if size > 0 && size < 0.001 { return String(format: "%.2g", value) }
        let text = fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
        guard text.contains(".") else { return text }
        return String(
            text.reversed().drop { $0 == "0" }.drop { $0 == "." }.reversed())
    }
}
