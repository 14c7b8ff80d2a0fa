/// The rules of the house as data: which target may import what, and which calls are banned where.
enum HouseRules {
    struct Target {
        let name: String
        let folder: String
        let imports: Set<String>
        /// Whether it runs below the network: no tasks, no clocks, no randomness.
        let isPure: Bool

        init(_ name: String, _ imports: Set<String>, folder: String? = nil, isPure: Bool = false) {
            self.name = name
            self.folder = folder ?? "Sources/\(name)"
            self.imports = imports
            self.isPure = isPure
        }
    }

    private static let http: Set<String> = [
        "HTTPTypes", "Hummingbird", "HummingbirdCore", "HummingbirdTLS", "NIOCore", "NIOPosix",
    ]

    /// Targets written in C.
    static let targetsInC: Set<String> = ["CTaskHook", "CWALFile", "CZlib"]

    /// Every other target of the package, lowest first. A dependency may only point to a line above.
    static let targets: [Target] = [
        Target("Consensus", [], isPure: true),
        Target("Threads", ["Glibc"]),
        Target("Wire", ["Consensus", "CZlib", "NIOCore"], isPure: true),
        Target("LogStore", ["Consensus", "Wire", "Glibc", "Synchronization"], isPure: true),
        Target("Certificates", ["Wire", "Crypto", "Foundation", "SwiftASN1", "X509"]),
        Target(
            "Transport",
            [
                "Certificates", "Wire", "Logging", "NIOCore", "NIOPosix", "NIOSSL", "NIOTLS",
                "Synchronization",
            ]),
        Target("SQLite", ["CSQLite", "CWALFile", "Glibc"], isPure: true),
        Target("ShardStore", ["Consensus", "Wire", "SQLite"], isPure: true),
        Target(
            "WordIndex", ["Consensus", "Glibc", "SQLite", "ShardStore", "Wire"], isPure: true),
        Target("Replication", ["Consensus", "Wire"], isPure: true),
        Target(
            "Simulation",
            ["Consensus", "Glibc", "Replication", "SQLite", "ShardStore", "Wire"], isPure: true),
        Target(
            "Cluster",
            [
                "Consensus", "LogStore", "Replication", "ShardStore", "SQLite", "Threads",
                "Transport", "Wire", "WordIndex", "Logging", "Metrics", "NIOCore",
                "Synchronization", "Glibc",
            ]),
        Target("TimeZones", ["Foundation", "Synchronization"]),
        Target(
            "ServiceDesk",
            [
                "ShardStore", "SQLite", "TimeZones", "Wire", "Crypto", "CryptoExtras",
                "Synchronization",
            ],
            isPure: true),
        Target(
            "SupportAPI",
            http.union([
                "Cluster", "ServiceDesk", "ShardStore", "Wire", "Crypto", "Logging", "Metrics",
                "ServiceLifecycle", "Synchronization",
            ])),
        Target(
            "OperatorAPI",
            http.union([
                "Cluster", "Consensus", "ServiceDesk", "ShardStore", "SupportAPI", "Wire",
                "Crypto", "Logging",
            ])),
        Target("Observability", ["CoreMetrics", "Logging", "Synchronization", "Glibc"]),
        Target("DemoDesk", [], isPure: true),
        Target(
            "lodged",
            http.union([
                "ArgumentParser", "CTaskHook", "Cluster", "Configuration", "Foundation", "Glibc",
                "Logging",
                "Metrics", "NIOSSL", "Observability", "OperatorAPI", "ServiceDesk",
                "ServiceLifecycle", "SupportAPI", "Synchronization", "SystemPackage",
                "Threads", "Transport",
                "UnixSignals", "Wire",
            ])),
        Target(
            "lodge",
            [
                "ArgumentParser", "AsyncHTTPClient", "Certificates", "Crypto", "DemoDesk",
                "Foundation", "LogStore", "NIOCore", "NIOHTTP1", "SwiftASN1", "Wire", "X509",
            ]),
        Target(
            "lodge-sim",
            [
                "ArgumentParser", "Consensus", "Foundation", "ServiceDesk", "Simulation",
                "TimeZones", "Wire",
            ]),
        Target(
            "Measurement", ["Foundation", "Glibc", "Histogram"], folder: "Benchmarks/Measurement"),
        Target(
            "LoadGenerator",
            [
                "Foundation", "Glibc", "Measurement", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL",
                "Synchronization",
            ], folder: "Benchmarks/LoadGenerator"),
        Target(
            "MicroBenchmarks",
            [
                "Certificates", "Consensus", "Crypto", "Foundation", "Glibc", "LogStore",
                "Measurement", "NIOCore", "NIOEmbedded", "NIOSSL", "NIOTLS", "SQLite",
                "ServiceDesk", "ShardStore", "SupportAPI", "Synchronization", "Threads",
                "Transport", "Wire",
            ], folder: "Benchmarks/MicroBenchmarks"),
        Target(
            "lodge-bench",
            [
                "ArgumentParser", "Foundation", "Glibc", "LoadGenerator", "Measurement",
                "MicroBenchmarks", "SQLite", "ServiceDesk", "ShardStore", "Wire",
            ], folder: "Benchmarks/LodgeBench"),
        Target("TestSupport", ["Foundation"], folder: "Tests/TestSupport"),
    ]

    struct Ban {
        let pattern: Regex<Substring>
        let instead: String
    }

    /// Below the network, time, randomness and order are parameters.
    static var impureCalls: [Ban] {
        [
            Ban(pattern: /\bDate\(/, instead: "take the time as a parameter"),
            Ban(
                pattern: /\b(?:ContinuousClock|SuspendingClock|DispatchTime|Instant)\b/,
                instead: "take the time as a parameter"),
            Ban(pattern: /\bUUID\(/, instead: "take the identifier as a parameter"),
            Ban(pattern: /\.random\(/, instead: "take the random value as a parameter"),
            Ban(
                pattern: /\bSystemRandomNumberGenerator\b/,
                instead: "take the random value as a parameter"),
            Ban(pattern: /\b(?:Task|TaskGroup)\b\s*[.{(]/, instead: "run on the caller's lane"),
            Ban(pattern: /\basync\b/, instead: "be synchronous: lanes call it"),
            Ban(pattern: /\bawait\b/, instead: "be synchronous: lanes call it"),
        ]
    }

    /// Nowhere in the product.
    static var bannedEverywhere: [Ban] {
        [
            Ban(pattern: /\bprint\(/, instead: "log with metadata; only the executables print"),
            Ban(pattern: /\btry!/, instead: "throw, or say why in a precondition"),
            Ban(pattern: /\bfatalError\(/, instead: "precondition with the broken invariant"),
            Ban(pattern: /\bas!/, instead: "make the types say it"),
        ]
    }
}
