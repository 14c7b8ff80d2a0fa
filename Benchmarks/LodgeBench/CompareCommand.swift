import ArgumentParser
import Measurement

/// `lodge-bench compare`: what changed between two builds, and what of it is noise.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Say what changed from result A to result B and what is within noise.",
        discussion: """
            `compare A.json B.json` compares two results of `lodge-bench run`. With at least three of each build \
            (`--a A1.json,A2.json,A3.json --b B1.json,B2.json,B3.json`) the spread between runs decides, which is the \
            more honest measure. `compare R.json` compares the two builds that a result holds rounds of.
            """)

    @Argument(help: "Two results, or one that holds rounds of two builds.")
    var files: [String] = []
    @Option(help: "Results of build A, with commas or given several times.")
    var a: [String] = []
    @Option(help: "Results of build B, with commas or given several times.")
    var b: [String] = []
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(help: "End with status 1 if anything is worse or a check failed.")
    var strict = false

    func validate() throws {
        if a.isEmpty && b.isEmpty {
            guard (1...2).contains(files.count) else {
                throw ValidationError("give two results, or one with rounds, or --a and --b")
            }
        } else {
            guard files.isEmpty, !a.isEmpty, !b.isEmpty else {
                throw ValidationError("give either two results or --a and --b, both")
            }
        }
    }

    func run() throws {
        let comparison: Comparison
        if files.count == 1 {
            let only = try StoredResult(files[0])
            comparison = try Comparison(rounds: only.result, name: only.name)
        } else {
            let left = try StoredResult.read(files.isEmpty ? a : [files[0]])
            let right = try StoredResult.read(files.isEmpty ? b : [files[1]])
            comparison = try Comparison(a: left, b: right)
        }
        print(json ? try comparison.json() : comparison.text, terminator: "")
        if strict && (comparison.has(.worse) || comparison.hasFailedChecks) {
            throw ExitCode.failure
        }
    }
}
