package import Measurement

/// In which ratio the operations are asked for.
package struct OperationMix: Equatable, Sendable, CustomStringConvertible {
    /// One for each of `Operation.allCases`.
    private let weights: [Int]
    /// Sums of the weights up to each operation, of 1.
    private let cumulative: [Double]

    /// A desk's day: four tickets are looked at or listed for each that somebody writes to. 3 of 10 requests are writes.
    package static let canonical = OperationMix([1, 3, 2, 10, 3, 1])
    /// 1 of 20 requests is a write.
    package static let readHeavy = OperationMix([1, 2, 2, 75, 15, 5])
    /// The mix that Lodge's goals for writes are stated in.
    package static let writesOnly = OperationMix([1, 3, 2, 0, 0, 0])
    /// Linearizable reads of single tickets.
    package static let readsOnly = OperationMix([0, 0, 0, 1, 0, 0])

    private init(_ weights: [Int]) {
        self.weights = weights
        let sum = weights.reduce(0, +)
        var sums = 0
        cumulative = weights.map { weight in
            sums += weight
            return Double(sums) / Double(sum)
        }
    }

    /// A text like `create=1,update=3,get=10`; what it does not name does not occur.
    package init(parsing text: String) throws {
        var weights = Operation.allCases.map { _ in 0 }
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let halves = part.split(separator: "=", omittingEmptySubsequences: false)
            guard halves.count == 2, let operation = Operation(rawValue: String(halves[0])) else {
                let known = Operation.allCases.map(\.rawValue).joined(separator: ", ")
                throw LoadFailure(
                    "--mix: \"\(part)\" is not OPERATION=WEIGHT with an operation of \(known)")
            }
            guard let weight = Int(halves[1]), (0...1_000_000).contains(weight) else {
                throw LoadFailure("--mix: the weight of \(operation) must be 0 to 1,000,000")
            }
            guard let place = Operation.allCases.firstIndex(of: operation), weights[place] == 0
            else { throw LoadFailure("--mix: \(operation) is named twice") }
            weights[place] = weight
        }
        guard weights.contains(where: { $0 > 0 }) else {
            throw LoadFailure("--mix: at least one weight must be above 0")
        }
        self.init(weights)
    }

    /// The operation that a number in 0..<1 chooses.
    package func operation(at chance: Double) -> Operation {
        for (operation, sum) in zip(Operation.allCases, cumulative) where chance < sum {
            return operation
        }
        preconditionFailure("the last sum is 1, which no chance reaches")
    }

    package var hasWrites: Bool {
        zip(Operation.allCases, weights).contains { $0.isWrite && $1 > 0 }
    }

    package var description: String {
        zip(Operation.allCases, weights).map { "\($0)=\($1)" }.joined(separator: ",")
    }
}
