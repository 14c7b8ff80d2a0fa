import ArgumentParser

/// Measurements of Lodge's parts.
@main
struct LodgeBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lodge-bench", abstract: "Measure the parts of Lodge.",
        subcommands: [
            RunCommand.self, CompareCommand.self, ReportCommand.self, LimitsCommand.self,
            MicroCommand.self, StoreCommand.self, RulesCommand.self, ConsensusCommand.self,
        ])
}
