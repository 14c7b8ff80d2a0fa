/// What one call of `lodge-bench` measured: what `--json` writes, and what `compare` and the HTML report read.
///
/// Everything a sceptic asks for is in it: what was measured, with what, on what machine, from which seed, beside what the
/// machine can do at all.
package struct BenchmarkResult: Codable, Equatable, Sendable {
    /// The version of this form; a reader refuses one that it does not know.
    package static let currentFormat = 1

    package var format = BenchmarkResult.currentFormat
    /// What was called: `run`, `limits`, `micro`.
    package var command: String
    /// When the measurement began, ISO 8601 in UTC.
    package var startedAt: String
    package var build: BuildIdentity
    package var machine: Machine
    /// Every option that was in force, given or not, under its name on the command line.
    package var configuration: [String: String]
    package var seed: UInt64
    /// The machine's own limits, measured in the same call; empty if they were not asked for.
    package var limits: [Limit] = []
    /// One for each load that ran, in order.
    package var phases: [PhaseResult] = []
    /// Single parts measured without a server.
    package var parts: [PartResult] = []

    package init(
        command: String, startedAt: String, build: BuildIdentity, machine: Machine,
        configuration: [String: String], seed: UInt64
    ) {
        self.command = command
        self.startedAt = startedAt
        self.build = build
        self.machine = machine
        self.configuration = configuration
        self.seed = seed
    }
}

/// Which program was measured.
package struct BuildIdentity: Codable, Equatable, Sendable {
    /// What the measured node calls itself, `lodged --version`.
    package var version: String
    /// The commit that it was built from; with `+changes` when the tree had more than that; empty if not known.
    package var commit: String
    /// `release` or `debug`, of the harness.
    package var configuration: String

    package init(version: String, commit: String, configuration: String) {
        self.version = version
        self.commit = commit
        self.configuration = configuration
    }
}

/// Where it was measured.
package struct Machine: Codable, Equatable, Sendable {
    package var processor: String
    package var cores: Int
    package var memoryBytes: UInt64
    package var kernel: String
    /// The type of the file system under the measured data, such as `ext4`.
    package var fileSystem: String

    package init(
        processor: String, cores: Int, memoryBytes: UInt64, kernel: String, fileSystem: String
    ) {
        self.processor = processor
        self.cores = cores
        self.memoryBytes = memoryBytes
        self.kernel = kernel
        self.fileSystem = fileSystem
    }
}

/// Something physical that a figure can be held against.
package struct Limit: Codable, Equatable, Sendable {
    /// Stable name, such as `fdatasync-4k`.
    package var name: String
    /// What it is, for people.
    package var title: String
    package var value: Double
    /// Unit of `value`: `/s`, `MB/s`, `us`.
    package var unit: String
    package var latency: LatencySummary?

    package init(
        name: String, title: String, value: Double, unit: String, latency: LatencySummary? = nil
    ) {
        self.name = name
        self.title = title
        self.value = value
        self.unit = unit
        self.latency = latency
    }
}

/// One part of Lodge measured alone, as `lodge-bench micro` does.
package struct PartResult: Codable, Equatable, Sendable {
    package var name: String
    package var title: String
    /// How often it ran.
    package var iterations: Int
    /// Nanoseconds of CPU of each of the rounds, divided by the round's iterations.
    package var nanosecondsEach: [Double]
    /// Bytes that one iteration made, where that means something.
    package var bytesEach: Double?

    package init(
        name: String, title: String, iterations: Int, nanosecondsEach: [Double],
        bytesEach: Double? = nil
    ) {
        self.name = name
        self.title = title
        self.iterations = iterations
        self.nanosecondsEach = nanosecondsEach
        self.bytesEach = bytesEach
    }
}
