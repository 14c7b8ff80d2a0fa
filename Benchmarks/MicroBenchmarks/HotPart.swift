package import Measurement

/// One hot part of Lodge that is measured alone, without a server.
///
/// It prepares what it needs, measures, and then looks whether what came out is right, always: a benchmark that nobody checks
/// ends up measuring an error path.
package struct HotPart: Sendable {
    /// How much is done.
    package enum Scale: String, Sendable, CaseIterable {
        /// What figures are quoted from.
        case full
        /// Only as much as shows that it works.
        case tiny
    }

    /// Stable, such as `replay-create`.
    package let name: String
    /// What one iteration is, for people.
    package let title: String
    /// How often a round does it at full scale, so that a round takes about a tenth of a second.
    let iterations: Int
    let body: @Sendable (PartRun) throws -> PartResult

    init(
        _ name: String, _ title: String, iterations: Int,
        body: @escaping @Sendable (PartRun) throws -> PartResult
    ) {
        self.name = name
        self.title = title
        self.iterations = iterations
        self.body = body
    }

    /// - Parameters:
    ///   - rounds: how many times are taken, so that their spread is seen.
    ///   - folder: an empty one, for what the part puts on the disk; the caller removes it.
    /// - Throws: `WrongOutcome` where the part did not do what it is for.
    package func measure(rounds: Int, scale: Scale, folder: String) throws -> PartResult {
        let iterations = scale == .full ? iterations : 2
        return try body(
            PartRun(
                name: name, title: title, scale: scale,
                stopwatch: Stopwatch(rounds: rounds, iterations: iterations), folder: folder))
    }

    /// Every part, in the order of a write's way through the system.
    package static let all: [HotPart] =
        AuthorizationParts.all + JSONParts.all + RuleParts.all + RowParts.all + BlockParts.all
        + ConsensusParts.all + LogParts.all + LinkParts.all
}

/// One measurement of one part.
struct PartRun {
    let name: String
    let title: String
    let scale: HotPart.Scale
    let stopwatch: Stopwatch
    let folder: String

    /// How often the body runs, in all rounds.
    var turns: Int { stopwatch.rounds * stopwatch.iterations }

    /// A shard to work on: a few desks, or as many as a busy shard has.
    func shard(_ file: String = "shard.sqlite") throws -> BenchShard {
        let options =
            scale == .full
            ? BenchShard.Options(tenants: 100, tickets: 3000)
            : BenchShard.Options(tenants: 2, tickets: 60)
        return try BenchShard(path: folder + "/" + file, options)
    }

    func measure(
        itemsEach: Int = 1, bytesEach: Double? = nil, _ body: (Int) throws -> Void
    ) rethrows -> PartResult {
        try stopwatch.measure(name, title, itemsEach: itemsEach, bytesEach: bytesEach, body: body)
    }

    /// - Parameter what: what is wrong if it is not so.
    func expect(_ isSo: Bool, _ what: @autoclosure () -> String) throws {
        guard isSo else { throw WrongOutcome(part: name, what: what()) }
    }
}

/// A measured part did not do what it is for, so its time means nothing.
package struct WrongOutcome: Error, Equatable, CustomStringConvertible {
    package let part: String
    package let what: String
    package var description: String { "\(part) went wrong, so its time means nothing: \(what)" }
}
