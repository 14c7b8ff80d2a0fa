import Foundation

/// Values over time, over percentiles or over a parameter, as an SVG of our own making.
///
/// Its colours are CSS variables (`--c0`…`--c7`, `--ink`, `--faint`, `--mark`) of whatever holds it, so that they follow light and
/// dark. Whoever hovers over it gets the values by SVG's own `<title>`, without a script.
struct LineChart {
    struct Line {
        var name: String
        /// Which of the eight colours.
        var color: Int
        /// By x; where y is not a number, the line is broken.
        var points: [(x: Double, y: Double)]
        /// Beside colour, so that lines can be told apart without it.
        var dash: Dash = .solid
    }

    enum Dash: String {
        case solid = ""
        case dashed = "7 4"
        case dotted = "2 3"
    }

    /// Something that happened, at a time.
    struct Mark {
        var x: Double
        var number: Int
        var text: String
        var gap: Double?
    }

    var title: String
    var xTitle: String
    var yTitle: String
    var lines: [Line]
    var xScale = Axis.Scale.linear
    var yScale = Axis.Scale.linear
    /// Whether the lines lie on top of each other; they then must have the same points of x.
    var isStacked = false
    var marks: [Mark] = []
    /// Whether each point gets a dot.
    var hasDots = false
    var xText: (Double) -> String = Numbers.short
    var yText: (Double) -> String = Numbers.short

    static let width = 640.0
    static let height = 300.0
    private static let left = 78.0
    private static let right = 18.0
    private static let top = 42.0
    private static let bottom = 48.0

    /// An element `<svg>`, with its place in an outer one if given.
    func svg(x: Double? = nil, y: Double? = nil) -> String {
        let drawn = drawn
        let xs =
            drawn.flatMap { $0.points.map(\.x) } + marks.flatMap { [$0.x, $0.x + ($0.gap ?? 0)] }
        let ys = drawn.flatMap { $0.points.map(\.y).filter(\.isFinite) }
        let frame = Frame(
            x: Axis(xScale, xs, ticks: 6, isTight: true), y: Axis(yScale, ys, ticks: 5))
        var parts = [Markup.element("title", [], Markup.escape(title))]
        parts += grid(frame) + gaps(frame)
        parts += isStacked ? areas(drawn, frame) : drawn.map { path($0, frame) }
        parts += markLines(frame) + tips(frame)
        if ys.isEmpty {
            parts.append(
                text("nothing was measured", Self.width / 2, Self.height / 2, "middle", "faint"))
        }
        var attributes = [
            ("class", "chart"), ("role", "img"), ("aria-label", "\(title): \(yTitle) by \(xTitle)"),
            ("viewBox", "0 0 \(Markup.number(Self.width)) \(Markup.number(Self.height))"),
        ]
        if let x, let y {
            attributes += [
                ("x", Markup.number(x)), ("y", Markup.number(y)),
                ("width", Markup.number(Self.width)), ("height", Markup.number(Self.height)),
            ]
        }
        return Markup.element("svg", attributes, parts.joined(separator: "\n"))
    }

    private struct Frame {
        let x: Axis
        let y: Axis

        func px(_ value: Double) -> Double {
            LineChart.left + x.share(value) * (LineChart.width - LineChart.left - LineChart.right)
        }

        func py(_ value: Double) -> Double {
            LineChart.height - LineChart.bottom
                - y.share(value) * (LineChart.height - LineChart.top - LineChart.bottom)
        }
    }

    /// What cannot be drawn becomes a break of its line, and of stacked lines each is the sum of those up to it.
    private var drawn: [Line] {
        guard isStacked else {
            return lines.map { line in
                var kept = line
                kept.points = line.points.map { point in
                    let isDrawn =
                        point.x.isFinite && point.y.isFinite
                        && (yScale != .logarithmic || point.y > 0)
                        && (xScale != .logarithmic || point.x > 0)
                    return (point.x, isDrawn ? point.y : .nan)
                }
                return kept
            }
        }
        var sums: [Double] = []
        return lines.map { line in
            if sums.isEmpty { sums = line.points.map { _ in 0 } }
            var kept = line
            for (place, point) in line.points.enumerated() where place < sums.count {
                sums[place] += point.y.isFinite ? max(point.y, 0) : 0
                kept.points[place].y = sums[place]
            }
            return kept
        }
    }

    private func grid(_ frame: Frame) -> [String] {
        let base = Self.height - Self.bottom
        var parts: [String] = []
        for tick in frame.y.ticks {
            let y = frame.py(tick)
            parts.append(line(Self.left, y, Self.width - Self.right, y, "grid"))
            parts.append(text(yText(tick), Self.left - 8, y + 4, "end"))
        }
        for tick in frame.x.ticks {
            let x = frame.px(tick)
            parts.append(line(x, base, x, base + 5, "axis"))
            // A label at the very end would be cut off.
            let anchor = x > Self.width - Self.right - 12 ? "end" : "middle"
            parts.append(text(xText(tick), x, base + 20, anchor))
        }
        parts.append(line(Self.left, base, Self.width - Self.right, base, "axis"))
        parts.append(
            text(
                xTitle, (Self.left + Self.width - Self.right) / 2, Self.height - 8, "middle",
                "faint"))
        parts.append(text(yTitle, 4, 16, "start", "faint"))
        return parts
    }

