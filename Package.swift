// swift-tools-version: 6.2
import PackageDescription

/// Every target is compiled in Swift 6 mode with these features, so that what crosses a target's edge is written down.
/// In CI a warning is an error; at a desk it is only shown.
let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        // Lanes and replicas are generic across targets; without this they run through witness tables.
        .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
    ] + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])

/// Mistakes for the simulator to find can be planted in a debug build, and in no other.
let plantedBugs: [SwiftSetting] = [.define("PLANTED_BUGS", .when(configuration: .debug))]

func product(_ name: String, _ identity: String) -> Target.Dependency {
    .product(name: name, package: identity)
}

let package = Package(
    name: "lodge",
    products: [
        .executable(name: "lodged", targets: ["lodged"]),
        .executable(name: "lodge", targets: ["lodge"]),
        .executable(name: "lodge-bench", targets: ["lodge-bench"]),
        .executable(name: "lodge-sim", targets: ["lodge-sim"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(
            url: "https://github.com/apple/swift-configuration", from: "1.4.0",
            traits: [.defaults, "CommandLineArguments", "YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .target(name: "CWALFile", dependencies: ["CSQLite"]),
        .target(name: "SQLite", dependencies: ["CSQLite", "CWALFile"], swiftSettings: settings),
        .target(
            name: "Consensus", exclude: ["Specification"], swiftSettings: settings + plantedBugs),
        .target(name: "Threads", swiftSettings: settings),
        .target(name: "TimeZones", swiftSettings: settings),
        .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),
        .target(name: "CTaskHook"),
        .target(
            name: "Wire",
            dependencies: ["Consensus", "CZlib", product("NIOCore", "swift-nio")],
            swiftSettings: settings),
        .target(name: "LogStore", dependencies: ["Consensus", "Wire"], swiftSettings: settings),
        .target(
            name: "Certificates",
            dependencies: [
                "Wire", product("Crypto", "swift-crypto"), product("SwiftASN1", "swift-asn1"),
                product("X509", "swift-certificates"),
            ], swiftSettings: settings),
        .target(
            name: "Transport",
            dependencies: [
                "Certificates", "Wire",
                product("Logging", "swift-log"),
                product("NIOCore", "swift-nio"),
                product("NIOPosix", "swift-nio"),
                product("NIOSSL", "swift-nio-ssl"),
                product("NIOTLS", "swift-nio"),
            ], swiftSettings: settings),
        .target(
            name: "ShardStore",
            dependencies: ["Consensus", "SQLite", "Wire"],
            swiftSettings: settings),
        .target(
            name: "WordIndex", dependencies: ["Consensus", "SQLite", "ShardStore", "Wire"],
            swiftSettings: settings),
        .target(
            name: "Replication", dependencies: ["Consensus", "Wire"],
            swiftSettings: settings + plantedBugs),
        .target(
            name: "Cluster",
            dependencies: [
                "Consensus", "LogStore", "Replication", "ShardStore", "SQLite", "Threads",
                "Transport", "Wire", "WordIndex",
                product("Logging", "swift-log"),
                product("Metrics", "swift-metrics"),
                product("NIOCore", "swift-nio"),
            ],
            swiftSettings: settings),
        .target(
            name: "ServiceDesk",
            dependencies: [
                "ShardStore", "SQLite", "TimeZones", "Wire",
                product("Crypto", "swift-crypto"),
                product("CryptoExtras", "swift-crypto"),
            ],
            swiftSettings: settings),
        .target(
            name: "SupportAPI",
            dependencies: [
                "Cluster", "ServiceDesk", "ShardStore", "Wire",
                product("Crypto", "swift-crypto"),
                product("HTTPTypes", "swift-http-types"),
                product("Hummingbird", "hummingbird"),
                product("Logging", "swift-log"),
                product("Metrics", "swift-metrics"),
                product("NIOCore", "swift-nio"),
                product("NIOPosix", "swift-nio"),
                product("ServiceLifecycle", "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
        .target(
            name: "OperatorAPI",
            dependencies: [
                "Cluster", "Consensus", "ServiceDesk", "ShardStore", "SupportAPI", "Wire",
                product("Crypto", "swift-crypto"),
                product("HTTPTypes", "swift-http-types"),
                product("Hummingbird", "hummingbird"),
                product("Logging", "swift-log"),
                product("NIOCore", "swift-nio"),
            ],
            swiftSettings: settings),
        .target(
            name: "Observability",
            dependencies: [
                product("CoreMetrics", "swift-metrics"), product("Logging", "swift-log"),
            ],
            swiftSettings: settings),
        .target(name: "DemoDesk", swiftSettings: settings),
        .target(
            name: "Simulation",
            dependencies: ["Consensus", "Replication", "SQLite", "ShardStore", "Wire"],
            swiftSettings: settings + plantedBugs),
        .executableTarget(
            name: "lodge-sim",
            dependencies: [
                "Consensus", "ServiceDesk", "Simulation", "TimeZones", "Wire",
                product("ArgumentParser", "swift-argument-parser"),
            ], swiftSettings: settings + plantedBugs),
        .executableTarget(
            name: "lodged",
            dependencies: [
                "Cluster", "CTaskHook", "Observability", "OperatorAPI", "ServiceDesk", "SupportAPI",
                "Threads", "Transport", "Wire",
                product("ArgumentParser", "swift-argument-parser"),
                product("Configuration", "swift-configuration"),
                product("Hummingbird", "hummingbird"),
                product("HummingbirdTLS", "hummingbird"),
                product("Logging", "swift-log"),
                product("Metrics", "swift-metrics"),
                product("NIOCore", "swift-nio"),
                product("HummingbirdCore", "hummingbird"),
                product("NIOPosix", "swift-nio"),
                product("NIOSSL", "swift-nio-ssl"),
                product("ServiceLifecycle", "swift-service-lifecycle"),
                product("SystemPackage", "swift-system"),
                product("UnixSignals", "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "lodge",
            dependencies: [
                "Certificates", "DemoDesk", "LogStore", "Wire",
                product("ArgumentParser", "swift-argument-parser"),
                product("AsyncHTTPClient", "async-http-client"),
                product("Crypto", "swift-crypto"),
                product("NIOCore", "swift-nio"),
                product("NIOHTTP1", "swift-nio"),
                product("SwiftASN1", "swift-asn1"),
                product("X509", "swift-certificates"),
            ],
            swiftSettings: settings),
        .target(
            name: "Measurement", dependencies: [product("Histogram", "hdrhistogram-swift")],
            path: "Benchmarks/Measurement", swiftSettings: settings),
        .target(
            name: "LoadGenerator",
            dependencies: [
                "Measurement",
                product("NIOCore", "swift-nio"),
                product("NIOHTTP1", "swift-nio"),
                product("NIOPosix", "swift-nio"),
                product("NIOSSL", "swift-nio-ssl"),
            ],
            path: "Benchmarks/LoadGenerator", swiftSettings: settings),
        .target(
            name: "MicroBenchmarks",
            dependencies: [
                "Certificates", "Consensus", "LogStore", "Measurement", "ServiceDesk", "ShardStore",
                "SQLite", "SupportAPI", "Threads", "Transport", "Wire",
                product("Crypto", "swift-crypto"),
                product("NIOCore", "swift-nio"),
                product("NIOEmbedded", "swift-nio"),
                product("NIOSSL", "swift-nio-ssl"),
                product("NIOTLS", "swift-nio"),
            ],
            path: "Benchmarks/MicroBenchmarks", swiftSettings: settings),
        .executableTarget(
            name: "lodge-bench",
            dependencies: [
                "LoadGenerator", "Measurement", "MicroBenchmarks", "ServiceDesk", "ShardStore",
                "SQLite", "Wire",
                product("ArgumentParser", "swift-argument-parser"),
            ],
            path: "Benchmarks/LodgeBench", swiftSettings: settings),

        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(
            name: "ConsensusTests", dependencies: ["Consensus"], exclude: ["Scripts"],
            swiftSettings: settings + plantedBugs),
        .testTarget(
            name: "ReplicationTests", dependencies: ["Consensus", "Replication", "Wire"],
            swiftSettings: settings + plantedBugs),
        .testTarget(
            name: "SimulationTests", dependencies: ["Consensus", "Replication", "Simulation"],
            swiftSettings: settings + plantedBugs),
        .testTarget(
            name: "SQLiteTests", dependencies: ["SQLite", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "WireTests",
            dependencies: ["Consensus", "TestSupport", "Wire", product("NIOCore", "swift-nio")],
            resources: [.copy("Golden")], swiftSettings: settings),
        .testTarget(
            name: "LogStoreTests", dependencies: ["Consensus", "LogStore", "TestSupport", "Wire"],
            swiftSettings: settings),
        .testTarget(
            name: "CertificatesTests",
            dependencies: [
                "Certificates", "Wire",
                product("SwiftASN1", "swift-asn1"),
                product("X509", "swift-certificates"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "TransportTests",
            dependencies: [
                "Certificates", "Transport", "Wire",
                product("Logging", "swift-log"),
                product("NIOCore", "swift-nio"),
                product("NIOEmbedded", "swift-nio"),
                product("NIOPosix", "swift-nio"),
                product("NIOTLS", "swift-nio"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ShardStoreTests",
            dependencies: [
                "Consensus", "CSQLite", "ServiceDesk", "ShardStore", "SQLite", "TestSupport",
                "Wire",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ClusterTests",
            dependencies: [
                "Certificates", "Consensus", "Cluster", "LogStore", "ServiceDesk", "ShardStore",
                "TestSupport", "Threads", "Transport", "Wire", product("Logging", "swift-log"),
                product("NIOCore", "swift-nio"), product("NIOPosix", "swift-nio"),
            ], swiftSettings: settings),
        .testTarget(
            name: "ServiceDeskTests",
            dependencies: [
                "ServiceDesk", "ShardStore", "SQLite", "TestSupport", "TimeZones", "Wire",
                "WordIndex",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "WordIndexTests",
            dependencies: [
                "Consensus", "ShardStore", "SQLite", "TestSupport", "Wire", "WordIndex",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "SupportAPITests",
            dependencies: [
                "SupportAPI", "OperatorAPI", "Cluster", "ServiceDesk", "ShardStore", "TestSupport",
                "Wire",
                product("HTTPTypes", "swift-http-types"),
                product("Hummingbird", "hummingbird"),
                product("HummingbirdTesting", "hummingbird"),
                product("Logging", "swift-log"),
                product("NIOCore", "swift-nio"), product("NIOEmbedded", "swift-nio"),
            ],
            resources: [.copy("Fixtures")], swiftSettings: settings),
        .testTarget(
            name: "OperatorAPITests",
            dependencies: [
                "OperatorAPI", "SupportAPI", "Cluster", "ServiceDesk", "ShardStore", "Wire",
                product("HTTPTypes", "swift-http-types"),
                product("Hummingbird", "hummingbird"),
                product("HummingbirdTesting", "hummingbird"),
                product("Logging", "swift-log"),
                product("NIOCore", "swift-nio"),
            ], swiftSettings: settings),
        .testTarget(
            name: "ObservabilityTests",
            dependencies: [
                "Observability", product("CoreMetrics", "swift-metrics"),
                product("Logging", "swift-log"),
            ], swiftSettings: settings),
        .testTarget(
            name: "LodgedTests",
            dependencies: [
                "lodged", "Threads", product("Logging", "swift-log"),
                product("NIOCore", "swift-nio"), product("NIOPosix", "swift-nio"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "MeasurementTests", dependencies: ["Measurement"], swiftSettings: settings),
        .testTarget(
            name: "LoadGeneratorTests",
            dependencies: [
                "LoadGenerator", "Measurement",
                product("NIOCore", "swift-nio"), product("NIOEmbedded", "swift-nio"),
                product("NIOHTTP1", "swift-nio"), product("NIOPosix", "swift-nio"),
            ], swiftSettings: settings),
        .testTarget(
            name: "MicroBenchmarksTests",
            dependencies: ["Measurement", "MicroBenchmarks", "TestSupport"],
            swiftSettings: settings),
        .testTarget(name: "DemoDeskTests", dependencies: ["DemoDesk"], swiftSettings: settings),
        .testTarget(
            name: "TidyTests", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
