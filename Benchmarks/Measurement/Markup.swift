import Foundation

/// Text and numbers as HTML and SVG take them.
enum Markup {
    /// Whatever stands in a result may come from a server that was measured: nothing of it is markup.
    static func escape(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
            case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
            case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
            case "'": escaped.append(contentsOf: "&#39;".unicodeScalars)
            // XML has no way to write most control characters, nor these two.
            case _ where scalar.properties.generalCategory == .control, "\u{FFFE}", "\u{FFFF}":
                escaped.append(" ")
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }

    /// A coordinate: a tenth of a unit is finer than a pixel. Never `nan` or `inf`, which would break a whole path.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        let tenths = (min(max(value, -1e6), 1e6) * 10).rounded()
        if tenths.truncatingRemainder(dividingBy: 10) == 0 { return String(Int(tenths / 10)) }
        return String(format: "%.1f", tenths / 10)
    }

    static func element(
        _ name: String, _ attributes: [(String, String)] = [], _ content: String? = nil
    ) -> String {
        let list = attributes.map { " \($0)=\"\(escape($1))\"" }.joined()
        guard let content else { return "<\(name)\(list)/>" }
        return "<\(name)\(list)>\(content)</\(name)>"
    }
}
