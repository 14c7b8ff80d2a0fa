import Foundation

/// Where values lie between the two ends of a chart, and where its ticks are.
struct Axis {
    enum Scale {
        case linear
        case logarithmic
        /// Percentiles 0...100 by how few lie beyond: 90, 99, 99.9… are equally far apart.
        case percentile
    }

    let scale: Scale
    /// In the scale's own measure: the value, its logarithm, or how many nines.
    private let low: Double
    private let high: Double
    /// Values that get a line and a label.
    let ticks: [Double]

    /// - Parameter values: of which the finite ones (above zero on a logarithmic axis) are to fit; of none, an axis from 0 or 1 on.
    /// - Parameter isTight: whether it ends at the last value rather than at a tick.
    init(_ scale: Scale, _ values: [Double], ticks wanted: Int = 5, isTight: Bool = false) {
        self.scale = scale
        let usable = values.filter { $0.isFinite && abs($0) < 1e100 }
        switch scale {
        case .linear:
            let bottom = min(usable.min() ?? 0, 0)
            var top = max(usable.max() ?? 0, 0)
            if top - bottom < 1e-9 { top = bottom + 1 }
            let step = Self.step(top - bottom, wanted)
            low = isTight ? bottom : (bottom / step).rounded(.down) * step
            high = isTight ? top : (top / step - 1e-9).rounded(.up) * step
            let first = (low / step).rounded(.up)
            let count = max(0, min(((high / step + 1e-9).rounded(.down) - first), 50))
            ticks = (0...Int(count)).map { (first + Double($0)) * step }
        case .logarithmic:
            let positive = usable.filter { $0 > 0 }
            let (least, most) = (positive.min() ?? 1, positive.max() ?? 10)
            let marks = Self.logarithmicTicks(least, most, wanted)
            low = isTight ? log10(least) : min(log10(least), log10(marks.first ?? least))
            high = max(
                isTight ? log10(most) : max(log10(most), log10(marks.last ?? most)), low + 1e-6)
            let range = (low - 1e-9)...(high + 1e-9)
            ticks = marks.filter { range.contains(log10($0)) }
        case .percentile:
            let nines = usable.filter { $0 < 100 }.map(Self.nines).max() ?? 1
            low = 0
            high = min(max(nines, 1), 7)
            ticks = (0...Int((high + 1e-6).rounded(.down))).map {
                $0 == 0 ? 0 : 100 - pow(10, 2 - Double($0))
            }
        }
    }

    /// 0...1, also for what lies beyond the ends.
    func share(_ value: Double) -> Double {
        guard value.isFinite else { return 0 }
        let measure: Double
        switch scale {
        case .linear: measure = value
        case .logarithmic: measure = value > 0 ? log10(value) : low
        case .percentile: measure = value >= 100 ? high : Self.nines(value)
        }
        return min(max((measure - low) / (high - low), 0), 1)
    }

    private static func nines(_ percentile: Double) -> Double {
        -log10(1 - min(max(percentile, 0), 99.999_999_9) / 100)
    }

    /// 1, 2 or 5 times a power of ten.
    private static func step(_ range: Double, _ wanted: Int) -> Double {
        let raw = range / Double(wanted)
        let power = pow(10, log10(raw).rounded(.down))
        let digit = [1.0, 2, 5, 10].first { $0 * power >= raw * 0.999_999 } ?? 10
        return digit * power
    }

    private static func logarithmicTicks(
        _ least: Double, _ most: Double, _ wanted: Int
    ) -> [Double] {
        let first = Int(log10(least).rounded(.down))
        let last = max(Int(log10(most).rounded(.up)), first + 1)
        // Few decades have room for marks between; of many only every second or third is named.
        let digits = last - first <= 1 ? [1.0, 2, 5] : last - first <= 2 ? [1.0, 3] : [1.0]
        let every = max(1, Int((Double(last - first) / Double(wanted + 1)).rounded(.up)))
        let all = stride(from: first, through: last, by: every).flatMap { decade in
            digits.map { $0 * pow(10, Double(decade)) }
        }
        // The last tick at or below the least value to the first at or above the greatest.
        let from = all.last { $0 <= least * 1.000_001 } ?? least
        let to = all.first { $0 >= most * 0.999_999 } ?? most
        return all.filter { $0 >= from && $0 <= to }
    }
}
