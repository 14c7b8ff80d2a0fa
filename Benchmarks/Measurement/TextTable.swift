/// Columns of text: the first to the left, the others to the right. `html` is the same as a table of a page.
struct TextTable {
    /// The heading first.
    private(set) var rows: [[String]]

    init(_ heading: [String]) { rows = [heading] }

    mutating func add(_ row: [String]) { rows.append(row) }

    var lines: [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, text) in row.enumerated() {
                let space = String(repeating: " ", count: widths[column] - text.count)
                line += (column == 0 ? "" : "  ") + (column == 0 ? text + space : space + text)
            }
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// - Parameter caption: read out by screen readers, and shown above the table.
    func html(_ caption: String) -> String {
        let lines = rows.enumerated().map { number, row in
            let cells = row.enumerated().map { column, text in
                let scope = number == 0 ? "col" : "row"
                return number == 0 || column == 0
                    ? Markup.element("th", [("scope", scope)], Markup.escape(text))
                    : Markup.element("td", [], Markup.escape(text))
            }
            return Markup.element("tr", [], cells.joined())
        }
        return Markup.element(
            "div", [("class", "scroll")],
            Markup.element(
                "table", [],
                Markup.element("caption", [], Markup.escape(caption))
                    + lines.joined(separator: "\n")))
    }
}
