import Measurement
import MicroBenchmarks
import Testing
import TestSupport

@Suite(.serialized) struct MachineLimitsTests {
    /// By group, what is measured; reports and comparisons know these names.
    static let names: [String: [String]] = [
        "disk": [
            "fdatasync-4k-append", "fdatasync-4k-overwrite", "fdatasync-4k-append-4",
            "fdatasync-4k-overwrite-4", "fdatasync-32k-append", "fdatasync-32k-overwrite",
            "fdatasync-32k-append-4", "fdatasync-32k-overwrite-4",
        ],
        "loopback": ["loopback-64-1", "loopback-64-64", "loopback-1024-1", "loopback-1024-64"],
        "wake-up": ["wake-up"],
        "sqlite": [
            "sqlite-full-plain", "sqlite-full-desk", "sqlite-normal-plain", "sqlite-normal-desk",
        ],
        "tls": ["tls-handshake", "tls-bulk", "aes-256-gcm"],
        "zlib": [
            "zlib-compress-4k", "zlib-ratio-4k", "zlib-decompress-4k", "zlib-compress-32k",
            "zlib-ratio-32k", "zlib-decompress-32k",
        ],
        "memory": ["memory-copy"],
    ]

    @Test(arguments: MachineLimits.groups.map(\.name))
    func limitsAreNumbersAndLeaveNothing(name: String) throws {
        let group = try #require(MachineLimits.groups.first { $0.name == name })
        let folder = TemporaryFolder()
        let limits = try group.measure(seconds: 0.02, folder: folder.path)
        #expect(limits.map(\.name) == Self.names[name])
        for limit in limits {
            #expect(limit.value.isFinite && limit.value > 0, "\(limit.name)")
            #expect(["/s", "MB/s", "us", "x"].contains(limit.unit))
            guard let latency = limit.latency else { continue }
            #expect(latency.count > 0 && latency.min > 0, "\(limit.name)")
            #expect(latency.p50 <= latency.p99 && latency.p99 <= latency.max, "\(limit.name)")
        }
        #expect(folder.files == [])
    }

    /// A rate of one thread and the mean of its times say the same.
    @Test func ratesFollowFromTimes() throws {
        let folder = TemporaryFolder()
        let disk = try #require(MachineLimits.groups.first { $0.name == "disk" })
        let limit = try #require(try disk.measure(seconds: 0.1, folder: folder.path).first)
        let mean = try #require(limit.latency).mean
        #expect(abs(limit.value * mean / 1_000_000 - 1) < 0.02, "\(limit.value)/s of \(mean) µs")
    }

    @Test func folderThatIsNotThereIsNamed() throws {
        let fault = #expect(throws: LimitFault.self) {
            try MachineLimits.measure(seconds: 0.02, folder: "/no/such/folder")
        }
        #expect(
            fault?.description
                == "no files can be made in /no/such/folder: No such file or directory")
    }
}