    private func path(_ line: Line, _ frame: Frame) -> String {
        let stretches = line.points.split { !$0.y.isFinite }
        let steps = stretches.filter { $0.count > 1 }.map { stretch in
            "M" + stretch.map { place($0, frame) }.joined(separator: "L")
        }
        var parts: [String] = []
        if !steps.isEmpty {
            var attributes = [("class", "line s\(line.color % 8)"), ("d", steps.joined())]
            if line.dash != .solid { attributes.append(("stroke-dasharray", line.dash.rawValue)) }
            parts.append(Markup.element("path", attributes))
        }
        // One point alone makes no line.
        for stretch in stretches where hasDots || stretch.count == 1 {
            parts += stretch.map {
                Markup.element(
                    "circle",
                    [
                        ("class", "dot f\(line.color % 8)"), ("cx", Markup.number(frame.px($0.x))),
                        ("cy", Markup.number(frame.py($0.y))), ("r", "4"),
                    ],
                    Markup.element(
                        "title", [],
                        Markup.escape("\(line.name): \(yText($0.y)) at \(xText($0.x)) (\(xTitle))"))
                )
            }
        }
        return parts.joined(separator: "\n")
    }

    private func areas(_ lines: [Line], _ frame: Frame) -> [String] {
        var below: [String]?
        return lines.compactMap { line in
            guard let first = line.points.first, let last = line.points.last else { return nil }
            // A single second is drawn as wide as the chart.
            let points =
                line.points.count > 1
                ? line.points : [first, (x: last.x + 1e9, y: last.y)]
            let steps = points.map { place($0, frame) }
            let floor =
                below
                ?? [place((first.x, 0), frame), place((points[points.count - 1].x, 0), frame)]
            below = steps
            return Markup.element(
                "path",
                [
                    ("class", "area f\(line.color % 8)"),
                    ("d", "M" + (steps + floor.reversed()).joined(separator: "L") + "Z"),
                ])
        }
    }

    private func place(_ point: (x: Double, y: Double), _ frame: Frame) -> String {
        "\(Markup.number(frame.px(point.x))) \(Markup.number(frame.py(point.y)))"
    }

    private func gaps(_ frame: Frame) -> [String] {
        marks.compactMap { mark in
            guard let gap = mark.gap, gap > 0 else { return nil }
            let (from, to) = (frame.px(mark.x), frame.px(mark.x + gap))
            return Markup.element(
                "rect",
                [
                    ("class", "gap"), ("x", Markup.number(from)), ("y", Markup.number(Self.top)),
                    ("width", Markup.number(max(to - from, 1))),
                    ("height", Markup.number(Self.height - Self.top - Self.bottom)),
                ])
        }
    }

    private func markLines(_ frame: Frame) -> [String] {
        marks.flatMap { mark in
            let x = frame.px(mark.x)
            return [
                Markup.element(
                    "g", [("class", "event")],
                    Markup.element("title", [], Markup.escape(mark.text))
                        + line(x, Self.top - 4, x, Self.height - Self.bottom, "mark")
                        + Markup.element(
                            "circle",
                            [
                                ("class", "badge"), ("cx", Markup.number(x)),
                                ("cy", Markup.number(Self.top - 12)), ("r", "10"),
                            ])
                        + text(String(mark.number), x, Self.top - 7.5, "middle", "number"))
            ]
        }
    }

    /// One invisible strip for each point of the first line, with all values there.
    private func tips(_ frame: Frame) -> [String] {
        guard !hasDots else { return [] }
        var texts: [Double: [String]] = [:]
        for line in lines {
            for point in line.points where point.x.isFinite && point.y.isFinite {
                texts[point.x, default: []].append("\(line.name): \(yText(point.y))")
            }
        }
        let xs = texts.keys.sorted()
        guard xs.count > 1, xs.count <= 400 else { return [] }
        return xs.enumerated().map { place, x in
            let middle = frame.px(x)
            let from = place == 0 ? Self.left : (frame.px(xs[place - 1]) + middle) / 2
            let to =
                place + 1 < xs.count
                ? (middle + frame.px(xs[place + 1])) / 2 : Self.width - Self.right
            let tip = (["\(xTitle) \(xText(x))"] + (texts[x] ?? [])).joined(separator: "\n")
            return Markup.element(
                "rect",
                [
                    ("class", "tip"), ("x", Markup.number(from)), ("y", Markup.number(Self.top)),
                    ("width", Markup.number(max(to - from, 0))),
                    ("height", Markup.number(Self.height - Self.top - Self.bottom)),
                ],
                "<title>"
                    + tip.split(separator: "\n").map { Markup.escape(String($0)) }
                    .joined(separator: "\n") + "</title>")
        }
    }

    private func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String
    ) -> String {
        Markup.element(
            "line",
            [
                ("class", style), ("x1", Markup.number(x1)), ("y1", Markup.number(y1)),
                ("x2", Markup.number(x2)), ("y2", Markup.number(y2)),
            ])
    }

    private func text(
        _ text: String, _ x: Double, _ y: Double, _ anchor: String, _ style: String = "label"
    ) -> String {
        Markup.element(
            "text",
            [
                ("class", style), ("x", Markup.number(x)), ("y", Markup.number(y)),
                ("text-anchor", anchor),
            ], Markup.escape(text))
    }
}
