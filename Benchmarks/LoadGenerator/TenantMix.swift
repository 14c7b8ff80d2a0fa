import Foundation

/// How often each tenant is asked for: a few large ones, many small ones, as in every service.
///
/// Weights follow Zipf's law, `1 / rank^exponent`.
package struct TenantMix: Sendable {
    /// Sum of the weights up to and including each rank; the last is 1.
    private let cumulative: [Double]

    package init(tenants: Int, exponent: Double) {
        precondition(tenants > 0)
        var sum = 0.0
        let sums = (1...tenants).map { rank -> Double in
            sum += 1 / pow(Double(rank), exponent)
            return sum
        }
        cumulative = sums.map { $0 / sum }
    }

    /// The tenant's rank, from 0, that a number in 0..<1 chooses.
    package func rank(at chance: Double) -> Int {
        var low = 0
        var high = cumulative.count - 1
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > chance { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
