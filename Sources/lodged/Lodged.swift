import ArgumentParser
import Cluster
import Glibc
import Logging
import Metrics
import NIOCore
import NIOPosix
import Observability

/// One Lodge node.
@main
struct Lodged: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lodged",
        abstract: "Runs one node of Lodge, a multi-tenant service desk.",
        discussion: """
            Without options: data in ./lodge-data, the desks' API on 127.0.0.1:8080, operators on 127.0.0.1:8081.

            Each option is also a key of the configuration file (http: 0.0.0.0:80) and an environment variable \
            (LODGE_HTTP). Options win over the environment, that over the file.
            """, version: "0.1.0")

    @Option(help: "YAML file with any of the keys below.") var config: String?
    @Option(help: "Folder for everything the node keeps. Default ./lodge-data.") var data: String?
    @Option(help: "HOST:PORT of the desks' API over HTTP. Default 127.0.0.1:8080.")
    var http: String?
    @Option(help: "HOST:PORT of the desks' API over HTTPS; needs --cert and --key.")
    var https: String?
    @Option(help: "PEM file with the certificate chain for --https.") var cert: String?
    @Option(help: "PEM file with the private key for --https.") var key: String?
    @Option(help: "HOST:PORT of the operators' listener. Default 127.0.0.1:8081.")
    var admin: String?
    @Option(help: "Domain in the host names shown for tenants. Default localhost.")
    var domain: String?
    @Option(
        help:
            "HOST:PORT where the other nodes reach this one. Default as lodge cluster init or join wrote it."
    )
    var peer: String?
    @Option(help: "Tenant shards, 1-64, fixed when the cluster is made. Default 10.")
    var shards: String?
    @Option(help: "Page cache of all shards together in MB, 4-65536. Default 64.")
    var cacheMegabytes: String?
    @Option(help: "Threads for the shards' transactions, 1-64. Default 2.") var lanes: String?
    @Option(help: "Threads for reads, 1-64. Default 2.") var readerLanes: String?
    @Option(help: "Requests that may wait for one shard, 16-1000000. Default 4096.")
    var queueLimit: String?
    @Option(
        help: "Length of the replicated log in MB beyond which its oldest part goes. Default 512.")
    var logMegabytes: String?
    @Option(help: "Free disk space in MB below which nothing new is taken. Default 64.")
    var diskReserveMegabytes: String?
    @Option(
        help: "Disk space in MB kept in a file, to be given up when the disk is full. Default 32.")
    var ballastMegabytes: String?
    @Option(
        help:
            "Minutes between two readings of all rows against their hashes; 0: never. Default 1440."
    )
    var scrubMinutes: String?
    @Option(help: "Seconds that requests may take to finish at shutdown, 0-3600. Default 30.")
    var drainSeconds: String?
    @Option(help: "Seconds until an idle connection is closed, 1-3600. Default 75.")
    var idleSeconds: String?
    @Option(help: "Addresses, with commas, whose Forwarded and X-Forwarded-* headers are believed.")
    var trustedProxies: String?
    @Option(help: "trace, debug, info, notice, warning, error or critical. Default info.")
    var logLevel: String?
    @Option(help: "text or json, on standard error. Default text.") var logFormat: String?

    private var flags: [String: String] {
        let all: [(String, String?)] = [
            ("data", data), ("http", http), ("https", https), ("cert", cert), ("key", key),
            ("admin", admin), ("domain", domain), ("peer", peer), ("shards", shards),
            ("cache-megabytes", cacheMegabytes), ("lanes", lanes), ("reader-lanes", readerLanes),
            ("queue-limit", queueLimit), ("log-megabytes", logMegabytes),
            ("disk-reserve-megabytes", diskReserveMegabytes),
            ("ballast-megabytes", ballastMegabytes), ("scrub-minutes", scrubMinutes),
            ("drain-seconds", drainSeconds), ("idle-seconds", idleSeconds),
            ("trusted-proxies", trustedProxies), ("log-level", logLevel), ("log-format", logFormat),
        ]
        return Dictionary(
            uniqueKeysWithValues: all.compactMap { key, value in value.map { (key, $0) } })
    }

    func run() async throws {
        let settings: Settings
        do {
            settings = try await Settings.load(
                flags: flags, environment: currentEnvironment(), file: config)
        } catch { throw CleanExit.fault("\(error)", code: 64) }
        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(registry)
        LoggingSystem.bootstrap { label in
            LineLogHandler(
                label: label, level: settings.logLevel, format: settings.logFormat,
                clock: { wallClockText() })
        }
        TaskExecutor.useEventLoops()
        // A client that hangs up must not end the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            try await NodeProcess(settings: settings, registry: registry).run()
        } catch let fault as DataDirectoryFault {
            throw CleanExit.fault(fault.description, code: 73)
        } catch let fault as StartFault { throw CleanExit.fault(fault.description, code: 69) }
    }

    private func currentEnvironment() -> [String: String] {
        var result: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return result
    }
}

extension CleanExit {
    /// Prints what is wrong and ends with a status from `sysexits.h`.
    fileprivate static func fault(_ text: String, code: Int32) -> any Error {
        LineLogHandler.standardError("lodged: \(text)\n")
        return ExitCode(code)
    }
}
