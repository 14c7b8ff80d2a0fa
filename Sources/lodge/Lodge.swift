import ArgumentParser

/// The operator's command line.
@main
struct Lodge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lodge",
        abstract: "Runs a Lodge service desk from the command line.",
        discussion: """
            Finds the node of this machine through its data folder (--data, ./lodge-data when absent), or any node by \
            LODGE_ADMIN_URL and LODGE_ADMIN_TOKEN.
            """, version: "0.1.0",
        subcommands: [
            StatusCommand.self, TenantCommand.self, TokenCommand.self, ClusterCommand.self,
            ShardCommand.self, TailCommand.self, LogCommand.self, CertCommand.self,
            DemoCommand.self,
        ])
}
