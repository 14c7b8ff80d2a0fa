/// Parts and limits of a result: tables in which lengths can be seen.
enum BarTables {
    static func parts(_ parts: [PartResult]) -> String {
        let medians = parts.map { Statistics.median($0.nanosecondsEach) }
        let most = medians.compactMap { $0 }.max() ?? 0
        let rows = zip(parts, medians).map { part, median in
            let each = part.nanosecondsEach.filter(\.isFinite)
            return row(
                part.name, part.title, bar: share(median ?? 0, of: most),
                [
                    median.map(Numbers.plain) ?? Numbers.missing,
                    each.min().map(Numbers.plain) ?? Numbers.missing,
                    each.max().map(Numbers.plain) ?? Numbers.missing,
                    median.map { Numbers.plain(1e9 / $0) } ?? Numbers.missing,
                    part.bytesEach.map(Numbers.plain) ?? Numbers.missing,
                ])
        }
        return section(
            "Parts alone",
            "CPU of one iteration: the median of the rounds, and what they lie between",
            ["ns median", "least", "most", "/s", "bytes"], rows)
    }

    /// Bars of one unit share a scale.
    static func limits(_ limits: [Limit]) -> String {
        let rows = limits.map { limit in
            let most = limits.filter { $0.unit == limit.unit }.map(\.value).filter(\.isFinite).max()
            return row(
                limit.name, limit.title, bar: share(limit.value, of: most ?? 0),
                [
                    "\(Numbers.plain(limit.value)) \(limit.unit)",
                    limit.latency.map { Numbers.time(microseconds: $0.p50) } ?? Numbers.missing,
                    limit.latency.map { Numbers.time(microseconds: $0.p99) } ?? Numbers.missing,
                ])
        }
        return section(
            "Limits of this machine", "Measured in the same call; bars compare rows of one unit",
            ["value", "p50", "p99"], rows)
    }

    private static func share(_ value: Double, of most: Double) -> Double {
        let share = value / most
        return share.isFinite ? min(max(share, 0), 1) : 0
    }

    private static func row(
        _ name: String, _ title: String, bar: Double, _ cells: [String]
    ) -> String {
        let line = Markup.element(
            "div", [("class", "f0"), ("style", "width:\(Markup.number(bar * 100))%")], "")
        return Markup.element(
            "tr", [],
            Markup.element("th", [("scope", "row")], Markup.escape(name))
                + Markup.element("td", [("class", "text")], Markup.escape(title))
                + Markup.element("td", [("class", "bar"), ("aria-hidden", "true")], line)
                + cells.map { Markup.element("td", [], Markup.escape($0)) }.joined())
    }

    private static func section(
        _ title: String, _ caption: String, _ columns: [String], _ rows: [String]
    ) -> String {
        let heading = (["name", "what it is", ""] + columns).map {
            $0.isEmpty ? "<td></td>" : Markup.element("th", [("scope", "col")], Markup.escape($0))
        }
        return Markup.element("h2", [], Markup.escape(title))
            + Markup.element(
                "div", [("class", "scroll")],
                Markup.element(
                    "table", [],
                    Markup.element("caption", [], Markup.escape(caption))
                        + Markup.element("tr", [], heading.joined())
                        + rows.joined(separator: "\n")))
    }
}
